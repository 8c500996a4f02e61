// The player of one recording: both versions, what they look like, and how loud they are.

import { Analysis } from "./analysis.js";
import { clone, pieces, say, setText } from "./dom.js";
import { drawSpectrum, drawWave, highestOf, loudestOf } from "./plots.js";
import { Problem, download } from "./server.js";
import { BufferSound, StreamSound } from "./sounds.js";
import { clock, decibels, pauses, plural } from "./words.js";

// Decoded, a minute of stereo takes 22 MB, and there are two versions.
const MOST_DECODED_SECONDS = 600;
const RATE = 48_000;
const SIDES = ["before", "after"];

let shared = null;

// One for the page, made when somebody first wants to hear something: browsers want a reason.
function audio() {
  shared ??= new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  return shared;
}

export class Player {
  #abort = new AbortController();
  #analysis = null;
  #measured = null;
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #frame = 0;
  #local = null;
  #onReady;

  constructor(item, { onAgain, onReady }) {
    this.#onReady = onReady;
    this.item = item;
    this.sound = null;
    this.element = clone("player");
    this.element.setAttribute("aria-label", `Player of ${item.name}`);
    this.parts = pieces(this.element, "part");
    this.playButton = this.element.querySelector(".play");
    this.radios = [...this.element.querySelectorAll(".sides input")];
    // For whoever wants to look inside: the browser's console, and the tests.
    this.element.player = this;
    this.#listen(onAgain);
    this.loaded = this.#load();
  }

  get state() {
    const { playing = false, side = "after", position = 0, levels = null } = this.sound ?? {};
    const heard = this.sound && Object.fromEntries(SIDES.map((each) => [each, this.sound.gains[each].gain.value]));
    return { ready: this.sound !== null, playing, side, position, levels, heard };
  }

  close() {
    this.#abort.abort();
    this.#analysis?.close();
    this.sound?.close();
    cancelAnimationFrame(this.#frame);
    if (this.#local) URL.revokeObjectURL(this.#local);
    this.element.remove();
  }

  // Getting it

  // Of a video the server has the sound, and the person's own file may be too large to be read.
  get #own() {
    return this.item.server?.video ? null : this.item.file;
  }

  async #load() {
    try {
      await this.#fetch();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof Problem)) console.error(error);
      const reason = error instanceof Problem ? error.message : "This browser cannot play this format.";
      this.#note(`${reason} The download works all the same.`);
    }
  }

  async #fetch() {
    const urls = {
      before: this.#own ? (this.#local = URL.createObjectURL(this.item.file)) : `recordings/${this.item.id}/original`,
      after: `recordings/${this.item.id}/result`,
    };
    this.#note("Loading");
    const length = await lengthOf(urls.before);
    if (length > MOST_DECODED_SECONDS) {
      const sound = new StreamSound(audio(), urls);
      await sound.ready();
      this.parts.plots.hidden = true;
      this.parts["match-option"].hidden = true;
      this.#show(sound);
      this.#note(`Longer than ${plural(MOST_DECODED_SECONDS / 60, "minute")}: played as it is fetched, without pictures and loudness matching.`);
      return;
    }
    const fraction = { before: 0, after: 0 };
    const [before, after] = await Promise.all(SIDES.map(async (side) => {
      const told = (part) => {
        fraction[side] = part;
        this.#note(`Loading, ${Math.floor(50 * (fraction.before + fraction.after))} %`);
      };
      const own = side === "before" && this.#own;
      const data = await (own ? own.arrayBuffer() : download(urls[side], told, this.#abort.signal));
      told(1);
      return audio().decodeAudioData(data);
    }));
    this.#note("Measuring");
    this.#analysis = new Analysis();
    this.#measured = { before: await this.#analysis.measure("before", before), after: await this.#analysis.measure("after", after) };
    const lag = await this.#analysis.lag();
    this.#analysis.close();
    this.#show(new BufferSound(audio(), before, after, lag));
    this.#note("");
    this.#level();
    this.#describe();
  }

  #show(sound) {
    if (this.#abort.signal.aborted) {
      sound.close();
      return;
    }
    this.sound = sound;
    this.element.dataset.ready = "";
    sound.onended = () => this.#changed();
    this.parts.body.hidden = false;
    this.parts.seek.max = sound.duration;
    setText(this.parts.length, clock(sound.duration));
    this.parts["again-strength"].value = this.item.strength;
    this.#changed();
    say(`The player of ${this.item.name} is ready.`);
    this.#onReady();
  }

  // What the person does

