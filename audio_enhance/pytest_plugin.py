"""Fixtures for testing programs that use this package: a local service, and a client on it.

pytest finds them by itself. They run under pytest-asyncio, in either of its modes, and under the
plugin of anyio where pytest-asyncio is not there. ``enhance_service`` needs the extra ``local``::

    async def test_my_backend(enhance_service, enhance_client): ...

    @pytest.mark.enhance_service(behaviour=Behaviour(ready_lag=2), faults=Faults(server_error=0.1))
    async def test_my_patience(enhance_service, enhance_client): ...
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from audio_enhance import ApiVersion, EnhanceClient
    from audio_enhance.local import LocalService


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker and the fixtures known."""
    config.addinivalue_line(
        "markers",
        "enhance_service(**arguments): arguments of audio_enhance.local.LocalService, such as "
        "behaviour, faults or enhancer, for the enhance_service fixture of this test",
    )
    # Only now is it known which plugin runs coroutines. To import pytest-asyncio any earlier
    # would be to import it before pytest has had a chance to rewrite its assertions.
    fixture: Callable[[Callable[..., Any]], Any] = pytest.fixture
    asyncio_plugin = sys.modules.get("pytest_asyncio.plugin")
    if asyncio_plugin is not None and config.pluginmanager.is_registered(asyncio_plugin):
        import pytest_asyncio

        fixture = pytest_asyncio.fixture
    fixtures = ModuleType("audio_enhance fixtures")
    fixtures.enhance_api_version = pytest.fixture(enhance_api_version)  # type: ignore[attr-defined]
    for function in (enhance_service, enhance_client):
        setattr(fixtures, function.__name__, fixture(function))
    config.pluginmanager.register(fixtures)


async def enhance_service(request: pytest.FixtureRequest) -> "AsyncIterator[LocalService]":
    """A running local service of this test's own; it rehearses instead of enhancing audio."""
    from audio_enhance.local import LocalService
    from audio_enhance.local.enhancer import Rehearsal

    marker = request.node.get_closest_marker("enhance_service")
    arguments: dict[str, Any] = {"enhancer": Rehearsal()} | (marker.kwargs if marker else {})
    async with LocalService(**arguments) as service:
        yield service


def enhance_api_version() -> "ApiVersion":
    """The API's version that ``enhance_client`` speaks, for tests to override or parametrize."""
    return "v1"


async def enhance_client(
    enhance_service: "LocalService", enhance_api_version: "ApiVersion"
) -> "AsyncIterator[EnhanceClient]":
    """An `EnhanceClient` that talks to ``enhance_service``."""
    from audio_enhance import EnhanceClient

    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        api_version=enhance_api_version,
    ) as client:
        yield client
