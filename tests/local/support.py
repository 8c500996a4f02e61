"""What the tests of the local service share: a plain client, raw sockets, a clock, a stand-in."""

import asyncio
import base64
import hashlib
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import aiohttp
from attrs import define, field, frozen
from yarl import URL

from audio_enhance.local import LocalService

BODY = b"ID3" + bytes(range(256)) * 40


def md5(data: bytes) -> str:
    """The base64 MD5."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


# What the upload of `BODY` says of it.
RIGHT = {
    "Content-Length": str(len(BODY)),
    "Content-MD5": md5(BODY),
    "Content-Type": "audio/mpeg",
}


@define
class FakeClock:
    """Seconds that pass when told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@define
class StandIn:
    """An enhancer that copies, and can be held up."""

    gate: asyncio.Event | None = None
    error: Exception | None = None
    notes: tuple[str, ...] = ()
    seen: list[tuple[bytes, str, int]] = field(factory=list[tuple[bytes, str, int]])
    started: asyncio.Queue[int] = field(factory=asyncio.Queue[int])
    running: int = 0
    most: int = 0
    closed: bool = False

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> Sequence[str] | None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            head = source.read_bytes()[:64]
            self.seen.append((head, content_type, strength))
            self.started.put_nowait(strength)
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            shutil.copyfile(source, destination)
            return self.notes
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.closed = True


@frozen
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> ET.Element:
        """S3's error document."""
        return ET.fromstring(self.body)

    @property
    def code(self) -> str | None:
        """S3's error code."""
        return self.error.findtext("Code")


async def raw(origin: str, request: bytes, *, half_close: bool = False) -> Answer:
    """Send exactly these bytes and read until the server closes or the answer is whole."""
    parts = urlsplit(origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        await writer.drain()
        if half_close:
            writer.write_eof()
        head = await reader.readuntil(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 1"):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        body = b""
        if not request.startswith(b"HEAD"):
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(first.split()[1]), headers, body)
    finally:
        writer.close()
        await writer.wait_closed()


def put(url: str, headers: dict[str, str], body: bytes = b"", *, method: str = "PUT") -> bytes:
    """The bytes of a request to a presigned URL, whose query goes out as it is."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@define
class Caller:
    """A client of the API that retries nothing and hides nothing."""

    service: LocalService
    session: aiohttp.ClientSession
    client_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.client_id, "Authorization": f"Bearer {self.token}"}

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **arguments: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Call the API; the status, the JSON and the headers (lower-cased names)."""
        url = path if path.startswith("http") else self.service.base_url + path
        async with self.session.request(
            method,
            url,
            headers=self.headers if headers is None else headers,
            allow_redirects=False,
            **arguments,
        ) as response:
            is_json = response.content_type == "application/json"
            body = await response.json() if is_json else await response.read()
            return response.status, body, {k.lower(): v for k, v in response.headers.items()}

    async def call_in_vain(self, method: str, path: str, **arguments: Any) -> "asyncio.Task[Any]":
        """Start a call that gets no answer, and return once the service has it."""
        before = self.service.count()
        task = asyncio.create_task(self.call(method, path, **arguments))
        async with asyncio.timeout(60):
            while self.service.count() == before:
                await asyncio.sleep(0.001)
        return task

    async def create(self, data: bytes = BODY, **changes: Any) -> dict[str, Any]:
        """Create an asset."""
        facts = {
            "filename": "earhart-aviation.mp3",
            "byte_size": len(data),
            "checksum": md5(data),
            "content_type": "audio/mpeg",
        }
        status, asset, _ = await self.call(
            "POST", "/audio_services/v1/assets", json=facts | changes
        )
        assert status == 201, asset
        return asset  # type: ignore[no-any-return]

    async def put(self, asset: dict[str, Any], data: bytes = BODY, **headers: str) -> Answer:
        """Upload to the asset's URL."""
        sent = {"Content-MD5": md5(data), "Content-Type": asset["content_type"]} | headers
        return await self.fetch(asset["upload_url"], "PUT", data=BytesIO(data), headers=sent)

    async def fetch(self, url: str, method: str = "GET", **arguments: Any) -> Answer:
        """Use a presigned URL, byte for byte and without credentials."""
        async with self.session.request(
            method, URL(url, encoded=True), allow_redirects=False, **arguments
        ) as response:
            headers = {k.lower(): v for k, v in response.headers.items()}
            return Answer(response.status, headers, await response.read())

    async def asset(self, asset_id: str) -> dict[str, Any]:
        """Get an asset."""
        status, asset, _ = await self.call("GET", f"/audio_services/v1/assets/{asset_id}")
        assert status == 200, asset
        return asset  # type: ignore[no-any-return]

    async def ready(self, data: bytes = BODY, **changes: Any) -> dict[str, Any]:
        """Create an asset and upload it."""
        asset = await self.create(data, **changes)
        assert (await self.put(asset, data)).status == 200
        asset = await self.asset(asset["id"])
        assert asset["status"] == "ready_for_processing"
        return asset

    async def enhance(self, asset: dict[str, Any], strength: int = 93) -> dict[str, Any]:
        """Create a speech enhancement."""
        status, enhancement, _ = await self.call(
            "POST",
            f"/audio_services/v1/assets/{asset['id']}/speech_enhancements",
            json={"strength": strength},
        )
        assert status == 202, enhancement
        return enhancement  # type: ignore[no-any-return]

    async def enhancement(self, enhancement: dict[str, Any]) -> dict[str, Any]:
        """Get a speech enhancement."""
        status, answer, _ = await self.call("GET", path_of(enhancement))
        assert status == 200, answer
        return answer  # type: ignore[no-any-return]

    async def finished(self, enhancement: dict[str, Any]) -> dict[str, Any]:
        """Wait until a speech enhancement has ended."""
        async with asyncio.timeout(60):
            while True:
                answer = await self.enhancement(enhancement)
                if answer["status"] in ("succeeded", "failed"):
                    return answer
                await asyncio.sleep(0.005)

    async def result_url(self, strength: int = 93, **changes: Any) -> str:
        """Go all the way to the presigned URL of a result."""
        done = await self.finished(await self.enhance(await self.ready(**changes), strength))
        status, _, headers = await self.call("GET", done["download_url"])
        assert status == 302
        return headers["location"]


def files_in(folder: Path) -> set[Path]:
    """Every file in the folder and below, without those of the ledger."""
    found = {path for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.name.startswith("service.sqlite")}


def path_of(enhancement: dict[str, Any], prefix: str = "/audio_services/v1") -> str:
    """The path of a speech enhancement."""
    return f"{prefix}/assets/{enhancement['asset_id']}/speech_enhancements/{enhancement['id']}"


def sign_less(caller: Caller, asset_id: str, method: str = "PUT", **headers: str) -> str:
    """An upload URL that signs fewer headers than the service's own."""
    store = caller.service._store
    return store._presign(  # type: ignore[attr-defined, no-any-return]
        method, f"Assets/{asset_id}", "", lifetime=60, expires=60, headers=headers
    )
