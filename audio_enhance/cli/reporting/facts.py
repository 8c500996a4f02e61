"""What a report says of one source at one strength, from a run or from its journal."""

import re
from typing import Any, TypeAlias

from audio_enhance import EntryState, JournalEntry, Outcome
from audio_enhance.cli.display.outcome import fields_of

from .spool import Row

#: The status of what has no outcome yet; the others are those of `--json`.
UNFINISHED = "unfinished"
#: What is known of a file: figures and pictures, or `trouble` where it cannot be measured.
Side: TypeAlias = dict[str, Any]
#: Of more results than this a page is a table alone, which a browser opens. Each of them has
#: some 17 kB of pictures, and two players.
MOST_PICTURED = 2_000
#: What is measured of a file.
FIGURES = ("duration", "noise_floor", "speech_level", "loudness", "true_peak")
# Of what is not even this loud 10 % of the time, in dBFS, nothing is heard.
_SILENT = -70.0
# Noise in pauses that nobody hears, in dBFS: if it changes, that is no news.
_INAUDIBLE = -80.0
# What 16 bits cannot hold, in dBFS: a level below is as good as none at all.
_NOTHING = -100.0
# Where what is loud is not by so many dB above what is quiet, there is no speech with pauses.
_LEAST_ABOVE = 10.0
# What is no louder than this is not heard at all; -70 LUFS is where EBU R 128 begins to count.
_LEAST = {"noise_floor": _NOTHING, "speech_level": _NOTHING, "loudness": -70.0}
#: What has a result.
WITH_RESULT = ("succeeded", "skipped")

# What stands between the message of an error and what to do about it.
_IDS = re.compile(r" \[(?:phase|asset|enhancement|request) [^\]]*\]")
_STATUS = {EntryState.SUCCEEDED: "succeeded", EntryState.FAILED: "failed"}


def of_outcome(outcome: Outcome) -> Row:
    """Return what a run knows of it."""
    error = outcome.error
    return fields_of(outcome) | {
        "not_started": outcome.not_started,
        "note": outcome.note,
        "hint": error and error.hint,
        "retryable": error and error.retryable,
        "extra_enhancements": outcome.extra_enhancements,
        "failed_enhancements": outcome.failed_enhancements,
    }


def of_entry(entry: JournalEntry) -> Row:
    """Return what a journal knows of it."""
    status = _STATUS.get(entry.state, UNFINISHED)
    return {
        "source": entry.source,
        "strength": entry.strength,
        "status": status,
        "state": entry.state.value,
        "path": entry.output if status == "succeeded" else None,
        "asset_id": entry.asset_id,
        "enhancement_id": entry.enhancement_id,
        "error": entry.error if status == "failed" else None,
        "extra_enhancements": entry.extra,
    }


def is_elsewhere(name: str) -> bool:
    """Whether a recording is in a bucket or on a web server."""
    return "://" in name


def reason(row: Row) -> str:
    """Return why it failed, without the name that it begins with, ids and what to do."""
    return _parts(row)[0] or "No reason was recorded."


def hint(row: Row) -> str:
    """Return what to do about a failure; empty where nothing is known."""
    return row.get("hint") or _parts(row)[1]


def _parts(row: Row) -> tuple[str, str]:
    """Return the message of an error's text, and what follows the ids in it."""
    text = (row["error"] or "").removesuffix(row.get("hint") or "")
    name, colon, rest = text.partition(": ")
    # A journal has the whole path, and the text has it as it was given.
    if colon and row["source"].endswith(name.removeprefix("./")):
        text = rest
    message, *more = _IDS.split(text, maxsplit=1)
    return message.strip(), " ".join(more).strip()


def figure(side: Side | None, name: str) -> float | None:
    """Return a figure of a side, `None` if there is none; `above` is speech above noise."""
    if name != "above":
        value: float | None = None if side is None else side.get(name)
        least = _LEAST.get(name)
        return None if value is None or (least and (_is_silent(side) or value <= least)) else value
    speech, noise = figure(side, "speech_level"), figure(side, "noise_floor")
    return None if speech is None or noise is None else speech - noise


def noise_removed(row: Row) -> float | None:
    """Return by how many dB the noise in pauses fell; `None` if that is not known."""
    before, after = (_noise(row.get(side)) for side in ("before", "after"))
    return None if before is None or after is None or why_no_figure(row) else before - after


def why_no_figure(row: Row) -> str:
    """Return why it does not say how far the noise fell, though it was measured; or nothing."""
    before, after = row.get("before"), row.get("after")
    noise = _noise(before)
    if noise is None or _noise(after) is None:
        return ""
    if _is_silent(before):
        return "The recording is silent."
    if noise <= _INAUDIBLE:
        return "There was no noise in the pauses."
    if max(figure(side, "above") or 0.0 for side in (before, after)) < _LEAST_ABOVE:
        return "There are no pauses to measure the noise in."
    return ""


def _noise(side: Side | None) -> float | None:
    """Return the noise in the pauses of a side, as far as there can be less of it."""
    value = None if side is None else side.get("noise_floor")
    return None if value is None else max(value, _NOTHING)


def _is_silent(side: Side | None) -> bool:
    speech = None if side is None else side.get("speech_level")
    return speech is not None and speech <= _SILENT
