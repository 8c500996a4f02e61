from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from audio_enhance import CorruptTransferError, JobCancelledError
from audio_enhance._video.putting_back import put_back
from audio_enhance._video.sound import Sound
from tests.support import videos
from tests.support.tools import needs

from .test_taking_out import taken

pytestmark = needs("ffmpeg")
SLOW = pytest.mark.slow


def back(video: Path, sound: Sound, enhanced: Path, stop: Event | None = None) -> Path:
    into = video.with_name(f"new{video.suffix}")
    with video.open("rb") as film:
        put_back(film, sound, str(enhanced), str(into), video.suffix, stop or Event())
    return into


def again(enhanced: Path, *arguments: str, name: str) -> Path:
    """Encode a sound once more, as something else."""
    other = enhanced.with_name(name)
    return videos.make(other, "-i", str(enhanced), *arguments, picture=False)


def check(video: Path, new: Path, sound: Sound, *, frame: float = 0.025) -> None:
    before, after = videos.probed(video), videos.probed(new)
    assert after.beside(sound.track) == before.beside(sound.track)
    assert after.about == before.about
    assert after.seconds == pytest.approx(before.seconds, abs=frame)
    assert videos.heard(new) == pytest.approx(videos.heard(video), abs=frame)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("delayed.mp4", videos.delayed),
        ("rich.mkv", videos.rich),
        ("talk.webm", videos.webm),
        ("upright.mp4", videos.rotated),
        ("chapters.mov", videos.chapters_and_time_code),
        pytest.param("hevc.mov", videos.for_quicktime, marks=SLOW),
        pytest.param("longer.mp4", partial(videos.plain, seconds=2.0), marks=SLOW),
        pytest.param("shorter.mp4", partial(videos.plain, seconds=0.5), marks=SLOW),
    ],
)
def test_only_the_sound_is_another(name: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    video = make(tmp_path / name)
    sound, file = taken(video)
    check(video, back(video, sound, file), sound)


@pytest.mark.parametrize(
    ("name", "make", "result"),
    [
        ("delayed.mp4", videos.delayed, "result.wav"),
        pytest.param("talk.webm", videos.webm, "result.m4a", marks=SLOW),
        ("rich.mkv", videos.rich, "result.flac"),
        ("paused.mp4", videos.with_gap, "result.flac"),
        ("chapters.mov", videos.chapters_and_time_code, "result.flac"),
        ("surround.mkv", videos.surround, "result.flac"),
    ],
)
def test_a_result_of_another_format_is_encoded(
    name: str, make: Callable[[Path], Path], result: str, tmp_path: Path
) -> None:
    video = make(tmp_path / name)
    sound, file = taken(video)
    check(video, back(video, sound, again(file, name=result)), sound)


@pytest.mark.parametrize("seconds", ["0.6", "3"])
def test_a_result_of_another_length_is_made_to_fit(seconds: str, tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "talk.mp4")
    sound, file = taken(video)
    other = again(file, "-af", "apad", "-t", seconds, name="other.m4a")
    check(video, back(video, sound, other), sound)


def test_tags_of_a_result_need_not_be_utf_8(tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "talk.mp4")
    sound, file = taken(video)
    tagged = again(file, "-metadata", "title=caf\udce9", name="tagged.wav")
    assert b"caf\xe9" in tagged.read_bytes()
    check(video, back(video, sound, tagged), sound)


def test_what_is_no_sound(tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "talk.mp4")
    sound, file = taken(video)
    file.write_bytes(b"<html>" * 100)
    with pytest.raises(CorruptTransferError):
        back(video, sound, file)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    video = videos.plain(tmp_path / "talk.mp4")
    sound, file = taken(video)
    stop = Event()
    stop.set()
    with pytest.raises(JobCancelledError):
        back(video, sound, file, stop)


@pytest.mark.parametrize("kind", ["mkv", pytest.param("mp4", marks=SLOW)])
def test_a_cover_stays_one(kind: str, tmp_path: Path) -> None:
    plain = videos.plain(tmp_path / "plain.mp4")
    cover = videos.make(tmp_path / "cover.jpg", "-frames:v", "1")
    attached: tuple[str, ...] = (
        "-c",
        "copy",
        "-attach",
        str(cover),
        "-metadata:s:t",
        "mimetype=image/jpeg",
    )
    if kind == "mp4":
        maps = ("-map", "0", "-map", "1", "-disposition:v:1", "attached_pic")
        attached = ("-i", str(cover), "-c", "copy", *maps)
    video = videos.make(tmp_path / f"film.{kind}", "-i", str(plain), *attached, picture=False)
    sound, file = taken(video)
    check(video, back(video, sound, file), sound)
