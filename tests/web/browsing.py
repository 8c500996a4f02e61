"""A page in a real browser, and the application behind it."""

import asyncio
import base64
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from audio_enhance import ApiVersion
from audio_enhance.local import LocalService
from audio_enhance.web import Limits

from .support import Site, running

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 780}


class Stage:
    """An application that may be stopped and started, and a page of it.

    Attributes:
        page: The page.
        api_version: What the application speaks with the service.
        errors: What the browser complained about.
        expected: What it may complain about.
        folder: Where the application keeps what is in the list, from its next start on.
    """

    def __init__(
        self,
        service: LocalService,
        browser: Browser,
        stack: AsyncExitStack,
        api_version: ApiVersion = "v1",
    ) -> None:
        self.service = service
        self.api_version: ApiVersion = api_version
        self.errors: list[str] = []
        self.expected: set[str] = set()
        self._browser = browser
        self._stack = stack
        self._application: AsyncExitStack | None = None
        self._port = 0
        self.folder: Path | None = None
        self.site: Site
        self.page: Page

    async def start(self, limits: Limits | None = None) -> None:
        """Start the application, on the port that it had before."""
        stack = AsyncExitStack()
        self._application = stack
        self.site = await stack.enter_async_context(
            running(
                self.service,
                limits=limits,
                port=self._port,
                api_version=self.api_version,
                folder=self.folder,
                measure=True,
            )
        )
        self._port = int(self.site.url.split(":")[2].rstrip("/"))

    async def stop(self) -> None:
        """Stop the application; its port answers nobody then."""
        assert self._application is not None
        await self._application.aclose()

    async def open(self, **options: Any) -> Page:
        """Open the page in a browser of its own."""
        context = await self._browser.new_context(viewport=DESKTOP, **options)
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await page.goto(self.site.url)
        await expect(page.locator("#limits")).to_contain_text("up to")
        self.page = page
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(
            part in message.text for part in self.expected
        ):
            self.errors.append(message.text)

    async def drop(self, *files: tuple[str, bytes]) -> None:
        """Drop files from elsewhere on the page."""
        handle = await self.page.evaluate_handle(
            """files => {
                const transfer = new DataTransfer();
                for (const [name, text] of files) {
                    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                    transfer.items.add(new File([bytes], name));
                }
                return transfer;
            }""",
            [[name, base64.b64encode(data).decode()] for name, data in files],
        )
        for kind in ("dragenter", "dragover"):
            await self.page.dispatch_event("#drop", kind, {"dataTransfer": handle})
        await expect(self.page.locator("#drop")).to_have_attribute("data-over", "")
        await self.page.dispatch_event("#drop", "drop", {"dataTransfer": handle})
        await expect(self.page.locator("#drop")).not_to_have_attribute("data-over", "")

    async def drop_paths(self, *paths: Path) -> None:
        """Drop files or folders of this machine on the page, as a person does."""
        session = await self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            await session.send(
                "Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 150, "data": data}
            )

    def card(self, name: str) -> Locator:
        """The card of a recording."""
        return self.page.locator(".card", has=self.page.get_by_role("heading", name=name))

    async def until(self, name: str, status: str | re.Pattern[str]) -> Locator:
        """Wait until a card says something; returns it."""
        card = self.card(name)
        await expect(card.locator(".status")).to_have_text(status, timeout=60_000)
        return card

    async def listen(self, name: str) -> Locator:
        """Open the player of a recording."""
        card = self.card(name)
        await card.get_by_role("button", name="Listen").click()
        player = card.locator(".player")
        await expect(player).to_have_attribute("data-ready", "")
        return player

    async def measured(self, name: str) -> Locator:
        """Open the player of a recording, and wait until all of it is drawn."""
        player = await self.listen(name)
        await expect(player).to_have_attribute("data-measured", "", timeout=60_000)
        await expect(player.get_by_role("button", name="Play")).to_be_focused()
        return player


async def state(player: Locator) -> dict[str, Any]:
    """What the player says of itself."""
    found: dict[str, Any] = await player.evaluate("player => player.player.state")
    return found
