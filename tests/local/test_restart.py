"""A service that gets the folder of another one, which was stopped or killed."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import aiohttp
import pytest
from attrs import frozen

from audio_enhance import EnhanceClient, PollPolicy, RetryPolicy, Source
from audio_enhance.local import Behaviour, Fault, Faults, LocalService
from audio_enhance.local.conditions import clock as clock_module
from audio_enhance.local.enhancer import NotAudioError

from .conftest import Serve
from .support import BODY, Caller, FakeClock, StandIn, files_in, md5, path_of


@frozen
class Life:
    """One life of a service, and a client that lived before it."""

    caller: Caller
    enhancer: StandIn


class Begin(Protocol):
    """Starts a service in the folder."""

    async def __call__(self, caller: Caller | None = None, **arguments: Any) -> Life: ...


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """A function that begins the first life, or the next one after that of a client's service.

    The service before is as if killed: what the next one gets is a copy of its folder, made while
    it was running.
    """
    async with AsyncExitStack() as stack:
        lives = 0

        async def begin(caller: Caller | None = None, **arguments: Any) -> Life:
            nonlocal lives
            before, folder = tmp_path / f"life {lives}", tmp_path / f"life {lives + 1}"
            lives += 1
            if before.exists():
                shutil.copytree(before, folder)
            enhancer = arguments.pop("enhancer", None) or StandIn()
            service = LocalService(folder, enhancer=enhancer, **arguments)
            await stack.enter_async_context(service)
            if caller is None:
                session = await stack.enter_async_context(aiohttp.ClientSession())
                token = service.issue_token(service.client_id)
                caller = Caller(service, session, service.client_id, token)
            else:
                caller = Caller(service, caller.session, caller.client_id, caller.token)
            return Life(caller, enhancer)

        yield begin


async def test_a_stopped_service_goes_on_at_the_same_address(
    serve: Serve, tmp_path: Path, enhancer: StandIn
) -> None:
    enhancer.notes = ("A second is missing.",)
    first = await serve(directory=tmp_path)
    done = await first.finished(await first.enhance(await first.ready()))
    assert done["notes"] == [*enhancer.notes]
    await first.service.stop()
    again = await serve(directory=tmp_path)
    assert again.service.environment == first.service.environment
    assert again.service.s3_url == first.service.s3_url
    # The client of the first knows nothing of it.
    assert await first.finished(done) == done
    _, _, headers = await first.call("GET", done["download_url"])
    assert (await first.fetch(headers["location"])).body == BODY


async def test_a_client_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """It waits for an enhancement while the service is stopped and another one started."""
    held, folder = StandIn(gate=asyncio.Event()), tmp_path / "kept"
    first, again = LocalService(folder, enhancer=held), LocalService(folder, enhancer=StandIn())
    await first.start()
    async with EnhanceClient(
        first.credentials,
        base_url=first.base_url,
        polling=PollPolicy(shortest=0.002, longest=0.05),
        retry=RetryPolicy(attempts=100, longest_wait=0.05),
    ) as client:
        source = Source.from_bytes(BODY, filename="talk.mp3")
        job = asyncio.create_task(client.enhance(source, strength=93, output_dir=tmp_path))
        await held.started.get()
        await first.stop()
        async with again:
            assert (await job).path.read_bytes() == BODY
            assert again.count("POST /assets") == again.count("POST /speech_enhancements") == 0
            assert again.count("POST /ims/token/v3") == 0


async def test_everything_is_as_it_was_when_the_service_is_killed(begin: Begin) -> None:
    first = (await begin()).caller
    waiting = await first.create(filename="waiting.mp3")
    uploaded = await first.ready(BODY[:-1])
    done = await first.finished(await first.enhance(uploaded, 50))
    again = (await begin(first)).caller
    for asset in (waiting, uploaded):
        now = await again.asset(asset["id"])
        assert now == asset | {"upload_url": now["upload_url"]}
    now = await again.enhancement(done)
    assert now == done | {"download_url": now["download_url"]}  # at another port
    _, _, headers = await again.call("GET", now["download_url"])
    assert (await again.fetch(headers["location"])).body == BODY[:-1]
    assert again.service.stored_bytes == 2 * len(BODY) - 2
    # What waited for its upload can still get it.
    assert (await again.put(await again.asset(waiting["id"]))).status == 200
    assert (await again.asset(waiting["id"]))["status"] == "ready_for_processing"


async def test_what_is_in_work_is_begun_again_and_what_waits_behind_it_keeps_its_order(
    begin: Begin,
) -> None:
    held = await begin(enhancer=StandIn(gate=asyncio.Event()))
    first = held.caller
    asset = await first.ready()
    failed = await begin_failed(held)
    made = [await first.enhance(asset, strength) for strength in (10, 20, 30)]
    assert await held.enhancer.started.get() == 10
    life = await begin(first)
    for enhancement in made:
        assert (await life.caller.finished(enhancement))["status"] == "succeeded"
    assert [strength for _, _, strength in life.enhancer.seen] == [10, 20, 30]
    # Nothing that has ended is done again.
    third = await begin(life.caller)
    assert (await third.caller.enhancement(failed))["status"] == "failed"
    assert (await third.caller.enhancement(made[0]))["status"] == "succeeded"
    assert third.enhancer.seen == []


async def begin_failed(life: Life) -> dict[str, Any]:
    """Have an enhancement fail, for a reason that can be asked for."""
    gate, life.enhancer.gate = life.enhancer.gate, None
    life.enhancer.error = NotAudioError("It is a film.")
    caller = life.caller
    failed = await caller.finished(await caller.enhance(await caller.ready(), 1))
    await life.enhancer.started.get()
    life.enhancer.gate, life.enhancer.error = gate, None
    return failed


async def test_why_an_enhancement_failed_is_known(begin: Begin) -> None:
    life = await begin()
    failed = await begin_failed(life)
    again = await begin(life.caller)
    reason = again.caller.service.why_failed(failed["id"])
    assert reason is not None
    assert reason.message == "It is a film."


async def test_an_unacceptable_upload_stays_so(begin: Begin) -> None:
    faults = Faults()
    faults.script(Fault.INVALID_UPLOAD)
    first = (await begin(faults=faults)).caller
    asset = await first.create()
    await first.put(asset)
    assert (await first.asset(asset["id"]))["status"] == "invalid_upload"
    again = (await begin(first)).caller
    assert (await again.asset(asset["id"]))["status"] == "invalid_upload"


async def test_a_presigned_url_outlives_its_service(begin: Begin) -> None:
    first = (await begin()).caller
    asset = await first.create()
    again = (await begin(first)).caller
    moved = asset["upload_url"].replace(first.service.s3_url, again.service.s3_url)
    host = first.service.s3_url.removeprefix("http://")
    answer = await again.fetch(
        moved,
        "PUT",
        data=BODY,
        headers={"Content-MD5": md5(BODY), "Content-Type": "audio/mpeg", "Host": host},
    )
    assert answer.status == 200


async def test_what_was_deleted_does_not_come_back(begin: Begin, tmp_path: Path) -> None:
    first = (await begin()).caller
    asset = await first.create()
    gone = await first.ready()
    await first.finished(await first.enhance(gone))
    for one in (asset, gone):
        assert (await first.call("DELETE", f"/api/v2/assets/{one['id']}"))[0] == 204
    again = (await begin(first)).caller
    assert (await again.call("GET", f"/api/v2/assets/{gone['id']}"))[0] == 404
    # An upload that was on its way all the time.
    host = first.service.s3_url.removeprefix("http://")
    url = asset["upload_url"].replace(first.service.s3_url, again.service.s3_url)
    headers = {"Content-MD5": md5(BODY), "Content-Type": "audio/mpeg", "Host": host}
    await again.fetch(url, "PUT", data=BODY, headers=headers)
    assert files_in(tmp_path / "life 2") == set()
    assert again.service.stored_bytes == 0


async def test_what_a_killed_service_left_half_done_goes_and_nothing_else(
    begin: Begin, tmp_path: Path
) -> None:
    held = await begin(enhancer=StandIn(gate=asyncio.Event()))
    asset = await held.caller.ready()
    await held.caller.enhance(asset)
    await held.enhancer.started.get()
    folder = tmp_path / "life 1"
    [work] = folder.glob(".work*")
    (work / "result").write_bytes(BODY)
    stored = folder / "stored"
    for name in ("incoming/1", "Assets/unknown", "SpeechEnhancements/a/b"):
        (stored / name).parent.mkdir(parents=True, exist_ok=True)
        (stored / name).write_bytes(BODY)
    somebodys = {folder / "work" / "notes", folder / "objects" / "Assets" / "old"}
    for path in somebodys:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"somebody's")
    await begin(held.caller, enhancer=StandIn(gate=asyncio.Event()))
    kept = {path.relative_to(folder) for path in somebodys}
    kept.add((stored / "Assets" / asset["id"]).relative_to(folder))
    left = tmp_path / "life 2"
    assert {path.relative_to(left) for path in files_in(left)} == kept
    assert not (left / "stored" / "SpeechEnhancements").exists()


async def test_a_recording_that_somebody_removed_fails_and_the_next_has_its_turn(
    begin: Begin, tmp_path: Path
) -> None:
    held = await begin(enhancer=StandIn(gate=asyncio.Event()))
    first = held.caller
    lost, kept = await first.ready(), await first.ready(BODY[1:])
    made = [await first.enhance(lost), await first.enhance(kept)]
    await held.enhancer.started.get()
    (tmp_path / "life 1" / "stored" / "Assets" / lost["id"]).unlink()
    again = (await begin(first)).caller
    ends = [(await again.finished(enhancement))["status"] for enhancement in made]
    assert ends == ["failed", "succeeded"]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the next service begin so many seconds later."""
    moved = SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)
    monkeypatch.setattr(clock_module, "time", moved)


