"""Videos take the way of every other recording, and come out as videos."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from audio_enhance import EnhanceClient, InvalidSourceError, OutputError, OutputExistsError, Source
from audio_enhance._recording.film import FilmContent
from audio_enhance.local import LocalService
from tests.support import videos
from tests.support.resources import open_files, partial_files
from tests.support.tools import needs

pytestmark = needs("ffmpeg")
ASSETS, CREATED = "POST /assets", "POST /speech_enhancements"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    videos.plain(folder / "talk.mp4")
    videos.rich(folder / "rich.mkv")
    return folder


@pytest.fixture
def talk(made: Path, tmp_path: Path) -> Path:
    return _copy(made / "talk.mp4", tmp_path)


def _copy(video: Path, folder: Path) -> Path:
    path = folder / video.name
    path.write_bytes(video.read_bytes())
    return path


def _deleted(files: dict[int, str]) -> list[str]:
    return [name for name in files.values() if name.endswith("(deleted)")]


@pytest.fixture
async def service() -> AsyncIterator[LocalService]:
    async with LocalService(enhancer=videos.Copying()) as service:
        yield service


@pytest.fixture
async def client(service: LocalService) -> AsyncIterator[EnhanceClient]:
    async with EnhanceClient(service.credentials, base_url=service.base_url) as client:
        yield client


async def test_results_are_videos(
    client: EnhanceClient, service: LocalService, made: Path, talk: Path, tmp_path: Path
) -> None:
    rich, out = _copy(made / "rich.mkv", tmp_path), tmp_path / "out"
    held = open_files()
    report = await client.enhance_batch([talk, rich], strength=[50, 93], output_dir=out)
    assert [outcome.path and outcome.path.name for outcome in report] == [
        "talk-enhanced-50p.mp4",
        "talk-enhanced-93p.mp4",
        "rich-enhanced-50p.mkv",
        "rich-enhanced-93p.mkv",
    ]
    other = "Its other sound track stayed as it was."
    assert [outcome.note for outcome in report] == [None, None, other, other]
    for outcome in report:
        assert outcome.path is not None
        before, after = videos.probed(Path(outcome.name)), videos.probed(outcome.path)
        assert (after.beside(1), after.about) == (before.beside(1), before.about)
    assert service.count(ASSETS) == 2
    assert partial_files(tmp_path) == []
    assert _deleted(open_files()) == _deleted(held)


async def test_what_is_done_is_skipped_without_being_read(
    client: EnhanceClient,
    service: LocalService,
    talk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = tmp_path / "journal.sqlite"
    for status in ("succeeded", "skipped"):
        [outcome] = await client.enhance_batch(
            [talk], strength=93, output_dir=tmp_path / "out", journal=journal
        )
        assert outcome.status == status
        monkeypatch.setattr(FilmContent, "fingerprint", None)
    assert service.count(CREATED) == 1


async def test_what_was_paid_for_is_put_back_by_the_next_run(
    client: EnhanceClient,
    service: LocalService,
    talk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    async def run() -> str:
        [outcome] = await client.enhance_batch(
            [talk], strength=93, output_dir=tmp_path / "out", journal=tmp_path / "journal.sqlite"
        )
        assert partial_files(tmp_path) == []
        return f"{outcome.status} {type(outcome.error).__name__}"

    with monkeypatch.context() as patch:
        patch.setattr(FilmContent, "put_back", full)
        assert await run() == "failed OutputError"
    assert await run() == "succeeded NoneType"
    assert (service.count(ASSETS), service.count(CREATED)) == (1, 1)


_DIES = """
import asyncio, os, signal, sys
from audio_enhance import EnhanceClient
from audio_enhance._recording.film import FilmContent

def dies(self, enhanced, into, cancelled):
    into.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

async def main(video, out, journal):
    async with EnhanceClient.from_env() as client:
        await client.enhance_batch([video], strength=93, output_dir=out, journal=journal)

FilmContent.put_back = dies
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_a_run_that_is_killed_before_the_sound_is_back(
    client: EnhanceClient, service: LocalService, talk: Path, tmp_path: Path
) -> None:
    out, journal = tmp_path / "out", tmp_path / "journal.sqlite"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DIES, str(talk), str(out), str(journal)),
        env=os.environ | service.environment,
        stderr=subprocess.PIPE,
    )
    await process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(partial_files(out)) == 2
    [outcome] = await client.enhance_batch([talk], strength=93, output_dir=out, journal=journal)
    assert outcome.ok
    assert partial_files(tmp_path) == []
    assert (service.count(ASSETS), service.count(CREATED)) == (1, 1)


async def test_being_cancelled_while_it_is_put_back_leaves_nothing(
    client: EnhanceClient, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def slow(self: FilmContent, enhanced: Path, into: Path, cancelled: threading.Event) -> None:
        into.write_bytes(b"half")
        loop.call_soon_threadsafe(begun.set)
        assert cancelled.wait(30)
        raise OSError(5, "stopped")

    monkeypatch.setattr(FilmContent, "put_back", slow)
    job = await client.submit(talk, strength=93, output_dir=tmp_path / "out")
    await begun.wait()
    job.cancel()
    await asyncio.wait([job.task])
    assert job.task.cancelled()
    assert partial_files(tmp_path) == []


async def test_what_is_in_the_way_is_found_before_anything_is_sent(
    client: EnhanceClient, service: LocalService, talk: Path, tmp_path: Path
) -> None:
    there = tmp_path / "talk-enhanced-93p.mp4"
    there.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        await client.enhance(talk, strength=93, output_dir=tmp_path)
    assert there.read_bytes() == b"mine"
    there.unlink()
    there.hardlink_to(talk)
    with pytest.raises(OutputError, match="a recording"):
        await client.enhance(talk, strength=93, output_dir=tmp_path, overwrite=True)
    assert service.count(ASSETS) == 0


async def test_no_room_for_the_video(
    client: EnhanceClient,
    service: LocalService,
    talk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = SimpleNamespace(total=1 << 40, used=0, free=talk.stat().st_size)
    monkeypatch.setattr(
        "audio_enhance._transfer.part_file.shutil.disk_usage", Mock(return_value=free)
    )
    with pytest.raises(OutputError, match="No space left"):
        await client.enhance(talk, strength=93, output_dir=tmp_path / "out")
    assert service.count(ASSETS) == 0


async def test_a_video_that_is_gone_is_not_taken_up(
    client: EnhanceClient, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object) -> None:
        talk.unlink()
        raise OSError(5, "gone")

    out, journal = tmp_path / "out", tmp_path / "journal.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(FilmContent, "put_back", gone)
        await client.enhance_batch([talk], strength=93, output_dir=out, journal=journal)
    [outcome] = await client.enhance_batch([talk], strength=93, output_dir=out, journal=journal)
    assert isinstance(outcome.error, InvalidSourceError)
    assert "no such file" in str(outcome.error)


async def test_the_first_steps_send_the_sound(
    client: EnhanceClient, talk: Path, service: LocalService
) -> None:
    source = Source.from_video(talk)
    asset = await client.create_asset(source)
    assert (asset.filename, asset.content_type) == ("talk.m4a", "audio/m4a")
    await client.upload(asset, source)
    assert (await client.wait_until_ready(asset.id)).status == "ready_for_processing"
