import struct
import wave
from pathlib import Path

import pytest

from audio_enhance.cli.input import lengths
from audio_enhance.cli.input.lengths import Length, length_of


def test_a_recording_tells_how_long_it_lasts(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "concat:a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 12000))
    assert length_of(tmp_path / "concat:a.wav") == Length(1.5)


def test_what_is_no_recording_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF nothing")
    (tmp_path / "list.mp3").write_text("#EXTM3U\na.wav\n")
    for name in ("a.wav", "list.mp3", "missing.wav"):
        assert length_of(tmp_path / name) is None


def test_without_pyav_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(lengths, "find_spec", nothing)
    assert not lengths.can_tell()
    assert length_of(tmp_path / "a.wav") is None


def _mp3(path: Path, frames: list[int], *, index: bool) -> None:
    """Write frames of silence (MPEG 1, layer III, 44.1 kHz, mono), each of a bit rate in kbit/s."""
    rates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
    data = b"".join(
        bytes([0xFF, 0xFB, rates.index(rate) << 4, 0xC0]) + bytes(144_000 * rate // 44_100 - 4)
        for rate in frames
    )
    if index:
        tag = b"\xff\xfb\x90\xc0" + bytes(17) + b"Xing" + struct.pack(">II", 1, len(frames))
        data = tag.ljust(144_000 * 128 // 44_100, b"\0") + data
    path.write_bytes(b"ID3\4\0\0\0\0\2\0" + bytes(256) + data)


@pytest.mark.parametrize("index", [True, False])
def test_what_an_mp3_does_not_say_is_an_estimate(tmp_path: Path, index: bool) -> None:
    _mp3(tmp_path / "a.mp3", [32] * 100 + [320] * 100, index=index)
    length = length_of(tmp_path / "a.mp3")
    assert length is not None
    assert length.is_estimate is not index
    assert (length.seconds == pytest.approx(200 * 1152 / 44_100, abs=0.1)) is index


def test_raw_aac_is_as_long_as_its_size_says(tmp_path: Path) -> None:
    import av

    with av.open(tmp_path / "a.aac", "w", format="adts") as file:
        stream = file.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 48_000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for _ in range(50):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    length = length_of(tmp_path / "a.aac")
    assert length is not None
    assert length.is_estimate
