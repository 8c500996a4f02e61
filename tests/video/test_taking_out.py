import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import av
import pytest

from audio_enhance import InvalidSourceError, JobCancelledError, OutputError
from audio_enhance._video.opening import left_out_of
from audio_enhance._video.sound import Sound
from audio_enhance._video.taking_out import take_out
from tests.support import videos
from tests.support.tools import needs

pytestmark = needs("ffmpeg")


def taken(video: Path) -> tuple[Sound, Path]:
    into = video.with_name("sound")
    with video.open("rb") as film, into.open("w+b") as file:
        sound = take_out(film, file, Event())
    assert sound is not None
    return sound, into


def packets(path: Path) -> str:
    """Return the MD5 of the first track's sound as it is stored, before it is decoded."""
    digest = hashlib.md5()
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("name", "make", "suffix"),
    [
        ("delayed.mp4", videos.delayed, ".m4a"),
        ("talk.webm", videos.webm, ".opus"),
        ("pcm.mov", videos.chapters_and_time_code, ".wav"),
    ],
)
def test_a_sound_that_can_be_sent_is_copied(
    name: str, make: Callable[[Path], Path], suffix: str, tmp_path: Path
) -> None:
    video = make(tmp_path / name)
    sound, file = taken(video)
    assert sound.suffix == suffix
    assert packets(file) == packets(video)
    begin, end = videos.heard(video)
    assert float(sound.start) == pytest.approx(begin, abs=0.001)
    assert float(sound.start + sound.duration) == pytest.approx(end, abs=0.025)
    assert sound.others == 0


def test_the_same_video_gives_the_same_bytes(tmp_path: Path) -> None:
    video = videos.rich(tmp_path / "rich.mkv")
    sound, file = taken(video)
    first = file.read_bytes()
    assert (taken(video)[0], file.read_bytes()) == (sound, first)
    assert sound.others == 1


def test_another_codec_is_sent_as_flac(tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "talk.mkv", 1.2, "ac3")
    sound, file = taken(video)
    assert (sound.suffix, sound.content_type, sound.codec) == (".flac", "audio/flac", "ac3")
    assert videos.heard(file)[1] == pytest.approx(videos.heard(video)[1], abs=0.001)


def test_a_gap_is_silence(tmp_path: Path) -> None:
    video = videos.with_gap(tmp_path / "paused.mp4")
    sound, file = taken(video)
    assert sound.suffix == ".flac"
    begin, end = videos.heard(video)
    assert begin == 0
    assert videos.heard(file)[1] == pytest.approx(end, abs=0.001)
    with av.open(str(file)) as container:
        played = b"".join(bytes(frame.planes[0]) for frame in container.decode(audio=0))
    at = int(0.6 * sound.rate) * 2
    assert not any(played[at : at + 2000])
    assert any(played[at * 3 // 2 :])


def test_what_has_no_picture_is_a_recording(tmp_path: Path) -> None:
    audio = videos.make(tmp_path / "talk.mp4", *videos.sound(), "-c:a", "aac", picture=False)
    with audio.open("rb") as film:
        assert take_out(film, io.BytesIO(), Event()) is None


def test_no_sound(tmp_path: Path) -> None:
    with (
        videos.silent(tmp_path / "silent.mp4").open("rb") as film,
        pytest.raises(InvalidSourceError, match="no sound"),
    ):
        take_out(film, io.BytesIO(), Event())


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x18ftypisom", bytes(5000)])
def test_what_is_broken(data: bytes) -> None:
    with pytest.raises(InvalidSourceError):
        take_out(io.BytesIO(data), io.BytesIO(), Event())


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    other = videos.plain(tmp_path / "other.mp4")
    playlist = f"ffconcat version 1.0\nfile {other.name}\n".encode()
    with pytest.raises(InvalidSourceError, match="not an MP4"):
        take_out(io.BytesIO(playlist), io.BytesIO(), Event())


def test_encrypted_sound(tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "plain.mp4")
    locked = tmp_path / "locked.mp4"
    keys = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid")
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-c", "copy", "-encryption_scheme"]
    subprocess.run(
        [*command, "cenc-aes-ctr", *keys, "a7e61c373e219033c21091fa607bf3b8", str(locked)],
        check=True,
    )
    with locked.open("rb") as film, pytest.raises(InvalidSourceError, match="encrypted"):
        take_out(film, io.BytesIO(), Event())


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=1000, used=1000, free=0)
    video = videos.plain(tmp_path / "talk.mp4")
    monkeypatch.setattr(shutil, "disk_usage", Mock(return_value=usage))
    with video.open("rb") as film, pytest.raises(OutputError, match="TMPDIR"):
        take_out(film, io.BytesIO(), Event())


def test_it_can_be_stopped(tmp_path: Path) -> None:
    stopped = Event()
    stopped.set()
    video = videos.plain(tmp_path / "talk.mp4")
    with video.open("rb") as film, pytest.raises(JobCancelledError):
        take_out(film, io.BytesIO(), stopped)


def test_data_that_cannot_be_put_back_is_counted() -> None:
    def data(name: str | None, **metadata: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, metadata=metadata)

    def counted(demuxer: str, *tracks: SimpleNamespace, chapters: int = 0) -> int:
        container: Any = SimpleNamespace(
            format=SimpleNamespace(name=demuxer),
            streams=SimpleNamespace(data=tracks),
            chapters=lambda: [None] * chapters,
        )
        return left_out_of(container)

    texts, time_code, sensors = data("bin_data"), data(None, timecode="01:00:00:00"), data(None)
    assert counted("mov,mp4", texts, time_code, chapters=2) == 0
    assert counted("mov,mp4", texts, time_code, sensors, sensors, chapters=2) == 2
    assert counted("mov,mp4", texts) == 1
    assert counted("matroska,webm", sensors) == 0
