"""A restart goes on with what an application asked for, and does not ask for it again."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import pytest_asyncio

from audio_enhance import ApiVersion, Journal, JournalLockedError
from audio_enhance.local import LocalService
from audio_enhance.web._jobs import Jobs
from audio_enhance.web._recording import Recording
from audio_enhance.web._results import Results

from .support import Held, Site, Visitor, another, back, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])
AGAIN = "at-another-strength"


@pytest_asyncio.fixture(loop_scope="module")
async def service(held: Held) -> AsyncIterator[LocalService]:
    async with LocalService(enhancer=held) as service:
        yield service


def created(service: LocalService) -> int:
    """How many enhancements were asked for, at either version."""
    return sum(each.method == "POST" and "enhancements" in each.route for each in service.record)


def killed(folder: Path) -> Path:
    """Return a folder as it would be if the application was killed now."""
    copy = folder.with_name("killed")
    shutil.copytree(folder, copy)
    return copy


async def begun(site: Site, visitor: Visitor) -> list[str]:
    """Send three recordings, and one of them at another strength too."""
    ids = [await visitor.send(another(), name=f"{n}.mp3") for n in range(3)]
    again = {"again": ids[0], "strength": 50}
    assert (await visitor.call("PUT", f"recordings/{AGAIN}", json=again)).status == 200
    await visitor.until(ids[0], "enhancing")
    return [*ids, AGAIN]


async def ended(visitor: Visitor, *ids: str) -> list[dict[str, Any]]:
    return [await visitor.until(each, "succeeded", "failed", "cancelled") for each in ids]


async def rows(folder: Path) -> int:
    async with await Journal.read(folder / "jobs-v1.sqlite") as journal:
        return len([entry async for entry in journal.entries()])


@VERSIONS
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_whatever_was_under_way_is_asked_for_once(
    service: LocalService, held: Held, tmp_path: Path, version: ApiVersion, how: str
) -> None:
    folder = tmp_path / "page"
    async with running(service, folder=folder, api_version=version) as site:
        visitor = await site.visitor()
        ids = await begun(site, visitor)
        if how == "killed":
            folder = killed(folder)
    assert 1 <= created(service) < len(ids)
    secrets = (service.credentials.client_secret, "Signature=", "Bearer")
    for file in folder.iterdir():
        assert not any(secret.encode() in file.read_bytes() for secret in secrets)
    held.go.set()
    async with running(service, folder=folder, api_version=version) as site:
        visitor = await back(site, visitor)
        assert {each["stage"] for each in await ended(visitor, *ids)} == {"succeeded"}
        for each in ids:
            assert (await visitor.call("GET", f"recordings/{each}/result")).status == 200
    assert created(service) == len(ids)


async def test_a_kill_before_the_job_is_begun_loses_nothing(
    service: LocalService, held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.go.set()
    left: list[Path] = []
    begin = Jobs.begin

    async def begin_later(jobs: Jobs, recording: Recording) -> None:
        left.append(killed(tmp_path / "page"))
        await begin(jobs, recording)

    with monkeypatch.context() as patch:
        patch.setattr(Jobs, "begin", begin_later)
        async with running(service, folder=tmp_path / "page") as site:
            visitor = await site.visitor()
            sent = await visitor.send(another())
    async with running(service, folder=left[0]) as site:
        [recording] = await ended(await back(site, visitor), sent)
        assert recording["stage"] == "succeeded"


async def test_a_result_that_was_not_fetched_is_fetched_by_the_next_start(
    service: LocalService, held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.go.set()
    with monkeypatch.context() as patch:
        patch.setattr(Results, "fetch", Mock())
        async with running(service, folder=tmp_path) as site:
            visitor = await site.visitor()
            sent = await visitor.send(another())
            await visitor.until(sent, "succeeded")
    async with running(service, folder=tmp_path) as site:
        visitor = await back(site, visitor)
        await visitor.until(sent, "succeeded")
        assert (await visitor.call("GET", f"recordings/{sent}/result")).status == 200
    assert created(service) == 1


async def test_what_is_removed_leaves_the_journal(
    service: LocalService, held: Held, tmp_path: Path
) -> None:
    async with running(service, folder=tmp_path) as site:
        visitor = await site.visitor()
        ids = await begun(site, visitor)
        before = killed(tmp_path)
        for identifier in ids:
            assert (await visitor.call("DELETE", f"recordings/{identifier}")).status == 204
    assert await rows(before) == len(ids)
    assert await rows(tmp_path) == 0


async def test_what_was_removed_as_the_application_was_killed_leaves_the_journal_later(
    service: LocalService, tmp_path: Path
) -> None:
    folder = tmp_path / "page"
    async with running(service, folder=folder) as site:
        await begun(site, await site.visitor())
    for entry in folder.glob("*.json"):
        entry.unlink()
    async with running(service, folder=folder):
        pass
    assert await rows(folder) == 0


async def test_a_folder_belongs_to_one_application(
    service: LocalService, held: Held, tmp_path: Path
) -> None:
    async with running(service, folder=tmp_path) as site:
        sent = await (visitor := await site.visitor()).send(another())
        with pytest.raises(JournalLockedError):
            async with running(service, folder=tmp_path):
                pass
        held.go.set()
        [recording] = await ended(visitor, sent)
        assert recording["stage"] == "succeeded"


async def test_what_was_begun_at_the_other_version_is_not_begun_anew_by_itself(
    service: LocalService, held: Held, tmp_path: Path
) -> None:
    async with running(service, folder=tmp_path) as site:
        sent = await (visitor := await site.visitor()).send(another())
        await visitor.until(sent, "enhancing")
    async with running(service, folder=tmp_path, api_version="v2") as site:
        [recording] = await ended(await back(site, visitor), sent)
        assert recording["stage"] == "failed"
        assert "version v1 of the API" in recording["problem"]["detail"]
    held.go.set()
    async with running(service, folder=tmp_path) as site:
        visitor = await back(site, visitor)
        again = {"again": sent, "strength": 93}
        assert (await visitor.call("PUT", f"recordings/{AGAIN}", json=again)).status == 200
        [recording] = await ended(visitor, AGAIN)
        assert recording["stage"] == "succeeded"
    assert created(service) == 1
