// What a player shows of the sound: one waveform over the other, an axis, and the spectrograms.
// The waveform is the seek bar, too.

import { setText } from "./dom.js";
import { RANGE, drawAxis, drawScale, drawSpectrum, drawWave } from "./plots.js";
import { Spectrum, Wave } from "./tiles.js";
import { View } from "./view.js";
import { clock } from "./words.js";

const SIDES = ["before", "after"];
const HEADROOM = 0.95;

export class Picture {
  #path;
  #signal;
  #view = new View(1);
  #position = 0;
  #layers = null;
  #measured = null;
  #levels = { before: 1, after: 1 };
  #frame = 0;
  #dark = matchMedia("(prefers-color-scheme: dark)");

  constructor(root, path, signal) {
    this.#path = path;
    this.#signal = signal;
    this.onSeek = () => {};
    const part = (name) => root.querySelector(`[data-part=${name}]`);
    this.wave = part("wave");
    this.axis = part("axis");
    this.spectra = part("spectra");
    this.scale = part("scale");
    this.window = part("window");
    this.closer = part("closer");
    this.farther = part("farther");
    this.closer.addEventListener("click", () => this.zoom(1));
    this.farther.addEventListener("click", () => this.zoom(-1));
    this.#point(this.wave);
    this.#point(this.spectra);
    this.#dark.addEventListener("change", () => this.#later(), { signal });
    const resized = new ResizeObserver(() => this.#later());
    resized.observe(this.wave);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  begin(duration) {
    this.#view = new View(duration);
    this.#later();
  }

  // `measured`: of both sides, as the server tells it.
  measured(measured, duration) {
    this.#measured = measured;
    this.#view.duration = duration;
    this.#view.span = Math.min(this.#view.span, duration);
    const made = (kind, side) => new kind(`${this.#path}/${side}`, measured[side], this.#signal, () => this.#later());
    this.#layers = SIDES.map((side) => ({
      side,
      shift: side === "after" ? measured.after.lag : 0,
      wave: made(Wave, side),
      spectrum: made(Spectrum, side),
    }));
    this.#later();
  }

  level(levels) {
    this.#levels = levels;
    this.#later();
  }

  showSpectrum(yes) {
    this.spectra.hidden = this.scale.hidden = !yes;
    this.#later();
  }

  position(position, duration) {
    this.#position = position;
    if (this.#view.follow(position)) this.#later();
    this.wave.setAttribute("aria-valuemax", duration.toFixed(1));
    this.wave.setAttribute("aria-valuenow", position.toFixed(1));
    this.wave.setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
    this.#place();
  }

  // Around the cursor, unless another moment is pointed at.
  zoom(closer, moment = this.#position) {
    this.#view.zoom(closer, moment);
    this.#later();
  }

  get view() {
    return this.#view;
  }

  #point(plot) {
    const seek = ({ clientX }) => {
      const { left, width } = plot.getBoundingClientRect();
      this.onSeek(this.#view.moment((clientX - left) / width));
    };
    plot.addEventListener("pointerdown", (event) => {
      plot.setPointerCapture(event.pointerId);
      seek(event);
    });
    plot.addEventListener("pointermove", (event) => {
      if (plot.hasPointerCapture(event.pointerId)) seek(event);
    });
    // With Ctrl, which is what pinching a touchpad sends, too; sideways moves along.
    plot.addEventListener("wheel", (event) => {
      const { left, width } = plot.getBoundingClientRect();
      if (event.ctrlKey) {
        event.preventDefault();
        this.zoom(-event.deltaY / 100, this.#view.moment((event.clientX - left) / width));
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !this.#view.whole) {
        event.preventDefault();
        this.#view.move((event.deltaX / width) * this.#view.span);
        this.#later();
      }
    }, { passive: false });
  }

  #later() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #place() {
    for (const plot of [this.wave, this.spectra]) {
      plot.style.setProperty("--at", this.#view.part(this.#position));
    }
  }

  #draw() {
    if (!this.wave.clientWidth) return;
    const view = this.#view;
    this.closer.disabled = view.closest;
    this.farther.disabled = view.whole;
    this.window.hidden = view.whole;
    this.window.style.setProperty("--from", view.from / view.duration);
    this.window.style.setProperty("--span", view.span / view.duration);
    this.#place();
    drawAxis(this.axis, view);
    if (!this.#layers) return;
    const highest = Math.max(...this.#layers.map(({ wave, side }) => wave.highest * this.#levels[side]), 1e-4);
    for (const layer of this.#layers) {
      const gain = (HEADROOM * this.#levels[layer.side]) / highest;
      drawWave(this.wave.querySelector(`[data-side=${layer.side}]`), { ...layer, gain }, view);
    }
    if (!this.spectra.hidden) this.#drawSpectra(highest);
  }

  #drawSpectra(highest) {
    const loudest = Math.round(20 * Math.log10(highest)) - 12; // a voice is spread over many bands
    for (const layer of this.#layers) {
      const canvas = this.spectra.querySelector(`figure[data-side=${layer.side}] canvas`);
      drawSpectrum(canvas, { ...layer, gain: this.#levels[layer.side] }, this.#view, loudest, this.#dark.matches);
    }
    drawScale(this.scale.querySelector("canvas"), this.#dark.matches);
    const [low, high] = this.scale.querySelectorAll("span");
    setText(low, `\u2212${RANGE - loudest} dBFS`);
    setText(high, `${String(loudest).replace("-", "\u2212")} dBFS`);
  }
}
