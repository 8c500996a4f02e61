"""One process that enhances recordings, and the conversation with it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import audio_enhance

from .errors import EngineError, EnhancerError, NotAudioError, TooLongError, WorkerDiedError

# Ctrl-C in a terminal goes to every process of the foreground group. The application decides
# what it means; a worker ends when the application does, or when it is told to.
if sys.platform == "win32":
    OWN_GROUP: dict[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    OWN_GROUP: dict[str, Any] = {"start_new_session": True}

_REFUSALS = {kind.__name__: kind for kind in (EngineError, NotAudioError, TooLongError)}
# All that Python, numpy and the systems' loaders look at. Nothing else is passed on: recordings
# come from anyone, and the application's environment may hold credentials.
_PASSED_ON = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    }
)
_PASSED_ON_PREFIXES = (
    *("LC_", "LD_", "DYLD_", "PYTHON", "COVERAGE_"),
    *("OMP_", "OPENBLAS_", "MKL_", "VECLIB_", "BLIS_", "NPY_"),
)

# There is a worker for each core: threads of numpy's in it only keep others from theirs, and cost
# a third of the speed. Whoever sets these themselves is left to it.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that a worker gets."""
    return {
        name: value
        for name, value in environ.items()
        if name.upper() in _PASSED_ON or name.upper().startswith(_PASSED_ON_PREFIXES)
    }


def kill(process: Process) -> None:
    """Kill a process, unless its end was seen.

    Its own `kill` first asks for the exit status. If it has just ended, asyncio, which waits for
    that, finds nothing and warns on standard error.
    """
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.kill(process.pid, signal.SIGKILL)


class NotBegunError(EnhancerError):
    """The process ended while it had nothing to do: no recording is to blame."""


class Worker:
    """A process that runs this package's `__main__`."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._jobs = process.stdin
        self._answers = process.stdout
        self._cores = 1

    @classmethod
    async def start(cls) -> Self:
        """Start one."""
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
            env=ONE_THREAD | environment(os.environ) | {"PYTHONPATH": path},
            **OWN_GROUP,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        # Its pipe tells before the process's status is there.
        return self._process.returncode is None and not self._answers.at_eof()

    async def run(
        self,
        source: Path,
        destination: Path,
        *,
        strength: int,
        max_seconds: float,
        engine: str | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> EnhancerError | list[str]:
        """Have a recording enhanced; returns what its owner should hear, or why it could not be.

        `progress` is told now and then which share of it is enhanced, 0 to 1.

        Raises:
            NotBegunError: The process ended before it saw anything of the recording.
            WorkerDiedError: The process ended over it.
        """
        job = {
            "source": str(source),
            "destination": str(destination),
            "strength": strength,
            "max_seconds": max_seconds,
            "engine": engine,
        }
        with suppress(ConnectionError):  # its end shows below, too
            self._say(job)
            await self._jobs.drain()
        if await self._answer() is None:
            status = await self._process.wait()
            raise NotBegunError(f"The process that enhances has ended ({_cause(status)}).")
        answer = await self._answer()
        while answer is not None and "done" in answer:
            if progress is not None:
                progress(answer["done"])
            answer = await self._answer()
        if answer is None:
            status = await self._process.wait()
            raise WorkerDiedError(
                f"The process that enhances ended in the middle of it ({_cause(status)}).",
                hint="Perhaps the recording is broken, or needs more memory than there is: convert"
                " it to WAV with another program, or cut it into shorter ones.",
            )
        if answer["error"] is None:
            return list(answer["notes"])
        kind = _REFUSALS.get(answer["error"], EnhancerError)
        return kind(answer["message"], hint=answer["hint"])

    def allow(self, cores: int) -> None:
        """Say how many cores it may keep busy from now on; a new process is at one."""
        if cores != self._cores and not self._jobs.is_closing():
            self._cores = cores
            self._say({"cores": cores})

    def _say(self, what: dict[str, Any]) -> None:
        self._jobs.write(json.dumps(what).encode() + b"\n")

    async def _answer(self) -> dict[str, Any] | None:
        line = await self._answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def kill(self) -> None:
        """Make it end."""
        kill(self._process)

    async def end(self) -> None:
        """Kill the process and see it off."""
        self.kill()
        await self._process.communicate()


def _cause(status: int) -> str:
    """Say what an exit status means: a signal where it is negative (`subprocess`)."""
    with suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
