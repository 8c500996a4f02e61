"""Laying a denoiser's late output against the original."""

import numpy as np
import pytest

from audio_enhance.local.enhancer.denoiser import denoise
from audio_enhance.local.enhancer.samples import Levels, Samples, window_length

WINDOW = window_length(1)


class Late:
    """Passes everything on, late."""

    def __init__(self, frame: int, delay: int) -> None:
        self.frame = frame
        self.delay = delay
        self.closed = False
        self._inside: Samples = np.zeros((1, delay), np.float32)

    def process(self, samples: Samples) -> tuple[Samples, Levels]:
        assert samples.shape[1] % self.frame == 0
        output, self._inside = np.split(
            np.concatenate([self._inside, samples], axis=1), [samples.shape[1]], axis=1
        )
        return output, np.zeros(samples.shape[1] // 480)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("length", [1, 479, 480, 5000, WINDOW - 1, WINDOW, 2 * WINDOW + 481])
@pytest.mark.parametrize(("frame", "delay"), [(480, 960), (1200, 1200), (480, 0)])
def test_output_lies_on_the_original(frame: int, delay: int, length: int) -> None:
    original = np.random.default_rng(length).random((1, length), np.float32)
    denoiser = Late(frame, delay)
    parts = list(denoise(np.array_split(original, 3, axis=1), denoiser))
    assert np.array_equal(np.concatenate([p.original for p in parts], axis=1), original)
    assert np.array_equal(np.concatenate([p.clean for p in parts], axis=1), original)
    assert denoiser.closed


def test_the_denoiser_is_closed_when_it_is_not_used_to_the_end() -> None:
    denoiser = Late(480, 960)
    parts = denoise([np.zeros((1, 2 * WINDOW), np.float32)], denoiser)
    next(parts)
    assert not denoiser.closed
    parts.close()  # type: ignore[attr-defined]
    assert denoiser.closed
