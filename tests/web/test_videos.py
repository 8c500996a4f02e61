"""Videos on the page: listened to as sound, taken away as videos."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from audio_enhance import Source
from audio_enhance.local import LocalService, measuring
from audio_enhance.local.measuring import write_sound
from tests.support import videos
from tests.support.tools import needs

from .support import Visitor, back, running, settled
from .test_measured import measured

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs("ffmpeg")]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return videos.rich(tmp_path_factory.mktemp("videos") / "talk.mkv")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return videos.plain(tmp_path_factory.mktemp("videos") / "talk.mov", 0.3, "pcm_s16le")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visitor() -> AsyncIterator[Visitor]:
    service = LocalService(enhancer=videos.Copying())
    async with service, running(service) as site:
        yield await site.visitor()


async def test_a_video_comes_back_as_a_video(visitor: Visitor, talk: Path, tmp_path: Path) -> None:
    identifier = await visitor.send(talk.read_bytes(), name="talk.mkv")
    told = await visitor.until(identifier, "succeeded", "failed")
    assert (told["stage"], told["video"]) == ("succeeded", True)
    sound = await Source.from_video(talk).read()
    for what in ("original", "result"):
        answer = await visitor.call("GET", f"recordings/{identifier}/{what}")
        assert (answer.status, answer.body) == (200, sound)
        assert answer.headers["Content-Type"] == "audio/opus"
    part = await visitor.call(
        "GET", f"recordings/{identifier}/original", headers={"Range": "bytes=-5"}
    )
    assert (part.status, part.body) == (206, sound[-5:])
    address = f"recordings/{identifier}/download"
    answer = await visitor.call("GET", address)
    assert answer.headers["Content-Type"] == "video/x-matroska"
    name = "talk-enhanced-93p.mkv"
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
    new = tmp_path / name
    new.write_bytes(answer.body)
    assert videos.probed(new).beside(1) == videos.probed(talk).beside(1)
    assert videos.heard(new) == videos.heard(talk)
    head = await visitor.call("HEAD", address)
    assert (head.status, head.body) == (200, b"")


async def test_a_video_is_a_video_after_a_restart(talk: Path, tmp_path: Path) -> None:
    async with LocalService(enhancer=videos.Copying()) as service:
        async with running(service, folder=tmp_path / "kept") as site:
            visitor = await site.visitor()
            identifier = await visitor.send(talk.read_bytes(), name="talk.mkv")
            await visitor.until(identifier, "succeeded")
            await settled(site)
        async with running(service, folder=tmp_path / "kept") as site:
            visitor = await back(site, visitor)
            answer = await visitor.call("GET", f"recordings/{identifier}/download")
            assert answer.headers["Content-Type"] == "video/x-matroska"
            new = tmp_path / "new.mkv"
            new.write_bytes(answer.body)
            assert videos.probed(new).beside(1) == videos.probed(talk).beside(1)


async def test_the_sound_of_a_video_is_taken_out_once(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    async def write(source: Source, target: Path) -> None:
        written.append(target)
        await write_sound(source, target)

    monkeypatch.setattr(measuring, "write_sound", write)
    folder = tmp_path / "kept"
    async with LocalService(enhancer=videos.Copying()) as service:
        async with running(service, measure=True, folder=folder) as site:
            visitor = await site.visitor()
            identifier = await visitor.send(short.read_bytes(), name="talk.mov")
            await measured(visitor, identifier)
            # No player needs another form of it: it is the copy, for the figures as well.
            address = f"recordings/{identifier}/before/sound"
            answer = await visitor.call("GET", address)
            assert answer.headers["Content-Type"] == "audio/wav"
            assert answer.body == await Source.from_video(short).read()
            assert len(written) == 1
            [recording] = site.app.state.studio._owners
            assert recording.original.bytes_on_disk > short.stat().st_size + len(answer.body)
            await settled(site)
        async with running(service, measure=True, folder=folder) as site:
            visitor = await back(site, visitor)
            assert (await visitor.call("GET", address)).body == answer.body
            assert len(written) == 1
            studio = site.app.state.studio
            [recording] = studio._owners
            studio.discard(recording)
        assert {each.name for each in folder.iterdir()} == {"secret", "jobs-v1.sqlite"}


async def test_a_video_without_sound_says_so(visitor: Visitor, tmp_path: Path) -> None:
    data = videos.silent(tmp_path / "silent.mp4").read_bytes()
    identifier = await visitor.send(data, name="silent.mp4")
    told = await visitor.until(identifier, "succeeded", "failed")
    assert told["problem"]["title"] == "The video has no sound."


async def test_videos_are_known_by_their_names(visitor: Visitor) -> None:
    assert ".webm" in (await visitor.state())["suffixes"]
    answer = await visitor.announce(name="talk.avi")
    assert answer.status == 415
    assert "MP4, MOV, MKV and WebM videos" in answer.json["detail"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
async def test_without_the_extra(
    suffix: str, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio_enhance._recording.suffixes.can_be_read", lambda: False)
    answer = await visitor.announce(name=f"talk{suffix}")
    assert answer.status == (415 if suffix == ".mkv" else 200)
