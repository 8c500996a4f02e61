import json
from pathlib import Path

import pytest

from audio_enhance import InvalidInputError, MissingExtraError, Outcome, OutputError, StorageError
from audio_enhance.cli.reporting.report import Report

from .support import not_found

REFUSED = StorageError("Refused", status=403, request_id="r1", hint="Ask for it.")
REFUSED.source = "b.wav"
OUTCOMES = [
    Outcome(source="a.wav", name="a.wav", strength=93, status="succeeded", path=Path("/o/a.wav")),
    Outcome(
        source="c.wav", name="c.wav", strength=93, status="failed", not_started=True, error=REFUSED
    ),
]


async def test_a_report_has_everything(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("the one before")
    with Report(path) as report:
        for outcome in OUTCOMES:
            await report.add(outcome)
        await report.write({"succeeded": 1})
    written = json.loads(path.read_text())
    assert list(written) == ["version", "began_at", "ended_at", "totals", "outcomes"]
    assert written["totals"] == {"succeeded": 1}
    good, bad = written["outcomes"]
    assert (good["status"], good["path"], good["hint"]) == ("succeeded", "/o/a.wav", None)
    assert (bad["status"], bad["hint"], bad["retryable"]) == ("failed", "Ask for it.", False)
    assert [each["not_started"] for each in (good, bad)] == [False, True]
    assert bad["error"] == "Not started: Refused Ask for it."
    assert [file.name for file in tmp_path.iterdir()] == ["r.json"]


async def test_an_empty_report_is_whole(tmp_path: Path) -> None:
    with Report(tmp_path / "r.json") as report:
        await report.write({})
    assert json.loads((tmp_path / "r.json").read_text())["outcomes"] == []


async def test_a_place_that_is_lost_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "r.json"
    path.parent.mkdir()
    with Report(path) as report:
        path.parent.rmdir()
        with pytest.raises(OutputError, match="cannot be written"):
            await report.write({})


def test_a_place_that_is_not_there_is_found_before(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="it is a folder"):
        Report(tmp_path)
    with pytest.raises(InvalidInputError, match="there is no such folder"):
        Report(tmp_path / "no" / "r.json")


def test_what_a_page_takes_is_looked_for_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", not_found)
    with pytest.raises(MissingExtraError, match="cli"):
        Report(tmp_path / "r.HTML")
    assert Report(tmp_path / "r.csv").kind == "sheet"
    assert Report(tmp_path / "r.txt").kind == "document"
