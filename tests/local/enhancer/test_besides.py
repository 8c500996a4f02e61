"""Tags, chapters, pictures and the time of a recording's making are in its result."""

import base64
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.stream import Disposition

from .support import RATE, copied, noise

TAGS = {"title": "Pilot Ü", "artist": "Ann", "comment": "take 2", "genre": "Podcast"}
MADE = "2024-03-01T10:00:00.000000Z"
MILLISECOND = Fraction(1, 1000)
CHAPTERS: Any = [
    {"id": 0, "start": 0, "end": 400, "time_base": MILLISECOND, "metadata": {"title": "One"}},
    {"id": 1, "start": 400, "end": 800, "time_base": MILLISECOND, "metadata": {"title": "Two"}},
]


def tagged(path: Path, container: str, codec: str, picture: str | None) -> Path:
    sound = (noise("pink", RATE) / 10).astype(np.float32)[None]
    is_ogg = container == "ogg"
    with cast("Any", av.open(str(path), "w", format=container)) as file:
        stream = file.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        (stream if is_ogg else file).metadata.update(TAGS | {"creation_time": MADE})
        file.set_chapters(CHAPTERS)
        if picture is not None:
            cover = file.add_stream(picture, rate=1)
            cover.width = cover.height = 16
            cover.pix_fmt = cover.codec.video_formats[0].name
            cover.disposition = Disposition.attached_pic
            image = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 200, np.uint8), "rgb24")
            file.mux([*cover.encode(image.reformat(format=cover.pix_fmt)), *cover.encode(None)])
        frame = av.AudioFrame.from_ndarray(sound, "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def besides(path: Path) -> tuple[dict[str, str], list[Any], list[bytes]]:
    """Tags, chapters in seconds with their titles, and pictures."""
    with av.open(str(path)) as file:
        tags = file.metadata | file.streams.audio[0].metadata
        chapters = [
            (
                round(chapter["start"] * float(chapter["time_base"] or 1), 3),
                round(chapter["end"] * float(chapter["time_base"] or 1), 3),
                chapter["metadata"]["title"],
            )
            for chapter in file.chapters()
        ]
        covers = file.streams.video
        pictures = [bytes(p) for p in file.demux(covers) if p.size] if covers else []
        return {k: v for k, v in tags.items() if k in (*TAGS, "creation_time")}, chapters, pictures


@pytest.mark.parametrize(
    ("container", "codec", "picture", "has_chapters"),
    [
        ("mp3", "libmp3lame", "png", True),
        ("mp4", "aac", "mjpeg", True),
        ("ipod", "alac", None, True),
        ("flac", "flac", "png", False),
        ("flac", "flac", "mjpeg", False),
        ("ogg", "libopus", None, True),
        ("ogg", "flac", None, False),
    ],
)
def test_what_is_beside_the_sound_is_kept(
    container: str, codec: str, picture: str | None, has_chapters: bool, tmp_path: Path
) -> None:
    source = tagged(tmp_path / "source", container, codec, picture)
    before = besides(source)
    assert before[0]["title"] == "Pilot Ü"
    assert before[0]["creation_time"] == MADE
    assert bool(before[1]) == has_chapters
    assert bool(before[2]) == (picture is not None)
    copied(source, tmp_path / "result")
    assert besides(tmp_path / "result") == before


def test_the_cover_of_an_ogg_is_kept(tmp_path: Path) -> None:
    flac = tagged(tmp_path / "flac", "flac", "flac", "png")
    data = flac.read_bytes()
    # The block of kind 6 is just what the tag holds (RFC 9639, 8.8).
    place = 4
    while data[place] & 0x7F != 6:
        place += 4 + int.from_bytes(data[place + 1 : place + 4], "big")
    block = data[place + 4 : place + 4 + int.from_bytes(data[place + 1 : place + 4], "big")]
    with cast("Any", av.open(str(tmp_path / "source"), "w", format="ogg")) as file:
        stream = file.add_stream("libopus", rate=RATE)
        stream.layout = "mono"
        stream.metadata["METADATA_BLOCK_PICTURE"] = base64.b64encode(block).decode()
        frame = av.AudioFrame.from_ndarray(np.zeros((1, RATE), np.float32), "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        file.mux([*stream.encode(frame), *stream.encode(None)])
    copied(tmp_path / "source", tmp_path / "result")
    assert besides(tmp_path / "result")[2] == besides(flac)[2] != []
