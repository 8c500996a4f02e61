"""An API that answers at once and counts what it is asked, in a process of its own.

It knows the requests of the guide's five steps and nothing else; every enhancement has succeeded
by the time somebody asks about it. The object store is on a port of its own.
"""

import asyncio
import contextlib
import json
import multiprocessing
import re
from collections import Counter
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from typing import Any
from urllib.request import urlopen

import attrs

_V1 = "/audio_services/v1/assets"
_SIGNATURE = "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost"


@attrs.frozen
class CountingServer:
    """A running server.

    Attributes:
        url: The API's origin; `/ims/token/v3` is there, too.
    """

    url: str

    def counts(self) -> dict[str, int]:
        """Return how many requests of each kind there were since the last time."""
        with urlopen(f"{self.url}/counts") as answer:
            counted: dict[str, int] = json.loads(answer.read())
        return counted


@contextlib.contextmanager
def running_server() -> Generator[CountingServer]:
    """Run a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield CountingServer(ours.recv())
    finally:
        process.terminate()
        process.join()


@attrs.define
class _Asset:
    filename: str
    byte_size: int
    content_type: str
    checksum: str


class _Api:
    """What the API knows; forgotten with the download of a result."""

    def __init__(self) -> None:
        self.url = self.store_url = ""
        self.counts: Counter[str] = Counter()
        self._assets: dict[str, _Asset] = {}
        self._ids = count()

    def answer(self, method: str, path: str, body: bytes) -> tuple[str, str, bytes]:
        """Return status, further headers and body."""
        if path.startswith(_V1):
            return self._api(method, path.removeprefix(_V1).split("/")[1:], body)
        if path.startswith("/ims/"):
            return _json(
                "200 OK", {"access_token": "t", "token_type": "bearer", "expires_in": 86399}
            )
        if path == "/counts":
            counts, self.counts = self.counts, Counter()
            return _json("200 OK", counts)
        return "404 Not Found", "", b""

    def _api(self, method: str, parts: list[str], body: bytes) -> tuple[str, str, bytes]:
        match method, parts:
            case "POST", []:
                self.counts["POST asset"] += 1
                asset_id = f"{next(self._ids):036}"
                self._assets[asset_id] = _Asset(**json.loads(body))
                return _json("201 Created", self._described(asset_id, uploaded=False))
            case "GET", [asset_id]:
                self.counts["GET asset"] += 1
                return _json("200 OK", self._described(asset_id, uploaded=True))
            case "POST", [asset_id, _]:
                self.counts["POST enhancement"] += 1
                return _json("202 Accepted", self._enhancement(asset_id, finished=False))
            case "GET", [asset_id, _, _]:
                self.counts["GET enhancement"] += 1
                return _json("200 OK", self._enhancement(asset_id, finished=True))
            case "GET", [asset_id, _, _, _]:
                self.counts["GET download"] += 1
                location = f"{self.store_url}/{asset_id}?{_SIGNATURE}"
                return "302 Found", f"Location: {location}\r\n", b""
            case _:
                return "404 Not Found", "", b""

    def store(self, method: str, path: str, _body: bytes) -> tuple[str, str, bytes]:
        """Answer as the object store."""
        if method == "PUT":
            self.counts["PUT bytes"] += 1
            return "200 OK", 'ETag: "x"\r\n', b""
        self.counts["GET bytes"] += 1
        asset = self._assets.pop(path[1:37])
        stem, _, ending = asset.filename.rpartition(".")
        name = f'Content-Disposition: attachment; filename="{stem}-enhanced-93p.{ending}"\r\n'
        return "200 OK", f'ETag: "x"\r\n{name}', bytes(asset.byte_size)

    def _described(self, asset_id: str, *, uploaded: bool) -> dict[str, Any]:
        now = _now()
        return {
            "id": asset_id,
            "upload_url": None if uploaded else f"{self.store_url}/{asset_id}?{_SIGNATURE}",
            "status": "ready_for_processing" if uploaded else "waiting_for_upload",
            "created_at": now,
            "updated_at": now,
            **attrs.asdict(self._assets[asset_id]),
        }

    def _enhancement(self, asset_id: str, *, finished: bool) -> dict[str, Any]:
        now = _now()
        download = f"{self.url}{_V1}/{asset_id}/speech_enhancements/{asset_id}/download"
        return {
            "strength": 93,
            "id": asset_id,
            "download_url": download if finished else None,
            "asset_id": asset_id,
            "requested_processing_at": now,
            "finished_processing_at": now if finished else None,
            "status": "succeeded" if finished else "queued",
            "model_id": "v1",
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(status: str, data: Any) -> tuple[str, str, bytes]:
    return status, "Content-Type: application/json\r\n", json.dumps(data).encode()


Answering = Callable[[str, str, bytes], tuple[str, str, bytes]]
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class _Connection(asyncio.Protocol):
    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(rest) < length:
                return
            body, self._received = rest[:length], rest[length:]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            status, headers, answer = self._answering(method, path, body)
            self._transport.write(
                f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(answer)}\r\n\r\n".encode()
                + answer
            )


def _serve(parent: Connection) -> None:
    asyncio.run(_run(parent))


async def _run(parent: Connection) -> None:
    loop = asyncio.get_running_loop()
    api = _Api()
    async with (
        await loop.create_server(lambda: _Connection(api.answer), "127.0.0.1", 0) as front,
        await loop.create_server(lambda: _Connection(api.store), "127.0.0.1", 0) as store,
    ):
        api.url = f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}"
        api.store_url = f"http://127.0.0.1:{store.sockets[0].getsockname()[1]}"
        parent.send(api.url)
        await asyncio.Event().wait()
