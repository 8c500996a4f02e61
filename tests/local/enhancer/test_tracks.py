"""Several tracks of sound: the first is enhanced, the others are there as they were."""

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np

from .support import RATE, copied, noise


def several(path: Path, container: str, codec: str) -> Path:
    with cast("Any", av.open(str(path), "w", format=container)) as file:
        streams = [file.add_stream(codec, rate=RATE) for _ in range(3)]
        for number, stream in enumerate(streams):
            stream.layout = "mono"
            stream.metadata["language"] = ("eng", "fra", "deu")[number]
        for number, stream in enumerate(streams):
            sound = (noise("pink", RATE, number)[None] / 10).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(sound, "flt", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def packets(path: Path, track: int) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as file:
        stream = file.streams.audio[track]
        return [(packet.pts, bytes(packet)) for packet in file.demux(stream) if packet.size]


def test_other_tracks_are_kept_and_told(tmp_path: Path) -> None:
    source = several(tmp_path / "source", "mp4", "aac")
    notes = copied(source, tmp_path / "result")
    assert notes == ["Its first track is enhanced; 2 others are kept as before."]
    assert packets(tmp_path / "result", 1) == packets(source, 1) != []
    assert packets(tmp_path / "result", 2) == packets(source, 2) != []
    with av.open(str(tmp_path / "result")) as file:
        assert [stream.language for stream in file.streams.audio] == ["eng", "fra", "deu"]


def test_where_they_cannot_be_kept_that_is_told(tmp_path: Path) -> None:
    source = several(tmp_path / "source", "ogg", "libopus")
    notes = copied(source, tmp_path / "result")
    assert notes == ["Its first track is enhanced; 2 others are left out."]
