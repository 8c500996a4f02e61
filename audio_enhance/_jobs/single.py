"""One recording to its end, for whoever awaits just that: within a time, or done before."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from audio_enhance._core.cancellation import end
from audio_enhance._core.errors import AudioEnhanceError, WaitTimeoutError
from audio_enhance._core.models import Asset, AssetStatus, EnhancementStatus, SpeechEnhancement
from audio_enhance._core.paths import split
from audio_enhance._journal.earlier import kept_result
from audio_enhance._journal.entry import JournalEntry
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.revived import fingerprint_of
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.source import Source

from .result import EnhanceResult
from .running import Ids, RunningJob


async def awaited(
    submit: Callable[[], Awaitable[RunningJob]], timeout: float | None
) -> EnhanceResult:
    """Return the result of a job that nobody else has: it ends when this does.

    Args:
        submit: Begins the job.
        timeout: The most seconds from here to the result; `None` for no end.

    Raises:
        WaitTimeoutError: It took longer.
    """
    job: RunningJob | None = None
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            job = await submit()
            return await job
    except TimeoutError:
        if not limit.expired():  # somebody else's, a token provider's for example
            raise
        await _ended(job)
        ids: Ids = {} if job is None else job.ids
        raise WaitTimeoutError(
            f"It was not enhanced within {timeout:g} s.",
            hint="What was submitted continues at the server; with a journal, resume it.",
            source=None if job is None else job.source.label,
            **ids,
        ) from None
    except asyncio.CancelledError:
        await _ended(job)
        raise


async def _ended(job: RunningJob | None) -> None:
    if job is not None:
        await end([job.task])


async def done_before(journal: Journal, source: Source, strength: int) -> EnhanceResult | None:
    """Return the result that an earlier run with a journal made, if it is in its place."""
    try:
        entry = (await JournalRow.of(rows_of(journal), source, strength)).entry
    except AudioEnhanceError:
        return None  # the job will meet the same, and say so
    if (kept := await kept_result(entry, source)) is None:
        return None
    asset = _asset(entry, source)
    saved, url = split(kept.place)
    return EnhanceResult(
        asset=asset,
        enhancement=_enhancement(entry, asset.id),
        extra_enhancements=entry.extra,
        saved=saved,
        url=url,
        note=kept.note,
    )


def _asset(entry: JournalEntry, source: Source) -> Asset:
    known = fingerprint_of(entry)
    return Asset(
        id=entry.asset_id or "",
        filename=entry.filename or source.filename,
        upload_url=None,
        status=AssetStatus.READY_FOR_PROCESSING,
        created_at=datetime.fromtimestamp(entry.created_at, UTC),
        updated_at=datetime.fromtimestamp(entry.created_at, UTC),
        byte_size=entry.byte_size,
        content_type=entry.content_type,
        checksum=None if known is None else known.checksum,
    )


def _enhancement(entry: JournalEntry, asset_id: str) -> SpeechEnhancement:
    return SpeechEnhancement(
        id=entry.enhancement_id or "",
        asset_id=asset_id,
        strength=entry.strength,
        status=EnhancementStatus.SUCCEEDED,
        download_url=None,
        requested_processing_at=datetime.fromtimestamp(entry.created_at, UTC),
        finished_processing_at=datetime.fromtimestamp(entry.updated_at, UTC),
        model_id=None,
    )
