// Which part of a recording is to be seen, in seconds.

const SHORTEST = 1; // a few syllables
const STEP = 2;

export class View {
  constructor(duration) {
    this.duration = duration;
    this.from = 0;
    this.span = duration;
  }

  get whole() {
    return this.span >= this.duration;
  }

  get closest() {
    return this.span <= Math.min(SHORTEST, this.duration);
  }

  // Closer by a factor of two, or farther, and a moment stays where it is.
  zoom(closer, moment) {
    const span = this.span * STEP ** -closer;
    const clamped = Math.min(this.duration, Math.max(Math.min(SHORTEST, this.duration), span));
    const part = Math.min(1, Math.max(0, (moment - this.from) / this.span));
    this.span = clamped;
    this.#place(moment - part * clamped);
  }

  move(seconds) {
    this.#place(this.from + seconds);
  }

  // Shows a moment; returns whether something else is to be seen now.
  follow(moment) {
    if (moment >= this.from && moment <= this.from + this.span) return false;
    this.#place(moment - this.span / 10);
    return true;
  }

  // Where a moment is, from 0 to 1 if it is to be seen.
  part(moment) {
    return (moment - this.from) / this.span;
  }

  moment(part) {
    return Math.min(this.duration, Math.max(0, this.from + part * this.span));
  }

  // Moments for the axis, a round number of seconds apart.
  ticks(most) {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
    const step = steps.find((each) => this.span / each <= most) ?? 14_400;
    const first = Math.ceil(this.from / step);
    const count = Math.floor((this.from + this.span) / step) - first + 1;
    return { step, moments: Array.from({ length: Math.max(0, count) }, (_, at) => (first + at) * step) };
  }

  #place(from) {
    this.from = Math.max(0, Math.min(this.duration - this.span, from));
  }
}
