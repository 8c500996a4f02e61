import base64
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.cli.reporting import pictures
from audio_enhance.local.measuring.peaks import Peaks
from audio_enhance.local.measuring.spectrum import Spectrum

RATE = 48_000


def sine(
    seconds: float, pitch: float, level: float = 0.5
) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * pitch * times)).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.001, 0.1, 30])
def test_a_waveform_has_the_shape_of_the_sound(seconds: float, tmp_path: Path) -> None:
    peaks = Peaks(tmp_path / "p")
    peaks.add(np.concatenate([sine(seconds, 440, 0.1), sine(seconds, 440, 0.4)]))
    path = pictures.wave(peaks.finished())
    numbers = [int(number) for number in re.findall(r"-?\d+", path)]
    xs, ys = numbers[::2], numbers[1::2]
    columns = max(xs) + 1
    assert columns <= pictures.COLUMNS
    assert xs == [*range(columns), *reversed(range(columns))]
    top, bottom = ys[:columns], ys[columns:][::-1]
    assert all(a < b for a, b in zip(top, bottom, strict=True))
    assert max(map(abs, ys)) in (100, 101)
    assert {*top[: columns // 2 - 1]} <= {-25, -24, -26}
    assert len(path) < 6000


def test_silence_is_a_line(tmp_path: Path) -> None:
    peaks = Peaks(tmp_path / "p")
    peaks.add(np.zeros(RATE, np.float32))
    numbers = re.findall(r"-?\d+", pictures.wave(peaks.finished()))
    assert {*numbers[1::2]} == {"0", "1"}


@pytest.mark.parametrize("seconds", [0.1, 10])
def test_a_spectrogram_is_bright_where_the_sound_is(seconds: float, tmp_path: Path) -> None:
    spectrum = Spectrum(tmp_path / "s")
    spectrum.add(sine(seconds, 120))
    text = pictures.spectrogram(spectrum.finished())
    assert len(text) < 12_000
    with av.open(io.BytesIO(base64.b64decode(text)), "r", format="png_pipe") as container:
        [frame] = container.decode(video=0)
    picture = frame.to_ndarray(format="rgb24").astype(int).sum(axis=2)
    assert picture.shape[0] == 48
    assert picture.shape[1] <= pictures.COLUMNS
    rows = picture.mean(axis=1)
    assert rows[-12:].max() > 600  # low sounds are at the bottom
    assert rows[:12].max() < 100
