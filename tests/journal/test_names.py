import os
import sys
from functools import partial

import pytest

from audio_enhance._journal import names

ESCAPED = "surrogateescape"
NAMES = [b"/in/talk.mp3", "/in/gespräch 講演.mp3".encode(), b"/in/caf\xe9.mp3"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_one_name_whatever_the_encoding(
    name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_utf8 = name.decode("utf-8", "surrogateescape")
    assert names.written(in_utf8) == names.here(in_utf8) == in_utf8
    monkeypatch.setattr(names, "_UTF8", False)
    monkeypatch.setattr(os, "fsencode", partial(str.encode, encoding="ascii", errors=ESCAPED))
    monkeypatch.setattr(os, "fsdecode", partial(bytes.decode, encoding="ascii", errors=ESCAPED))
    in_ascii = name.decode("ascii", "surrogateescape")
    assert names.written(in_ascii) == in_utf8
    assert names.here(in_utf8) == in_ascii


def test_a_name_of_data_that_is_no_file_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_UTF8", False)
    monkeypatch.setattr(os, "fsencode", partial(str.encode, encoding="ascii"))
    assert names.written("gespräch.mp3 (016cc9)") == "gespräch.mp3 (016cc9)"


@pytest.mark.skipif(sys.platform == "win32", reason="UTF-8 in any case")
def test_this_process_says_which_it_is() -> None:
    assert (sys.getfilesystemencoding() == "utf-8") is names._UTF8
