"""What writing a file does to the sound, and that it is undone."""

from pathlib import Path

import numpy as np
import pytest

from audio_enhance.local.enhancer.formats import Format
from audio_enhance.local.enhancer.probe import habits

from .support import RATE, copied, read, write


@pytest.mark.parametrize(
    ("rate", "channels", "bit_rate"),
    [(48_000, 2, 128_000), (44_100, 2, 192_000), (44_100, 2, 320_000), (22_050, 1, 64_000)],
)
def test_mp3_keeps_its_level(rate: int, channels: int, bit_rate: int, tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 / rate * np.arange(rate))
    source = write(
        tmp_path / "source",
        np.stack([tone] * channels),
        container="mp3",
        codec="libmp3lame",
        rate=rate,
        options={"b": str(bit_rate)},
    )
    copied(source, tmp_path / "result")
    before, after = read(source).samples, read(tmp_path / "result").samples
    loss = 20 * np.log10(np.std(after[:, 4800:-4800]) / np.std(before[:, 4800:-4800]))
    assert loss == pytest.approx(0, abs=0.02)


def test_what_has_no_habits_is_not_tried() -> None:
    form = Format(container="wav", codec="pcm_s16le", rate=RATE, layout="stereo", channels=2)
    sound = np.ones((2, 5), np.float32)
    assert habits(form).undone(sound) is sound
