"""Programs that begin at once, since Python and what they import are there already.

Each is a process of its own like any other, with an id, streams, signals and an end. It is forked
from one that has imported everything. What is about the start itself, or about what Python looks at
then (`NEEDS_A_START`), is started as usual.
"""

import asyncio
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import attrs

from .warm_server import LENGTH

ROOT = Path(__file__).parents[2]
# Variables that Python itself, or the system's libraries, read at the start only.
NEEDS_A_START = re.compile(r"PYTHON|LC_|LANG|LD_|TZ$|SSL")
MODULES = (
    "concurrent.futures.thread",
    "audio_enhance._client",
    "audio_enhance._jobs.batch",
    "audio_enhance._journal.database",
    "audio_enhance._journal.home",
    "audio_enhance._journal.lock",
    "audio_enhance._journal.schema",
    "audio_enhance.cli.main",
    "audio_enhance.local",
    "audio_enhance.local._service",
    "audio_enhance.local.enhancer.rehearsal",
    "av",
)


class WarmProcess:
    """A process that was forked; what there is of it is as in `asyncio.subprocess.Process`."""

    def __init__(
        self, pid: int, told: asyncio.StreamReader, connection: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = asyncio.StreamReader()
        self.stderr = asyncio.StreamReader()
        self._end = asyncio.create_task(self._noticed(told, connection))

    async def _noticed(self, told: asyncio.StreamReader, connection: asyncio.StreamWriter) -> int:
        try:
            self.returncode = int(await told.readline())
        finally:
            connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    async def communicate(self) -> tuple[bytes, bytes]:
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return out, err


@attrs.frozen
class Warm:
    """What starts them."""

    _address: str

    async def start(
        self,
        module: str,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        stdin: int = 0,
        stdout: int | None = None,
    ) -> WarmProcess:
        """Run a module as a program; its output and its errors are there to be read.

        Args:
            module: What `python -m` would be given.
            arguments: Its arguments.
            folder: Where it runs.
            environment: All of its variables.
            stdin: A descriptor, which stays open here.
            stdout: Another one, instead of the output that can be read.
        """
        out, err = os.pipe(), os.pipe()
        try:
            streams = [stdin, out[1] if stdout is None else stdout, err[1]]
            connection = self._ask(module, arguments, folder, environment, streams)
        finally:
            os.close(out[1])
            os.close(err[1])
        told, writer = await asyncio.open_unix_connection(sock=connection)
        process = WarmProcess(int(await told.readline()), told, writer)
        await _read(out[0], process.stdout)
        await _read(err[0], process.stderr)
        return process

    def popen(
        self, module: str, *arguments: str, folder: Path, environment: Mapping[str, str]
    ) -> "WarmPopen":
        """Run a module as a program, for those without an event loop; it reads nothing."""
        end, start = os.pipe()
        try:
            with Path(os.devnull).open("rb") as nothing:
                streams = [nothing.fileno(), start, start]
                connection = self._ask(module, arguments, folder, environment, streams)
        finally:
            os.close(start)
        return WarmPopen(connection, os.fdopen(end, "r"))

    def _ask(
        self,
        module: str,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        streams: list[int],
    ) -> socket.socket:
        """Ask for a process; return where it is told about it."""
        request = {
            "module": module,
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
        }
        text = json.dumps(request).encode()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        socket.send_fds(connection, [len(text).to_bytes(LENGTH, "big")], streams)
        connection.sendall(text)
        return connection


class WarmPopen:
    """A process that was forked; what there is of it is as in `subprocess.Popen`.

    Attributes:
        stdout: Its output and its errors.
    """

    def __init__(self, connection: socket.socket, stdout: TextIO) -> None:
        self.stdout = stdout
        self._connection = connection
        self._told = connection.makefile()
        self.pid = int(self._told.readline())
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None and select.select([self._connection], [], [], 0)[0]:
            return self.wait()
        return self._status

    def wait(self) -> int:
        if self._status is None:
            self._status = int(self._told.readline())
            self._told.close()
            self._connection.close()
        return self._status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def _read(pipe: int, reader: asyncio.StreamReader) -> None:
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
    )


@contextmanager
def warm_server(
    modules: Sequence[str] = MODULES, environment: Mapping[str, str] = {}
) -> Generator[Warm | None]:
    """Start what they are forked from; where there is no way to, `None`.

    Args:
        modules: What it imports.
        environment: Variables that are read when these are imported.
    """
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "warm")
        with subprocess.Popen(
            [sys.executable, "-W", "default", "-m", "tests.support.warm_server", address, *modules],
            cwd=ROOT,
            env=os.environ | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield Warm(address)
