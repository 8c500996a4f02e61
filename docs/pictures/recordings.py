"""A folder of noisy recordings, as the pictures show it; nobody was recorded for them."""

import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from audio_enhance.local.enhancer import demo_recording

_SPEECH = Path(__file__).parents[2] / "tests" / "data" / "speech"
_RATE = 48_000
# What each is called, whose voice it is, and how loud its noise is.
_NOISY = (("lecture.wav", "slt", 0.02), ("meeting.wav", "rms", 0.035), ("phone.wav", "slt", 0.012))


def make(folder: Path) -> None:
    """Fill a folder with recordings of speech in noise, and one that is empty."""
    folder.mkdir(parents=True)
    (folder / "interview.mp3").write_bytes(demo_recording().read_bytes())
    (folder / "empty.wav").touch()
    random = np.random.default_rng(1)
    for name, voice, noise in _NOISY:
        clean = _read(_SPEECH / f"{voice}.flac")
        hiss = np.convolve(random.standard_normal(len(clean)), np.hanning(12) / 3, "same")
        _write(folder / name, clean + noise * hiss)


def _read(path: Path) -> npt.NDArray[np.float64]:
    resampler = av.AudioResampler("flt", "mono", _RATE)
    with av.open(str(path), "r") as container:
        frames = [*container.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate(pieces).astype(np.float64)


def _write(path: Path, samples: npt.NDArray[np.float64]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
