// The page's side of the measuring.

// The only address that may become a script here (Trusted Types; not every browser has them).
const policy = globalThis.trustedTypes?.createPolicy("audio-enhance", {
  createScriptURL: () => new URL("analysis-worker.js", import.meta.url).href,
}) ?? { createScriptURL: () => new URL("analysis-worker.js", import.meta.url).href };

export class Analysis {
  #worker = new Worker(policy.createScriptURL(""), { type: "module" });

  // Returns { loudness, floor, columns, peaks, levels }; see the worker.
  measure(side, buffer) {
    const channels = Array.from({ length: buffer.numberOfChannels }, (_, at) => buffer.getChannelData(at).slice());
    return this.#ask({ side, channels }, channels.map((samples) => samples.buffer));
  }

  // Once both were measured: how many seconds later the result comes.
  async lag() {
    return (await this.#ask({ side: "both" }, [])).lag;
  }

  close() {
    this.#worker.terminate();
  }

  #ask(question, transfer) {
    return new Promise((resolve, reject) => {
      const answered = new AbortController();
      const once = { signal: answered.signal };
      this.#worker.addEventListener("message", ({ data }) => {
        if (data.side !== question.side) return;
        answered.abort();
        resolve(data);
      }, once);
      this.#worker.addEventListener("error", (event) => {
        answered.abort();
        reject(new Error(event.message));
      }, once);
      this.#worker.postMessage(question, transfer);
    });
  }
}
