"""What the window decides from what has happened: each rule with the history that needs it."""

import pytest

from audio_enhance import EnhancementStatus, PollPolicy
from audio_enhance._scheduler.polling import Crowd
from audio_enhance._scheduler.window import Question

from .replay import MP3, Replay

QUEUED, FAILED = EnhancementStatus.QUEUED, EnhancementStatus.FAILED
MARGIN = 1.02


class TestTheHead:
    def test_nothing_outstanding_nothing_to_ask(self) -> None:
        window = Replay().window
        assert window.next_question is None
        assert window.ids == ()

    def test_only_the_oldest_is_asked_about_whichever_became_known_first(self) -> None:
        replay = Replay()
        replay.submit("young", 3.0)
        assert replay.asked == "young"
        replay.submit("old", 4.0, requested=1.0)
        replay.submit("middle", 5.0, requested=2.0)
        assert replay.window.ids == ("old", "middle", "young")
        assert [replay.window.position(each) for each in replay.window.ids] == [0, 1, 2]
        assert replay.asked == "old"
        replay.finish("old", 6.0)
        assert replay.asked == "middle"
        assert replay.window.position("old") == 0

    def test_a_question_stays_until_something_happens(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        first = replay.window.next_question
        assert first == replay.window.next_question == Question("a", 0.25)
        replay.submit("b", 0.1)
        assert replay.window.next_question == first

    def test_one_that_is_the_head_no_longer_begins_anew_when_it_is_again(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("young", 10.0)
        assert replay.at == 10.0 + 100.0 * MARGIN
        replay.submit("old", 12.0, requested=9.0)
        assert replay.at == 12.0 + 100.0 * MARGIN
        replay.find("young", 41.0)  # the answer to a question that was on its way
        assert replay.asked == "old"
        replay.finish("old", 102.0)
        assert replay.at == pytest.approx(102.0 + 100.0 * MARGIN)

    def test_taken_up_while_it_is_outstanding_it_is_outstanding_once(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.take_up("a", 1.0, requested=0.0)
        replay.finish("a", 2.0)
        assert replay.window.next_question is None

    def test_what_is_gone_makes_way(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.window.gone("a", 1.0)
        replay.window.gone("a", 1.0)  # known already
        assert replay.window.ids == ("b",)
        assert replay.window.next_question == Question("b", 1.0 + 0.25)


class TestTheFirstQuestion:
    def test_comes_a_fiftieth_after_the_expected_end(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 10.0)
        assert replay.at == 10.0 + 100.0 * MARGIN

    def test_counts_from_the_request_not_from_its_answer(self) -> None:
        """The skew between the clocks holds the answer's way, which makes it come that later."""
        replay = Replay().taught(100.0)
        replay.submit("a", 10.0)
        replay.finish("a", 110.0)
        replay.submit("b", 123.0, requested=120.0)
        assert replay.at == pytest.approx(123.0 + 100.0 * MARGIN)

    def test_counts_from_the_end_of_the_one_before(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        replay.submit("b", 1.0)
        replay.finish("a", 100.0, at=130.0)
        assert replay.at == pytest.approx(100.0 + 100.0 * MARGIN)

    def test_counts_from_its_own_request_if_the_server_was_idle(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        replay.finish("a", 100.0)
        replay.submit("b", 500.0)
        assert replay.at == pytest.approx(500.0 + 100.0 * MARGIN)

    def test_counts_from_the_latest_end_not_from_the_one_heard_of_last(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("young", 2.0)
        replay.submit("next", 3.0)
        replay.finish("young", 200.0)
        replay.submit("old", 200.0, requested=1.0)
        assert replay.asked == "old"
        replay.finish("old", 100.0, at=201.0)
        assert replay.at == pytest.approx(200.0 + 100.0 * MARGIN)

    def test_never_counts_from_what_is_to_come(self) -> None:
        """The server's clock may run away from ours after the skew was measured."""
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 150.0, at=110.0)
        assert replay.at == pytest.approx(110.0 + 100.0 * MARGIN)

    def test_not_even_if_its_own_answer_took_long(self) -> None:
        """Then its skew is larger than that of the one whose end was heard of."""
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        replay.submit("b", 8.0, requested=3.0)
        replay.finish("a", 100.0)
        assert replay.at == pytest.approx(100.0 + 100.0 * MARGIN)

    def test_comes_at_once_when_it_must_be_over(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0)
        replay.submit("b", 0.0)
        replay.finish("a", 100.0, at=400.0)
        assert replay.wait == 0.0

    def test_comes_soon_if_nothing_is_known_of_the_content_type(self) -> None:
        replay = Replay().taught(100.0)
        replay.submit("a", 0.0, content_type=MP3)
        assert replay.wait == 0.25

    def test_comes_soon_for_one_that_was_taken_up_which_may_be_nearly_over(self) -> None:
        replay = Replay().taught(100.0)
        replay.take_up("a", 50.0, requested=0.0)
        assert replay.wait == 0.25

    def test_for_one_far_larger_comes_at_the_end_of_what_is_known(self) -> None:
        replay = Replay().taught(10.0)
        replay.submit("a", 0.0, size=100_000_000)
        assert replay.at == pytest.approx(40.0 * MARGIN)
        replay.find("a", 60.0)  # and its end need not be near, so that it is asked about less
        assert replay.wait == 0.25 * 60.0 > 0.25 * (60.0 - 40.0)


class TestPatience:
    """How much later than by a quarter the end may be noticed, with the first known of nothing."""

    def wait_with(self, **following: object) -> float:
        replay = Replay()
        replay.submit("a", 0.0, size=2_000_000)
        if following:
            replay.submit("b", 0.0, **following)  # type: ignore[arg-type]  # of any kind
        replay.find("a", 20.0)
        return replay.wait

    def test_alone_there_is_none(self) -> None:
        assert self.wait_with() == 0.25 * 20.0

    def test_with_one_as_large_behind_it_nearly_as_long_again(self) -> None:
        assert self.wait_with(size=2_000_000) == pytest.approx(0.85 * 20.0)
        assert self.wait_with(size=9_000_000) == pytest.approx(0.85 * 20.0)

    def test_with_a_smaller_one_behind_it_in_proportion(self) -> None:
        assert self.wait_with(size=1_000_000) == pytest.approx(0.5 * 0.85 * 20.0)

    def test_with_one_of_another_content_type_there_is_none(self) -> None:
        assert self.wait_with(size=2_000_000, content_type=MP3) == 0.25 * 20.0

    def test_it_is_that_of_the_next_one_not_of_those_after_it(self) -> None:
        replay = Replay()
        for name, size in [("a", 2_000_000), ("b", 1_000_000), ("c", 2_000_000)]:
            replay.submit(name, 0.0, size=size)
        replay.find("a", 20.0)
        assert replay.wait == pytest.approx(0.5 * 0.85 * 20.0)


class TestTheServersWish:
    def test_longer_than_anybody_waits_it_is_given_up_at_once(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        assert not replay.window.unanswered("a", 1.0, 3600.0)
        assert replay.window.unanswered("a", 2.0, 3601.0)
        assert replay.window.ids == ()

    def test_nothing_is_asked_earlier(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.find("a", 1.0, retry_after=45.0)
        assert replay.at == 46.0
        replay.find("a", 46.0)
        assert replay.at < 46.0 + 45.0

    def test_not_even_first(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0, retry_after=45.0)
        replay.submit("b", 0.0, retry_after=999.0)
        assert replay.at == 45.0
        replay.finish("a", 50.0)
        assert replay.at == 999.0

    def test_nor_when_an_older_one_was_the_head_meanwhile(self) -> None:
        replay = Replay()
        replay.submit("young", 1.0)
        replay.find("young", 2.0, retry_after=100.0)
        replay.submit("old", 3.0, requested=0.0)
        assert replay.asked == "old"
        replay.finish("old", 4.0)
        assert replay.window.next_question == Question("young", 102.0)

    def test_after_an_hour_it_is_asked_all_the_same_and_not_given_up_for_that(self) -> None:
        replay = Replay()
        replay.submit("a", 0.0)
        replay.find("a", 1.0, retry_after=1e9)
        assert replay.at == 3601.0
        replay.taught(1.0)
        assert replay.find("a", 3601.0) is None
        assert replay.find("a", 1801.0 + 3601.0) is not None


def test_the_policy_and_the_chance_are_those_that_were_handed_in() -> None:
    replay = Replay(polling=PollPolicy(shortest=2.0, longest=30.0, share=0.5))
    replay.submit("a", 0.0)
    assert replay.wait == 2.0
    replay.find("a", 10.0)
    assert replay.wait == 5.0
    replay.find("a", 1000.0)
    assert replay.wait == 30.0


def test_windows_of_one_crowd_ask_less_often_the_more_of_them_wait() -> None:
    crowd = Crowd()
    polling = PollPolicy(shortest=1.0, longest=1.0, apart=2.0)
    first, second = (Replay(polling=polling, crowd=crowd) for _ in range(2))
    first.submit("a", 0.0)
    assert first.wait == 2.0
    first.submit("b", 0.0)
    second.submit("c", 0.0)
    assert (second.wait, crowd) == (4.0, Crowd(waiting=2, asking=2))
    second.find("c", 1.0, ended=1.0, status=EnhancementStatus.SUCCEEDED)
    second.submit("d", 1.0)
    assert (second.wait, crowd) == (1.02, Crowd(waiting=2, asking=1))
    first.find("a", 2.0)
    assert first.wait == 2.0
    for replay, one in ((first, "a"), (first, "b"), (second, "d")):
        replay.window.gone(one, 3.0)
    assert crowd == Crowd()
