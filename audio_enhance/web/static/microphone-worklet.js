// Hands the microphone's samples to the page, in pieces of a useful size.

const PIECE = 4096;

class Tap extends AudioWorkletProcessor {
  #piece = new Float32Array(PIECE);
  #filled = 0;

  constructor() {
    super();
    // Told to, it hands over the last samples, too, however few; perhaps none.
    this.port.onmessage = () => this.#send(true);
  }

  process([[samples]]) {
    if (!samples) return true;
    this.#piece.set(samples, this.#filled);
    this.#filled += samples.length;
    if (this.#filled === PIECE) this.#send(false);
    return true;
  }

  #send(last) {
    const samples = this.#piece.slice(0, this.#filled);
    this.port.postMessage({ samples, last }, [samples.buffer]);
    this.#filled = 0;
  }
}

registerProcessor("tap", Tap);
