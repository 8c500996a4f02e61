"""A terminal recording: what a command writes to a terminal, as an SVG that moves by itself."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyte

COLUMNS, ROWS = 84, 13
_WIDTH, _HEIGHT = 8.4, 18.0  # of a character
_PADDING = 14.0
_LONGEST = 0.5  # seconds that nothing moves, but for the end
_LAST = 7.0
_TYPED = 0.04  # seconds a letter
_SHORTEST = 0.35
_FASTER = 3  # than it was
_COLOURS = {
    "default": "#e6e3dc",
    "green": "#7bd8a0",
    "red": "#ff8a7d",
    "cyan": "#6fcfe0",
    "brown": "#e3b866",  # what pyte calls yellow
    "yellow": "#e3b866",
    "white": "#ffffff",
    "black": "#5c6165",
}

_Line = tuple[tuple[int, str, str, bool], ...]


class Frame(NamedTuple):
    """What a terminal shows for some seconds: lines of pieces, each at a column in a colour."""

    lines: tuple[_Line, ...]
    seconds: float


def record(command: Sequence[str], shown: str, folder: Path) -> list[Frame]:
    """Run a command on a terminal of its own, and return what could be seen.

    Args:
        command: The command.
        shown: What is typed for it.
        folder: Where it runs.
    """
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    frames: list[Frame] = []
    for end in range(len(shown) + 1):
        screen.reset()
        stream.feed(f"\x1b[32m$\x1b[0m {shown[:end]}".encode())
        frames.append(Frame(_lines(screen), _TYPED))
    stream.feed(b"\r\n")
    seen, since = _lines(screen), time.monotonic()
    for data in _written(command, folder):
        stream.feed(data)
        now = time.monotonic()
        if now - since >= _SHORTEST and (lines := _lines(screen)) != seen:
            frames.append(Frame(seen, min((now - since) / _FASTER, _LONGEST)))
            seen, since = lines, now
    return [*frames, Frame(seen, _LONGEST), Frame(_lines(screen), _LAST)]


def _written(command: Sequence[str], folder: Path) -> Iterator[bytes]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    with subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ):
        os.close(theirs)
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # how a terminal ends on Linux
                break
            if not data:
                break
            yield data
    os.close(ours)


def _lines(screen: Any) -> tuple[_Line, ...]:
    return tuple(_line(screen.buffer[row]) for row in range(ROWS))


def _line(cells: Any) -> _Line:
    pieces: list[tuple[int, str, str, bool]] = []
    styled = ((column, cells[column]) for column in range(COLUMNS))
    for (colour, bold), run in groupby(styled, lambda at: (at[1].fg, at[1].bold)):
        found = list(run)
        text = "".join(cell.data for _, cell in found).rstrip()
        if text:
            pieces.append((found[0][0], text, _COLOURS.get(colour, _COLOURS["default"]), bold))
    return tuple(pieces)


def svg(frames: Sequence[Frame], label: str) -> str:
    """Return frames as an SVG; whoever wants nothing to move sees the last one.

    The frames stand side by side, and the picture moves from one to the next. Lines that are the
    same in several of them are drawn once and used again.
    """
    width = COLUMNS * _WIDTH + 2 * _PADDING
    height = ROWS * _HEIGHT + 2 * _PADDING
    names = {line: f"l{n}" for n, line in enumerate(dict.fromkeys(_all_lines(frames)))}
    defined = "".join(f'<g id="{name}">{_drawn(line)}</g>' for line, name in names.items())
    used = "".join(
        f'<use href="#{names[line]}" x="{n * width:g}" y="{row * _HEIGHT:g}"/>'
        for n, frame in enumerate(frames)
        for row, line in enumerate(frame.lines)
        if line
    )
    total, at, stops = sum(frame.seconds for frame in frames), 0.0, list[str]()
    for n, frame in enumerate(frames):
        stops.append(f"{100 * at / total:.2f}%{{transform:translateX({-n * width:g}px)}}")
        at += frame.seconds
    last = f"translateX({-(len(frames) - 1) * width:g}px)"
    style = (
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}"
        f"@keyframes k{{{''.join(stops)}100%{{transform:{last}}}}}"
        f"#f{{transform:{last};animation:k {total:.2f}s step-end infinite}}"
        "@media(prefers-reduced-motion:reduce){#f{animation:none}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' width="{width:g}" height="{height:g}"><title>{escape(label)}</title>'
        f"<style>{style}</style><defs>{defined}</defs>"
        f'<rect x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10"'
        ' fill="#16191c" stroke="#4a5056"/>'
        f'<svg x="{_PADDING:g}" y="{_PADDING:g}" width="{width - 2 * _PADDING:g}">'
        f'<g id="f">{used}</g></svg></svg>\n'
    )


def _all_lines(frames: Sequence[Frame]) -> Iterator[_Line]:
    return (line for frame in frames for line in frame.lines if line)


def _drawn(line: _Line) -> str:
    pieces: list[str] = []
    for column, text, colour, bold in line:
        weight = ' font-weight="bold"' if bold else ""
        pieces.append(
            f'<text x="{column * _WIDTH:g}" y="{_HEIGHT * 0.75:g}" fill="{colour}"{weight}'
            f' textLength="{len(text) * _WIDTH:g}">{escape(text)}</text>'
        )
    return "".join(pieces)
