"""The HTTP side of the built-in object store."""

import asyncio
import base64
import binascii
import logging
from contextlib import ExitStack
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from attrs import frozen

from audio_enhance.local.conditions import request_log
from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.conditions.faults import Fault
from audio_enhance.local.conditions.records import RequestRecord
from audio_enhance.local.object_store import errors as s3
from audio_enhance.local.serving.connection import close_after, reset
from audio_enhance.local.serving.threads import in_thread

from .conditional import check_upload, is_unchanged
from .errors import S3Error
from .files import Incoming, ObjectFiles, StoredObject
from .ids import new_ids
from .presigned import Presigned, SigningKey, verify
from .ranges import requested_range
from .session_token import lives

_log = logging.getLogger("audio_enhance.local")

_BATCH: Final = 1 << 20  # written and hashed at once
_PIECE: Final = 1 << 18  # read and sent at once
_SLOW_PIECES: Final = 10
# The largest object that a single PUT may carry (Amazon S3 User Guide, "Uploading objects").
_MAX_PUT: Final = 5 * 1024**3
# After how many seconds without a byte of the body S3 answers RequestTimeout.
_STALL_SECONDS: Final = 20.0
_PAGE: Final = b"<!DOCTYPE html>\n<html><body>Please log in to use this network.</body></html>\n"


@frozen
class _Download:
    """A result that is ready to be sent."""

    stored: StoredObject
    offsets: range
    status: int
    headers: dict[str, str]


