// The player of one recording: both versions, what they look like, and how loud they are.

import { clone, pieces, say, setText } from "./dom.js";
import { Picture } from "./picture.js";
import { Problem, download, reach } from "./server.js";
import { BufferSound, StreamSound } from "./sounds.js";
import { clock, lessNoise, strength } from "./words.js";

// Decoded, a minute of stereo takes 22 MB, and there are two versions. What is longer is streamed.
const MOST_DECODED_SECONDS = 60;
const RATE = 48_000;
const SILENCE = -70; // LUFS
const STEP = 5; // seconds that an arrow key moves
const SIDES = ["before", "after"];

let shared = null;

// One for the page, made when somebody first wants to hear something: browsers want a reason.
export function audio() {
  shared ??= new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  return shared;
}

export class Player {
  #abort = new AbortController();
  #frame = 0;
  #exchanging = null;
  #on;

  // `measures`: whether the server measures at all; `leastStrength`: the lowest that the API takes; `onAgain` is told a strength, `onReady` when it can be played, `onClose` that it is to go.
  constructor(item, on) {
    this.#on = on;
    this.item = item;
    this.sound = null;
    this.measured = null;
    this.element = clone("player");
    this.element.setAttribute("aria-label", `Player of ${item.name}`);
    this.parts = pieces(this.element, "part");
    this.playButton = this.element.querySelector(".play");
    this.sides = [...this.element.querySelectorAll(".sides button")];
    this.picture = new Picture(this.element, `recordings/${item.id}`, this.#abort.signal);
    // For whoever wants to look inside: the browser's console, and the tests.
    this.element.player = this;
    this.#listen();
    this.loaded = this.#load();
  }

  get state() {
    const { playing = false, side = "after", position = 0, levels = null } = this.sound ?? {};
    const heard = this.sound && Object.fromEntries(SIDES.map((each) => [each, this.sound.gains[each].gain.value]));
    return { ready: this.sound !== null, playing, side, position, levels, heard };
  }

  close() {
    this.#abort.abort();
    this.sound?.close();
    cancelAnimationFrame(this.#frame);
    this.element.remove();
  }

  // Getting it

  async #load() {
    this.#note("Loading");
    const exact = this.item.server?.playable;
    try {
      this.#show(await this.#fetched(exact).catch((error) => {
        if (exact || error instanceof Problem || this.#abort.signal.aborted) throw error;
        return this.#fetched(true); // this browser plays only what the server makes of it
      }));
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (!(error instanceof Problem)) console.error(error);
      this.#note(error instanceof Problem ? error.message : "This browser cannot play this format. The download works all the same.");
    }
  }

  // `exact`: such that browsers jump exactly, which the server may have to make first.
  async #fetched(exact) {
    const at = `recordings/${this.item.id}`;
    const urls = exact ? { before: `${at}/before/sound`, after: `${at}/after/sound` } : { before: `${at}/original`, after: `${at}/result` };
    try {
      return Object.assign(await this.#sound(urls), { exact });
    } catch (error) {
      // A browser tells what it cannot play and what it cannot get in the same way.
      if (!(error instanceof Problem)) await reach(urls.before, this.#abort.signal);
      throw error;
    }
  }

  async #sound(urls) {
    if ((await lengthOf(urls.before)) <= MOST_DECODED_SECONDS) {
      const [before, after] = await Promise.all(SIDES.map(async (side) => audio().decodeAudioData(await download(urls[side], this.#abort.signal))));
      return new BufferSound(audio(), before, after, 0);
    }
    const sound = new StreamSound(audio(), urls, 0);
    await sound.ready();
    return sound;
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
    this.picture.begin(sound.duration);
    this.parts["again-strength"].min = this.#on.leastStrength;
    this.parts["again-strength"].value = this.item.strength;
    this.#showStrength();
    this.update();
    this.#changed();
    say(`The player of ${this.item.name} is ready.`);
    this.#on.onReady();
  }

  // What was opened before the server was done with it is exchanged for what was measured.
  async #exchange() {
    const sound = await this.#fetched(true);
    if (this.#abort.signal.aborted) {
      sound.close();
      return;
    }
    const { playing, side, position } = this.sound;
    this.sound.close();
    this.sound = sound;
    sound.onended = () => this.#changed();
    sound.select(side);
    this.update();
    sound.seek(position);
    if (playing) await sound.play();
    this.#changed();
  }

  // Takes in what the server has measured so far.
  update() {
    if (!this.sound || this.measured) return;
    const { before, after } = this.item.server ?? {};
    if (!this.#on.measures || before?.unmeasurable || after?.unmeasurable) {
      this.#note(this.#on.measures ? "This one cannot be measured: there are no pictures." : "Without the extra \u201clocal\u201d nothing is measured: there are no pictures.");
      return;
    }
    if (before?.duration === undefined || after?.duration === undefined) {
      const done = (before?.seconds_done ?? (before ? this.sound.duration : 0)) + (after?.seconds_done ?? 0);
      const part = Math.floor((50 * done) / this.sound.duration);
      this.#note(before || after ? `Measuring, ${Math.min(99, part)} %. It plays already.` : "");
      return;
    }
    if (!this.sound.exact) {
      this.#exchanging ??= this.#exchange().catch((error) => {
        if (error instanceof Problem) this.#exchanging = null; // the next news of it tries again
        else if (!this.#abort.signal.aborted) console.error(error);
      });
      return;
    }
    this.measured = { before, after };
    this.element.dataset.measured = "";
    this.sound.align(after.lag);
    this.picture.measured(this.measured, this.sound.duration);
    this.parts["match-option"].hidden = false;
    setText(this.parts.fact, lessNoise(before, after));
    this.#note("");
    this.#level();
    this.#changed();
  }

  // What the person does

  #listen() {
    const { match, again, spectrum } = this.parts;
    this.playButton.addEventListener("click", () => this.toggle());
    for (const button of this.sides) button.addEventListener("click", () => this.select(button.value));
    match.addEventListener("change", () => this.#level());
    spectrum.addEventListener("change", () => this.picture.showSpectrum(spectrum.checked));
    this.parts["again-strength"].addEventListener("input", () => this.#showStrength());
    again.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#on.onAgain(this.item, Number(this.parts["again-strength"].value));
    });
    this.picture.onSeek = (position) => this.seek(position);
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  #showStrength() {
    const slider = this.parts["again-strength"];
    slider.style.setProperty("--at", slider.value / 100);
    setText(this.parts["again-value"], slider.value);
    setText(this.parts["again-help"], strength(Number(slider.value)));
  }

  // Single keys work only while the focus is in the player (WCAG 2.1.4), and never in fields.
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#on.onClose();
      return;
    }
    const target = event.target;
    if (!this.sound || target.matches("input[type=range]")) return;
    const own = target.matches("button, input[type=checkbox]");
    const { position, duration } = this.sound;
    const keys = {
      " ": own ? null : () => this.toggle(),
      b: () => this.select("before"),
      a: () => this.select("after"),
      arrowleft: () => this.seek(position - STEP),
      arrowright: () => this.seek(position + STEP),
      home: () => this.seek(0),
      end: () => this.seek(duration),
      "+": () => this.picture.zoom(1),
      "-": () => this.picture.zoom(-1),
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
    this.sound.seek(Math.max(0, Math.min(this.sound.duration, position)));
    this.#changed();
  }

  // The louder one is turned down to the other: turning up could clip.
  #level() {
    const levels = { before: 1, after: 1 };
    const { before, after } = this.measured;
    const apart = after.loudness - before.loudness;
    if (this.parts.match.checked && Math.min(before.loudness, after.loudness) > SILENCE) {
      levels[apart > 0 ? "after" : "before"] = 10 ** (-Math.abs(apart) / 20);
    }
    this.sound.level(levels);
    this.picture.level(levels);
  }

  // What is shown

  #changed() {
    const { playing, side } = this.sound;
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.element.dataset.playing = playing;
    this.element.dataset.side = side;
    for (const button of this.sides) button.setAttribute("aria-pressed", String(button.value === side));
    this.#tick();
  }

  #tick() {
    cancelAnimationFrame(this.#frame);
    const { position, duration, playing } = this.sound;
    setText(this.parts.now, clock(position));
    setText(this.parts.length, clock(duration));
    this.picture.position(position, duration);
    if (playing) this.#frame = requestAnimationFrame(() => this.#tick());
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
