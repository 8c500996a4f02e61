"""PLACEHOLDER until the journal's author replaces this file (interface only).

Two columns more than first planned: `client_id` (the API client an asset belongs to) and
`output_modified_ns`. `same_content` and `same_upload` take `client_id: str` as well and look
only at rows of that API client. `same_content` looks for any row with an enhancement_id
whatever its state (FAILED rows too: a stuck one can be taken up; one whose enhancement failed
has its enhancement_id set to None by the scheduler).
"""

from collections.abc import AsyncIterator, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Self

import attrs

from ._clock import Clock


class EntryState(StrEnum):
    QUEUED = "queued"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    PROCESSED = "processed"
    DOWNLOADING = "downloading"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class JournalEntry:
    source: str
    strength: int
    state: EntryState = EntryState.QUEUED
    byte_size: int | None = None
    modified_ns: int | None = None
    md5: str | None = None
    client_id: str | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None
    output: str | None = None
    output_size: int | None = None
    output_modified_ns: int | None = None
    output_md5: str | None = None
    temporary: str | None = None
    tries: int = 0
    extra: int = 0
    error: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0


class Journal:
    path: Path

    @classmethod
    async def open(cls, path: Path, *, clock: Clock | None = None) -> "Journal": ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exception: object) -> None: ...
    async def entry(self, source: str, strength: int) -> JournalEntry | None: ...
    async def save(self, entry: JournalEntry) -> None: ...
    async def plan(self, jobs: Iterable[tuple[str, int]]) -> None: ...
    async def same_content(
        self, md5: str, byte_size: int, strength: int, client_id: str
    ) -> JournalEntry | None: ...
    async def same_upload(
        self, md5: str, byte_size: int, client_id: str
    ) -> JournalEntry | None: ...
    async def owner_of(self, output: str) -> JournalEntry | None: ...
    async def counts(self) -> dict[EntryState, int]: ...
    def entries(self, *states: EntryState) -> AsyncIterator[JournalEntry]: ...
    async def setting(self, name: str) -> str | None: ...
    async def set_setting(self, name: str, value: str) -> None: ...
    async def remove_leftovers(self) -> list[Path]: ...
