"""The page in a real browser, as people use it."""

import re
from pathlib import Path

import pytest

from audio_enhance.local import Fault
from audio_enhance.web import Limits

from .sound import LATER, RATE, Halver, speech

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


async def test_switching_while_playing_stays_at_the_same_moment(stage: Stage) -> None:
    await stage.drop(("one.wav", speech(6)))
    await stage.until("one.wav", "Ready")
    player = await stage.listen("one.wav")
    # What the enhancer did was measured: half as loud, and later.
    assert await player.evaluate("p => p.player.sound.lag") == pytest.approx(
        LATER / RATE, abs=1 / RATE
    )
    levels = (await state(player))["levels"]
    assert levels["before"] == pytest.approx(0.5, abs=0.005)
    assert levels["after"] == 1
    await expect(player.get_by_role("button", name="Play")).to_be_focused()
    await stage.page.keyboard.press("Space")
    await expect(player).to_have_attribute("data-playing", "true")
    # A meter behind each of the two, where it is decided which is heard.
    await player.evaluate(
        """p => {
            const { sound } = p.player;
            p.meters = Object.fromEntries(Object.entries(sound.gains).map(([side, gain]) => {
                const meter = sound.context.createAnalyser();
                meter.fftSize = 2048;
                gain.connect(meter);
                return [side, meter];
            }));
            p.wave = (side) => {
                const samples = new Float32Array(2048);
                p.meters[side].getFloatTimeDomainData(samples);
                return Math.hypot(...samples);
            };
        }"""
    )
    moments = await player.evaluate(
        """async p => {
            const { player } = p;
            const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
            const moments = [];
            for (const side of ["before", "after", "before", "after"]) {
                const early = player.state.position - player.sound.context.currentTime;
                player.select(side);
                const late = player.state.position - player.sound.context.currentTime;
                await wait(150);
                let powers = { before: 0, after: 0 };
                for (let i = 0; i < 5; i += 1, await wait(20)) {
                    for (const each of ["before", "after"]) powers[each] += p.wave(each);
                }
                moments.push({ side, jump: late - early, heard: player.state.heard, powers });
            }
            return moments;
        }"""
    )
    for moment in moments:
        side = moment["side"]
        other = "after" if side == "before" else "before"
        assert moment["jump"] == pytest.approx(0, abs=1e-6)
        assert moment["heard"][side] == pytest.approx(levels[side], abs=0.01)
        assert moment["heard"][other] == pytest.approx(0, abs=0.01)
        assert moment["powers"][side] > 0.1
        assert moment["powers"][other] < 0.01 * moment["powers"][side]
    await stage.page.keyboard.press("b")
    await expect(player.get_by_role("radio", name="Before")).to_be_checked()
    await stage.page.keyboard.press("a")
    await expect(player.get_by_role("radio", name="After")).to_be_checked()
    await player.get_by_text("Before", exact=True).first.click()
    assert (await state(player))["side"] == "before"
    await player.get_by_label("Match loudness").uncheck()
    assert (await state(player))["levels"] == {"before": 1, "after": 1}
    await player.get_by_role("button", name="Pause").click()
    assert (await state(player))["playing"] is False
    seek = player.get_by_role("slider", name="Position")
    await seek.fill("3")
    assert (await state(player))["position"] == pytest.approx(3, abs=0.02)
    assert await seek.get_attribute("aria-valuetext") == "0:03 of 0:06"


async def test_both_versions_are_drawn(stage: Stage) -> None:
    await stage.drop(("one.wav", speech(2)))
    await stage.until("one.wav", "Ready")
    player = await stage.listen("one.wav")
    drawn = await player.evaluate(
        """p => [...p.querySelectorAll("canvas")].map((canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const colours = new Set(new Uint32Array(data.buffer));
            return { label: canvas.getAttribute("aria-label"), colours: colours.size };
        })"""
    )
    assert [each["colours"] > 1 for each in drawn] == [True] * 4
    assert [each["colours"] > 50 for each in drawn] == [False, True, False, True]
    assert re.match(r"Waveform before enhancement. Loudness .[\d.]+ LUFS.", drawn[0]["label"])
    assert "Spectrogram after enhancement" in drawn[3]["label"]
    figures = await player.locator("figcaption").all_inner_texts()
    loud = [float(text.replace("\u2212", "-").split()[1]) for text in figures]
    assert loud[0] - loud[1] == pytest.approx(6.02, abs=0.15)


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


