"""What is done around the network, as a whole."""

import numpy as np
import pytest

from audio_enhance.local.enhancer import chain
from audio_enhance.local.enhancer.chain import enhanced
from audio_enhance.local.enhancer.dfn3 import DeepFilterNet3
from audio_enhance.local.enhancer.survey import survey

from .support import RATE, Samples, at_snr, level, levels, noise, speaking, speech


def heard(samples: Samples) -> Samples:
    """A recording at full strength."""
    rows = np.atleast_2d(samples).astype(np.float32)
    blocks = np.array_split(rows, 3, axis=1)
    known = survey(blocks)
    parts = list(enhanced(blocks, known, 1 if known.alike else len(rows)))
    np.testing.assert_array_equal(np.concatenate([before for before, _ in parts], axis=1), rows)
    result = np.concatenate([after for _, after in parts], axis=1)
    assert result.shape == rows.shape
    return result


@pytest.fixture(scope="module")
def clean() -> Samples:
    return speech("slt")[: 3 * RATE]


def test_speech_at_60_dbfs_below_full_scale_is_not_muted(clean: Samples) -> None:
    talking = speaking(clean)
    quiet = clean * 10 ** ((-60 - level(clean, talking)) / 20)
    assert level(heard(quiet)[0], talking) == pytest.approx(-60, abs=1)


def test_nobody_moves_on_the_stage(clean: Samples) -> None:
    stage = np.stack([clean, clean / 2])
    noisy = stage + np.stack([noise("pink", len(clean), seed) / 150 for seed in (1, 2)])
    left, right = heard(noisy)
    talking = levels(clean) > levels(clean).max() - 20
    apart = level(left, talking) - level(right, talking)
    assert apart == pytest.approx(6.0, abs=0.7)


def test_pure_noise_becomes_quiet() -> None:
    sound = noise("white", 2 * RATE)[None] / 20
    assert np.median(levels(heard(sound)[0])) < np.median(levels(sound[0])) - 25


def test_channels_that_are_the_same_are_worked_on_once(
    clean: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(channels: int) -> object:
        made.append(channels)
        return DeepFilterNet3(channels)

    monkeypatch.setattr(chain, "DeepFilterNet3", counted)
    noisy = at_snr(clean, noise("pink", len(clean)), 10)[:RATE]
    left, right = heard(np.stack([noisy, noisy]))
    assert made == [1]
    np.testing.assert_array_equal(left, right)
