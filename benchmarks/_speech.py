"""What `quality` listens to: real and synthesized voices, noises, rooms and a telephone.

Everything comes from packages: Debian's `asterisk-core-sounds-en-wav` and `alsa-utils` have
recorded speakers, `flite` synthesizes, and `pyroomacoustics` builds the rooms.
"""

# numpy and pyroomacoustics leave types out, and the latter is in no environment that types are for.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportOptionalSubscript=false, reportMissingImports=false

import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import attrs
import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

Samples = npt.NDArray[np.floating[Any]]

RATE = 48_000
SECONDS = 9.5
_LENGTH = round(SECONDS * RATE)
_ASTERISK = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_ALSA = Path("/usr/share/sounds/alsa")
_PROMPTS = {
    "allison 1": (_ASTERISK / "demo-congrats.wav",),
    "allison 2": (_ASTERISK / "vm-instructions.wav", _ASTERISK / "demo-nogo.wav"),
    "allison 3": (_ASTERISK / "demo-moreinfo.wav",),
    "allison 4": (_ASTERISK / "dir-intro.wav",),
    "alsa": tuple(
        _ALSA / f"{place}.wav"
        for place in ("Front_Center", "Front_Left", "Rear_Right", "Side_Left", "Rear_Center")
    ),
}
_SENTENCES = (
    "The morning train was late again, so we walked along the river instead.",
    "Nobody in the village could remember such a quiet winter.",
)
_FLITE = ("slt", "rms", "awb", "kal16")
NOISES = ("white", "pink", "hum", "fan", "keyboard", "street", "babble", "music")


@attrs.frozen
class Case:
    """A recording, and what would be heard of it if nothing were in the way."""

    condition: str
    voice: str
    target: Samples
    heard: Samples
    rate: int = RATE


def cases(*, small: bool, draw: int = 0) -> Iterator[Case]:
    """Yield recordings, every one with a target to be compared with.

    Args:
        small: Few of them.
        draw: Which noises and rooms; who tunes an engine to one draw listens to another as well.
    """
    voices = [*_PROMPTS, *_FLITE[:2]]
    if small:
        voices = ["allison 1", "alsa", "slt"]
    others = cycle([*voices[draw:], *voices[:draw]])
    for voice in voices:
        yield Case("clean", voice, speech(voice), speech(voice))
    for voice in voices:
        narrow = _telephone(speech(voice))
        yield Case("telephone", voice, speech(voice), narrow, 8_000)
    for number, kind in enumerate(NOISES):
        for snr in (5,) if small else (0, 5, 10, 15):
            voice = next(others)
            clean = speech(voice)
            sound = noise(kind, seed=number + 100 * draw)
            yield Case(f"{snr} dB", f"{voice}, {kind}", clean, _mixed(clean, sound, snr))
    for seconds in (0.6,) if small else (0.3, 0.6, 0.9):
        for voice in voices[:4]:
            target, heard = in_room(speech(voice), seconds, draw)
            yield Case(f"room {seconds}", voice, target, heard)
    for number, kind in enumerate(NOISES):
        for snr in (10,) if small else (5, 15):
            voice = next(others)
            target, heard = in_room(speech(voice), 0.6, draw)
            noisy = _mixed(heard, noise(kind, seed=20 + number + 100 * draw), snr)
            yield Case("room 0.6 + noise", f"{voice}, {kind}, {snr} dB", target, noisy)


@cache
def speech(voice: str) -> Samples:
    """9.5 seconds of a voice, peaks at half of full scale, pauses kept."""
    if voice in _PROMPTS:
        pieces = [read(path) for path in _PROMPTS[voice]]
    else:
        pieces = [_said(voice, sentence) for sentence in _SENTENCES]
    gap = np.zeros(RATE // 2)
    row = np.concatenate([part for piece in pieces for part in (gap, piece / np.abs(piece).max())])
    return np.resize(np.append(row, gap), _LENGTH) / 2


def read(path: Path) -> Samples:
    """Decode a mono file, at 48 kHz."""
    with av.open(str(path)) as container:
        resampler = AudioResampler("flt", "mono", RATE)
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames]).astype(np.float64)


