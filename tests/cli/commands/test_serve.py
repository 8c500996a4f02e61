import json
import shlex
from pathlib import Path
from typing import Any

import aiohttp
import click
import pytest
from click.testing import CliRunner

from audio_enhance import ConfigurationError
from audio_enhance.cli.commands import serve as command_serve
from audio_enhance.cli.commands.serve import _credentials
from audio_enhance.cli.main import cli
from tests.cli.support import SIGINT, SIGTERM, Command, ended

SIGKILL = 9

TOKEN = "/ims/token/v3"


async def _token(environment: dict[str, str]) -> tuple[int, str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": environment["FIREFLY_SERVICES_CLIENT_ID"],
        "client_secret": environment["FIREFLY_SERVICES_CLIENT_SECRET"],
        "scope": "openid",
    }
    url = environment["AUDIO_ENHANCE_TOKEN_URL"]
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as answer:
        return answer.status, await answer.text()


async def test_a_program_reads_the_environment(alone: Command, tmp_path: Path) -> None:
    process = await alone.start("serve", "--json", "--directory", "kept")
    assert process.stdout is not None
    environment = json.loads(await process.stdout.readline())
    status, answer = await _token(environment)
    assert (status, "access_token" in answer) == (200, True)
    run = await ended(process, SIGTERM)
    assert (run.status, run.out) == (0, "")
    assert "The local service listens at " in run.err
    assert (tmp_path / "kept").is_dir()


async def test_a_person_pastes_lines(alone: Command) -> None:
    process = await alone.start("serve", "--fault", "server_error=1", "--seed", "7")
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append((await process.stderr.readline()).decode())
        assert lines[-1]
    exports = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
    environment = dict(export.split("=", 1) for export in exports)
    assert len(environment) == 5
    assert environment.pop("AUDIO_ENHANCE_API_VERSION") == "v2"
    base_url = environment["AUDIO_ENHANCE_BASE_URL"]
    addresses = [f"v1  {base_url}/audio_services/v1\n", f"v2  {base_url}/api/v2\n"]
    assert [line for line in lines if line.startswith("v")] == addresses
    status, _ = await _token(environment)
    assert status >= 500
    run = await ended(process, SIGINT)
    assert (run.status, run.out) == (0, "")


async def test_a_port_that_is_taken(alone: Command, unused_tcp_port: int) -> None:
    first = await alone.start("serve", "--json", "--port", str(unused_tcp_port))
    assert first.stdout is not None
    await first.stdout.readline()
    second = await alone("serve", "--port", str(unused_tcp_port))
    assert second.status == 2
    assert "The service cannot be started" in second.err
    assert str(unused_tcp_port) in second.err
    assert (await ended(first, SIGINT)).status == 0


async def test_an_s3_that_is_not_there(alone: Command, unused_tcp_port: int) -> None:
    endpoint = f"http://127.0.0.1:{unused_tcp_port}"
    options = ("--s3-endpoint", endpoint, "--s3-bucket", "audio")
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1"}
    run = await alone("serve", *options, **keys)
    assert run.status == 2
    assert endpoint in run.err


SHELL = ("serve", "--engine", "afftdn")


async def test_a_command_runs_in_its_environment_and_ends_it(alone: Command) -> None:
    program = 'env; curl -s "$AUDIO_ENHANCE_BASE_URL/health"; exit 7'
    given = {"FIREFLY_SERVICES_ACCESS_TOKEN": "a real one"}
    run = await alone(*SHELL, "--", "sh", "-c", program, **given)
    assert run.status == 7
    for name in ("AUDIO_ENHANCE_BASE_URL", "AUDIO_ENHANCE_TOKEN_URL", "CLIENT_SECRET"):
        assert f"{name}=" in run.out
    assert "a real one" not in run.out
    assert '"status": "ok"' in run.out
    assert run.err == ""


async def test_a_command_gets_the_signals_and_says_what_becomes_of_them(alone: Command) -> None:
    program = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    process = await alone.start(*SHELL, "--", "sh", "-c", program)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    assert (await ended(process, SIGTERM)).status == 9


async def test_a_command_that_cannot_be_started(alone: Command) -> None:
    run = await alone(*SHELL, "--", "no-such-command")
    assert (run.status, run.err) == (127, "no-such-command: No such file or directory\n")