  #listen(onAgain) {
    const { seek, match, plots, again } = this.parts;
    const signal = this.#abort.signal;
    this.playButton.addEventListener("click", () => this.toggle());
    for (const radio of this.radios) {
      radio.name = `side-${this.item.id}`;
      radio.addEventListener("change", () => this.select(radio.value));
    }
    seek.addEventListener("input", () => this.seek(Number(seek.value)));
    match.addEventListener("change", () => this.#level());
    again.addEventListener("submit", (event) => {
      event.preventDefault();
      onAgain(this.item, Number(this.parts["again-strength"].value));
    });
    plots.addEventListener("pointerdown", (event) => {
      plots.setPointerCapture(event.pointerId);
      this.#seekTo(event);
    });
    plots.addEventListener("pointermove", (event) => {
      if (plots.hasPointerCapture(event.pointerId)) this.#seekTo(event);
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#dark.addEventListener("change", () => this.#draw(), { signal });
    const resized = new ResizeObserver(() => this.#draw());
    resized.observe(plots);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  // Single keys work only while the focus is in the player (WCAG 2.1.4), and never in fields.
  #key(event) {
    if (!this.sound || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.matches("input[type=number]")) return;
    const own = target.matches("button, input[type=checkbox]");
    const keys = {
      " ": own ? null : () => this.toggle(),
      b: () => this.select("before"),
      a: () => this.select("after"),
    };
    const action = keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }

  async toggle() {
    if (this.sound.playing) this.sound.pause();
    else await this.sound.play();
    this.#changed();
  }

  select(side) {
    if (side === this.sound.side) return;
    this.sound.select(side);
    this.#changed();
    say(side === "before" ? "Before" : "After");
  }

  seek(position) {
    this.sound.seek(position);
    this.#changed();
  }

  #seekTo(event) {
    if (!this.sound) return;
    const { left, width } = this.parts.plots.getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (event.clientX - left) / width));
    this.seek(part * this.sound.duration);
  }

  // The louder one is turned down to the other: turning up could clip.
  #level() {
    const levels = { before: 1, after: 1 };
    const { before, after } = this.#measured;
    const apart = after.loudness - before.loudness;
    if (this.parts.match.checked && Number.isFinite(apart)) {
      levels[apart > 0 ? "after" : "before"] = 10 ** (-Math.abs(apart) / 20);
    }
    this.sound.level(levels);
    this.#draw();
  }

  // What is shown

  #changed() {
    const { playing, side } = this.sound;
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.element.dataset.playing = playing;
    this.element.dataset.side = side;
    for (const radio of this.radios) radio.checked = radio.value === side;
    this.#tick();
  }

  #tick() {
    cancelAnimationFrame(this.#frame);
    const { position, duration, playing } = this.sound;
    setText(this.parts.now, clock(position));
    this.parts.seek.value = position;
    this.parts.seek.setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
    for (const part of [this.parts.plots, this.parts.seek]) {
      part.style.setProperty("--at", duration ? position / duration : 0);
    }
    if (playing) this.#frame = requestAnimationFrame(() => this.#tick());
  }

  #draw() {
    if (!this.#measured || !this.sound || !this.parts.plots.clientWidth) return;
    const { levels } = this.sound;
    const highest = Math.max(...SIDES.map((side) => highestOf(this.#measured[side]) * levels[side]), 1e-4);
    const loudest = Math.max(...SIDES.map((side) => loudestOf(this.#measured[side]) + 20 * Math.log10(levels[side])));
    for (const side of SIDES) {
      const [wave, spectrum] = this.#canvases(side);
      const measured = this.#measured[side];
      const view = this.#view(side, measured.columns);
      drawWave(wave, measured, view, levels[side] / highest);
      drawSpectrum(spectrum, measured, view, levels[side], loudest, this.#dark.matches);
    }
  }

  // What is heard at a moment is drawn at that moment, in both.
  #view(side, columns) {
    const { duration, lag, lengths } = this.sound;
    const scale = columns / lengths[side];
    return { from: side === "after" ? lag * scale : 0, span: duration * scale };
  }

  #canvases(side) {
    return this.parts.plots.querySelectorAll(`figure[data-side=${side}] canvas`);
  }

  #describe() {
    for (const side of SIDES) {
      const { loudness, floor } = this.#measured[side];
      const loud = Number.isFinite(loudness) ? `${decibels(loudness)} LUFS` : "silent";
      const text = `${loud}, ${pauses(floor)}`;
      setText(this.parts[`${side}-figures`], text);
      const [wave, spectrum] = this.#canvases(side);
      wave.setAttribute("aria-label", `Waveform ${side} enhancement. Loudness ${loud}.`);
      spectrum.setAttribute("aria-label", `Spectrogram ${side} enhancement. Level in the ${pauses(floor)}.`);
    }
  }

  #note(text) {
    setText(this.parts.note, text);
    this.parts.note.hidden = !text;
  }
}

// A look at the beginning tells how long it is, without fetching it all.
function lengthOf(url) {
  return new Promise((resolve, reject) => {
    const probe = new Audio();
    probe.preload = "metadata";
    const end = (action) => {
      probe.removeAttribute("src");
      action();
    };
    probe.addEventListener("loadedmetadata", () => {
      const { duration } = probe;
      end(() => resolve(duration));
    }, { once: true });
    probe.addEventListener("error", () => end(() => reject(new Error("not playable"))), { once: true });
    probe.src = url;
  });
}
