"""How enhanced speech sounds, in figures: what an engine makes of voices in noise and rooms.

    python benchmarks/quality.py [--quick] [--each] [--draw N] [--engine NAME] [--strength N]

`nox -s bench` leaves it out, for it needs `flite` and Debian's `asterisk-core-sounds-en-wav` and
`alsa-utils`, and the dependency group `listening`. Every recording goes through the whole
pipeline, from file to file.
"""

# PyAV, pesq and pystoi leave types out; the last two are in no environment that types are for.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingImports=false, reportUnknownVariableType=false

import argparse
import importlib
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
import av
import numpy as np
import pesq
import pystoi
from _speech import RATE, Case, Samples, cases, read

from audio_enhance.local.enhancer import enhance_file

_FRAME = 960


@attrs.frozen(kw_only=True)
class Scores:
    """What one recording sounds like.

    Attributes:
        pesq: 1 to 4.6, wide band.
        estoi: 0 to 1.
        mos: DNSMOS, 1 to 5; NaN without the package.
        pauses: dBFS of all that is heard while the target is silent, the loudest of it most.
        level: dB of the speech against the target.
        lost: The share of frames of speech that are more than 10 dB quieter than in the target.
    """

    pesq: float
    estoi: float
    mos: float
    pauses: float
    level: float
    lost: float


def scores(target: Samples, heard: Samples) -> Scores:
    """Compare what is heard with what should be."""
    reference, other = _decimated(target), _decimated(heard)
    before, after = _levels(target), _levels(heard)
    speech, silence = before > before.max() - 30, before < before.max() - 55
    return Scores(
        pesq=float(pesq.pesq(16_000, reference, other, "wb")),
        estoi=float(pystoi.stoi(reference, other, 16_000, extended=True)),
        mos=_mos(other),
        pauses=_decibels(np.mean(10 ** (after[silence] / 10))) if np.any(silence) else np.nan,
        level=_decibels(np.mean(10 ** (after[speech] / 10)) / np.mean(10 ** (before[speech] / 10))),
        lost=float(np.mean(after[speech] < before[speech] - 10)),
    )


def _mos(samples: Samples) -> float:
    try:
        model: Any = importlib.import_module("speechmos.dnsmos")
    except ImportError:
        return float("nan")
    loudest = max(1.0, float(np.abs(samples).max()))
    return float(model.run(samples / loudest, sr=16_000)["ovrl_mos"])


def _levels(samples: Samples) -> Samples:
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-12))


def _decibels(ratio: Any) -> float:
    return float(10 * np.log10(ratio))


def _decimated(samples: Samples) -> Samples:
    length = len(samples) // 3
    return np.asarray(np.fft.irfft(np.fft.rfft(samples)[: length // 2 + 1], length) / 3)


def enhanced(case: Case, folder: Path, strength: int, engine: str | None) -> tuple[Samples, float]:
    """Return what the pipeline makes of a case at 48 kHz, and the processor's seconds."""
    source, result = folder / "source.wav", folder / "result.wav"
    with av.open(str(source), "w") as file:
        stream: Any = file.add_stream("pcm_f32le", rate=case.rate)
        stream.layout = "mono"
        data = case.heard.astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(data, format="flt", layout="mono")
        frame.sample_rate = case.rate
        file.mux(stream.encode(frame) + stream.encode(None))
    start = time.process_time()
    enhance_file(source, result, strength=strength, engine=engine)
    return read(result), time.process_time() - start


def _upsampled(case: Case) -> Samples:
    spectrum = np.fft.rfft(case.heard)
    factor = RATE // case.rate
    length = len(case.heard) * factor
    padded = np.pad(spectrum, (0, length // 2 + 1 - len(spectrum)))
    return np.asarray(np.fft.irfft(padded, length) * factor)


def main(arguments: list[str]) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="quality")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--each", action="store_true", help="print every recording")
    parser.add_argument("--draw", type=int, default=0, help="other noises and rooms, 0 to 4")
    parser.add_argument("--engine")
    parser.add_argument("--only", default="", help="conditions that begin like this")
    parser.add_argument("--strength", type=int, default=100)
    options = parser.parse_args(arguments)
    rows: dict[str, list[tuple[Scores, Scores]]] = {}
    seconds = audio = 0.0
    with tempfile.TemporaryDirectory() as name:
        for case in cases(small=options.quick, draw=options.draw):
            if not case.condition.startswith(options.only):
                continue
            result, took = enhanced(case, Path(name), options.strength, options.engine)
            seconds, audio = seconds + took, audio + len(case.target) / RATE
            target = case.target[: len(result)]
            pair = scores(case.target, _upsampled(case)), scores(target, result[: len(target)])
            rows.setdefault(case.condition, []).append(pair)
            if options.each:
                _print(f"  {case.condition}, {case.voice}"[:33], [pair])
    print(f"{'':33} PESQ          ESTOI         DNSMOS        dB off    level         lost")
    for condition, pairs in rows.items():
        _print(condition, pairs)
    hard = [p for c, pairs in rows.items() if c not in ("clean", "telephone") for p in pairs]
    if hard:
        _print(f"all {len(hard)} noisy and reverberant", hard)
        worse = sum(a.estoi < b.estoi - 0.001 for b, a in hard)
        print(f"less intelligible (ESTOI) than the input: {worse} of {len(hard)}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{audio / seconds:.1f} times real time on one core; {memory:.0f} MiB with this program")


def _print(name: str, pairs: list[tuple[Scores, Scores]]) -> None:
    def mean(which: int, figure: str) -> float:
        return float(np.nanmean([getattr(pair[which], figure) for pair in pairs]))

    cells = [f"{mean(0, f):5.3f} → {mean(1, f):5.3f}" for f in ("pesq", "estoi", "mos")]
    off = mean(0, "pauses") - mean(1, "pauses")
    levels = f"{mean(0, 'level'):+.1f} → {mean(1, 'level'):+.1f}"
    lost = f"{mean(0, 'lost'):4.0%} → {mean(1, 'lost'):4.0%}"
    print(f"{name:33} {'  '.join(cells)}  {off:5.1f}  {levels:14} {lost}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
