// The first screen: a sample before and after, which plays at once.

import { BufferWave } from "./buffer-wave.js";
import { byId } from "./dom.js";
import { audio } from "./player.js";
import { drawWave } from "./plots.js";
import { BufferSound } from "./sounds.js";
import { View } from "./view.js";

const HEADROOM = 0.95;
// Equally loud: the result has 0.9 LU more.
const LEVELS = { before: 1, after: 0.903 };

export class Hero {
  #root = byId("hero");
  #play = this.#root.querySelector(".play");
  #sides = [...this.#root.querySelectorAll(".sides button")];
  #plot = this.#root.querySelector(".plot");
  #sound = null;
  #waves = null;
  #side = "before";

  constructor() {
    this.#play.addEventListener("click", () => this.#toggle());
    for (const button of this.#sides) button.addEventListener("click", () => this.#select(button.value));
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#load().catch(() => this.hide()); // a page without it is a page all the same
  }

  get sound() {
    return this.#sound;
  }

  hide() {
    if (this.#sound?.playing) this.#toggle();
    this.#root.hidden = true;
  }

  show() {
    if (this.#waves) this.#root.hidden = false;
  }

  async #load() {
    // Decoding needs no permission to make a sound, and a context of its own no device.
    const decoder = new OfflineAudioContext({ length: 1, sampleRate: 48_000 });
    const [before, after] = await Promise.all(["before", "after"].map(async (side) => {
      const response = await fetch(`static/sample-${side}.mp3`);
      return decoder.decodeAudioData(await response.arrayBuffer());
    }));
    this.#waves = { before: new BufferWave(before), after: new BufferWave(after) };
    this.buffers = [before, after];
    this.#draw();
  }

  async #toggle() {
    if (!this.buffers) return;
    if (!this.#sound) {
      this.#sound = new BufferSound(audio(), ...this.buffers, 0);
      this.#sound.level(LEVELS);
      this.#sound.select(this.#side);
      this.#sound.onended = () => this.#changed();
    }
    if (this.#sound.playing) this.#sound.pause();
    else await this.#sound.play();
    this.#changed();
  }

  #select(side) {
    this.#side = side;
    this.#sound?.select(side);
    this.#changed();
  }

  #changed() {
    const playing = this.#sound?.playing ?? false;
    this.#play.setAttribute("aria-label", playing ? "Pause the sample" : "Play the sample");
    this.#root.dataset.playing = playing;
    for (const button of this.#sides) button.setAttribute("aria-pressed", String(button.value === this.#side));
    this.#plot.style.setProperty("--at", this.#sound ? this.#sound.position / this.#sound.duration : 0);
    if (playing) requestAnimationFrame(() => this.#changed());
  }

  #draw() {
    if (!this.#waves || !this.#plot.clientWidth) return;
    const view = new View(this.buffers[0].duration);
    const gain = HEADROOM / Math.max(this.#waves.before.highest, this.#waves.after.highest);
    for (const [side, wave] of Object.entries(this.#waves)) {
      drawWave(this.#plot.querySelector(`[data-side=${side}]`), { wave, shift: 0, gain: gain * LEVELS[side] }, view);
    }
  }
}
