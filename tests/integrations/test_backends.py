"""What web backends rely on: bounds, draining, taking up, passing through, disconnects.

What goes over the wire does so in both generations of the API.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_args

import pytest

from audio_enhance import (
    ApiVersion,
    ConfigurationError,
    EnhanceClient,
    InvalidInputError,
    InvalidStrengthError,
    Job,
    Journal,
    LaneFullError,
    Source,
    SourceTooLargeError,
)
from audio_enhance.integrations.asgi import (
    ClientDisconnectedError,
    body_chunks,
    passed_through,
    with_lifespan,
)
from audio_enhance.integrations.sse import event_number, server_sent_events
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

RECORDING = b"ID3" + bytes(range(256)) * 40


@pytest.fixture(params=get_args(ApiVersion))
def enhance_api_version(request: pytest.FixtureRequest) -> ApiVersion:
    version: ApiVersion = request.param
    return version


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def receiver(*messages: MutableMapping[str, Any]) -> Any:
    waiting = list(messages)

    async def receive() -> MutableMapping[str, Any]:
        return waiting.pop(0)

    return receive


async def test_too_many_waiting_jobs_are_refused_with_a_time(enhance_service: LocalService) -> None:
    async with EnhanceClient(
        enhance_service.credentials, base_url=enhance_service.base_url, max_waiting=3
    ) as client:
        jobs = [await client.submit(RECORDING + bytes([n]), strength=93) for n in range(3)]
        with pytest.raises(LaneFullError) as caught:
            await client.submit(RECORDING, strength=93)
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > 0
        await asyncio.gather(*jobs)
        await (await client.submit(RECORDING, strength=93))


async def test_what_is_still_arriving_has_its_place(enhance_service: LocalService) -> None:
    read: list[int] = []
    arrive = asyncio.Event()

    async def arriving(number: int) -> AsyncIterator[bytes]:
        read.append(number)
        yield RECORDING
        await arrive.wait()
        yield bytes([number])

    async with EnhanceClient(
        enhance_service.credentials, base_url=enhance_service.base_url, max_waiting=2
    ) as client:

        async def submit(number: int, strength: int = 93) -> Job:
            return await client.submit(
                Source.spool(arriving(number), "talk.mp3"), strength=strength
            )

        with pytest.raises(InvalidStrengthError):
            await submit(0, strength=101)
        first, second = (asyncio.create_task(submit(number)) for number in (1, 2))
        while len(read) < 2:
            await asyncio.sleep(0)
        assert client.waiting == 2
        with pytest.raises(LaneFullError):
            await submit(3)
        # Whoever leaves makes room, and what arrived becomes a job like any other.
        first.cancel()
        await asyncio.wait([first])
        assert client.waiting == 1
        arrive.set()
        jobs = [await second, await submit(4)]
        await asyncio.gather(*jobs)
        assert client.waiting == 0
    assert sorted(read) == [1, 2, 4]  # of those that come at once, either may be the first


async def test_drain_waits_for_what_is_under_way(enhance_client: EnhanceClient) -> None:
    assert await enhance_client.drain(5)
    job = await enhance_client.submit(RECORDING, strength=93)
    assert not await enhance_client.drain(0)
    assert await enhance_client.drain(20)
    assert job.status.finished


async def test_jobs_of_an_earlier_run_are_taken_up_without_their_data(
    enhance_service: LocalService, enhance_api_version: ApiVersion, tmp_path: Path
) -> None:
    def connect() -> EnhanceClient:
        return EnhanceClient(
            enhance_service.credentials,
            base_url=enhance_service.base_url,
            api_version=enhance_api_version,
        )

    async with await Journal.open(tmp_path / "jobs.sqlite") as journal:
        async with connect() as client:
            source = await Source.spool(pieces(RECORDING), "talk.mp3")
            job = await client.submit(source, strength=93, journal=journal)
            async for event in job.events():
                if event.enhancement_id is not None:
                    break
            submitted = job.enhancement
        source.close()
        async with connect() as client:
            [taken_up] = await client.take_up(journal, output_dir=tmp_path)
            result = await taken_up
            assert submitted is not None
            assert result.enhancement.id == submitted.id
            assert result.path.read_bytes() == Rehearsal.expected(RECORDING, 93)
            assert await client.take_up(journal) == []
    assert enhance_service.count("POST /speech_enhancements") == 1
    assert enhance_service.count("PUT /object") == 1
    spoken = {record.api_version for record in enhance_service.record} - {None}
    assert spoken == {enhance_api_version}


@pytest.mark.enhance_service(enhancer=Rehearsal(seconds=0.05))
async def test_clients_of_several_workers_share_the_queue_at_the_server(
    enhance_service: LocalService,
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                EnhanceClient(enhance_service.credentials, base_url=enhance_service.base_url)
            )
            for _ in range(2)
        ]
        jobs = [
            await client.submit(RECORDING + bytes([n, worker]), strength=93)
            for n in range(3)
            for worker, client in enumerate(clients)
        ]
        results = await asyncio.gather(*jobs)
    assert len({result.enhancement.id for result in results}) == 6
    assert enhance_service.count("POST /speech_enhancements") == 6


async def test_a_result_is_passed_through_in_parts(enhance_client: EnhanceClient) -> None:
    job = await enhance_client.submit(RECORDING, strength=93)
    enhancement = (await job).enhancement
    expected = Rehearsal.expected(RECORDING, 93)
    async with enhance_client.stream(enhancement) as whole:
        assert whole.status == 200
        assert int(whole.headers["Content-Length"]) == len(expected)
        assert b"".join([chunk async for chunk in whole]) == expected
    async with enhance_client.stream(enhancement, range="bytes=10-19") as part:
        assert part.status == 206
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(expected)}"
        assert b"".join([chunk async for chunk in part]) == expected[10:20]
    async with enhance_client.stream(enhancement, range=f"bytes={len(expected)}-") as none:
        assert none.status == 416
    with pytest.raises(InvalidInputError):
        async with enhance_client.stream(enhancement, range="bytes=0-1\r\nX: y"):
            pass


async def test_what_is_passed_through_is_closed_with_its_chunks(
    enhance_client: EnhanceClient,
) -> None:
    long = RECORDING * 1000  # more than is read ahead
    enhancement = (await (await enhance_client.submit(long, strength=93))).enhancement
    status, headers, chunks = await passed_through(enhance_client, enhancement)
    assert (status, int(headers["Content-Length"])) == (200, len(Rehearsal.expected(long, 93)))
    assert await anext(chunks)
    connector = enhance_client._connections.open.transport._storage.connector
    assert connector is not None
    assert connector._acquired
    await chunks.aclose()
    assert not connector._acquired
    # A browser may be gone before the first chunk is asked for.
    _, _, chunks = await passed_through(enhance_client, enhancement)
    assert connector._acquired
    del chunks
    gc.collect()
    while connector._acquired:
        await asyncio.sleep(0)


async def test_a_body_is_spooled_as_it_arrives() -> None:
    receive = receiver(
        {"type": "http.request", "body": b"ID3", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b"rest"},
    )
    async with await Source.spool(body_chunks(receive), "C:\\folder\\talk.mp3") as source:
        assert source.filename == "talk.mp3"
        assert (await source.fingerprint()).byte_size == 7


async def test_a_sender_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    receive = receiver(
        {"type": "http.request", "body": b"ID3", "more_body": True}, {"type": "http.disconnect"}
    )
    with pytest.raises(ClientDisconnectedError):
        await Source.spool(body_chunks(receive), "talk.mp3")


async def test_more_than_is_allowed_is_not_read() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield bytes(1000)

    with pytest.raises(SourceTooLargeError, match="longer than"):
        await Source.spool(endless(), "talk.mp3", max_bytes=10_000)
    assert read == 11_000


async def test_events_go_on_after_the_last_one_seen(enhance_client: EnhanceClient) -> None:
    job = await enhance_client.submit(RECORDING, strength=93)
    stream = [piece async for piece in server_sent_events(job)]
    ids = [piece.decode().split("\n")[0].removeprefix("id: ") for piece in stream]
    numbers = [event_number(one, job.id) for one in ids]
    assert numbers == sorted(set(numbers) - {0})
    assert b'"event": "finished"' in stream[-1]
    assert [piece async for piece in server_sent_events(job, ids[-2])] == stream[-1:]


def test_a_foreign_last_event_id_means_the_beginning() -> None:
    texts = (None, "", "x", "-1", "7", "7:job", "x:job", "7:other")
    assert [event_number(text, "job") for text in texts] == [0, 0, 0, 0, 0, 7, 0, 0]


async def test_an_application_that_has_no_credentials_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def application(*_: Any) -> None:
        raise AssertionError

    told: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message)

    monkeypatch.delenv("FIREFLY_SERVICES_CLIENT_ID", raising=False)
    app = with_lifespan(application, EnhanceClient.from_env)
    with pytest.raises(ConfigurationError):
        await app({"type": "lifespan"}, receiver({"type": "lifespan.startup"}), send)
    [message] = told
    assert message["type"] == "lifespan.startup.failed"
    assert "FIREFLY_SERVICES_CLIENT_ID" in message["message"]
