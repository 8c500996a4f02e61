"""Copies that browsers jump in exactly."""

from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import NotAudioError
from audio_enhance.local.enhancer.samples import RATE
from audio_enhance.local.measuring.playable import playable_copy
from tests.local.enhancer.support import VARIABLE, noise, read, write


def packets(path: Path) -> list[bytes]:
    """What is encoded in a file, without what a container puts around it."""
    with av.open(str(path)) as container:
        return [bytes(each) for each in container.demux(audio=0) if each.size]


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [("mp3", "libmp3lame", VARIABLE), ("adts", "aac", {}), ("ogg", "flac", {})],
)
def test_the_same_packets_get_a_table(
    container: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    source = write(
        tmp_path / "a", noise("pink", RATE) / 10, container=container, codec=codec, options=options
    )
    assert playable_copy(source, tmp_path / "copy")
    found = packets(tmp_path / "copy")
    if container == "adts":  # whose packets have a header of their own
        assert [each[7:] for each in packets(source)] == found
    else:
        assert packets(source) == found
    data = (tmp_path / "copy").read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"elst" not in data  # which browsers obey in part


@pytest.mark.parametrize(
    ("container", "codec"),
    [("aiff", "pcm_s16be"), ("aiff", "pcm_s24be"), ("ipod", "alac"), ("mp2", "mp2")],
)
def test_what_browsers_do_not_play_becomes_flac(container: str, codec: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a", noise("pink", RATE) / 10, container=container, codec=codec)
    assert playable_copy(source, tmp_path / "copy")
    before, after = read(source), read(tmp_path / "copy")
    assert after.codec == "flac"
    if codec != "mp2":  # which is decoded to floating point
        np.testing.assert_array_equal(before.samples, after.samples)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("ipod", "aac"),
    ],
)
def test_the_others_are_played_as_they_are(container: str, codec: str, tmp_path: Path) -> None:
    source = write(tmp_path / "a", noise("pink", RATE) / 10, container=container, codec=codec)
    assert not playable_copy(source, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_no_mp4_can_hold_is_played_as_it_is(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a", noise("pink", 8000) / 10, container="mp3", codec="libmp3lame", rate=8000
    )
    assert not playable_copy(source, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"nothing to be heard")
    with pytest.raises(NotAudioError):
        playable_copy(tmp_path / "a", tmp_path / "copy")
