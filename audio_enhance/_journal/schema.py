"""The tables of a journal, and how those of earlier versions are brought up to date.

Only `database` imports this module: SQLite takes its time to load.
"""

import sqlite3
from pathlib import Path
from typing import Any

from audio_enhance._core.errors import JournalError
from audio_enhance._core.journal_file import APPLICATION_ID

from .entry import NAMES, loaded, stored, text_of
from .home import HOME, Move, guessed_home
from .names import here, written

OTHER_PATH = "Choose another path for the journal."

_PLACING = """
        placing TEXT,
        placing_size INTEGER,
        placing_modified_ns INTEGER,
        placing_md5 TEXT,
"""
_OF_VERSION_2 = (
    "id, source, strength, state, byte_size, modified_ns, md5, client_id, asset_id,"
    " enhancement_id, output, output_size, output_modified_ns, output_md5, temporary, tries,"
    " extra, error, created_at, updated_at, filename, content_type"
)

# Each step leads from the version that is its index to the next one (PRAGMA user_version).
# Steps are only ever added: journals of every earlier version are brought up by the rest.
MIGRATIONS = (
    """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        strength INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued',
        byte_size INTEGER,
        modified_ns INTEGER,
        md5 TEXT,
        client_id TEXT,
        asset_id TEXT,
        enhancement_id TEXT,
        output TEXT,
        output_size INTEGER,
        output_modified_ns INTEGER,
        output_md5 TEXT,
        temporary TEXT,
        tries INTEGER NOT NULL DEFAULT 0,
        extra INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        UNIQUE (source, strength)
    );
    CREATE INDEX entries_by_md5 ON entries (md5) WHERE md5 IS NOT NULL;
    CREATE INDEX entries_by_output ON entries (output) WHERE output IS NOT NULL;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    ALTER TABLE entries ADD COLUMN filename TEXT;
    ALTER TABLE entries ADD COLUMN content_type TEXT;
    """,
    # What a row is known by has grown by the caller's key, which SQLite can only change in a
    # table that is made anew.
    f"""
    CREATE TABLE entries_3 (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        strength INTEGER NOT NULL,
        key TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT 'queued',
        byte_size INTEGER,
        modified_ns INTEGER,
        filename TEXT,
        content_type TEXT,
        md5 TEXT,
        client_id TEXT,
        asset_id TEXT,
        enhancement_id TEXT,
        output TEXT,
        output_size INTEGER,
        output_modified_ns INTEGER,
        output_md5 TEXT,
        {_PLACING}
        temporary TEXT,
        spooled TEXT,
        gone INTEGER NOT NULL DEFAULT 0,
        tries INTEGER NOT NULL DEFAULT 0,
        extra INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        UNIQUE (source, strength, key)
    );
    INSERT INTO entries_3 ({_OF_VERSION_2}) SELECT {_OF_VERSION_2} FROM entries;
    DROP TABLE entries;
    ALTER TABLE entries_3 RENAME TO entries;
    CREATE INDEX entries_by_md5 ON entries (md5) WHERE md5 IS NOT NULL;
    CREATE INDEX entries_by_output ON entries (output) WHERE output IS NOT NULL;
    CREATE INDEX entries_by_placing ON entries (placing) WHERE placing IS NOT NULL;
    CREATE UNIQUE INDEX entries_by_key ON entries (key) WHERE key != '';
    """,  # noqa: S608  names of our own
)

# So many rows tell where the files of an early journal went.
_LOOKED_AT = 32
# The columns with paths of files, which move with the journal.
_PATHS = ("source", "output", "placing", "temporary", "spooled")


def check(connection: sqlite3.Connection, path: Path, *, writable: bool) -> int:
    """Return the version of a journal, 0 for one that is still to be made.

    Raises:
        JournalError: It is none, or a newer version wrote it.
    """
    owner, version = _number(connection, "application_id"), _number(connection, "user_version")
    [[tables]] = connection.execute("SELECT count(*) FROM sqlite_master")
    new = not version and not tables and owner in (0, APPLICATION_ID)
    if owner != APPLICATION_ID and not (new and writable):
        raise JournalError(f"{path} is not a journal.", hint=OTHER_PATH)
    if new and not writable:
        raise JournalError(f"There is nothing in the journal {path}.", hint="Check the path.")
    if version > len(MIGRATIONS):
        raise JournalError(
            f"The journal {path} was written by a newer version of audio-enhance.",
            hint="Upgrade audio-enhance, or start another journal.",
        )
    return version


def bring_up(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables, or bring them up from an earlier version, each step whole or not at all."""
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def move_in(connection: sqlite3.Connection, folder: Path) -> None:
    """Write down where a journal lies, and where its files are if it was moved with them."""
    home = home_of(connection)
    if home == str(folder):
        return
    if home is None:
        home = early_home(connection, folder)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if home is not None:
            _rewrite(connection, Move(home, str(folder)))
        connection.execute(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (HOME, stored(written(str(folder)))),
        )
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _rewrite(connection: sqlite3.Connection, move: Move) -> None:
    def moved(path: Any) -> Any:
        return stored(written(move.now(here(loaded(path)))))

    connection.create_function("moved", 1, moved)
    for column in _PATHS:
        # A row that is there under its new name already has the newer truth.
        connection.execute(
            f"UPDATE OR IGNORE entries SET {column} = moved({column})"  # noqa: S608
            f" WHERE {column} IS NOT NULL AND {column} != moved({column})"
        )
    connection.execute("UPDATE settings SET value = moved(value) WHERE name LIKE 'path:%'")
    connection.create_function("moved", 1, None)


def complete(connection: sqlite3.Connection, version: int) -> None:
    """Give the rows of an earlier version, which are only looked at, the columns they lack."""
    if version >= len(MIGRATIONS):
        return
    there = {row[1] for row in connection.execute("PRAGMA table_info(entries)")}
    defaults = {"key": "''", "gone": "0"}
    more = [f"{defaults.get(name, 'NULL')} AS {name}" for name in NAMES if name not in there]
    # A view that is this connection's own, and seen before the table of that name.
    columns = ", ".join(["old.*", *more])
    connection.execute(
        f"CREATE TEMP VIEW entries AS SELECT {columns} FROM main.entries AS old"  # noqa: S608
    )


def home_of(connection: sqlite3.Connection) -> str | None:
    """Return the folder that a journal lay in when its paths were written, if it is known."""
    found = connection.execute("SELECT value FROM settings WHERE name = ?", (HOME,)).fetchone()
    return None if found is None else here(text_of(found[0]))


def early_home(connection: sqlite3.Connection, folder: Path) -> str | None:
    """Return the folder that a journal lay in whose version wrote none down, if it was moved."""
    found = connection.execute(
        f"SELECT source FROM (SELECT source FROM entries LIMIT {_LOOKED_AT})"  # noqa: S608
        " UNION ALL SELECT output FROM"
        f" (SELECT output FROM entries WHERE output IS NOT NULL LIMIT {_LOOKED_AT})"
    )
    return guessed_home([here(text_of(path)) for (path,) in found.fetchall()], folder)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
