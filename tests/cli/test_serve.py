import json
import shlex
from pathlib import Path

import aiohttp

from .support import SIGINT, SIGTERM, Command, ended

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
