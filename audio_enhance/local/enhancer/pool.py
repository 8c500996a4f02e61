"""The enhancer for event loops: processes of its own do the work, one recording at a time each.

Threads would not do: numpy, FFmpeg and RNNoise let go of the interpreter only now and then, and
a crash inside one of them would take the application along. `multiprocessing` would not do
either: it runs the application's main module a second time, which scripts without a
``__main__`` guard do not survive.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path

from audio_enhance.local.serving.threads import in_thread

from .deaths import Deaths
from .engines import Engine, choose_engine
from .errors import EnhancerError, WorkerDiedError
from .extra import check_installed
from .worker import NotBegunError, Worker

_Job = Callable[[Worker], Coroutine[object, object, EnhancerError | list[str]]]
_log = logging.getLogger(__name__)
_A_DAY = 24 * 3600.0


class SpeechEnhancer:
    """Enhances recordings in worker processes, which are started on demand and kept.

    Args:
        workers: How many recordings it enhances at once at most, and how many cores they keep
            busy; by default, as many as there are cores. While there are fewer recordings, a long
            one uses the others' cores as well.
        max_seconds: How long a recording may last, in seconds; a day by default. A longer one is
            refused before any work.
        engine: ``"dfn3"``, ``"rnnoise"`` or ``"afftdn"``; the best one that works here if None.

    Raises:
        MissingExtraError: The extra ``local`` is not installed.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        max_seconds: float = _A_DAY,
        engine: str | None = None,
    ) -> None:
        check_installed()
        self._slots = workers or os.cpu_count() or 1
        self._free = asyncio.Semaphore(self._slots)
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._shares: dict[Path, float] = {}
        self._max_seconds = max_seconds
        self._engine_name = engine
        self._engine: Engine | None = None
        self._deaths = Deaths()
        self._closed = False

    @property
    def places(self) -> int:
        """How many recordings it enhances at once at most; see `HasPlaces`."""
        return self._slots

    def on_places(self, changed: Callable[[], object]) -> None:
        """Do nothing: the number never changes."""

    async def engine(self) -> Engine:
        """Return the engine that works here, and why no better one does.

        Raises:
            EngineError: The engine that you asked for does not work.
        """
        if self._engine is None:
            chosen = await in_thread(choose_engine, self._engine_name)
            if self._engine is None:
                self._engine = chosen
                for reason in chosen.passed_over:
                    _log.warning("%s", reason)
                _log.info("%s enhances the recordings", chosen.title)
        return self._engine

    async def description(self) -> str:
        """Return which engine does the work, and why no better one, in a sentence or two."""
        engine = await self.engine()
        return " ".join([f"{engine.title} does it.", *engine.passed_over])

    async def model_id(self) -> str:
        """Return the name of the engine; see `NamesModel`."""
        return (await self.engine()).name

    async def enhance(
        self,
        source: Path,
        destination: Path,
        *,
        content_type: str,  # noqa: ARG002 - the content itself decides
        strength: int,
    ) -> list[str]:
        """Write the enhanced recording to a file; see `Enhancer.enhance`.

        Cancelling it ends the worker process at once.

        Returns:
            Sentences for the recording's owner: what is damaged or missing in it.

        Raises:
            NotAudioError: The recording is not audio, is broken, or is of a kind that the API
                does not take, whatever its content type says.
            TooLongError: It lasts longer than `max_seconds`.
            WorkerDiedError: The worker process died in the middle of it; such a recording is not
                tried again.
            EngineError: The engine that you asked for does not work here.
            EnhancerError: It could not be enhanced for another reason.
        """
        self._check_open()
        async with self._free:
            engine = await self.engine()
            await self._deaths.check(source)
            job = partial(
                Worker.run,
                source=source,
                destination=destination,
                strength=strength,
                max_seconds=self._max_seconds,
                engine=engine.name,
                progress=partial(self._shares.__setitem__, destination),
            )
            try:
                answer = await self._by_any_worker(job)
            except BaseException as error:
                destination.unlink(missing_ok=True)  # noqa: ASYNC240 - a single system call
                if isinstance(error, WorkerDiedError) and not self._closed:
                    await self._deaths.note(source, error)
                raise
            finally:
                self._shares.pop(destination, None)
        if isinstance(answer, EnhancerError):
            raise answer
        return answer

    def share_done(self, destination: Path) -> float | None:
        """Return which share of the recording for this destination is enhanced, 0 to 1.

        None before it begins, and when it is over.
        """
        return self._shares.get(destination)

    async def _by_any_worker(self, job: _Job) -> EnhancerError | list[str]:
        while True:
            worker, is_new = await self._any_worker()
            self._busy.add(worker)
            self._share_cores()
            try:
                answer = await job(worker)
            except BaseException as error:
                self._workers.discard(worker)
                await _to_the_end(worker.end())
                # One that was idle may have ended at any time, unseen: the next one does it.
                if isinstance(error, NotBegunError) and not is_new:
                    continue
                raise
            finally:
                self._busy.discard(worker)
                self._share_cores()
            self._idle.append(worker)
            return answer

    async def close(self) -> None:
        """End every worker process, and with it what is still being enhanced.

        When this returns, no process is left, and every `enhance` has returned or raised.
        """
        if self._closed:
            return
        self._closed = True
        for worker in self._workers:
            worker.kill()
        # Who was in the middle of something sees its worker's end, and cleans up after it.
        for _ in range(self._slots):
            await self._free.acquire()
        for worker in self._workers:
            await worker.end()

    def _check_open(self) -> None:
        if self._closed:
            raise EnhancerError("The enhancer has been closed.")

    def _share_cores(self) -> None:
        # Rounded up: no core is idle, and as many recordings as cores have one each.
        for worker in self._busy:
            worker.allow(-(-self._slots // len(self._busy)))

    async def _any_worker(self) -> tuple[Worker, bool]:
        """Return a worker, and whether it has just been started."""
        self._check_open()
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker, False
            self._workers.discard(worker)
            await worker.end()
        worker = await Worker.start()
        if self._closed:
            await _to_the_end(worker.end())
            self._check_open()
        self._workers.add(worker)
        return worker, True


async def _to_the_end(work: Coroutine[object, object, None]) -> None:
    """Await something that must not be left half done, however often we are cancelled."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()
