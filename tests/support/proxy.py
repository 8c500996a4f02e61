"""An HTTP proxy in a process of its own, which writes down what it is asked for.

usage: proxy.py STATUS; with 0 it passes everything on, otherwise it refuses tunnels with STATUS.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit

import attrs


@attrs.frozen
class Proxy:
    """A running proxy.

    Attributes:
        address: Its host and port.
    """

    address: str
    log: Path

    @property
    def asked(self) -> list[str]:
        """For each request: its method, its target, and whether credentials came along."""
        return self.log.read_text().splitlines()


@contextlib.asynccontextmanager
async def proxy(folder: Path, status: int = 0) -> AsyncGenerator[Proxy]:
    """Start one."""
    log = folder / "proxy.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, str(status)), stdout=subprocess.PIPE, stderr=out
        )
    assert process.stdout is not None
    port = (await process.stdout.readline()).decode().strip()
    try:
        yield Proxy(f"127.0.0.1:{port}", log)
    finally:
        process.kill()
        await process.communicate()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *headers = head.rstrip().split("\r\n")
    method, target, _ = request.split()
    known = any(line.lower().startswith("proxy-authorization: basic") for line in headers)
    print(method, target, "known" if known else "unknown", file=sys.stderr, flush=True)  # noqa: T201
    if method == "CONNECT":
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        return
    parts = urlsplit(target)
    path = target.partition(parts.netloc)[2]
    kept = [line for line in headers if not line.lower().startswith(("proxy-", "connection:"))]
    lines = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
    there, back = await asyncio.open_connection(parts.hostname, parts.port)
    back.write("\r\n".join(lines).encode("latin-1"))
    sending = asyncio.create_task(_pass_on(reader, back))
    await _pass_on(there, writer)
    sending.cancel()
    for each in (back, writer):
        each.close()


async def _main() -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, int(sys.argv[1])), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
