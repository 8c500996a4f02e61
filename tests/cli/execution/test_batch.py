"""A batch of the command line: what fails for a passing reason has a second chance."""

import errno
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from audio_enhance import (
    AudioEnhanceError,
    AuthenticationError,
    ConnectionFailedError,
    EnhanceClient,
    InvalidSourceError,
    Journal,
    Outcome,
    OutputError,
)
from audio_enhance.cli.execution.batch import Batch, Telling
from audio_enhance.cli.execution.work import Work
from audio_enhance.cli.input.settings import Settings

AWAY = ConnectionFailedError("No connection.", connected=False)
Errors = dict[tuple[str, int], AudioEnhanceError]


class FakeClient:
    """Fails what it is told to fail, another way in each pass."""

    client_ids = ("one",)

    def __init__(self, *passes: Errors) -> None:
        self._passes = list(passes)
        self.asked: list[list[tuple[str, int]]] = []

    async def enhance_as_completed(
        self, sources: Iterable[str], *, strength: Iterable[int], **_: object
    ) -> AsyncGenerator[Outcome]:
        errors = self._passes.pop(0)
        asked = [(source, each) for source in sources for each in strength]
        self.asked.append(asked)
        for source, each in asked:
            error = errors.get((source, each))
            status: Any = "succeeded" if error is None else "failed"
            yield Outcome(source=source, name=source, strength=each, status=status, error=error)


class FakeJournal:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def forget(self, sources: Iterable[str]) -> int:
        return len(list(sources))


async def batch(
    client: FakeClient,
    folder: Path,
    *names: str,
    strengths: tuple[int, ...] = (93,),
    kept: bool = True,
    quiet: bool = False,
) -> bool:
    work = Work(sources={strengths: names}, sizes=dict.fromkeys(names, 1))
    journal = FakeJournal(folder / "j.sqlite") if kept else None
    run = Batch(
        work,
        Settings(output_dir=folder),
        Telling(json=True, report=None, verbose=False, quiet=quiet),
        None if journal is None else journal.path,
    )
    return await run.run(cast("EnhanceClient", client), cast("Journal | None", journal))


async def test_what_the_network_kept_away_is_tried_once_more_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = InvalidSourceError("It is empty.")
    client = FakeClient({("a", 50): AWAY, ("c", 93): AWAY, ("b", 50): bad, ("c", 50): AWAY}, {}, {})
    assert not await batch(client, tmp_path, "a", "b", "c", strengths=(50, 93))
    assert client.asked[1:] == [[("a", 50)], [("c", 50), ("c", 93)]]
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6  # one for each, the last word
    assert "5 enhanced, 1 failed" in err
    assert "later   a at 50: No connection." in err
    assert "Retrying 3 results" in err


async def test_what_fails_again_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = FakeClient({("a", 93): AWAY}, {("a", 93): AWAY})
    assert not await batch(client, tmp_path, "a", "b")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "1 enhanced, 1 failed" in err
    assert "failed  a at 93: No connection." in err


@pytest.mark.parametrize(
    ("errors", "journal"),
    [
        # Nothing came through: the address is wrong, or the network is gone for good.
        ({("a", 93): AWAY, ("b", 93): AWAY}, True),
        ({("a", 93): AWAY, ("b", 93): AuthenticationError("No.", status=401)}, True),
        # Without a journal, what was paid for is not known.
        ({("a", 93): AWAY}, False),
    ],
)
async def test_without_hope_or_journal_there_is_one_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], errors: Errors, journal: bool
) -> None:
    client = FakeClient(errors)
    assert not await batch(client, tmp_path, "a", "b", kept=journal)
    assert len(client.asked) == 1
    out, _ = capsys.readouterr()
    assert len(out.splitlines()) == 2


async def test_quiet_tells_what_goes_wrong_once_and_what_to_do_about_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = InvalidSourceError("It is empty.", hint="Look at it.")
    worse = AudioEnhanceError("It is broken.", hint="Look at it.")
    client = FakeClient(
        {("a", 93): AWAY, ("b", 93): bad, ("c", 93): worse, ("d", 93): AWAY}, {("d", 93): AWAY}
    )
    assert not await batch(client, tmp_path, "a", "b", "c", "d", "e", quiet=True)
    assert capsys.readouterr().err.splitlines() == [
        "failed  b at 93: It is empty.",
        "        → Look at it.",
        "failed  c at 93: It is broken.",
        "failed  d at 93: No connection.",
        "        → Check the network and the address, then try again.",
    ]


async def test_quiet_says_nothing_where_all_went_well_in_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await batch(FakeClient({("a", 93): AWAY}, {}), tmp_path, "a", "b", quiet=True)
    assert capsys.readouterr().err == ""


async def test_quiet_tells_of_refused_credentials_once_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = AuthenticationError("No.", status=401, hint="Check it.")
    client = FakeClient(dict.fromkeys([("a", 93), ("b", 93)], refused))
    assert not await batch(client, tmp_path, "a", "b", quiet=True)
    assert capsys.readouterr().err.splitlines() == [
        "The credentials were refused: No.",
        "  → Check it.",
    ]


async def test_what_stops_a_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = OutputError("There is no room.", hint="Make room.")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert not await batch(FakeClient({("a", 93): full}), tmp_path, "a", "b", "c", quiet=True)
    assert capsys.readouterr().err.splitlines() == [
        "failed  a at 93: There is no room.",
        "        → Make room.",
        "Stopped: there is no room for more results. 2 results left.",
    ]