async def test_tokens_are_kept_as_digests_until_they_end(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await begin(clock=FakeClock())).caller
    await first.create()
    for path in (tmp_path / "life 1").glob("service*"):
        assert first.token.encode() not in path.read_bytes()
    later(monkeypatch, 86_390.0)
    again = (await begin(first, clock=FakeClock(7.0))).caller  # the machine was started anew
    await again.create()
    later(monkeypatch, 86_410.0)
    third = (await begin(again)).caller
    assert (await third.call("GET", "/api/v2/assets/x"))[0] == 401
    ledger = third.service._conditions.ledger
    assert len(await ledger.rows("SELECT * FROM tokens")) == 0


async def test_revoked_tokens_stay_so(begin: Begin) -> None:
    first = (await begin()).caller
    first.service.revoke_tokens()
    await first.service._conditions.ledger.settled()
    again = (await begin(first)).caller
    assert (await again.call("GET", "/api/v2/assets/x"))[0] == 401


async def test_credentials_that_are_given_are_not_written_down(
    serve: Serve, tmp_path: Path
) -> None:
    given = {"client_id": "studio", "client_secret": "a secret of the studio's"}
    first = await serve(directory=tmp_path, **given)
    await first.create()
    await first.service.stop()
    assert not any(b"of the studio's" in path.read_bytes() for path in tmp_path.glob("service*"))
    other = await serve(directory=tmp_path)
    assert other.service.client_id != "studio"
    status, _, _ = await first.call("GET", "/api/v2/assets/x")
    assert status == 403  # nobody knows that client
    with pytest.raises(ValueError, match="together"):
        LocalService(client_id="studio")


