"""As many recordings at once as the enhancer takes, whatever their lengths and however many."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import attrs

from audio_enhance import Source
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.lanes import lanes_for

from .support import StandIn


@attrs.define
class Growing(StandIn):
    """A stand-in whose places become more and fewer."""

    places: int = 2
    told: list[Callable[[], object]] = attrs.field(factory=list)

    def on_places(self, changed: Callable[[], object]) -> None:
        self.told.append(changed)

    def grow(self, places: int) -> None:
        self.places = places
        for changed in self.told:
            changed()


def recordings(count: int) -> list[Source]:
    return [Source.from_bytes(b"RIFF%040d" % n, filename=f"{n}.wav") for n in range(count)]


async def test_a_client_follows_the_places_of_an_enhancer_up_and_down(tmp_path: Path) -> None:
    enhancer = Growing(gate=asyncio.Event())
    assert enhancer.gate is not None
    async with (
        LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited()) as service,
        service.connect(None) as client,
    ):
        batch = asyncio.create_task(
            client.enhance_batch(recordings(20), strength=93, output_dir=tmp_path)
        )
        for _ in range(2):
            await enhancer.started.get()
        enhancer.grow(7)
        for _ in range(5):
            await enhancer.started.get()
        assert enhancer.running == 7
        enhancer.grow(1)
        enhancer.gate.set()
        report = await batch
        assert len(report.succeeded) == 20
        assert enhancer.most == 7


async def test_a_long_recording_holds_up_no_other_one(tmp_path: Path) -> None:
    """Whichever comes first: what waits is in no lane behind it."""

    class First(StandIn):
        async def enhance(
            self, source: Path, destination: Path, *, content_type: str, strength: int
        ) -> None:
            held = gate if source.read_bytes().endswith(b"00") else None
            self.gate = held
            await super().enhance(source, destination, content_type=content_type, strength=strength)

    gate = asyncio.Event()
    done: list[str] = []
    async with (
        LocalService(enhancer=First(), behaviour=Behaviour.unlimited()) as service,
        service.connect(None) as client,
    ):
        async for outcome in client.enhance_as_completed(
            recordings(30), strength=93, output_dir=tmp_path
        ):
            done.append(outcome.name)
            if len(done) == 29:
                assert "0.wav" not in done
                gate.set()
    assert done[-1] == "0.wav"


async def test_the_first_recordings_begin_before_the_last_are_sent(tmp_path: Path) -> None:
    """Sent all at once they would arrive all late, and every worker be idle until then."""
    enhancer = Growing(places=60)
    async with (
        LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited()) as service,
        service.connect(None) as client,
    ):
        await client.enhance_batch(recordings(60), strength=93, output_dir=tmp_path)
        routes = [record.route for record in service.record]
    creations = [route for route in routes if route.startswith("POST") and "token" not in route]
    first = next(n for n, route in enumerate(creations) if "speech_enhancements" in route)
    assert first <= 20


def test_an_enhancer_has_a_lane_for_each_place_and_some_that_wait() -> None:
    assert [lanes_for(Growing(places=places)) for places in (1, 2, 4, 64)] == [3, 4, 6, 96]
    assert lanes_for(StandIn()) > 2
