"""What the service's owner can remove and ask, which the API does not offer."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance.local import Behaviour
from audio_enhance.local.enhancer import NotAudioError
from audio_enhance.local.object_store.own import OwnStore

from .conftest import Serve
from .support import BODY, Caller, FakeClock, StandIn, files_in


async def test_a_removed_asset_takes_no_disk_and_is_unknown(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    asset, other = await caller.ready(), await caller.ready(BODY[1:])
    for strength in (50, 93):
        await caller.finished(await caller.enhance(asset, strength))
    assert caller.service.stored_bytes == 3 * len(BODY) + len(BODY) - 1
    await caller.service.remove_asset(asset["id"])
    await caller.service.remove_asset(asset["id"])  # once more is fine
    assert caller.service.stored_bytes == len(BODY) - 1
    assert {path.name for path in files_in(tmp_path)} == {other["id"]}
    assert list((tmp_path / "stored" / "SpeechEnhancements").iterdir()) == []
    status, _, _ = await caller.call("GET", f"/audio_services/v1/assets/{asset['id']}")
    assert status == 404


async def test_what_is_in_work_is_given_up_and_the_next_has_its_turn(
    caller: Caller, enhancer: StandIn
) -> None:
    enhancer.gate = asyncio.Event()  # nothing ends by itself
    removed, other = await caller.ready(), await caller.ready()
    await caller.enhance(removed)
    await enhancer.started.get()
    await caller.enhance(removed, 50)
    await caller.enhance(other, 20)
    await caller.service.remove_asset(removed["id"])
    assert await enhancer.started.get() == 20
    assert enhancer.running == 1


async def test_an_upload_that_comes_too_late_is_not_kept(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    asset = await caller.create()
    await caller.service.remove_asset(asset["id"])
    assert (await caller.put(asset)).status == 200
    assert caller.service.stored_bytes == 0
    assert files_in(tmp_path) == set()


class Saving(OwnStore):
    """Takes its time to save, and cannot be stopped meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def save(self, key: str, path: Path, content_type: str) -> None:
        self.begun.set()
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        await self._started.files.place(key, content_type, path, b"")


async def test_a_result_that_comes_too_late_is_not_kept(serve: Serve, tmp_path: Path) -> None:
    store = Saving()
    caller = await serve(directory=tmp_path, object_store=store)
    asset = await caller.ready()
    await caller.enhance(asset)
    await store.begun.wait()
    await caller.service.remove_asset(asset["id"])
    store.go.set()
    other = await caller.ready()
    await caller.finished(await caller.enhance(other))
    assert caller.service.stored_bytes == 2 * len(BODY)
    assert len(files_in(tmp_path)) == 2


async def test_the_reason_of_a_failure_can_be_asked_for(caller: Caller, enhancer: StandIn) -> None:
    good = await caller.finished(await caller.enhance(await caller.ready()))
    enhancer.error = NotAudioError("It is a film.")
    bad = await caller.finished(await caller.enhance(await caller.ready()))
    enhancer.error = KeyError("a mistake of ours")
    broken = await caller.finished(await caller.enhance(await caller.ready()))
    reason = caller.service.why_failed(bad["id"])
    assert reason is not None
    assert reason.message == "It is a film."
    for other in (good["id"], broken["id"], "unknown"):
        assert caller.service.why_failed(other) is None


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_what_the_enhancer_notes_is_in_the_answer(
    caller: Caller, enhancer: StandIn, version: str
) -> None:
    silent = await caller.finished(await caller.enhance(await caller.ready()))
    assert "notes" not in silent  # which the real API's answers do not have
    enhancer.notes = ("2.0 seconds are missing in it, and silent in the result.",)
    done = await caller.finished(await caller.enhance(await caller.ready()))
    path = f"/api/v2/speech-enhancements/{done['id']}"
    answer = done if version == "v1" else (await caller.call("GET", path))[1]
    assert answer["notes"] == list(enhancer.notes)
    assert caller.service.notes(done["id"]) == enhancer.notes
    assert caller.service.notes(silent["id"]) == caller.service.notes("unknown") == ()


async def test_the_oldest_go_where_too_much_is_kept(
    serve: Serve, tmp_path: Path, clock: FakeClock
) -> None:
    caller = await serve(
        directory=tmp_path, behaviour=Behaviour(most_stored_bytes=4 * len(BODY)), clock=clock
    )
    first, second = await caller.ready(), await caller.ready(BODY[::-1])
    for asset in (first, second):
        await caller.finished(await caller.enhance(asset))
    # Somebody may be about to fetch what was made just now.
    with pytest.raises(AssertionError, match="Insufficient Storage"):
        await caller.create()
    clock.now += 600.0
    third = await caller.ready()
    status, _, _ = await caller.call("GET", f"/audio_services/v1/assets/{first['id']}")
    assert status == 404
    kept = {second["id"], third["id"]}
    assert kept <= {path.name for path in files_in(tmp_path)}
    assert caller.service.stored_bytes == 3 * len(BODY)
