"""Which workers of a cluster can do the work, why the others cannot, and whether it gets there."""

import logging
from collections.abc import Collection, Mapping
from importlib import metadata
from typing import Any

from distributed import Client

from ._order import EnhancerFactory
from ._worker import missing

_log = logging.getLogger("audio_enhance.dask")
_NAME = "audio-enhance"


class Roster:
    """Knows the workers that are there, and examines each before it gets any work.

    Attributes:
        fit: The threads of those that can do the work, by their addresses.
        unfit: Why the others cannot, by their addresses.
    """

    def __init__(self, client: Client, factory: EnhancerFactory) -> None:
        self._client: Any = client  # Dask's methods have no types
        self._factory = factory
        self.fit: dict[str, int] = {}
        self.unfit: dict[str, str] = {}

    @property
    def threads(self) -> int:
        """The threads of all that can do the work."""
        return sum(self.fit.values())

    @property
    def only(self) -> list[str] | None:
        """Those that work has to go to, None where any will do."""
        return [*self.fit] if self.unfit and self.fit else None

    async def obstacle(self) -> str | None:
        """Return why the scheduler cannot pass work on, `None` if it can: it reads all of it."""
        try:
            found = await self._client.run_on_scheduler(metadata.version, _NAME)
        except metadata.PackageNotFoundError as error:
            found = error
        if (why := _why_another(found)) is not None:
            return why
        try:
            await self._client.run_on_scheduler(callable, self._factory)
        except Exception as error:  # noqa: BLE001 - whatever it lacks for that
            return f"{type(error).__name__}: {error}"
        return None

    async def look(self) -> None:
        """Look who is there now, and examine those who are new."""
        threads: dict[str, int] = dict(await self._client.nthreads())
        self.unfit = {one: why for one, why in self.unfit.items() if one in threads}
        known = self.fit.keys() | self.unfit.keys()
        reasons = await self._examined([one for one in threads if one not in known])
        for address, why in reasons.items():
            if why is not None:
                self.unfit[address] = why
                _log.warning("the Dask worker %s gets no work: %s", address, why)
        self.fit = {
            one: count
            for one, count in threads.items()
            if one in self.fit or (one in reasons and reasons[one] is None)
        }

    async def examine_again(self) -> None:
        """Forget what is known of all workers, and look anew."""
        self.fit, self.unfit = {}, {}
        await self.look()

    async def _examined(self, addresses: Collection[str]) -> Mapping[str, str | None]:
        """Return why workers cannot do the work, None where they can; without those just gone."""
        if not addresses:
            return {}
        ours = metadata.version(_NAME)
        # A function of Python's own: a worker without this package could not read one of ours.
        versions = await self._ask(metadata.version, _NAME, workers=[*addresses])
        reasons: dict[str, str | None] = {}
        for address, version in versions.items():
            if (why := _why_another(version)) is not None:
                reasons[address] = why
        same = [address for address, version in versions.items() if version == ours]
        answers = await self._ask(missing, self._factory, workers=same) if same else {}
        for address, answer in answers.items():
            if answer is None or isinstance(answer, str):
                reasons[address] = answer
            elif not isinstance(answer, OSError):
                reasons[address] = f"{type(answer).__name__}: {answer}"
        return reasons

    async def _ask(self, function: Any, *args: Any, workers: list[str]) -> dict[str, Any]:
        answers = await self._client.run(function, *args, workers=workers, on_error="return")
        return dict(answers)


def _why_another(found: object) -> str | None:
    """Return what is wrong with a version, or its absence, that was found; `None` if nothing is."""
    if isinstance(found, metadata.PackageNotFoundError):
        return f"{_NAME} is not installed there."
    ours = metadata.version(_NAME)
    if isinstance(found, str) and found != ours:
        return f"it has {_NAME} {found}, and here is {ours}."
    return None
