"""What the window learns from the ends that it hears of, and expects of those to come."""

import pytest

from audio_enhance import EnhancementStatus

from .replay import Replay, server_time

QUEUED, FAILED = EnhancementStatus.QUEUED, EnhancementStatus.FAILED
MARGIN = 1.02


class TestLearning:
    def test_from_the_request_or_the_end_of_the_one_before_to_the_end(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 10.0, at=12.0)
        assert replay.expected() == pytest.approx(10.0)
        replay.finish("b", 20.0, at=25.0)
        assert replay.expected() == pytest.approx(10.0)

    def test_not_from_one_that_was_taken_up_but_from_the_one_behind_it(self) -> None:
        replay = Replay()
        replay.take_up("a", 50.0, requested=0.0)
        replay.submit("b", 51.0)
        replay.finish("a", 60.0)
        assert replay.expected() is None
        replay.finish("b", 70.0)
        assert replay.expected() == pytest.approx(10.0)

    def test_not_from_a_failure_but_from_the_one_behind_it(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        assert replay.find("a", 60.0, FAILED, 60.0) is None
        assert replay.expected() is None
        replay.finish("b", 70.0)
        assert replay.expected() == pytest.approx(10.0)

    def test_not_from_an_end_before_the_latest_one(self) -> None:
        replay = Replay()
        replay.submit("young", 2.0)
        replay.finish("young", 22.0)
        replay.submit("old", 23.0, requested=1.0)
        replay.finish("old", 12.0, at=24.0)
        assert replay.window.estimate.typical == pytest.approx(20.0)

    def test_not_from_the_time_that_another_process_kept_it_waiting(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.find("a", 40.0, QUEUED)
        replay.find("a", 90.0, QUEUED)
        replay.find("a", 95.0)
        replay.finish("a", 100.0)
        assert replay.expected() == pytest.approx(10.0)

    def test_not_from_having_waited_for_the_one_before(self) -> None:
        """It was found waiting when it was asked about too early, as the head by mistake."""
        replay = Replay()
        replay.submit("b", 0.0)
        replay.find("b", 5.0, QUEUED)
        replay.submit("a", 6.0, requested=-1.0)
        replay.finish("a", 50.0)
        replay.finish("b", 60.0)
        assert replay.window.estimate.typical == pytest.approx((10.0 + 51.0) / 2)

    def test_never_less_than_nothing(self) -> None:
        replay = Replay()
        replay.submit("a", 5.0, requested=0.0)
        replay.find("a", 20.0, QUEUED)
        replay.finish("a", 10.0, at=21.0)
        assert replay.window.estimate.typical == 0.0

    def test_from_an_end_without_a_time_nothing(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        assert replay.find("a", 20.0, EnhancementStatus.SUCCEEDED, None) is None
        assert replay.window.ids == ()
        assert replay.expected() is None

    def test_nothing_from_an_end_that_is_yet_to_come(self) -> None:
        """What is learned is capped by our own clock, whatever the server's times say."""
        replay = Replay()
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 86400.0 + 10.0, at=12.0)
        assert replay.expected() == pytest.approx(12.0)
        assert replay.at <= 12.0 + 12.0 * MARGIN
        replay.finish("b", 20.0, at=25.0)
        assert replay.window.freed == server_time(20.0)
        assert replay.window.estimate.typical == pytest.approx((12.0 + 8.0) / 2)

    def test_nothing_from_such_an_end_of_one_that_was_taken_up(self) -> None:
        replay = Replay()
        replay.take_up("a", 50.0, requested=0.0)
        replay.finish("a", 86400.0, at=60.0)
        assert replay.window.freed is None
        replay.submit("b", 61.0)
        replay.finish("b", 71.0)
        assert replay.expected() == pytest.approx(10.0)


class TestTheExpectedEnd:
    def test_nobody_knows_at_the_beginning(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        assert replay.window.expected_end("a", 1.0) is None

    def test_of_the_head_and_of_those_behind_it(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 10.0)
        replay.submit("b", 11.0, size=2_000_000)
        assert replay.window.expected_end("a", 50.0) == 110.0
        assert replay.window.expected_end("b", 50.0) == 310.0
        assert replay.window.expected_end("c", 50.0) is None

    def test_is_not_over_yet(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 10.0)
        replay.submit("b", 11.0)
        assert replay.window.expected_end("a", 150.0) == 150.0
        assert replay.window.expected_end("b", 150.0) == 250.0

    def test_of_one_far_larger_nobody_knows(self) -> None:
        replay = Replay().taught(10.0)
        replay.submit("a", 0.0, size=4_000_000)
        replay.submit("b", 0.0, size=4_000_001)
        assert replay.window.expected_end("a", 0.0) == pytest.approx(40.0)
        assert replay.window.expected_end("b", 0.0) is None
