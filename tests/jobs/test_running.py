"""What a job is while it is at work, as the lane sees it."""

from audio_enhance import Hashing, Job, RateLimitError, ServerError, Source
from audio_enhance._jobs.running import RunningJob
from audio_enhance._jobs.state import JobState
from tests.support.clock import ManualClock


def test_a_job_waits_for_as_long_as_the_server_asks() -> None:
    clock = ManualClock()
    job = RunningJob(Source.from_bytes(b"ID3", "a.mp3"), 93, 0, clock=clock)
    busy = RateLimitError("Busy.", status=429, retry_after=600)
    told = [job.status]
    job.on_retry(ServerError("Down.", status=503), 20)  # a short wait of our own is none
    told.append(job.status)
    job.on_retry(busy, 600)
    clock.pass_by(599)
    told.append(job.status)
    assert "waiting" in repr(Job(job))
    clock.pass_by(1)
    told.append(job.status)
    job.on_retry(busy, 600)
    job.tell(Hashing)  # and no longer than until it goes on
    told.append(job.status)
    job.on_retry(busy, 600)
    job.enter(JobState.CANCELLED)
    told.append(job.status)
    assert told == ["queued", "queued", "waiting", "queued", "queued", "cancelled"]
