"""When the guard brings the original back, and when it does not."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from audio_enhance.local.enhancer.denoiser import Denoised
from audio_enhance.local.enhancer.guard import protect
from audio_enhance.local.enhancer.samples import FRAME, RATE

SECOND = RATE // FRAME


def part(seconds: float, *, loss: float, voice: float, seed: int = 1) -> Denoised:
    """Noise of which the denoiser leaves so many dB less."""
    original = np.random.default_rng(seed).standard_normal((1, round(seconds * RATE))) / 10
    probability = np.full(round(seconds * 2 * SECOND), voice)
    return Denoised(original, original * 10 ** (-loss / 20), probability)


def shares(*parts: Denoised) -> Iterator[tuple[float, float]]:
    """The share of the original at the beginning and at the end of each part."""
    for before, (original, heard) in zip(parts, protect(parts), strict=True):
        assert original is before.original
        removed = original - before.clean
        share = (heard - before.clean)[removed != 0] / removed[removed != 0]
        yield float(share[0]), float(share[-1])


@pytest.mark.parametrize(
    ("loss", "share"), [(1, 0.01), (3, 0.01), (5, 0.285), (7, 0.56), (30, 0.56)]
)
def test_the_more_speech_is_lost_the_more_comes_back(loss: float, share: float) -> None:
    _, (_, end) = shares(part(2, loss=loss, voice=1), part(2, loss=loss, voice=1))
    assert end == pytest.approx(share, abs=0.01)


def test_noise_that_is_removed_does_not_come_back() -> None:
    for _, end in shares(*[part(10, loss=30, voice=0.1, seed=s) for s in range(3)]):
        assert end == pytest.approx(0.01, abs=1e-3)


def test_long_pauses_do_not_count() -> None:
    _, (_, end) = shares(part(3, loss=1, voice=1), part(30, loss=30, voice=0))
    assert end == pytest.approx(0.01, abs=1e-3)


def test_less_than_a_second_of_speech_says_nothing() -> None:
    ((_, end),) = shares(part(0.9, loss=30, voice=1))
    assert end == pytest.approx(0.01, abs=1e-3)


def test_only_the_loud_third_of_the_speech_counts() -> None:
    loud, soft = part(1, loss=1, voice=1), part(1, loss=30, voice=1)
    quiet = Denoised(soft.original / 10, soft.clean / 10, soft.voice)
    *_, (_, end) = shares(loud, quiet)
    assert end == pytest.approx(0.01, abs=1e-3)


def test_it_changes_its_mind_gradually_and_after_a_minute() -> None:
    near, far = part(10, loss=1, voice=1), part(10, loss=30, voice=1)
    seen = list(shares(near, *[far] * 8))
    assert seen[0][1] == pytest.approx(0.01, abs=1e-3)
    assert seen[-1][1] == pytest.approx(0.56, abs=0.01)
    for (_, before), (after, _) in pairwise(seen):
        assert after == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("length", [1, FRAME - 1, FRAME])
def test_short_recordings_pass(length: int) -> None:
    short = np.ones((1, length), np.float32)
    ((original, heard),) = protect([Denoised(short, short, np.ones(length // 480))])
    assert heard.shape == original.shape == (1, length)
    np.testing.assert_allclose(heard, short)
