"""The service as a whole: its start, its end, and what it leaves behind."""

import asyncio
import gc
import importlib
import logging
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from audio_enhance import Source
from audio_enhance._core.installation import install_command
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.api import validation
from audio_enhance.local.api.tokens import SCOPES
from audio_enhance.local.conditions.behaviour import Revision
from audio_enhance.local.enhancer import demo_recording

from .conftest import Serve
from .support import BODY, Caller, StandIn, files_in, put, raw


def listening() -> set[tuple[str, int]]:
    """The addresses that this process listens on."""
    connections = psutil.Process().net_connections("tcp")
    return {(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN}


async def test_it_says_where_it_is(caller: Caller) -> None:
    service = caller.service
    assert service.base_url.startswith("http://127.0.0.1:")
    assert service.token_url == service.base_url + "/ims/token/v3"
    assert service.s3_url.startswith("http://127.0.0.1:")
    assert service.s3_url != service.base_url
    assert service.environment == {
        "FIREFLY_SERVICES_CLIENT_ID": service.client_id,
        "FIREFLY_SERVICES_CLIENT_SECRET": service.client_secret,
        "AUDIO_ENHANCE_BASE_URL": service.base_url,
        "AUDIO_ENHANCE_TOKEN_URL": service.token_url,
    }
    assert service.behaviour == Behaviour()


async def test_it_has_credentials_for_the_client(caller: Caller) -> None:
    credentials = caller.service.credentials
    assert type(credentials).__name__ == "ClientCredentials"
    assert caller.service.client_secret not in repr(credentials)


async def test_several_lanes_have_several_recordings_enhanced_at_once(tmp_path: Path) -> None:
    gate = asyncio.Event()
    stand_in = StandIn(gate=gate)
    async with (
        LocalService(enhancer=stand_in, behaviour=Behaviour.unlimited()) as service,
        service.connect(3) as client,
    ):
        sources = [b"RIFF" + bytes([number]) * 40 for number in range(5)]
        named = [Source.from_bytes(data, filename=f"{data[4]}.wav") for data in sources]
        batch = asyncio.create_task(
            client.enhance_batch(named, strength=93, output_dir=tmp_path / "out")
        )
        for _ in range(3):
            await stand_in.started.get()
        assert (stand_in.running, stand_in.started.qsize()) == (3, 0)
        gate.set()
        assert len((await batch).succeeded) == 5
        assert stand_in.most == 3
        assert service.count("POST /assets") == 5


class HalfWay(StandIn):
    """Is always half done with what it works on."""

    def share_done(self, destination: Path) -> float | None:
        return 0.5 if self.running else None


@pytest.mark.parametrize(("kind", "share"), [(HalfWay, 0.5), (StandIn, None)])
async def test_it_tells_how_far_an_enhancement_is_if_the_enhancer_does(
    kind: type[StandIn], share: float | None
) -> None:
    gate = asyncio.Event()
    stand_in = kind(gate=gate)
    async with LocalService(enhancer=stand_in) as service, service.connect() as client:
        assert service.share_done("unknown") is None
        job = await client.submit(Source.from_bytes(BODY, filename="a.wav"), strength=93)
        await stand_in.started.get()
        async with asyncio.timeout(10):
            while (enhancement := job.enhancement) is None:
                await asyncio.sleep(0)
        assert service.share_done(enhancement.id) == share
        gate.set()
        await job
        assert service.share_done(enhancement.id) is None


async def test_its_own_limits_are_the_clients(tmp_path: Path) -> None:
    async with LocalService(enhancer=StandIn(), behaviour=Behaviour.unlimited()) as service:
        async with service.connect() as client:
            sources = (
                Source.from_bytes(f"RIFF{number:040}".encode(), filename=f"{number}.wav")
                for number in range(60)  # more than the published limits let through in a minute
            )
            report = await client.enhance_batch(sources, strength=93, output_dir=tmp_path / "out")
        assert len(report.succeeded) == 60
        assert service.count(status=429) == 0


async def test_it_is_healthy_and_describes_itself(caller: Caller) -> None:
    status, body, headers = await caller.call("GET", "/", headers={})
    assert status == 200
    assert b"/openapi.json" in body
    assert headers["x-request-id"]
    status, document, _ = await caller.call("GET", "/openapi.json", headers={})
    assert status == 200
    assert document["openapi"] == "3.1.0"


async def test_its_health_says_how_much_there_is_to_do(caller: Caller, enhancer: StandIn) -> None:
    enhancer.gate = asyncio.Event()
    asset = await caller.ready()
    for strength in (10, 20, 30):
        await caller.enhance(asset, strength)
    await enhancer.started.get()
    status, health, _ = await caller.call("GET", "/health", headers={})
    assert status == 200
    assert health == {
        "status": "ok",
        "engine": "v1",
        "queued": 2,
        "processing": 1,
        "stored_bytes": len(BODY),
    }


async def test_the_description_is_true(caller: Caller, enhancer: StandIn) -> None:
    """Every path, and the fields of every answer, are those of the document."""
    _, document, _ = await caller.call("GET", "/openapi.json", headers={})
    schemas = document["components"]["schemas"]
    asset = await caller.ready()
    done = await caller.finished(await caller.enhance(asset))
    assert list(asset) == list(schemas["Asset"]["properties"])
    assert list(done) == schemas["SpeechEnhancement"]["required"]
    assert {*schemas["SpeechEnhancement"]["properties"]} - {*done} == {
        "notes"
    }  # where there are any
    for path, item in document["paths"].items():
        if "$ref" in item:
            item = document["components"]["pathItems"][item["$ref"].rpartition("/")[2]]
        for method in {"get", "post"} & set(item):
            real = path.format(asset_id=asset["id"], enhancement_id=done["id"])
            status, _, headers = await caller.call(method.upper(), real)
            # Without a body the POSTs are refused, in a way the document knows.
            answer = item[method]["responses"][str(status)]
            if "$ref" in answer:
                answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            assert set(answer["headers"]) <= set(headers)
            other = "PATCH"
            assert (await caller.call(other, real))[0] == 405


async def test_the_description_has_the_rules_of_the_code(caller: Caller) -> None:
    _, document, _ = await caller.call("GET", "/openapi.json", headers={})
    schemas = document["components"]["schemas"]
    for schema, name in (("NewAsset", "filename"), ("NewAssetV2", "fileName")):
        rules = schemas[schema]["properties"][name]
        assert (rules["pattern"], rules["minLength"]) == (validation.FILENAME, 1)
        assert rules["maxLength"] == validation.LONGEST_FILENAME
    for schema, name in (("NewAsset", "content_type"), ("NewAssetV2", "mediaType")):
        assert set(schemas[schema]["properties"][name]["enum"]) == validation.CONTENT_TYPES
    assert schemas["NewAsset"]["properties"]["checksum"]["pattern"] == validation.CHECKSUM
    given = schemas["NewSpeechEnhancementV2"]["properties"]["input"]["properties"]["uploadId"]
    assert given["pattern"] == validation.UPLOAD_ID
    form = document["paths"]["/ims/token/v3"]["post"]["requestBody"]["content"]
    fields = form["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert fields["scope"]["pattern"] == SCOPES
    assert fields["client_id"]["minLength"] == fields["client_secret"]["minLength"] == 1


@pytest.mark.parametrize(("revision", "demanded"), [("2024-04", True), ("later", False)])
async def test_the_description_demands_a_checksum_where_the_service_does(
    serve: Serve, revision: Revision, demanded: bool
) -> None:
    caller = await serve(behaviour=Behaviour(revision=revision))
    _, document, _ = await caller.call("GET", "/openapi.json", headers={})
    schemas = document["components"]["schemas"]
    assert ("checksum" in schemas["NewAsset"]["required"]) == demanded
    assert "checksum" not in schemas["NewAssetV2"]["properties"]
    facts = {"filename": "a.mp3", "byte_size": 1, "content_type": "audio/mpeg"}
    status, _, _ = await caller.call("POST", "/audio_services/v1/assets", json=facts)
    assert (status == 422) == demanded


async def test_every_ipv6_address_has_one_that_answers(enhancer: StandIn) -> None:
    try:
        service = LocalService(host="::", enhancer=enhancer)
        await service.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        assert service.base_url.startswith("http://[::1]:")
        token = service.issue_token(service.client_id)
        async with aiohttp.ClientSession() as session:
            caller = Caller(service, session, service.client_id, token)
            url = await caller.result_url()
            assert url.startswith(service.s3_url)
            assert (await caller.fetch(url)).body == BODY
    finally:
        await service.stop()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"no HTTP?X-Amz-Signature=1\r\n\r\n"]
)
@pytest.mark.parametrize("port", ["base_url", "s3_url"])
async def test_garbage_is_one_line_in_the_log(
    caller: Caller, caplog: pytest.LogCaptureFixture, port: str, garbage: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    answer = await raw(getattr(caller.service, port), garbage)
    assert answer.status == 400
    lines = [record for record in caplog.records if record.name != "asyncio"]
    [line] = lines
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert line.name == "audio_enhance.local"
    assert "Signature" not in line.getMessage()
    if port == "s3_url":
        assert answer.headers["content-type"].startswith("application/xml")
        assert answer.code == "BadRequest"
        assert answer.headers["x-amz-request-id"].encode() in answer.body


async def test_its_files_are_removed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    caller = await serve()
    await caller.result_url()
    assert len(files_in(tmp_path)) == 3  # and its lock
    await caller.service.stop()
    tmp_path.rmdir()


async def test_its_files_are_kept_in_a_directory_that_was_given(
    serve: Serve, tmp_path: Path
) -> None:
    caller = await serve(directory=str(tmp_path / "new" / "folder"))
    done = await caller.finished(await caller.enhance(await caller.ready()))
    await caller.service.stop()
    objects = tmp_path / "new" / "folder" / "stored"
    assert (objects / "Assets" / done["asset_id"]).read_bytes() == BODY
    result = objects / "SpeechEnhancements" / done["asset_id"] / done["id"]
    assert result.read_bytes() == BODY
    assert files_in(tmp_path) == {objects / "Assets" / done["asset_id"], result}


async def test_nothing_outlives_it(enhancer: StandIn) -> None:
    process = psutil.Process()
    async with LocalService(enhancer=StandIn()):
        pass
    gc.collect()
    tasks = asyncio.all_tasks()
    descriptors = process.num_fds()
    service = LocalService(enhancer=enhancer)
    await service.start()
    token = service.issue_token(service.client_id)
    service.faults.slow_seconds = 60
    async with aiohttp.ClientSession() as session:
        caller = Caller(service, session, service.client_id, token)
        enhancer.gate = asyncio.Event()
        await caller.enhance(await caller.ready())
        await enhancer.started.get()
        service.faults.slow_answer = 1.0
        half = await caller.call_in_vain("GET", "/audio_services/v1/assets/x")
        ports = [int(url.rpartition(":")[2]) for url in (service.base_url, service.s3_url)]
        await service.stop()
        await asyncio.gather(half, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    gc.collect()
    assert process.num_fds() == descriptors
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert enhancer.closed


async def test_an_upload_that_is_under_way_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    asset = await caller.create(byte_size=1 << 24)
    url = urlsplit(asset["upload_url"])
    headers = {
        "Content-Length": str(1 << 24),
        "Content-MD5": asset["checksum"],
        "Content-Type": asset["content_type"],
    }
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(put(asset["upload_url"], headers, bytes(3 << 20)))
    await writer.drain()
    async with asyncio.timeout(60):
        while not files_in(tmp_path):
            await asyncio.sleep(0.001)
    await caller.service.stop()
    assert files_in(tmp_path) == set()
    assert asyncio.all_tasks() <= before
    writer.close()


async def test_by_default_it_really_listens_to_what_it_enhances(serve: Serve) -> None:
    caller = await serve(enhancer=None, behaviour=Behaviour(others_per_minute=100_000))
    recording = demo_recording()
    speech = (await asyncio.to_thread(recording.read_bytes))[:20_000]
    good = await caller.enhance(await caller.ready(speech, filename=recording.name))
    bad = await caller.enhance(await caller.ready(b"no audio at all" * 100))
    assert (await caller.finished(good))["status"] == "succeeded"
    assert (await caller.finished(bad))["status"] == "failed"


async def test_it_starts_once_and_stops_as_often_as_one_likes(enhancer: StandIn) -> None:
    service = LocalService(enhancer=enhancer)
    with pytest.raises(RuntimeError, match="not been started"):
        _ = service.base_url
    with pytest.raises(RuntimeError, match="not been started"):
        _ = service.s3_url
    await service.stop()
    async with service:
        with pytest.raises(RuntimeError, match="only once"):
            await service.start()
    await service.stop()


async def test_a_port_that_is_taken_leaves_nothing_open(enhancer: StandIn) -> None:
    before = listening()  # a server that many tests share may be among them
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"port": port}, {"s3_port": port}):
            service = LocalService(enhancer=enhancer, **ports)
            with pytest.raises(OSError, match="in use"):
                await service.start()
            assert listening() - before == {("127.0.0.1", port)}


