"""What became of one source, for programs and for people."""

import json
import os
from pathlib import Path, PurePath
from typing import Any

from rich.text import Text

from audio_enhance import AudioEnhanceError, Outcome, OutputError, path_of

from .text import shown

# What the library's hints call something that has a name on the command line.
_OPTIONS = {
    "allow overwriting": "run enhance with --overwrite",
    "give its content type": "give --content-type",
    'Use v2: EnhanceClient(…, api_version="v2"), or --api-version v2': "Add --api-version v2",
    "Redo it for another one": "enhance --redo makes another one",
}


def print_json(outcome: Outcome) -> None:
    """Print the line of `--json`; blocks as long as its reader does.

    Raises:
        OutputError: Nobody reads it any more, or it cannot be written.
    """
    try:
        print(json.dumps(fields_of(outcome)), flush=True)  # noqa: T201
    except OutputError as error:
        error.hint = "Run it again to continue. Finished recordings are skipped."
        raise


def fields_of(outcome: Outcome) -> dict[str, Any]:
    """Return what `--json` says of it."""
    return {
        "source": outcome.name,
        "strength": outcome.strength,
        "status": outcome.status,
        "path": outcome.url if outcome.path is None else str(outcome.path),
        "asset_id": outcome.asset_id,
        "enhancement_id": outcome.enhancement_id,
        "error": _error_text(outcome),
    }


def _error_text(outcome: Outcome) -> str | None:
    error = outcome.error
    if error is None:
        return None
    if not outcome.not_started:
        return str(error)
    # What stopped the batch happened to another recording, with a name and ids of its own.
    return " ".join(filter(None, ("Not started:", error.message, error.hint)))


def line_of(outcome: Outcome, *, again: bool = False) -> Text:
    """Return the line for people.

    Args:
        outcome: What became of it.
        again: Whether a failure is not the last word.
    """
    name = shown(near(outcome.name))
    if outcome.error is not None:
        what = shown(reason(outcome.error))
        label = ("later ", "yellow") if again else ("failed", "red")
        return Text.assemble(label, f"  {name} at {outcome.strength}: {what}")
    label = ("before", "dim") if outcome.status == "skipped" else ("done  ", "green")
    note = "" if outcome.note is None else shown(in_our_words(outcome.note))
    if note and outcome.status == "skipped":
        return Text.assemble(label, f"  {name}: {note}")
    path = shown(outcome.url or "") if outcome.path is None else shown(near(outcome.path))
    return Text.assemble(label, f"  {name} ", ("→ ", "dim"), path, f"  {note}" if note else "")


def reason(error: AudioEnhanceError) -> str:
    """Return why it failed, with what its server's support would ask for."""
    about = [error.phase.value] if error.phase else []
    if error.request_id:
        about.append(f"request {error.request_id}")
    return error.message + (f" [{', '.join(about)}]" if about else "")


def advice(error: AudioEnhanceError) -> str:
    """Return what to do about it, with the options of the command line by their names."""
    return in_our_words(error.hint or "")


def in_our_words(text: str) -> str:
    """Return what the library says with the options of the command line by their names."""
    for said, option in _OPTIONS.items():
        text = text.replace(said, option)
    return text


def near(path: str | PurePath) -> str:
    """Return a path as seen from the current folder, if it is in there; a URL as it is."""
    path, here = path_of(path), Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)
