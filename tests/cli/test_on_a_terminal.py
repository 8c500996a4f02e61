"""The command on a terminal, which a pseudo-terminal stands in for."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.commands.test_enhance import make

from .support import SIGINT, Command, ended

if sys.platform == "win32":
    pytest.skip("has no pseudo-terminals of this kind", allow_module_level=True)

import fcntl
import pty
import struct
import termios

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


async def on_terminal(
    command: Command, *arguments: str, ctrl_c_after: str = "", **environment: str
) -> tuple[int, str]:
    """Run a command on a terminal of 60 columns; return its status and what it wrote there.

    Args:
        command: The command.
        arguments: Its arguments.
        ctrl_c_after: When it has written this, Ctrl-C is pressed, which writes "^C" there.
        environment: What else is in its environment.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    written, waiting = bytearray(), bool(ctrl_c_after)
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        nonlocal waiting
        try:
            written.extend(os.read(master, 65536))
            if waiting and ctrl_c_after.encode() in written:
                waiting = False
                written.extend(b"^C")
                process.send_signal(SIGINT)
        except OSError:  # EIO: nobody has the other end open any more
            loop.remove_reader(master)
            closed.set()

    loop.add_reader(master, read)
    process = await command.start_on(slave, *arguments, **environment)
    os.close(slave)
    run = await ended(process)
    await closed.wait()
    os.close(master)
    assert run.status is not None
    assert run.out == ""
    return run.status, written.decode()


async def test_progress_is_drawn_and_taken_away(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav")
    (tmp_path / "empty\x1b]0;title\x07.wav").touch()
    status, seen = await on_terminal(command, "enhance", ".")
    assert status == 1
    assert "server: idle" in seen
    assert "3 left" in seen
    assert "2 enhanced, 1 failed" in seen
    assert r"empty\x1b]0;title\x07.wav" in seen
    assert "\x1b]0;" not in seen
    assert COLOUR.search(seen)
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is back


async def test_no_colour_where_none_is_wanted(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    status, seen = await on_terminal(command, "enhance", "a.wav", "missing.wav", NO_COLOR="1")
    assert status == 1
    assert "1 enhanced" in seen
    assert not COLOUR.search(seen)


async def test_a_dumb_terminal_gets_plain_lines(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    status, seen = await on_terminal(command, "enhance", "a.wav", TERM="dumb")
    assert status == 0
    assert "\x1b" not in seen


@pytest.mark.parametrize(
    ("arguments", "when"),
    [
        (("serve",), "Press Ctrl-C to stop it.\r\n"),
        (("web", "--port", "0"), "Press Ctrl-C to stop it.\r\n"),
        (("serve", "--", "sh", "-c", "echo ready >&2; exec sleep 9"), "ready\r\n"),
    ],
)
async def test_what_comes_after_ctrl_c_begins_a_line(
    alone: Command, arguments: tuple[str, ...], when: str
) -> None:
    _, seen = await on_terminal(alone, *arguments, ctrl_c_after=when)
    assert seen.partition("^C")[2] == "\r\n"
