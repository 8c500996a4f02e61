"""How much a lane takes in, what it owes, whom it tells what, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from audio_enhance import (
    AccessToken,
    Asset,
    EnhanceResult,
    RateLimits,
    Source,
    SpeechEnhancement,
)
from audio_enhance._jobs.lane import Lane
from audio_enhance._jobs.opened import opened
from audio_enhance._jobs.running import RunningJob
from audio_enhance._jobs.state import JobState
from audio_enhance._settings import Settings
from tests.support.answers import asset_json, enhancement_json

from .watched import ignored

DEPTH = 2


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    """A lane in which jobs stand where a test puts them."""
    there = opened(Settings(AccessToken("t", client_id="c")))
    [lane] = there.lanes
    assert lane.queue.window.depth == DEPTH
    yield lane
    lane._jobs.clear()
    await there.aclose()


def standing(lane: Lane, *, asset: bool = False, enhancement: bool = False) -> RunningJob:
    job = RunningJob(Source.from_bytes(b"ID3", "a.mp3"), 93, 0)
    if asset:
        job.track.asset = Asset.from_json(asset_json())
    if enhancement:
        job.track.enhancement = SpeechEnhancement.from_json(enhancement_json())
        job.track.submitted = True
    lane._jobs[job] = ExitStack()
    return job


async def test_there_is_room_for_a_few_before_the_window(lane: Lane) -> None:
    for _ in range(8 + DEPTH):
        assert lane.has_room
        standing(lane)
    assert not lane.has_room


async def test_and_for_many_whose_results_are_on_their_way(lane: Lane) -> None:
    for _ in range(96 + DEPTH):
        assert lane.has_room
        standing(lane, asset=True, enhancement=True)
    assert lane.unsubmitted == 0
    assert not lane.has_room


async def test_it_owes_an_enhancement_for_each_upload_and_one_for_all_who_share_it(
    lane: Lane,
) -> None:
    standing(lane)
    uploaded = standing(lane, asset=True)
    sharing = standing(lane)
    sharing.track = uploaded.track
    assert lane._owed() == 1
    standing(lane, asset=True)
    assert lane._owed() == 2
    standing(lane, asset=True, enhancement=True)
    assert lane._owed() == 2
    uploaded.track.state = JobState.UPLOADED
    uploaded.track.enter(JobState.SUBMITTING)
    assert lane._owed() == 1


async def test_its_backlog_is_what_the_server_has_and_what_it_will_have(lane: Lane) -> None:
    assert lane.backlog_seconds == 0.0
    standing(lane)
    standing(lane, asset=True)
    assert lane.backlog_seconds == 2 * 1.0  # of nothing, a second is known
    lane.queue.estimate.observe("audio/mpeg", 1000, 30.0)
    assert lane.backlog_seconds == 2 * 30.0
    there = SpeechEnhancement.from_json(enhancement_json())
    lane.queue.take_up(
        there, byte_size=1000, content_type="audio/mpeg", on_status=ignored, on_retry=ignored
    )
    assert lane.backlog_seconds == 3 * 30.0


async def test_at_its_end_no_job_is_left_to_ask_the_queue_for_anything(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that goes on while the queue ends would still have an enhancement created."""
    job = standing(lane)

    async def endless() -> EnhanceResult:
        await asyncio.Event().wait()
        raise AssertionError

    job.start(asyncio.create_task(endless()))
    ended: list[bool] = []
    close = lane.queue.aclose

    async def aclose() -> None:
        ended.append(job.task.done())
        await close()

    monkeypatch.setattr(lane.queue, "aclose", aclose)
    await lane.aclose()
    assert ended == [True]
    lane.steps.api.limits.assets.owe(lane._owed, 1)  # the fixture closes it once more


async def test_limits_that_outlive_it_remember_nothing_of_it() -> None:
    limits = RateLimits()
    there = opened(Settings(AccessToken("t", client_id="c"), limits=limits))
    assert len(limits.assets._owed) == 1
    await there.aclose()
    assert limits.assets._owed == {}
