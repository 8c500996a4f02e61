"""How deep the window is: as deep as the time takes that a place stays empty, and no deeper."""

from audio_enhance import EnhancementStatus

from .replay import Replay, server_time

FAILED = EnhancementStatus.FAILED


class TestDepth:
    def lags(self, replay: Replay, *lags: float) -> int:
        for number, lag in enumerate(lags):
            replay.submit(f"lag{number}", replay.now, requested=replay.now, freed=replay.now - lag)
            replay.window.gone(f"lag{number}", replay.now)
        return replay.window.depth

    def test_one_in_work_and_one_behind_it(self) -> None:
        assert Replay().window.depth == 2
        assert self.lags(Replay().taught(60.0), *[0.5] * 8) == 2

    def test_as_many_more_as_are_worked_off_before_a_place_is_filled_again(self) -> None:
        assert self.lags(Replay().taught(0.1), *[0.35] * 8) == 1 + 4

    def test_it_has_an_end(self) -> None:
        assert self.lags(Replay().taught(0.1), *[100.0] * 8) == 32

    def test_of_what_takes_no_time_as_deep_as_it_gets(self) -> None:
        assert self.lags(Replay().taught(0.0), *[0.5] * 8) == 32

    def test_one_long_lag_among_short_ones_means_nothing(self) -> None:
        assert self.lags(Replay().taught(1.0), *[0.5] * 4, 20.0, 20.0) == 2

    def test_what_is_long_past_is_forgotten(self) -> None:
        assert self.lags(Replay().taught(1.0), *[20.0] * 20, *[0.5] * 8) == 2
        assert self.lags(Replay().taught(1.0), *[0.5] * 20, *[9.5] * 8) == 11

    def test_before_anything_is_known_it_stays(self) -> None:
        assert self.lags(Replay(), *[100.0] * 8) == 2

    def test_it_becomes_shallow_again(self) -> None:
        replay = Replay().taught(0.1)
        assert self.lags(replay, *[0.5] * 8) > 2
        for _ in range(16):
            replay.window.estimate.observe("audio/wav", 1_000_000, 60.0)
        assert self.lags(replay, *[0.5] * 8) == 2

    def test_without_a_wait_for_a_place_there_is_no_lag(self) -> None:
        replay = Replay().taught(0.1)
        for number in range(8):
            replay.submit(f"{number}", 10.0, requested=10.0)
        assert replay.window.depth == 2


class TestWhoGaveTheFreePlace:
    """The lag is measured from an end; who was let in by something else has waited for none."""

    def ended(self) -> Replay:
        replay = Replay().taught(0.1)
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 10.0, at=12.0)
        return replay

    def test_an_end_does_at_its_own_time(self) -> None:
        assert Replay().window.freed is None
        assert self.ended().window.freed == server_time(10.0)

    def test_a_failure_is_an_end_too(self) -> None:
        replay = self.ended()
        replay.find("b", 20.0, FAILED, 19.0)
        assert replay.window.freed == server_time(19.0)

    def test_a_creation_that_failed_is_none(self) -> None:
        replay = self.ended()
        replay.window.refused()
        assert replay.window.freed is None

    def test_a_window_that_became_deeper_is_none(self) -> None:
        replay = self.ended()
        replay.submit("c", 13.0, freed=10.0)
        assert replay.window.depth > 2
        assert replay.window.freed is None

    def test_a_window_that_stays_as_it_is_leaves_it(self) -> None:
        replay = self.ended()
        replay.submit("c", 13.0, freed=12.95)
        assert replay.window.depth == 2
        assert replay.window.freed == server_time(10.0)

    def test_one_that_is_given_up_is_none(self) -> None:
        replay = self.ended()
        assert replay.find("b", 12.0 + 1801.0) is not None
        assert replay.window.freed is None

    def test_one_that_cannot_be_asked_about_is_none(self) -> None:
        replay = self.ended()
        replay.window.unanswered("b", 20.0)
        assert replay.window.unanswered("b", 620.0)
        assert replay.window.freed is None

    def test_one_that_is_gone_is_none(self) -> None:
        replay = self.ended()
        replay.window.gone("b", 20.0)
        assert replay.window.freed is None