def _said(voice: str, sentence: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sentence.wav")
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", file], check=True)
        return read(file)


@cache
def noise(kind: str, seed: int) -> Samples:
    """A noise of RMS 1."""
    random = np.random.default_rng(seed)
    white = random.standard_normal(_LENGTH)
    times = np.arange(_LENGTH) / RATE
    frequencies = np.maximum(np.fft.rfftfreq(_LENGTH, 1 / RATE), 20)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(frequencies), _LENGTH)
    pink /= np.std(pink)
    match kind:
        case "white":
            sound = white
        case "pink":
            sound = pink
        case "hum":
            tones = (np.sin(2 * np.pi * 50 * k * times + k * k) / np.sqrt(k) for k in range(1, 40))
            sound = np.sum([*tones, white / 20], axis=0)
        case "fan":
            turning = 1 + 0.3 * np.sin(2 * np.pi * 11 * times)
            sound = turning * np.fft.irfft(np.fft.rfft(white) / frequencies**0.8, _LENGTH)
        case "keyboard":
            sound = white / 300
            for start in np.cumsum(random.exponential(0.16, 60)) * RATE:
                click = random.standard_normal(2400) * np.exp(-np.arange(2400) / 400)
                place = int(start)
                sound[place : place + 2400] += click[: max(0, _LENGTH - place)]
        case "street":
            swell = 0.4 + np.abs(np.sin(2 * np.pi * 0.13 * times + seed))
            sound = swell * np.fft.irfft(np.fft.rfft(white) / frequencies, _LENGTH)
        case "babble":
            talk = [np.roll(speech(v), random.integers(_LENGTH)) for v in (*_PROMPTS, *_FLITE)]
            sound = np.sum([part / np.std(part) for part in talk[:8]], axis=0)
        case _:  # music: four chords of decaying tones
            sound = np.zeros(_LENGTH)
            for beat in range(0, _LENGTH, RATE // 2):
                left = times[: _LENGTH - beat]
                for note in 220 * 2 ** (random.integers(0, 24, 4) / 12):
                    for overtone in range(1, 6):
                        tone = np.sin(2 * np.pi * note * overtone * left) / overtone
                        sound[beat:] += tone * np.exp(-left * 3)
    return np.asarray(sound / np.std(sound))


def _mixed(clean: Samples, sound: Samples, snr: float) -> Samples:
    frames = clean[: _LENGTH // 960 * 960].reshape(-1, 960)
    power = np.mean(frames**2, axis=1)
    talking = power > power.max() * 1e-4
    return np.asarray(clean + sound * np.sqrt(power[talking].mean()) * 10 ** (-snr / 20))


def _telephone(clean: Samples) -> Samples:
    """8 kHz, as µ-law has it."""
    length = _LENGTH // 6
    spectrum = np.fft.rfft(clean)[: length // 2 + 1] / 6
    spectrum[np.fft.rfftfreq(length, 1 / 8_000) > 3_800] = 0
    narrow = np.clip(np.fft.irfft(spectrum, length), -1, 1)
    pressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(pressed * 127) / 127
    return np.asarray(np.sign(steps) * (256 ** np.abs(steps) - 1) / 255)


def in_room(clean: Samples, seconds: float, draw: int = 0) -> tuple[Samples, Samples]:
    """The direct sound with 50 ms of what follows, and all that is heard, in a room."""
    response = _response(seconds, draw)
    early = response.copy()
    early[np.argmax(np.abs(response)) + RATE // 20 :] = 0
    length = _LENGTH + len(response)
    spectrum = np.fft.rfft(clean, length)
    target, heard = (
        np.fft.irfft(spectrum * np.fft.rfft(part, length), length)[:_LENGTH]
        for part in (early, response)
    )
    scale = 0.5 / np.abs(heard).max()
    return target * scale, heard * scale


@cache
def _response(seconds: float, draw: int) -> Samples:
    import pyroomacoustics

    further = 0.3 * draw  # metres
    size = [5.2 + 2 * further, 4.1 + further, 2.7]
    absorption, order = pyroomacoustics.inverse_sabine(seconds, size)
    room = pyroomacoustics.ShoeBox(
        size, RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 40)
    )
    room.add_source([1.3 + further, 1.2, 1.6])
    room.add_microphone([3.6 + further, 2.7 + further, 1.2])
    room.compute_rir()
    return np.asarray(room.rir[0][0], np.float64)
