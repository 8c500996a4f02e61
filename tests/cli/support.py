"""The command, run as people run it: in a process of its own."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

import audio_enhance
from tests.support.warm import NEEDS_A_START, Warm, WarmProcess

PROJECT = Path(audio_enhance.__file__).parents[1]
Running = Process | WarmProcess
MODULE = (sys.executable, "-W", "default", "-m", "audio_enhance")


@attrs.frozen
class Ended:
    """A command that has ended."""

    status: int | None
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@attrs.frozen
class Piped:
    """A command that has ended, and the recording on its standard output."""

    status: int | None
    out: bytes
    err: str


@attrs.frozen
class Command:
    """`audio-enhance` in some folder and environment."""

    folder: Path
    environment: Mapping[str, str]
    warm: Warm | None
    _started: list[Running] = attrs.field(factory=list[Running], init=False)

    async def __call__(self, *arguments: str, **environment: str) -> Ended:
        """Run it to its end."""
        return await ended(await self.start(*arguments, **environment))

    async def start(self, *arguments: str, **environment: str) -> Running:
        """Start it."""
        return await self.start_with(0, None, *arguments, **environment)

    async def start_with(
        self, stdin: int, stdout: int | None, *arguments: str, **environment: str
    ) -> Running:
        """Start it with a standard input of its own, and a standard output if one is given."""
        if self.warm is None or any(map(NEEDS_A_START.match, environment)):
            program = (*MODULE, *arguments)
            return await self._start(program, PIPE, environment, stdin, stdout)
        process = await self.warm.start(
            "audio_enhance",
            *arguments,
            folder=self.folder,
            environment=clean_environment() | dict(self.environment) | environment,
            stdin=stdin,
            stdout=stdout,
        )
        self._started.append(process)
        return process

    async def piped(self, data: bytes, *arguments: str, **environment: str) -> Piped:
        """Run it to its end with some bytes on standard input, at most 64 KiB."""
        end, start = os.pipe()
        try:
            os.write(start, data)
            os.close(start)
            process = await self.start_with(end, None, *arguments, **environment)
        finally:
            os.close(end)
        out, err = await process.communicate()
        assert b"Traceback" not in (err or b""), err
        return Piped(process.returncode, out or b"", (err or b"").decode())

    async def redirected(self, where: str, *arguments: str, **environment: str) -> Ended:
        """Run it to its end with some streams led elsewhere by a shell: `>&-` closes one."""
        line = f'exec "$@" {where}'
        program = ("sh", "-c", line, "sh", *MODULE, *arguments)
        return await ended(await self._start(program, PIPE, environment))

    async def start_on(self, stderr: int, *arguments: str, **environment: str) -> Process:
        """Start it with a standard error of its own."""
        return await self._start((*MODULE, *arguments), stderr, environment)

    async def _start(
        self,
        program: Sequence[str],
        stderr: int,
        environment: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
    ) -> Process:
        process = await asyncio.create_subprocess_exec(
            *program,
            cwd=self.folder,
            env=clean_environment() | dict(self.environment) | dict(environment),
            stdin=stdin,
            stdout=PIPE if stdout is None else stdout,
            stderr=stderr,
        )
        self._started.append(process)
        return process

    async def end_all(self) -> None:
        """End what still runs, after a test that failed for example."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ended(process: Running, *signals: int) -> Ended:
    """Send signals to a command, and wait for its end."""
    for number in signals:
        process.send_signal(number)
    out, err = await process.communicate()
    run = Ended(process.returncode, (out or b"").decode(), (err or b"").decode())
    assert "Traceback" not in run.err, run.err
    assert "Warning" not in run.err  # of what is left open, or not awaited
    return run


async def until(process: Running, condition: Callable[[], object]) -> None:
    """Wait for something that a running command brings about."""
    while not condition():
        if process.returncode is not None:
            raise AssertionError(await ended(process))
        await asyncio.sleep(0.01)


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything that concerns us."""
    ours = ("FIREFLY_", "AUDIO_ENHANCE_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "AWS_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ours) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONPATH": str(PROJECT), "TERM": "xterm-256color"}


def blocking(folder: Path, modules: Sequence[str]) -> dict[str, str]:
    """Return an environment in which some modules cannot be imported, as if not installed."""
    folder.mkdir()
    lines = ["import sys", *(f"sys.modules[{module!r}] = None" for module in modules)]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)])}


SIGINT, SIGTERM, SIGHUP = signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", 1)
