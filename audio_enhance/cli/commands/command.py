"""A command that runs beside us for as long as it likes, and gets the signals that we get."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

import click

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else []))
# What a shell says of a command that it cannot start (POSIX, "Exit Status for Commands").
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


async def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit status, 128 and the number after a signal.

    Signals are the command's to judge: it gets them, and we wait for what it makes of them.

    Args:
        command: The program and its arguments.
        environment: All of its environment variables.
    """
    process: asyncio.subprocess.Process | None = None
    early: list[int] = []

    def pass_on(number: int) -> None:
        if process is None:
            early.append(number)
        elif process.returncode is None and not (number == signal.SIGINT and _typed()):
            with suppress(ProcessLookupError):
                process.send_signal(number)

    def handle(number: int, _: FrameType | None) -> None:
        pass_on(number)

    before = {number: signal.signal(number, handle) for number in _PASSED_ON if _heeded(number)}
    try:
        try:
            process = await asyncio.create_subprocess_exec(*command, env=dict(environment))
        except OSError as error:
            click.echo(f"{command[0]}: {error.strerror}", err=True)
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
        try:
            for number in early:
                pass_on(number)
            status = await process.wait()
        finally:
            if process.returncode is None:  # we were cancelled: nothing outlives its owner
                process.kill()
                await process.wait()
        if status == -signal.SIGINT and sys.stderr.isatty():
            click.echo(err=True)  # as a shell does, after the "^C"
        return status if status >= 0 else 128 - status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heeded(number: int) -> bool:
    # What is ignored stays so, for the command as well: `nohup`, and jobs in the background.
    return signal.getsignal(number) is not signal.SIG_IGN


def _typed() -> bool:
    """Whether Ctrl-C comes from a terminal, which sends it to the command itself, too."""
    if sys.platform == "win32":
        return True  # a console sends it to all that are attached
    return any(_is_ours(fd) for fd in range(3))


def _is_ours(fd: int) -> bool:
    """Whether a stream is the terminal that signals us."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # it is no terminal, or that of somebody else
        return False
