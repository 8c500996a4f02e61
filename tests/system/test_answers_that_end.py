"""Answers that end a job, and must: at once or in the end, with an error that says why."""

from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web

from audio_enhance import (
    ApiVersion,
    AudioEnhanceError,
    AuthenticationError,
    CorruptTransferError,
    EnhancementFailedError,
    InvalidSourceError,
    JobStatus,
    Journal,
    ProtocolError,
    RateLimitError,
    Retrying,
    RetryPolicy,
    ServerError,
    Source,
    StorageError,
    ValidationError,
)
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.generation import check_generation
from audio_enhance._journal.journal import rows_of
from audio_enhance._journal.row import JournalRow
from audio_enhance.local import Behaviour, Fault
from tests.support.interposed import Change, Interposed, fields, refusal, s3_refusal
from tests.support.results import expected

from .conftest import Stage, Staged

TOKEN = "POST /ims/token/v3"
CREATE_ASSET, GET_ASSET = "POST /assets", "GET /assets/:id"
CREATE, POLL = "POST /speech_enhancements", "GET /speech_enhancements/:id"
PUT, GET = "PUT /object", "GET /object"

pytestmark = [pytest.mark.virtual_time, pytest.mark.asyncio(loop_scope="module")]

BOTH: tuple[ApiVersion, ...] = get_args(ApiVersion)
in_both = pytest.mark.parametrize("version", BOTH)


def in_turn(*cases: tuple[object, ...]) -> list[Any]:
    """Return cases with a generation of the API each; the other one is for the whole run."""
    return [
        pytest.param(
            *case, version, marks=() if version == BOTH[number % len(BOTH)] else pytest.mark.slow
        )
        for number, case in enumerate(cases)
        for version in BOTH
    ]


def refused_with(document: dict[str, Any]) -> Change:
    """Return what refuses with a document, and an id of the request that a terminal obeys."""
    headers = {"x-request-id": "a\x9bb"}
    return lambda _: web.json_response(document, status=422, headers=headers)


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Interposed:
    return Interposed(monkeypatch)


async def ended(
    world: Staged, recording: Path, kind: type[Exception], match: str | None = None
) -> Exception:
    """Return why a job ended, which has left nothing behind."""
    out = recording.parent / "out"
    with pytest.raises(kind, match=match) as caught:
        await world.client.enhance(recording, strength=93, output_dir=out)
    assert not out.exists() or list(out.iterdir()) == []
    return caught.value