class ObjectServer:
    """Answers presigned PUT, GET and HEAD requests as S3 does."""

    def __init__(self, conditions: Conditions, files: ObjectFiles, key: SigningKey) -> None:
        """Serve ``files`` to holders of URLs that ``key`` has signed."""
        self._conditions = conditions
        self._files = files
        self._key = key
        self._burnt: set[str] = set()
        self._ended: set[str] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is, and write it down."""
        ids = new_ids()
        record = RequestRecord(
            time=self._conditions.clock.seconds(),
            origin="s3",
            method=request.method,
            route=f"{request.method} /object",
            request_id=ids["x-amz-request-id"],
        )
        self._conditions.records.append(record)
        try:
            return await self._judged(request, record, ids)
        finally:
            request_log.log(record, self._conditions.clock)

    async def _judged(
        self, request: web.BaseRequest, record: RequestRecord, ids: dict[str, str]
    ) -> web.StreamResponse:
        try:
            return await self._answer(request, record, ids)
        except S3Error as error:
            refusal = error
        except (ConnectionError, web.RequestPayloadError):
            # Nobody is there to be answered: either side has dropped the connection.
            return web.Response()
        except Exception:  # noqa: BLE001 - whatever it is, the answer is S3's
            # Mostly the disk: it is full, or has lost a file.
            _log.exception("%s", record.route)
            if record.status is not None:
                # Too late for another answer.
                reset(request)
                return web.Response()
            refusal = s3.passing(500)
        document = refusal.document(*ids.values())
        response = web.Response(
            status=refusal.status,
            body=document,
            content_type="application/xml",
            headers=ids | refusal.headers,
        )
        record.status = refusal.status
        record.bytes_out = 0 if request.method == hdrs.METH_HEAD else len(document)
        if not request.content.at_eof():
            await close_after(request, response)
        return response

    async def _answer(
        self, request: web.BaseRequest, record: RequestRecord, ids: dict[str, str]
    ) -> web.StreamResponse:
        presigned = verify(
            request.method,
            request.raw_path.encode("utf-8", "surrogateescape"),
            request.raw_headers,
            key=self._key,
            now=self._conditions.clock.date(),
            check_token=self._check_session,
            lenient=self._conditions.behaviour.lenient_queries,
        )
        key = presigned.path.removeprefix("/")
        _name(record, key)
        strike = self._conditions.faults.strike(record.route)
        fault = record.fault = strike.fault if strike else None
        if fault is Fault.RESET_BEFORE:
            reset(request)
            return web.Response()
        if strike and fault is Fault.SERVER_ERROR:
            raise s3.passing(strike.status)
        if fault is Fault.EXPIRED_URL:
            self._burnt.add(presigned.signature)
        if fault is Fault.EXPIRED_TOKEN:
            self._ended.add(presigned.token)
            self._check_session(presigned.token)
        self._check_life(presigned)

        download: _Download | None = None
        if request.method == hdrs.METH_PUT:
            etag = await self._receive(request, key, record)
            response: web.StreamResponse = web.StreamResponse(headers=ids | {hdrs.ETAG: etag})
            response.content_length = 0
        elif strike and fault is Fault.GARBLED_ANSWER:
            body = b"" if strike.garble == "empty" else _PAGE
            response = web.Response(body=body, content_type="text/html", headers=ids)
            record.bytes_out = len(body)
        elif request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
            download = self._download(request, key, presigned)
            response = web.StreamResponse(status=download.status, headers=ids | download.headers)
            response.content_length = len(download.offsets)
        else:
            raise s3.wrong_method(request.method)

        if fault is Fault.SLOW_ANSWER:
            await asyncio.sleep(self._conditions.faults.slow_seconds)
        if fault is Fault.RESET_AFTER:
            reset(request)
            return response
        record.status = response.status
        await response.prepare(request)
        if download is not None and request.method == hdrs.METH_GET:
            await self._send(request, response, download, record)
        return response

    def _check_session(self, token: str) -> None:
        """Refuse a URL whose session is over, however long ``X-Amz-Expires`` says it lives."""
        if lives(token).session <= self._conditions.clock.since_epoch() or token in self._ended:
            raise s3.expired_token(token)

    def _check_life(self, presigned: Presigned) -> None:
        """Refuse a URL whose own time is over, however long ``X-Amz-Expires`` says it lives."""
        clock = self._conditions.clock
        ends = lives(presigned.token).url
        now = clock.since_epoch()
        if ends < now or presigned.signature in self._burnt:
            ended = clock.at(min(ends, now))
            raise s3.expired(presigned.expires, clock.date(ended), clock.date())

    async def _receive(self, request: web.BaseRequest, key: str, record: RequestRecord) -> str:
        length = _length(request)
        expected = _content_md5(request)
        check_upload(request.headers, key, self._files.get(key))
        if (
            request.version >= HttpVersion11
            and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
        ):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # As aiohttp's own handler does: the answer proper has not begun yet.
            request.writer.output_size = 0
        with self._files.receive() as incoming:
            await self._read_body(request, incoming, length, record)
            digest = incoming.finish()
            if expected is not None and digest != expected:
                raise s3.bad_digest(expected, base64.b64encode(digest).decode())
            check_upload(request.headers, key, self._files.get(key))  # it may have come meanwhile
            content_type = request.headers.get(hdrs.CONTENT_TYPE, "binary/octet-stream")
            stored = await self._files.place(key, content_type, incoming.path, digest)
        await self._conditions.ledger.settled()
        return stored.etag

    async def _read_body(
        self, request: web.BaseRequest, incoming: Incoming, length: int, record: RequestRecord
    ) -> None:
        cut_at = length // 2 if record.fault is Fault.CUT_UPLOAD else None
        batch: list[bytes] = []
        size = 0
        while True:
            if cut_at is not None and record.bytes_in >= cut_at:
                reset(request)
                raise ConnectionResetError
            try:
                async with asyncio.timeout(_STALL_SECONDS):
                    chunk = await request.content.readany()
            except TimeoutError:
                raise s3.stalled() from None
            record.bytes_in += len(chunk)
            batch.append(chunk)
            size += len(chunk)
            if not chunk or size >= _BATCH:
                await incoming.write(batch)
                batch, size = [], 0
            if not chunk:
                return

    def _download(self, request: web.BaseRequest, key: str, presigned: Presigned) -> _Download:
        stored = self._files.get(key)
        if stored is None:
            raise s3.no_such_key(key)
        headers: dict[str, str] = {
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.ETAG: stored.etag,
            hdrs.LAST_MODIFIED: stored.last_modified,
            hdrs.CONTENT_TYPE: presigned.query.get("response-content-type", stored.content_type),
        }
        disposition = presigned.query.get("response-content-disposition")
        if disposition is not None:
            headers[hdrs.CONTENT_DISPOSITION] = disposition
        if is_unchanged(request.headers, stored):
            return _Download(stored, range(0), 304, headers)
        offsets = requested_range(request.headers, stored)
        if offsets is None:
            return _Download(stored, range(stored.info.size), 200, headers)
        headers[hdrs.CONTENT_RANGE] = f"bytes {offsets[0]}-{offsets[-1]}/{stored.info.size}"
        return _Download(stored, offsets, 206, headers)

    async def _send(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        download: _Download,
        record: RequestRecord,
    ) -> None:
        length = len(download.offsets)
        left = length // 2 if record.fault is Fault.TRUNCATED_DOWNLOAD else length
        slow = self._conditions.faults.slow_seconds if record.fault is Fault.SLOW_DOWNLOAD else 0
        piece = min(_PIECE, -(-length // _SLOW_PIECES)) if slow else _PIECE
        with ExitStack() as stack:
            path = download.stored.path
            # Entered in the thread: whoever is cancelled meanwhile leaves no open file behind.
            file = await in_thread(lambda: stack.enter_context(path.open("rb", buffering=0)))
            file.seek(download.offsets.start)
            while left > 0:
                chunk = await in_thread(file.read, min(piece, left))
                record.bytes_out += len(chunk)
                await response.write(chunk)
                left -= len(chunk)
                if slow:
                    await asyncio.sleep(slow * len(chunk) / length)
        if record.fault is Fault.TRUNCATED_DOWNLOAD and request.transport is not None:
            request.transport.close()


def _length(request: web.BaseRequest) -> int:
    if hdrs.TRANSFER_ENCODING in request.headers:
        raise s3.not_implemented(hdrs.TRANSFER_ENCODING)
    length = request.content_length
    if length is None:
        raise s3.no_length()
    if length > _MAX_PUT:
        raise s3.too_large(length, _MAX_PUT)
    return length


def _content_md5(request: web.BaseRequest) -> bytes | None:
    """Return the MD5 that the body must have; S3 minds it whether or not it is signed."""
    header = request.headers.get(hdrs.CONTENT_MD5)
    if header is None:
        return None
    try:
        digest = base64.b64decode(header, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise s3.invalid_digest(header)
    return digest


def _name(record: RequestRecord, key: str) -> None:
    """Write down which asset and which enhancement the object belongs to."""
    match key.split("/"):
        case ["Assets", asset_id]:
            record.asset_id = asset_id
        case ["SpeechEnhancements", asset_id, enhancement_id]:
            record.asset_id, record.enhancement_id = asset_id, enhancement_id
        case _:
            pass
