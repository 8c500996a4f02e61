"""A report of all that a journal holds, whichever runs wrote it."""

from collections import Counter
from datetime import UTC, datetime

from audio_enhance import Journal

from .facts import of_entry
from .report import Report


async def write_journal(
    report: Report, journal: Journal, *, wait: bool = True, measure: bool
) -> None:
    """Write a report of what a journal holds.

    Args:
        report: The report; nothing is in it yet.
        journal: The journal; a run may be at work on it.
        wait: As for `Report.write`.
        measure: Whether recordings are measured.

    Raises:
        OutputError: It cannot be written.
        JournalError: The journal cannot be read.
    """
    totals: Counter[str] = Counter(succeeded=0, failed=0, unfinished=0, extra_enhancements=0)
    began, ended = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    async for entry in journal.entries():
        row = of_entry(entry)
        totals[row["status"]] += 1
        totals["extra_enhancements"] += entry.extra
        began = min(began, datetime.fromtimestamp(entry.created_at, UTC))
        ended = max(ended, datetime.fromtimestamp(entry.updated_at, UTC))
        await report.add_row(row)
    if began > ended:
        began = ended = datetime.now(UTC)
    await report.write(totals, wait=wait, times=(began, ended), measure=measure)
