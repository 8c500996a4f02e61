"""How long a recording is, told without decoding it."""

from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import NotAudioError, TooLongError, enhance_file
from audio_enhance.local.enhancer.containers import check_length
from audio_enhance.local.enhancer.decode import Recording

from .support import RATE, noise, write

FORMATS = [
    ("wav", "pcm_s16le"),
    ("aiff", "pcm_s16be"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("adts", "aac"),
    ("ipod", "aac"),
    ("ipod", "alac"),
    ("ogg", "libopus"),
    ("ogg", "flac"),
]


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_every_format_tells_its_length(container: str, codec: str, tmp_path: Path) -> None:
    sample_format = "s16p" if codec == "alac" else "s16" if codec == "flac" else None
    path = write(
        tmp_path / "recording",
        noise("pink", 3 * RATE) / 10,
        container=container,
        codec=codec,
        sample_format=sample_format,
    )
    check_length(path, 3.2)
    with pytest.raises(TooLongError, match=r"longer than the 0\.04 minutes"):
        check_length(path, 2.4)


def hour_of_silence(path: Path) -> Path:
    """An Opus file of packets of 60 ms that say nothing."""
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, options={"dtx": "1", "frame_duration": "60"})
        stream.layout = "mono"
        stream.bit_rate = 6000
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 2880), np.float32), format="flt", layout="mono"
        )
        silence.sample_rate = RATE
        one = bytes([*stream.encode(silence), *stream.encode(None)][-1])
        for number in range(60_000):
            packet = av.Packet(one)
            packet.stream = stream
            packet.pts = packet.dts = number * 2880
            packet.duration = 2880
            file.mux(packet)
    return path


def test_an_hour_of_silence_in_a_small_file_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hour_of_silence(tmp_path / "silence")
    assert path.stat().st_size < 1_000_000
    monkeypatch.setattr(Recording, "_decode", None)  # would fail as soon as it is called
    with pytest.raises(TooLongError):
        enhance_file(path, tmp_path / "result", strength=93, max_seconds=3000)
    assert not (tmp_path / "result").exists()


def test_what_its_packets_do_not_say_ends_while_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "recording", noise("pink", RATE) / 10)

    def lenient(path: Path, max_seconds: float) -> None:
        del path, max_seconds

    monkeypatch.setattr("audio_enhance.local.enhancer.decode.check_length", lenient)
    with pytest.raises(TooLongError):
        enhance_file(path, tmp_path / "result", strength=93, max_seconds=0.5)
    assert not (tmp_path / "result").exists()


def test_what_is_no_audio_has_no_length(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("minutes of a meeting")
    with pytest.raises(NotAudioError, match="not audio"):
        check_length(tmp_path / "text", 1)
    with pytest.raises(FileNotFoundError):
        check_length(tmp_path / "nothing", 1)