async def test_it_listens_where_it_is_told(serve: Serve) -> None:
    before = listening()
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        ports = one.getsockname()[1], two.getsockname()[1]
    caller = await serve(port=ports[0], s3_port=ports[1])
    assert caller.service.base_url == f"http://127.0.0.1:{ports[0]}"
    assert caller.service.s3_url == f"http://127.0.0.1:{ports[1]}"
    assert listening() - before == {("127.0.0.1", port) for port in ports}


async def test_listening_everywhere_urls_lead_back_by_the_callers_name(serve: Serve) -> None:
    caller = await serve(host="0.0.0.0")
    assert caller.service.base_url.startswith("http://127.0.0.1:")
    asset = await caller.create()
    assert asset["upload_url"].startswith(caller.service.s3_url)
    port = caller.service.base_url.rpartition(":")[2]
    s3_port = caller.service.s3_url.rpartition(":")[2]
    status, asset, _ = await caller.call(
        "GET", f"http://localhost:{port}/audio_services/v1/assets/{asset['id']}"
    )
    assert status == 200
    assert asset["upload_url"].startswith(f"http://localhost:{s3_port}/")
    assert (await caller.put(asset)).status == 200


async def test_an_error_of_its_own_is_a_500_and_the_next_request_goes_on(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asset = await caller.create()

    async def broken(key: str) -> None:
        raise LookupError(key)

    monkeypatch.setattr(caller.service._store, "info", broken)
    path = f"/audio_services/v1/assets/{asset['id']}"
    status, body, _ = await caller.call("GET", path)
    assert (status, body) == (500, {"message": "Internal Server Error"})
    assert caller.service.record[-1].status == 500
    assert "LookupError" in caplog.text
    monkeypatch.undo()
    assert (await caller.call("GET", path))[0] == 200


async def test_no_log_holds_a_secret(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        url = await caller.result_url()
        await caller.fetch(url)
        await caller.fetch(url.replace("%2F", "/"))
    for secret in (caller.token, caller.service.client_secret, "X-Amz-Signature", "FwoGZXIv"):
        assert secret not in caplog.text
    assert caller.service.client_secret not in repr(caller.service)


def test_without_its_packages_the_import_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['botocore'] = None\n"
        "import audio_enhance\n"
        "try: from audio_enhance.local import LocalService\n"
        "except ImportError as error: print(error)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert install_command("local") in done.stdout


def test_every_public_name_is_there() -> None:
    module = importlib.import_module("audio_enhance.local")
    assert sorted(module.__all__) == module.__all__
    for name in module.__all__:
        assert getattr(module, name)
