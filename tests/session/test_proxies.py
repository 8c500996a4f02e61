"""The environment's proxies, with a real one on loopback."""

import asyncio
from pathlib import Path

import pytest
from yarl import URL

from audio_enhance import (
    AccessToken,
    ClientCredentials,
    ConfigurationError,
    ConnectionFailedError,
    EnhanceClient,
    RetryPolicy,
)
from audio_enhance._session.proxies import Proxies
from audio_enhance.local import LocalService
from tests.conftest import QUICK_POLLING, QUICK_RETRY
from tests.support.proxy import proxy


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("excluded", "host", "direct"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3/8", "10.9.9.9", True),  # as curl takes it
        ("192.168.0.0/16 , fd00::/8", "[fd00::1]", True),
        ("::1/128", "[::1]", True),
        ("10.0.0.0/8", "[fd00::1]", False),
        ("10.0.0.0/8", "10.example", False),
        ("10.0.0.0/33, nonsense/8, /, ", "10.1.2.3", False),
        ("*", "10.1.2.3", True),
        ("example.com", "api.example.com", True),
    ],
)
def test_hosts_and_networks_are_excluded(
    excluded: str, host: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", excluded)
    proxies = Proxies.from_environment()
    expected = None if direct else URL("http://proxy:1")
    for _ in range(2):
        assert proxies.of(URL(f"https://{host}:8443/path")) == expected
    assert proxies.of(URL(f"http://{host}/")) is None  # there is none for these


async def enhance(service: LocalService, folder: Path, *, trust_env: bool) -> Path | None:
    async with EnhanceClient(
        service.credentials,
        base_url=service.base_url,
        trust_env=trust_env,
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
    ) as client:
        result = await client.enhance(
            b"ID3 some", strength=93, output_dir=folder / "out", overwrite=True
        )
        return result.path


async def test_every_request_goes_through_the_proxy_if_that_is_wanted(
    enhance_service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy(tmp_path) as running:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{running.address}")
        assert await enhance(enhance_service, tmp_path, trust_env=False)
        for excluded in ("127.0.0.1", "elsewhere.example, 127.0.0.0/8"):
            monkeypatch.setenv("NO_PROXY", excluded)
            assert await enhance(enhance_service, tmp_path, trust_env=True)
        assert running.asked == []

        monkeypatch.setenv("NO_PROXY", "elsewhere.example, 10.0.0.0/8")
        assert await enhance(enhance_service, tmp_path, trust_env=True)
        asked = running.asked
    for service in (enhance_service.base_url, enhance_service.s3_url):
        assert any(service in line for line in asked)
    assert {line.split()[0] for line in asked} == {"GET", "POST", "PUT"}
    assert {line.split()[2] for line in asked} == {"known"}


async def test_a_proxy_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy(tmp_path, status=403) as running:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{running.address}")
        async with EnhanceClient(
            AccessToken("token", client_id="id"),
            base_url="https://enhance.example",
            trust_env=True,
            retry=RetryPolicy(longest_wait=0.005),
        ) as client:
            with pytest.raises(ConnectionFailedError, match="The proxy answered 403") as caught:
                await client.create_asset(b"ID3 some")
        assert running.asked == ["CONNECT enhance.example:443 known"]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["socks5://me:secret@h:1", "https://me:secret@h:1", "h:1", "http://", "http://h:x"]
)
async def test_a_proxy_that_would_be_passed_over_is_an_error(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    client = EnhanceClient(ClientCredentials("id", "secret"), trust_env=True)
    with pytest.raises(ConfigurationError, match="The proxy in HTTPS_PROXY") as caught:
        async with client:
            await asyncio.sleep(0)
    assert "secret" not in str(caught.value)
    async with EnhanceClient(ClientCredentials("id", "secret")):
        pass  # which has nothing to do with it
