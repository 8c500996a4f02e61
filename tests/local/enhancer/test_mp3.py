"""What the first frame of an MP3 says of its bit rate."""

from pathlib import Path

import pytest

from audio_enhance.local.enhancer.mp3 import has_index, varies_bit_rate

TAG = b"ID3\x04\x00\x00" + bytes([0, 0, 0x40, 0]) + b"Xing".ljust(0x40 << 7, b"\0")  # a title


@pytest.mark.parametrize("tags", [b"", TAG, TAG * 2], ids=["none", "ID3", "two"])
@pytest.mark.parametrize(
    ("mark", "varies"), [(b"Xing", True), (b"VBRI", True), (b"Info", False), (b"", False)]
)
def test_the_first_frame_tells(tags: bytes, mark: bytes, varies: bool, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(tags + b"\xff\xfb\x90\x00" + bytes(32) + mark + bytes(400))
    assert varies_bit_rate(path) is varies
    assert has_index(path) is bool(mark)
