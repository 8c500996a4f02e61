"""A recording as it is written down, for the application's next start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._admission import recognised
from ._kept import Kept
from ._problems import Problem
from ._recording import Recording, Stage
from ._session import Session
from ._shelf import Shelf

_OF_ANY_KIND = "application/octet-stream"


def entry_of(recording: Recording, session: Session) -> dict[str, Any] | None:
    """Return what is to be written down of a recording; `None` where it is not here.

    Args:
        recording: The recording.
        session: Whose it is.
    """
    if recording.original is None or recording.original.path is None:
        return None
    return {
        "session": session.name,
        "number": recording.number,
        "id": recording.id,
        "key": recording.key,
        "service": recording.service,
        "name": recording.name,
        "strength": recording.strength,
        "stage": recording.stage.value,
        "ended_at": recording.ended_at,
        "notes": recording.notes,
        "problem": recording.problem and recording.problem.document(),
        "original": _file(recording.original),
        "result": recording.result and _file(recording.result),
    }


def _file(kept: Kept) -> dict[str, Any]:
    assert kept.path is not None
    return {
        "file": kept.path.name,
        "size": kept.byte_size,
        "type": kept.content_type,
        "figures": kept.figures,
    }


def remembered(
    entry: dict[str, Any],
    shelf: Shelf,
    originals: dict[str, Kept],
    made: Callable[[str, str, int, Kept], Recording],
) -> Recording | None:
    """Return the recording that an entry is about; `None` where its files are gone.

    Args:
        entry: What `entry_of` returned.
        shelf: Where the files are.
        originals: Those that were found before, by the names of their files; added to.
        made: Makes a recording of its id, name, strength and original.
    """
    original = _found(entry["original"], entry["name"], shelf, originals)
    if original is None or original.path is None:
        return None
    original.source = recognised(original.path, entry["name"])
    recording = made(entry["id"], entry["name"], entry["strength"], original)
    recording.received = recording.byte_size
    recording.number = entry["number"]
    recording.key = entry.get("key", recording.key)
    recording.service = entry.get("service")
    recording.notes = entry.get("notes", [])
    result = entry["result"] and _found(entry["result"], entry["name"], shelf, {})
    stage = Stage(entry["stage"])
    if result:
        result.hold()
        recording.result = result
    if stage in (Stage.FAILED, Stage.CANCELLED) or result:
        recording.stage = stage
        recording.ended_at = entry["ended_at"]
        if problem := entry["problem"]:
            recording.problem = Problem(
                problem["status"], problem["code"], problem["title"], hint=problem["detail"]
            )
    else:
        recording.stage = Stage.WAITING  # its job is gone on with
    return recording


def _found(file: dict[str, Any], name: str, shelf: Shelf, known: dict[str, Kept]) -> Kept | None:
    at = Path(file["file"]).name
    if at not in known:
        path = shelf.folder / at
        if not path.is_file() or path.stat().st_size != file["size"]:
            return None
        # Of an original its name tells, later.
        known[at] = shelf.kept(path, name, file["size"], file["type"] or _OF_ANY_KIND)
        known[at].figures = file["figures"]
    return known[at]
