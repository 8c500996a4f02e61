"""Answers that end a job, and must: at once or in the end, with an error that says why."""

from pathlib import Path
from typing import get_args

import pytest
from aiohttp import web

from audio_enhance import (
    ApiVersion,
    AuthenticationError,
    CorruptTransferError,
    EnhancementFailedError,
    InvalidSourceError,
    Journal,
    ProtocolError,
    RateLimitError,
    Retrying,
    ServerError,
    Source,
    StorageError,
)
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.row import JournalRow
from audio_enhance._session.addresses import Reach
from audio_enhance._session.retry import _MOST_RENEWALS
from audio_enhance._transfer.results import most_bytes
from audio_enhance.local import Behaviour, Fault
from tests.conftest import Connect, World
from tests.support.interposed import Interposed, fields, refusal, s3_refusal
from tests.support.results import expected

TOKEN = "POST /ims/token/v3"
CREATE_ASSET, GET_ASSET = "POST /assets", "GET /assets/:id"
CREATE, POLL = "POST /speech_enhancements", "GET /speech_enhancements/:id"
PUT, GET = "PUT /object", "GET /object"

pytestmark = pytest.mark.parametrize("version", get_args(ApiVersion))


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Interposed:
    return Interposed(monkeypatch)


@pytest.fixture
async def world(connect: Connect, version: ApiVersion) -> World:
    return await connect(api_version=version)


async def ended(
    world: World, recording: Path, kind: type[Exception], match: str | None = None
) -> Exception:
    """Return why a job ended, which has left nothing behind."""
    out = recording.parent / "out"
    with pytest.raises(kind, match=match) as caught:
        await world.client.enhance(recording, strength=93, output_dir=out)
    assert not out.exists() or list(out.iterdir()) == []
    return caught.value


@pytest.mark.parametrize("route", [PUT, GET])
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
async def test_urls_that_are_refused_however_new_they_are(
    world: World, says: Interposed, recording: Path, route: str, code: str
) -> None:
    says.instead(route, s3_refusal(400, code), times=99)
    await ended(world, recording, StorageError, code)
    assert world.service.count(route) == 1 + _MOST_RENEWALS


async def test_an_upload_that_is_found_unacceptable(
    world: World, says: Interposed, recording: Path
) -> None:
    for status in ("invalid_upload", "upload_invalid", "INVALID_UPLOAD"):
        says.change(GET_ASSET, fields(status=status))
        error = await ended(world, recording, InvalidSourceError, "unacceptable")
        assert isinstance(error, InvalidSourceError)
        assert error.asset_id
        assert error.source == str(recording)
    assert world.service.count(CREATE) == 0
    world.service.faults.script(Fault.INVALID_UPLOAD)
    asset = await world.client.create_asset(recording)
    await world.client.upload(asset, recording)
    with pytest.raises(InvalidSourceError, match="invalid_upload"):
        await world.client.wait_until_ready(asset.id)


async def test_a_status_that_nobody_knows_and_an_end(
    world: World, says: Interposed, recording: Path
) -> None:
    moment = "2024-04-09T22:56:50.174Z"
    given_up = fields(status="canceled", finished_processing_at=moment, finishedProcessingAt=moment)
    says.change(POLL, given_up, times=99)
    await ended(world, recording, EnhancementFailedError, "canceled")


async def test_a_fresh_token_that_is_refused_again_and_again(
    world: World, says: Interposed, recording: Path
) -> None:
    says.instead(CREATE_ASSET, refusal(401, "401013", "Oauth token is not valid"), times=99)
    await ended(world, recording, AuthenticationError, "not valid")
    assert world.service.count(TOKEN) == 2 + _MOST_RENEWALS


async def test_a_token_endpoint_that_fails_has_one_budget(
    world: World, says: Interposed, recording: Path
) -> None:
    says.instead(TOKEN, lambda _: web.json_response({}, status=500), times=999)
    error = await ended(world, recording, ServerError)
    assert isinstance(error, ServerError)
    assert error.attempts == world.service.count(TOKEN) == 8


@pytest.mark.parametrize("asked", ["3601", "999999999"])
@pytest.mark.parametrize("route", [CREATE_ASSET, GET_ASSET, CREATE, POLL])
async def test_a_pause_that_nobody_waits_for(
    world: World, says: Interposed, recording: Path, route: str, asked: str
) -> None:
    says.instead(route, refusal(429, "429050", "Too many", **{"Retry-After": asked}))
    begin = world.clock.monotonic()
    error = await ended(world, recording, RateLimitError)
    assert isinstance(error, RateLimitError)
    assert error.hint
    assert world.clock.monotonic() - begin < 60


