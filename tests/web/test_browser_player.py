"""The page's player in a real browser: what is heard, drawn and measured."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from audio_enhance.local import LocalService

from .sound import LATER, RATE, Unpacker, speech, variable_mp3

pytest.importorskip("playwright.async_api", reason="needs playwright")
from playwright.async_api import Browser, expect

from .browsing import Stage, state

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_switching_while_playing_stays_at_the_same_moment(stage: Stage) -> None:
    await stage.drop(("one.wav", speech(6)))
    await stage.until("one.wav", "Ready")
    player = await stage.measured("one.wav")
    # What the enhancer did was measured: half as loud, and later.
    assert await player.evaluate("p => p.player.sound.lag") == pytest.approx(
        LATER / RATE, abs=1 / RATE
    )
    levels = (await state(player))["levels"]
    assert levels["before"] == pytest.approx(0.5, abs=0.02)
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
    await expect(player.get_by_role("button", name="Before")).to_have_attribute(
        "aria-pressed", "true"
    )
    await stage.page.keyboard.press("a")
    await expect(player.get_by_role("button", name="After")).to_have_attribute(
        "aria-pressed", "true"
    )
    await player.get_by_role("button", name="Before").click()
    assert (await state(player))["side"] == "before"
    await player.get_by_label("Equally loud").uncheck()
    assert (await state(player))["levels"] == {"before": 1, "after": 1}
    await player.get_by_role("button", name="Pause").click()
    assert (await state(player))["playing"] is False


async def test_both_versions_are_drawn(stage: Stage) -> None:
    await stage.drop(("one.wav", speech(2)))
    await stage.until("one.wav", "Ready")
    player = await stage.measured("one.wav")
    await expect(player.locator("[data-part=fact]")).to_contain_text("noise")
    await player.get_by_label("Spectrogram", exact=True).check()
    await expect(player.locator(".scale")).to_contain_text("dBFS")
    drawn: list[int] = []
    while len(drawn) < 5 or min(drawn) < 2 or min(drawn[3:]) < 50:
        drawn = await player.evaluate(
            """async p => {
                await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
                const plots = ".wave canvas, .axis, .spectra canvas";
                return [...p.querySelectorAll(plots)].map((canvas) => {
                    const { width, height } = canvas;
                    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                    return new Set(new Uint32Array(data.buffer)).size;
                });
            }"""
        )
    # Both waveforms, the axis, and both spectrograms; neither is drawn fainter than the other.
    opacity = "canvas => getComputedStyle(canvas).opacity"
    for canvas in await player.locator("canvas").all():
        assert await canvas.evaluate(opacity) == "1"


async def test_the_keys_move_zoom_and_close(stage: Stage) -> None:
    await stage.drop(("one.wav", speech(30)))
    await stage.until("one.wav", "Ready")
    player = await stage.measured("one.wav")
    seek = player.get_by_role("slider", name="Position")
    keys = {"ArrowRight": 5, "ArrowLeft": 0, "End": 30, "Home": 0}
    for key, position in keys.items():
        await stage.page.keyboard.press(key)
        assert (await state(player))["position"] == pytest.approx(position, abs=0.02)
    assert await seek.get_attribute("aria-valuetext") == "0:00 of 0:30"
    for _ in range(8):
        await stage.page.keyboard.press("+")
    assert await player.evaluate("p => p.player.picture.view.span") == 1
    await expect(player.get_by_label("Zoom in")).to_be_disabled()
    await stage.page.keyboard.press("ArrowRight")  # what is shown goes along
    assert 4 < await player.evaluate("p => p.player.picture.view.from") <= 5
    box = await seek.bounding_box()
    assert box is not None
    await stage.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert 5 < (await state(player))["position"] < 6
    await stage.page.keyboard.press("Escape")
    await expect(player).to_have_count(0)
    await expect(stage.card("one.wav").get_by_role("button", name="Listen")).to_be_focused()


@pytest.mark.parametrize(("api_version", "least"), [("v1", "0"), ("v2", "1")])
async def test_another_strength_is_tried_without_another_upload(stage: Stage, least: str) -> None:
    slider = stage.page.locator("#strength")
    await expect(slider).to_have_attribute("min", least)  # v2 refuses 0
    await slider.fill("40")
    await expect(stage.page.locator("#strength-help")).to_contain_text("most of the room")
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", "Ready")
    player = await stage.listen("one.wav")
    await expect(player.get_by_label("Strength")).to_have_attribute("min", least)
    await player.get_by_label("Strength").fill("70")
    await player.get_by_role("button", name="Try it").click()
    await expect(stage.page.locator(".card")).to_have_count(2)
    facts = stage.page.locator("[data-part=meta]", has_text="strength 70")
    again = stage.page.locator(".card", has=facts)
    await expect(again.locator(".status")).to_have_text("Ready")
    routes = [r.route for r in stage.service.record]
    assert sum("enhancements" in route for route in routes if route.startswith("POST")) == 2
    assert [r.route for r in stage.service.record].count("PUT /object") == 1
    await stage.page.reload()
    await expect(slider).to_have_value("40")


async def test_an_hour_opens_at_once_and_in_little_memory(stage: Stage, tmp_path: Path) -> None:
    """What is an hour long is told and drawn by the server; the browser fetches parts."""
    path = tmp_path / "long.wav"
    path.write_bytes(speech(3660, rate=4000))
    await stage.page.set_input_files("#files", path)
    await stage.until("long.wav", "Ready")
    await stage.page.reload()  # what was sent is in the memory of the page that sent it
    await stage.until("long.wav", "Ready")
    card = stage.card("long.wav")
    began = time.monotonic()
    await card.get_by_role("button", name="Listen").click()
    player = card.locator(".player")
    await expect(player).to_have_attribute("data-ready", "")
    opened = time.monotonic() - began
    await expect(player).to_have_attribute("data-measured", "", timeout=300_000)
    await expect(player.locator("[data-part=length]")).to_have_text("1:01:00")
    await player.evaluate("p => p.player.seek(3601)")
    for _ in range(13):
        await stage.page.keyboard.press("+")
    assert await player.evaluate("p => p.player.picture.view.span") == 1
    await player.get_by_role("button", name="Play").click()
    await stage.page.wait_for_timeout(1500)
    for key, side in (("b", "before"), ("a", "after")):
        await stage.page.keyboard.press(key)
        await stage.page.wait_for_timeout(100)
        told = await state(player)
        assert told["side"] == side
        assert told["heard"][side] == pytest.approx(told["levels"][side], abs=0.01)
        assert 3601 < told["position"] < 3620
    # However far they are apart (here as if it had been measured so), they come together.
    apart = await player.evaluate(
        """async ({ player: { sound } }) => {
            sound.align(sound.lag + 0.02);
            for (let looks = 0; looks < 100 && Math.abs(sound.drift) > 0.0005; looks += 1) {
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            return sound.drift;
        }"""
    )
    assert abs(apart) < 0.001
    used = await player.evaluate("() => performance.memory.usedJSHeapSize")
    assert used < 30e6
    print(f"opened in {opened:.2f} s, {used / 1e6:.1f} MB of JavaScript")  # noqa: T201


async def test_jumps_in_an_mp3_with_a_variable_bit_rate_are_exact(
    browser: Browser, tmp_path: Path
) -> None:
    """Browsers estimate where to jump to; before and after would be a second apart."""
    mp3 = variable_mp3(90, tmp_path, says_so=False)
    async with LocalService(enhancer=Unpacker()) as service, AsyncExitStack() as stack:
        stage = Stage(service, browser, stack)
        await stage.start()
        await stage.open()
        await stage.drop(("talk.mp3", mp3))
        await stage.until("talk.mp3", "Ready")
        player = await stage.measured("talk.mp3")
        await player.evaluate(
            """p => {
                const { sound } = p.player;
                p.meters = ["before", "after"].map((side) => {
                    const meter = new AnalyserNode(sound.context, { fftSize: 32768 });
                    sound.gains[side].connect(meter);
                    return meter;
                });
                p.heard = () => p.meters.map((meter, at) => {
                    const { gain } = Object.values(sound.gains)[at];
                    gain.cancelScheduledValues(0);
                    gain.value = 1;  // also of the one that is not heard
                    const samples = new Float32Array(meter.fftSize);
                    meter.getFloatTimeDomainData(samples);
                    return [...samples];
                });
            }"""
        )
        for moment in (72, 29, 51):  # where there is something to hear
            await player.evaluate("(p, moment) => p.player.seek(moment)", moment)
            if not (await state(player))["playing"]:
                await player.evaluate("p => p.player.toggle()")
            apart = np.inf
            for _ in range(20):  # until both play, and have come together
                await stage.page.wait_for_timeout(250)
                before, after = await player.evaluate("p => p.heard()")
                if (apart := _apart(before, after)) < 0.03:
                    break
            assert apart < 0.03
        assert stage.errors == []
        await stack.aclose()
        await stage.stop()


def _apart(before: list[float], after: list[float]) -> float:
    """How many seconds two sounds are apart, by how loud they are when; infinite without any."""
    sides = [np.abs(np.reshape(each[:32640], (-1, 240))).mean(axis=1) for each in (before, after)]
    if not all(side.std() > 1e-4 for side in sides):
        return np.inf
    spectra = [np.fft.rfft(side - side.mean(), 512) for side in sides]
    at = int(np.argmax(np.fft.irfft(spectra[0] * np.conj(spectra[1]))))
    return abs((at + 256) % 512 - 256) * 240 / RATE


async def test_what_the_page_computes_is_right(stage: Stage) -> None:
    found = await stage.page.evaluate(
        """async () => {
            const { wavFile, toPcm } = await import("./static/wav.js");
            const { lessNoise } = await import("./static/words.js");
            const { View } = await import("./static/view.js");
            const file = wavFile([toPcm(Float32Array.of(0, 1, -1, 2))], 48000, "x.wav");
            const side = (noise_floor, loudness) => ({ noise_floor, loudness });
            const view = new View(7200);
            view.zoom(1, 3600);
            return {
                wav: Array.from(new Uint8Array(await file.arrayBuffer())),
                words: [
                    lessNoise(side(-40, -20), side(-60, -20)),
                    lessNoise(side(-40, -20), side(-50, -30)),
                    lessNoise(side(-40, -20), side(-120, -20)),
                    lessNoise(side(-60, -20), side(-50, -20)),
                ],
                view: [view.from, view.span, view.ticks(6).moments],
            };
        }"""
    )
    data = bytes(found["wav"])
    assert data[:4] + data[8:16] == b"RIFFWAVEfmt "
    assert data[44:] == b"\x00\x00\xff\x7f\x00\x80\xff\x7f"
    # Equally loud: what only became quieter as a whole has as much noise as before.
    assert found["words"] == [
        "20 dB less noise.",
        "About as much noise as before.",
        "The pauses are silent now.",
        "10 dB more noise.",
    ]
    assert found["view"] == [1800, 3600, [1800, 2400, 3000, 3600, 4200, 4800, 5400]]


async def test_a_player_that_cannot_be_fed_says_why(stage: Stage) -> None:
    stage.expected = {"ERR_FAILED"}
    await stage.drop(("one.wav", speech(0.5)))
    await stage.until("one.wav", "Ready")
    await stage.measured("one.wav")
    card = stage.card("one.wav")
    await card.get_by_role("button", name="Close").click()
    await stage.page.route("**/sound", lambda route: route.abort())
    await card.get_by_role("button", name="Listen").click()
    await expect(card.locator(".player")).to_contain_text("The server cannot be reached.")
    await card.get_by_role("button", name="Close").click()
    await stage.page.unroute("**/sound")
    await stage.measured("one.wav")
