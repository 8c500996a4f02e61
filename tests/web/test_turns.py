"""Those who are turned away come back one after the other."""

import pytest

from audio_enhance.web._turns import Turns


def test_nobody_is_told_the_same() -> None:
    turns = Turns(4)
    told = [turns.later(100.0) for _ in range(8)]
    assert told == pytest.approx([1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0])
    # As time goes by, so do the turns.
    assert turns.later(102.0) == pytest.approx(1.25)
    assert turns.later(1000.0) == pytest.approx(1.25)


def test_what_takes_longer_is_spread_further() -> None:
    turns = Turns(1)
    for _ in range(100):
        turns.took(10.0)
    first, second = turns.later(0.0), turns.later(0.0)
    assert second - first == pytest.approx(10.0, abs=0.01)
