"""The states of a job: which may follow which, and what is known of the server from them."""

import pytest

from audio_enhance import JobStatus
from audio_enhance._jobs.state import JobState, Track

WAY = [
    JobState.HASHING,
    JobState.UPLOADING,
    JobState.UPLOADED,
    JobState.SUBMITTING,
    JobState.SUBMITTED,
    JobState.PROCESSED,
    JobState.DOWNLOADING,
    JobState.SUCCEEDED,
]


def test_the_way_of_a_job_and_what_its_caller_is_told() -> None:
    track = Track()
    told = [track.state.status]
    for state in WAY:
        track.enter(state)
        told.append(track.state.status)
    assert list(dict.fromkeys(told)) == [
        status
        for status in JobStatus
        if status not in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.WAITING)
    ]


@pytest.mark.parametrize("position", range(len(WAY) - 1))
def test_a_job_can_end_anywhere_and_then_nothing_follows(position: int) -> None:
    for end in (JobState.FAILED, JobState.CANCELLED):
        track = Track()
        for state in WAY[:position]:
            track.enter(state)
        track.enter(end)
        assert track.state.status.finished
        for state in JobState:
            if state is not end:
                with pytest.raises(AssertionError):
                    track.enter(state)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (JobState.QUEUED, JobState.UPLOADING),
        (JobState.UPLOADING, JobState.SUBMITTING),
        (JobState.UPLOADED, JobState.SUBMITTED),
        (JobState.SUBMITTING, JobState.PROCESSED),
        (JobState.SUBMITTED, JobState.DOWNLOADING),
        (JobState.PROCESSED, JobState.SUBMITTING),
        (JobState.DOWNLOADING, JobState.PROCESSED),
    ],
)
def test_no_step_is_left_out_and_none_is_gone_back(before: JobState, after: JobState) -> None:
    track = Track()
    track.state = before
    with pytest.raises(AssertionError):
        track.enter(after)


class TestSubmitted:
    def at(self, *states: JobState) -> Track:
        track = Track()
        for state in states:
            track.enter(state)
        return track

    def test_from_the_moment_that_the_request_goes_out(self) -> None:
        track = self.at(*WAY[:3])
        assert not track.submitted
        track.enter(JobState.SUBMITTING)
        assert track.submitted

    def test_no_longer_when_it_was_refused(self) -> None:
        track = self.at(*WAY[:4])
        track.enter(JobState.UPLOADED)
        assert not track.submitted

    def test_for_ever_when_its_answer_was_lost(self) -> None:
        track = self.at(*WAY[:4])
        track.suspect()
        track.enter(JobState.UPLOADED)
        assert track.submitted
        assert track.copy().submitted

    def test_also_when_it_ended_there(self) -> None:
        track = self.at(*WAY[:4])
        track.enter(JobState.CANCELLED)
        assert track.submitted


def test_a_copy_goes_its_own_way() -> None:
    track = Track()
    copy = track.copy()
    copy.enter(JobState.HASHING)
    assert (track.state, copy.state) == (JobState.QUEUED, JobState.HASHING)
