"""The enhancement as a whole: how it sounds, in figures, and what strength does."""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from audio_enhance import InvalidStrengthError
from audio_enhance.local.enhancer import NotAudioError, enhance_file
from audio_enhance.local.enhancer import pipeline as module
from audio_enhance.local.enhancer.denoiser import Denoised

from .support import (
    RATE,
    Samples,
    at_snr,
    in_room,
    lag,
    level,
    levels,
    noise,
    read,
    speaking,
    speech,
    write,
)


def enhanced(noisy: Samples, folder: Path, strength: int = 100, engine: str = "dfn3") -> Samples:
    """The mono recording after its way through files of 32-bit float."""
    source = write(folder / "source", noisy)
    enhance_file(source, folder / "result", strength=strength, engine=engine)
    return np.asarray(read(folder / "result").samples[0])


def quality(clean: Samples, heard: Samples) -> tuple[float, float]:
    """PESQ (wide band) and STOI."""
    pesq, pystoi = pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    reference, other = _decimated(clean), _decimated(heard)
    heard_as = float(pesq.pesq(16_000, reference, other, "wb"))
    return heard_as, float(pystoi.stoi(reference, other, 16_000))


def _decimated(samples: Samples) -> Samples:
    """The same at 16 kHz."""
    length = len(samples) // 3
    spectrum = np.fft.rfft(samples[: length * 3])[: length // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, length) / 3)


EVERYDAY = {("slt", "white", 5)}


@pytest.mark.parametrize(
    ("voice", "kind", "snr"),
    [
        pytest.param(*case, marks=() if case in EVERYDAY else pytest.mark.slow)
        for case in product(("slt", "rms"), ("white", "pink", "hum"), (5, 10))
    ],
)
def test_noise_goes_and_speech_stays(voice: str, kind: str, snr: int, tmp_path: Path) -> None:
    clean = sentence(voice)
    noisy = at_snr(clean, noise(kind, len(clean)), snr)
    result = enhanced(noisy, tmp_path)

    talking = speaking(clean)
    # The network needs a while to go deep: in these short pauses 22 to 39 dB were measured.
    assert np.median(levels(result)[~talking]) < np.median(levels(noisy)[~talking]) - 20
    assert abs(level(result, talking) - level(clean, talking)) < 1.5
    before, after = quality(clean, noisy), quality(clean, result)
    assert after[0] > before[0] + 0.5
    assert after[1] > before[1] + 0.03


@pytest.mark.parametrize(
    ("voice", "seconds"),
    [
        ("rms", 0.6),
        pytest.param("rms", 0.3, marks=pytest.mark.slow),
        pytest.param("slt", 1.0, marks=pytest.mark.slow),
    ],
)
def test_a_voice_in_a_room_is_not_deleted(voice: str, seconds: float, tmp_path: Path) -> None:
    clean = sentence(voice)
    distant = in_room(clean, seconds, direct=-6)
    result = enhanced(distant, tmp_path)

    talking = speaking(clean)
    # The room's own sound is 6 dB above the voice: without it, what is left is quieter.
    assert -6 < level(result, talking) - level(distant, talking) < 3
    assert quality(clean, result)[1] > quality(clean, distant)[1]


def test_a_voice_in_a_room_would_be_deleted_by_rnnoise_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distant = in_room(sentence("rms"), 0.6, direct=-6)

    def unprotected(parts: Iterable[Denoised]) -> Iterator[tuple[Samples, Samples]]:
        return ((part.original, part.clean) for part in parts)

    talking = speaking(sentence("rms"))
    guarded = enhanced(distant, tmp_path, engine="rnnoise")
    assert level(guarded, talking) > level(distant, talking) - 6
    monkeypatch.setattr(module, "protect", unprotected)
    result = enhanced(distant, tmp_path, engine="rnnoise")
    assert level(result, talking) < level(distant, talking) - 10


@pytest.fixture(scope="module")
def noisy() -> Samples:
    clean = sentence()
    return at_snr(clean, noise("pink", len(clean)), 10)


def sentence(voice: str = "slt") -> Samples:
    """The first sentence, with a pause before and after it."""
    return speech(voice)[: 5 * RATE]


def test_strength_0_is_the_recording(noisy: Samples, tmp_path: Path) -> None:
    source = write(tmp_path / "source", noisy, container="mp3", codec="libmp3lame")
    enhance_file(source, tmp_path / "result", strength=0)
    assert (tmp_path / "result").read_bytes() == source.read_bytes()


def test_strength_is_what_its_table_says(noisy: Samples, tmp_path: Path) -> None:
    short = noisy[: 2 * RATE]
    full = enhanced(short, tmp_path, engine="rnnoise")
    for strength, share in ((1, 0.99), (50, 0.5), (93, 0.0098)):
        heard = enhanced(short, tmp_path, strength, engine="rnnoise")
        np.testing.assert_allclose(heard, (1 - share) * full + share * short, atol=1e-6)


@pytest.mark.parametrize("strength", [-1, 101, 50.0, True])
def test_other_strengths_are_refused(strength: int, noisy: Samples, tmp_path: Path) -> None:
    source = write(tmp_path / "source", noisy[:RATE])
    with pytest.raises(InvalidStrengthError):
        enhance_file(source, tmp_path / "result", strength=strength)
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("engine", ["dfn3", "rnnoise"])
def test_nothing_is_delayed(engine: str, noisy: Samples, tmp_path: Path) -> None:
    short = noisy[: 2 * RATE]
    result = enhanced(short, tmp_path, engine=engine)
    assert len(result) == len(short)
    # RNNoise begins with a high-pass filter, which brings the lowest tones forward a little.
    assert abs(lag(result, sentence()[: 2 * RATE])) <= 3


def test_the_last_words_are_kept(noisy: Samples, tmp_path: Path) -> None:
    cut = noisy[: np.flatnonzero(speaking(sentence()))[-1] * 960 - 2400]
    result = enhanced(cut, tmp_path)
    assert len(result) == len(cut)
    last = np.arange(len(cut) // 960) >= len(cut) // 960 - 3
    assert level(result, last) > level(cut, last) - 6


def test_wild_floats_harm_nothing_after_them(noisy: Samples, tmp_path: Path) -> None:
    tame = noisy[: 2 * RATE]
    wild = tame.copy()
    wild[100], wild[200], wild[300], wild[400] = np.nan, np.inf, -np.inf, 1e30
    result = enhanced(wild, tmp_path, engine="rnnoise")
    assert np.all(np.isfinite(result))
    np.testing.assert_allclose(
        result[RATE:], enhanced(tame, tmp_path, engine="rnnoise")[RATE:], atol=0.02
    )


def test_loud_recordings_are_not_clipped_or_wrapped(tmp_path: Path) -> None:
    loud = sentence()[: 3 * RATE] * 2.4  # peaks 1.6 dB above full scale, as floats can be
    result = enhanced(loud, tmp_path)
    assert np.corrcoef(result, loud)[0, 1] > 0.97
    assert np.abs(result).max() == pytest.approx(np.abs(loud).max(), rel=0.15)


def test_digital_silence_stays_silent(tmp_path: Path) -> None:
    assert np.abs(enhanced(np.zeros(RATE), tmp_path)).max() < 1e-4


@pytest.mark.parametrize("length", [1, 479, 480, 961, 10 * RATE, 10 * RATE + 1])
def test_any_length_is_kept(length: int, tmp_path: Path) -> None:
    sound = noise("white", 11 * RATE)[:length] / 10
    assert len(enhanced(sound, tmp_path, engine="rnnoise")) == length
    if length < RATE:
        assert len(enhanced(sound, tmp_path)) == length


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
@pytest.mark.parametrize("strength", [0, 100])
def test_less_than_a_millisecond_is_a_recording_too(
    rate: int, strength: int, tmp_path: Path
) -> None:
    source = write(tmp_path / "source", np.full(1, 0.5), rate=rate)
    enhance_file(source, tmp_path / "result", strength=strength, engine="rnnoise")
    assert read(tmp_path / "result").samples.shape == (1, 1)


def test_an_offset_of_a_cheap_sound_card_changes_nothing(noisy: Samples, tmp_path: Path) -> None:
    quiet = noisy[: 2 * RATE] / 10
    expected = levels(enhanced(quiet, tmp_path))
    result = enhanced(quiet + 0.1, tmp_path)
    assert np.median(np.abs(levels(result - np.mean(result)) - expected)) < 1


def test_what_is_not_audio_leaves_no_result(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("not audio")
    with pytest.raises(NotAudioError, match="not audio"):
        enhance_file(tmp_path / "source", tmp_path / "result", strength=93)
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("strength", [0, 100])
def test_what_breaks_on_the_way_leaves_no_result(strength: int, tmp_path: Path) -> None:
    whole = write(
        tmp_path / "source",
        noise("white", RATE) / 9,
        container="ipod",
        codec="alac",
        sample_format="s16p",
    )
    data = bytearray(whole.read_bytes())
    first, last = data.index(b"mdat") + 20_000, data.index(b"moov")
    data[first:last] = bytes(last - first)
    whole.write_bytes(data)
    with pytest.raises(NotAudioError, match=r"broken after \d"):
        enhance_file(whole, tmp_path / "result", strength=strength)
    assert not (tmp_path / "result").exists()


def test_a_missing_source_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        enhance_file(tmp_path / "source", tmp_path / "result", strength=93)


def test_a_folder_that_is_not_there_is_the_systems_error(noisy: Samples, tmp_path: Path) -> None:
    source = write(tmp_path / "source", noisy[:RATE])
    with pytest.raises(FileNotFoundError):
        enhance_file(source, tmp_path / "nowhere" / "result", strength=93)


def test_progress_is_told_within_a_recording(tmp_path: Path) -> None:
    source = write(tmp_path / "source", noise("white", 21 * RATE) / 10, rate=RATE)
    told: list[float] = []
    enhance_file(source, tmp_path / "result", strength=93, engine="afftdn", progress=told.append)
    assert len(told) >= 3
    assert told == sorted(told)
    assert 0 < told[0] < 0.6
    assert told[-1] == pytest.approx(1)
