"""Tags of Ogg with Vorbis, page by page."""

from pathlib import Path

import av
import numpy as np
import pytest

from .support import RATE, copied, noise, write


def tagged(path: Path, tags: dict[str, str]) -> Path:
    """Write a second of Ogg with Vorbis that has tags."""
    sound = noise("white", RATE) / 10
    write(path, np.stack([sound] * 2), container="ogg", codec="vorbis", options={"strict": "-2"})
    with av.open(str(path)) as bare, av.open(f"{path}.tagged", "w", format="ogg") as file:
        stream = file.add_stream_from_template(bare.streams.audio[0])
        stream.metadata.update(tags)
        for packet in bare.demux(audio=0):
            if packet.size:
                packet.stream = stream
                file.mux(packet)
    return Path(f"{path}.tagged")


def test_tags_are_kept_however_long(tmp_path: Path) -> None:
    # Longer than a page of Ogg, and with a page that is full to its last byte.
    tags = {"title": "Fähre", "notes": "A" * 140_000, "scene": "12"}
    source = tagged(tmp_path / "source", tags)
    copied(source, tmp_path / "result")
    with av.open(str(tmp_path / "result")) as result:
        kept = result.streams.audio[0].metadata
        assert {name: kept.get(name) for name in tags} == tags
        assert sum(frame.samples for frame in result.decode(audio=0)) == RATE  # every page is read


@pytest.mark.parametrize("length", [254, 255, 256, 255 * 255, 255 * 255 - 100])
def test_tags_end_anywhere(length: int, tmp_path: Path) -> None:
    source = tagged(tmp_path / "source", {"title": "x" * length})
    copied(source, tmp_path / "result")
    with av.open(str(tmp_path / "result")) as result:
        assert result.streams.audio[0].metadata["title"] == "x" * length
