"""Jobs that have a key of the caller's: the same key again is the same job."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from audio_enhance._core.errors import InvalidInputError

from .running import RunningJob
from .state import JobStatus

_OVER_IN_VAIN = (JobStatus.FAILED, JobStatus.CANCELLED)


class KeyedJobs:
    """Begins one job for a key, and returns it for as long as anybody has it."""

    def __init__(self) -> None:
        self._jobs: WeakValueDictionary[str, RunningJob] = WeakValueDictionary()
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def add(self, key: str, job: RunningJob) -> None:
        """Take a job that was begun with a key."""
        if key:
            self._jobs[key] = job

    async def get(
        self, key: str, strength: int, begin: Callable[[], Awaitable[RunningJob]]
    ) -> RunningJob:
        """Return the job of a key, and begin it if there is none; one that failed is begun again.

        Raises:
            InvalidInputError: The key is that of a job at another strength.
        """
        lock = self._beginning.get(key)
        if lock is None:
            lock = self._beginning[key] = asyncio.Lock()
        async with lock:  # whoever comes while the recording arrives waits for what comes of it
            job = self._jobs.get(key)
            if job is None or job.status in _OVER_IN_VAIN:
                job = await begin()
                self.add(key, job)
        check_same(key, strength, job.strength)
        return job


def check_same(key: str, strength: int, of_the_job: int) -> None:
    """Raise `InvalidInputError` where a key is used for another strength than its job has."""
    if strength != of_the_job:
        raise InvalidInputError(
            f"The key {key!r} is that of a job at strength {of_the_job}.",
            hint="Give another strength a key of its own.",
        )
