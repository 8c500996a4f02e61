"""Whether files can be written where they are to go: found before anything is paid for."""

import errno
import os
from pathlib import Path

from audio_enhance import AudioEnhanceError, InvalidInputError, OutputError
from audio_enhance._transfer.part_file import try_writing

from .outcome import near
from .streams import output_trouble


def check_results(folder: Path) -> None:
    """Make the folder for results, and try to write there; blocks.

    Raises:
        InvalidInputError: Nothing can be written there.
    """
    try:
        try_writing(folder)
    except OutputError as error:
        why = error.__cause__.strerror if isinstance(error.__cause__, OSError) else error
        raise InvalidInputError(
            f"The results cannot be written to {near(folder)}: {why}.",
            hint="Check who may write there, or choose another folder with --output-dir.",
        ) from None


def check_output() -> None:
    """See whether results can be told on standard output.

    Raises:
        InvalidInputError: It is closed, for example.
    """
    if trouble := output_trouble():
        raise InvalidInputError(trouble, hint="--json prints there: leave it out, or mend that.")


def is_full(error: AudioEnhanceError | None) -> bool:
    """Whether there was no room for a result: there will be none for others either."""
    cause = error.__cause__ if isinstance(error, OutputError) else None
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def check_report(path: Path) -> None:
    """See whether a report can be written.

    Raises:
        InvalidInputError: It cannot.
    """
    if path.is_dir():
        why, hint = "it is a folder", "Give a file's name."
    elif not path.parent.is_dir():
        why, hint = "there is no such folder", "Make the folder first."
    elif not os.access(path.parent, os.W_OK):
        why, hint = "Permission denied", "Check who may write there, or choose another place."
    else:
        return
    raise InvalidInputError(f"The report cannot be written to {near(path)}: {why}.", hint=hint)
