"""One PUT to a presigned URL: exactly the signed headers, a streamed body, the answer read."""

import asyncio
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self, TypeVar
from urllib.parse import unquote_plus

from audio_enhance._core.cancellation import end, in_thread, to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    CorruptTransferError,
    InvalidSourceError,
    ProtocolError,
    RequestTimeoutError,
    SourceChangedError,
    TransferStalledError,
)
from audio_enhance._recording.content import Content
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.reader import Reader
from audio_enhance._recording.source import Source, original_of
from audio_enhance._session.answers import Answer, storage_error
from audio_enhance._session.sessions import log_answer, translated, whole_answer

from .pacing import PIECE_BYTES, Pacing
from .progress import Progress
from .stall import StallWatch
from .storage import Storage

# A file that was hashed a moment ago is in the page cache, and read from there without a hop to
# a thread, one slice at a time. What is not there a thread reads, in larger pieces, which are
# handed on in slices too, so that other transfers get their turn on the event loop in between.
_READ_BYTES = 1 << 20
# A transfer that is alone may hold the event loop for a little longer, and costs a tenth less.
_SLICE_BYTES_ALONE = 2 * PIECE_BYTES
_SIGNED = re.compile(r"[?&]X-Amz-SignedHeaders=([^&]+)")

OnBytes = Callable[[int], None]
_T = TypeVar("_T")


def signed_headers(url: str, fingerprint: Fingerprint, content_type: str) -> dict[str, str]:
    """Return the headers that a presigned URL wants (S3, `X-Amz-SignedHeaders`), no others.

    Raises:
        ProtocolError: It wants a header whose value nobody told us.
    """
    signed = _names(*_SIGNED.findall(url.partition("#")[0]))
    # Set always, signed or not: without it aiohttp sends the body in chunks, which S3 refuses.
    headers = {"Content-Length": str(fingerprint.byte_size)}
    if "content-type" in signed:
        headers["Content-Type"] = content_type
    if "content-md5" in signed:
        headers["Content-MD5"] = fingerprint.checksum
    if unknown := signed - {"host", "content-length", "content-type", "content-md5"}:
        raise ProtocolError(f"The upload URL wants unknown headers: {', '.join(sorted(unknown))}.")
    return headers


@lru_cache(maxsize=16)  # a store signs the same ones every time
def _names(*listed: str) -> frozenset[str]:
    return frozenset(name for names in listed for name in unquote_plus(names).split(";"))


class _Body:
    """The body of one attempt, piece by piece: never more or fewer bytes than announced.

    An iterator, not a generator: when the server answers early, aiohttp leaves it where it is,
    and a generator that is left cannot always be closed.
    """

    def __init__(
        self,
        source: Source,
        fingerprint: Fingerprint,
        file: Reader,
        beginning: memoryview,
        watch: StallWatch,
        pacing: Pacing,
        on_bytes: OnBytes,
    ) -> None:
        self._source = source
        self._fingerprint = fingerprint
        self._file, self._rest = file, beginning
        self._watch = watch
        self._pacing = pacing
        self._progress = Progress(on_bytes)
        self._unread = fingerprint.byte_size - len(self._rest)
        self._sent = 0
        self._sender: asyncio.Task[Any] | None = None
        self.failure: Exception | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> memoryview:
        # Being asked for the next piece says that the one before is on its way.
        self._watch.alive()
        self._sender = asyncio.current_task()
        try:
            self._progress.reached(self._sent)
            if self._unread + len(self._rest) >= PIECE_BYTES // 2:
                await self._pacing.take()
            if not self._rest and self._unread:
                self._rest = await self._read()
            if not self._rest:
                self._progress.ended(self._sent)
        except Exception as error:
            # aiohttp would report it as a lost connection; `put` looks here first.
            self.failure = _unreadable(error) if isinstance(error, OSError) else error
            raise
        if not self._rest:
            raise StopAsyncIteration
        piece, self._rest = self._rest[: self._slice], self._rest[self._slice :]
        self._sent += len(piece)
        return piece

    @property
    def _slice(self) -> int:
        return _SLICE_BYTES_ALONE if self._pacing.alone else PIECE_BYTES

    async def _read(self) -> memoryview:
        data = self._file.read_cached(min(self._slice, self._unread))
        if data is None:
            size = min(_READ_BYTES, self._unread)
            data = memoryview(await to_its_end(lambda: self._file.read(size) or b""))
        self._unread -= len(data)
        if not data:
            raise SourceChangedError("The file became shorter while it was sent.")
        if not self._unread:
            # aiohttp cuts what exceeds Content-Length, silently; and the last bytes are only
            # sent if the file still is the one that was hashed.
            content = original_of(self._source).content
            await _aside(content, lambda: content.verify(self._file, self._fingerprint))
        return data

    async def close(self) -> None:
        # aiohttp sends in a task of its own, and cancels that without waiting for its end.
        try:
            if self._sender is not None and self._sender is not asyncio.current_task():
                await end([self._sender])
        finally:
            await _aside(original_of(self._source).content, self._file.close)


