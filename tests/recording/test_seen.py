"""A file on a disk as it is now."""

import os
from pathlib import Path

from audio_enhance._recording.seen import Seen, seen_on_disk


def test_a_file(tmp_path: Path) -> None:
    (path := tmp_path / "a.wav").write_bytes(b"RIFF")
    os.utime(path, ns=(5, 7))
    assert seen_on_disk(path) == Seen(4, 7)


def test_nothing_there(tmp_path: Path) -> None:
    assert seen_on_disk(tmp_path / "a.wav") is None
    assert seen_on_disk("nothing\0like a path") is None
