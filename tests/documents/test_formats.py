"""The table of formats in the documentation is what comes out.

`python -m tests.documents.test_formats` writes it anew.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from audio_enhance.local.enhancer import enhance_file
from audio_enhance.local.enhancer.libsndfile import open_vorbis
from tests.local.enhancer.support import Heard, Samples, lag, noise, read, write

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
_BEGIN = "<!-- formats -->\n"
_HEAD = (
    "| recording | result | rate, Hz | channels | depth | samples | lag | level, dB |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
_DEPTHS = {"u8": "8", "s16": "16", "s32": "24 or 32", "flt": "32, float", "dbl": "64, float"}
_SUBWOOFER = 3
_LOSSY = ("mp3", "aac", "opus", "vorbis")


@attrs.frozen
class Case:
    """A recording of a format."""

    name: str
    container: str
    codec: str
    rate: int
    channels: int
    options: dict[str, Any] = attrs.field(factory=dict[str, Any])

    def written(self, path: Path) -> Path:
        sound = _hiss(self, 21_237)  # no multiple of any codec's frame
        if self.codec == "vorbis":
            with path.open("wb") as file, open_vorbis(file, self.rate, self.channels, 0.6) as ogg:
                ogg.write(sound.T)
            return path
        options: dict[str, Any] = {"container": self.container, "codec": self.codec}
        return write(path, sound, rate=self.rate, **options, **self.options)


def _hiss(case: Case, length: int) -> Samples:
    low_pass = np.hanning(max(10, case.rate // 2000))
    rows = [np.convolve(noise("white", length, n), low_pass, "same") for n in range(case.channels)]
    return np.asarray(np.stack(rows) / np.std(rows) / 10)


_24 = {"sample_format": "s32"}
CASES = [
    Case("WAV, 16 bit", "wav", "pcm_s16le", 44_100, 2),
    Case("WAV, 24 bit", "wav", "pcm_s24le", 96_000, 1),
    Case("WAV, 32 bit", "wav", "pcm_s32le", 22_050, 1),
    Case("WAV, 32 bit float", "wav", "pcm_f32le", 48_000, 8),
    Case("WAV, 64 bit float", "wav", "pcm_f64le", 48_000, 1),
    Case("WAV, 8 bit", "wav", "pcm_u8", 11_025, 1),
    Case("WAV, µ-law", "wav", "pcm_mulaw", 8_000, 1),
    Case("WAV, A-law", "wav", "pcm_alaw", 8_000, 1),
    Case("WAV, ADPCM", "wav", "adpcm_ima_wav", 44_100, 2),
    Case("WAV, 5.1", "wav", "pcm_s16le", 48_000, 6),
    Case("AIFF, 16 bit", "aiff", "pcm_s16be", 44_100, 2),
    Case("AIFF, 24 bit", "aiff", "pcm_s24be", 48_000, 1),
    Case("AIFF, 16 bit little-endian", "aiff", "pcm_s16le", 48_000, 1),
    Case("FLAC, 16 bit", "flac", "flac", 44_100, 2),
    Case("FLAC, 24 bit", "flac", "flac", 192_000, 1, _24),
    Case("MP3", "mp3", "libmp3lame", 44_100, 2),
    Case("MP3", "mp3", "libmp3lame", 16_000, 1),
    Case("M4A, AAC", "ipod", "aac", 44_100, 2),
    Case("M4A, ALAC, 16 bit", "ipod", "alac", 44_100, 2, {"sample_format": "s16p"}),
    Case("M4A, ALAC, 24 bit", "ipod", "alac", 48_000, 1, {"sample_format": "s32p"}),
    Case("MP4, AAC, 5.1", "mp4", "aac", 48_000, 6),
    Case("MP4, FLAC, 16 bit", "mp4", "flac", 44_100, 2),
    Case("MP4, 16 bit", "mp4", "pcm_s16le", 48_000, 2),
    Case("MOV, 24 bit", "mov", "pcm_s24le", 48_000, 2),
    Case("MOV, 32 bit float", "mov", "pcm_f32le", 96_000, 1),
    Case("ADTS, AAC", "adts", "aac", 44_100, 2),
    Case("Ogg, Opus", "ogg", "libopus", 48_000, 1),
    Case("Ogg, Opus, 5.1", "ogg", "libopus", 48_000, 6),
    Case("Ogg, FLAC, 16 bit", "ogg", "flac", 48_000, 2),
    Case("Ogg, Vorbis", "ogg", "vorbis", 44_100, 2),
    Case("Ogg, Vorbis, 5.1", "ogg", "vorbis", 48_000, 6),
]


def row(case: Case, folder: Path) -> str:
    """Enhance a recording, and say what came of it."""
    source = case.written(folder / "source")
    enhance_file(source, folder / "result", strength=1, engine="rnnoise")
    before, after = read(source), read(folder / "result")
    assert before.container == after.container
    cells = (
        case.name,
        "the same" if before.codec == after.codec else after.codec,
        *(_change(f"{b}", f"{a}") for b, a in (_shape(before, after))),
        _samples(before, after),
        f"{max((lag(*pair) for pair in _pairs(after, before)), key=abs)}",
        # Never -0.0, and as much as the worst of its channels.
        f"{max((_level(*pair) for pair in _pairs(after, before)), key=abs) + 0:.1f}",
    )
    return f"| {' | '.join(cells)} |\n"


def _shape(before: Heard, after: Heard) -> Iterator[tuple[object, object]]:
    yield before.rate, after.rate
    yield before.channels, after.channels
    yield _depth(before), _depth(after)


def _depth(heard: Heard) -> str:
    return "" if heard.codec in _LOSSY else _DEPTHS[heard.sample_format.removesuffix("p")]


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _samples(before: Heard, after: Heard) -> str:
    # MP4 says itself where in the last frame of AAC it ends; a decoder hands over all of that.
    if before.codec == "aac" and before.duration is not None and "mp4" in before.container:
        assert after.duration is not None
        more = round((after.duration - before.duration) * before.rate)
    else:
        more = after.samples.shape[1] - before.samples.shape[1]
    return f"{more:+d}" if more else "all"


def _pairs(after: Heard, before: Heard) -> Iterator[tuple[Samples, Samples]]:
    length = min(after.samples.shape[1], before.samples.shape[1])
    rows = list(zip(after.samples, before.samples, strict=True))
    if len(rows) > _SUBWOOFER and before.codec in _LOSSY:
        del rows[_SUBWOOFER]  # it loses what is above 120 Hz
    for one, other in rows:
        yield one[:length], other[:length]


def _level(after: Samples, before: Samples) -> float:
    return round(float(20 * np.log10(np.std(after) / np.std(before))), 1)


def _documented() -> str:
    return PAGE.read_text().split(_BEGIN, 1)[1]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case.name}, {case.rate}",
            marks=() if number % 10 == 0 else pytest.mark.slow,
        )
        for number, case in enumerate(CASES)
    ],
)
def test_the_table_says_what_comes_out(case: Case, tmp_path: Path) -> None:
    assert row(case, tmp_path) in _documented()


def test_the_table_has_nothing_else() -> None:
    rows = re.findall(r"^\| (.*?) \|", _documented().removeprefix(_HEAD), re.MULTILINE)
    assert rows == [case.name for case in CASES]


def _rewrite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = "".join(row(case, Path(folder)) for case in CASES)
    before = PAGE.read_text().split(_BEGIN, 1)[0]
    PAGE.write_text(f"{before}{_BEGIN}{_HEAD}{rows}")


if __name__ == "__main__":
    _rewrite()
