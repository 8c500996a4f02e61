"""What a player shows of a recording, for sounds that are known."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from audio_enhance.local.enhancer import NotAudioError, measure
from audio_enhance.local.measuring import survey

RATE = 48_000
Sound = npt.NDArray[np.floating[Any]]


def written(path: Path, samples: Sound) -> Path:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    path.write_bytes(buffer.getvalue())
    return path


def sine(hertz: float, seconds: float, level: float = 0.5) -> Sound:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE))


def test_the_waveform_is_there_at_every_resolution(tmp_path: Path) -> None:
    samples = np.zeros(3 * RATE)
    samples[RATE] = 0.5
    samples[2 * RATE] = -0.25
    found = survey(written(tmp_path / "a.wav", samples), tmp_path / "a")
    assert found.peaks.columns == -(-len(samples) // 128)
    assert found.highest == pytest.approx(0.5, abs=1e-3)
    for level, columns in enumerate(found.peaks.levels):
        ends = np.frombuffer(found.peaks.read(level, 0, columns), "<i2").reshape(-1, 2)
        assert len(ends) == columns
        assert ends[RATE // 128 // 8**level, 1] == pytest.approx(16384, abs=2)
        assert ends[2 * RATE // 128 // 8**level, 0] == pytest.approx(-8192, abs=2)
        assert np.count_nonzero(ends) == 2


def test_a_tone_is_in_its_band_at_its_level_for_its_time(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros(RATE), sine(1000, 1, level=1.0)])
    found = survey(written(tmp_path / "a.wav", samples), tmp_path / "a")
    columns = np.frombuffer(found.spectrum.read(0, 0, 9999), "u1").reshape(-1, 96)
    assert len(columns) == pytest.approx(2 * RATE / 1024, abs=2)
    loudest = columns[70].argmax()
    assert 60 * (16000 / 60) ** (loudest / 96) == pytest.approx(1000, rel=0.05)
    assert columns[70].max() / 2 - 120 == pytest.approx(-6, abs=7)  # spread over a few lines
    assert columns[20].max() == 0
    began = int(np.argmax(columns[:, loudest] > 180))
    assert began == pytest.approx(RATE / 1024, abs=1.5)


def test_it_is_as_loud_as_the_standard_says(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", sine(997, 5, level=1.0))
    found = survey(path, tmp_path / "a")
    # BS.1770-4, Annex 1: 0 dB at 997 Hz in one channel reads -3.01.
    assert found.figures.loudness == pytest.approx(-3.01, abs=0.05)
    assert found.figures == measure(path)


@pytest.mark.parametrize("later", [-4800, -4, 0, 100, 9600])
def test_how_the_two_lie_is_found(tmp_path: Path, later: int) -> None:
    before = noise(4)
    after = np.roll(before, later) / 2
    survey(written(tmp_path / "a.wav", before), tmp_path / "a")
    found = survey(written(tmp_path / "b.wav", after), tmp_path / "b", original=tmp_path / "a")
    assert found.lag * RATE == pytest.approx(later, abs=0.001)


def test_what_is_not_alike_is_left_where_it_is(tmp_path: Path) -> None:
    survey(written(tmp_path / "a.wav", noise(2)), tmp_path / "a")
    other = written(tmp_path / "b.wav", noise(2, seed=2))
    assert survey(other, tmp_path / "b", original=tmp_path / "a").lag == 0


def test_the_loudest_stretch_of_a_long_one_is_compared(tmp_path: Path) -> None:
    before = np.zeros(60 * RATE)
    before[30 * RATE : 40 * RATE] = noise(10)
    survey(written(tmp_path / "a.wav", before), tmp_path / "a")
    after = written(tmp_path / "b.wav", np.roll(before, 480))
    assert survey(after, tmp_path / "b", original=tmp_path / "a").lag == pytest.approx(0.01)


def test_what_is_no_audio_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"nothing to be heard")
    with pytest.raises(NotAudioError):
        survey(tmp_path / "a.wav", tmp_path / "a")
