from typing import Any

import pytest

from audio_enhance import AccessToken, ClientCredentials, ConfigurationError, EnhanceClient
from audio_enhance._session.tokens import IMS_TOKEN_URL
from audio_enhance._settings import api_version_from, auth_from, base_url_from

ID = "FIREFLY_SERVICES_CLIENT_ID"
SECRET = "FIREFLY_SERVICES_CLIENT_SECRET"
VERSION = "AUDIO_ENHANCE_API_VERSION"
TOKEN = "FIREFLY_SERVICES_ACCESS_TOKEN"


def test_credentials() -> None:
    auth = auth_from({ID: "the-id", SECRET: "the-secret"})
    assert auth == ClientCredentials("the-id", "the-secret", token_url=IMS_TOKEN_URL)


def test_a_token() -> None:
    assert auth_from({ID: "the-id", TOKEN: "eyJ"}) == AccessToken("eyJ", client_id="the-id")


def test_a_secret_wins_over_a_token_which_ends() -> None:
    assert isinstance(auth_from({ID: "i", SECRET: "s", TOKEN: "t"}), ClientCredentials)


def test_blanks_around_values_do_not_matter() -> None:
    auth = auth_from({ID: " the-id\n", SECRET: "\tthe-secret "})
    assert auth == ClientCredentials("the-id", "the-secret")


def test_another_token_endpoint() -> None:
    auth = auth_from({ID: "i", SECRET: "s", "AUDIO_ENHANCE_TOKEN_URL": "http://127.0.0.1:1/t"})
    assert isinstance(auth, ClientCredentials)
    assert auth.token_url == "http://127.0.0.1:1/t"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, [ID, SECRET, TOKEN]),
        ({ID: "i"}, [SECRET, TOKEN]),
        ({SECRET: "s"}, [ID]),
        ({TOKEN: "t"}, [ID]),
        ({ID: "  ", SECRET: ""}, [ID, SECRET, TOKEN]),
    ],
)
def test_every_missing_variable_is_named(environ: dict[str, str], missing: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        auth_from(environ)
    assert [name for name in (ID, SECRET, TOKEN) if name in caught.value.message] == missing


def test_the_address() -> None:
    assert base_url_from({}) is None
    assert base_url_from({"AUDIO_ENHANCE_BASE_URL": " "}) is None
    assert base_url_from({"AUDIO_ENHANCE_BASE_URL": "http://h:1"}) == "http://h:1"


def test_the_version() -> None:
    assert api_version_from({}) == api_version_from({VERSION: " "}) == "v1"
    assert api_version_from({VERSION: " v2\n"}) == "v2"
    with pytest.raises(ConfigurationError, match="no version '2'"):
        api_version_from({VERSION: "2"})


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (ID, SECRET, TOKEN, "AUDIO_ENHANCE_BASE_URL", "AUDIO_ENHANCE_TOKEN_URL", VERSION):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_client_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(ID, "the-id")
    environment.setenv(SECRET, "the-secret")
    environment.setenv("AUDIO_ENHANCE_BASE_URL", "http://127.0.0.1:8080/")
    client = EnhanceClient.from_env()
    assert repr(client) == "EnhanceClient('the-id', base_url='http://127.0.0.1:8080')"


def test_a_client_without_credentials(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=ID):
        EnhanceClient.from_env()


@pytest.mark.parametrize("name", ["AUDIO_ENHANCE_BASE_URL", "AUDIO_ENHANCE_TOKEN_URL"])
def test_malformed_addresses(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(ID, "i")
    environment.setenv(SECRET, "s")
    environment.setenv(name, "not an address")
    with pytest.raises(ConfigurationError, match="not an address"):
        EnhanceClient.from_env()


def test_each_version_has_its_address(environment: pytest.MonkeyPatch) -> None:
    auth = ClientCredentials("the-id", "the-secret")
    assert EnhanceClient(auth).base_url == "https://firefly-beta.adobe.io"
    second = EnhanceClient(auth, api_version="v2")
    assert second.base_url == "https://audio-services-stage.adobe.io"
    assert second.api_version == "v2"
    environment.setenv(ID, "i")
    environment.setenv(SECRET, "s")
    environment.setenv(VERSION, "v2")
    assert EnhanceClient.from_env().base_url == second.base_url
    assert EnhanceClient.from_env(api_version="v1").api_version == "v1"
    environment.setenv("AUDIO_ENHANCE_BASE_URL", "http://127.0.0.1:8080")
    assert EnhanceClient.from_env().base_url == "http://127.0.0.1:8080"


def test_a_version_that_there_is_not(environment: pytest.MonkeyPatch) -> None:
    version: Any = "v3"
    with pytest.raises(ConfigurationError, match="v3"):
        EnhanceClient(ClientCredentials("i", "s"), api_version=version)


def test_recordings_at_a_time_are_one_or_more() -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        EnhanceClient(AccessToken("eyJ", client_id="id"), at_a_time=0)
