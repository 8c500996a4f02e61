"""Noise where a narrow recording has nothing."""

import numpy as np

from audio_enhance.local.enhancer.band import filled
from audio_enhance.local.enhancer.samples import RATE, window_length


def test_it_lies_above_the_edge_and_is_the_same_every_time() -> None:
    silence = np.zeros((1, window_length(1) + RATE), np.float32)
    first, second = filled([silence], 4_000)
    spectrum = np.abs(np.fft.rfft(second[0]))
    assert spectrum[:3_999].max() < spectrum[4_001:].mean() * 1e-3
    assert -42 < 20 * np.log10(np.std(first)) < -40
    (again,) = filled([silence[:, :RATE]], 4_000, first_window=1)
    np.testing.assert_array_equal(again, second)


def test_a_full_band_passes() -> None:
    sound = np.ones((1, 100), np.float32)
    (passed,) = filled([sound], None)
    assert passed is sound
