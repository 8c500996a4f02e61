"""Results that somebody gave another name: the journal beside them knows them all the same."""

import asyncio
import os
from collections.abc import Mapping

import attrs

from audio_enhance import EntryState, Journal, JournalError
from audio_enhance.cli.input.recordings import Recordings

_Version = tuple[int, int]  # a file's length in bytes, and when it was written


async def without_renamed(found: Recordings) -> Recordings:
    """Return what was found without results that were only renamed since an earlier run.

    A file is one if it lies beside or below a journal, and has the length and the time of a result
    that this journal knows. What was changed since is a recording.
    """
    renamed = set[str]()
    for journal, names in found.beside.items():
        try:
            async with await Journal.read(journal) as reader:
                known = {
                    (entry.output_size, entry.output_modified_ns)
                    async for entry in reader.entries(EntryState.SUCCEEDED)
                }
        except JournalError:
            continue  # of a program that is at work on it, or damaged: names are all that is known
        versions = await asyncio.to_thread(_versions, names)
        renamed.update(name for name, version in versions.items() if version in known)
    return attrs.evolve(
        found,
        sizes={name: size for name, size in found.sizes.items() if name not in renamed},
        results=found.results + len(renamed),
    )


def _versions(names: list[str]) -> Mapping[str, _Version]:
    versions: dict[str, _Version] = {}
    for name in names:
        try:
            status = os.stat(name)  # noqa: PTH116  names are texts here
        except OSError:
            continue
        versions[name] = status.st_size, status.st_mtime_ns
    return versions
