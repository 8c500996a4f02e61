"""Figures of recordings whose figures are known."""

from pathlib import Path

import numpy as np
import pytest

from audio_enhance.local.enhancer import (
    NotAudioError,
    demo_recording,
    measure,
)

from .support import RATE, noise, write


def sine(frequency: float, seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def test_a_stereo_sine_has_the_loudness_that_the_standard_gives(tmp_path: Path) -> None:
    # EBU Tech 3341, case 1: 1000 Hz at -23 dBFS in both channels is -23 LUFS.
    tone = sine(1000, 20, 10 ** (-23 / 20))
    figures = measure(write(tmp_path / "file", np.stack([tone, tone])))
    assert figures.loudness == pytest.approx(-23, abs=0.1)
    assert figures.true_peak == pytest.approx(-23, abs=0.3)
    assert figures.duration == 20


def test_a_peak_between_samples_is_seen(tmp_path: Path) -> None:
    # At a quarter of the rate and 45° no sample comes nearer to the peak than -3 dB.
    phase = 2 * np.pi * np.arange(RATE) / 4 + np.pi / 4
    figures = measure(write(tmp_path / "file", np.sin(phase) * np.hanning(RATE) / 2))
    assert figures.true_peak == pytest.approx(-6, abs=0.2)


def test_speech_and_noise_have_their_levels(tmp_path: Path) -> None:
    sound = noise("white", 10 * RATE) * 10 ** (-50 / 20)
    sound[2 * RATE : 5 * RATE] *= 10 ** (30 / 20)
    figures = measure(write(tmp_path / "file", sound))
    assert figures.noise_floor == pytest.approx(-50, abs=1)
    assert figures.speech_level == pytest.approx(-20, abs=1)
    assert figures.speech_to_noise == pytest.approx(30, abs=1)


@pytest.mark.parametrize("samples", [1, 4800, RATE])
def test_silence_has_figures(samples: int, tmp_path: Path) -> None:
    figures = measure(write(tmp_path / "file", np.zeros(samples), codec="pcm_s16le"))
    assert figures.loudness == -70
    assert figures.true_peak == float("-inf")
    assert figures.duration == samples / RATE


def test_they_do_not_depend_on_the_format(tmp_path: Path) -> None:
    tone = sine(440, 3, 0.25)
    flac = measure(write(tmp_path / "flac", tone, container="flac", codec="flac"))
    m4a = measure(write(tmp_path / "m4a", tone, container="ipod", codec="aac"))
    assert m4a.loudness == pytest.approx(flac.loudness, abs=0.2)
    assert m4a.duration == pytest.approx(flac.duration, abs=1e-3)


def test_what_is_not_audio_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("minutes of a meeting")
    with pytest.raises(NotAudioError):
        measure(tmp_path / "file")


def test_the_demo_recording_is_small() -> None:
    assert demo_recording().stat().st_size < 300_000
