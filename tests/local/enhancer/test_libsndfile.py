"""Whether Vorbis can be written."""

import pytest

from audio_enhance.local.enhancer import libsndfile
from audio_enhance.local.enhancer.libsndfile import writes_vorbis


def test_a_soundfile_that_does_not_load_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError("no library called 'sndfile' was found")

    monkeypatch.setattr(libsndfile, "open_vorbis", none)
    assert writes_vorbis.__wrapped__() is False
    monkeypatch.undo()
    assert writes_vorbis.__wrapped__() is True