@pytest.mark.parametrize(
    ("route", "code", "version"), in_turn(*product([PUT, GET], ["ExpiredToken", "InvalidToken"]))
)
async def test_urls_that_are_refused_however_new_they_are(
    stage: Stage, says: Interposed, recording: Path, route: str, code: str, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.instead(route, s3_refusal(400, code), times=99)
    await ended(world, recording, StorageError, code)
    assert world.service.count(route) == 1 + RetryPolicy().attempts


@in_both
async def test_an_upload_that_is_found_unacceptable(
    stage: Stage, says: Interposed, recording: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    for status in ("invalid_upload", "upload_invalid", "INVALID_UPLOAD"):
        says.change(GET_ASSET, fields(status=status))
        error = await ended(world, recording, InvalidSourceError, "does not accept")
        assert isinstance(error, InvalidSourceError)
        assert error.asset_id
        assert error.source == str(recording)
    # Also where the answer to the upload was lost: there is no address for another one.
    gone = fields(status="invalid_upload", upload_url=None, uploadUrl=None)
    says.change(GET_ASSET, gone, times=2)
    world.service.faults.script(Fault.RESET_AFTER, route=PUT)
    await ended(world, recording, InvalidSourceError, "does not accept")
    assert world.service.count(CREATE) == 0
    world.service.faults.script(Fault.INVALID_UPLOAD)
    asset = await world.client.create_asset(recording)
    await world.client.upload(asset, recording)
    with pytest.raises(InvalidSourceError, match="invalid_upload"):
        await world.client.wait_until_ready(asset.id)


@in_both
async def test_a_status_that_nobody_knows_and_an_end(
    stage: Stage, says: Interposed, recording: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    moment = "2024-04-09T22:56:50.174Z"
    given_up = fields(status="canceled", finished_processing_at=moment, finishedProcessingAt=moment)
    says.change(POLL, given_up, times=99)
    await ended(world, recording, EnhancementFailedError, "canceled")


async def test_an_asset_that_is_not_enhanceable_and_another_one(
    stage: Stage, says: Interposed, recording: Path
) -> None:
    world = await stage.connect(api_version="v2")
    says.instead(CREATE, refusal(422, message="Asset is not enhanceable"), times=99)
    await ended(world, recording, ValidationError, "not enhanceable")
    assert world.service.count(PUT) == world.service.count(CREATE) == 2


async def test_a_fresh_token_that_is_refused_again_and_again(
    stage: Stage, says: Interposed, recording: Path
) -> None:
    world = await stage.connect()
    says.instead(CREATE_ASSET, refusal(401, "401013", "Oauth token is not valid"), times=99)
    await ended(world, recording, AuthenticationError, "not valid")
    assert world.service.count(TOKEN) == 2 + RetryPolicy().attempts


async def test_a_token_endpoint_that_fails_has_one_budget(
    stage: Stage, says: Interposed, recording: Path
) -> None:
    world = await stage.connect()
    says.instead(TOKEN, lambda _: web.json_response({}, status=500), times=999)
    error = await ended(world, recording, ServerError)
    assert isinstance(error, ServerError)
    assert error.attempts == world.service.count(TOKEN) == 8


@pytest.mark.parametrize(
    ("route", "asked", "version"),
    in_turn(
        (CREATE_ASSET, "3601"), (GET_ASSET, "999999999"), (CREATE, "999999999"), (POLL, "3601")
    ),
)
async def test_a_pause_that_nobody_waits_for(
    stage: Stage, says: Interposed, recording: Path, route: str, asked: str, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.instead(route, refusal(429, "429050", "Too many", **{"Retry-After": asked}))
    begin = world.clock.monotonic()
    error = await ended(world, recording, RateLimitError)
    assert isinstance(error, RateLimitError)
    assert error.hint
    assert f"Try again in {asked} s" in error.hint
    assert world.clock.monotonic() - begin < 60


async def test_a_pause_is_told_to_everybody_who_waits(
    stage: Stage, says: Interposed, recording: Path, tmp_path: Path
) -> None:
    world = await stage.connect()
    says.instead(POLL, refusal(429, message="Too many", **{"Retry-After": "600"}))
    told: list[float] = []
    await world.client.enhance(
        recording,
        strength=93,
        output_dir=tmp_path / "out",
        on_event=lambda event: told.append(event.wait) if isinstance(event, Retrying) else None,
    )
    assert max(told) == pytest.approx(600)


@pytest.mark.parametrize(("kind", "version"), in_turn(("",), ("text/html",)))
async def test_what_is_no_result_ten_times(
    stage: Stage, says: Interposed, recording: Path, kind: str, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)

    def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="<p>" if kind else "", content_type=kind or "audio/mpeg")

    says.instead(GET, answer, times=99)
    await ended(world, recording, CorruptTransferError)
    assert world.service.count(GET) == 8


@pytest.mark.parametrize(("told", "version"), in_turn((True,), (False,)))
async def test_a_result_that_does_not_end(
    stage: Stage, says: Interposed, recording: Path, version: ApiVersion, told: bool
) -> None:
    world = await stage.connect(api_version=version, max_result_bytes=500_000)

    def endless(_: web.BaseRequest) -> web.Response:
        response = web.Response(body=bytes(1_000_000), content_type="audio/mpeg")
        if not told:
            response.enable_chunked_encoding()
        return response

    says.instead(GET, endless, times=99)
    await ended(world, recording, ProtocolError, "more than 500000 bytes")
    assert world.service.count(GET) == 1


@pytest.mark.parametrize(
    ("wrong", "version"), in_turn(("a\nb",), ("a\x1b[2J",), ("",), ("\u2028",), ("..",), (".",))
)
async def test_ids_that_a_terminal_would_obey(
    stage: Stage, says: Interposed, recording: Path, wrong: str, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.change(CREATE_ASSET, fields(id=wrong), times=99)
    error = await ended(world, recording, ProtocolError, "no usable field 'id'")
    assert "\n" not in str(error) + repr(error)
    assert "\x1b" not in str(error) + repr(error)


@pytest.mark.parametrize("version", in_turn(()))
async def test_a_pause_of_the_token_endpoint_is_told_to_everybody_who_waits(
    stage: Stage, says: Interposed, tmp_path: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    sources = [tmp_path / f"{number}.mp3" for number in range(3)]
    for source in sources:
        source.write_bytes(b"ID3" + source.name.encode() * 50)
    says.instead(TOKEN, refusal(429, message="Too many", **{"Retry-After": "600"}))
    told: list[tuple[str, int]] = []
    report = await world.client.enhance_batch(
        sources,
        strength=93,
        output_dir=tmp_path / "out",
        on_event=lambda event: (
            told.append((event.source, round(event.wait))) if isinstance(event, Retrying) else None
        ),
    )
    assert report.ok
    assert sorted(told) == [(str(source), 600) for source in sources]


@pytest.mark.parametrize("version", in_turn(()))
async def test_a_pause_of_the_token_endpoint_that_nobody_waits_for_is_asked_about_once(
    stage: Stage, says: Interposed, recording: Path, tmp_path: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.instead(TOKEN, refusal(429, message="Too many", **{"Retry-After": "7200"}))
    for waited in (0, 3599):
        error = await ended(world, recording, RateLimitError)
        assert isinstance(error, RateLimitError)
        assert error.hint
        assert f"Try again in {7200 - waited} s" in error.hint
        assert world.service.count(TOKEN) == 1
        await world.clock.sleep(3599)
    await world.client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert world.service.count(TOKEN) == 2


@pytest.mark.parametrize(
    ("route", "version"), in_turn((TOKEN,), (CREATE_ASSET,), (GET_ASSET,), (CREATE,), (POLL,))
)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_handle_says_that_its_job_waits(
    stage: Stage, says: Interposed, recording: Path, route: str, version: ApiVersion, times: int
) -> None:
    world = await stage.connect(api_version=version)
    says.instead(route, refusal(429, message="Too many", **{"Retry-After": "600"}), times=times)
    job = await world.client.submit(recording, strength=93)
    before = job.status
    for _ in range(times):
        await world.clock.sleep(590)
        assert job.status is JobStatus.WAITING
    await job
    assert before is JobStatus.QUEUED
    assert job.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("version", in_turn(()))
async def test_a_token_that_is_late_has_cost_no_enhancement(
    stage: Stage, says: Interposed, recording: Path, tmp_path: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.instead(CREATE, refusal(401, "401013", "Oauth token is not valid"))
    says.instead(TOKEN, lambda _: web.json_response({}, status=500), times=3, skip=1)
    result = await world.client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.extra_enhancements == 0
    assert says.given == 4


DAY = "2024-04-09"
OBEYED = "\x1b[2J\x9b\u202e"


def with_strange_headers(url: str | None) -> str | None:
    return url and url.replace("SignedHeaders=", "SignedHeaders=%1B%5B2J%C2%9B%3B")


@pytest.mark.parametrize(
    ("route", "change", "version"),
    in_turn(
        (POLL, fields(status=OBEYED, finished_processing_at=DAY, finishedProcessingAt=DAY)),
        (CREATE, fields(model_id=OBEYED, modelId=OBEYED)),
        (CREATE, refused_with({"message": OBEYED, "error_code": OBEYED})),
        (CREATE, refused_with({"errors": {OBEYED: [OBEYED]}})),
        (
            CREATE_ASSET,
            fields(upload_url=with_strange_headers, uploadUrl=with_strange_headers),
        ),
    ),
)
async def test_texts_that_a_terminal_would_obey(
    stage: Stage, says: Interposed, recording: Path, route: str, change: Any, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
    says.change(route, change, times=99)
    error = await ended(world, recording, AudioEnhanceError)
    assert str(error).isprintable()
    assert repr(error).isprintable()


@pytest.mark.parametrize("version", in_turn(()))
async def test_many_tokens_refused_at_once_stop_no_batch(
    stage: Stage, says: Interposed, tmp_path: Path, version: ApiVersion
) -> None:
    world = await stage.connect(api_version=version)
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


@in_both
async def test_what_exists_already_is_made_of_a_new_asset_by_the_next_run(
    stage: Stage, recording: Path, tmp_path: Path, version: ApiVersion
) -> None:
    world = await stage.connect(Behaviour(refuse_repeats=True), api_version=version)
    out, path = tmp_path / "out", tmp_path / "batch.sqlite"
    # The first run dies while it asks: what it asked for is there, and its id is lost.
    asset = await world.client.create_asset(recording)
    await world.client.upload(asset, recording)
    await world.client.wait_until_ready(asset.id)
    await world.client.create_speech_enhancement(asset.id, strength=93)
    await _note_submitting(world, recording, path, asset.id, version)
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


async def _note_submitting(
    world: Staged, recording: Path, path: Path, asset_id: str, version: ApiVersion
) -> None:
    source = Source.from_path(recording)
    async with await Journal.open(path) as journal:
        await check_generation(journal, version)
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.hashed(source, await source.fingerprint())
        await row.note(
            state=EntryState.SUBMITTING,
            asset_id=asset_id,
            client_id=world.service.client_id,
            tries=1,
        )
