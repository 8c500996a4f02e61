"""The page as axe-core sees it: in every state, in light and dark, on a desk and on a phone."""

import re
from typing import Any

import pytest

from tests.support.axe import axe_core, violations

from .sound import Halver, speech

pytest.importorskip("playwright.async_api", reason="needs playwright")
from .browsing import DESKTOP, PHONE, Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config) -> str:
    """The source of axe-core."""
    return axe_core(pytestconfig)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_in_anybodys_way(
    stage: Stage,
    halver: Halver,
    axe: str,
    scheme: Any,
    viewport: Any,
) -> None:
    page = stage.page
    # Colours change at once: half-way from light to dark they are nobody's to read.
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size(viewport)
    assert await violations(page, axe) == []
    halver.go.clear()
    await stage.drop(("one.wav", speech(1)))
    await stage.until("one.wav", re.compile("Enhancing"))
    await stage.drop(("two.wav", speech(1, seed=2)), ("notes.txt", b"x"), ("fake.wav", b"x"))
    await stage.until("two.wav", re.compile("In line, . ahead"))
    assert await violations(page, axe) == []
    halver.go.set()
    await stage.until("two.wav", "Ready")
    await stage.until("fake.wav", "Failed")
    player = await stage.measured("one.wav")
    await player.get_by_label("Spectrogram", exact=True).check()
    await page.get_by_role("button", name="Record").click()
    assert await violations(page, axe) == []
    await page.get_by_role("button", name="Discard").click()
    assert await page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
