"""Tests that are not coroutines, as users write them for their applications."""

import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import requests
from django.http import HttpRequest, JsonResponse
from django.test import Client, override_settings
from django.urls import path

from audio_enhance import EnhanceClient
from audio_enhance.local import Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal

with warnings.catch_warnings():
    # The oldest Starlette that is allowed uses names that anyio has deprecated since.
    warnings.simplefilter("ignore", DeprecationWarning)
    from fastapi.testclient import TestClient

RECORDING = b"ID3" + bytes(range(256)) * 40


async def cleaned(request: HttpRequest) -> JsonResponse:
    """A view that is done with its recording when it answers."""
    async with EnhanceClient.from_env() as client:
        job = await client.submit(request.body, strength=93)
        return JsonResponse({"strength": (await job).enhancement.strength})


urlpatterns = [path("cleaned", cleaned)]


@pytest.fixture
def settings_of_django(enhance_environment: dict[str, str]) -> Iterator[None]:
    import_module("examples.django_app")  # it has the settings
    with override_settings(ROOT_URLCONF=__name__):
        yield


def test_fastapi_through_its_test_client(enhance_server: LocalService, tmp_path: Path) -> None:
    app = import_module("examples.fastapi_app").create_app(enhance_server.connect, str(tmp_path))
    with TestClient(app, follow_redirects=False) as browser:
        answer = browser.post("/enhancements?filename=talk.mp3", content=RECORDING)
        assert answer.status_code == 202
        job = answer.json()["id"]
        assert "event: finished" in browser.get(f"/enhancements/{job}/events").text
        location = browser.get(f"/enhancements/{job}/result").headers["Location"]
    assert requests.get(location, timeout=10).content == Rehearsal.expected(RECORDING, 93)
    assert enhance_server.count("POST /assets", 201) == 1


def test_django_through_its_test_client(
    enhance_server: LocalService, settings_of_django: None
) -> None:
    browser = Client()
    answer = browser.post("/cleaned", RECORDING, content_type="application/octet-stream")
    assert (answer.status_code, answer.json()) == (200, {"strength": 93})
    assert enhance_server.count("POST /assets", 201) == 1


def test_any_http_client_reaches_the_service(enhance_server: LocalService) -> None:
    enhance_server.faults.script(Fault.SERVER_ERROR, route="GET /assets/:id")
    headers = {
        "Authorization": f"Bearer {enhance_server.issue_token(enhance_server.client_id)}",
        "x-api-key": enhance_server.client_id,
    }
    url = f"{enhance_server.base_url}/audio_services/v1/assets/unknown"
    statuses = [requests.get(url, headers=headers, timeout=10).status_code for _ in range(2)]
    assert [status // 100 for status in statuses] == [5, 4]


@pytest.mark.parametrize("enhance_api_version", ["v1", "v2"])
def test_the_environment_is_that_of_the_test_that_is_not_a_coroutine(
    enhance_environment: dict[str, str], enhance_server: LocalService, enhance_api_version: str
) -> None:
    client = EnhanceClient.from_env()
    assert client.base_url.startswith(enhance_server.base_url)
    assert client.api_version == enhance_api_version


async def test_the_environment_is_that_of_the_service_that_the_test_uses(
    enhance_environment: dict[str, str], enhance_service: LocalService
) -> None:
    assert re.match(enhance_service.base_url, enhance_environment["AUDIO_ENHANCE_BASE_URL"])
    async with EnhanceClient.from_env() as client:
        await (await client.submit(RECORDING, strength=93))
    assert enhance_service.count("POST /assets", 201) == 1
