"""The page in a real browser, as people use it."""

import asyncio
import re
import zipfile
from pathlib import Path

import pytest

from audio_enhance.local import Fault
from audio_enhance.web import Limits

from .sound import Halver, speech

pytest.importorskip("playwright.async_api", reason="needs playwright")
from playwright.async_api import Route, expect

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


BOTH_VERSIONS = pytest.mark.parametrize("api_version", ["v1", "v2"])


@BOTH_VERSIONS
async def test_two_recordings_are_followed_to_their_end(stage: Stage, halver: Halver) -> None:
    halver.seconds = 0.4
    await stage.page.evaluate(WATCH)
    await stage.drop(("one.wav", speech(1)), ("two.wav", speech(2)))
    await expect(stage.page.locator(".card h3")).to_have_text(["two.wav", "one.wav"])
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
    player = await stage.measured("two.wav")
    assert (await state(player))["levels"]["before"] == pytest.approx(0.5, abs=0.05)


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
    await expect(stage.card("0.wav").get_by_role("button", name="Cancel")).to_be_focused()
    halver.go.set()
    await stage.until("2.wav", "Ready")


async def test_what_is_no_audio_says_so(stage: Stage) -> None:
    await stage.drop(
        ("notes.txt", b"hello"), ("fake.wav", b"not a recording"), ("a.wav", speech(0.5))
    )
    await expect(stage.page.locator("#complaint")).to_have_text(
        "Left out: notes.txt is no recording."
    )
    failed = await stage.until("fake.wav", "Failed")
    await expect(failed).to_contain_text("Check that it plays as audio")
    await expect(failed.get_by_role("button", name="Try again")).to_be_visible()
    await stage.until("a.wav", "Ready")
    await expect(stage.page.locator("#list-summary")).to_have_text("1 ready, 1 not done")


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


@BOTH_VERSIONS
async def test_a_result_is_downloaded_under_its_name(stage: Stage, tmp_path: Path) -> None:
    await stage.drop(("one.wav", speech(0.5)))
    card = await stage.until("one.wav", "Ready")
    async with stage.page.expect_download() as waiting:
        await card.get_by_role("link", name="Download").click()
    download = await waiting.value
    assert download.suggested_filename == "one-enhanced-93p.wav"
    await download.save_as(tmp_path / "result.wav")
    assert (tmp_path / "result.wav").read_bytes().startswith(b"RIFF")
    assert stage.page.url == stage.site.url


# How many samples came when the microphone was told to hand over what it still has.
NOTE_THE_LAST_PIECE = """
    globalThis.AudioWorkletNode = class extends AudioWorkletNode {
        constructor(...all) {
            super(...all);
            this.port.addEventListener("message", ({ data }) => {
                if (data.last) globalThis.lastPiece = data.samples.length;
            });
        }
    };
    null
"""


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
    async with page.expect_download() as waiting:
        await card.get_by_role("link", name="Save as recorded").click()
    assert name.fullmatch((await waiting.value).suggested_filename)


async def test_what_the_microphone_recorded_is_kept_whatever_happens(
    stage: Stage, tmp_path: Path
) -> None:
    page = stage.page
    stage.expected = {"415", "503", "Failed to load"}
    await page.evaluate(NOTE_THE_LAST_PIECE)
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator("#recorder-device option")).not_to_have_count(0)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("#recorder-state")).to_have_text("Paused")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#recorder-time")).to_have_text("0:01")
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Stop and only save").click()
    await (await waiting.value).save_as(tmp_path / "saved.wav")
    data = (tmp_path / "saved.wav").read_bytes()
    assert data.startswith(b"RIFF")
    # The last samples are there, too; before them, pieces have 4096.
    assert (len(data) - 44) // 2 % 4096 == await page.evaluate("lastPiece")
    await expect(page.locator(".card")).to_have_count(0)
    # The application is away when the next one ends.
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator("#recorder-time")).to_have_text("0:01")
    await stage.stop()
    await page.get_by_role("button", name="Stop and enhance").click()
    card = page.locator(".card")
    await card.get_by_role("button", name="Cancel").click()
    async with page.expect_download() as waiting:
        await card.get_by_role("link", name="Save as recorded").click()
    assert (await (await waiting.value).path()).stat().st_size > 44
    await stage.start()


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
    for _ in range(7):
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
    assert names == ["choose", "choose", "record", "strength", "listen", "download", "remove"]
    assert all(visible for _, visible in order)
    await page.locator("[data-action=listen]").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Play")).to_be_focused()
    await expect(page.locator(".player")).to_have_attribute("data-measured", "", timeout=60_000)
    for _ in range(8):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Try it"
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


