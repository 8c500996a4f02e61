"""How much of the original is heard at which strength."""

from itertools import pairwise
from math import log10

import pytest

from audio_enhance.local.enhancer.strength import share_of_original


@pytest.mark.parametrize(
    ("strength", "decibels"), [(25, -2.5), (50, -6), (75, -18), (90, -34), (93, -40), (99, -74)]
)
def test_what_was_removed_stays_at(strength: int, decibels: float) -> None:
    assert 20 * log10(share_of_original(strength)) == pytest.approx(decibels, abs=0.5)


def test_it_is_all_at_0_and_nothing_at_100_and_less_at_each_step() -> None:
    shares = [share_of_original(strength) for strength in range(101)]
    assert shares[0] == 1
    assert shares[100] == 0
    assert all(a > b for a, b in pairwise(shares))
