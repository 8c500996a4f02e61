"""What the doctor makes of what it sees."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audio_enhance.cli.commands import checks
from audio_enhance.cli.commands.checks import Finding, Health
from audio_enhance.local import LocalService
from audio_enhance.local.conditions import routes

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
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> dict[str, Finding]:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ACCESS_TOKEN"):
        monkeypatch.delenv(f"FIREFLY_SERVICES_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return {finding.subject: finding for finding in await checks.api()}


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
