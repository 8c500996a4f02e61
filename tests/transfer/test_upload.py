"""One PUT: what goes out, and what its answers mean."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    ApiError,
    ConnectionFailedError,
    ProtocolError,
    ServerError,
    Source,
    StorageError,
    Timeouts,
    TransferStalledError,
)
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.source import original_of
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.pacing import PIECE_BYTES, Pacing
from audio_enhance._transfer.stall import StallWatch
from audio_enhance._transfer.upload import (
    _READ_BYTES,
    _SLICE_BYTES_ALONE,
    _begin,
    _Body,
    put,
    signed_headers,
)
from tests.support import uploads
from tests.support.clock import ManualClock
from tests.support.raw_server import RawServer, Reply, Then, reply
from tests.support.resources import open_files, settled_files
from tests.support.uploads import LATER, SIGNED, Upload, storage_of, xml

storage = uploads.storage
upload = uploads.upload


class TestSignedHeaders:
    FINGERPRINT = Fingerprint(59400, base64.b64decode("AWzJTRSXGy5JsL+Phh/cFA=="))

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            (SIGNED, {"Content-Length", "Content-Type", "Content-MD5"}),
            (LATER, {"Content-Length", "Content-Type"}),
            ("X-Amz-SignedHeaders=host", {"Content-Length"}),
            ("", {"Content-Length"}),
        ],
    )
    def test_what_is_signed_is_sent(self, query: str, names: set[str]) -> None:
        headers = signed_headers(f"https://b/k?a=b&{query}&c=d", self.FINGERPRINT, "audio/mpeg")
        assert set(headers) == names
        assert headers["Content-Length"] == "59400"
        assert headers.get("Content-MD5", "AWzJTRSXGy5JsL+Phh/cFA==") == "AWzJTRSXGy5JsL+Phh/cFA=="
        assert headers.get("Content-Type", "audio/mpeg") == "audio/mpeg"

    def test_what_nobody_told_us_is_an_error(self) -> None:
        with pytest.raises(ProtocolError, match="x-amz-acl"):
            signed_headers(
                "https://b/k?X-Amz-SignedHeaders=host%3Bx-amz-acl", self.FINGERPRINT, "audio/mpeg"
            )


class TestWhatGoesOut:
    @pytest.mark.parametrize(
        "length",
        [1, _SLICE_BYTES_ALONE, _SLICE_BYTES_ALONE + 1, _READ_BYTES, 2 * _READ_BYTES + 12345],
    )
    async def test_all_of_it_and_nothing_more(
        self, upload: Upload, tmp_path: Path, length: int
    ) -> None:
        data = os.urandom(length)
        path = tmp_path / "talk.wav"
        path.write_bytes(data)
        async with RawServer([reply(), reply()]) as server:
            await upload(server, Source.from_path(path))
            await upload(server, Source.from_bytes(data, "talk.wav"))
        for request in server.requests:
            assert request.body == data
            assert request.target == f"/Assets/3445%2f?{SIGNED}&X-Amz-Signature=45bad"
            assert set(request.headers) == {
                "host",
                "user-agent",
                "content-length",
                "content-type",
                "content-md5",
            }
            assert request.headers["content-length"] == str(length)
            assert request.headers["content-type"] == "audio/wav"
            md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
            assert request.headers["content-md5"] == md5
        assert upload.told[0] == 0
        assert upload.told[-1] == length

    async def test_no_md5_that_was_not_signed(self, upload: Upload, recording: Path) -> None:
        async with RawServer([reply()]) as server:
            await upload(server, Source.from_path(recording), LATER)
        assert "content-md5" not in server.requests[0].headers

    async def test_spooled_data(self, upload: Upload) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 50_000

        async with (
            await Source.spool(chunks(), "talk.mp3") as source,
            RawServer([reply(), reply()]) as server,
        ):
            await upload(server, source)
            await upload(server, source)
        assert [len(request.body) for request in server.requests] == [1_500_000] * 2

    @pytest.mark.parametrize(("members", "most"), [(1, _SLICE_BYTES_ALONE), (2, PIECE_BYTES)])
    async def test_others_get_their_turn_at_every_piece(self, members: int, most: int) -> None:
        # A body that never truly waits would hold up everybody else while the socket keeps up.
        data = bytes(8 * _READ_BYTES)
        source = Source.from_bytes(data, "a.mp3")
        fingerprint = await source.fingerprint()
        shared = Pacing()
        for _ in range(members):
            shared.__enter__()
        body = _Body(
            source,
            fingerprint,
            *_begin(original_of(source).content, fingerprint),
            StallWatch(60),
            shared,
            lambda sent: None,
        )
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        pieces = [len(piece) async for piece in body]
        task.cancel()
        await body.close()
        assert sum(pieces) == len(data)
        assert max(pieces) == most
        assert turns >= len(pieces) - 1


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 201, 204])
    async def test_success(self, upload: Upload, recording: Path, status: int) -> None:
        async with RawServer([reply(status)]) as server:
            await upload(server, Source.from_path(recording))

    @pytest.mark.parametrize(
        ("status", "code", "kind", "expired"),
        [
            (403, "AccessDenied", StorageError, True),
            (403, "SignatureDoesNotMatch", StorageError, True),
            (400, "InvalidArgument", StorageError, False),
            (404, "NoSuchBucket", StorageError, False),
            (307, "TemporaryRedirect", ServerError, True),
            (503, "SlowDown", ServerError, None),
            (500, "InternalError", ServerError, None),
        ],
    )
    async def test_refusals(
        self,
        upload: Upload,
        recording: Path,
        status: int,
        code: str,
        kind: type[ApiError],
        expired: bool | None,
    ) -> None:
        answer = reply(status, xml(code), x_amz_request_id="R7")
        async with RawServer([answer]) as server:
            with pytest.raises(kind) as caught:
                await upload(server, Source.from_path(recording))
        assert (caught.value.status, caught.value.code) == (status, code)
        assert caught.value.request_id == "R7"
        if isinstance(caught.value, StorageError):
            assert caught.value.expired is expired

    async def test_a_refusal_in_pieces(self, upload: Upload, recording: Path) -> None:
        body = xml("AccessDenied", "Request has expired")
        head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with RawServer([Reply((head, body[:20], body[20:50], body[50:]))]) as server:
            with pytest.raises(StorageError, match="AccessDenied: Request has expired"):
                await upload(server, Source.from_path(recording))

    async def test_an_answer_before_the_body_is_there(self, upload: Upload, tmp_path: Path) -> None:
        # Larger than every buffer on the way: the rest of it can never be sent.
        path = tmp_path / "long.mp3"
        with path.open("wb") as file:
            file.truncate(64 << 20)
        before = open_files()
        async with RawServer([reply(403, xml("AccessDenied"), early=True, then="hang")]) as server:
            with pytest.raises(StorageError, match="AccessDenied"):
                await upload(server, Source.from_path(path))
            assert max(upload.told) < 64 << 20
        assert str(path) not in open_files().values()
        await upload.storage.transport.aclose()
        assert await settled_files(before) == {}

    @pytest.mark.parametrize("after", [0, 70_000])
    async def test_an_answer_and_a_close_before_the_body_is_there(
        self, upload: Upload, recording: Path, after: int
    ) -> None:
        # What is still on its way turns the close into a reset, which may overtake the answer:
        # then it is a lost connection, and the next try is told the same.
        answer = reply(403, xml("AccessDenied"), after=after, then="close")
        async with RawServer([answer] * 5) as server:
            for _ in range(5):
                with pytest.raises((StorageError, ConnectionFailedError)) as caught:
                    await upload(server, Source.from_path(recording))
                if isinstance(caught.value, StorageError):
                    assert caught.value.code == "AccessDenied"
            assert len(server.requests) == 5

    @pytest.mark.parametrize("then", ["close", "reset"])
    async def test_a_cut_half_way(self, upload: Upload, recording: Path, then: Then) -> None:
        async with RawServer([Reply(after=50_000, then=then), reply()]) as server:
            with pytest.raises(ConnectionFailedError) as caught:
                await upload(server, Source.from_path(recording))
            assert len(server.requests) == 1
        assert caught.value.retryable

    @pytest.mark.virtual_time
    async def test_nobody_reads(self, clock: ManualClock, tmp_path: Path) -> None:
        path = tmp_path / "long.mp3"
        with path.open("wb") as file:
            file.truncate(64 << 20)
        transport = Transport(None, Timeouts(stall=0.1))
        before = open_files()
        async with RawServer([Reply(early=True, then="hang")]) as server:
            with pytest.raises(TransferStalledError, match=r"stood still for 0\.1 s") as caught:
                await put(
                    storage_of(transport, clock),
                    Source.from_path(path),
                    f"{server.url}/k",
                    lambda sent: None,
                )
            assert caught.value.retryable
            assert len(server.requests) == 1
        await transport.aclose()
        assert await settled_files(before) == {}

    @pytest.mark.virtual_time
    async def test_nobody_answers(self, clock: ManualClock, recording: Path) -> None:
        transport = Transport(None, Timeouts(stall=0.1))
        async with RawServer([Reply(then="hang")]) as server:
            with pytest.raises(TransferStalledError):
                await put(
                    storage_of(transport, clock),
                    Source.from_path(recording),
                    f"{server.url}/k",
                    lambda sent: None,
                )
            assert server.requests[0].body == recording.read_bytes()
        await transport.aclose()
