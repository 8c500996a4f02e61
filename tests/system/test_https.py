"""An API that is spoken to over TLS: where it may send us, and where it must not."""

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from aiohttp.web_runner import TCPSite

from audio_enhance import ApiVersion, EnhanceClient, ProtocolError
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.local.serving import listener
from tests.conftest import QUICK_POLLING, QUICK_RETRY
from tests.support.interposed import Interposed
from tests.support.results import expected
from tests.support.tls import Certificate
from tests.support.tools import needs

from .scene import CREATE_ASSET, GET, GET_ASSET, LOCATE, POLL, PUT

pytestmark = [needs("openssl"), pytest.mark.parametrize("version", get_args(ApiVersion))]

API, STORE = "api.example", "store.example"
# Whatever is not spoken to over TLS, and whatever is of this machine or a network like it.
FORBIDDEN = [
    "http://store.example/k?X-Amz-Signature=5ecret",
    "HTTP://STORE.EXAMPLE/k?X-Amz-Signature=5ecret",
    "https://127.0.0.1/k?X-Amz-Signature=5ecret",
    "https://127.1/k",
    "https://2130706433/k",
    "https://0x7f.1/k",
    "https://0/k",
    "//10.0.0.1/k",
    "https://192.168.0.1:8443/k",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/k",
    "https://[::ffff:10.0.0.1]/k",
    "https://[fd00::1]/k",
    "https://localhost/k",
    "https://a.localhost./k",
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"), API, STORE)


@pytest.fixture
async def service(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LocalService]:
    """The local service over TLS, under names of the internet."""
    secure = partial(TCPSite, ssl_context=certificate.server_context())
    monkeypatch.setattr(listener, "TCPSite", secure)

    def url(self: listener.Listener, hostname: str | None = None) -> str:
        # The object store alone is told by which name the API was reached.
        return f"https://{API if hostname is None else STORE}:{self.port}"

    monkeypatch.setattr(listener.Listener, "url", url)
    async with LocalService(behaviour=Behaviour(), enhancer=Rehearsal()) as service:
        yield service


@pytest.fixture
async def client(
    service: LocalService, certificate: Certificate, version: ApiVersion
) -> AsyncIterator[EnhanceClient]:
    async with (
        certificate.trusting_session() as session,
        EnhanceClient(
            service.credentials,
            base_url=service.base_url,
            api_version=version,
            session=session,
            polling=QUICK_POLLING,
            retry=QUICK_RETRY,
        ) as client,
    ):
        yield client


def led(version: ApiVersion, name: str, url: str) -> Callable[[web.Response], web.Response]:
    """Return what puts another address into an answer of the API's."""

    def change(response: web.Response) -> web.Response:
        assert isinstance(response.body, bytes)
        document: dict[str, Any] = json.loads(response.body)
        if name == "upload":
            document["upload_url" if version == "v1" else "uploadUrl"] = url
        elif version == "v1":
            document["download_url"] = url
        else:
            document["output"] = {"url": url}
        return web.json_response(document, status=response.status)

    return change


def redirect(url: str) -> Callable[[Any], web.Response]:
    return lambda _: web.Response(status=302, headers={"Location": url})


async def test_a_recording(
    client: EnhanceClient, service: LocalService, recording: Path, tmp_path: Path
) -> None:
    result = await client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.path.read_bytes() == expected(recording)
    assert service.count(PUT, 200) == service.count(GET, 200) == 1


async def refused(client: EnhanceClient, recording: Path) -> None:
    with pytest.raises(ProtocolError, match=r"unencrypted|private|https to http") as caught:
        await client.enhance(recording, strength=93, output_dir=recording.parent / "out")
    assert "5ecret" not in str(caught.value)
    assert list((recording.parent / "out").iterdir()) == []


async def test_uploads_that_would_leave_it(
    client: EnhanceClient,
    service: LocalService,
    monkeypatch: pytest.MonkeyPatch,
    recording: Path,
    version: ApiVersion,
) -> None:
    says = Interposed(monkeypatch)
    for url in FORBIDDEN:
        says.change(CREATE_ASSET, led(version, "upload", url))
        await refused(client, recording)
    assert says.given == service.count(CREATE_ASSET) == len(FORBIDDEN)
    assert service.count(PUT) == service.count(GET_ASSET) == 0


async def test_results_that_would_leave_it(
    client: EnhanceClient,
    service: LocalService,
    monkeypatch: pytest.MonkeyPatch,
    recording: Path,
    version: ApiVersion,
) -> None:
    says = Interposed(monkeypatch)
    for number, url in enumerate(FORBIDDEN):
        says.change(POLL, led(version, "result", url), times=99)
        # Another recording each time: what is finished is remembered.
        recording.write_bytes(b"ID3" + bytes([number]) * 999)
        await refused(client, recording)
        says.forget()
    assert says.given >= len(FORBIDDEN)
    assert service.count(GET) == service.count(LOCATE) == 0


async def test_redirects_that_would_leave_it(
    client: EnhanceClient,
    service: LocalService,
    monkeypatch: pytest.MonkeyPatch,
    recording: Path,
    version: ApiVersion,
) -> None:
    says = Interposed(monkeypatch)
    # The API's own in its first generation, and the object store's in both.
    routes = (LOCATE, GET) if version == "v1" else (GET,)
    result = await client.enhance(recording, strength=93, output_dir=recording.parent / "first")
    before = service.count(GET)
    for route in routes:
        for url in FORBIDDEN:
            says.instead(route, redirect(url))
            with pytest.raises(ProtocolError, match=r"unencrypted|private|https to http"):
                await client.download(result.enhancement, output_dir=recording.parent / "out")
    assert says.given == len(FORBIDDEN) * len(routes)
    assert service.count(GET, 200) == before
