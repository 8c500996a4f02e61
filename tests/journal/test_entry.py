"""What a row may hold: any name of a file, and nothing that nobody wrote."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._journal.entry import (
    NAMES,
    DamagedError,
    EntryState,
    JournalEntry,
    entry_of,
    loaded,
    state_of,
    stored,
    text_of,
)

ENTRY = JournalEntry(source="/in/talk.mp3", strength=93, created_at=1.0, updated_at=2.0)


def row(**changes: Any) -> list[Any]:
    values = attrs.asdict(ENTRY) | {"state": str(ENTRY.state), "gone": 0} | changes
    return [values[name] for name in NAMES]


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_name_comes_back(name: str) -> None:
    kept = stored(name)
    assert isinstance(kept, bytes) or kept == name
    assert loaded(kept) == name


@pytest.mark.parametrize("value", [None, 17, 1.5])
def test_what_is_no_text_is_kept_as_it_is(value: object) -> None:
    assert loaded(stored(value)) == value


def test_bytes_that_no_name_makes_are_damage() -> None:
    with pytest.raises(DamagedError):
        loaded(b"\xff\xfe")
    for value in (None, 17, b"\xff"):
        with pytest.raises(DamagedError):
            text_of(value)


def test_a_row_becomes_its_entry() -> None:
    assert entry_of(row()) == ENTRY
    found = entry_of(row(state="submitted", gone=1, modified_ns=-1, error="no", key="a"))
    assert found.state is EntryState.SUBMITTED
    assert found.gone is True
    assert found.modified_ns == -1  # a file may be older than 1970


@pytest.mark.parametrize(
    "changes",
    [
        {"source": None},
        {"key": None},
        {"state": "enhanced"},
        {"state": None},
        {"strength": 101},
        {"strength": -1},
        {"byte_size": -1},
        {"byte_size": "long"},
        {"md5": "short"},
        {"md5": "G" * 32},
        {"placing_md5": 17},
        {"modified_ns": 1.5},
        {"tries": None},
        {"extra": -1},
        {"created_at": float("nan")},
        {"updated_at": "now"},
        {"filename": 17},
        {"output": b"\xff"},
    ],
)
def test_what_nobody_wrote_is_told_apart(changes: dict[str, Any]) -> None:
    with pytest.raises(DamagedError):
        entry_of(row(**changes))


def test_states_come_in_the_order_of_the_work() -> None:
    assert [state_of(str(state)) for state in EntryState] == list(EntryState)
    assert next(iter(EntryState)) is EntryState.QUEUED
    assert [*EntryState][-2:] == [EntryState.SUCCEEDED, EntryState.FAILED]
