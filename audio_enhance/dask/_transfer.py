"""Bytes between a worker and the object store, with constant memory."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import IO

import aiohttp
from yarl import URL

from audio_enhance.local.enhancer.errors import EnhancerError
from audio_enhance.local.object_store.protocol import Errand
from audio_enhance.local.serving.threads import in_thread

_PIECE = 1 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)
_WAITS = (0.5, 2.0)  # seconds between tries


class TransferError(EnhancerError):
    """The object store was not reached, or did not answer as it should."""


async def fetch(errand: Errand, path: Path) -> None:
    """Write the recording of an errand to a file; raises `TransferError`."""

    async def once(session: aiohttp.ClientSession) -> None:
        async with session.get(_as_signed(errand.source_url), allow_redirects=False) as response:
            _check(response)
            with await in_thread(path.open, "wb") as file:
                async for piece in response.content.iter_chunked(_PIECE):
                    await in_thread(file.write, piece)

    await _several_times("The recording could not be fetched", once)


async def send(errand: Errand, path: Path) -> None:
    """Send a file as the result of an errand; raises `TransferError`."""
    size, md5 = await in_thread(_described, path)
    headers = {
        "Content-Length": str(size),
        "Content-MD5": md5,
        "Content-Type": errand.content_type,
    }

    async def once(session: aiohttp.ClientSession) -> None:
        with await in_thread(path.open, "rb") as file:
            async with aclosing(_pieces(file)) as pieces:
                url = _as_signed(errand.result_url)
                request = session.put(url, data=pieces, headers=headers, allow_redirects=False)
                async with request as response:
                    _check(response)

    await _several_times("The result could not be stored", once)


async def _several_times(
    what: str, once: Callable[[aiohttp.ClientSession], Awaitable[None]]
) -> None:
    for wait in (*_WAITS, None):
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False) as session:
                await once(session)
                return
        except (aiohttp.ClientError, TimeoutError, TransferError) as error:
            if wait is None:
                # aiohttp's own texts hold whole URLs, and those are credentials.
                why = error.message if isinstance(error, TransferError) else type(error).__name__
                raise TransferError(f"{what}: {why}") from None
            await asyncio.sleep(wait)


def _as_signed(url: str) -> URL:
    """Return a URL that is sent as it is: escaped in another way, the signature would be wrong."""
    return URL(url, encoded=True)


def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        host = response.url.host
        raise TransferError(f"the object store at {host} answered {response.status}.")


async def _pieces(file: IO[bytes]) -> AsyncGenerator[bytes]:
    while piece := await in_thread(file.read, _PIECE):
        yield piece


def _described(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").digest()
    return path.stat().st_size, base64.b64encode(md5).decode()
