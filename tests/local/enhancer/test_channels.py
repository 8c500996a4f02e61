"""One gain for all channels, at their places."""

import numpy as np
import pytest

from audio_enhance.local.enhancer.channels import shared
from audio_enhance.local.enhancer.denoiser import Denoised
from audio_enhance.local.enhancer.samples import RATE, Samples

from .support import noise


def parts(original: Samples, clean: Samples, cuts: list[int]) -> list[Denoised]:
    """Both in parts of whole frames, with the number of each 10 ms as its value."""
    values = np.arange(-(-original.shape[1] // 480), dtype=np.float64)
    return [
        Denoised(a, b, c)
        for a, b, c in zip(
            np.split(original, [480 * cut for cut in cuts], axis=1),
            np.split(clean, [480 * cut for cut in cuts], axis=1),
            np.split(values, cuts),
            strict=True,
        )
    ]


@pytest.mark.parametrize("length", [1, 480, 4800, 4801])
def test_what_is_left_alone_comes_out_as_it_went_in(length: int) -> None:
    both = np.stack([noise("white", length + 99)[:length], np.ones(length)]).astype(np.float32)
    out = list(shared(parts(both, both, [3, 4] if length > 2000 else []), None))
    np.testing.assert_allclose(np.concatenate([s for s, _ in out], axis=1), both, atol=1e-5)
    values = np.concatenate([v for _, v in out])
    np.testing.assert_array_equal(values, np.arange(-(-length // 480)))


def test_nobody_moves() -> None:
    voice = noise("pink", RATE).astype(np.float32)
    both = np.stack([voice, voice / 2])
    bent = both * np.array([[0.8], [0.3]], np.float32)
    out = np.concatenate([s for s, _ in shared(parts(both, bent, []), None)], axis=1)
    np.testing.assert_allclose(out[0], 2 * out[1], atol=1e-5)
    assert np.std(out) == pytest.approx(np.std(bent), rel=0.01)


def test_above_the_edge_there_is_nothing() -> None:
    sound = noise("white", RATE).astype(np.float32)[None]
    out = np.concatenate([s for s, _ in shared(parts(sound, sound, [7]), 4_000)], axis=1)
    spectrum = np.abs(np.fft.rfft(out[0])) ** 2
    assert spectrum[4_200:].mean() < spectrum[300:3_800].mean() * 1e-3
    assert spectrum[300:3_800].mean() == pytest.approx(RATE, rel=0.1)


def test_one_channel_with_a_full_band_passes() -> None:
    sound = np.ones((1, 960), np.float32)
    ((out, _),) = shared(parts(sound * 3, sound, []), None)
    assert out is not None
    np.testing.assert_array_equal(out, sound)
