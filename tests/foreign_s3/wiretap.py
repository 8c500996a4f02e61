"""A way to an HTTP server on which everything can be seen, cut or damaged."""

import asyncio
import re
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from audio_enhance.local import RequestRecord
from audio_enhance.local.conditions.records import new_records

_HEAD = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n(?:[!-~]+:[^\r\n]*\r\n)+\r\n")


class Wiretap:
    """Passes bytes on to Swift and back.

    The presigned URLs of a service that knows only this address are for it, and Swift goes by
    the ``Host`` that it is sent.

    Attributes:
        heads: The heads of the requests with a presigned query, in order: those of the client.
        cut_down: After so many more bytes from Swift, once, the connection ends.
        cut_up: After so many more bytes to Swift, once, the connection ends.
        damage: The next such bytes to Swift, once, arrive in reverse order.
        struck: How often one of these happened.
        record: Where those requests are written down, as the built-in object store would.
    """

    def __init__(self, origin: str) -> None:
        self._origin = urlsplit(origin)
        self.heads: list[bytes] = []
        self.cut_down: int | None = None
        self.cut_up: int | None = None
        self.damage: bytes | None = None
        self.struck = 0
        self.record = new_records()
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        ways: list[asyncio.Task[None]] = []
        try:
            there, back = await asyncio.open_connection(self._origin.hostname, self._origin.port)
            ends.append(back)
            ways.append(asyncio.create_task(self._up(reader, back)))
            ways.append(asyncio.create_task(self._down(there, writer)))
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in ends:
                end.close()
            await asyncio.gather(
                *ways, *(end.wait_closed() for end in ends), return_exceptions=True
            )

    def _note(self, head: bytes) -> None:
        self.heads.append(head)
        method = head.partition(b" ")[0].decode()
        self.record.append(RequestRecord(time.monotonic(), "s3", method, f"{method} /object", ""))

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = b""
        while data := await reader.read(1 << 16):
            seen += data
            while found := _HEAD.search(seen):
                if b"X-Amz-Signature=" in found[0]:
                    self._note(found[0])
                seen = seen[found.end() :]
            seen = seen[-(1 << 14) :]
            if self.damage is not None and self.damage in data:
                data = data.replace(self.damage, self.damage[::-1], 1)
                self.damage = None
                self.struck += 1
            if self.cut_up is not None:
                self.cut_up -= len(data)
                if self.cut_up <= 0:
                    self.cut_up = None
                    self.struck += 1
                    return
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 14):
            if self.cut_down is not None:
                data = data[: self.cut_down]
                self.cut_down -= len(data)
            writer.write(data)
            await writer.drain()
            if self.cut_down == 0:
                self.cut_down = None
                self.struck += 1
                return
