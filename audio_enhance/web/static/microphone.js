// A recording from the microphone, as a WAV file.

import { toPcm, wavFile } from "./wav.js";

const SAMPLE_BYTES = 2;

export class Microphone {
  #pieces = [];
  #samples = 0;
  #stream = null;
  #rate;
  #context;

  #source = null;
  #tap;
  #on;
  paused = false;

  // `onPiece` is told the seconds recorded and the latest peak; `onFull` that it has to end, and
  // `onGone` that the device is not there any more.
  static async open({ device, maxBytes, ...on }) {
    const microphone = new Microphone();
    microphone.#on = on;
    try {
      const context = (microphone.#context = new AudioContext());
      await context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url));
      const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      microphone.#tap = tap;
      tap.port.addEventListener("message", ({ data }) => {
        if (data.samples.length) microphone.#take(data.samples, maxBytes);
      });
      tap.port.start();
      await microphone.use(device);
      await context.resume();
    } catch (error) {
      await microphone.#close();
      throw error;
    }
    return microphone;
  }

  get device() {
    return this.#stream.getAudioTracks()[0].getSettings().deviceId;
  }

  // Goes on with a device; with the usual one if it is not there.
  async use(device) {
    // The browser's own processing is made for calls; here the recording itself is wanted.
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        deviceId: device ? { ideal: device } : undefined,
        channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false,
      },
    });
    this.#release();
    this.#stream = stream;
    stream.getAudioTracks()[0].addEventListener("ended", () => this.#on.onGone());
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#tap);
  }

  #take(data, maxBytes) {
    if (this.paused) return;
    this.#pieces.push(toPcm(data));
    this.#samples += data.length;
    this.#on.onPiece(this.#samples / this.#context.sampleRate, data.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    if ((this.#samples + 2 * data.length) * SAMPLE_BYTES > maxBytes) this.#on.onFull();
  }

  // Takes in what the worklet has not sent yet, and lets go of the device.
  async stop() {
    const told = new Promise((resolve) => {
      this.#tap.port.addEventListener("message", ({ data }) => data.last && resolve());
      setTimeout(resolve, 3000); // a busy machine takes its time; a device that is gone says nothing
    });
    this.#tap.port.postMessage("flush");
    await told;
    await this.#close();
  }

  #release() {
    this.#source?.disconnect();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
  }

  get empty() {
    return !this.#samples;
  }

  file() {
    const now = new Date();
    const two = (value) => String(value).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const time = `${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}`;
    return wavFile(this.#pieces, this.#rate, `Recording ${day} ${time}.wav`);
  }

  async #close() {
    this.#release();
    this.#rate = this.#context?.sampleRate;
    await this.#context?.close();
  }
}

export async function microphones() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "audioinput");
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
