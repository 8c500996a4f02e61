import re
from pathlib import Path

import pytest

from audio_enhance.cli.reporting import measuring
from audio_enhance.cli.reporting.measured import measured
from audio_enhance.cli.reporting.spool import Spool

from .support import not_found, row


@pytest.mark.parametrize("quiet", [False, True])
async def test_rows_are_copied_with_what_was_found(
    quiet: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spool() as given, Spool() as target:
        given.add(row("/gone/a.wav"))
        assert await measured(given, target, tmp_path, quiet=quiet) == ""
        [copied] = target.rows()
    assert copied["before"] == {"trouble": "The file is gone."}
    assert capsys.readouterr().err == ("" if quiet else "Measuring 1 result for the report.\n")


@pytest.mark.parametrize("columns", ["40", "80"])
async def test_the_bar_fits_the_terminal_and_tells_how_many_there_are(
    columns: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    with Spool() as given, Spool() as target:
        for number in range(3):
            given.add(row(f"/gone/{number}.wav"))
        await measured(given, target, tmp_path, quiet=False)
    drawn = re.sub(r"\x1b\[[\d;?]*\w", "", capsys.readouterr().err)
    last = re.split(r"[\r\n]+", drawn.rstrip())[-1]
    assert re.fullmatch(r"Measuring( for the report)? ━+ 3 of 3 · 0 s", last)
    assert len(last) <= int(columns)


async def test_without_the_extra_it_is_told_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert measuring  # imported before nothing can be found any more
    monkeypatch.setattr("importlib.util.find_spec", not_found)
    with Spool() as given, Spool() as target:
        given.add({"source": "a.wav", "status": "succeeded"})
        why = await measured(given, target, tmp_path, quiet=False)
        assert list(target.rows()) == list(given.rows())
    assert why.startswith("Nothing was measured. To have it measured: pip install")
    assert capsys.readouterr().err == why + "\n"