async def test_the_api_clients_of_a_connection_are_the_same_after_a_restart(
    tmp_path: Path,
) -> None:
    connections: list[str] = []
    for _ in range(2):
        async with LocalService(tmp_path, enhancer=StandIn()) as service:
            for lanes in (3, 2):
                async with service.connect(lanes) as client:
                    connections.append(repr(client))
    assert connections[:2] == connections[2:]
    assert connections[0] != connections[1]


async def test_a_port_that_somebody_has_by_now_is_replaced(serve: Serve, tmp_path: Path) -> None:
    first = await serve(directory=tmp_path)
    await first.service.stop()
    port = int(first.service.base_url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        again = await serve(directory=tmp_path)
        assert again.service.base_url != first.service.base_url
        assert again.service.s3_url == first.service.s3_url
        await again.create()


async def test_two_services_do_not_share_a_folder(serve: Serve, tmp_path: Path) -> None:
    first = await serve(directory=tmp_path)
    with pytest.raises(OSError, match="another service uses the folder"):
        await LocalService(tmp_path, enhancer=StandIn()).start()
    await first.create()


async def test_what_cannot_be_written_down_is_not_answered(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    ledger = caller.service._conditions.ledger
    await ledger.rows("PRAGMA max_page_count = 1")  # as if the disk were full
    with pytest.raises(AssertionError, match="Internal Server Error"):
        for _ in range(20):
            await caller.create(filename="a" * 250)
    await ledger.rows("PRAGMA max_page_count = 100000")
    await caller.create()


async def test_nothing_is_answered_before_it_is_written_down(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    asset, gone = await caller.create(), await caller.ready()
    thread = caller.service._conditions.ledger._thread
    assert thread is not None
    go = threading.Event()
    thread.submit(go.wait)
    form = {"grant_type": "client_credentials", "scope": "openid"}
    form |= {"client_id": caller.client_id, "client_secret": caller.service.client_secret}
    calls = [
        asyncio.create_task(caller.create()),
        asyncio.create_task(caller.put(asset)),
        asyncio.create_task(caller.call("DELETE", f"/api/v2/assets/{gone['id']}")),
        asyncio.create_task(caller.call("POST", caller.service.token_url, data=form, headers={})),
    ]
    try:
        ended, _ = await asyncio.wait(calls, timeout=0.2)
        assert ended == set()
        assert (tmp_path / "stored" / "Assets" / gone["id"]).exists()
    finally:
        go.set()
        await asyncio.wait(calls)
    assert not (tmp_path / "stored" / "Assets" / gone["id"]).exists()


class TestKept:
    """What has been kept long enough goes, and its space is free."""

    async def test_it_goes_when_its_time_is_over(
        self, serve: Serve, tmp_path: Path, clock: FakeClock, enhancer: StandIn
    ) -> None:
        behaviour = Behaviour(kept_seconds=3600.0)
        caller = await serve(directory=tmp_path, behaviour=behaviour, clock=clock)
        old = await caller.ready()
        clock.now += 3000.0
        done = await caller.finished(await caller.enhance(old))
        clock.now += 3000.0
        new = await caller.ready()
        assert (await caller.asset(old["id"]))["status"] == "ready_for_processing"
        clock.now += 600.0
        for path in (f"/audio_services/v1/assets/{old['id']}", path_of(done)):
            assert (await caller.call("GET", path))[0] == 404
        status, _, _ = await caller.call("GET", f"/api/v2/speech-enhancements/{done['id']}")
        assert status == 404
        backend = caller.service._backend
        assert backend is not None
        await backend.remove_old()
        assert {path.name for path in files_in(tmp_path)} == {new["id"]}

    async def test_what_is_in_work_stays(
        self, serve: Serve, clock: FakeClock, enhancer: StandIn
    ) -> None:
        enhancer.gate = asyncio.Event()
        caller = await serve(behaviour=Behaviour(kept_seconds=1.0), clock=clock)
        made = await caller.enhance(await caller.ready())
        await enhancer.started.get()
        clock.now += 100.0
        assert (await caller.enhancement(made))["status"] == "processing"
        enhancer.gate.set()
        await caller.finished(made)

    async def test_its_time_passes_while_nobody_serves_it(
        self, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = (await begin()).caller
        await first.ready()
        later(monkeypatch, 3610.0)
        await begin(first, behaviour=Behaviour(kept_seconds=3600.0))
        assert files_in(tmp_path / "life 2") == set()

    async def test_it_is_looked_for_every_minute(self, serve: Serve, tmp_path: Path) -> None:
        caller = await serve(directory=tmp_path, behaviour=Behaviour(kept_seconds=0.01))
        await caller.create()
        await caller.put(await caller.create())
        async with asyncio.timeout(10):
            while files_in(tmp_path) or caller.service._state.assets():
                await asyncio.sleep(0.01)
