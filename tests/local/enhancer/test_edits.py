"""Sound that begins late in an MP4 begins as late in the result."""

from pathlib import Path

import av
import numpy as np
import pytest

from .support import RATE, Samples, copied, lag, noise, write


def placed(path: Path) -> tuple[float, float, Samples]:
    """When the sound begins and ends by the container's clock, and the sound."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
        start, last = (frame.time for frame in (frames[0], frames[-1]))
        assert start is not None
        assert last is not None
        samples = [frame.to_ndarray()[0].astype(np.float64) for frame in frames]
        return start, last + frames[-1].samples / RATE, np.concatenate(samples)


@pytest.mark.parametrize("start", [0, 500, 24_000, 480_000])
@pytest.mark.parametrize(
    ("container", "codec", "form"),
    [
        ("mp4", "aac", None),
        ("mov", "aac", None),
        ("mov", "pcm_s16le", None),
        ("ipod", "alac", "s16p"),
    ],
)
def test_sound_begins_when_it_did(
    container: str, codec: str, form: str | None, start: int, tmp_path: Path
) -> None:
    source = write(
        tmp_path / "source", noise("pink", RATE) / 10, container=container, codec=codec,
        sample_format=form, start=start, container_options={"movie_timescale": str(RATE)},
    )  # fmt: skip
    copied(source, tmp_path / "result")
    before, after = placed(source), placed(tmp_path / "result")
    assert after[0] == pytest.approx(before[0], abs=1e-4)
    assert after[1] == pytest.approx(before[1], abs=1024 / RATE)
    length = min(len(before[2]), len(after[2]))
    assert lag(after[2][:length], before[2][:length]) == 0


def test_an_edit_in_the_middle_of_a_packet_is_followed(tmp_path: Path) -> None:
    source = write(
        tmp_path / "source", noise("pink", RATE) / 10, container="mp4", codec="aac",
        start=-5_000, container_options={"movie_timescale": str(RATE)},
    )  # fmt: skip
    copied(source, tmp_path / "result")
    before, after = placed(source), placed(tmp_path / "result")
    assert after[0] == before[0] == 0
    length = min(len(before[2]), len(after[2]))
    assert length == pytest.approx(RATE - 5_000, abs=1024)
    assert lag(after[2][:length], before[2][:length]) == 0
