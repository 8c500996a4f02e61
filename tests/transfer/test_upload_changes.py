"""Sources that change, vanish or fail while they are uploaded."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import CorruptTransferError, InvalidSourceError, Source, SourceChangedError
from audio_enhance._recording.reader import FileReader
from audio_enhance._transfer.upload import put
from tests.support import uploads
from tests.support.raw_server import RawServer, Reply, Request, reply
from tests.support.uploads import Upload, xml

storage = uploads.storage
upload = uploads.upload


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
                    upload.storage,
                    Source.from_path(recording),
                    f"{server.url}/k",
                    listener,
                )
