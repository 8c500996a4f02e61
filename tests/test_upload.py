import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    ApiError,
    ConnectionFailedError,
    CorruptTransferError,
    InvalidSourceError,
    ProtocolError,
    ServerError,
    Source,
    SourceChangedError,
    StorageError,
    Timeouts,
    TransferStalledError,
)
from audio_enhance._content import Content
from audio_enhance._fingerprint import Fingerprint
from audio_enhance._reader import FileReader, Reader
from audio_enhance._transport import Transport, Watch
from audio_enhance._turns import PIECE_BYTES, Turns
from audio_enhance._upload import _READ_BYTES, _SLICE_BYTES_ALONE, _Body, put, signed_headers

from .support.clock import ManualClock
from .support.raw_server import RawServer, Reply, Request, Then, reply
from .support.resources import client_tasks, open_files, settled_files

SIGNED = "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost"
LATER = "X-Amz-SignedHeaders=content-length%3bcontent-type%3bhost"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(None, Timeouts(stall=5))
    yield transport
    await transport.aclose()


class Upload:
    """One PUT to a raw server."""

    def __init__(self, transport: Transport, clock: ManualClock) -> None:
        self.transport = transport
        self.clock = clock
        self.told: list[int] = []

    async def __call__(self, server: RawServer, source: Source, query: str = SIGNED) -> None:
        url = f"{server.url}/Assets/3445%2f?{query}&X-Amz-Signature=45bad"
        await put(self.transport, self.clock, source, url, self.told.append)


@pytest.fixture
def upload(transport: Transport, clock: ManualClock) -> Upload:
    return Upload(transport, clock)


