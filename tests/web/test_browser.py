"""The page in a real browser, as people use it."""

import re
from pathlib import Path

import pytest

from audio_enhance.local import Fault
from audio_enhance.web import Limits

from .sound import Halver, speech

pytest.importorskip("playwright.async_api", reason="needs playwright")
from playwright.async_api import expect

from .browsing import Stage, state

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


WATCH = """() => {
    window.seen = {};
    const look = () => {
        for (const card of document.querySelectorAll(".card")) {
            const texts = (window.seen[card.querySelector("h3").textContent] ??= []);
            const text = card.querySelector(".status").textContent;
            if (texts.at(-1) !== text) texts.push(text);
        }
    };
    new MutationObserver(look).observe(document.querySelector("#cards"),
        { subtree: true, childList: true, characterData: true });
}"""


async def test_two_recordings_are_followed_to_their_end(stage: Stage, halver: Halver) -> None:
    halver.seconds = 0.4
    await stage.page.evaluate(WATCH)
    await stage.drop(("one.wav", speech(1)), ("two.wav", speech(2)))
    await expect(stage.page.locator(".card h3")).to_have_text(["one.wav", "two.wav"])
    for name in ("one.wav", "two.wav"):
        await stage.until(name, "Ready")
    seen = await stage.page.evaluate("window.seen")
    for name in ("one.wav", "two.wav"):
        kinds = [re.split(r"[,:]", text)[0] for text in seen[name]]
        order = ["Waiting to be sent", "Sending", "Passing it on", "In line", "Enhancing", "Ready"]
        # Some pass too quickly to be seen; none comes in another order.
        assert [kind for kind in order if kind in kinds] == list(dict.fromkeys(kinds))
        assert {"Enhancing", "Ready"} <= set(kinds)
    assert any("1 ahead" in text for texts in seen.values() for text in texts)
    await expect(stage.page.locator("#list-summary")).to_have_text("2 ready")
    await expect(stage.page.locator("#announcer")).to_contain_text("two.wav is ready.")
    assert await stage.page.title() == "Audio Enhance"


async def test_a_reload_in_the_middle_loses_nothing(stage: Stage, halver: Halver) -> None:
    halver.go.clear()
    await stage.drop(("one.wav", speech(1)))
    await stage.until("one.wav", re.compile("Enhancing"))
    await stage.drop(("two.wav", speech(1, seed=2)))
    await stage.until("two.wav", "In line, 1 ahead")
    await stage.page.reload()
    await stage.until("one.wav", re.compile("Enhancing"))
    await stage.until("two.wav", "In line, 1 ahead")
    halver.go.set()
    await stage.until("two.wav", "Ready")
    # The page has no file any more: the original comes from the application.
    player = await stage.listen("two.wav")
    assert (await state(player))["levels"]["before"] == pytest.approx(0.5, abs=0.005)


async def test_cancelling_and_trying_again(stage: Stage, halver: Halver) -> None:
    halver.go.clear()
    for n, status in enumerate(["Enhancing", "In line, 1 ahead", "In line, 2 ahead"]):
        await stage.drop((f"{n}.wav", speech(0.5, seed=n)))
        await stage.until(f"{n}.wav", re.compile(status))
    card = stage.card("2.wav")
    await card.get_by_role("button", name="Cancel").click()
    await stage.until("2.wav", "Cancelled")
    await card.get_by_role("button", name="Try again").click()
    await stage.until("2.wav", "In line, 2 ahead")
    await expect(stage.page.locator(".card")).to_have_count(3)
    await stage.card("1.wav").get_by_role("button", name="Cancel").click()
    await stage.until("1.wav", "Cancelled")
    await stage.card("1.wav").get_by_role("button", name="Remove").click()
    await expect(stage.page.locator(".card")).to_have_count(2)
    await expect(stage.card("2.wav").get_by_role("button", name="Cancel")).to_be_focused()
    halver.go.set()
    await stage.until("2.wav", "Ready")


async def test_what_is_no_audio_says_so(stage: Stage) -> None:
    stage.expected = {"415"}
    await stage.drop(
        ("notes.txt", b"hello"), ("fake.wav", b"not a recording"), ("a.wav", speech(0.5))
    )
    refused = await stage.until("notes.txt", "Not sent")
    await expect(refused).to_contain_text("This is no recording, going by its name.")
    failed = await stage.until("fake.wav", "Failed")
    await expect(failed).to_contain_text("Check that it plays as audio")
    await expect(failed.get_by_role("button", name="Try again")).to_be_visible()
    await stage.until("a.wav", "Ready")
    await expect(stage.page.locator("#list-summary")).to_have_text("1 ready, 2 not done")


async def test_the_service_goes_away_and_comes_back(stage: Stage) -> None:
    stage.service.faults.script(Fault.SERVER_ERROR, route="POST /assets", times=4, status=503)
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", "Ready")
    assert stage.service.faults.injected[Fault.SERVER_ERROR] == 4


