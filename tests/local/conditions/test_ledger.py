import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance.local.conditions.ledger import Ledger

TOKEN = "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)"
TOKENS = "SELECT client_id FROM tokens ORDER BY client_id"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "service.sqlite"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    await ledger.open(path)
    yield ledger
    await ledger.close()


def copied(path: Path) -> list[tuple[str]]:
    """What another process would find if this one were killed now."""
    copy = path.parent.parent / "copy"
    copy.mkdir()
    for file in path.parent.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    connection = sqlite3.connect(copy / path.name)
    found = connection.execute(TOKENS).fetchall()
    connection.close()
    return found


async def test_what_is_settled_is_there_whatever_ends_the_process(
    ledger: Ledger, path: Path
) -> None:
    for number in range(3):
        ledger.write(TOKEN, bytes([number]), f"client {number}", 1.0)
    await ledger.settled()
    assert copied(path) == [("client 0",), ("client 1",), ("client 2",)]


async def test_the_next_one_knows_it(ledger: Ledger, path: Path) -> None:
    ledger.keep_fact("port", "8080")
    assert ledger.ports("port", 0) == (8080, 0)
    assert ledger.ports("port", 9000) == (9000,)
    await ledger.close()
    await ledger.close()  # once more is fine
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    again = Ledger()
    await again.open(path)
    assert (again.fact("port"), again.fact("other")) == ("8080", None)
    await again.close()


async def test_only_one_service_has_it(ledger: Ledger, path: Path) -> None:
    other = Ledger()
    before = threading.active_count()
    with pytest.raises(OSError, match="another service uses the folder"):
        await other.open(path)
    assert threading.active_count() <= before
    ledger.write(TOKEN, b"", "still works", 1.0)
    await ledger.settled()


async def test_nobody_else_may_read_it(ledger: Ledger, path: Path) -> None:
    ledger.keep_fact("client_secret", "secret")
    await ledger.settled()
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("statement", ["CREATE TABLE notes (text)", "PRAGMA user_version = 2"])
async def test_a_file_of_somebody_elses_is_left_alone(path: Path, statement: str) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 7")
    connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(OSError, match="another program"):
        await Ledger().open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone() == (7,)
    connection.close()
    assert len(before) == path.stat().st_size


async def test_what_is_no_database_is_an_error_of_the_operating_system(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a recording" * 100)
    with pytest.raises(OSError, match="not a database"):
        await Ledger().open(path)


async def test_what_cannot_be_written_now_is_tried_again(ledger: Ledger, path: Path) -> None:
    await ledger.rows("PRAGMA max_page_count = 1")  # as if the disk were full
    ledger.write(TOKEN, b"1", "x" * 100_000, 1.0)
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            await ledger.settled()
    await ledger.rows("PRAGMA max_page_count = 1000")
    ledger.write(TOKEN, b"2", "later", 1.0)
    await ledger.settled()
    assert [len(name) for (name,) in await ledger.rows(TOKENS)] == [5, 100_000]


async def test_what_cannot_be_written_at_the_end_is_told(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    await ledger.rows("PRAGMA max_page_count = 1")
    ledger.write(TOKEN, b"1", "x" * 100_000, 1.0)
    await ledger.close()
    assert "not kept" in caplog.text


async def test_whoever_gives_up_waiting_is_in_nobodys_way(ledger: Ledger) -> None:
    ledger.write(TOKEN, b"1", "one", 1.0)
    waiting = [asyncio.create_task(ledger.settled()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await waiting[1]
    assert waiting[0].cancelled()
    assert await ledger.rows(TOKENS) == [("one",)]


async def test_one_that_was_not_opened_writes_nothing() -> None:
    ledger = Ledger()
    ledger.keep_fact("port", "1")
    await ledger.settled()
    assert await ledger.rows(TOKENS) == []
    await ledger.close()
