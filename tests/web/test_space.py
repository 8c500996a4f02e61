"""What recordings take of the disks, and that it is free again when they are gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from audio_enhance import AudioEnhanceError, EnhancementFailedError, Finished, ServerError
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits
from audio_enhance.web._kept import Kept
from audio_enhance.web._recording import Recording, Stage
from audio_enhance.web._space import Space

from .support import DATA, Held, Site, Visitor, new_id, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESULT = len(Rehearsal.expected(DATA, 93))


@pytest_asyncio.fixture(loop_scope="module")
async def own(held: Held) -> AsyncIterator[Site]:
    """An application with a service of its own."""
    async with LocalService(enhancer=held) as service, running(service) as site:
        site.app.state.studio.space.keeper = service
        yield site


async def stored(site: Site, expected: int) -> None:
    """Wait until the service keeps so many bytes."""
    async with asyncio.timeout(60):
        while site.service.stored_bytes != expected:
            await asyncio.sleep(0.005)


async def again(visitor: Visitor, identifier: str, strength: int) -> str:
    other = new_id()
    body = {"again": identifier, "strength": strength}
    assert (await visitor.call("PUT", f"recordings/{other}", json=body)).status == 200
    await visitor.until(other, "succeeded")
    return other


async def test_what_is_removed_is_removed_at_the_service(own: Site, held: Held) -> None:
    held.go.set()
    visitor = await own.visitor()
    identifier = await visitor.send()
    await visitor.until(identifier, "succeeded")
    assert own.service.stored_bytes == len(DATA) + RESULT
    await visitor.call("DELETE", f"recordings/{identifier}")
    await stored(own, 0)


async def test_it_can_be_sent_once_more(own: Site, held: Held) -> None:
    held.go.set()
    visitor = await own.visitor()
    for _ in range(2):
        identifier = await visitor.send()
        await visitor.until(identifier, "succeeded")
        assert (await visitor.call("GET", f"recordings/{identifier}/result")).status == 200
        await visitor.call("DELETE", f"recordings/{identifier}")
        await stored(own, 0)


async def test_of_two_strengths_one_can_go(own: Site, held: Held) -> None:
    held.go.set()
    visitor = await own.visitor()
    first = await visitor.send()
    await visitor.until(first, "succeeded")
    second = await again(visitor, first, 50)
    await visitor.call("DELETE", f"recordings/{first}")
    await own.app.state.studio.space.close()
    answer = await visitor.call("GET", f"recordings/{second}/result")
    assert answer.body == Rehearsal.expected(DATA, 50)
    assert (await visitor.call("GET", f"recordings/{second}/original")).body == DATA
    await visitor.call("DELETE", f"recordings/{second}")
    await stored(own, 0)


async def test_what_is_removed_in_the_middle_of_it_makes_room_for_the_next(
    own: Site, held: Held
) -> None:
    visitor = await own.visitor()
    removed = await visitor.send()
    await held.begun.wait()
    await visitor.call("DELETE", f"recordings/{removed}")
    await stored(own, 0)
    held.go.set()
    other = await visitor.send(DATA + b"another")
    await visitor.until(other, "succeeded")
    await visitor.call("DELETE", f"recordings/{other}")
    await stored(own, 0)


async def test_what_is_kept_long_enough_goes_at_the_service_too(held: Held) -> None:
    held.go.set()
    async with (
        LocalService(enhancer=held) as service,
        running(service, limits=Limits(keep_seconds=0.05)) as site,
    ):
        site.app.state.studio.space.keeper = service
        visitor = await site.visitor()
        await visitor.send()
        await stored(site, 0)


async def test_what_the_service_keeps_counts(own: Site, held: Held) -> None:
    held.go.set()
    async with running(own.service, limits=Limits(kept_bytes=4 * len(DATA))) as site:
        site.app.state.studio.space.keeper = own.service
        visitor = await site.visitor()
        identifier = await visitor.send()
        await visitor.until(identifier, "succeeded")
        answer = await visitor.announce()
        assert (answer.status, answer.json["code"]) == (503, "space")
        body = {"again": identifier, "strength": 50}
        answer = await visitor.call("PUT", f"recordings/{new_id()}", json=body)
        assert (answer.status, answer.json["code"]) == (503, "space")
        await visitor.call("DELETE", f"recordings/{identifier}")
        await stored(site, 0)
        await visitor.send()


class Keeper:
    """A local service on paper."""

    def __init__(self) -> None:
        self.stored_bytes = 0
        self.removed: list[str] = []
        self.reasons: dict[str, AudioEnhanceError] = {}

    async def remove_asset(self, asset_id: str) -> None:
        self.removed.append(asset_id)

    def share_done(self, enhancement_id: str) -> float | None:
        del enhancement_id
        return None

    def notes(self, enhancement_id: str) -> list[str]:
        return ["It was cut off."] if enhancement_id == "e" else []

    def why_failed(self, enhancement_id: str) -> AudioEnhanceError | None:
        return self.reasons.get(enhancement_id)


def recording(size: int, stage: Stage) -> Recording:
    made = Recording("id", "talk.mp3", 93, Kept(size), lambda _: None)
    made.stage = stage
    return made


async def test_a_recording_needs_room_for_its_copy_and_its_result() -> None:
    recordings: list[Recording] = []
    space = Space(90, recordings)
    assert space.fits(90)
    assert not space.fits(91)
    keeper = space.keeper = Keeper()
    assert space.fits(30)
    assert not space.fits(31)
    assert space.fits(45, sent=False)
    recordings.append(recording(10, Stage.WAITING))
    assert space.fits(20)
    assert not space.fits(21)
    recordings[0].stage = Stage.SUCCEEDED
    keeper.stored_bytes = 20
    assert space.fits(20)
    assert not space.fits(21)


async def test_a_failure_is_explained_where_its_reason_is_known() -> None:
    space = Space(1, [])
    failed: Any = EnhancementFailedError("It failed.", enhancement_id="e")
    assert space.explain(failed).message == "The service could not enhance it."
    keeper = space.keeper = Keeper()
    assert space.explain(failed).message == "The service could not enhance it."
    keeper.reasons["e"] = AudioEnhanceError("It is a film.", hint="Take the sound.")
    problem = space.explain(failed)
    assert (problem.code, problem.message, problem.hint) == (
        *("failed", "It is a film.", "Take the sound."),
    )
    assert space.explain(ServerError("away", status=503)).code == "away"


async def test_what_a_local_service_noted_is_told_with_the_result() -> None:
    space = Space(1, [])
    facts: Any = {"job_id": "1", "source": "talk.mp3", "strength": 93, "path": "talk.mp3"}
    done = Finished(**facts, enhancement_id="e")
    made = Recording("id", "talk.mp3", 93, Kept(1), lambda _: None, noted=space.noted)
    made.on_event(done)
    assert made.snapshot(0)["notes"] == []
    space.keeper = Keeper()
    made.on_event(done)
    assert made.snapshot(0)["notes"] == ["It was cut off."]
    made.on_event(Finished(**facts, enhancement_id="another"))
    assert made.snapshot(0)["notes"] == []
