"""A worker's transfers: over real HTTP, tried again, and without a signature in what they say."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audio_enhance.dask import _transfer
from audio_enhance.dask._transfer import TransferError, fetch, send
from audio_enhance.local.object_store.protocol import Errand
from tests.local.support import md5

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]
DATA = b"RIFF" + bytes(range(256)) * 10_000
QUERY = "?X-Amz-Signature=5ecre7%2Fescaped"


class Store:
    """An object store that answers as it is told, one answer after the other."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.seen: list[tuple[str, str, str | None, bytes]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        md5_said = request.headers.get("Content-MD5")
        self.seen.append((request.method, request.raw_path, md5_said, body))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, body=DATA if request.method == "GET" else b"")

    @property
    def errand(self) -> Errand:
        return Errand(f"{self.url}a{QUERY}", f"{self.url}b{QUERY}", "audio/wav")


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(_transfer, "_WAITS", (0.0, 0.0))
    store = Store()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{tail:.*}", store.answer)
    async with TestServer(app) as server:
        store.url = str(server.make_url("/"))
        yield store


async def test_a_recording_is_fetched_by_the_url_as_it_was_signed(
    store: Store, tmp_path: Path
) -> None:
    store.statuses = [503]
    await fetch(store.errand, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert store.seen == [("GET", f"/a{QUERY}", None, b"")] * 2


async def test_a_result_is_sent_with_its_length_and_digest(store: Store, tmp_path: Path) -> None:
    store.statuses = [500, 200]
    (tmp_path / "b").write_bytes(DATA)
    await send(store.errand, tmp_path / "b")
    assert store.seen == [("PUT", f"/b{QUERY}", md5(DATA), DATA)] * 2


async def test_what_goes_wrong_again_and_again_is_told_without_the_signature(
    store: Store, tmp_path: Path
) -> None:
    store.statuses = [403] * 3
    with pytest.raises(TransferError, match="answered 403") as caught:
        await fetch(store.errand, tmp_path / "a")
    nobody = Errand(f"http://127.0.0.1:9/a{QUERY}", "", "audio/wav")
    with pytest.raises(TransferError, match="could not be fetched") as unreached:
        await fetch(nobody, tmp_path / "a")
    for said in (caught.value, unreached.value, repr(store.errand)):
        assert "5ecre7" not in str(said)
