"""One way through a recording."""

from collections.abc import Iterator

import numpy as np

from audio_enhance.local.enhancer.reader import Reader
from audio_enhance.local.enhancer.samples import Samples

ROW = np.arange(100, dtype=np.float32)[None]


def heard(reader: Reader, start: int, stop: int | None, again: int) -> list[float]:
    parts: list[Samples] = list(reader.between(start, stop, again))
    return list(np.concatenate(parts, axis=1)[0])


def test_it_goes_forwards_and_keeps_what_is_wanted_again() -> None:
    read: list[int] = []

    def blocks() -> Iterator[Samples]:
        for place in range(0, 100, 10):
            read.append(place)
            yield ROW[:, place : place + 10]

    reader = Reader(blocks())
    assert heard(reader, 0, 25, again=13) == list(range(25))
    assert read == [0, 10, 20]
    assert heard(reader, 13, 41, again=41) == list(range(13, 41))
    assert heard(reader, 65, 66, again=60) == [65]
    assert heard(reader, 64, None, again=100) == list(range(64, 100))
    assert read == list(range(0, 100, 10))


def test_what_is_left_half_way_goes_on_where_it_was_left() -> None:
    reader = Reader(np.split(ROW, 10, axis=1))
    part = next(reader.between(0, 50, again=5))
    assert part.shape == (1, 10)
    assert heard(reader, 5, 30, again=30) == list(range(5, 30))
