"""The denoiser where there is no RNNoise."""

from pathlib import Path

import numpy as np
import pytest

from audio_enhance.local.enhancer import enhance_file

from .support import VOICES, at_snr, lag, level, noise, read, speaking, speech, write


@pytest.mark.parametrize("kind", ["white", "pink", "hum"])
@pytest.mark.parametrize("voice", VOICES)
def test_steady_noise_falls_and_speech_stays(voice: str, kind: str, tmp_path: Path) -> None:
    clean = speech(voice)
    noisy = at_snr(clean, noise(kind, len(clean)), 10)
    source = write(tmp_path / "source", noisy)
    enhance_file(source, tmp_path / "result", strength=100, engine="afftdn")
    result = read(tmp_path / "result").samples[0]

    talking = speaking(clean)
    assert len(result) == len(noisy)
    assert lag(result, clean) == 0
    assert level(result, ~talking) < level(noisy, ~talking) - 8
    assert abs(level(result, talking) - level(clean, talking)) < 4


def test_channels_and_silence_are_no_trouble(tmp_path: Path) -> None:
    for channels, length in ((1, 100), (2, 48_000), (6, 48_000), (8, 48_000)):
        source = write(tmp_path / "source", np.zeros((channels, length)))
        enhance_file(source, tmp_path / "result", strength=100, engine="afftdn")
        result = read(tmp_path / "result").samples
        assert result.shape == (channels, length)
        assert np.abs(result).max() < 1e-4
