"""Ogg with Vorbis: tags, channels and length stay, whatever is in it."""

import errno
import io
from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import formats
from audio_enhance.local.enhancer import vorbis as vorbis_module
from audio_enhance.local.enhancer.encoder import open_encoder
from audio_enhance.local.enhancer.formats import Format
from audio_enhance.local.enhancer.frames import to_frame
from audio_enhance.local.enhancer.libsndfile import open_vorbis

from .support import RATE, Samples, copied, heard_in_turn, lag, noise, read, turns


def vorbis(path: Path, samples: Samples, rate: int = RATE) -> Path:
    """Write Ogg with Vorbis, of any number of channels."""
    planes = np.atleast_2d(samples)
    with path.open("wb") as file, open_vorbis(file, rate, len(planes), 0.6) as sound:
        sound.write(planes.T)
    return path


@pytest.mark.parametrize("channels", [1, 3, 5, 6, 7, 8])
def test_channels_stay_in_order(channels: int, tmp_path: Path) -> None:
    source = vorbis(tmp_path / "source", turns(channels))
    assert copied(source, tmp_path / "result") == []
    before, after = read(source), read(tmp_path / "result")
    assert after.codec == before.codec == "vorbis"
    assert heard_in_turn(after.samples) == heard_in_turn(before.samples)
    assert sorted(heard_in_turn(after.samples)) == list(range(channels))


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_length_and_rate_are_kept_to_the_sample(rate: int, tmp_path: Path) -> None:
    source = vorbis(tmp_path / "source", noise("pink", 30_000) / 10, rate)
    copied(source, tmp_path / "result")
    before, after = read(source), read(tmp_path / "result")
    assert after.rate == rate
    # Of the last packet at 96 kHz, FFmpeg plays what the file says to leave out.
    assert after.samples.shape == before.samples.shape
    assert before.samples.shape[1] == 30_000 or rate > RATE
    assert lag(after.samples[0], before.samples[0]) == 0


def test_the_bit_rate_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file, open_vorbis(file, RATE, 2, 0.8) as sound:
        sound.write(np.zeros((RATE, 2)))
    copied(source, tmp_path / "result")
    with av.open(str(source)) as before, av.open(str(tmp_path / "result")) as after:
        assert after.streams.audio[0].bit_rate == before.streams.audio[0].bit_rate == 256_000


def test_without_libsndfile_it_becomes_opus_and_the_owner_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = vorbis(tmp_path / "source", noise("pink", 30_000) / 10, 44_100)
    monkeypatch.setattr(formats, "writes_vorbis", lambda: False)
    notes = copied(source, tmp_path / "result")
    assert notes == ["Nothing here writes its codec (vorbis): the result has opus."]
    after = read(tmp_path / "result")
    assert (after.container, after.codec, after.rate) == ("ogg", "opus", RATE)
    assert abs(after.samples.shape[1] - 30_000 * RATE / 44_100) <= 1


def test_a_full_disk_is_an_error_and_not_a_short_result(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(dir: Path | None) -> Full:  # noqa: A002 - as it is called
        return Full()

    monkeypatch.setattr(vorbis_module, "TemporaryFile", full)
    form = Format(container="ogg", codec="vorbis", rate=RATE, layout="mono", channels=1)
    with (
        pytest.raises(OSError, match="No space left"),
        open_encoder(io.BytesIO(), form) as encoder,
    ):
        sound = noise("white", 5 * RATE)[None].astype(np.float32) / 10
        encoder.add(to_frame(sound, "mono", RATE))
        encoder.finish()
