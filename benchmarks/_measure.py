"""CPU time and memory of a process, and of the ones it runs."""

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

_STATUS = Path("/proc/self/status")


class Meter:
    """Measures this process from `__enter__` to `__exit__`.

    Attributes:
        cpu: CPU seconds, user and system together, of all threads.
        wall: Seconds.
        peak_mib: The most memory in use beyond what was in use at the start; `None` where the
            system does not tell (it takes Linux).
    """

    cpu: float
    wall: float
    peak_mib: float | None = None

    def __enter__(self) -> Self:
        gc.collect()
        self._memory = _reset_peak()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        return self

    def __exit__(self, *exception: object) -> None:
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall
        if self._memory is not None:
            self.peak_mib = (_memory("VmHWM") - self._memory) / 1024

    def as_json(self) -> dict[str, float | None]:
        """Return the figures."""
        return {"cpu": self.cpu, "wall": self.wall, "peak_mib": self.peak_mib}


def _reset_peak() -> int | None:
    try:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of VmHWM
    except OSError:
        return None
    return _memory("VmRSS")


def _memory(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(name)


def resident_mib() -> float:
    """Return the memory of this process that is in use now."""
    return _memory("VmRSS") / 1024


def run(command: Sequence[str]) -> dict[str, float]:
    """Run a program and return what all of it took, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": wall}


def run_script(path: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """Run a script of ours in a process of its own, and return what it says as JSON.

    Its whole CPU time is added as `whole`, imports included.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        [sys.executable, path, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(finished.stdout)
    said["whole"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said
