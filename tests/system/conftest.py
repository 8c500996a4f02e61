"""One local service that the tests of a module share, in virtual time; each has its own client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import attrs
import pytest_asyncio

from audio_enhance import EnhanceClient
from audio_enhance.local import Behaviour, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.support.virtual_time import LoopClock


@attrs.frozen
class Staged:
    """The service, a client of it, and the clock of both."""

    service: LocalService
    client: EnhanceClient
    clock: LoopClock


@attrs.frozen
class Stage:
    """Where a test finds the service as if nobody had been there before."""

    _service: LocalService
    _clock: LoopClock
    _opened: AsyncExitStack

    async def connect(self, behaviour: Behaviour | None = None, **settings: Any) -> Staged:
        """Open a client with these settings, and let the service behave in a way."""
        self._service._conditions.behaviour = behaviour or Behaviour()
        settings = {"auth": self._service.credentials, "clock": self._clock, **settings}
        client = EnhanceClient(base_url=self._service.base_url, **settings)
        return Staged(self._service, await self._opened.enter_async_context(client), self._clock)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_service() -> AsyncIterator[LocalService]:
    """A service that takes a second for every enhancement, for all tests of a module."""
    loop = asyncio.get_running_loop()
    # It takes most of the time of tests that are many and alike, and would find the same in all.
    loop.set_debug(False)
    async with LocalService(enhancer=Rehearsal(seconds=1), clock=loop.time) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_service: LocalService) -> AsyncIterator[Stage]:
    """The shared service, without what other tests have left there."""
    async with AsyncExitStack() as opened:
        yield Stage(shared_service, LoopClock(), opened)
    for asset_id in list(shared_service._state.assets()):
        await shared_service.remove_asset(asset_id)
    shared_service.faults = Faults()
    shared_service.record.clear()
    # The rate limits look back for a minute.
    await asyncio.sleep(60)
