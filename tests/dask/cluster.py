"""A real cluster: a scheduler and workers, each a process of its own that can be killed."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import attrs

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


@attrs.define
class Cluster:
    """A scheduler, and what works for it.

    Attributes:
        address: The scheduler's.
        workers: The workers, by their addresses.
    """

    folder: Path
    address: str = ""
    scheduler: "subprocess.Popen[str] | None" = None
    workers: "dict[str, subprocess.Popen[str]]" = attrs.field(factory=dict)
    said: list[str] = attrs.field(factory=list)

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        """Start the scheduler."""
        command = ("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        self.scheduler, self.address = self._start(
            command, r"Scheduler at:\s+(tcp://\S+)", "--no-dashboard", environ or {}
        )

    def add(self, count: int, environ: Mapping[str, str] | None = None) -> list[str]:
        """Start workers of one thread each, side by side, and return their addresses."""
        command = (
            *("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"),
            *("--local-directory", str(self.folder), "--memory-limit", "0"),
        )
        starting = [self._popen(command, "--no-dashboard", environ or {}) for _ in range(count)]
        added: list[str] = []
        for process in starting:
            address = self._address(process, r"Start worker at:\s+(tcp://\S+)")
            self._address(process, r"(Registered to)")
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
        process = self.workers.pop(address)
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def stop(self) -> None:
        """End all of it."""
        processes = [*self.workers.values(), *([self.scheduler] if self.scheduler else [])]
        for process in processes:
            with suppress(ProcessLookupError):
                process.kill()
        for process in processes:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def _start(
        self, command: tuple[str, ...], pattern: str, dashboard: str, environ: Mapping[str, str]
    ) -> "tuple[subprocess.Popen[str], str]":
        process = self._popen(command, dashboard, environ)
        return process, self._address(process, pattern)

    def _popen(
        self, command: tuple[str, ...], dashboard: str, environ: Mapping[str, str]
    ) -> "subprocess.Popen[str]":
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            (
                sys.executable,
                "-c",
                _LAUNCH,
                f"distributed.cli.{command[0]}",
                *command[1:],
                dashboard,
            ),
            stdin=subprocess.PIPE,
            env={**os.environ, **_QUIET, "PYTHONPATH": path, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: SimpleQueue[str | None] = SimpleQueue()
        setattr(process, "lines", lines)  # noqa: B010  a note on somebody else's object

        def read() -> None:
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    self.said.append(line)
                    lines.put(line)
            lines.put(None)

        Thread(target=read, daemon=True).start()
        return process

    def _address(self, process: Any, pattern: str) -> str:
        while (line := process.lines.get(timeout=60)) is not None:
            if found := re.search(pattern, line):
                return found[1]
        raise RuntimeError("".join(self.said))
