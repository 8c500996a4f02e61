"""A server without any HTTP of its own: records the bytes that come, sends the bytes it is told."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable, Iterable
from ssl import SSLContext
from types import TracebackType
from typing import Any, Literal, Self

import attrs

Then = Literal["keep", "close", "reset", "hang"]


@attrs.frozen
class Request:
    """One request as it was on the wire."""

    head: bytes
    body: bytes = b""

    @property
    def line(self) -> str:
        """The request line."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        """What stands between method and version, byte for byte."""
        return self.line.split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case; a name that comes twice fails."""
        found: dict[str, str] = {}
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            if line:
                name, _, value = line.partition(":")
                assert name.lower() not in found, f"{name} twice"
                found[name.lower()] = value.strip()
        return found


@attrs.frozen
class Reply:
    """What is sent for one request, and what becomes of the connection then.

    Attributes:
        pieces: Sent one after the other, each on its own way.
        then: Wait for the next request, close, reset, or say nothing more.
        early: Answer as soon as the head is there, and never read the body.
        after: Answer as soon as so many bytes of the body are there.
        meanwhile: Done when the head is there and nothing of the body was read.
    """

    pieces: tuple[bytes, ...] = ()
    then: Then = "keep"
    early: bool = False
    after: int | None = None
    meanwhile: Callable[[], None] | None = None


def reply(
    status: int = 200,
    body: bytes = b"",
    *,
    then: Then = "keep",
    early: bool = False,
    after: int | None = None,
    length: int | None = None,
    reason: str = "Reason",
    **headers: Any,
) -> Reply:
    """Return a well-formed answer; underscores in header names stand for hyphens.

    `length` is announced instead of the body's own; below zero, none is.
    """
    length = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} {reason}"]
    if length >= 0:
        lines.append(f"Content-Length: {length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return Reply((head + body,), then, early, after)


Script = Reply | Callable[[Request], Reply]


class RawServer:
    """Answers one request after the other from a script; whatever comes afterwards hangs.

    Attributes:
        requests: What came, in order.
        connections: How many connections were made.
        unread: Of requests that were answered early, how much of the body came nevertheless.
    """

    def __init__(self, script: Iterable[Script] = (), *, ssl: SSLContext | None = None) -> None:
        self.script: list[Script] = list(script)
        self.requests: list[Request] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self._ssl = ssl
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=self._ssl)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http{'s' if self._ssl else ''}://127.0.0.1:{self.port}"

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                reply = await self._exchange(reader, writer)
                if reply.then == "hang":
                    await asyncio.Event().wait()
                if reply.then == "reset":
                    raw: socket.socket = writer.get_extra_info("socket")
                    # Lingering for no time at all makes closing a reset (socket(7), SO_LINGER).
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                if reply.then != "keep":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Reply:
        head = await reader.readuntil(b"\r\n\r\n")
        step = self.script.pop(0) if self.script else Reply(then="hang")
        if isinstance(step, Reply) and step.meanwhile is not None:
            step.meanwhile()
        if callable(step):
            request = Request(head, await _body(reader, head, None))
            step = step(request)
        else:
            request = Request(head, b"" if step.early else await _body(reader, head, step.after))
        self.requests.append(request)
        self.arrived.set()
        for piece in step.pieces:
            writer.write(piece)
            await writer.drain()
            if len(step.pieces) > 1:
                await asyncio.sleep(0.01)  # so that they do not arrive as one
        return step


async def _body(reader: asyncio.StreamReader, head: bytes, limit: int | None) -> bytes:
    assert b"transfer-encoding" not in head.lower(), "a chunked request"
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    length = int(found[1]) if found else 0
    return await reader.readexactly(length if limit is None else min(limit, length))
