"""What a run that died left on the disk, and the rows that say so."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._recording.claims import remove_part
from audio_enhance._recording.filenames import is_part_name
from audio_enhance._recording.spooled import remove_quietly

from .entry import text_of
from .names import here

if TYPE_CHECKING:
    import sqlite3

    from .database import Database


async def remove_leftovers(database: "Database") -> list[Path]:
    """Remove what a run that died left, and return its part files.

    What was kept for jobs that are over goes, too.

    Only the first time: what is written down later belongs to downloads under way.
    """
    if database.cleaned:
        return []
    database.cleaned = True
    await _remove_kept(database)
    return await _remove_parts(database)


async def _remove_kept(database: "Database") -> None:
    """Remove the data that was kept for jobs that are over."""
    for name in await _texts(database, "spooled", "state IN ('succeeded', 'failed')"):
        await to_its_end(partial(remove_quietly, Path(here(name))))
        await database.rows("UPDATE entries SET spooled = NULL WHERE spooled = ?", name)


async def _remove_parts(database: "Database") -> list[Path]:
    """Remove part files, and return those that were there.

    A file that is not called as part files are is left alone; one that cannot be removed stays
    in the journal.
    """
    removed: list[Path] = []
    for name in await _texts(database, "temporary", "1"):
        path = Path(here(name))
        if is_part_name(path.name):
            try:
                if await to_its_end(partial(remove_part, path)):
                    removed.append(path)
            except (OSError, ValueError):
                continue
        await database.rows("UPDATE entries SET temporary = NULL WHERE temporary = ?", name)
    return removed


async def _texts(database: "Database", column: str, condition: str) -> list[str]:
    """Return what a column of texts has in the rows that a condition is true of."""
    statement = f"SELECT DISTINCT {column} FROM entries WHERE {column} IS NOT NULL AND {condition}"  # noqa: S608

    def read(connection: "sqlite3.Connection") -> list[str]:
        return [text_of(value) for (value,) in connection.execute(statement).fetchall()]

    return await database.run(read)
