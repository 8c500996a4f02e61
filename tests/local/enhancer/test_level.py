"""The level before the network, and the way back."""

import numpy as np
import pytest

from audio_enhance.local.enhancer.level import LevelCurve, raised

from .support import RATE


def decibels(curve: LevelCurve, second: float) -> float:
    return float(20 * np.log10(curve.at(round(second * RATE), 1)[0]))


@pytest.mark.parametrize(("level", "gain"), [(-25, 0), (-60, 35), (-80, 45), (-3, -20), (-120, 0)])
def test_speech_is_brought_to_one_level(level: float, gain: float) -> None:
    assert decibels(LevelCurve(np.full(60, float(level))), 30) == pytest.approx(gain, abs=0.01)


def test_a_quiet_part_is_raised_by_itself_and_a_pause_is_not() -> None:
    loudness = np.array([-20.0] * 60 + [-55.0] * 60)
    curve = LevelCurve(loudness)
    assert decibels(curve, 20) == pytest.approx(-5, abs=0.1)
    assert decibels(curve, 100) == pytest.approx(30, abs=0.1)
    loudness[20:25] = -85
    assert decibels(LevelCurve(loudness), 22) == pytest.approx(-5, abs=0.1)


def test_it_never_jumps() -> None:
    curve = LevelCurve(np.array([-10.0] * 30 + [-100.0] * 40 + [-65.0] * 30))
    whole = 20 * np.log10(curve.at(0, 100 * RATE))
    assert np.abs(np.diff(whole)).max() * RATE < 10  # dB a second


def test_pieces_fit_and_the_way_back_is_exact() -> None:
    curve = LevelCurve(np.linspace(-60, -20, 12))
    samples = np.random.default_rng(1).standard_normal((2, 5 * RATE)).astype(np.float32)
    up = np.concatenate(list(raised(np.array_split(samples, 7, axis=1), curve)), axis=1)
    back = up / curve.at(0, up.shape[1])
    np.testing.assert_allclose(back, samples, rtol=1e-3)
