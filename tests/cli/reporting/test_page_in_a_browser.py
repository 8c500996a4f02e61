"""The page as people have it: from a disk, in a browser."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.axe import axe_core, violations
from tests.support.tools import path_of
from tests.web.sound import speech

from .support import failed, page_of, row, side

pytest.importorskip("playwright.async_api", reason="needs playwright")
from tests.web.browsing import DESKTOP, FLAGS, PHONE

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.slow

NAMES = "[...document.querySelectorAll('tbody:not([hidden]) th')].map(th => th.textContent)"


@pytest.fixture
async def browser() -> AsyncIterator["Browser"]:
    """The system's Chromium."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": path_of("chromium"), "args": FLAGS}
        browser = await playwright.chromium.launch(**options)
        yield browser
        await browser.close()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A page with four results, of which one has files beside it."""
    for name in ("a2.wav", "result.wav"):
        (tmp_path / name).write_bytes(speech(1))
    rows = [
        row(str(tmp_path / "a10.wav"), after=side(-50.0, duration=9.0)),
        row(str(tmp_path / "a2.wav"), path=str(tmp_path / "result.wav")),
        failed(str(tmp_path / "B.wav"), "Bad.", hint="Mend it."),
        row(str(tmp_path / "c'\"<i>.wav"), before={"trouble": "The file is gone."}),
    ]
    place = tmp_path / "report.html"
    place.write_text(page_of(rows, tmp_path, journal=tmp_path / "j.sqlite"))
    return place


async def opened(browser: "Browser", report: Path, told: list[str], **options: Any) -> "Page":
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: told.append(request.url))
    await page.goto(report.as_uri())
    assert told == [report.as_uri()]
    told.clear()
    return page


async def test_it_is_sorted_filtered_and_played(browser: "Browser", report: Path) -> None:
    told: list[str] = []
    page = await opened(browser, report, told, viewport=DESKTOP)

    async def names() -> list[str]:
        return [name.removesuffix(".wav") for name in await page.evaluate(NAMES)]

    async def sorted_by(column: str) -> tuple[list[str], str | None]:
        button = page.get_by_role("button", name=column)
        await button.focus()
        await page.keyboard.press("Enter")
        head = page.locator("th", has=button)
        return await names(), await head.get_attribute("aria-sort")

    odd = "c'\"<i>"
    assert await sorted_by("Recording") == (["a2", "a10", "B", odd], "ascending")
    assert await sorted_by("Recording") == ([odd, "B", "a10", "a2"], "descending")
    # What has no figure is last, whichever way.
    assert await sorted_by("Noise removed") == (["a10", "a2", odd, "B"], "ascending")
    assert await sorted_by("Noise removed") == (["a2", "a10", odd, "B"], "descending")
    assert await page.locator("[aria-sort=descending], [aria-sort=ascending]").count() == 1

    await page.get_by_label("Name").fill("A1")
    assert await names() == ["a10"]
    assert await page.get_by_role("status").inner_text() == "1 of 4 shown"
    await page.get_by_label("Name").fill("")
    await page.get_by_label("Result").select_option("Failed")
    assert await names() == ["B"]
    await page.get_by_label("Name").fill("a2")
    assert await page.get_by_text("No result is like that.").is_visible()
    await page.get_by_label("Result").select_option("")

    await page.get_by_role("button", name="Close all").click()
    assert await page.locator("details[open]").count() == 0
    await page.get_by_text("Before and after: a2.wav").press("Enter")
    player = page.get_by_label("After", exact=True).locator("visible=true")
    assert told == []
    assert await player.evaluate(
        """async (player) => {
            await player.play();
            return player.duration;
        }"""
    ) == pytest.approx(1)
    assert told == [(report.parent / "result.wav").as_uri()]


async def test_a_player_whose_file_is_gone_says_so(browser: "Browser", report: Path) -> None:
    (report.parent / "result.wav").unlink()
    page = await opened(browser, report, [], viewport=DESKTOP)
    await page.locator("audio[src='./result.wav']").evaluate("player => player.load()")
    await page.get_by_text("The file is not beside this page any more.").wait_for()


async def test_it_is_for_everybody_and_fits(
    browser: "Browser", report: Path, pytestconfig: pytest.Config
) -> None:
    axe = await asyncio.to_thread(axe_core, pytestconfig)
    for scheme in ("light", "dark"):
        for viewport in (DESKTOP, PHONE):
            options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
            page = await opened(browser, report, [], **options)
            assert await violations(page, axe) == []
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width == viewport["width"]


async def test_the_head_of_the_table_is_text_on_paper(browser: "Browser", report: Path) -> None:
    """Chromium leaves out buttons where it repeats the head of a table on the next sheets."""
    page = await opened(browser, report, [], viewport=DESKTOP)
    button = page.get_by_role("button", name="Recording")
    shown = (
        "button => [getComputedStyle(button).display, getComputedStyle(button, '::after').content]"
    )
    display, arrow = await button.evaluate(shown)
    assert display != "contents"
    assert "↕" in arrow  # it can be sorted
    await page.emulate_media(media="print")
    assert (await button.evaluate(shown))[0] == "contents"
    assert await button.evaluate("button => getComputedStyle(button, '::after').display") == "none"
