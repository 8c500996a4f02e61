"""One result to one file: streamed beside its place, resumed where it was cut, checked."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import aiohttp

from audio_enhance._core.errors import (
    CorruptTransferError,
    RequestTimeoutError,
    TransferStalledError,
)
from audio_enhance._session.answers import REDIRECTS, storage_error
from audio_enhance._session.redirects import followed
from audio_enhance._session.retry import OnRetry, Retrier
from audio_enhance._session.sessions import log_answer, translated, whole_answer

from .pacing import PIECE_BYTES
from .part_file import PartialFile
from .progress import Progress
from .results import check_beginning, check_length, check_result, most_bytes
from .server_name import name_from_header
from .stall import StallWatch
from .storage import Storage

# Collected before a hop to a thread that writes them; the network hands over far less at once.
# A hop costs as much as copying half a MiB; several at a time share the memory.
_WRITE_BYTES = 4 << 20
_WRITE_BYTES_AMONG_OTHERS = 1 << 20


class _Span(NamedTuple):
    """What a `Content-Range` of a 206 says (RFC 9110 §14.4)."""

    start: int
    total: int

    @classmethod
    def of(cls, header: str | None) -> "_Span | None":
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", (header or "").strip())
        return cls(int(found[1]), int(found[3])) if found else None


class Download:
    """The result of one enhancement on its way to a file.

    Attributes:
        name: The server's name for it, made safe; `None` where it gave none.
    """

    def __init__(
        self,
        storage: Storage,
        file: PartialFile,
        *,
        on_bytes: Callable[[int, int | None], None],
        source_bytes: int | None = None,
    ) -> None:
        self._storage = storage
        self._most = storage.max_result_bytes or most_bytes(source_bytes)
        self._file = file
        self._on_bytes = on_bytes
        self._etag: str | None = None
        self._total: int | None = None
        self.name: str | None = None

    async def run(
        self, retrier: Retrier, locate: Callable[[], Awaitable[str]], on_retry: OnRetry | None
    ) -> None:
        """Fetch it whole, going on where a lost connection cut it.

        Args:
            retrier: Tries again after a failure; a try that brought bytes counts as the first.
            locate: Gives the presigned URL; asked again for every try, since it ends soon.
            on_retry: Told of every failure that is tried again.
        """

        async def attempt() -> None:
            await self._attempt(await locate())

        # As long as bytes keep coming, being cut again and again is no reason to stop.
        await retrier(attempt, on_retry, progress=lambda: self._file.size)

    async def _attempt(self, url: str) -> None:
        watch = StallWatch(self._storage.timeouts.stall)
        way = followed(url, lambda url: self._fetch(url, watch), self._storage.reach)
        try:
            await translated(watch.run(way), self._storage.timeouts)
        except RequestTimeoutError:
            raise TransferStalledError(
                f"The download stood still for {self._storage.timeouts.stall:g} s."
            ) from None

    async def _fetch(self, url: str, watch: StallWatch) -> str | None:
        """Fetch from one URL; return where it redirects to, `None` when the file is whole."""
        headers: dict[str, str] = {}
        if self._file.size and self._etag is not None:
            headers = {"Range": f"bytes={self._file.size}-", "If-Range": self._etag}
        # In turns before it is asked for: how much arrives at once depends on who else is there.
        with self._storage.pacing:
            return await self._get(url, headers, watch)

    async def _get(self, url: str, headers: Mapping[str, str], watch: StallWatch) -> str | None:
        # Among others so little that a connection pauses after every piece until it has been
        # read. Pausing and going on costs a tenth of a transfer that is alone.
        bufsize = PIECE_BYTES if self._storage.pacing.alone else PIECE_BYTES // 4
        async with self._storage.transport.get(url, headers, read_bufsize=bufsize) as response:
            watch.alive()
            log_answer("GET", url, response)
            if response.status in REDIRECTS:
                return response.headers.get("Location", "")
            if response.status == 416:  # what we have is not the beginning of what is there
                await self._file.restart()
                raise CorruptTransferError("The result changed while it was downloaded.")
            if not response.ok:
                raise storage_error(await whole_answer(response), self._storage.clock.time())
            check_result(response)
            await self._begin(response)
            await self._read(response, watch)
        if self._total is not None and self._file.size != self._total:
            if self._file.size > self._total:
                await self._file.restart()
            raise CorruptTransferError(
                f"{self._file.size} of {self._total} bytes of the result arrived."
            )
        if not self._file.size:
            raise CorruptTransferError("The result is empty.")
        return None

    async def _begin(self, response: aiohttp.ClientResponse) -> None:
        headers = response.headers
        if response.status == 200:
            if self._file.size:  # If-Range did not hold: it is another version, from the start
                await self._file.restart()
            self._total = response.content_length
            if self._total is None and "Transfer-Encoding" not in headers:
                # Its end would be the end of the connection, whole or not (RFC 9112 §8).
                raise CorruptTransferError("The result came without its length.")
        else:
            span = _Span.of(headers.get("Content-Range"))
            other = headers.get("ETag", self._etag) != self._etag  # for whoever ignores If-Range
            if span is None or other or (span.start, span.total) != (self._file.size, self._total):
                await self._file.restart()
                raise CorruptTransferError("The rest of the result does not fit its beginning.")
        check_length(self._total or 0, self._most)
        etag = headers.get("ETag")
        # Only a strong one says that the bytes are the same (RFC 9110 §13.1.5).
        self._etag = etag if etag is not None and not etag.startswith("W/") else None
        self.name = name_from_header(headers.get("Content-Disposition")) or self.name

    async def _read(self, response: aiohttp.ClientResponse, watch: StallWatch) -> None:
        pacing = self._storage.pacing
        progress = Progress(lambda received: self._on_bytes(received, self._total))
        file, moved = self._file, 0
        while True:
            # Piece by piece: `readany` would copy what has come together in the meantime. What
            # came before a connection is lost is kept: the next try goes on from there.
            chunk, ends_http_chunk = await response.content.readchunk()
            if not chunk and not ends_http_chunk:
                break
            watch.alive()
            if chunk and not file.size:
                check_beginning(response, chunk)
            file.add(chunk)
            check_length(file.size, self._most)
            progress.reached(file.size)
            moved += len(chunk)
            if moved >= PIECE_BYTES // 2:
                moved = 0
                await pacing.take()
            if file.unwritten >= (_WRITE_BYTES if pacing.alone else _WRITE_BYTES_AMONG_OTHERS):
                await file.write()
                watch.alive()
        progress.ended(file.size)
