"""Blocks of any length, and levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_enhance.local.enhancer import samples as module
from audio_enhance.local.enhancer.samples import FRAME, RATE, levels, window_length, windows


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3 * 7), min_size=1, max_size=12), st.integers(1, 3))
def test_windows_lose_nothing(lengths: list[int], channels: int) -> None:
    whole = np.arange(channels * sum(lengths), dtype=np.float32).reshape(channels, -1)
    blocks = np.split(whole, np.cumsum(lengths)[:-1], axis=1)

    def seven(channels: int) -> int:
        del channels
        return 7

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "window_length", seven)
        *full, last = windows(blocks)
    assert all(window.shape == (channels, 7) for window in full)
    assert last.shape[1] < 7
    np.testing.assert_array_equal(np.concatenate([*full, last], axis=1), whole)


def test_more_channels_take_no_more_memory() -> None:
    assert [window_length(channels) for channels in (1, 2)] == [10 * RATE, 10 * RATE]
    for channels in range(1, 9):
        length = window_length(channels)
        assert length * channels <= 20 * RATE
        assert length % RATE == 0


def test_levels_are_decibels_below_full_scale() -> None:
    square = np.ones((2, 3 * FRAME + 5), np.float32)
    square[:, ::2] = -1
    square[:, FRAME : 2 * FRAME] *= 0.1
    square[:, 2 * FRAME :] = 0
    np.testing.assert_allclose(levels(square), [0, -20, -120], atol=1e-4)


def test_a_constant_offset_is_no_sound() -> None:
    square = np.full((2, 2 * FRAME), 0.01, np.float32)
    square[:, ::2] = -0.01
    offsets = np.array([[0.4], [-0.9]], np.float32)
    np.testing.assert_allclose(levels(square + offsets), [-40, -40], atol=1e-2)
    np.testing.assert_allclose(levels(0 * square + offsets), [-120, -120], atol=1)
