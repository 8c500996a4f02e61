// Two versions of a recording that play at the same moment; one is heard, at its gain.

const FADE_SECONDS = 0.012;
const HEAD_START = 0.03;
// Beyond this, the one that is not heard jumps; below, it runs a little faster or slower.
const MOST_DRIFT = 0.25;
// Closer than this, nobody hears it.
const TOGETHER = 0.0002;
const WATCH_MS = 200;
// Of what they are apart, the share that a second makes up for.
const HASTE = 3;

class Sound {
  constructor(context) {
    this.context = context;
    this.playing = false;
    this.side = "after";
    this.levels = { before: 1, after: 1 };
    this.gains = {};
    this.onended = () => {};
    for (const side of ["before", "after"]) {
      const gain = context.createGain();
      gain.gain.value = side === this.side ? 1 : 0;
      gain.connect(context.destination);
      this.gains[side] = gain;
    }
  }

  // Both versions run all the time: switching is a short fade from one to the other.
  select(side) {
    this.side = side;
    this.#apply();
  }

  level(levels) {
    this.levels = levels;
    this.#apply();
  }

  #apply() {
    const now = this.context.currentTime;
    for (const [side, { gain }] of Object.entries(this.gains)) {
      gain.cancelScheduledValues(now);
      gain.setValueAtTime(gain.value, now);
      gain.linearRampToValueAtTime(side === this.side ? this.levels[side] : 0, now + FADE_SECONDS);
    }
  }

  close() {
    this.pause();
    for (const gain of Object.values(this.gains)) gain.disconnect();
  }
}

// Decoded into memory: both start at the same sample of the same clock.
export class BufferSound extends Sound {
  #buffers;
  #sources = [];
  #startedAt = 0;
  #lengths;
  #from = 0;

  // `lag`: how many seconds later the same sound comes in `after`.
  constructor(context, before, after, lag) {
    super(context);
    this.#buffers = { before, after };
    this.#lengths = { before: before.duration, after: after.duration };
    this.lag = lag;
    this.duration = Math.min(before.duration, after.duration - lag);
  }

  // Once it was measured how the two lie.
  align(lag) {
    const { position } = this;
    this.lag = lag;
    this.duration = Math.min(this.#lengths.before, this.#lengths.after - lag);
    if (this.playing) this.seek(position);
  }

  get position() {
    if (!this.playing) return this.#from;
    const passed = Math.max(0, this.context.currentTime - this.#startedAt);
    return Math.min(this.duration, this.#from + passed);
  }

  async play() {
    await this.context.resume();
    if (this.playing) return;
    if (this.#from >= this.duration - 0.01) this.#from = 0;
    this.playing = true;
    this.#start();
  }

  pause() {
    this.#from = this.position;
    this.playing = false;
    this.#stop();
  }

  seek(position) {
    const playing = this.playing;
    this.#stop();
    this.#from = Math.min(Math.max(0, position), this.duration);
    if (playing) this.#start();
  }

  #start() {
    this.#startedAt = this.context.currentTime + HEAD_START;
    for (const side of ["before", "after"]) {
      const source = this.context.createBufferSource();
      source.buffer = this.#buffers[side];
      source.connect(this.gains[side]);
      const offset = this.#from + (side === "after" ? this.lag : 0);
      source.start(this.#startedAt + Math.max(0, -offset), Math.max(0, offset));
      this.#sources.push(source);
    }
    const [first] = this.#sources;
    first.stop(this.#startedAt + this.duration - this.#from);
    first.onended = () => {
      if (this.#sources[0] !== first) return;
      this.#stop();
      this.playing = false;
      this.#from = this.duration;
      this.onended();
    };
  }

  #stop() {
    for (const source of this.#sources.splice(0)) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
  }
}

// Streamed by ranges: for recordings that are too long to be held decoded. Two media elements keep step
// by moving the one that is not heard.
export class StreamSound extends Sound {
  #elements = {};
  #watch = null;

  // `lag`: how many seconds later the same sound comes in `after`.
  constructor(context, urls, lag) {
    super(context);
    this.lag = lag;
    for (const [side, url] of Object.entries(urls)) {
      const element = new Audio(url);
      element.preload = "metadata";
      // Keeping the pitch moves in steps of up to 20 ms, and never gets there.
      element.preservesPitch = false;
      context.createMediaElementSource(element).connect(this.gains[side]);
      this.#elements[side] = element;
    }
    this.#elements.before.addEventListener("ended", () => {
      this.pause();
      this.onended();
    });
  }

  // Resolves when both are known to be playable.
  async ready() {
    await Promise.all(Object.values(this.#elements).map((element) => new Promise((resolve, reject) => {
      if (element.readyState >= HTMLMediaElement.HAVE_METADATA) resolve();
      element.addEventListener("loadedmetadata", resolve, { once: true });
      element.addEventListener("error", () => reject(element.error), { once: true });
    })));
    this.#measure();
  }

  align(lag) {
    this.lag = lag;
    this.#measure();
  }

  #measure() {
    const { before, after } = this.#elements;
    this.duration = Math.min(before.duration, after.duration - this.lag);
  }

  get position() {
    return Math.min(this.duration, Math.max(0, this.#moment(this.side)));
  }

  // How far the two are apart, in seconds.
  get drift() {
    return this.#moment("after") - this.#moment("before");
  }

  #moment(side) {
    return this.#elements[side].currentTime - this.#shift(side);
  }

  #shift(side) {
    return side === "after" ? this.lag : 0;
  }

  async play() {
    await this.context.resume();
    this.playing = true;
    this.#watch ??= setInterval(() => this.#keepStep(), WATCH_MS);
    await Promise.all(Object.values(this.#elements).map((element) => element.play()));
  }

  pause() {
    this.playing = false;
    clearInterval(this.#watch);
    this.#watch = null;
    for (const element of Object.values(this.#elements)) element.pause();
  }

  seek(position) {
    for (const [side, element] of Object.entries(this.#elements)) {
      element.currentTime = Math.max(0, Math.min(position, this.duration) + this.#shift(side));
    }
  }

  close() {
    super.close();
    for (const element of Object.values(this.#elements)) {
      element.removeAttribute("src");
      element.load();
    }
  }

  #keepStep() {
    const heard = this.#elements[this.side];
    const [one, two] = this.side === "before" ? ["before", "after"] : ["after", "before"];
    const other = this.#elements[two];
    const apart = this.#moment(one) - this.#moment(two);
    if (Math.abs(apart) > MOST_DRIFT) other.currentTime = this.#moment(one) + this.#shift(two);
    // Unheard, until they are together again. Both have the same clock: then they stay so.
    heard.playbackRate = 1;
    other.playbackRate = Math.abs(apart) > TOGETHER ? 1 + Math.max(-0.1, Math.min(0.1, HASTE * apart)) : 1;
  }
}
