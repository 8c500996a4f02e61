"""Speech, noise, rooms and files for the enhancer's tests.

Files are written and read with FFmpeg alone, not with the enhancer's own code, unless they are
`copied`.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, cast

import attrs
import av
import numpy as np
import numpy.typing as npt

from audio_enhance.local.enhancer.decode import Recording
from audio_enhance.local.enhancer.encode import Output

Samples = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

RATE = 48_000
VOICES = ("slt", "rms")
_SPEECH = Path(__file__).parents[2] / "data" / "speech"
_FRAME = 960
_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")


@cache
def speech(voice: str) -> Samples:
    """Two clean sentences with pauses, mono at 48 kHz."""
    samples = read(_SPEECH / f"{voice}.flac").samples[0]
    spectrum = np.fft.rfft(samples)
    length = 3 * len(samples)
    return 3 * np.fft.irfft(np.pad(spectrum, (0, length // 2 + 1 - len(spectrum))), length)


def noise(kind: str, length: int, seed: int = 7) -> Samples:
    """Noise of RMS 1."""
    white = np.random.default_rng(seed).standard_normal(length)
    times = np.arange(length) / RATE
    if kind == "pink":
        frequencies = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 20)
        sound = np.fft.irfft(np.fft.rfft(white) / np.sqrt(frequencies), length)
    elif kind == "hum":
        # A lamp that buzzes: harmonics far into the range of speech, and a little hiss.
        tones = (np.sin(2 * np.pi * 50 * k * times + k * k) / np.sqrt(k) for k in range(1, 40))
        sound = sum(tones) + white / 20
    else:
        assert kind == "white"
        sound = white
    return np.asarray(sound / np.std(sound))


def levels(samples: Samples) -> Samples:
    """The level of every 20 ms in dBFS."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def speaking(clean: Samples) -> Mask:
    """Which 20 ms have speech in them: those within 40 dB of the loudest."""
    level = levels(clean)
    return np.asarray(level > level.max() - 40)


def level(samples: Samples, where: Mask) -> float:
    """The mean level in dBFS over some of the frames."""
    return float(10 * np.log10(np.mean(10 ** (levels(samples)[where] / 10))))


def at_snr(clean: Samples, sound: Samples, snr: float) -> Samples:
    """Speech in noise, so many dB above it while somebody speaks."""
    return clean + sound * 10 ** ((level(clean, speaking(clean)) - snr) / 20)


def in_room(clean: Samples, seconds: float, direct: float = 0.0, seed: int = 3) -> Samples:
    """Speech in a room with this reverberation time, the voice `direct` dB above the echo."""
    times = np.arange(round(1.2 * seconds * RATE)) / RATE
    tail = np.random.default_rng(seed).standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    tail[: RATE // 300] = 0
    tail *= 10 ** (-direct / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1
    length = len(clean) + len(tail)
    heard = np.fft.irfft(np.fft.rfft(clean, length) * np.fft.rfft(tail, length), length)
    return np.asarray(heard[: len(clean)] / np.abs(heard).max() / 2)


@attrs.frozen
class Heard:
    """What a player would get from a file."""

    samples: Samples
    rate: int
    channels: int
    container: str
    codec: str
    sample_format: str
    duration: float | None


def read(path: Path) -> Heard:
    """Decode a file with FFmpeg alone."""
    with av.open(f"file:{path}") as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        first = frames[0]
        resampler = av.AudioResampler("flt", first.layout, first.sample_rate)
        channels = first.layout.nb_channels
        floats = [f for frame in frames for f in resampler.resample(frame)] + resampler.resample(
            None
        )
        samples = np.concatenate([f.to_ndarray().reshape(-1, channels).T for f in floats], axis=1)
        seconds = stream.duration and stream.time_base and stream.duration * stream.time_base
        return Heard(
            samples=samples.astype(np.float32, copy=False),
            rate=first.sample_rate,
            channels=channels,
            container=container.format.name,
            codec=stream.codec_context.codec.canonical_name,
            sample_format=first.format.name,
            duration=None if seconds is None else float(seconds),
        )


VARIABLE = {"q": "2", "flags": "+qscale", "global_quality": "236"}
"""Options of LAME for a bit rate that varies."""


def write(
    path: Path,
    samples: Samples,
    *,
    container: str = "wav",
    codec: str = "pcm_f32le",
    rate: int = RATE,
    sample_format: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    layout: str | None = None,
    start: int = 0,
    gaps: Sequence[tuple[int, int]] = (),
) -> Path:
    """Encode samples (one row a channel, or mono) with FFmpeg alone.

    Args:
        path: Where to.
        samples: What.
        container: FFmpeg's name of the muxer.
        codec: FFmpeg's name of the encoder.
        rate: Samples per second.
        sample_format: What the encoder is given.
        options: The encoder's.
        container_options: The muxer's.
        layout: FFmpeg's name of the layout; the usual one for so many channels if None.
        start: The clock's time of the first sample, in samples.
        gaps: From which sample on the clock is how many samples further.
    """
    planes = np.atleast_2d(samples).astype(np.float32)
    layout = layout or _LAYOUTS[len(planes) - 1]
    target = av.open(
        f"file:{path}", "w", format=container, container_options=container_options or {}
    )
    with cast("Any", target) as file:
        stream = file.add_stream(codec, rate=rate, options=options or {})
        stream.layout = layout
        if sample_format:
            stream.format = sample_format
        packets = []
        size = 1024 if gaps else planes.shape[1]
        for place in range(0, planes.shape[1], size):
            piece = np.ascontiguousarray(planes[:, place : place + size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start + place, Fraction(1, rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet in packets if gaps else ():
            late = sum(length for at, length in gaps if packet.pts >= start + at)
            packet.pts = packet.dts = packet.pts + late
        file.mux(packets)
    return path


def copied(source: Path, result: Path) -> list[str]:
    """Read and write a recording as the enhancer does, with nothing done to it; returns notes."""
    with (
        Recording(source) as recording,
        Output(result, recording.format, source, recording.start) as output,
    ):
        for block in recording.blocks():
            output.write(block)
        output.finish(round(recording.length * recording.format.rate / recording.rate))
        return recording.findings.notes()


def turns(channels: int, rate: int = RATE, seconds: float = 0.25) -> Samples:
    """A low tone that is in one channel after the other; not even a subwoofer loses it."""
    times = np.arange(round(seconds * rate)) / rate
    sound = np.zeros((channels, channels, len(times)))
    sound[range(channels), range(channels)] = 0.3 * np.sin(2 * np.pi * 90 * times)
    return sound.reshape(channels, -1)


def heard_in_turn(samples: Samples) -> list[int]:
    """In which channel the tone of `turns` is, turn by turn."""
    channels = len(samples)
    length = samples.shape[1] // channels
    power = np.abs(samples[:, : channels * length]).reshape(channels, channels, length)
    quarter = length // 4
    return [int(place) for place in power[:, :, quarter:-quarter].mean(axis=2).argmax(axis=0)]


def lag(after: Samples, before: Samples) -> int:
    """By how many samples one signal is later than another."""
    length = 2 * max(len(after), len(before))
    spectrum = np.fft.rfft(after, length) * np.conj(np.fft.rfft(before, length))
    shift = int(np.argmax(np.fft.irfft(spectrum, length)))
    return shift if shift < length // 2 else shift - length
