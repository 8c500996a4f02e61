"""What is missing in a recording is silent: everything else stays where its own clock says."""

import re
from math import inf
from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import NotAudioError, TooLongError
from audio_enhance.local.enhancer.decode import Recording

from .support import RATE, Samples, copied, lag, noise, read, write

SECONDS = 3
PAGES = {"page_duration": "100000"}  # microseconds


def sound(length: int = SECONDS * RATE) -> Samples:
    return np.asarray(noise("pink", length) / 10)


def decoded(path: Path, max_seconds: float = inf) -> tuple[Samples, list[str]]:
    with Recording(path, max_seconds=max_seconds) as recording:
        samples = np.concatenate(list(recording.blocks()), axis=1)
        assert abs(recording.length * RATE / recording.rate - samples.shape[1]) < 2
        return samples, recording.findings.notes()


def clock(path: Path) -> tuple[float, float]:
    """When the first packet begins and the last one ends, by the container's clock."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        times = [
            (packet.pts, packet.pts + packet.duration)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.duration is not None
        ]
        assert stream.time_base
        return float(times[0][0] * stream.time_base), float(times[-1][1] * stream.time_base)


@pytest.mark.parametrize(
    ("container", "codec", "form"),
    [
        ("ipod", "aac", None),
        ("mp4", "flac", "s16"),
        ("ogg", "libopus", None),
        ("ogg", "flac", "s16"),
    ],
)
def test_a_gap_is_silent(container: str, codec: str, form: str | None, tmp_path: Path) -> None:
    source = write(
        tmp_path / "source", sound(), container=container, codec=codec, sample_format=form,
        gaps=[(RATE, 2 * RATE)], container_options=PAGES if container == "ogg" else None,
    )  # fmt: skip
    (heard,), notes = decoded(source)
    assert notes == ["2.0 seconds are missing in it, and silent in the result."]
    assert len(heard) == pytest.approx(5 * RATE, abs=RATE * 0.05)
    # The packet at 1 s may begin before it, or after.
    assert np.abs(heard[round(1.2 * RATE) : round(2.9 * RATE)]).max() == 0
    later = heard[4 * RATE :][: RATE // 2]
    assert lag(later, sound()[2 * RATE :][: RATE // 2]) == 0

    copied(source, tmp_path / "result")
    assert clock(tmp_path / "result")[1] == pytest.approx(clock(source)[1], abs=0.03)
    assert lag(read(tmp_path / "result").samples[0][4 * RATE :][: RATE // 2], later) == 0


def test_lost_pages_of_ogg_are_silent(tmp_path: Path) -> None:
    path = write(
        tmp_path / "file", sound(), container="ogg", codec="libopus",
        container_options=PAGES,
    )  # fmt: skip
    (whole,), notes = decoded(path)
    assert notes == []
    data, pages = path.read_bytes(), []
    while data:
        segments = data[26]
        size = 27 + segments + sum(data[27 : 27 + segments])
        pages.append(data[:size])
        data = data[size:]
    middle = len(pages) // 2
    path.write_bytes(b"".join(pages[:middle] + pages[middle + 3 :]))
    (heard,), notes = decoded(path)
    assert notes == ["0.30 seconds are missing in it, and silent in the result."]
    assert len(heard) == len(whole)
    np.testing.assert_allclose(heard[-RATE:], whole[-RATE:], atol=0.02)


def flac(path: Path) -> Path:
    return write(path, sound(), container="flac", codec="flac", sample_format="s16")


@pytest.mark.parametrize("place", np.linspace(0.1, 0.97, 8).tolist())
def test_a_flipped_bit_in_flac_is_silent_and_told(place: float, tmp_path: Path) -> None:
    path = flac(tmp_path / "file")
    (whole,), _ = decoded(path)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 8
    path.write_bytes(data)
    (heard,), notes = decoded(path)
    assert len(heard) == len(whole)
    (note,) = notes
    assert re.fullmatch(r"0\.\d\d seconds of it are damaged, and silent in the result.", note)
    wrong = np.flatnonzero(heard != whole)
    assert wrong[-1] - wrong[0] < 0.2 * RATE  # a frame of 96 ms, or two
    assert np.all(heard[wrong[0] : wrong[-1]] == 0)


def test_a_hole_in_flac_is_silent_and_told(tmp_path: Path) -> None:
    path = flac(tmp_path / "file")
    (whole,), _ = decoded(path)
    data = path.read_bytes()
    third = len(data) // 3
    path.write_bytes(data[:third] + data[third + third // 2 :])
    (heard,), notes = decoded(path)
    assert len(heard) == len(whole)
    assert "damaged, and silent" in notes[0]
    np.testing.assert_array_equal(heard[-RATE:], whole[-RATE:])


def test_of_a_flac_whose_last_frame_is_cut_the_rest_is_kept(tmp_path: Path) -> None:
    path = flac(tmp_path / "file")
    (whole,), _ = decoded(path)
    path.write_bytes(path.read_bytes()[:-500])
    (heard,), notes = decoded(path)
    assert len(heard) == len(whole)
    assert np.array_equal(heard[:-4608], whole[:-4608])
    assert notes[0].endswith("damaged, and silent in the result.")


@pytest.mark.parametrize(("container", "codec"), [("aiff", "pcm_s16be"), ("flac", "flac")])
def test_what_was_cut_off_is_told(container: str, codec: str, tmp_path: Path) -> None:
    form = "s16" if codec == "flac" else None
    path = write(tmp_path / "file", sound(), container=container, codec=codec, sample_format=form)
    assert decoded(path)[1] == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (heard,), notes = decoded(path)
    assert len(heard) < 1.6 * RATE
    assert notes[-1].startswith("It was cut off: 1.")


def test_a_recording_that_is_mostly_broken_is_refused(tmp_path: Path) -> None:
    path = flac(tmp_path / "file")
    data = bytearray(path.read_bytes())
    data[len(data) // 4 :] = bytes(len(data) - len(data) // 4 - 20_000) + data[-20_000:]
    path.write_bytes(data)
    with pytest.raises(NotAudioError, match=r"broken after 0\.\d seconds"):
        decoded(path)


@pytest.mark.parametrize(("days", "error"), [(3, NotAudioError), (0.5, TooLongError)])
def test_a_clock_that_jumps_far_is_not_followed(
    days: float, error: type[Exception], tmp_path: Path
) -> None:
    path = write(
        tmp_path / "file", sound(), container="ogg", codec="libopus",
        gaps=[(RATE, int(days * 24 * 3600) * RATE)],
        container_options=PAGES,
    )  # fmt: skip
    with pytest.raises(error):
        decoded(path, max_seconds=inf if days > 1 else 3600)


def test_small_steps_of_a_clock_are_no_gaps(tmp_path: Path) -> None:
    gaps = [(n * RATE // 10, 48) for n in range(1, 25)]  # a millisecond ten times a second
    path = write(tmp_path / "file", sound(), container="mp4", codec="aac", gaps=gaps)
    (heard,), _ = decoded(path)
    # They are not followed one by one, which would crackle.
    assert not np.any(np.convolve(heard == 0, np.ones(40), "valid") == 40)
    # But they do not add up for ever.
    path = write(tmp_path / "file", sound(), container="mp4", codec="aac", gaps=gaps * 4)
    assert SECONDS * RATE + 24 * 4 * 48 - len(decoded(path)[0][0]) <= 0.041 * RATE
