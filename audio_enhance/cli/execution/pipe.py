"""`audio-enhance enhance -`: one recording in on standard input, the clean one out on the other."""

import os
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import attrs
import click
from click.core import ParameterSource
from rich.text import Text

from audio_enhance import (
    AudioEnhanceError,
    InvalidInputError,
    InvalidSourceError,
    OutputError,
    Source,
    SystemClock,
    UnsupportedMediaTypeError,
    content_type_of,
    recording_suffixes,
    safe_name,
)
from audio_enhance.cli.display.log import logged
from audio_enhance.cli.display.outcome import advice, reason
from audio_enhance.cli.display.painters import painter_for
from audio_enhance.cli.display.progress import Progress
from audio_enhance.cli.display.screen import Screen, error_console, say
from audio_enhance.cli.display.streams import output_trouble, read_input, write_output
from audio_enhance.cli.display.text import about, duration, shown
from audio_enhance.cli.input.lengths import length_of
from audio_enhance.cli.threads import abandonable, to_its_end

from .service import Connection

#: What stands for standard input, and then also for standard output.
PIPE = "-"
_PIECE_BYTES = 1 << 20
_HEAD_BYTES = 64  # the marks of formats are in fewer
# What a shell says of a program that SIGPIPE ended: 128 and its number.
_NOBODY_READS = 141
# The options that one recording has a use for which comes and goes.
_USED = frozenset(
    {
        *("files", "filename", "strengths", "content_type", "delete_uploads", "quiet", "verbose"),
        *("credentials", "local", "workers", "cluster", "engine", "api_version"),
    }
)


def is_pipe(files: Sequence[str]) -> bool:
    """Whether a command is about the recording on standard input.

    Raises:
        UsageError: It is about others, too.
    """
    if PIPE not in files:
        return False
    if len(files) > 1:
        raise click.UsageError("- is the only one of FILES: one recording goes through a pipe.")
    return True


def check_pipe(
    context: click.Context,
    strengths: Sequence[int],
    filename: str | None,
    content_type: str | None,
) -> None:
    """See that there is a pipe, and that nothing else is asked for.

    Raises:
        UsageError: An option has no meaning there, or one end is a terminal.
        InvalidInputError: Standard output is closed.
        UnsupportedMediaTypeError: The API does not take what `filename` ends in.
    """
    for option in context.command.params:
        name = option.name or ""
        # What the environment says is meant for other runs.
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and name not in _USED:
            raise click.UsageError(f"With -, leave out {option.opts[-1]}.")
    if len(strengths) > 1:
        raise click.UsageError("With -, there is one result: give one --strength.")
    suffix = Path(filename or "").suffix.lower()
    if suffix and suffix not in recording_suffixes() and content_type is None:
        content_type_of(filename or "")
    example = "audio-enhance enhance - < talk.wav > clean.wav"
    if os.isatty(0):
        raise click.UsageError(f"Standard input is a terminal. Give it a recording: {example}")
    if os.isatty(1):
        raise click.UsageError(
            f"The result goes to standard output, which is a terminal. Redirect it: {example}"
        )
    if trouble := output_trouble():
        raise InvalidInputError(trouble, hint=f"The result goes there. For example: {example}")


@attrs.frozen(kw_only=True)
class Pipe:
    """One recording on its way through.

    Nothing is written to standard output before the result is complete.

    Attributes:
        strength: How much it is enhanced, 0 to 100.
        filename: What it is called; its first bytes tell its type where that is `None`.
        content_type: Sent instead of the type that the name stands for.
        delete_uploads: Whether the upload is deleted at the server.
        quiet: Whether nothing is said but failures.
        verbose: Whether the log is shown.
    """

    strength: int
    filename: str | None = None
    content_type: str | None = None
    delete_uploads: bool = False
    quiet: bool = False
    verbose: bool = False

    async def run(self, service: Connection) -> int:
        """Enhance what is on standard input, and return the exit status."""
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="audio-enhance-") as name:
                folder = Path(name)
                recording = await self._received(folder)
                result = await self._enhanced(service, recording, folder / "result")
                audio = None if self.quiet else await to_its_end(partial(length_of, result))
                await abandonable(partial(_send, result))
        except BrokenPipeError:
            return _NOBODY_READS
        except AudioEnhanceError as error:
            _tell(service.reason_of(error))
            return 1
        if not self.quiet:
            what = ""
            if audio is not None:
                length = about(duration(audio.seconds), is_estimate=audio.is_estimate)
                what = f" {length} of audio"
            taken = duration(time.monotonic() - began)
            say(error_console(), f"Enhanced{what} in {taken}.")
        return 0

    async def _received(self, folder: Path) -> Path:
        """Write what arrives to a file that is called as it should be, and return its path."""
        head = await _piece(_HEAD_BYTES)
        path = folder / self._name(head)
        try:
            with path.open("wb", buffering=0) as file:
                while head:
                    await to_its_end(partial(file.write, head))
                    head = await _piece(_PIECE_BYTES)
        except OSError as error:
            raise OutputError(
                f"There is no place for what arrives on standard input: {error.strerror}.",
                hint="Make room for temporary files, or name another folder for them in TMPDIR.",
            ) from error
        return path

    def _name(self, head: bytes) -> str:
        if not head:
            raise InvalidSourceError("Nothing arrived on standard input.")
        name = safe_name(self.filename or "")
        if name and (Path(name).suffix or self.content_type):
            return name
        try:
            return Source.from_bytes(head, content_type=self.content_type).filename
        except UnsupportedMediaTypeError as error:
            raise UnsupportedMediaTypeError(
                "The first bytes on standard input do not tell which audio format it is.",
                hint="Name it, with --filename talk.mp3 for example, or give --content-type.",
            ) from error

    async def _enhanced(self, service: Connection, path: Path, results: Path) -> Path:
        size = await to_its_end(lambda: path.stat().st_size)
        progress = Progress([(str(path), self.strength)], {str(path): size}, SystemClock())
        progress.share_done = service.share_done
        screen = Screen(painter_for(error_console(), progress, quiet=self.quiet))
        kind = self.content_type
        async with screen:
            with logged(screen.say, verbose=self.verbose, outcomes=True):
                result = await service.client.enhance(
                    str(path) if kind is None else Source.from_path(path, content_type=kind),
                    strength=self.strength,
                    output_dir=results,
                    delete_assets=self.delete_uploads,
                    on_event=progress.on_event,
                )
        return result.path


async def _piece(count: int) -> bytes:
    try:
        return await abandonable(partial(read_input, count))
    except OSError as error:
        raise InvalidSourceError(f"Standard input cannot be read: {error.strerror}.") from error


def _send(result: Path) -> None:
    with result.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            write_output(piece)


def _tell(error: AudioEnhanceError) -> None:
    console = error_console()
    # Not its name, which is that of a temporary file.
    say(console, Text.assemble(("Error: ", "bold red"), shown(reason(error))))
    if hint := advice(error):
        say(console, shown(hint))
