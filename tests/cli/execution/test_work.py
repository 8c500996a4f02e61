"""What is to be enhanced: sources that have the same strengths lie together."""

from audio_enhance.cli.execution.work import Work, by_strengths
from audio_enhance.cli.input.recordings import as_written

JOBS = [("a", 50), ("b", 93), ("a", 93), ("c", 93)]
WORK = Work(sources=by_strengths(JOBS), sizes=dict.fromkeys("abc", 1))


def test_sources_with_the_same_strengths_lie_together() -> None:
    assert WORK.sources == {(50, 93): ["a"], (93,): ["b", "c"]}
    assert WORK.count == 4
    assert list(WORK.jobs()) == [("a", 50), ("a", 93), ("b", 93), ("c", 93)]


def test_only_what_is_wanted_is_left() -> None:
    left = WORK.only({(as_written("a"), 93), (as_written("c"), 50)})
    assert list(left.jobs()) == [("a", 93)]


def test_the_first_ones_are_those_that_are_not_done_with_all_their_strengths() -> None:
    assert list(WORK.first(1, ()).jobs()) == [("a", 50), ("a", 93)]
    done = {(as_written("b"), 93)}
    assert list(WORK.first(2, done).jobs()) == [("a", 50), ("a", 93), ("c", 93)]