async def test_a_pause_is_told_to_everybody_who_waits(
    world: World, says: Interposed, recording: Path, tmp_path: Path
) -> None:
    says.instead(POLL, refusal(429, message="Too many", **{"Retry-After": "600"}))
    told: list[float] = []
    await world.client.enhance(
        recording,
        strength=93,
        output_dir=tmp_path / "out",
        on_event=lambda event: told.append(event.wait) if isinstance(event, Retrying) else None,
    )
    assert max(told) == pytest.approx(600)


@pytest.mark.parametrize("kind", ["", "text/html"])
async def test_what_is_no_result_ten_times(
    world: World, says: Interposed, recording: Path, kind: str
) -> None:
    def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="<p>" if kind else "", content_type=kind or "audio/mpeg")

    says.instead(GET, answer, times=99)
    await ended(world, recording, CorruptTransferError)
    assert world.service.count(GET) == 8


@pytest.mark.parametrize("told", [True, False])
async def test_a_result_that_does_not_end(
    connect: Connect, says: Interposed, recording: Path, version: ApiVersion, told: bool
) -> None:
    world = await connect(api_version=version, max_result_bytes=500_000)

    def endless(_: web.BaseRequest) -> web.Response:
        response = web.Response(body=bytes(1_000_000), content_type="audio/mpeg")
        if not told:
            response.enable_chunked_encoding()
        return response

    says.instead(GET, endless, times=99)
    await ended(world, recording, ProtocolError, "more than 500000 bytes")
    assert world.service.count(GET) == 1


def test_the_bound_grows_with_the_source(version: ApiVersion) -> None:
    assert most_bytes(1 << 30) > most_bytes(1 << 20) > 1 << 20


@pytest.mark.parametrize("wrong", ["a\nb", "a\x1b[2J", "", "\u2028"])
async def test_ids_that_a_terminal_would_obey(
    world: World, says: Interposed, recording: Path, wrong: str
) -> None:
    says.change(CREATE_ASSET, fields(id=wrong), times=99)
    error = await ended(world, recording, ProtocolError, "no usable field 'id'")
    assert "\n" not in str(error) + repr(error)
    assert "\x1b" not in str(error) + repr(error)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/1", "http://bucket.example/1", "https://127.0.0.1/1"]
)
def test_a_public_api_sends_us_nowhere_less_private(version: ApiVersion, address: str) -> None:
    for path in ("", f"/api/{version}"):
        with pytest.raises(ProtocolError):
            Reach.of(f"https://api.example{path}").checked(address)
    assert Reach.of("https://api.example").checked("/1") == "https://api.example/1"
    assert Reach.of("http://127.0.0.1:8").checked("http://127.0.0.1:9/1")


async def test_many_tokens_refused_at_once_stop_no_batch(
    connect: Connect, says: Interposed, tmp_path: Path, version: ApiVersion
) -> None:
    world = await connect(api_version=version)
    sources = [tmp_path / f"{number}.mp3" for number in range(30)]
    for source in sources:
        source.write_bytes(b"ID3" + source.name.encode() * 50)
    refused = refusal(401, "401013", "Oauth token is not valid")
    for route in (CREATE_ASSET, GET_ASSET, CREATE, POLL):
        for skip in (4, 9, 0, 3):
            says.instead(route, refused, skip=skip)
    report = await world.client.enhance_batch(sources, strength=93, output_dir=tmp_path / "out")
    assert report.ok, report.failed
    assert says.given == 16


async def test_what_exists_already_is_made_of_a_new_asset_by_the_next_run(
    connect: Connect, recording: Path, tmp_path: Path, version: ApiVersion
) -> None:
    world = await connect(api_version=version, behaviour=Behaviour(refuse_repeats=True))
    out, path = tmp_path / "out", tmp_path / "batch.sqlite"
    # The first run dies while it asks: what it asked for is there, and its id is lost.
    asset = await world.client.create_asset(recording)
    await world.client.upload(asset, recording)
    await world.client.wait_until_ready(asset.id)
    await world.client.create_speech_enhancement(asset.id, strength=93)
    await _note_submitting(world, recording, path, asset.id)
    for _ in range(2):
        report = await world.client.enhance_batch(
            [recording], strength=93, output_dir=out, journal=path
        )
        assert report.ok, report.failed
    assert (out / "earhart-aviation-enhanced-93p.mp3").read_bytes() == expected(recording)
    assert world.service.count(CREATE, 422) == 1
    assert world.service.count(CREATE, 202) == 2
    async with await Journal.read(path) as journal:
        [entry] = [entry async for entry in journal.entries()]
    assert entry.extra == 1


async def _note_submitting(world: World, recording: Path, path: Path, asset_id: str) -> None:
    source = Source.from_path(recording)
    async with await Journal.open(path) as journal:
        row = await JournalRow.of(journal, source, 93)
        await row.hashed(source, await source.fingerprint())
        await row.note(
            state=EntryState.SUBMITTING,
            asset_id=asset_id,
            client_id=world.service.client_id,
            tries=1,
        )
