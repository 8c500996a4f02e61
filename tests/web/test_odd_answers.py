"""The page behind a service that answers oddly: every recording comes through as itself."""

import asyncio

import pytest

from audio_enhance import ApiVersion
from audio_enhance.local import Behaviour, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .support import another, running, settled


def odd() -> Faults:
    return Faults(
        garbled_answer=0.1,
        server_error=0.1,
        expired_url=0.1,
        expired_token=0.1,
        truncated_download=0.2,
        reset_before=0.05,
        reset_after=0.05,
        seed=7,
    )


@pytest.mark.parametrize("api_version", ["v1", "v2"])
async def test_every_recording_comes_through(api_version: ApiVersion) -> None:
    async with (
        LocalService(
            enhancer=Rehearsal(), behaviour=Behaviour.unlimited(), faults=odd()
        ) as service,
        running(service, api_version=api_version) as site,
    ):
        visitor = await site.visitor()
        recordings = [another() for _ in range(8)]
        sent = [await visitor.send(data, name=f"{n}.mp3") for n, data in enumerate(recordings)]
        ends = await asyncio.gather(*(visitor.until(one, "succeeded", "failed") for one in sent))
        assert [end["stage"] for end in ends] == ["succeeded"] * 8, ends
        await settled(site)
        for one, data in zip(sent, recordings, strict=True):
            for path in ("result", "download"):
                answer = await visitor.call("GET", f"recordings/{one}/{path}")
                assert answer.status == 200, answer
                assert answer.body == Rehearsal.expected(data, 93)
        faults = [record.fault for record in service.record if record.fault is not None]
        assert len(faults) > 8  # or nothing was shown
