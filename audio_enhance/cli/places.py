"""Whether files can be written where they are to go: found before anything is paid for."""

import errno
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


def journal_files(journal: Path) -> list[Path]:
    """Return a journal and what lies beside it while a run is at work on it."""
    real = journal.resolve()
    return [real, *(real.with_name(real.name + end) for end in ("-wal", "-shm", ".lock"))]


def is_full(error: AudioEnhanceError | None) -> bool:
    """Whether there was no room for a result: there will be none for others either."""
    cause = error.__cause__ if isinstance(error, OutputError) else None
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