def _begin(content: Content, expected: Fingerprint) -> tuple[Reader, memoryview]:
    """Open it and read its beginning; what is short is read to its end, looked at and closed.

    All in one hop to a thread, which costs more than reading a small recording.
    """
    file = content.open(expected)
    try:
        beginning = file.read(min(PIECE_BYTES, expected.byte_size)) or b""
        if len(beginning) >= expected.byte_size:
            content.verify(file, expected)
            file.close()
    except OSError as error:
        file.close()
        raise _unreadable(error) from error
    except BaseException:
        file.close()
        raise
    return file, memoryview(beginning)[: expected.byte_size]


async def _aside(
    content: Content, work: Callable[[], _T], undo: Callable[[_T], object] | None = None
) -> _T:
    """Do what may wait for a disk in a thread, and what cannot at once."""
    return work() if content.quick else await to_its_end(work, undo)


def _unreadable(error: OSError) -> InvalidSourceError:
    return InvalidSourceError(f"The file cannot be read any more: {error.strerror}.")


async def put(storage: Storage, source: Source, url: str, on_bytes: OnBytes) -> None:
    """Send a source to a presigned URL, streamed with constant memory, and read the answer.

    Args:
        storage: Where it goes.
        source: What to send; hashed here if it was not before.
        url: As the API gave it, sent byte for byte.
        on_bytes: Told how many bytes are on their way.

    Raises:
        SourceChangedError: The file is not the one that was hashed.
        StorageError, ServerError: The object store refused it.
        ProtocolError: Something else than an object store answered.
        TransferStalledError: No byte moved for `Timeouts.stall` seconds.
        ConnectionFailedError: The connection was lost.
    """
    fingerprint = await source.fingerprint()
    headers = signed_headers(url, fingerprint, source.sent_as[1])
    watch = StallWatch(storage.timeouts.stall)
    content = original_of(source).content
    file, beginning = await _aside(
        content, lambda: _begin(content, fingerprint), undo=lambda begun: begun[0].close()
    )
    body = None  # what is short goes out at once
    if file.closed:
        on_bytes(0)
    else:
        body = _Body(source, fingerprint, file, beginning, watch, storage.pacing, on_bytes)

    async def send() -> Answer:
        async with storage.transport.put(url, headers, body or beginning) as response:
            watch.alive()
            answer = await whole_answer(response)
            log_answer("PUT", url, answer)
            return answer

    failure: Exception | None = None
    answer: Answer | None = None
    try:
        with storage.pacing:
            answer = await translated(watch.run(send()), storage.timeouts)
    except RequestTimeoutError:
        failure = TransferStalledError(f"The upload stood still for {storage.timeouts.stall:g} s.")
    except AudioEnhanceError as error:
        failure = error
    finally:
        if body is not None:
            await body.close()
    if answer is None:
        failure = (body and body.failure) or failure
        assert failure is not None
        raise failure
    if body is None:
        on_bytes(fingerprint.byte_size)
    if answer.ok:
        if answer.body.strip():  # S3 says nothing; a proxy that kept the upload sends a page
            said = "The upload was answered by something that is not an object store."
            raise answer.unusable(said, storage.clock.time())
        return
    refusal = storage_error(answer, storage.clock.time())
    if refusal.code == "BadDigest":
        raise await _bad_digest(source, fingerprint, refusal)
    raise refusal


async def _bad_digest(
    source: Source, sent: Fingerprint, refusal: AudioEnhanceError
) -> AudioEnhanceError:
    """Tell a file that changed without a trace in its times from bytes damaged on their way."""
    now = await in_thread(original_of(source).content.fingerprint)
    if now.md5 != sent.md5:
        return SourceChangedError("The file changed while it was sent.", source=source.label)
    return CorruptTransferError(
        "The bytes that arrived are not those that were sent.", request_id=refusal.request_id
    )
