import json
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

from audio_enhance import ConfigurationError
from audio_enhance.cli.commands import enhance, watch
from audio_enhance.cli.input.server import (
    Server,
    checked_server_options,
    resumed_server_options,
    server_options,
)
from audio_enhance.cli.main import cli


def test_the_options_of_a_command_become_one_value() -> None:
    made: list[Server] = []

    @click.command()
    @server_options
    def command(server: Server) -> None:
        made.append(server)

    runner = CliRunner()
    words = "--local --workers 2 --engine dfn3 --cluster tcp://a:1 --api-version v2"
    files = "--credentials a --credentials b"
    assert runner.invoke(command, f"{words} {files}".split()).exit_code == 0
    assert runner.invoke(command, []).exit_code == 0
    assert made == [
        Server(
            local=True,
            workers=2,
            engine="dfn3",
            cluster="tcp://a:1",
            api_version="v2",
            credentials=(Path("a"), Path("b")),
        ),
        Server(),
    ]


@pytest.mark.parametrize(("command", "module"), [("enhance", enhance), ("watch", watch)])
@pytest.mark.parametrize(
    ("options", "server"),
    [
        (
            "--local --workers 2 --engine rnnoise --api-version v2",
            Server(local=True, workers=2, engine="rnnoise", api_version="v2"),
        ),
        ("--local --cluster tcp://a:1", Server(local=True, cluster="tcp://a:1")),
        ("--credentials a --credentials b", Server(credentials=(Path("a"), Path("b")))),
    ],
)
def test_the_service_that_does_the_work_is_the_one_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    module: ModuleType,
    options: str,
    server: Server,
) -> None:
    told: list[Server] = []

    def connected(server: Server, *, quiet: bool) -> None:
        assert quiet
        told.append(server)
        raise ConfigurationError("That is all.")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(module, "connection", connected)
    CliRunner().invoke(cli, [command, ".", "-q", *options.split()])
    assert told == [server]


def test_who_resumes_says_less() -> None:
    @click.command()
    @resumed_server_options
    def command(server: Server) -> None:
        assert server == Server(workers=2)

    runner = CliRunner()
    assert runner.invoke(command, ["--workers", "2"]).exit_code == 0
    assert runner.invoke(command, ["--engine", "dfn3"]).exit_code == 2


def test_who_checks_says_what_makes_a_difference() -> None:
    @click.command()
    @checked_server_options
    def command(server: Server) -> None:
        assert server == Server(local=True, engine="dfn3", cluster="c", api_version="v2")

    runner = CliRunner()
    words = "--local --engine dfn3 --cluster c --api-version v2"
    assert runner.invoke(command, words.split()).exit_code == 0
    assert runner.invoke(command, ["--workers", "2"]).exit_code == 2


@pytest.mark.parametrize(
    ("server", "trouble"),
    [
        (Server(local=True, credentials=(Path("a"),)), "either --local or --credentials"),
        (Server(workers=1), "--workers is for the local service"),
        (Server(engine="dfn3"), "--engine is for the local service"),
        (Server(cluster="c"), "--cluster is for the local service"),
    ],
)
def test_options_that_do_not_fit_together_are_told(server: Server, trouble: str) -> None:
    with pytest.raises(click.UsageError, match=trouble):
        server.check()
    Server(local=True, workers=1, engine="dfn3", cluster="c").check()


def test_a_journal_keeps_what_a_later_run_has_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given: Any = {"engine": "dfn3", "cluster": "c", "api_version": "v2"}
    server = Server(**given, workers=3, credentials=(Path("a"),))
    kept = json.loads(json.dumps(server.for_journal()))
    assert Server.from_journal(kept) == Server(**given, credentials=(tmp_path / "a",))
    assert Server.from_journal({"local": True}) == Server(local=True)  # of an earlier version


def test_a_later_run_changes_some_of_it() -> None:
    first = Server(engine="dfn3", cluster="c", api_version="v2", credentials=(Path("a"),))
    assert first.resumed(Server()) == first
    assert first.resumed(Server(cluster="d")).cluster == "d"
    assert first.resumed(Server(workers=2)) == Server(
        engine="dfn3", workers=2, api_version="v2", credentials=(Path("a"),)
    )
    assert first.resumed(Server(credentials=(Path("b"),))).credentials == (Path("b"),)
    local = first.resumed(Server(local=True))
    assert (local.local, local.credentials) == (True, ())  # which needs none
