"""What a journal holds that is not done yet."""

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import attrs

from audio_enhance import EntryState, Journal, JournalEntry, JournalError
from audio_enhance.cli.input.recordings import as_written, size_of


@attrs.frozen
class Unfinished:
    """What earlier runs left, seen from a command that names recordings and folders.

    Attributes:
        meant: The recordings that the command means, with their strengths, and does not name:
            of its folders, but gone since, with their uploads at the server.
        others: How many results the command does not mean.
    """

    meant: Sequence[tuple[str, int]] = ()
    others: int = 0


async def unfinished(
    journal: Path, given: Sequence[str], known: Iterable[str], strengths: Collection[int]
) -> Unfinished:
    """Return what is left in a journal, as far as it can be read.

    Args:
        journal: The journal's file.
        given: Files and folders as the command names them.
        known: The recordings that were found there.
        strengths: At which strengths they are to be enhanced.
    """
    try:
        async with await Journal.read(journal) as reader:
            done = {EntryState.SUCCEEDED}
            entries = [entry async for entry in reader.entries(*set(EntryState) - done)]
    except JournalError:
        return Unfinished()  # there is none yet, or who opens it for the run says what is wrong
    return await asyncio.to_thread(_seen_from, entries, given, known, strengths)


async def known_as(state: EntryState, journal: Path | None) -> frozenset[tuple[str, int]]:
    """Return the sources and strengths in a state, as a journal knows them; none without one."""
    if journal is None or not await asyncio.to_thread(journal.exists):
        return frozenset()
    async with await Journal.read(journal) as reader:
        return frozenset([(entry.source, entry.strength) async for entry in reader.entries(state)])


def is_over(entry: JournalEntry) -> bool:
    """Whether a recording is gone, and that was told; blocks."""
    return entry.gone and not size_of(entry.source)


def _seen_from(
    entries: Iterable[JournalEntry],
    given: Sequence[str],
    known: Iterable[str],
    strengths: Collection[int],
) -> Unfinished:
    found = {as_written(name) for name in known}
    folders = tuple(os.path.join(as_written(name), "") for name in given)  # noqa: PTH118
    meant: list[tuple[str, int]] = []
    others = 0
    for entry in entries:
        name, strength = entry.source, entry.strength
        if is_over(entry) or (name in found and strength in strengths):
            continue
        if strength in strengths and name.startswith(folders):
            meant.append((name, strength))
        else:
            others += 1
    return Unfinished(meant, others)
