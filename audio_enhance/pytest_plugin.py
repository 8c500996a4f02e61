"""Fixtures for testing programs that use this package: a local service, and a client on it.

pytest finds them by itself. Those that are coroutines run under pytest-asyncio, in either of its
modes, and under the plugin of anyio where pytest-asyncio is not there. Synchronous tests have
``enhance_server``. The services need the extra ``local``::

    async def test_my_backend(enhance_service, enhance_client): ...

    def test_my_views(enhance_environment, client): ...

    @pytest.mark.enhance_service(behaviour=Behaviour(ready_lag=2), faults=Faults(server_error=0.1))
    async def test_my_patience(enhance_service, enhance_client): ...
"""

# Every run of pytest imports this, wherever the package is installed: only pytest, and what pytest
# has imported anyway, is imported before a fixture is asked for.
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from audio_enhance import ApiVersion, EnhanceClient
    from audio_enhance.local import LocalService


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker and the fixtures known."""
    config.addinivalue_line(
        "markers",
        "enhance_service(**arguments): arguments of audio_enhance.local.LocalService, such as "
        "behaviour, faults or enhancer, for the enhance_service or enhance_server of this test",
    )
    # Only now is it known which plugin runs coroutines. To import pytest-asyncio any earlier
    # would be to import it before pytest has had a chance to rewrite its assertions.
    asynchronous: Callable[[Callable[..., Any]], Any] = pytest.fixture
    asyncio_plugin = sys.modules.get("pytest_asyncio.plugin")
    if asyncio_plugin is not None and config.pluginmanager.is_registered(asyncio_plugin):
        import pytest_asyncio

        asynchronous = pytest_asyncio.fixture
    fixtures = ModuleType("audio_enhance fixtures")
    for function in (enhance_api_version, enhance_server, enhance_environment):
        setattr(fixtures, function.__name__, pytest.fixture(function))
    for coroutine in (enhance_service, enhance_client):
        setattr(fixtures, coroutine.__name__, asynchronous(coroutine))
    config.pluginmanager.register(fixtures)


def _service(request: pytest.FixtureRequest) -> "LocalService":
    from audio_enhance.local import LocalService
    from audio_enhance.local.enhancer import Rehearsal

    marker = request.node.get_closest_marker("enhance_service")
    arguments: dict[str, Any] = {"enhancer": Rehearsal()} | (marker.kwargs if marker else {})
    return LocalService(**arguments)


async def enhance_service(request: pytest.FixtureRequest) -> "AsyncIterator[LocalService]":
    """A running local service of this test's own; it rehearses instead of enhancing audio."""
    async with _service(request) as service:
        yield service


def enhance_server(request: pytest.FixtureRequest) -> "Iterator[LocalService]":
    """The same on a thread of its own, for tests that are not coroutines."""
    with _service(request).in_thread() as service:
        yield service


def enhance_api_version() -> "ApiVersion":
    """The API's version that ``enhance_client`` and ``enhance_environment`` use, to override."""
    return "v1"


def enhance_environment(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    enhance_api_version: "ApiVersion",
) -> dict[str, str]:
    """The environment variables of the test's service, set until the test ends.

    The service is ``enhance_service`` if the test uses that, or else ``enhance_server``.
    """
    name = "enhance_service" if "enhance_service" in request.fixturenames else "enhance_server"
    service: LocalService = request.getfixturevalue(name)
    variables = service.environment | {"AUDIO_ENHANCE_API_VERSION": enhance_api_version}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return variables


async def enhance_client(
    enhance_service: "LocalService", enhance_api_version: "ApiVersion"
) -> "AsyncIterator[EnhanceClient]":
    """An `EnhanceClient` that talks to ``enhance_service``, and hardly waits between requests."""
    from audio_enhance import EnhanceClient, PollPolicy, RetryPolicy

    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        api_version=enhance_api_version,
        polling=PollPolicy(shortest=0.005, longest=0.05),
        retry=RetryPolicy(longest_wait=0.01),
    ) as client:
        yield client
