"""`--credentials FILE`: one API client or several."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import AccessToken, ClientCredentials, ConfigurationError
from audio_enhance.cli.execution.credentials import credentials_in
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.commands.test_enhance import make
from tests.cli.support import SIGINT, Command, ended, until

CREATE = "POST /speech_enhancements"
TOKEN_URL = "https://tokens.example/ims"


def console_file(*clients: tuple[str, list[str]]) -> dict[str, Any]:
    """Return a project as Adobe's developer console lets one download it."""
    credentials = [
        {
            "id": "1",
            "integration_type": "oauth_server_to_server",
            "oauth_server_to_server": {
                "client_id": client_id,
                "client_secrets": secrets,
                "scopes": ["openid", "firefly_api"],
            },
        }
        for client_id, secrets in clients
    ]
    details = {"credentials": [{"id": "0", "integration_type": "apikey"}, *credentials]}
    return {"project": {"id": "2", "workspace": {"id": "3", "details": details}}}


SCOPES = ("openid", "firefly_api")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            json.dumps({"client_id": "a", "client_secret": "s"}),
            [ClientCredentials("a", "s", token_url=TOKEN_URL)],
        ),
        (
            json.dumps(console_file(("a", ["old", "new"]), ("b", ["s"]))),
            [
                ClientCredentials("a", "new", token_url=TOKEN_URL, scopes=SCOPES),
                ClientCredentials("b", "s", token_url=TOKEN_URL, scopes=SCOPES),
            ],
        ),
        (
            "# ours\nexport FIREFLY_SERVICES_CLIENT_ID='a'\nFIREFLY_SERVICES_CLIENT_SECRET=s\n",
            [ClientCredentials("a", "s", token_url=TOKEN_URL)],
        ),
        (
            "FIREFLY_SERVICES_CLIENT_ID=a\nFIREFLY_SERVICES_ACCESS_TOKEN=t\n",
            [AccessToken("t", client_id="a")],
        ),
    ],
)
def test_what_such_a_file_may_hold(
    content: str, found: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIO_ENHANCE_TOKEN_URL", TOKEN_URL)
    (file := tmp_path / "a.json").write_text(content)
    assert credentials_in([file]) == found


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '{"client_id": "secret-a"}',
        '{"project": {"workspace": 1}}',
        "\xff'",
        "null",
    ],
)
def test_what_holds_none_is_said_without_what_it_holds(content: str, tmp_path: Path) -> None:
    (file := tmp_path / "a.json").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="There are no credentials of an API") as caught:
        credentials_in([file])
    assert "secret-a" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        credentials_in([tmp_path / "missing"])


def test_a_value_that_cannot_be_is_said_with_its_file(tmp_path: Path) -> None:
    (file := tmp_path / "a.json").write_text('{"client_id": 5, "client_secret": "hidden"}')
    with pytest.raises(ConfigurationError, match=r"a\.json: The client_id is empty") as caught:
        credentials_in([file])
    assert "hidden" not in str(caught.value)


def test_an_api_client_is_given_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text('{"client_id": "x", "client_secret": "s"}')
    with pytest.raises(ConfigurationError, match="The API client x is in "):
        credentials_in([tmp_path / "a", tmp_path / "b"])


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o640, False), (0o600, False)])
def test_everybody_is_not_to_read_it(
    mode: int, warned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "a.json").write_text('{"client_id": "x", "client_secret": "hidden"}')
    file.chmod(mode)
    credentials_in([file])
    told = capsys.readouterr().err
    assert ("Everybody on this machine can read" in told and "chmod 600" in told) is warned
    assert "hidden" not in told


@pytest.fixture
def gate() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def enhance_service(gate: asyncio.Event) -> AsyncIterator[LocalService]:
    """A service that finishes nothing before the gate is open, with two more API clients."""
    rehearsal = Rehearsal(seconds=1, sleep=lambda _: gate.wait())
    async with LocalService(enhancer=rehearsal) as service:
        for name in ("one", "two"):
            service.add_client(name, f"secret of {name}")
        yield service


async def test_several_share_the_work_and_resume_knows_whose_a_recording_is(
    command: Command, tmp_path: Path, enhance_service: LocalService, gate: asyncio.Event
) -> None:
    for name in ("one", "two"):
        text = json.dumps({"client_id": name, "client_secret": f"secret of {name}"})
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    make(tmp_path, *(f"rec/{number}.wav" for number in range(4)))
    both = ("--credentials", "one", "--credentials", "two")
    process = await command.start("enhance", "rec", *both)
    await until(process, lambda: enhance_service.count(CREATE, 202) == 4)  # two for each
    assert (await ended(process, SIGINT)).status == 130

    alone = await command("resume", "--credentials", "one", "--json")
    assert (alone.status, alone.out) == (2, "")
    assert (
        "Error: 2 results of enhanced/.audio-enhance.sqlite are at the server, made for the API"
        " client two, whose credentials are not given." in alone.err
    )
    same = await command("enhance", "rec", "--credentials", "one", "--json")
    assert (same.status, same.out) == (2, "")

    gate.set()
    resumed = await command("resume", "--json")  # which knows the files
    assert resumed.status == 0
    assert [line["status"] for line in resumed.lines] == ["succeeded"] * 4
    assert enhance_service.count(CREATE, 202) == 4
    assert {enhance_service.queue_usage(name).processed for name in ("one", "two")} == {2}


async def test_one_that_is_refused_leaves_its_work_to_the_others(
    command: Command, tmp_path: Path, enhance_service: LocalService, gate: asyncio.Event
) -> None:
    gate.set()
    for name, secret in (("one", "wrong"), ("two", "secret of two")):
        text = json.dumps({"client_id": name, "client_secret": secret})
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    make(tmp_path, *(f"rec/{number}.wav" for number in range(4)))
    run = await command("enhance", "rec", "--credentials", "one", "--credentials", "two", "--json")
    assert run.status == 0
    assert [line["status"] for line in run.lines] == ["succeeded"] * 4
    assert run.err.count("The API client one is refused, and the others do its work") == 1
    assert enhance_service.count(CREATE, 202) == 4


async def test_the_local_service_needs_none(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    run = await command("enhance", "a.wav", "--local", "--credentials", "one")
    assert run.status == 2
    assert "Use either --local or --credentials" in run.err
