"""How the recordings in this project were made; needs `flite` with the voices slt and rms.

    python tests/data/make_recordings.py

Writes the clean clips in `tests/data/speech` and the demo recording in
`audio_enhance/local/enhancer/data`. Everything in them is made here: the sentences, the voices
(synthesized), the room (decaying noise as an impulse response) and the noise (from a seed).
"""

import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

HERE = Path(__file__).parent
SPEECH = HERE / "speech"
DEMO = HERE.parents[1] / "audio_enhance" / "local" / "enhancer" / "data" / "noisy-speech.mp3"

RATE = 16_000  # flite's own
CLIPS = {
    "slt": (
        "The morning train was late again, so we walked along the river instead.",
        "Nobody in the village could remember such a quiet winter.",
    ),
    "rms": (
        "A good microphone helps, but a quiet room helps more.",
        "She opened the window, listened for a while, and closed it again.",
    ),
}
DEMO_SENTENCES = (
    ("slt", "This was recorded in a room with a fan, a humming lamp, and bare walls."),
    ("rms", "You can hear every word, but nobody would call it pleasant."),
)


def say(voice: str, sentence: str) -> Samples:
    """One sentence at 16 kHz, its loudest sample at half of full scale."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sentence.wav")
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", file], check=True)
        with av.open(str(file)) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = np.concatenate(frames) / 32768
    return np.asarray(samples / np.abs(samples).max() / 2)


def pause(seconds: float, rate: int = RATE) -> Samples:
    """Silence."""
    return np.zeros(round(seconds * rate))


def upsample(samples: Samples, factor: int) -> Samples:
    """The same at a multiple of the sample rate, by zeros in the spectrum."""
    spectrum = np.fft.rfft(samples)
    length = len(samples) * factor
    return np.fft.irfft(np.pad(spectrum, (0, length // 2 + 1 - len(spectrum))), length) * factor


def in_room(samples: Samples, rate: int, random: np.random.Generator) -> Samples:
    """A small living room: 0.35 s of reverberation, 4 dB below the voice."""
    times = np.arange(round(0.4 * rate)) / rate
    tail = random.standard_normal(len(times)) * 10 ** (-3 * times / 0.35)
    tail[: rate // 300] = 0
    tail *= 10 ** (-4 / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    length = len(samples) + len(tail)
    heard = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(tail, length), length)
    return heard[: len(samples)]


def room_noise(length: int, rate: int, random: np.random.Generator) -> Samples:
    """A fan (pink noise) and a lamp (hum at 50 Hz and its harmonics), RMS 1."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / rate), 30)
    fan = np.fft.irfft(spectrum / np.sqrt(frequencies), length)
    times = np.arange(length) / rate
    lamp = sum(np.sin(2 * np.pi * 50 * k * times + k) / k for k in range(1, 16))
    noise = fan / fan.std() + 0.5 * lamp / np.std(lamp)
    return np.asarray(noise / noise.std())


def write(path: Path, samples: Samples, rate: int, codec: str, bit_rate: int = 0) -> None:
    """A mono file."""
    pcm = np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux([*stream.encode(frame), *stream.encode(None)])


def main() -> None:
    for voice, sentences in CLIPS.items():
        parts = [pause(0.6)]
        for sentence in sentences:
            parts += [say(voice, sentence), pause(0.8)]
        write(SPEECH / f"{voice}.flac", np.concatenate(parts), RATE, "flac")

    random = np.random.default_rng(1932)
    parts = [pause(0.7)]
    for voice, sentence in DEMO_SENTENCES:
        parts += [say(voice, sentence), pause(0.7)]
    rate = 3 * RATE
    heard = in_room(upsample(np.concatenate(parts), 3), rate, random)
    heard *= 0.4 / np.abs(heard).max()
    loud = np.quantile(np.abs(heard), 0.9)
    noise = room_noise(len(heard), rate, random) * loud * 10 ** (-12 / 20)
    write(DEMO, heard + noise, rate, "libmp3lame", 128_000)


if __name__ == "__main__":
    main()
