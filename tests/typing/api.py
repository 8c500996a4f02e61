"""The public API as users write it: checked by mypy and pyright in `nox -s types`, never run."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import assert_type

import aiofiles
import aiohttp

from audio_enhance import (
    AccessToken,
    ApiError,
    Asset,
    AssetStatus,
    AudioEnhanceError,
    BatchReport,
    ClientCredentials,
    EnhanceClient,
    EnhancementStatus,
    EnhanceResult,
    Event,
    Finished,
    Job,
    JobStatus,
    Journal,
    JournalEntry,
    Outcome,
    Phase,
    PollPolicy,
    RateLimits,
    ResultStream,
    RetryPolicy,
    Source,
    SpeechEnhancement,
    Timeouts,
    TokenProvider,
    Uploading,
)


class Vault:
    """A token provider of the user's own."""

    client_id = "id"

    async def token(self) -> str:
        return "token"

    def reject(self, token: str) -> None:
        del token


def listen(event: Event) -> None:
    assert_type(event.job_id, str)


def count(sent: int) -> None:
    del sent


def clients(session: aiohttp.ClientSession) -> None:
    provider: TokenProvider = Vault()
    assert_type(EnhanceClient.from_env(), EnhanceClient)
    EnhanceClient(ClientCredentials("id", "secret", token_url="https://host/token"))
    EnhanceClient(AccessToken("token", client_id="id"), session=session, api_version="v2")
    EnhanceClient([provider, Vault()], limits=RateLimits(creations_per_minute=10))
    EnhanceClient.from_env(
        timeouts=Timeouts(stall=10.0, processing=None),
        retry=RetryPolicy(attempts=3),
        polling=PollPolicy(longest=60.0),
        max_waiting=10,
        on_event=listen,
    )
    EnhanceClient.from_env(api_version="v3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  there is none
    EnhanceClient(client_id="i", client_secret="s")
    EnhanceClient("secret")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  a secret alone says nobody's


async def one(client: EnhanceClient) -> None:
    async with client as entered:
        assert_type(entered, EnhanceClient)
    result = await client.enhance("talk.mp3", strength=93, output_dir="enhanced", overwrite=True)
    assert_type(result, EnhanceResult)
    assert_type(result.path, Path)
    assert_type(result.saved, Path | None)
    assert_type(result.asset, Asset)
    assert_type(result.enhancement, SpeechEnhancement)
    await client.enhance(Path("talk.mp3"), strength=93)
    await client.enhance(b"RIFF", strength=93)
    await client.enhance(Source.from_bytes(b"RIFF", "talk.wav"), strength=93)
    await client.enhance("talk.mp3")
    with open("talk.mp3", "rb") as file:  # noqa: PTH123
        await client.enhance(file, filename="talk.mp3", timeout=60, journal="batch.sqlite")
    await client.enhance(BytesIO(b"RIFF"))
    async with aiofiles.open("talk.mp3", "rb") as waiting:
        await client.enhance(waiting)
    with open("talk.txt") as text:  # noqa: PTH123
        await client.enhance(text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  no bytes
    await client.enhance(17, strength=93)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  no source


async def arriving() -> AsyncIterator[Path]:
    yield Path("talk.mp3")


async def batches(client: EnhanceClient) -> None:
    report = await client.enhance_batch(
        ["a.mp3", "b.mp3"], strength=[50, 93], output_dir="enhanced", journal="batch.sqlite"
    )
    assert_type(report, BatchReport)
    assert_type(report[0], Outcome)
    assert_type(report[:2], list[Outcome])
    assert_type(report.stopped_by, AudioEnhanceError | None)
    for outcome in report:
        assert_type(outcome.ok, bool)
        assert_type(outcome.strength, int)
        assert_type(outcome.path, Path | None)
        assert_type(outcome.error, AudioEnhanceError | None)
    stream = client.enhance_as_completed(arriving(), strength=93, output_dir=Path("enhanced"))
    assert_type(stream, AsyncGenerator[Outcome, None])
    async with aclosing(stream) as outcomes:
        async for each in outcomes:
            assert_type(each, Outcome)
    await client.enhance_batch(["a.mp3"], strength=93, output_dir=".", jurnal="j")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  misspelt


async def handles(client: EnhanceClient, chunks: AsyncIterator[bytes]) -> None:
    job = await client.submit("talk.mp3", strength=93, priority=1, key="order 17")
    assert_type(job, Job)
    assert_type(job.status, JobStatus)
    assert_type(job.cancel(), bool)
    assert_type(await job, EnhanceResult)
    await asyncio.wait_for(job, 60)
    async for event in job.events():
        assert_type(event, Event)
        if isinstance(event, Uploading):
            assert_type(event.sent, int)
        elif isinstance(event, Finished):
            assert_type(event.error, AudioEnhanceError | None)
    await client.submit(Source.spool(chunks, "talk.mp3"), strength=93)
    if job.enhancement is not None:
        assert_type(await client.presigned_download_url(job.enhancement), str)
        async with client.stream(job.enhancement, range="bytes=0-") as stream:
            assert_type(stream, ResultStream)


async def steps(client: EnhanceClient) -> None:
    source = Source.from_path("talk.mp3")
    asset = await client.create_asset(source)
    assert_type(asset, Asset)
    await client.upload(asset, source, on_bytes=count)
    asset = await client.wait_until_ready(asset.id, timeout=30.0)
    assert_type(asset.status, AssetStatus)
    enhancement = await client.create_speech_enhancement(asset.id, strength=93)
    assert_type(enhancement, SpeechEnhancement)
    enhancement = await client.wait_until_finished(enhancement)
    assert_type(enhancement.status, EnhancementStatus)
    assert_type(enhancement.finished_processing_at, datetime | None)
    assert_type(await client.download(enhancement, output_dir="enhanced"), Path)
    assert_type(await client.get_asset(asset.id), Asset)
    assert_type(await client.get_speech_enhancement(asset.id, enhancement.id), SpeechEnhancement)
    await client.delete_asset(asset.id)
    asset.id = "other"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  frozen


async def journals(client: EnhanceClient) -> None:
    async with await Journal.open("batch.sqlite") as journal:
        assert_type(journal, Journal)
        assert_type(await client.take_up(journal), list[Job])
        async for entry in journal.entries():
            assert_type(entry, JournalEntry)


def errors(error: AudioEnhanceError) -> None:
    assert_type(error.phase, Phase | None)
    assert_type(error.asset_id, str | None)
    assert_type(error.retryable, bool)
    assert_type(error.retry_after, float | None)
    if isinstance(error, ApiError):
        assert_type(error.status, int)
