"""When the window gives up what is outstanding, and when it does not."""

import pytest

from audio_enhance import EnhancementStatus

from .replay import Replay

QUEUED = EnhancementStatus.QUEUED


class TestGivingUp:
    def test_at_the_callers_limit_from_when_the_server_began(self) -> None:
        replay = Replay(longest=100.0)
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 50.0)
        assert replay.find("b", 150.0) is None
        error = replay.find("b", 151.0)
        assert error is not None
        assert "still processing after 101 s" in str(error)
        assert (error.asset_id, error.enhancement_id) == ("a", "b")
        assert replay.window.ids == ()

    @pytest.mark.parametrize(
        ("takes", "limit"), [(1.0, 1800.0), (200.0, 4000.0), (50_000.0, 86400.0), (None, 86400.0)]
    )
    def test_else_at_a_multiple_of_the_estimate(self, takes: float | None, limit: float) -> None:
        replay = Replay() if takes is None else Replay().taught(takes)
        replay.submit("a", 0.0)
        assert replay.find("a", limit) is None
        assert replay.find("a", limit + 1.0) is not None

    def test_which_for_one_far_larger_is_in_proportion(self) -> None:
        replay = Replay().taught(20.0)
        replay.submit("a", 0.0, size=100_000_000)
        assert replay.find("a", 20 * 2000.0) is None

    def test_not_for_the_fault_of_the_one_before(self) -> None:
        """For the server is still at that one, and begins with the next one after it."""
        replay = Replay().taught(10.0)
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        assert replay.find("a", 1801.0) is not None
        assert replay.find("b", 1802.0, QUEUED) is None
        assert replay.find("b", 1801.0 + 1800.0) is None
        assert replay.find("b", 1801.0 + 1801.0) is not None

    def test_not_in_the_place_of_an_older_one(self) -> None:
        replay = Replay(longest=100.0)
        replay.submit("young", 1.0)
        replay.submit("old", 90.0, requested=0.0)
        assert replay.find("young", 150.0) is None
        assert replay.window.ids == ("old", "young")


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("longest", "least"), [(None, 600.0), (100.0, 100.0), (10_000.0, 600.0)]
    )
    def test_it_is_given_up_when_none_came_for_long(
        self, longest: float | None, least: float
    ) -> None:
        replay = Replay(longest=longest)
        replay.submit("a", 0.0)
        assert not replay.window.unanswered("a", 30.0)
        assert not replay.window.unanswered("a", 30.0 + least - 1.0)
        assert replay.window.unanswered("a", 30.0 + least)
        assert replay.window.ids == ()

    def test_one_answer_in_between_is_enough(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        assert not replay.window.unanswered("a", 30.0)
        assert replay.find("a", 500.0) is None
        assert not replay.window.unanswered("a", 700.0)
        assert not replay.window.unanswered("a", 1299.0)
        assert replay.window.unanswered("a", 1300.0)

    def test_it_is_asked_again(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        assert not replay.window.unanswered("a", 104.0)
        assert replay.at == pytest.approx(104.0 + 0.25 * 0.2 * 102.0)
