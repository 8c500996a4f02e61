"""Standard output and standard error, which may be closed, full, or short of letters."""

import codecs
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NUMBERS = (0, 1, 2)
_READ_BYTES = 1 << 20
# What stands for marks of ours where an encoding lacks them; other letters are escaped.
_PLAIN = {"→": "->", "…": "...", "·": "-"}
_FAILED = "Standard output cannot be written to"
_WHY = {
    errno.EPIPE: "Nobody reads standard output any more.",
    errno.EBADF: f"{_FAILED}: it is closed.",
}


def prepare() -> None:
    """Make both usable, whatever they are; before anything else is opened.

    What cannot be printed on standard output is an `OutputError`, and said once; what cannot
    be printed on standard error is nobody's to read, and the work goes on.
    """
    _fill()
    codecs.register_error("audio_enhance", _shown_plainly)
    if sys.platform == "win32":  # whose console is no file
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.reconfigure(errors="audio_enhance")
        return
    out, err = (getattr(stream, "encoding", None) for stream in (sys.stdout, sys.stderr))
    sys.stdout = _text(_Output(1), out, by_line=os.isatty(1))
    sys.stderr = _text(_Messages(2), err, by_line=True)


def output_trouble() -> str:
    """Return why nothing can be printed on standard output, if that is known already."""
    try:
        os.write(1, b"")
    except OSError as error:
        return _reason(error)
    return ""


def read_input(count: int | None = None) -> bytes:
    """Return that many bytes of standard input, fewer at its end. Blocks as long as it takes.

    Args:
        count: How many; all of them if `None`.
    """
    data = bytearray()
    while count is None or len(data) < count:
        try:
            part = os.read(0, _READ_BYTES if count is None else count - len(data))
        except BlockingIOError:  # others on the same pipe made it one that does not block
            select.select([0], [], [])
            continue
        if not part:
            break
        data += part
    return bytes(data)


def write_output(data: bytes) -> None:
    """Write bytes to standard output. Blocks as long as its reader does.

    Raises:
        BrokenPipeError: Nobody reads it any more.
        OutputError: It cannot be written to.
    """
    output, left = _Descriptor(1), memoryview(data)
    try:
        while left:
            left = left[output.write(left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        from audio_enhance import OutputError

        raise OutputError(_reason(error)) from error


def _reason(error: OSError) -> str:
    return _WHY.get(error.errno or 0) or f"{_FAILED}: {error.strerror}."


def _fill() -> None:
    """Open what is closed, or the next file that is opened would have its number.

    For reading, so that it still cannot be written to.
    """
    while (number := os.open(os.devnull, os.O_RDONLY)) in _NUMBERS:
        os.set_inheritable(number, True)
    os.close(number)


def _text(raw: io.RawIOBase, encoding: str | None, *, by_line: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding or "utf-8", "audio_enhance", line_buffering=by_line
    )


def _shown_plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    escaped = (c.encode("ascii", "backslashreplace").decode() for c in letters)
    return "".join(_PLAIN.get(c, e) for c, e in zip(letters, escaped, strict=True)), error.end


class _Descriptor(io.FileIO):
    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)

    def write(self, data: "ReadableBuffer", /) -> int:
        # None where other programs on the same terminal made it one that does not block.
        while (written := super().write(data)) is None:
            select.select([], [self], [])
        return written


class _Output(_Descriptor):
    _failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        if self._failed:  # said already; Python itself tries once more at its end
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._failed = True
            from audio_enhance import OutputError

            raise OutputError(_reason(error)) from None


class _Messages(_Descriptor):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