async def test_the_requests_are_a_line_each_and_hold_no_secret(alone: Command) -> None:
    program = 'curl -s "$AUDIO_ENHANCE_BASE_URL/health?X-Amz-Signature=abc" -H "Authorization: x"'
    run = await alone(*SHELL, "--log-requests", "--", "sh", "-c", program)
    [line] = run.err.splitlines()
    assert " api GET /health 200 " in line
    assert "abc" not in line


GIVEN = {"FIREFLY_SERVICES_CLIENT_ID": "studio", "FIREFLY_SERVICES_CLIENT_SECRET": "ours"}
AN_ID = {"FIREFLY_SERVICES_CLIENT_ID": "studio"}


@pytest.mark.parametrize(
    ("environment", "options", "chosen"),
    [
        ({}, (None, None), None),
        (GIVEN, (None, None), ("studio", "ours")),
        (GIVEN, ("other", "theirs"), ("other", "theirs")),
        (GIVEN, ("other", None), ("other", "ours")),
        ({}, ("other", "theirs"), ("other", "theirs")),
        (AN_ID, (None, None), None),  # it belongs to an access token
    ],
)
def test_the_credentials_are_those_of_the_options_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    options: tuple[str | None, str | None],
    chosen: tuple[str, str] | None,
) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tuple(_credentials(*options).values()) == (chosen or ())


@pytest.mark.parametrize("options", [("other", None), (None, "theirs")])
def test_an_id_and_a_secret_need_each_other(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str | None, str | None]
) -> None:
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(click.UsageError, match="together"):
        _credentials(*options)


async def test_a_secret_that_was_given_is_not_shown(alone: Command) -> None:
    process = await alone.start(
        *SHELL, "--json", "--client-id", "studio", FIREFLY_SERVICES_CLIENT_SECRET="our secret"
    )
    assert process.stdout is not None
    environment = json.loads(await process.stdout.readline())
    assert environment["FIREFLY_SERVICES_CLIENT_ID"] == "studio"
    run = await ended(process, SIGTERM)
    assert "our secret" not in f"{environment}{run.err}"


async def test_a_killed_service_goes_on_where_it_was(alone: Command, tmp_path: Path) -> None:
    tokens: list[str] = []
    environments: list[dict[str, str]] = []
    for _ in range(2):
        process = await alone.start(*SHELL, "--json", "--directory", "kept")
        assert process.stdout is not None
        environment = json.loads(await process.stdout.readline())
        environments.append(environment)
        if not tokens:
            tokens.append(json.loads((await _token(environment))[1])["access_token"])
        headers = {
            "x-api-key": environment["FIREFLY_SERVICES_CLIENT_ID"],
            "Authorization": f"Bearer {tokens[0]}",
        }
        url = f"{environment['AUDIO_ENHANCE_BASE_URL']}/api/v2/assets/unknown"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert answer.status == 404  # the token is known, the asset is not
        process.send_signal(SIGKILL)
        await process.communicate()
    assert environments[0] == environments[1]


def test_it_is_the_service_that_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    def opened(**how: Any) -> None:
        told.update(how)
        raise ConfigurationError("That is all.")

    monkeypatch.setattr(command_serve, "open_service", opened)
    words = (
        *("--host", "::1", "--port", "1", "--s3-port", "2", "--directory", "/kept"),
        *("--engine", "rnnoise", "--cluster", "tcp://a:1", "--keep", "2", "--max-gb", "0.5"),
        *("--fault", "server_error=0.1", "--fault", "ready_lag=3", "--seed", "7"),
        *("--client-id", "studio", "--client-secret", "ours"),
    )
    CliRunner().invoke(cli, ["serve", *words])
    behaviour, faults = told.pop("behaviour"), told.pop("faults")
    assert told == {
        "host": "::1",
        "port": 1,
        "s3_port": 2,
        "directory": Path("/kept"),
        "engine": "rnnoise",
        "cluster": "tcp://a:1",
        "client_id": "studio",
        "client_secret": "ours",
        "quietly": False,
    }
    assert (behaviour.kept_seconds, behaviour.most_stored_bytes) == (7200.0, 500_000_000)
    assert (faults.server_error, faults.ready_lag, faults.seed) == (0.1, 3.0, 7)
    # The disk of a temporary folder is not filled; what somebody keeps is theirs to limit.
    for where, most in (("", 20_000_000_000), ("--directory /kept", None)):
        CliRunner().invoke(cli, ["serve", *where.split()])
        assert told["behaviour"].most_stored_bytes == most
