"""Who still needs an upload: it is deleted when nobody does."""

from collections import Counter

from audio_enhance._recording.fingerprint import ContentKey
from audio_enhance._recording.source import Source

from .handle import Job


class Uses:
    """Counts what the jobs of one client need of the server.

    A job is known from its beginning, and what it needs as soon as it is hashed. The strengths of
    a source that a batch has not begun yet are counted, too. So is what was paid for and is not
    saved, or was left at the server as it was asked for.
    """

    def __init__(self) -> None:
        self._jobs: dict[Job, ContentKey | None] = {}
        self._strengths: Counter[Source] = Counter()
        self._left: dict[tuple[ContentKey, int], str | None] = {}  # and of which asset

    def expect(self, source: Source, strengths: int) -> None:
        """Take note that a source is going to be enhanced at so many strengths."""
        self._strengths[source] += strengths

    def drop(self, source: Source) -> None:
        """Take note that one of the expected strengths has ended, or never begins."""
        if source in self._strengths:
            self._strengths[source] -= 1
            if self._strengths[source] <= 0:
                del self._strengths[source]

    def begin(self, job: Job) -> None:
        """Take note of a job whose content is not known yet."""
        self._jobs[job] = None

    def claim(self, job: Job, content: ContentKey) -> None:
        """Take note of what a job needs."""
        self._jobs[job] = content

    def saved(self, job: Job) -> bool:
        """Take note that a job's result is safe, and return whether nobody needs the upload."""
        content = self._jobs.pop(job)
        self.drop(job.source)
        if content is not None:
            self._left.pop((content, job.strength), None)
        return (
            job.source not in self._strengths
            and not any(
                needed == content if needed is not None else _same(other.source, job.source)
                for other, needed in self._jobs.items()
            )
            and not any(needed == content for needed, _ in self._left)
        )

    def has(self, asset_id: str) -> bool:
        """Whether a job is at work on an asset, or has left something of it at the server."""
        at_work = any(job.asset is not None and job.asset.id == asset_id for job in self._jobs)
        return at_work or asset_id in self._left.values()

    def over(self, job: Job) -> None:
        """Take note that a job has ended: with `saved` before it, it has left nothing."""
        if job not in self._jobs:
            return
        content = self._jobs.pop(job)
        self.drop(job.source)
        if content is not None and job.enhancement is not None:
            self._left[content, job.strength] = None if job.asset is None else job.asset.id


def _same(one: Source, other: Source) -> bool:
    return one is other or (one.path is not None and one.path == other.path)
