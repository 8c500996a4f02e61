"""What can be a result: not a page of text, not nothing, not longer than it can be."""

import pytest

from audio_enhance import CorruptTransferError, ProtocolError
from audio_enhance._transfer.results import check_length, most_bytes
from tests.support import downloads
from tests.support.downloads import DATA, ETAG, Fetch, whole
from tests.support.raw_server import RawServer, Reply, reply

fetch = downloads.fetch


class TestWhatIsNoResult:
    @pytest.mark.parametrize(
        "wrong",
        [
            whole(b""),
            reply(200, b"", length=-1, transfer_encoding="chunked", etag=ETAG),
            whole(b"<html>Please log in</html>", content_type="text/html; charset=utf-8"),
            whole(b"<html>Please log in</html>", content_type="TEXT/HTML"),
            whole(b"OK", content_type="text/plain"),
            whole(b"{}", content_type="application/json"),
            whole(b"{}", content_type="application/problem+json; charset=utf-8"),
            whole(b' {"message": "Try later"}', content_type="application/octet-stream"),
            whole(b"\xef\xbb\xbf\r\n<html>", content_type="application/octet-stream"),
            whole(b"{}"),
            whole(DATA, content_encoding="gzip"),
            reply(200, DATA, length=-1, then="close"),
            reply(202, b""),
            reply(203, DATA, etag=ETAG),
            reply(204, b"", length=-1),
        ],
    )
    async def test_is_fetched_again(self, fetch: Fetch, wrong: Reply) -> None:
        if b"chunked" in wrong.pieces[0]:
            wrong = Reply((wrong.pieces[0] + b"0\r\n\r\n",))
        async with RawServer([wrong, wrong, whole()]) as server:
            assert await fetch(server) == DATA
        assert fetch.located == 3

    async def test_but_not_for_ever(self, fetch: Fetch) -> None:
        page = whole(b"<html>Please log in</html>", content_type="text/html")
        async with RawServer([page] * 9) as server:
            with pytest.raises(CorruptTransferError, match="text/html"):
                await fetch(server)
        assert len(server.requests) == 4

    async def test_one_that_is_announced_too_long_is_not_begun(self, fetch: Fetch) -> None:
        fetch.source_bytes = 1000
        most = most_bytes(1000)
        async with RawServer([reply(200, DATA, length=most + 1, etag=ETAG)]) as server:
            with pytest.raises(ProtocolError, match=f"more than {most} bytes"):
                await fetch(server)
        assert fetch.told == []

    async def test_one_that_never_ends_is_left(self, fetch: Fetch) -> None:
        fetch.most = 5 * len(DATA) // 2
        head = reply(200, length=-1, transfer_encoding="chunked", etag=ETAG).pieces[0]
        piece = f"{len(DATA):x}\r\n".encode() + DATA + b"\r\n"
        async with RawServer([Reply((head, *[piece] * 4), then="hang")]) as server:
            with pytest.raises(ProtocolError, match="more than"):
                await fetch(server)
        assert len(server.requests) == 1

    def test_the_bound_grows_with_the_source(self) -> None:
        assert most_bytes(2 << 30) > most_bytes(1 << 30) > 50 * (1 << 30)
        assert most_bytes(1) > 100 << 20
        assert most_bytes(None) > 1 << 33

    def test_as_long_as_it_can_be_it_may_be(self) -> None:
        check_length(1000, 1000)
        with pytest.raises(ProtocolError, match="max_result_bytes"):
            check_length(1001, 1000)
