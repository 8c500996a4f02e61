// The waveform of what was decoded into memory, for short recordings that the server did not draw.

const HOP = 128;

export class BufferWave {
  #ends;
  #rate;

  constructor(buffer) {
    const samples = buffer.getChannelData(0);
    this.#rate = buffer.sampleRate;
    this.#ends = new Float32Array(2 * Math.ceil(samples.length / HOP));
    samples.forEach((value, at) => {
      const place = 2 * Math.floor(at / HOP);
      if (value < this.#ends[place]) this.#ends[place] = value;
      if (value > this.#ends[place + 1]) this.#ends[place + 1] = value;
    });
    this.highest = this.#ends.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  }

  extremes(from, to) {
    const first = Math.max(0, Math.floor((from * this.#rate) / HOP));
    const last = Math.max(first + 1, Math.floor((to * this.#rate) / HOP));
    let low = 0, high = 0;
    for (let at = first; at < last && 2 * at < this.#ends.length; at += 1) {
      low = Math.min(low, this.#ends[2 * at]);
      high = Math.max(high, this.#ends[2 * at + 1]);
    }
    return [low, high];
  }
}
