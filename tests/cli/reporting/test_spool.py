import errno
import os
from typing import Any

import pytest

from audio_enhance.cli.reporting.spool import Spool


def test_rows_come_back_as_often_as_they_are_wanted() -> None:
    rows: list[dict[str, Any]] = [{"source": "a\udcff\n.wav", "n": 1.5}, {"source": "b", "n": None}]
    with Spool() as spool:
        assert list(spool.rows()) == []
        for row in rows:
            spool.add(row)
        assert len(spool) == 2
        assert list(spool.rows()) == list(spool.rows()) == rows


def test_a_disk_that_is_full_shows_when_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, text: str) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Spool() as spool:
        spool.add({"n": 1})
        with monkeypatch.context() as patch:
            patch.setattr(spool, "_lines", Full())
            spool.add({"n": 2})
        with pytest.raises(OSError, match="No space left"):
            list(spool.rows())
