"""The enhancer for event loops: processes of its own do the work, one recording at a time each.

Threads would not do: numpy, FFmpeg and RNNoise let go of the interpreter only now and then, and
a crash inside one of them would take the application along. `multiprocessing` would not do
either: it runs the application's main module a second time, which scripts without a
``__main__`` guard do not survive.
"""

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import audio_enhance

from .errors import EnhancerError, NotAudioError
from .extra import check_installed

# Ctrl-C in a terminal goes to every process of the foreground group. The application decides
# what it means; a worker ends when the application does, or when it is told to.
if sys.platform == "win32":
    _OWN_GROUP: dict[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _OWN_GROUP: dict[str, Any] = {"start_new_session": True}


class SpeechEnhancer:
    """Enhances recordings in worker processes, which are started on demand and kept.

    Args:
        workers: How many recordings are in work at a time, at most; each keeps one core busy.
            As many as there are cores by default.

    Raises:
        MissingExtraError: The extra ``local`` is not installed.
    """

    def __init__(self, *, workers: int | None = None) -> None:
        check_installed()
        self._slots = workers or os.cpu_count() or 1
        self._free = asyncio.Semaphore(self._slots)
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._closed = False

    async def enhance(
        self,
        source: Path,
        destination: Path,
        *,
        content_type: str,  # noqa: ARG002 - the content itself decides
        strength: int,
    ) -> None:
        """Write the enhanced recording to a file; see `Enhancer.enhance`.

        Cancelling it ends the worker process at once.

        Raises:
            NotAudioError: The recording is not audio, is broken, or is of a kind that the API
                does not take, whatever its content type says.
            EnhancerError: It could not be enhanced for another reason.
        """
        self._check_open()
        async with self._free:
            worker = await self._any_worker()
            try:
                refusal = await worker.run(source, destination, strength)
            except BaseException:
                self._workers.discard(worker)
                await _to_the_end(worker.end())
                destination.unlink(missing_ok=True)  # noqa: ASYNC240 - a single system call
                raise
            self._idle.append(worker)
        if refusal is not None:
            raise refusal

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

    async def _any_worker(self) -> "_Worker":
        self._check_open()
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            self._workers.discard(worker)
            await worker.end()
        worker = await _Worker.start()
        if self._closed:
            await _to_the_end(worker.end())
            self._check_open()
        self._workers.add(worker)
        return worker


class _Worker:
    """One process that runs this package's `__main__`, and the conversation with it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._jobs = process.stdin
        self._answers = process.stdout

    @classmethod
    async def start(cls) -> Self:
        # The same modules as here, from the same places in the same order. Without -P, those
        # in the current folder would come first, whatever is in there.
        package = Path(audio_enhance.__file__).parents[1]
        path = os.pathsep.join([*filter(None, sys.path), str(package)])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "audio_enhance.local.enhancer",
            stdin=PIPE,
            stdout=PIPE,
            env=os.environ | {"PYTHONPATH": path},
            **_OWN_GROUP,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def run(self, source: Path, destination: Path, strength: int) -> EnhancerError | None:
        """Have a recording enhanced; returns why the worker could not, or raises if it is gone."""
        job = {"source": str(source), "destination": str(destination), "strength": strength}
        with suppress(ConnectionError):  # its end shows below, too
            self._jobs.write(json.dumps(job).encode() + b"\n")
            await self._jobs.drain()
        line = await self._answers.readline()
        if not line.endswith(b"\n"):
            status = await self._process.wait()
            raise EnhancerError(
                f"The process that enhances ended in the middle of it (exit status {status})."
            )
        answer = json.loads(line)
        if answer["error"] is None:
            return None
        kind = NotAudioError if answer["error"] == NotAudioError.__name__ else EnhancerError
        return kind(answer["message"])

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        """Kill the process and see it off."""
        self.kill()
        await self._process.communicate()


async def _to_the_end(work: Coroutine[object, object, None]) -> None:
    """Await something that must not be left half done, however often we are cancelled."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()
