"""A running application for every test module, and others for those who change something."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from audio_enhance import ApiVersion
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import _listening
from tests.support.tools import path_of

from .sound import Halver
from .support import Held, Site, Visitor, running

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from .browsing import Stage


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell of changes as they come: tests have no eyes to spare."""
    monkeypatch.setattr(_listening, "_LEAST_GAP", 0.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    """An application that nobody changes."""
    async with LocalService(enhancer=Rehearsal()) as service, running(service) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(site: Site) -> Visitor:
    """Somebody new at it."""
    return await site.visitor()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    """The system's Chromium."""
    from playwright.async_api import async_playwright

    from .browsing import FLAGS

    chromium = path_of("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def held() -> Held:
    """What enhances when it is let."""
    return Held()


@pytest_asyncio.fixture(loop_scope="module")
async def held_service(held: Held) -> AsyncIterator[LocalService]:
    """A service that enhances when it is let."""
    async with LocalService(enhancer=held) as service:
        yield service


@pytest.fixture
def halver() -> Halver:
    """What enhances for the page."""
    return Halver()


@pytest.fixture
def api_version() -> ApiVersion:
    """What the application behind the page speaks with the service; some tests run with both."""
    return "v1"


@pytest_asyncio.fixture(loop_scope="module")
async def stage(
    browser: "Browser", halver: Halver, api_version: ApiVersion
) -> AsyncIterator["Stage"]:
    """A page; whatever the browser complained about fails the test."""
    from .browsing import Stage

    async with LocalService(enhancer=halver) as service, AsyncExitStack() as stack:
        stage = Stage(service, browser, stack, api_version)
        await stage.start()
        await stage.open()
        yield stage
        await stack.aclose()
        await stage.stop()
    assert stage.errors == []
