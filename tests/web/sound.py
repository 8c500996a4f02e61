"""Recordings that can be heard, and an enhancer whose effect is known beforehand."""

import asyncio
import io
import wave
from pathlib import Path

import numpy as np

from audio_enhance.local.enhancer import NotAudioError
from audio_enhance.local.enhancer.decode import Recording
from tests.local.enhancer.support import VARIABLE, write

RATE = 48_000
LATER = 480  # samples, as an encoder might put in front


def speech(seconds: float, *, seed: int = 1, rate: int = RATE) -> bytes:
    """A WAV file of noise that comes and goes as syllables do."""
    random = np.random.default_rng(seed)
    length = round(seconds * rate)
    beats = np.arange(0, seconds + 1, 0.15)
    syllables = np.interp(np.arange(length) / rate, beats, random.random(beats.size))
    samples = 0.25 * syllables**2 * random.standard_normal(length).clip(-3, 3)
    return wav(samples, rate)


def wav(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]", rate: int) -> bytes:
    """A WAV file of 16-bit samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


class Halver:
    """Makes recordings half as loud and a little later; holds them while it is told to.

    Attributes:
        go: Whether it works.
        seconds: How long every recording takes.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.seconds = seconds

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> None:
        await self.go.wait()
        await asyncio.sleep(self.seconds)
        await asyncio.to_thread(_halve, source, destination)

    async def close(self) -> None:
        pass


class Unpacker:
    """Makes a WAV file of every recording, whatever it is: another kind, and the same sound."""

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> None:
        await asyncio.to_thread(_unpack, source, destination)

    async def close(self) -> None:
        pass


def _unpack(source: Path, destination: Path) -> None:
    with Recording(source) as recording:
        samples = np.concatenate([block[0] for block in recording.blocks()])
    destination.write_bytes(wav(samples.astype(np.float64), RATE))


def variable_mp3(seconds: float, folder: Path, *, says_so: bool = True) -> bytes:
    """An MP3 whose bit rate varies, and that may say how: speech, with long pauses in it."""
    samples = np.frombuffer(speech(seconds)[44:], "<i2") / 32768
    samples *= np.where(np.arange(len(samples)) // (7 * RATE) % 3 == 1, 1, 0.01)
    path = folder / "variable"
    write(
        path,
        samples,
        container="mp3",
        codec="libmp3lame",
        options=VARIABLE,
        container_options={"write_xing": str(int(says_so))},
    )
    return path.read_bytes()


def _halve(source: Path, destination: Path) -> None:
    try:
        with wave.open(str(source), "rb") as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    except (wave.Error, EOFError) as error:
        raise NotAudioError("This is no WAV file.") from error
    destination.write_bytes(wav(np.concatenate([np.zeros(LATER), samples / 2]), rate))
