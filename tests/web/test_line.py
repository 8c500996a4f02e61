"""Whose turn it is, and who moves up."""

from types import SimpleNamespace
from typing import Any

from audio_enhance.web._kept import Kept
from audio_enhance.web._line import Line
from audio_enhance.web._recording import Recording


def _submitted() -> Any:
    return SimpleNamespace(submitted=True)


def recordings(names: str) -> list[Recording]:
    """Recordings that are called by single letters."""
    return [Recording(n, n, 93, Kept(1), lambda _: None) for n in names]


def test_what_the_server_has_comes_first() -> None:
    moved: list[Recording] = []
    line = Line(moved.append)
    a, b, c = recordings("abc")
    for each in (a, b, c):
        line.settle(each)
    assert [line.ahead(each) for each in (a, b, c)] == [0, 1, 2]
    assert moved == []
    c.job = _submitted()
    line.settle(c)
    assert [line.ahead(each) for each in (a, b, c)] == [1, 2, 0]
    assert moved == [a, b]
    a.job = _submitted()
    line.settle(a)
    assert [line.ahead(each) for each in (c, a, b)] == [0, 1, 2]
    assert moved == [a, b]


def test_whoever_stays_where_they_are_is_not_told() -> None:
    moved: list[Recording] = []
    line = Line(moved.append)
    a, b, c = recordings("abc")
    for each in (a, b, c, a, b, c):
        line.settle(each)
    assert moved == []
    line.leave(b)
    line.leave(b)
    assert moved == [c]
    assert [line.ahead(each) for each in (a, b, c)] == [0, 0, 1]
