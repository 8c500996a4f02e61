"""Screenshots of the page and of a report, from the system's Chromium."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

_FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"]
_SCHEMES = ("light", "dark")
_PATIENCE = 120_000  # ms


def take(recordings: Path, report: Path, folder: Path) -> None:
    """Take every screenshot, in light and in dark.

    Args:
        recordings: What is dropped on the page.
        report: The report.
        folder: Where they go.
    """
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        for scheme in _SCHEMES:
            page = _opened(browser, scheme, report.as_uri(), height=860)
            page.screenshot(path=folder / f"report-{scheme}.png")
        _page(browser, recordings, folder)
        browser.close()


def _page(browser: Browser, recordings: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "audio_enhance", "web", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found is not None
            for scheme in _SCHEMES:
                page = _opened(browser, scheme, found[0], height=1000)
                _drop(page, recordings)
                page.screenshot(path=folder / f"page-{scheme}.png")
                page.context.close()
        finally:
            process.terminate()


def _opened(browser: Browser, scheme: str, address: str, height: int) -> Page:
    page = browser.new_context(
        viewport={"width": 1120, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    ).new_page()
    page.goto(address)
    return page


def _drop(page: Page, recordings: Path) -> None:
    """Have two recordings enhanced, and open the player of one."""
    page.set_default_timeout(_PATIENCE)
    expect(page.locator("#limits")).to_contain_text("up to")
    names = ["lecture.wav", "interview.mp3"]
    page.locator("input[type=file]").first.set_input_files([recordings / name for name in names])
    for name in names:
        expect(_card(page, name).locator(".status")).to_have_text("Ready", timeout=_PATIENCE)
    card = _card(page, names[-1])
    card.get_by_role("button", name="Listen").click()
    player = card.locator(".player")
    expect(player).to_have_attribute("data-measured", "", timeout=_PATIENCE)
    player.get_by_label("Spectrogram", exact=True).check()
    page.wait_for_timeout(1500)  # until everything is drawn
    card.scroll_into_view_if_needed()


def _card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=name))
