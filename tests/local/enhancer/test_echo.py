"""Dereverberation: echo goes, nothing is moved, and windows fit."""

import numpy as np
import pytest

from audio_enhance.local.enhancer import echo
from audio_enhance.local.enhancer.echo import dereverberated
from audio_enhance.local.enhancer.samples import window_length

from .support import RATE, Samples, in_room, lag, noise, speech


@pytest.fixture(scope="module")
def distant() -> Samples:
    heard = in_room(speech("slt")[: 4 * RATE], 0.6)
    return (heard + noise("pink", len(heard)) / 1000).astype(np.float32)


def test_the_tail_of_a_room_goes(distant: Samples) -> None:
    (dry,) = dereverberated([distant[None]])
    assert dry.shape == (1, len(distant))
    assert abs(lag(dry[0], speech("slt")[: 4 * RATE])) <= 3
    clean = speech("slt")[: 4 * RATE]
    before, after = (np.corrcoef(clean, heard)[0, 1] for heard in (distant, dry[0]))
    assert after > before + 0.03


def test_it_is_what_others_have(distant: Samples) -> None:
    wpe = pytest.importorskip("nara_wpe.wpe")
    (dry,) = dereverberated([distant[None]])
    spectra = echo._analysed(distant[None])
    bins = slice(1, echo._BINS)
    frames = spectra[:, bins].astype(np.complex128).transpose(1, 0, 2)
    spectra[:, bins] = wpe.wpe(frames, taps=10, delay=3, iterations=3).transpose(1, 0, 2)
    expected = echo._synthesized(spectra, len(distant))
    # In single precision, and a little more careful where there is next to nothing.
    assert np.std(dry - expected) < np.std(distant - expected[0]) / 2
    clean = speech("slt")[: 4 * RATE]
    ours, theirs = (np.corrcoef(clean, heard[0])[0, 1] for heard in (dry, expected))
    assert ours > theirs - 0.01


def test_channels_keep_their_places(distant: Samples) -> None:
    (dry,) = dereverberated([np.stack([distant, distant / 2])])
    np.testing.assert_allclose(dry[0], 2 * dry[1], atol=1e-5)


def test_windows_are_joined_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    def untouched(samples: Samples) -> Samples:
        return samples.copy()

    monkeypatch.setattr(echo, "_without_echo", untouched)
    length = 2 * window_length(1) + 3 * RATE + 7
    samples = np.random.default_rng(2).standard_normal((1, length)).astype(np.float32)
    parts = list(dereverberated(np.array_split(samples, 9, axis=1)))
    assert len(parts) == 3
    np.testing.assert_allclose(np.concatenate(parts, axis=1), samples, atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 1000, RATE - 1])
def test_what_is_too_short_to_learn_from_passes(length: int) -> None:
    samples = np.ones((1, length), np.float32)
    (dry,) = dereverberated([samples])
    np.testing.assert_array_equal(dry, samples)


def test_silence_is_no_trouble() -> None:
    (dry,) = dereverberated([np.zeros((2, 2 * RATE), np.float32)])
    assert not dry.any()
