"""Where a report goes: into a file, which appears whole, or down a pipe or a device."""

import asyncio
import errno
import os
import secrets
import stat
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rich.text import Text

from audio_enhance import AUDIO_SUFFIXES, InvalidInputError, Journal
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.input.places import check_output
from audio_enhance.cli.input.recordings import is_result

_STANDARD_OUTPUT = 1
_LOOK_AGAIN_SECONDS = 0.2


class ReportPlace:
    """Where `--report` points.

    A file is written beside its place and renamed; what a link points to is replaced, and not
    the link. What is no file is written to, and what is standard output or standard error, by
    whatever name, goes where those go.
    """

    def __init__(self, path: Path) -> None:
        self.name = "standard output" if str(path) == "-" else near(path)
        self._path = path
        self._pipe: int | None = None

    def check(self, spared: Iterable[str | Path]) -> None:
        """See whether a report can be written.

        Args:
            spared: Recordings and journals, which it must not replace.

        Raises:
            InvalidInputError: It cannot.
        """
        if self._descriptor() == _STANDARD_OUTPUT:
            check_output()
        elif self._descriptor() is None and (trouble := self._trouble(spared)):
            why, hint = trouble
            raise InvalidInputError(
                f"The report cannot be written to {self.name}: {why}.", hint=hint
            )

    @property
    def is_standard_output(self) -> bool:
        """Whether it goes where results are printed."""
        return self._descriptor() == _STANDARD_OUTPUT

    @property
    def file(self) -> Path | None:
        """Return the file that it is or will be; `None` for what is no file."""
        status = _status(self._path)
        if self._descriptor() is not None or (status and not stat.S_ISREG(status.st_mode)):
            return None
        return Path(os.path.realpath(self._path))

    async def wait_for_reader(self, *, quiet: bool = False) -> None:
        """Wait until somebody reads the pipe that it is; returns at once where it is none.

        That it waits is said unless `quiet`.

        Opening it would wait as well, but in a thread, which no Ctrl-C ends.
        """
        told = False
        while self._is_unread_pipe():
            if not told and not quiet:
                error_console().print(Text(f"Waiting until somebody reads {self.name}."))
                told = True
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    @contextmanager
    def opened(self) -> Generator[IO[str]]:
        """Open it for writing; a file has its place when this ends.

        Raises:
            OSError: It cannot be written.
        """
        number = self._descriptor()
        if number is not None:
            sys.stdout.flush()  # what was printed before comes before
            # A copy, so that closing it closes nothing of ours.
            with open(os.dup(number), "w", encoding="utf-8") as file:  # noqa: PTH123
                yield file
            return
        status = _status(self._path)
        if status is not None and not stat.S_ISREG(status.st_mode):
            if self._is_unread_pipe():
                raise OSError(errno.ENXIO, "nobody reads it")
            number, self._pipe = self._pipe, None
            if number is None:
                number = os.open(self._path, os.O_WRONLY)
            with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123
                yield file
            return
        real = Path(os.path.realpath(self._path))
        # A name that nobody can know before, and nothing that is there already.
        part = real.with_name(f".audio-enhance-{secrets.token_hex(8)}.part")
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123
                if status is not None and os.name == "posix":
                    os.fchmod(number, stat.S_IMODE(status.st_mode))
                yield file
            part.replace(real)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _is_unread_pipe(self) -> bool:
        """Whether it is a pipe that nobody reads; one that is read stays open from now on."""
        status = _status(self._path)
        if self._pipe is not None or self._descriptor() is not None:
            return False
        if status is None or not stat.S_ISFIFO(status.st_mode):
            return False
        try:
            self._pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            return error.errno == errno.ENXIO  # who opens it for good hears of all others
        os.set_blocking(self._pipe, True)
        return False

    def _descriptor(self) -> int | None:
        """Return which of our own streams it is, if it is one."""
        if str(self._path) == "-":
            return _STANDARD_OUTPUT
        status = _status(self._path)
        for number in (_STANDARD_OUTPUT, 2):
            with suppress(OSError):
                if status is not None and os.path.samestat(status, os.fstat(number)):
                    return number
        return None

    def _trouble(self, spared: Iterable[str | Path]) -> tuple[str, str] | None:
        status = _status(self._path)
        other = "Choose another place."
        if status is not None and stat.S_ISDIR(status.st_mode):
            return "it is a folder", "Give a file's name."
        if status is not None and not stat.S_ISREG(status.st_mode):
            if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)):
                return "it is a disk or a socket", other  # a disk would lose what is on it
            writable = os.access(self._path, os.W_OK)
            return None if writable else ("Permission denied", other)
        real = Path(os.path.realpath(self._path))
        if real.is_symlink():
            return "the link leads back to itself", other
        if not real.parent.is_dir():
            return "there is no such folder", "Make the folder first."
        if not os.access(real.parent, os.W_OK):
            return "Permission denied", f"Check who may write there. {other}"
        if real.suffix.lower() in AUDIO_SUFFIXES or is_result(real):
            return "it has the name of a recording or a result", other
        if any(str(path) == str(real) or _is_same(status, path) for path in spared):
            return "that is a recording or the journal", other
        if Journal.recognises(real):
            return "that is the journal of another run", other
        return None


def _status(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None


def _is_same(status: os.stat_result | None, path: str | Path) -> bool:
    other = None if status is None else _status(path)
    return status is not None and other is not None and os.path.samestat(status, other)
