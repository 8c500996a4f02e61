"""A result passed through without a file: whole, in parts, and never anything else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from audio_enhance import (
    CorruptTransferError,
    InvalidInputError,
    ProtocolError,
    RetryPolicy,
    StorageError,
    Timeouts,
    TransferStalledError,
)
from audio_enhance._session.addresses import Reach
from audio_enhance._session.retry import Retrier
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.storage import Storage
from audio_enhance._transfer.stream import open_result
from tests.support.clock import ManualClock
from tests.support.downloads import DATA, ETAG, etag_and, part, whole
from tests.support.raw_server import RawServer, Reply, reply
from tests.support.resources import open_files, settled_files

pytestmark = pytest.mark.virtual_time


class Player:
    """Asks for a result at a raw server.

    Attributes:
        located: How often was asked where it is.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.transport = Transport(None, Timeouts(stall=0.2))
        self.located = 0

    async def __call__(self, server: RawServer, span: str | None = None) -> tuple[int, bytes]:
        async def locate() -> str:
            self.located += 1
            return f"{server.url}/b877%2f?{self.located}"

        storage = Storage(self.transport, Pacing(), self.clock, Reach.of("http://127.0.0.1"))
        retrier = Retrier(RetryPolicy(attempts=3), self.clock)
        async with open_result(storage, retrier, locate, range=span) as stream:
            self.headers = dict(stream.headers)
            return stream.status, b"".join([chunk async for chunk in stream])


@pytest.fixture
async def player(clock: ManualClock) -> AsyncIterator[Player]:
    before = open_files()
    player = Player(clock)
    yield player
    await player.transport.aclose()
    assert await settled_files(before) == {}


async def test_the_whole_result(player: Player) -> None:
    async with RawServer([whole(content_type="audio/mpeg", x_secret="no")]) as server:
        assert await player(server) == (200, DATA)
    assert "range" not in server.requests[0].headers
    assert server.requests[0].target == "/b877%2f?1"
    assert player.headers == {
        "Content-Type": "audio/mpeg",
        "Content-Length": str(len(DATA)),
        "ETag": ETAG,
        "Accept-Ranges": "bytes",
    }


@pytest.mark.parametrize("span", ["bytes=1000-", "bytes=0-0", "bytes=-500", "bytes=0-9, 20-29"])
async def test_a_part_of_it_is_asked_for_in_the_players_words(player: Player, span: str) -> None:
    async with RawServer([part(DATA, 1000)]) as server:
        assert await player(server, span) == (206, DATA[1000:])
    assert server.requests[0].headers["range"] == span
    assert player.headers["Content-Range"] == f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"


async def test_a_part_that_is_not_there_is_said_to_be_so(player: Player) -> None:
    page = reply(416, b"<Error/>", content_type="application/xml", content_range="bytes */9")
    async with RawServer([page]) as server:
        assert (await player(server, "bytes=10-"))[0] == 416
    assert player.headers["Content-Range"] == "bytes */9"


@pytest.mark.parametrize(
    "span",
    ["", "bytes", "bytes=", "items=0-1", "bytes=0-1\r\nx: y", "bytes=" + "1" * 300, "bytes=a"],
)
async def test_what_is_no_range_is_not_sent(player: Player, span: str) -> None:
    async with RawServer([whole()]) as server:
        with pytest.raises(InvalidInputError, match="not a range"):
            await player(server, span)
    assert player.located == 0


async def test_redirects_are_followed_with_the_range(player: Player) -> None:
    async with RawServer([reply(302, location="/there?a=%2F"), part(DATA, 7)]) as server:
        assert await player(server, "bytes=7-") == (206, DATA[7:])
    assert server.requests[1].target == "/there?a=%2F"
    assert server.requests[1].headers["range"] == "bytes=7-"


async def test_before_the_first_byte_it_is_tried_again_at_a_new_address(player: Player) -> None:
    async with RawServer([reply(503, b""), Reply(then="close"), whole()]) as server:
        assert await player(server) == (200, DATA)
    assert player.located == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, b"<Error><Code>NoSuchKey</Code></Error>"), StorageError),
        (reply(302), ProtocolError),
        (reply(302, location="https://[::1"), ProtocolError),
    ],
)
async def test_what_cannot_get_better_is_an_error(
    player: Player, answer: Reply, error: type[Exception]
) -> None:
    async with RawServer([answer] * 9) as server:
        with pytest.raises(error):
            await player(server)


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
@pytest.mark.parametrize("status", [200, 206])
async def test_a_page_of_text_is_no_result(player: Player, kind: str, status: int) -> None:
    headers = etag_and({"content_type": kind, "content_range": "bytes 0-18/19"})
    page = reply(status, b"<html>Log in</html>", **headers)
    async with RawServer([page] * 9) as server:
        with pytest.raises(CorruptTransferError):
            await player(server)
    assert player.located == 3  # nothing was passed on: the next answer may be a result


@pytest.mark.parametrize("chunked", [True, False])
async def test_nothing_is_no_result(player: Player, chunked: bool) -> None:
    nothing = reply(200, b"", etag=ETAG)
    if chunked:
        head = reply(200, b"", length=-1, transfer_encoding="chunked", etag=ETAG)
        nothing = Reply((head.pieces[0] + b"0\r\n\r\n",))
    async with RawServer([nothing, nothing, reply(200, DATA, etag=ETAG)]) as server:
        assert await player(server) == (200, DATA)
    assert player.located == 3


@pytest.mark.parametrize(
    "wrong",
    [reply(202, b""), reply(204, b"", length=-1), reply(200, DATA, content_encoding="gzip")],
)
async def test_what_is_not_the_stores_own_answer_is_asked_for_again(
    player: Player, wrong: Reply
) -> None:
    async with RawServer([wrong, wrong, reply(200, DATA, etag=ETAG)]) as server:
        assert await player(server) == (200, DATA)


async def test_a_later_part_may_begin_with_anything(player: Player) -> None:
    data = DATA[:1000] + b"<" + DATA[1001:]
    async with RawServer([part(data, 1000, content_type="binary/octet-stream")]) as server:
        assert await player(server, "bytes=1000-") == (206, data[1000:])


async def test_a_stream_that_stands_still_ends(player: Player) -> None:
    answer = reply(200, DATA[:1000], length=len(DATA), then="hang", etag=ETAG)
    async with RawServer([answer]) as server:
        with pytest.raises(TransferStalledError, match=r"0\.2 s"):
            await player(server)
    assert player.located == 1  # bytes were passed on: that cannot be begun again


async def test_whoever_leaves_early_leaves_no_connection(player: Player) -> None:
    async def locate() -> str:
        return f"{server.url}/b877"

    storage = Storage(player.transport, Pacing(), player.clock, Reach.of("http://127.0.0.1"))
    answer = reply(200, DATA[:1000], length=len(DATA), etag=ETAG)
    async with RawServer([answer]) as server:
        before = open_files()
        async with open_result(
            storage, Retrier(RetryPolicy(), player.clock), locate, range=None
        ) as stream:
            async for _ in stream:
                break
        await asyncio.sleep(0)
        assert await settled_files(before) == {}
