"""A real cluster: a scheduler and workers, each a process of its own that can be killed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

import attrs

from tests.support.warm import Warm, WarmPopen, warm_server

ROOT = Path(__file__).parents[2]
# It ends with whoever has started it, however that ends.
_LAUNCH = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
_QUIET = {
    # A recording that kills workers does so twice before Dask gives it up, and then once more.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
    "PYTHONWARNINGS": "default",
}


# What a worker imports before it does anything, which takes most of a start's time.
_IMPORTED = ("distributed.nanny", "distributed.worker", "audio_enhance.dask", "tests.dask.support")


def warm_workers() -> AbstractContextManager[Warm | None]:
    """Start what workers are forked from."""
    return warm_server(_IMPORTED, _QUIET)


@attrs.define
class Cluster:
    """A scheduler, and what works for it.

    Attributes:
        warm: What starts workers, if there is such a thing.
        address: The scheduler's.
        workers: The workers, by their addresses.
    """

    folder: Path
    warm: Warm | None = None
    address: str = ""
    scheduler: "Process | None" = None
    workers: "dict[str, Process]" = attrs.field(factory=dict)
    said: list[str] = attrs.field(factory=list)

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        """Start the scheduler."""
        command = ("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        self.scheduler = self._cold(command, environ or {})
        self.address = self.scheduler.found(r"Scheduler at:\s+(tcp://\S+)")

    def add(self, count: int, environ: Mapping[str, str] | None = None) -> list[str]:
        """Start workers of one thread each, side by side, and return their addresses."""
        command = (
            *("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"),
            *("--local-directory", str(self.folder), "--memory-limit", "0"),
        )
        start = self._cold if environ or self.warm is None else self._forked
        starting = [start(command, environ or {}) for _ in range(count)]
        added: list[str] = []
        for process in starting:
            address = process.found(r"Start worker at:\s+(tcp://\S+)")
            process.found(r"(Registered to)")
            self.workers[address] = process
            added.append(address)
        return added

    def bury(self) -> int:
        """See off the workers that have ended by themselves, and return how many did."""
        ended = [at for at, process in self.workers.items() if process.poll() is not None]
        for address in ended:
            self.kill(address)  # closes what was open to it
        return len(ended)

    def kill(self, address: str) -> None:
        """Kill a worker without a warning."""
        self.workers.pop(address).end()

    def stop(self) -> None:
        """End all of it."""
        processes = [*self.workers.values(), *([self.scheduler] if self.scheduler else [])]
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.end()

    def _cold(self, command: tuple[str, ...], environ: Mapping[str, str]) -> "Process":
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            (sys.executable, "-c", _LAUNCH, *_module(command)),
            stdin=subprocess.PIPE,
            env={**os.environ, **_QUIET, "PYTHONPATH": path, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Process(process, process.stdin, process.stdout, self.said)

    def _forked(self, command: tuple[str, ...], environ: Mapping[str, str]) -> "Process":
        assert self.warm is not None
        process = self.warm.popen(*_module(command), folder=ROOT, environment=os.environ | _QUIET)
        return Process(process, None, process.stdout, self.said)


def _module(command: tuple[str, ...]) -> tuple[str, ...]:
    return f"distributed.cli.{command[0]}", *command[1:], "--no-dashboard"


class Process:
    """A scheduler or a worker.

    Args:
        process: How it runs.
        stdin: What it ends with, if it is not told otherwise.
        stdout: What it says.
        said: Where that goes.
    """

    def __init__(
        self,
        process: "subprocess.Popen[str] | WarmPopen",
        stdin: IO[str] | None,
        stdout: IO[str] | None,
        said: list[str],
    ) -> None:
        self._process, self._stdin, self._stdout, self._said = process, stdin, stdout, said
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._stdout is not None
        with self._stdout as lines:
            for line in lines:
                self._said.append(line)
                self._lines.put(line)
        self._lines.put(None)

    def found(self, pattern: str) -> str:
        """Wait until it has said something, and return the group of it."""
        while (line := self._lines.get(timeout=60)) is not None:
            if found := re.search(pattern, line):
                return found[1]
        raise RuntimeError("".join(self._said))

    def poll(self) -> int | None:
        """Return its exit status when it has ended."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._stdin is not None:
            self._stdin.close()
