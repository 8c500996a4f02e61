// The controls of the microphone.

import { byId, say, setText } from "./dom.js";
import { Microphone, microphones, reason } from "./microphone.js";
import { clock } from "./words.js";

const DEVICE = "audio-enhance-microphone";

export class Recorder {
  #microphone = null;
  #on;

  // `on` has maxBytes(), and onRecorded(file).
  constructor(on) {
    this.#on = on;
    byId("record").addEventListener("click", () => this.#begin());
    byId("recorder-stop").addEventListener("click", () => this.#end("enhance"));
    byId("recorder-save").addEventListener("click", () => this.#end("save"));
    byId("recorder-discard").addEventListener("click", () => this.#end("discard"));
    byId("recorder-pause").addEventListener("click", () => this.#pause());
    byId("recorder-device").addEventListener("change", ({ target }) => this.#change(target.value));
  }

  get busy() {
    return this.#microphone !== null;
  }

  async #begin() {
    const problem = byId("record-problem");
    problem.hidden = true;
    byId("record").disabled = true;
    setText(byId("recorder-time"), "0:00");
    try {
      if (!navigator.mediaDevices) throw new Error("it needs a secure connection (https, or this machine).");
      this.#microphone = await Microphone.open({
        device: localStorage.getItem(DEVICE),
        maxBytes: this.#on.maxBytes(),
        onPiece(seconds, peak) {
          setText(byId("recorder-time"), clock(seconds));
          // From -60 dB to 0 dB, as levels are heard.
          byId("recorder-level").value = Math.max(0, 1 + Math.log10(peak + 1e-9) / 3);
        },
        onFull: () => this.#end("enhance"),
        onGone: () => this.#gone(),
      });
    } catch (error) {
      this.#complain(reason(error));
      byId("record").disabled = false;
      return;
    }
    byId("recorder").hidden = false;
    this.#showState();
    await this.#showDevices();
    byId("recorder-stop").focus();
    say("Recording.");
  }

  #complain(text) {
    setText(byId("record-problem"), text);
    byId("record-problem").hidden = false;
  }

  #showState() {
    const { paused } = this.#microphone;
    setText(byId("recorder-state"), paused ? "Paused" : "Recording");
    setText(byId("recorder-pause"), paused ? "Go on" : "Pause");
    byId("recorder").toggleAttribute("data-paused", paused);
  }

  async #showDevices() {
    const found = await microphones();
    const select = byId("recorder-device");
    select.replaceChildren(...found.map(({ deviceId, label }, at) => new Option(label || `Microphone ${at + 1}`, deviceId)));
    if (this.#microphone) select.value = this.#microphone.device;
  }

  #pause() {
    this.#microphone.paused = !this.#microphone.paused;
    this.#showState();
    say(this.#microphone.paused ? "Paused." : "Recording.");
  }

  async #change(device) {
    localStorage.setItem(DEVICE, device);
    try {
      await this.#microphone.use(device);
    } catch (error) {
      this.#complain(`${reason(error)} What was recorded so far is kept.`);
      this.#pauseIfNot();
    }
  }

  // It was pulled out: what there is stays, and another one can go on.
  #gone() {
    this.#complain("The microphone is gone. Choose another one and go on, or stop here.");
    this.#pauseIfNot();
    this.#showDevices();
  }

  #pauseIfNot() {
    if (this.#microphone && !this.#microphone.paused) this.#pause();
  }

  async #end(what) {
    if (!this.#microphone) return;
    const done = this.#microphone;
    this.#microphone = null;
    await done.stop();
    byId("recorder").hidden = true;
    byId("record").disabled = false;
    byId("record").focus();
    if (what === "discard") say("Discarded.");
    else if (done.empty) say("Nothing was recorded.");
    else if (what === "save") save(done.file());
    else this.#on.onRecorded(done.file());
  }
}

function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it as it saves it
}
