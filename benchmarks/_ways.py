"""Ways to move a file to and from a presigned URL: ours, and those one would write by hand."""

import asyncio
import functools
import os
import shutil
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

KIB = 1 << 10
MIB = 1 << 20


class Way(ABC):
    """One way to transfer files; an async context that holds its connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def prepare(self, path: Path) -> None:
        """Do before an upload what is not part of the transfer: hashing, for example."""
        del path

    @abstractmethod
    async def upload(self, url: str, path: Path) -> None:
        """Send a file."""

    @abstractmethod
    async def download(self, url: str, path: Path) -> None:
        """Fetch a file."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections."""


class Ours(Way):
    """This library's own steps 2 and 5."""

    def __init__(self) -> None:
        from audio_enhance import AccessToken, EnhanceClient, Source

        # Nothing is asked of the API: only the transfers are of interest.
        api = "http://localhost:9"
        self._client = EnhanceClient(AccessToken("token", client_id="benchmark"), base_url=api)
        self._make_source = functools.partial(Source.from_path, content_type="audio/wav")
        self._sources: dict[Path, Source] = {}

    async def prepare(self, path: Path) -> None:
        self._sources[path] = source = self._make_source(path)
        await source.fingerprint()

    async def upload(self, url: str, path: Path) -> None:
        from audio_enhance import Asset, AssetStatus

        source = self._sources[path]
        fingerprint = await source.fingerprint()
        now = datetime.now(UTC)
        asset = Asset(
            id="a",
            filename=path.name,
            upload_url=url,
            status=AssetStatus.WAITING_FOR_UPLOAD,
            created_at=now,
            updated_at=now,
            byte_size=fingerprint.byte_size,
            content_type="audio/wav",
            checksum=fingerprint.checksum,
        )
        await self._client.upload(asset, source)

    async def download(self, url: str, path: Path) -> None:
        from audio_enhance import EnhancementStatus, SpeechEnhancement

        now = datetime.now(UTC)
        enhancement = SpeechEnhancement(
            id="e",
            asset_id="a",
            strength=93,
            status=EnhancementStatus.SUCCEEDED,
            download_url=url,  # itself presigned, as in the later revision of the API's guide
            requested_processing_at=now,
            finished_processing_at=now,
            model_id="v1",
        )
        await self._client.download(
            enhancement, output_dir=path.parent, filename=path.name, overwrite=True
        )

    async def aclose(self) -> None:
        await self._client.aclose()


class Aiohttp(Way):
    """aiohttp and aiofiles, as in most answers on the matter."""

    def __init__(self, chunk: int) -> None:
        import aiofiles
        import aiohttp
        import yarl

        self._chunk = chunk
        self._files = aiofiles
        self._url = functools.partial(yarl.URL, encoded=True)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def _read(self, path: Path) -> Any:
        async with self._files.open(path, "rb") as file:
            while data := await file.read(self._chunk):
                yield data

    async def upload(self, url: str, path: Path) -> None:
        headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "audio/wav"}
        async with self._session.put(
            self._url(url), data=self._read(path), headers=headers
        ) as response:
            response.raise_for_status()

    async def download(self, url: str, path: Path) -> None:
        async with self._session.get(self._url(url)) as response:
            response.raise_for_status()
            async with self._files.open(path, "wb") as file:
                async for data in response.content.iter_chunked(self._chunk):
                    await file.write(data)

    async def aclose(self) -> None:
        await self._session.close()


class Httpx(Way):
    """httpx and aiofiles."""

    def __init__(self) -> None:
        import aiofiles
        import httpx

        self._files = aiofiles
        # Its own limit of 5 s for a write or a read is too short for many transfers at once.
        self._client = httpx.AsyncClient(
            timeout=None, limits=httpx.Limits(max_connections=None), trust_env=True
        )

    async def _read(self, path: Path) -> Any:
        async with self._files.open(path, "rb") as file:
            while data := await file.read(64 * KIB):
                yield data

    async def upload(self, url: str, path: Path) -> None:
        headers = {"Content-Length": str(path.stat().st_size), "Content-Type": "audio/wav"}
        content: Any = self._read(path)
        response = await self._client.put(url, content=content, headers=headers)
        response.raise_for_status()

    async def download(self, url: str, path: Path) -> None:
        async with self._client.stream("GET", url) as response:
            response.raise_for_status()
            async with self._files.open(path, "wb") as file:
                async for data in response.aiter_bytes(64 * KIB):
                    await file.write(data)

    async def aclose(self) -> None:
        await self._client.aclose()


class Requests(Way):
    """requests in a thread."""

    def __init__(self) -> None:
        import requests

        self._session = requests.Session()
        self._session.verify = os.environ.get("SSL_CERT_FILE") or True
        self._session.trust_env = False

    async def upload(self, url: str, path: Path) -> None:
        def send() -> None:
            with path.open("rb") as file:
                headers = {"Content-Type": "audio/wav"}
                self._session.put(url, data=file, headers=headers).raise_for_status()

        await asyncio.to_thread(send)

    async def download(self, url: str, path: Path) -> None:
        def fetch() -> None:
            with self._session.get(url, stream=True) as response, path.open("wb") as file:
                response.raise_for_status()
                shutil.copyfileobj(response.raw, file, MIB)

        await asyncio.to_thread(fetch)

    async def aclose(self) -> None:
        self._session.close()


class Boto3(Way):
    """boto3 and its s3transfer in a thread; with credentials, since they take no presigned URL."""

    def __init__(self, origin: str) -> None:
        import boto3
        from boto3.s3.transfer import TransferConfig
        from botocore.config import Config

        self._client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType]
            "s3",
            endpoint_url=origin,
            region_name="us-east-1",
            aws_access_key_id="benchmark",
            aws_secret_access_key="benchmark",
            verify=os.environ.get("SSL_CERT_FILE") or True,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        # One PUT, as with a presigned URL.
        self._config = TransferConfig(multipart_threshold=1 << 40, use_threads=False)

    async def upload(self, url: str, path: Path) -> None:
        await asyncio.to_thread(
            self._client.upload_file, str(path), "bucket", _key(url), Config=self._config
        )

    async def download(self, url: str, path: Path) -> None:
        await asyncio.to_thread(
            self._client.download_file, "bucket", _key(url), str(path), Config=self._config
        )

    async def aclose(self) -> None:
        self._client.close()


def _key(url: str) -> str:
    return urlsplit(url).path.removeprefix("/bucket/")


def make_way(name: str, origin: str) -> Way:
    """Return the way of that name; what it needs is imported now."""
    match name:
        case "audio-enhance":
            return Ours()
        case "aiohttp, aiofiles 64 KiB":
            return Aiohttp(64 * KIB)
        case "aiohttp, aiofiles 1 MiB":
            return Aiohttp(MIB)
        case "httpx, aiofiles 64 KiB":
            return Httpx()
        case "requests, in a thread":
            return Requests()
        case "boto3, in a thread":
            return Boto3(origin)
        case _:
            raise ValueError(name)


WAYS = (
    "audio-enhance",
    "aiohttp, aiofiles 64 KiB",
    "aiohttp, aiofiles 1 MiB",
    "httpx, aiofiles 64 KiB",
    "requests, in a thread",
    "boto3, in a thread",
)