async def test_another_strength_is_a_recording_of_its_own(stage: Stage) -> None:
    slider = stage.page.get_by_label("Strength")
    await slider.fill("40")
    await expect(stage.page.locator("#strength-help")).to_have_text("Keeps more of the original.")
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", "Ready")
    player = await stage.listen("one.wav")
    await player.get_by_label("Another strength").fill("70")
    await player.get_by_role("button", name="Enhance again").click()
    await expect(stage.page.locator(".card")).to_have_count(2)
    again = stage.page.locator(".card").nth(1)
    await expect(again.locator(".status")).to_have_text("Ready")
    await expect(again).to_contain_text("strength 70")
    assert [r.route for r in stage.service.record].count("POST /speech_enhancements") == 2
    await stage.page.reload()
    await expect(slider).to_have_value("40")


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


async def test_a_long_recording_is_played_as_it_is_fetched(stage: Stage) -> None:
    await stage.drop(("long.wav", speech(601, rate=4000)))
    await stage.until("long.wav", "Ready")
    player = await stage.listen("long.wav")
    await expect(player).to_contain_text("Longer than 10 minutes")
    await player.get_by_role("button", name="Play").click()
    await player.get_by_role("slider", name="Position").fill("300")
    await stage.page.wait_for_timeout(1500)
    for key, side in (("b", "before"), ("a", "after")):
        await stage.page.keyboard.press(key)
        await stage.page.wait_for_timeout(100)
        told = await state(player)
        assert told["side"] == side
        assert told["heard"][side] == pytest.approx(1, abs=0.01)
        assert 300 < told["position"] < 310
    assert abs(await player.evaluate("p => p.player.sound.drift")) < 0.06
    parts = [r for r in stage.service.record if r.route == "GET /object" and r.status == 206]
    assert parts


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


async def test_what_the_page_computes_is_right(stage: Stage) -> None:
    found = await stage.page.evaluate(
        """async () => {
            const { loudness } = await import("./static/loudness.js");
            const { lag } = await import("./static/alignment.js");
            const { spectrogram, bandFrequency, BANDS } = await import("./static/spectrum.js");
            const { wavFile, toPcm } = await import("./static/wav.js");
            const sine = (frequency, level) => Float32Array.from({ length: 5 * 48000 },
                (_, i) => level * Math.sin(2 * Math.PI * frequency * i / 48000));
            const noise = () => Float32Array.from({ length: 144000 }, () => Math.random() - 0.5);
            const one = noise();
            const later = (by) => one.map((_, i) => one[i - by] ?? 0);
            const levels = spectrogram(sine(1000, 1), 48000, 10);
            const column = levels.slice(5 * BANDS, 6 * BANDS);
            const loudest = column.indexOf(column.reduce((a, b) => Math.max(a, b)));
            const file = wavFile([toPcm(Float32Array.of(0, 1, -1, 2))], 48000, "x.wav");
            return {
                full: loudness([sine(997, 1)]),
                quiet: loudness([sine(997, 0.1), sine(997, 0.1)]),
                silent: loudness([new Float32Array(48000)]),
                lags: [-4800, -4, 0, 100, 9600].map((by) => 48000 * lag(one, later(by), 48000)),
                unlike: lag(one, noise(), 48000),
                band: [bandFrequency(loudest), bandFrequency(loudest + 1)],
                wav: Array.from(new Uint8Array(await file.arrayBuffer())),
            };
        }"""
    )
    # BS.1770-4, Annex 1: 0 dB at 997 Hz in one channel reads -3.01; two channels add 3.01 dB.
    assert found["full"] == pytest.approx(-3.01, abs=0.02)
    assert found["quiet"] == pytest.approx(-20, abs=0.02)
    assert found["silent"] is None or found["silent"] != found["silent"]
    assert found["lags"] == pytest.approx([-4800, -4, 0, 100, 9600], abs=0.001)
    assert found["unlike"] == 0
    low, high = found["band"]
    assert low <= 1000 * 1.03
    assert high >= 1000 * 0.97
    data = bytes(found["wav"])
    assert data[:4] + data[8:16] == b"RIFFWAVEfmt "
    assert data[44:] == b"\x00\x00\xff\x7f\x00\x80\xff\x7f"
