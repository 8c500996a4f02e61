"""Another S3 endpoint behind the service: a small one here, which minds presigned queries."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field
from botocore.exceptions import ClientError, NoCredentialsError

from audio_enhance import Source
from audio_enhance.dask._transfer import fetch, send
from audio_enhance.local import Behaviour, LocalService, S3Store
from audio_enhance.local.object_store import s3
from audio_enhance.local.object_store.errors import S3Error
from audio_enhance.local.object_store.files import _digest
from audio_enhance.local.object_store.presigned import SigningKey, verify
from audio_enhance.local.object_store.protocol import Errand
from tests.local.conftest import Serve
from tests.local.support import BODY, FakeClock, StandIn, files_in, md5

KEY = SigningKey("AKIAEXAMPLE", "an example of a secret", "eu-central-1")


@define
class Endpoint:
    """A bucket called ``recordings``, addressed by path."""

    folder: Path
    url: str = ""
    seen: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    objects: dict[str, Path] = field(factory=dict[str, Path])
    late: str = ""  # what an upload brings that ends right after it was deleted

    async def answer(self, request: web.Request) -> web.StreamResponse:
        bucket, _, key = request.path.removeprefix("/").partition("/")
        own = "Authorization" in request.headers
        self.seen.append((f"{request.method} {key}", "service" if own else "caller"))
        if bucket != "recordings":
            return web.Response(status=404)
        disposition = {}
        if own:
            assert KEY.access_key in request.headers["Authorization"]
        else:
            try:
                presigned = verify(
                    request.method,
                    request.raw_path.encode(),
                    request.raw_headers,
                    key=KEY,
                    now=datetime.now(UTC),
                )
            except S3Error as error:
                return web.Response(status=error.status, body=error.document("", ""))
            if name := presigned.query.get("response-content-disposition"):
                disposition["Content-Disposition"] = name
        path = self.objects.get(key)
        match request.method:
            case "HEAD" if not key:
                return web.Response()
            case "PUT":
                path = self.folder / f"{len(self.seen)}"
                path.write_bytes(await request.read())
                self.objects[key] = path
                return web.Response()
            case "DELETE":
                self.objects.pop(key, None)
                if key == self.late:
                    self.late = ""
                    self.objects[key] = self.folder / "late"
                return web.Response(status=204)
            case _ if path is None:
                return web.Response(status=404)
            case _:
                etag = {"ETag": f'"{_digest(path).hex()}"'}
                return web.Response(body=path.read_bytes(), headers=etag | disposition)


@pytest.fixture
async def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    """A running endpoint, and the credentials for it where botocore looks."""
    (tmp_path / "bucket").mkdir()
    endpoint = Endpoint(tmp_path / "bucket")
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", endpoint.answer)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/session+token==")
    monkeypatch.setenv("AWS_DEFAULT_REGION", KEY.region)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with TestServer(app) as server:
        endpoint.url = str(server.make_url("")).rstrip("/")
        yield endpoint


async def test_the_five_steps_over_another_endpoint(
    serve: Serve, endpoint: Endpoint, enhancer: StandIn, tmp_path: Path
) -> None:
    store = S3Store(endpoint.url + "/", "recordings")
    caller = await serve(object_store=store, directory=tmp_path / "service")
    assert caller.service.s3_url == endpoint.url
    asset = await caller.create()
    assert asset["upload_url"].startswith(f"{endpoint.url}/recordings/Assets/{asset['id']}?")
    assert "X-Amz-Expires=300&" in asset["upload_url"]
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"
    assert (await caller.put(asset)).status == 200
    ready = await caller.asset(asset["id"])
    assert (ready["status"], ready["upload_url"]) == ("ready_for_processing", None)

    done = await caller.finished(await caller.enhance(ready, 40))
    assert done["status"] == "succeeded"
    assert enhancer.seen == [(BODY[:64], "audio/mpeg", 40)]
    _, _, headers = await caller.call("GET", done["download_url"])
    answer = await caller.fetch(headers["location"])
    assert answer.body == BODY
    assert "earhart-aviation-enhanced-40p.mp3" in answer.headers["content-disposition"]
    assert files_in(tmp_path / "service") == set(), "nothing is kept here"
    asked_by = {who for what, who in endpoint.seen if what.startswith("PUT Assets/")}
    assert asked_by == {"caller"}


async def test_an_upload_counts_only_if_it_is_what_was_announced(
    serve: Serve, endpoint: Endpoint
) -> None:
    caller = await serve(object_store=S3Store(endpoint.url, "recordings"))
    asset = await caller.create()
    # An endpoint that minds neither length nor digest lets anything land.
    for body, status in (
        (BODY[:-1], "waiting_for_upload"),
        (BODY[::-1], "waiting_for_upload"),
        (BODY, "ready_for_processing"),
    ):
        path = endpoint.folder / "by-hand"
        path.write_bytes(body)
        endpoint.objects[f"Assets/{asset['id']}"] = path
        assert (await caller.asset(asset["id"]))["status"] == status


async def test_the_later_revision_learns_the_checksum_from_the_endpoint(
    serve: Serve, endpoint: Endpoint
) -> None:
    behaviour = Behaviour(revision="later", upload_url_seconds=29.5)
    caller = await serve(object_store=S3Store(endpoint.url, "recordings"), behaviour=behaviour)
    asset = await caller.create()
    assert "X-Amz-Expires=30&" in asset["upload_url"]
    answer = await caller.fetch(
        asset["upload_url"], "PUT", data=BODY, headers={"Content-Type": "audio/mpeg"}
    )
    assert answer.status == 200
    assert (await caller.asset(asset["id"]))["checksum"] == md5(BODY)


async def test_an_endpoint_that_is_gone_fails_the_enhancement_not_the_service(
    serve: Serve, endpoint: Endpoint
) -> None:
    caller = await serve(object_store=S3Store(endpoint.url, "recordings"))
    asset = await caller.ready()
    endpoint.objects.clear()
    assert (await caller.finished(await caller.enhance(asset)))["status"] == "failed"
    assert (await caller.finished(await caller.enhance(await caller.ready())))["status"] == (
        "succeeded"
    )


async def test_a_bucket_that_is_not_there_stops_the_start(
    serve: Serve, endpoint: Endpoint, enhancer: StandIn
) -> None:
    with pytest.raises(ClientError, match="404"):
        await serve(object_store=S3Store(endpoint.url, "elsewhere"))


async def test_without_credentials_it_does_not_start(
    serve: Serve, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(NoCredentialsError):
        await serve(object_store=S3Store(endpoint.url, "recordings"))


async def test_no_signature_is_logged(
    serve: Serve, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        caller = await serve(object_store=S3Store(endpoint.url, "recordings"))
        await caller.result_url()
    # The endpoint of this test keeps an access log of its own.
    logged = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    assert logged
    for secret in ("Signature", "session+token", KEY.secret_key):
        assert secret not in "\n".join(logged)


@pytest.mark.parametrize(
    ("url_seconds", "put_seconds", "passed"), [(0.05, 0.0, 0.0), (300.0, 0.05, 300.0)]
)
async def test_an_upload_that_comes_too_late_does_not_stay(
    serve: Serve,
    endpoint: Endpoint,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    url_seconds: float,
    put_seconds: float,
    passed: float,
) -> None:
    """Nor does one whose URL has ended by now: it may have begun before."""
    monkeypatch.setattr(s3, "_LONGEST_PUT", put_seconds)
    store, behaviour = (
        S3Store(endpoint.url, "recordings"),
        Behaviour(upload_url_seconds=url_seconds),
    )
    caller = await serve(object_store=store, behaviour=behaviour, clock=clock)
    asset = await caller.create()
    clock.now += passed
    endpoint.late = f"Assets/{asset['id']}"
    await caller.service.remove_asset(asset["id"])
    while endpoint.late or endpoint.objects:
        await asyncio.sleep(0.005)


async def test_what_may_still_come_is_looked_for_when_the_service_stops(
    serve: Serve, endpoint: Endpoint
) -> None:
    caller = await serve(object_store=S3Store(endpoint.url, "recordings"))
    asset = await caller.create()
    endpoint.late = f"Assets/{asset['id']}"
    await caller.service.remove_asset(asset["id"])
    assert endpoint.objects
    await caller.service.stop()
    assert not endpoint.objects


async def test_whoever_enhances_elsewhere_has_urls_of_the_endpoint(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    """Neither the recording nor its result goes through the service."""

    class Elsewhere:
        hostname = "unused.example"

        async def carry_out(
            self, errand: Callable[[], Errand], *, name: str, strength: int
        ) -> None:
            await fetch(errand(), tmp_path / name)
            await send(errand(), tmp_path / name)

        async def close(self) -> None: ...

    store = S3Store(endpoint.url, "recordings")
    async with (
        LocalService(object_store=store, enhancer=Elsewhere()) as service,
        service.connect(None) as client,
    ):
        source = Source.from_bytes(BODY, filename="talk.mp3")
        result = await client.enhance(source, strength=93, output_dir=tmp_path / "out")
        assert result.path.read_bytes() == BODY
        moved = [what.split("/")[0] for what, who in endpoint.seen if who == "caller"]
        kinds = ("Assets", "SpeechEnhancements")
        assert moved == [f"{method} {kind}" for kind in kinds for method in ("PUT", "GET")]
        assert not [who for what, who in endpoint.seen if who == "service" and "GET" in what]
