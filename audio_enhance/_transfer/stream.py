"""A result passed through without a file: for players, which ask for parts of it."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import aiohttp
import attrs

from audio_enhance._core.errors import (
    InvalidInputError,
    RequestTimeoutError,
    TransferStalledError,
)
from audio_enhance._core.phase import Phase
from audio_enhance._session.answers import REDIRECTS, storage_error
from audio_enhance._session.redirects import followed
from audio_enhance._session.retry import Retrier
from audio_enhance._session.sessions import log_answer, translated, whole_answer

from .results import check_beginning, check_result
from .storage import Storage

_T = TypeVar("_T")
_PASSED_ON = ("Content-Type", "Content-Length", "Content-Range", "ETag", "Last-Modified")
# One or several spans, or a suffix (RFC 9110 §14.1.2); never anything that could end the header.
_RANGE = re.compile(r"bytes=[0-9,\- ]{1,200}")


@attrs.frozen
class ResultStream:
    """The bytes of a result, or of a part of it, as they come from the object store.

    Attributes:
        status: 200 for all of it, 206 for a part, 416 for a part that is not there.
        headers: What to pass on to whoever asked: type, length, range, ETag.
    """

    status: int
    headers: Mapping[str, str]
    _chunks: AsyncIterator[bytes] = attrs.field(repr=False)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks


@asynccontextmanager
async def open_result(
    storage: Storage,
    retrier: Retrier,
    locate: Callable[[], Awaitable[str]],
    *,
    range: str | None,  # noqa: A002  the header's own name
) -> AsyncGenerator[ResultStream]:
    """Begin to read a result; the connection is closed at the end of the block.

    Args:
        storage: Where it comes from.
        retrier: Tries again what failed before the first byte.
        locate: Gives the presigned URL; asked again for every try.
        range: The `Range` header of whoever asked.

    Raises:
        InvalidInputError: The range is malformed.
        StorageError: The object store refused it.
    """
    if range is not None and not _RANGE.fullmatch(range):
        raise InvalidInputError(f"{range[:40]!r} is not a range of bytes.")
    headers = {} if range is None else {"Range": range}
    async with AsyncExitStack() as stack:

        async def attempt() -> tuple[aiohttp.ClientResponse, bytes]:
            return await _opened(storage, await locate(), headers, stack)

        response, beginning = await retrier(attempt, phase=Phase.DOWNLOAD)
        passed = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
        passed["Accept-Ranges"] = "bytes"
        yield ResultStream(response.status, passed, _chunks(storage, response, beginning))


async def _opened(
    storage: Storage, url: str, headers: Mapping[str, str], stack: AsyncExitStack
) -> tuple[aiohttp.ClientResponse, bytes]:
    """Return an answer that holds what was asked for, open as long as the stack, and its beginning.

    The beginning is empty where the answer is of a later part.
    """
    arrived: list[tuple[aiohttp.ClientResponse, bytes]] = []

    async def hop(url: str) -> str | None:
        async with AsyncExitStack() as here:
            response = await _moving(
                storage, here.enter_async_context(storage.transport.get(url, headers))
            )
            log_answer("GET", url, response)
            if response.status in REDIRECTS:
                return response.headers.get("Location", "")
            if not response.ok and response.status != 416:
                answer = await _moving(storage, whole_answer(response))
                raise storage_error(answer, storage.clock.time())
            beginning = b""
            if response.ok:
                check_result(response)
            if response.status == 200 or _is_first_part(response):
                beginning = await _moving(storage, response.content.readany())
                check_beginning(response, beginning)
            arrived.append((response, beginning))
            stack.push_async_callback(here.pop_all().aclose)
            return None

    await followed(url, hop, storage.reach)
    return arrived[0]


def _is_first_part(response: aiohttp.ClientResponse) -> bool:
    return response.headers.get("Content-Range", "").lower().startswith("bytes 0-")


async def _chunks(
    storage: Storage, response: aiohttp.ClientResponse, beginning: bytes
) -> AsyncGenerator[bytes]:
    if beginning:
        yield beginning
    while chunk := await _moving(storage, response.content.readany()):
        yield chunk


async def _moving(storage: Storage, step: Awaitable[_T]) -> _T:
    """Await one step of a transfer, for as long as a transfer may stand still."""
    seconds = storage.timeouts.stall
    try:
        # Not wait_for: before Python 3.12 it loses a cancellation that comes with the data.
        async with asyncio.timeout(seconds):
            return await translated(step, storage.timeouts)
    except (TimeoutError, RequestTimeoutError):
        raise TransferStalledError(
            f"The download stood still for {seconds:g} s.", phase=Phase.DOWNLOAD
        ) from None
