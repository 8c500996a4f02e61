"""What the first pass finds out."""

import numpy as np
import pytest

from audio_enhance.local.enhancer.survey import survey

from .support import RATE, Samples, speech


def narrowed(samples: Samples, edge: int) -> Samples:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > edge] = 0
    return np.fft.irfft(spectrum, len(samples))


@pytest.fixture(scope="module")
def clean() -> Samples:
    return speech("slt")[: 4 * RATE].astype(np.float32)


def test_a_telephone_has_an_edge_and_a_microphone_has_none(clean: Samples) -> None:
    found = survey([narrowed(clean, 3_900).astype(np.float32)[None]])
    assert found.edge == pytest.approx(3_900, abs=100)
    assert survey([clean[None]]).edge is None
    assert survey([np.zeros((1, RATE), np.float32)]).edge is None


def test_length_offset_and_loudness(clean: Samples) -> None:
    found = survey(np.array_split(clean[None] + np.float32(0.1), 5, axis=1))
    assert found.length == 4 * RATE
    assert len(found.loudness) == 4
    assert found.offsets == pytest.approx([0.1], abs=0.01)
    quieter = survey([clean[None] / 10])
    np.testing.assert_allclose(found.loudness - quieter.loudness, 20, atol=0.1)


def test_channels_are_alike_only_to_the_bit(clean: Samples) -> None:
    both = np.stack([clean, clean])
    assert survey([both]).alike
    both[1, 1000] += np.float32(1e-6)
    assert not survey([both]).alike
