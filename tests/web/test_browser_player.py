"""The page's player in a real browser: what is heard, drawn and measured."""

import re

import pytest

from .sound import LATER, RATE, speech

pytest.importorskip("playwright.async_api", reason="needs playwright")
from playwright.async_api import expect

from .browsing import Stage, state

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


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
