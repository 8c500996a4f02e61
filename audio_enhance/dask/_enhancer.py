"""The enhancer of a local service whose work is done by the workers of a Dask cluster."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from distributed import Client, KilledWorker
from distributed.comm.addressing import parse_address, parse_host_port

from audio_enhance.local.enhancer.engines import choose_engine
from audio_enhance.local.object_store.protocol import Errand
from audio_enhance.local.serving.threads import in_thread

from ._errors import ClusterError, ClusterLostError, WorkersDiedError
from ._hostname import hostname_towards
from ._order import Answer, EnhancerFactory, Order, SpeechFactory
from ._roster import Roster
from ._worker import stop, work

if TYPE_CHECKING:
    from audio_enhance.local.enhancer.errors import EnhancerError

_log = logging.getLogger("audio_enhance.dask")
_LOOK_EVERY = 1.0  # seconds between two looks at who is there
_LONGEST_LOOK = 60.0
_TRIES = 4
# Beside one recording for each thread, as many wait at the scheduler: no thread is idle while the
# next one is on its way, and an adaptive cluster grows by what waits there. A few do so where
# there are no workers yet.
_WAITING = 4


class DaskEnhancer:
    """Enhances recordings on a Dask cluster; for `LocalService(enhancer=…)`.

    It follows the cluster as it grows and shrinks. A recording whose worker dies, or is retired,
    is done by another one.

    Args:
        cluster: The scheduler's address, such as ``"tcp://10.0.0.5:8786"``, or a
            `distributed.Client`, whose address and TLS are used; it stays yours to close.
        engine: ``"dfn3"``, ``"rnnoise"`` or ``"afftdn"`` on all workers; the best one that works
            on this machine if None.
        factory: Makes each worker's enhancer, instead of the one that removes noise.
        hostname: The name or address by which workers reach this machine, if the service uses its
            own object store. If None, the address that this machine has towards the scheduler.
        timeout: How many seconds to wait for the scheduler to answer.

    Attributes:
        address: The scheduler's address.
        hostname: The name or address by which workers reach this machine.
    """

    def __init__(
        self,
        cluster: "str | Client",
        *,
        engine: str | None = None,
        factory: EnhancerFactory | None = None,
        hostname: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._cluster = cluster
        self._engine = engine
        self._factory = factory
        self._timeout = timeout
        self._client: Any = None  # Dask's methods have no types
        self._roster: Roster | None = None
        self._looking: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._told: list[Callable[[], object]] = []
        self._places = _WAITING
        self._alone = asyncio.Lock()
        self._stops: set[asyncio.Task[None]] = set()
        self.address = cluster if isinstance(cluster, str) else _address_of(cluster)
        self.hostname = hostname or hostname_towards(self.address)

    @property
    def threads(self) -> int:
        """How many threads the workers have that can do the work."""
        return 0 if self._roster is None else self._roster.threads

    @property
    def workers(self) -> int:
        """How many workers can do the work."""
        return 0 if self._roster is None else len(self._roster.fit)

    @property
    def unfit(self) -> Mapping[str, str]:
        """The workers that get no work, by their addresses, and why."""
        return {} if self._roster is None else self._roster.unfit

    async def description(self) -> str:
        """Return who does the work, and who cannot, in a sentence or two."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        engine = self._factory.engine if isinstance(self._factory, SpeechFactory) else "your own"
        sentences = [f"Dask enhances with {engine}, on {threads} at {self.address}."]
        sentences += [f"{one} gets no work: {why}" for one, why in self.unfit.items()]
        if not self.threads:
            sentences.append("It has no workers yet: recordings wait until some come.")
        return " ".join(sentences)

    @property
    def places(self) -> int:
        """How many recordings it takes at a time; see `HasPlaces`."""
        return self._places

    def on_places(self, changed: Callable[[], object]) -> None:
        """Have something called whenever there are more or fewer places."""
        self._told.append(changed)

    async def model_id(self) -> str:
        """Connect to the cluster, and return what the workers enhance with; see `NamesModel`.

        Raises:
            ClusterError: There is no scheduler at the address, it cannot pass work on, or
                there are workers and none of them can do the work.
            EngineError: The engine does not work here.
        """
        if self._client is None:
            await self._connect()
        factory = self._factory
        return factory.engine if isinstance(factory, SpeechFactory) else "v1"

    async def _connect(self) -> None:
        if self._factory is None:
            chosen = self._engine or (await in_thread(choose_engine, None)).name
            self._factory = SpeechFactory(chosen)
        security = None if isinstance(self._cluster, str) else self._cluster.security
        try:
            if isinstance(self._cluster, str) and not self._cluster.startswith("inproc:"):
                # Dask would warn of tasks of its own that it leaves behind.
                parse_host_port(parse_address(self._cluster)[1])
            connect: Any = Client
            self._client = await connect(
                self.address,
                asynchronous=True,
                security=security,
                timeout=self._timeout,
                set_as_default=False,
            )
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"No Dask scheduler can be reached at {self.address}: {error}",
                hint="Start one with `dask scheduler`, and give the address that it prints.",
            ) from error
        roster = self._roster = Roster(self._client, self._factory)
        try:
            if (obstacle := await roster.obstacle()) is not None:
                raise ClusterError(
                    f"The Dask scheduler at {self.address} cannot pass work on: {obstacle}",
                    hint="Install the same audio-enhance with the extra dask there.",
                )
            await roster.look()
            if roster.unfit and not roster.fit:
                reasons = "; ".join(f"{one}: {why}" for one, why in roster.unfit.items())
                raise ClusterError(
                    f"No worker of the cluster can enhance. {reasons}",
                    hint="Install the same audio-enhance with the extra dask on every worker.",
                )
        except BaseException:
            await self.close()
            raise
        self._resize(roster)
        self._looking = asyncio.create_task(self._look(roster), name="dask workers")

    async def _look(self, roster: Roster) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                async with asyncio.timeout(_LONGEST_LOOK):
                    await roster.look()
            except Exception as error:  # noqa: BLE001 - Dask has no one kind for a lost scheduler
                _log.warning("the Dask scheduler at %s is lost: %s", self.address, error)
                self._lost.set()
                return
            self._resize(roster)

    def _resize(self, roster: Roster) -> None:
        places = 2 * roster.threads + _WAITING
        if places != self._places:
            self._places = places
            for told in self._told:
                told()

    async def carry_out(
        self, errand: Callable[[], Errand], *, name: str, strength: int
    ) -> Sequence[str]:
        """Have a recording enhanced by a worker; see `WorksElsewhere`.

        Raises:
            NotAudioError: The recording is not audio, or is broken.
            WorkersDiedError: It killed every worker.
            ClusterLostError: The scheduler is gone.
            EnhancerError: It could not be enhanced for another reason.
        """
        began = time.monotonic()
        error: EnhancerError | None = None
        for number in range(_TRIES):
            try:
                answer = await self._ask(f"{name}-{number}", errand, strength)
            except WorkersDiedError:
                # It may only have been beside one that kills workers. Alone with others that are
                # under the same suspicion, one at a time, whoever is innocent gets through.
                async with self._alone:
                    answer = await self._ask(f"{name}-alone", errand, strength)
            if answer.error is None:
                _log.debug("%s took %.1f s", name, time.monotonic() - began)
                return answer.notes
            error = answer.error
            if not answer.passing:
                break
            _log.warning("%s is tried again: %s", name, error)
        assert error is not None
        raise error

    async def _ask(self, name: str, errand: Callable[[], Errand], strength: int) -> Answer:
        """Ask the cluster once."""
        roster = self._roster
        if self._lost.is_set() or roster is None or self._factory is None:
            raise self._loss()
        key = f"audio-enhance-{name}-{uuid4().hex[:8]}"
        order = Order(key, errand(), strength, self._factory)
        future = self._client.submit(work, order, key=key, pure=False, workers=roster.only)
        result = asyncio.ensure_future(future.result())
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait([result, lost], return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return await self._answer(result, roster)
            raise self._loss()
        finally:
            unfinished = not result.done()
            result.cancel()
            lost.cancel()
            await asyncio.wait([result, lost])
            if unfinished and not self._lost.is_set():
                self._stop(future, key)
            future.release()

    async def _answer(self, result: "asyncio.Future[Answer]", roster: Roster) -> Answer:
        # Dask's word for what the scheduler does not know any more; it is none of ours.
        if result.cancelled():
            self._lost.set()
            raise self._loss()
        error = result.exception()
        if error is None:
            return result.result()
        if isinstance(error, KilledWorker):
            raise WorkersDiedError(
                f"All workers died that worked on it, one after the other; the last one was"
                f" {error.last_worker.address}.",
                hint="Perhaps it needs more memory than the workers have. Their logs say more.",
            )
        # A worker that cannot even read what it is asked for: it has another version, or none.
        try:
            await roster.examine_again()
        except Exception:  # noqa: BLE001 - Dask has no one kind for a lost scheduler
            self._lost.set()
            raise self._loss() from None
        failed = ClusterError(f"A worker failed. {type(error).__name__}: {error}")
        return Answer(error=failed, passing=True)

    def _stop(self, future: Any, key: str) -> None:
        """Have the cluster give up what nobody wants any more: Dask stops nothing that runs."""

        async def stopped() -> None:
            with suppress(Exception):
                async with asyncio.timeout(_LONGEST_LOOK):
                    await self._client.cancel([future])
                    await self._client.run(stop, key, on_error="ignore")

        task = asyncio.create_task(stopped(), name="stop a dask task")
        self._stops.add(task)
        task.add_done_callback(self._stops.discard)

    def _loss(self) -> ClusterLostError:
        return ClusterLostError(
            f"The Dask scheduler at {self.address} is gone.",
            hint="Start it again, and resume: what is done is not done again.",
        )

    async def close(self) -> None:
        """Leave the cluster, and stop the work that its workers do for this."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        if self._stops:
            await asyncio.wait(self._stops)
        client, self._client = self._client, None
        if client is not None:
            self._lost.set()
            with suppress(Exception):  # it may be lost
                await client.close()


def _address_of(client: Client) -> str:
    scheduler: Any = client.scheduler
    return str(scheduler.address)