def xml(code: str, message: str = "Said so.") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


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
        shared = Turns()
        for _ in range(members):
            shared.__enter__()
        body = _Body(
            source,
            fingerprint,
            source.content.open(fingerprint),
            Watch(60),
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
            (307, "TemporaryRedirect", StorageError, False),
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
        await upload.transport.aclose()
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

    async def test_nobody_reads(self, clock: ManualClock, tmp_path: Path) -> None:
        path = tmp_path / "long.mp3"
        with path.open("wb") as file:
            file.truncate(64 << 20)
        transport = Transport(None, Timeouts(stall=0.1))
        before = open_files()
        async with RawServer([Reply(early=True, then="hang")]) as server:
            with pytest.raises(TransferStalledError, match=r"stood still for 0\.1 s") as caught:
                await put(
                    transport, clock, Source.from_path(path), f"{server.url}/k", lambda sent: None
                )
            assert caught.value.retryable
            assert len(server.requests) == 1
        await transport.aclose()
        assert await settled_files(before) == {}

    async def test_nobody_answers(self, clock: ManualClock, recording: Path) -> None:
        transport = Transport(None, Timeouts(stall=0.1))
        async with RawServer([Reply(then="hang")]) as server:
            with pytest.raises(TransferStalledError):
                await put(
                    transport,
                    clock,
                    Source.from_path(recording),
                    f"{server.url}/k",
                    lambda sent: None,
                )
            assert server.requests[0].body == recording.read_bytes()
        await transport.aclose()


class TestFilesThatChange:
    async def test_before_it_is_sent(self, upload: Upload, recording: Path) -> None:
        source = Source.from_path(recording)
        await source.fingerprint()
        with recording.open("ab") as file:
            file.write(b"x")
        async with RawServer() as server:
            with pytest.raises(SourceChangedError) as caught:
                await upload(server, source)
            assert server.connections == 0
        assert not caught.value.retryable

    @pytest.mark.parametrize("change", ["shorter", "longer", "other bytes"])
    async def test_while_it_is_sent(self, upload: Upload, tmp_path: Path, change: str) -> None:
        # Longer than all buffers together, so that there is more to read when the head arrives.
        path = tmp_path / "long.mp3"
        with path.open("wb") as file:
            file.truncate(32 << 20)
        source = Source.from_path(path)
        await source.fingerprint()

        def meddle() -> None:
            match change:
                case "shorter":
                    os.truncate(path, 10)
                case "longer":
                    os.truncate(path, 33 << 20)
                case _:
                    os.utime(path, ns=(1, 1))

        async with RawServer([Reply(meanwhile=meddle)]) as server:
            with pytest.raises(SourceChangedError):
                await upload(server, source)
            # The last bytes were held back: no store can take it for whole.
            assert server.requests == []

    async def test_without_a_trace_in_its_times(self, upload: Upload, recording: Path) -> None:
        source = Source.from_path(recording)
        await source.fingerprint()
        times = recording.stat()

        def tamper(request: Request) -> Reply:
            with recording.open("r+b") as file:
                file.write(b"OOPS")
            os.utime(recording, ns=(times.st_atime_ns, times.st_mtime_ns))
            return reply(400, xml("BadDigest", "The Content-MD5 you specified did not match"))

        async with RawServer([tamper]) as server:
            with pytest.raises(SourceChangedError) as caught:
                await upload(server, source)
        assert "changed while it was sent" in str(caught.value)
        assert str(recording) in str(caught.value)

    async def test_bytes_damaged_on_their_way(self, upload: Upload, recording: Path) -> None:
        refusal = reply(400, xml("BadDigest"), x_amz_request_id="R7")
        async with RawServer([refusal]) as server:
            with pytest.raises(CorruptTransferError) as caught:
                await upload(server, Source.from_path(recording))
        assert caught.value.retryable
        assert caught.value.request_id == "R7"

    async def test_gone_before_it_is_sent(self, upload: Upload, recording: Path) -> None:
        source = Source.from_path(recording)
        await source.fingerprint()
        recording.unlink()
        async with RawServer() as server:
            with pytest.raises(InvalidSourceError, match="no such file"):
                await upload(server, source)

    async def test_a_disk_that_fails_while_it_is_read(
        self, upload: Upload, recording: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = Source.from_path(recording)
        await source.fingerprint()

        def broken(self: FileReader, size: int = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

        def nothing(self: FileReader, size: int, /) -> None:
            return None

        monkeypatch.setattr(FileReader, "read_cached", nothing)
        monkeypatch.setattr(FileReader, "read", broken)
        async with RawServer() as server:
            with pytest.raises(InvalidSourceError, match="Input/output error") as caught:
                await upload(server, source)
            assert server.requests == []
        assert not caught.value.retryable

    async def test_spooled_data_that_is_released_while_it_is_sent(self, upload: Upload) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(32):
                yield bytes(1 << 20)

        source = await Source.spool(chunks(), "a.mp3")
        async with RawServer([Reply(meanwhile=source.close)]) as server:
            with pytest.raises(InvalidSourceError, match="released"):
                await upload(server, source)
            assert server.requests == []

    async def test_a_listener_that_fails_is_no_lost_connection(
        self, upload: Upload, recording: Path
    ) -> None:
        def listener(sent: int) -> None:
            raise KeyError("mine")

        async with RawServer([reply()]) as server:
            with pytest.raises(KeyError, match="mine"):
                await put(
                    upload.transport,
                    upload.clock,
                    Source.from_path(recording),
                    f"{server.url}/k",
                    listener,
                )


@pytest.mark.parametrize("turns", range(0, 40, 2))
async def test_cancelled_anywhere_it_leaves_nothing_open(
    clock: ManualClock, tmp_path: Path, turns: int
) -> None:
    path = tmp_path / "long.mp3"
    path.write_bytes(bytes(4 * _READ_BYTES))
    source = Source.from_path(path)
    await source.fingerprint()
    before, tasks = open_files(), client_tasks()
    transport = Transport(None, Timeouts())
    async with RawServer([Reply(after=3 * _READ_BYTES, then="hang")]) as server:
        work = put(transport, clock, source, f"{server.url}/k", lambda sent: None)
        task = asyncio.create_task(work)
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert str(path) not in open_files().values()
        assert client_tasks() - tasks == set()  # nor does aiohttp send any more
        await transport.aclose()
    assert await settled_files(before) == {}


async def test_cancelled_at_any_turn_nobody_sends_any_more(clock: ManualClock) -> None:
    """aiohttp sends in a task of its own, and only asks that to end."""
    source = Source.from_bytes(bytes(2 * _READ_BYTES), "a.mp3")
    tasks = client_tasks()
    async with RawServer([Reply(after=2 * _READ_BYTES, then="hang")] * 60) as server:
        for turns in range(60):
            transport = Transport(None, Timeouts())
            work = put(transport, clock, source, f"{server.url}/k", lambda sent: None)
            task = asyncio.create_task(work)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client_tasks() - tasks == set()
            await transport.aclose()


async def test_an_upload_that_is_cancelled_while_its_file_is_opened(
    upload: Upload, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source.from_path(recording)
    fingerprint = await source.fingerprint()
    opened = source.content.open
    before = open_files()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow_open(self: Content, expected: Fingerprint) -> Reader:
        file = opened(expected)
        loop.call_soon_threadsafe(started.set)
        time.sleep(0.05)
        return file

    monkeypatch.setattr(type(source.content), "open", slow_open)
    async with RawServer() as server:
        task = asyncio.create_task(upload(server, source))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert fingerprint == await source.fingerprint()
    assert str(recording) not in open_files().values()
    assert await settled_files(before) == {}
