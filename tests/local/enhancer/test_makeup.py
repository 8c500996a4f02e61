"""The level made up."""

import numpy as np
import pytest

from audio_enhance.local.enhancer.makeup import Heard, made_up
from audio_enhance.local.enhancer.samples import RATE

from .support import noise

SPEECH, PAUSE = 10.0, -15.0  # dB


def part(seconds: float, *, loss: float, above: float, level: float = -20, seed: int = 1) -> Heard:
    """Sound of which the network leaves so many dB less."""
    sound = noise("white", round(seconds * RATE), seed)[None] * 10 ** (level / 20)
    values = np.full(round(seconds * 100), above)
    return Heard(original=sound, clean=sound * 10 ** (-loss / 20), above=values)


def gain(*parts: Heard) -> float:
    """What the end of the last part was raised by, in dB."""
    *_, last = made_up(parts)
    before, after = parts[-1].clean[0, -RATE // 10 :], last.clean[0, -RATE // 10 :]
    return float(20 * np.log10(np.std(after) / np.std(before)))


@pytest.mark.parametrize(("loss", "made"), [(0, 0), (3, 3), (6, 6), (20, 6), (-3, 0)])
def test_what_speech_lost_is_made_up(loss: float, made: float) -> None:
    assert gain(part(2, loss=loss, above=SPEECH)) == pytest.approx(made, abs=0.1)


def test_noise_that_went_is_no_loss() -> None:
    assert gain(part(2, loss=30, above=PAUSE)) == 0
    # Speech with noise over it, as loud as itself: 3 dB of what is gone was noise.
    parts = [part(2, loss=40, above=PAUSE), part(2, loss=3, above=SPEECH, level=-17, seed=2)]
    assert gain(*parts) == pytest.approx(0, abs=0.3)


def test_less_than_half_a_second_of_speech_says_nothing() -> None:
    assert gain(part(0.4, loss=6, above=SPEECH)) == 0


def test_the_gain_changes_gradually() -> None:
    near, far = part(5, loss=0, above=SPEECH), part(60, loss=6, above=SPEECH)
    _, after = made_up([near, far])
    factors = after.clean[0] / far.clean[0]
    assert factors[0] == pytest.approx(1, abs=0.01)
    assert np.abs(np.diff(20 * np.log10(factors))).max() * RATE < 7  # dB a second


def test_what_is_behind_speech_is_not_raised_with_it() -> None:
    speech, echo = part(2, loss=6, above=SPEECH), part(1, loss=6, above=PAUSE, level=-40)
    _, after = made_up([speech, echo])
    factors = 20 * np.log10(after.clean[0] / echo.clean[0])
    assert factors[0] == pytest.approx(6, abs=0.3)  # no step behind a word
    assert factors[-1] == pytest.approx(0, abs=0.2)
    assert np.all(np.diff(factors) <= 1e-4)
