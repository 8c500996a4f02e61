// A recording from the microphone, as a WAV file.

import { toPcm, wavFile } from "./wav.js";

const SAMPLE_BYTES = 2;

export class Microphone {
  #pieces = [];
  #samples = 0;
  #stream;
  #context;

  // `onPiece` is told the seconds recorded and the latest peak; `onFull` that it has to end.
  static async open({ maxBytes, onPiece, onFull }) {
    const microphone = new Microphone();
    // The browser's own processing is made for calls; here the recording itself is wanted.
    microphone.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    try {
      const context = (microphone.#context = new AudioContext());
      await context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url));
      const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      context.createMediaStreamSource(microphone.#stream).connect(tap);
      tap.port.addEventListener("message", ({ data }) => {
        microphone.#pieces.push(toPcm(data));
        microphone.#samples += data.length;
        onPiece(microphone.#samples / context.sampleRate, data.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
        if ((microphone.#samples + 2 * data.length) * SAMPLE_BYTES > maxBytes) onFull();
      });
      tap.port.start();
      await context.resume();
    } catch (error) {
      microphone.close();
      throw error;
    }
    return microphone;
  }

  get empty() {
    return !this.#samples;
  }

  file() {
    const now = new Date();
    const two = (value) => String(value).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const time = `${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}`;
    return wavFile(this.#pieces, this.#context.sampleRate, `Recording ${day} ${time}.wav`);
  }

  close() {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context?.close();
  }
}

// Why it cannot be used, in words.
export function reason(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone may not be used. Allow it for this page in the browser.";
    case "NotFoundError":
      return "There is no microphone.";
    case "NotReadableError":
      return "The microphone is in use by another program.";
    default:
      return `The microphone cannot be used: ${error.message}`;
  }
}