async def test_the_application_goes_away_and_comes_back(stage: Stage, halver: Halver) -> None:
    stage.expected = {"ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "404", "409"}
    await stage.drop(("done.wav", speech(0.5)))
    await stage.until("done.wav", "Ready")
    await stage.listen("done.wav")
    halver.go.clear()
    await stage.drop(("open.wav", speech(0.5, seed=2)))
    await stage.until("open.wav", re.compile("Enhancing"))
    await stage.drop(("given-up.wav", speech(0.5, seed=4)))
    await stage.until("given-up.wav", re.compile("In line"))
    await stage.card("given-up.wav").get_by_role("button", name="Cancel").click()
    await stage.until("given-up.wav", "Cancelled")
    await stage.stop()
    await expect(stage.page.get_by_role("alert").first).to_contain_text("Trying again")
    # Dropped while nobody listens: it waits.
    await stage.drop(("late.wav", speech(0.5, seed=3)))
    await stage.until("late.wav", re.compile("Next try in"))
    await stage.start()
    halver.go.set()
    for name in ("open.wav", "late.wav"):
        await stage.until(name, "Ready")
    await expect(stage.page.get_by_role("alert").first).to_be_hidden()
    # What had no result has lost nothing.
    await stage.until("given-up.wav", "Cancelled")
    lost = await stage.until("done.wav", "Lost")
    # It is still there to be listened to, until that is enough.
    await expect(lost.locator(".status")).to_be_visible()
    await lost.get_by_role("button", name="Close").click()
    await expect(lost.locator(".player")).to_have_count(0)
    await expect(lost.get_by_role("button", name="Listen")).to_be_hidden()
    await expect(lost.get_by_role("button", name="Try again")).to_be_focused()
    await lost.get_by_role("button", name="Try again").click()
    await stage.until("done.wav", "Ready")


async def test_a_busy_application_is_waited_for(stage: Stage) -> None:
    stage.expected = {"503"}
    await stage.stop()
    await stage.start(Limits(uploads=1))
    await stage.page.reload()
    await stage.page.evaluate(WATCH)
    # Somebody else has the only place for a while.
    other = await stage.site.visitor()
    identifier = (await other.announce()).json["id"]
    await stage.drop(("one.wav", speech(0.5)))
    card = await stage.until("one.wav", re.compile("Next try in . second"))
    await expect(card).to_contain_text("Other recordings are being sent just now.")
    await other.call("DELETE", f"recordings/{identifier}")
    await stage.until("one.wav", "Ready")


async def test_a_result_is_downloaded_under_its_name(stage: Stage, tmp_path: Path) -> None:
    await stage.drop(("one.wav", speech(0.5)))
    card = await stage.until("one.wav", "Ready")
    async with stage.page.expect_download() as waiting:
        await card.get_by_role("link", name="Download").click()
    download = await waiting.value
    assert download.suggested_filename == "one-enhanced-93p.wav"
    assert download.url.startswith(stage.service.s3_url)
    await download.save_as(tmp_path / "result.wav")
    assert (tmp_path / "result.wav").read_bytes().startswith(b"RIFF")
    assert stage.page.url == stage.site.url


async def test_the_microphone_makes_a_recording(stage: Stage) -> None:
    page = stage.page
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("button", name="Stop and enhance")).to_be_focused()
    await expect(page.locator("#recorder-time")).to_have_text("0:01")
    await page.get_by_role("button", name="Discard").click()
    await expect(page.locator(".card")).to_have_count(0)
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("button", name="Stop and enhance")).to_be_focused()
    await expect(page.locator("#recorder-time")).to_have_text("0:01")
    await page.get_by_role("button", name="Stop and enhance").click()
    name = re.compile(r"Recording \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.wav")
    card = page.locator(".card", has=page.get_by_role("heading", name=name))
    await expect(card.locator(".status")).to_have_text("Ready")
    await card.get_by_role("button", name="Listen").click()
    player = card.locator(".player")
    await expect(player).to_have_attribute("data-ready", "")
    # Chromium's stand-in for a microphone beeps.
    assert await player.evaluate("p => p.player.sound.duration") > 0.9
    await expect(player.locator("figcaption").first).to_contain_text("LUFS")


async def test_a_microphone_that_is_refused_says_so(stage: Stage) -> None:
    await stage.page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia =
                async () => { throw new DOMException("no", "NotAllowedError"); };
        }"""
    )
    await stage.page.get_by_role("button", name="Record").click()
    await expect(stage.page.locator("#record-problem")).to_contain_text("may not be used")
    await expect(stage.page.get_by_role("button", name="Record")).to_be_enabled()


async def test_everything_works_from_the_keyboard(stage: Stage) -> None:
    page = stage.page
    await stage.drop(("one.wav", speech(2)))
    await stage.until("one.wav", "Ready")
    order = []
    for _ in range(6):
        await page.keyboard.press("Tab")
        order.append(
            await page.evaluate(
                """() => {
                    const style = getComputedStyle(document.activeElement);
                    const name = document.activeElement.id || document.activeElement.dataset.action;
                    return [name.split("-")[0], style.outlineStyle !== "none"];
                }"""
            )
        )
    names = [name for name, _ in order]
    assert names == ["choose", "record", "strength", "listen", "download", "remove"]
    assert all(visible for _, visible in order)
    await page.locator("[data-action=listen]").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Play")).to_be_focused()
    for key in ("Tab", "Tab", "Tab", "Tab", "Tab"):
        await page.keyboard.press(key)
    assert await page.evaluate("document.activeElement.textContent") == "Enhance again"
    await page.locator("[data-action=remove]").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Choose files")).to_be_focused()


async def test_reduced_motion_is_respected(stage: Stage, halver: Halver) -> None:
    halver.go.clear()
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", re.compile("Enhancing"))
    busy = stage.page.locator(".stages [data-state=busy]")
    assert await busy.evaluate("e => getComputedStyle(e).animationName") == "busy"
    await stage.page.emulate_media(reduced_motion="reduce")
    assert await busy.evaluate("e => getComputedStyle(e).animationName") == "none"
    halver.go.set()
