"""Who still needs an upload: it is deleted when nobody does."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from audio_enhance._recording.fingerprint import ContentKey
from audio_enhance._recording.source import Source

from .enhanced import Owner
from .running import RunningJob


class Upload(NamedTuple):
    """An asset that was made of a content.

    Attributes:
        asset_id: The asset.
        owner: The API client that it belongs to.
        spent: Whether it was given up, for another one of the same content.
    """

    asset_id: str
    owner: Owner
    spent: bool = False


class Uses:
    """Counts what the jobs of one client need of the server.

    A job is known from its beginning, and what it needs as soon as it is hashed. The strengths of
    a source that a batch has not begun yet are counted, too. So is what was paid for and is not
    saved, or was left at the server as it was asked for.

    Args:
        deletable: Whether the API can delete uploads; where it cannot, nothing is remembered of
            what jobs have left.
    """

    def __init__(self, *, deletable: bool = True) -> None:
        self._deletable = deletable
        self._jobs: dict[RunningJob, ContentKey | None] = {}
        self._strengths: Counter[Source] = Counter()
        self._left: dict[tuple[ContentKey, int], str | None] = {}  # and of which asset
        self._uploads: dict[ContentKey, dict[str, Upload]] = {}  # of results that are safe

    def expect(self, source: Source, strengths: int) -> None:
        """Take note that a source is going to be enhanced at so many strengths."""
        self._strengths[source] += strengths

    def drop(self, source: Source) -> None:
        """Take note that one of the expected strengths has ended, or never begins."""
        if source in self._strengths:
            self._strengths[source] -= 1
            if self._strengths[source] <= 0:
                del self._strengths[source]

    def begin(self, job: RunningJob) -> None:
        """Take note of a job whose content is not known yet."""
        self._jobs[job] = None

    def claim(self, job: RunningJob, content: ContentKey) -> None:
        """Take note of what a job needs."""
        self._jobs[job] = content

    def saved(self, job: RunningJob, uploads: Iterable[Upload]) -> list[Upload]:
        """Take note that a job's result is safe, and return the uploads that nobody needs now.

        Args:
            job: The job.
            uploads: What was made of its content for it.
        """
        content = self._jobs.pop(job)
        self.drop(job.source)
        if content is None:
            return []
        self._left.pop((content, job.strength), None)
        made = self._uploads.setdefault(content, {})
        for upload in uploads:
            # What one job gave up may have done for another strength.
            made.setdefault(upload.asset_id, upload)
        needed = job.source in self._strengths or any(
            claimed == content if claimed is not None else _same(other.source, job.source)
            for other, claimed in self._jobs.items()
        )
        if needed or any(left == content for left, _ in self._left):
            return []
        return list(self._uploads.pop(content).values())

    def has(self, asset_id: str) -> bool:
        """Whether a job is at work on an asset, or has left something of it at the server."""
        at_work = any(job.asset is not None and job.asset.id == asset_id for job in self._jobs)
        return at_work or asset_id in self._left.values()

    def over(self, job: RunningJob) -> None:
        """Take note that a job has ended: with `saved` before it, it has left nothing."""
        if job not in self._jobs:
            return
        content = self._jobs.pop(job)
        self.drop(job.source)
        if self._deletable and content is not None and job.enhancement is not None:
            self._left[content, job.strength] = None if job.asset is None else job.asset.id


def _same(one: Source, other: Source) -> bool:
    return one is other or (one.path is not None and one.path == other.path)
