"""Where the columns of a picture are."""

from pathlib import Path

import pytest

from audio_enhance.local.measuring import Pyramid


def test_every_level_is_behind_the_finer_one(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    columns = [1000, 125]
    path.write_bytes(
        b"".join(bytes([level, at % 256]) for level in (0, 1) for at in range(columns[level]))
    )
    pyramid = Pyramid(path, 2, 1000)
    assert pyramid.levels == columns
    assert pyramid.read(0, 998, 10) == bytes([0, 998 % 256, 0, 999 % 256])
    assert pyramid.read(1, 1, 2) == bytes([1, 1, 1, 2])
    assert pyramid.read(1, 2000, 2) == b""
    with pytest.raises(IndexError):
        pyramid.read(2, 0, 1)
