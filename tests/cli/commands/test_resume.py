"""What `resume` does with its options; what it finishes, `test_interrupt.py` sees."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from audio_enhance import ConfigurationError, Journal
from audio_enhance.cli.commands import resume as command_resume
from audio_enhance.cli.input.server import Server
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.journals import JOURNAL_NAME
from audio_enhance.cli.main import cli
from tests.cli.commands.test_enhance import make
from tests.cli.support import Command


async def test_it_tells_as_it_is_told_to(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    refused = await command("enhance", "a.wav", FIREFLY_SERVICES_CLIENT_SECRET="wrong")
    assert refused.status == 1
    run = await command("resume", "--report", "r.json", "-v", "--json")
    assert (run.status, len(run.lines)) == (0, 1)
    assert json.loads((tmp_path / "r.json").read_text())["totals"]["succeeded"] == 1
    assert "POST http" in run.err  # the log
    again = await command("resume", "--report", "r.csv")
    assert "The report is in r.csv." in again.err
    assert "POST http" not in again.err


@pytest.mark.parametrize(
    ("options", "server"),
    [
        ("--local --workers 2", Server(local=True, workers=2)),
        ("--local --cluster tcp://a:1", Server(local=True, cluster="tcp://a:1")),
        ("--credentials a --credentials b", Server(credentials=(Path("a"), Path("b")))),
        ("", Server()),
    ],
)
def test_its_options_say_which_service_does_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: str, server: Server
) -> None:
    async def begun() -> None:
        async with await Journal.open(tmp_path / JOURNAL_NAME) as journal:
            await Settings(output_dir=tmp_path).write(journal)

    told: list[tuple[Server, bool]] = []

    def connected(server: Server, *, quiet: bool) -> None:
        told.append((server, quiet))
        raise ConfigurationError("That is all.")

    asyncio.run(begun())
    monkeypatch.setattr(command_resume, "connection", connected)
    quiet = not options
    CliRunner().invoke(cli, ["resume", str(tmp_path), *options.split(), *["-q"][: int(quiet)]])
    assert told == [(server, quiet)]