async def test_the_first_screen_plays_before_and_after(stage: Stage) -> None:
    hero = stage.page.locator("#hero")
    await hero.get_by_role("button", name="Play the sample").click()
    await expect(hero).to_have_attribute("data-playing", "true")
    await hero.get_by_role("button", name="After").click()
    await expect(hero.get_by_role("button", name="After")).to_have_attribute("aria-pressed", "true")
    await hero.get_by_role("button", name="Pause the sample").click()
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", "Ready")
    await expect(hero).to_be_hidden()


async def test_a_folder_of_fifty_is_dropped_and_saved_at_once(stage: Stage, tmp_path: Path) -> None:
    page = stage.page
    folder = tmp_path / "podcast.mp3"  # a folder that is called like a recording
    (folder / "more").mkdir(parents=True)
    for number in range(48):
        (folder / f"{number}.wav").write_bytes(speech(0.2, seed=number))
    for number in range(2):
        (folder / "more" / f"{number}.wav").write_bytes(speech(0.2, seed=100 + number))
    for name in ("notes.txt", "cover.jpg", "list.pdf"):
        (folder / name).write_bytes(b"x")
    await stage.drop_paths(folder)
    await expect(page.locator("#list-summary")).to_have_text("50 ready", timeout=60_000)
    await expect(page.locator("#complaint")).to_have_text(
        "Left out: 3 files are no recordings (cover.jpg, list.pdf and 1 more)."
    )
    # What brings in more is a bar now, and most of the screen is the list.
    for part, most in (("#drop", 90), (".card", 75)):
        box = await page.locator(part).first.bounding_box()
        assert box is not None
        assert box["height"] < most
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Download all").click()
    await (await waiting.value).save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == 50
        assert {"0-enhanced-93p.wav", "0-enhanced-93p (2).wav"} <= set(names)
    await page.get_by_role("button", name="Remove all that are done").click()
    await expect(page.locator(".card")).to_have_count(0)
    await expect(page.locator("#hero")).to_be_visible()


async def test_all_are_cancelled_and_tried_again_at_once(stage: Stage, halver: Halver) -> None:
    halver.go.clear()
    page = stage.page
    await stage.drop(*[(f"{n}.wav", speech(0.3, seed=n)) for n in range(3)])
    await stage.until("2.wav", re.compile("In line"))
    await page.get_by_role("button", name="Cancel all").click()
    await expect(page.locator(".status", has_text="Cancelled")).to_have_count(3)
    halver.go.set()
    await page.get_by_role("button", name="Try failed ones again").click()
    await expect(page.locator("#list-summary")).to_have_text("3 ready")


async def test_what_is_dropped_before_the_page_knows_anything_is_kept(stage: Stage) -> None:
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await stage.page.route("**/events", late)
    await stage.page.reload(wait_until="load")
    await stage.drop(("early.wav", speech(0.3)))
    answered.set()
    await stage.until("early.wav", "Ready")


@BOTH_VERSIONS
async def test_everything_is_there_after_a_restart(stage: Stage, tmp_path: Path) -> None:
    await stage.stop()
    stage.folder = tmp_path
    await stage.start()
    await stage.page.reload()
    await stage.drop(*[(f"{n}.wav", speech(0.3, seed=n)) for n in range(3)])
    await expect(stage.page.locator("#list-summary")).to_have_text("3 ready")
    player = await stage.measured("1.wav")
    await stage.stop()
    await expect(stage.page.get_by_role("alert").first).to_contain_text("Trying again")
    await stage.start()
    await expect(stage.page.get_by_role("alert").first).to_be_hidden()
    await expect(stage.page.locator("#list-summary")).to_have_text("3 ready")
    await expect(player).to_be_visible()
    await stage.page.reload()
    await expect(stage.page.locator("#list-summary")).to_have_text("3 ready")
    await stage.measured("2.wav")


async def test_seven_pages_work_side_by_side(stage: Stage) -> None:
    pages = [stage.page] + [await stage.page.context.new_page() for _ in range(6)]
    for page in pages[1:]:
        await page.goto(stage.site.url)
        await expect(page.locator("#limits")).to_contain_text("up to")
    stage.page = pages[-1]
    await stage.drop(("one.wav", speech(0.5)))
    for page in pages:
        await expect(page.locator(".card .status")).to_have_text("Ready")
    [session] = stage.site.app.state.studio.sessions
    assert session.streams == 1


async def test_a_file_that_is_gone_is_told_as_that(stage: Stage, tmp_path: Path) -> None:
    stage.expected = {"ERR_FILE_NOT_FOUND", "ERR_UPLOAD_FILE_CHANGED", "ERR_CONNECTION_REFUSED"}
    await stage.stop()
    path = tmp_path / "one.wav"
    path.write_bytes(speech(0.5))
    await stage.page.set_input_files("#files", path)
    await stage.until("one.wav", re.compile("Next try in"))
    path.unlink()
    await stage.start()
    card = await stage.until("one.wav", "Not sent")
    await expect(card).to_contain_text("It was deleted, moved or changed")
