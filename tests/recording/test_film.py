import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    InvalidInputError,
    InvalidSourceError,
    MissingExtraError,
    OutputError,
    Source,
    SourceChangedError,
    UnsupportedMediaTypeError,
)
from audio_enhance._recording.content import FileContent
from audio_enhance._recording.film import FilmContent, film_of
from audio_enhance._recording.given import as_source
from audio_enhance._recording.source import original_of
from audio_enhance._video.sound import Sound
from audio_enhance._video.taking_out import take_out
from tests.support import videos
from tests.support.resources import open_files
from tests.support.tools import needs

pytestmark = needs("ffmpeg")
NEVER = threading.Event()


@pytest.fixture(scope="session")
def a_talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return videos.plain(tmp_path_factory.mktemp("videos") / "talk.mp4")


@pytest.fixture
def talk(a_talk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(a_talk.read_bytes())
    return path


async def test_what_is_sent_of_a_video(talk: Path) -> None:
    source = Source.from_video(talk)
    assert (source.filename, source.content_type, source.path) == ("talk.mp4", "video/mp4", talk)
    fingerprint = await source.fingerprint()
    assert source.sent_as == ("talk.m4a", "audio/m4a")
    assert (await source.read(0, 12))[4:] == b"ftypM4A "
    assert fingerprint.byte_size < talk.stat().st_size
    film = film_of(original_of(source).content)
    assert film is not None
    assert film.byte_size == talk.stat().st_size


async def test_a_path_is_taken_for_a_video_by_its_ending(talk: Path) -> None:
    assert as_source(talk).is_video
    assert not as_source(talk.with_suffix(".mp3")).is_video
    assert not Source.from_path(talk).is_video


async def test_an_mp4_without_a_picture_is_sent_as_it_is(tmp_path: Path) -> None:
    for data in (b"ID3 no MP4 at all", None):
        path = tmp_path / "talk.mp4"
        if data is None:
            path.unlink()
            videos.make(path, *videos.sound(), "-c:a", "aac", picture=False)
        else:
            path.write_bytes(data)
        source = as_source(path)
        assert await source.read() == path.read_bytes()
        assert source.sent_as == ("talk.mp4", "audio/mp4")
        assert source.is_video
        assert not source.has_picture


async def test_the_sound_is_there_for_as_long_as_a_job_needs_it(talk: Path) -> None:
    source = Source.from_video(talk)
    original_of(source).hold()
    original_of(source).hold()
    before = await source.read()
    held = open_files()
    original_of(source).let_go()
    assert open_files() == held
    original_of(source).let_go()
    assert len(open_files()) == len(held) - 1
    assert await source.read() == before  # taken out once more
    source.close()
    assert len(open_files()) == len(held) - 1


async def test_a_video_that_changed(talk: Path, tmp_path: Path) -> None:
    source = Source.from_video(talk)
    await source.fingerprint()
    videos.plain(talk, 0.4)
    film = film_of(original_of(source).content)
    assert film is not None
    with pytest.raises(SourceChangedError):
        film.put_back(tmp_path / "a", tmp_path / "b", NEVER)
    film.release()
    with pytest.raises(SourceChangedError):
        await source.read()


async def test_a_video_that_arrived(talk: Path, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield talk.read_bytes()

    name = "talk.mp4"
    async with await Source.spool(chunks(), name) as arrived:
        source = Source.from_video(arrived)
        assert await source.read() == await Source.from_video(talk).read()
        film = film_of(original_of(source).content)
        assert film is not None
        sound = tmp_path / "sound.m4a"
        sound.write_bytes(await source.read())
        film.put_back(sound, tmp_path / "new.mp4", NEVER)
        assert videos.heard(tmp_path / "new.mp4") == videos.heard(talk)
    kept = await Source.spool(chunks(), name, keep_in=tmp_path)
    with pytest.raises(InvalidInputError, match="keep_in"):
        Source.from_video(kept)
    kept.close()
    with pytest.raises(InvalidInputError):
        Source.from_video(Source.from_bytes(b"x", name))


async def test_errors_name_the_file(tmp_path: Path) -> None:
    path = videos.silent(tmp_path / "silent.mkv")
    with pytest.raises(InvalidSourceError, match="no sound") as caught:
        await Source.from_video(path).fingerprint()
    assert caught.value.source == str(path)
    path.write_bytes(b"")
    with pytest.raises(InvalidSourceError, match="empty"):
        await Source.from_video(path).fingerprint()
    path.unlink()
    with pytest.raises(InvalidSourceError, match="no such file"):
        await Source.from_video(path).fingerprint()
    with pytest.raises(UnsupportedMediaTypeError):
        Source.from_video(tmp_path / "talk.avi")


def test_without_the_extra(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("audio_enhance._video.kinds", "audio_enhance._recording.suffixes"):
        monkeypatch.setattr(f"{name}.can_be_read", lambda: False)
    assert as_source(talk).content_type == "audio/mp4"
    with pytest.raises(MissingExtraError, match=r"\[video\]"):
        as_source(talk.with_suffix(".mkv"))


def test_a_full_disk(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audio_enhance._video.taking_out.take_out", full)
    held = open_files()
    with pytest.raises(OutputError, match="TMPDIR"):
        FilmContent(FileContent(talk), "talk.mp4").fingerprint(NEVER)
    assert open_files() == held


@pytest.mark.parametrize(
    ("others", "left_out", "note"),
    [
        (0, 0, None),
        (1, 0, "Its other sound track stayed as it was."),
        (2, 0, "Its 2 other sound tracks stayed as they were."),
        (0, 1, "Without 1 data track, of a phone's sensors for example."),
        (0, 3, "Without 3 data tracks, of a phone's sensors for example."),
    ],
)
async def test_what_a_person_should_know(
    others: int, left_out: int, note: str | None, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*arguments: Any) -> Sound:
        sound = take_out(*arguments)
        assert sound is not None
        return attrs.evolve(sound, others=others, left_out=left_out)

    monkeypatch.setattr("audio_enhance._video.taking_out.take_out", told)
    source = Source.from_video(talk)
    assert source.note is None
    await source.fingerprint()
    assert source.note == note
