"""What the doctor makes of what it sees."""

import importlib.util
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from audio_enhance import dask
from audio_enhance.cli.commands import checks
from audio_enhance.cli.commands.checks import Finding, Health
from audio_enhance.cli.input.server import Server
from audio_enhance.local import LocalService
from audio_enhance.local.conditions import routes
from tests.local.enhancer.test_engines import broken

_SERVER = Server()
NOW = datetime(2024, 4, 9, 22, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("seconds", "health", "said"),
    [
        (30, Health.GOOD, "agrees with the API's"),
        (-600, Health.BAD, "10 minutes ahead of the API's"),
        (360, Health.BAD, "6 minutes behind the API's"),
    ],
)
def test_the_clock(seconds: int, health: Health, said: str) -> None:
    found = checks.clock(NOW, NOW + timedelta(seconds=seconds))
    assert found is not None
    assert (found.health, found.said) == (health, said)


def test_without_a_date_nothing_is_said_of_the_clock() -> None:
    assert checks.clock(NOW, None) is None


def test_the_disk(tmp_path: Path) -> None:
    assert checks.disk(tmp_path, 5 * 10**9).health is Health.GOOD
    full = checks.disk(tmp_path, 10**6)
    assert full.health is Health.BAD
    assert full.said == f"0.0 GB are free for results in {tmp_path}"
    assert "Make room" in full.hint
    assert checks.disk(tmp_path, None).health is Health.NOTE


async def test_the_proxy_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, enhance_service: LocalService
) -> None:
    monkeypatch.setenv("http_proxy", "http://somebody:secret@127.0.0.1:9")
    found = await looked(monkeypatch, enhance_service.environment)
    assert found["proxy"].said == "http://127.0.0.1:9"
    assert found["API"].health is Health.BAD
    assert "secret" not in str(found)
    # Networks, too, as whatever the client sends.
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    found = await looked(monkeypatch, enhance_service.environment)
    assert found["proxy"].said == "none"
    assert found["API"].health is Health.GOOD
    monkeypatch.setenv("http_proxy", "socks5://somebody:secret@127.0.0.1:9")
    unusable = await looked(monkeypatch, enhance_service.environment)
    assert [*unusable] == ["proxy"]
    assert unusable["proxy"].health is Health.BAD


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(checks.extras()) == []
    find = importlib.util.find_spec

    def without_redis(name: str) -> object:
        return None if name == "redis" else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", without_redis)
    [missing] = checks.extras()
    assert missing.said.startswith("redis is not installed")
    assert "[redis]" in missing.hint


async def looked(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], server: Server = _SERVER
) -> dict[str, Finding]:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ACCESS_TOKEN"):
        monkeypatch.delenv(f"FIREFLY_SERVICES_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return {finding.subject: finding for finding in await checks.api(server)}


async def test_what_works_is_said_and_nothing_is_created(
    monkeypatch: pytest.MonkeyPatch, enhance_service: LocalService
) -> None:
    found = await looked(monkeypatch, enhance_service.environment)
    assert {each.health for each in found.values()} == {Health.GOOD}
    assert found["credentials"].said == "the API takes them (version v1)"
    assert set(found) == {"proxy", "API", "clock", "credentials"}
    asked = [record.route for record in enhance_service.record]
    assert sorted(asked) == sorted([routes.INDEX, routes.TOKEN, routes.GET_ASSET])


async def test_credentials_that_are_refused(
    monkeypatch: pytest.MonkeyPatch, enhance_service: LocalService
) -> None:
    wrong = enhance_service.environment | {"FIREFLY_SERVICES_CLIENT_SECRET": "wrong-secret"}
    found = await looked(monkeypatch, wrong)
    assert found["API"].health is Health.GOOD
    assert found["credentials"].health is Health.BAD
    assert "wrong-secret" not in str(found)


async def test_an_api_that_cannot_be_reached_is_not_asked_for_a_token(
    monkeypatch: pytest.MonkeyPatch, enhance_service: LocalService
) -> None:
    nobody = enhance_service.environment | {"AUDIO_ENHANCE_BASE_URL": "http://127.0.0.1:9"}
    found = await looked(monkeypatch, nobody)
    assert found["API"].health is Health.BAD
    assert "credentials" not in found
    assert not enhance_service.record


@pytest.mark.parametrize(
    ("given", "health"),
    [({}, Health.NOTE), ({"FIREFLY_SERVICES_CLIENT_ID": "id"}, Health.BAD)],
)
async def test_credentials_that_are_missing(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], health: Health
) -> None:
    found = await looked(monkeypatch, given)
    assert found["credentials"].health is health
    assert found["credentials"].hint
    assert len(found) == 1


async def test_the_version_that_a_run_would_use_is_asked(
    monkeypatch: pytest.MonkeyPatch, enhance_service: LocalService
) -> None:
    found = await looked(monkeypatch, enhance_service.environment, Server(api_version="v2"))
    assert found["credentials"].said == "the API takes them (version v2)"
    assert {each.api_version for each in enhance_service.record} == {None, "v2"}


async def test_the_api_clients_of_files_are_looked_at_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, enhance_service: LocalService
) -> None:
    enhance_service.add_client("two", "its secret")
    (one := tmp_path / "one").write_text('{"client_id": "nobody", "client_secret": "hidden"}')
    (two := tmp_path / "two").write_text('{"client_id": "two", "client_secret": "its secret"}')
    service = enhance_service.environment
    away = {name: value for name, value in service.items() if name.startswith("AUDIO_ENHANCE_")}
    for name, value in away.items():
        monkeypatch.setenv(name, value)
    found = await checks.api(Server(credentials=(one, two)))
    refused, taken = [each for each in found if each.subject == "credentials"]
    assert (refused.health, taken.health) == (Health.BAD, Health.GOOD)
    assert refused.said.startswith("nobody: ")
    assert taken.said == "the API takes those of two (version v1)"
    assert [each.subject for each in found].count("API") == 1
    assert "hidden" not in str(found)
    missing = await checks.api(Server(credentials=(tmp_path / "three",)))
    assert [(each.subject, each.health) for each in missing] == [("credentials", Health.BAD)]


def test_an_engine_that_a_run_needs_has_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.engine(Server(engine="afftdn", local=True)).said == "FFmpeg's afftdn"
    broken(monkeypatch, "dfn3")
    wanted = Server(engine="dfn3", local=True)
    assert checks.engine(wanted).health is Health.BAD
    assert checks.engine(Server(engine="dfn3")).health is Health.NOTE


async def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "DaskEnhancer", partial(dask.DaskEnhancer, timeout=0.05))
    found = await checks.cluster(Server(local=True, cluster="tcp://127.0.0.1:9"))
    assert (found.subject, found.health) == ("cluster", Health.BAD)
    assert found.hint.startswith("Start one")
