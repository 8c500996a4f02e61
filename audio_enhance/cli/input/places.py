"""Whether files can be written where they are to go: found before anything is paid for."""

import errno
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath

import click

from audio_enhance import AudioEnhanceError, InvalidInputError, OutputError, check_output_place
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.streams import output_trouble
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.journals import JOURNAL_SUFFIX

from .settings import MARK_NAME, MARK_TEMPLATE, Settings

_MARK = "Results of audio-enhance are in this folder: it takes none for a recording.\n"
_BLOCK_BYTES = 4096  # a file system gives out no less


def check_results(folder: PurePath) -> None:
    """Make the folder for results, and write a little there that has no name; blocks.

    Tried, since permissions tell nothing of a file system that is full or read-only.

    Raises:
        InvalidInputError: Nothing can be written there.
    """
    if not isinstance(folder, Path):
        try:
            check_output_place(folder)
        except OutputError as error:
            raise InvalidInputError(error.message, hint=error.hint) from None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".audio-enhance-", buffering=0) as file:
            file.write(bytes(_BLOCK_BYTES))
    except OSError as error:
        # A file in the folder's place "exists", which is no trouble by itself.
        number = errno.ENOTDIR if isinstance(error, FileExistsError) else error.errno or 0
        raise InvalidInputError(
            f"The results cannot be written to {near(folder)}: {os.strerror(number)}.",
            hint="Check who may write there, or choose another folder with --output-dir.",
        ) from None


def check_names(settings: Settings, jobs: Iterable[tuple[str, int]]) -> None:
    """See that no two results would have one place by `--mirror` and `--name`.

    Raises:
        UsageError: Two would.
    """
    if settings.placing.is_given and (clash := settings.placing.clash(jobs)):
        one, other, place = clash
        names = shown(near(one)) if one == other else f"{shown(near(one))} and {shown(near(other))}"
        raise click.UsageError(
            f"Two results would be {shown(near(settings.output_dir / place))}, of {names}."
            " Keep them apart with --mirror, or with {folder} or {strength} in --name."
        )


def mark_results(folder: PurePath, journal: Path | None, template: str | None = None) -> None:
    """Leave a sign in a folder that results are in it, where no journal says so; blocks.

    A journal does by its name, in the folder or above it, but not what `--name` calls results. A
    sign that cannot be left is no reason to stop: the results can be written.
    """
    if not isinstance(folder, Path):
        return  # a bucket gets results, and nothing else
    if journal is not None and journal.suffix == JOURNAL_SUFFIX and template is None:
        above = Path(os.path.realpath(journal)).parent
        if Path(os.path.realpath(folder)).is_relative_to(above):
            return
    mark = folder / MARK_NAME
    line = "" if template is None else f"{MARK_TEMPLATE}{template}\n"
    with suppress(OSError, ValueError):
        there = mark.read_text(encoding="utf-8") if mark.is_file() else ""
        if there and line in there:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        with open(os.open(mark, flags, 0o666), "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(("" if there else _MARK) + line)


def check_output() -> None:
    """See whether results can be told on standard output.

    Raises:
        InvalidInputError: It is closed, for example.
    """
    if trouble := output_trouble():
        raise InvalidInputError(trouble, hint="--json prints there. Leave it out, or fix that.")


def journal_files(journal: Path) -> list[Path]:
    """Return a journal and what lies beside it while a run is at work on it."""
    real = journal.resolve()
    return [real, *(real.with_name(real.name + end) for end in ("-wal", "-shm", ".lock"))]


def is_full(error: AudioEnhanceError | None) -> bool:
    """Whether there was no room for a result: there will be none for others either."""
    cause = error.__cause__ if isinstance(error, OutputError) else None
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
