// Sends recordings, a few at a time, until each is there or refused for good.

import { Problem, call, upload } from "./server.js";

const AT_ONCE = 2;
const LONGEST_WAIT_MS = 15_000;

export class Outbox {
  #waiting = [];
  #busy = 0;
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  get pending() {
    return this.#waiting.length + this.#busy;
  }

  add(item) {
    item.abort = new AbortController();
    this.#say(item, { stage: "queued" });
    this.#waiting.push(item);
    this.#next();
  }

  // Stop sending; whatever the server has of it is for the caller to deal with.
  cancel(item) {
    item.abort?.abort();
    const at = this.#waiting.indexOf(item);
    if (at >= 0) this.#waiting.splice(at, 1);
    this.#say(item, { stage: "cancelled" });
  }

  async #next() {
    if (this.#busy >= AT_ONCE || !this.#waiting.length) return;
    const item = this.#waiting.shift();
    this.#busy += 1;
    try {
      await this.#send(item, item.abort.signal);
    } finally {
      this.#busy -= 1;
      this.#next();
    }
    this.#next();
  }

  async #send(item, signal) {
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        await this.#attempt(item, signal);
        return;
      } catch (problem) {
        if (signal.aborted) return;
        if (!(problem instanceof Problem)) throw problem;
        if (problem.code === "cancelled") return;
        if (problem.code === "network" && !(await readable(item.file))) {
          this.#say(item, { stage: "refused", problem: unreadable() });
          if (item.server) call("POST", `recordings/${item.id}/cancel`).catch(() => {});
          return;
        }
        // "gone": the application was started anew in between, and expects nothing.
        const passing = problem.retryAfter !== null || ["network", "gone", "http"].includes(problem.code);
        if (!passing) {
          this.#say(item, { stage: "refused", problem });
          return;
        }
        await this.#pause(item, problem, tries, signal);
      }
    }
  }

  async #attempt(item, signal) {
    const path = `recordings/${item.id}`;
    const { name, size, strength } = item;
    item.take(await call("PUT", path, { name, size, strength }));
    if (signal.aborted) return;
    if (["expected", "receiving"].includes(item.server.stage)) {
      this.#say(item, { stage: "sending", fraction: 0 });
      const sent = await upload(`${path}/audio`, item.file, (fraction) => {
        if (!signal.aborted) this.#say(item, { stage: "sending", fraction });
      }, signal);
      item.take(sent);
    }
    this.#say(item, null);
  }

  async #pause(item, problem, tries, signal) {
    const asked = problem.retryAfter === null ? Math.min(LONGEST_WAIT_MS, 1000 * 2 ** tries) : 1000 * problem.retryAfter;
    // Not earlier than asked, and not all at the same moment.
    const wait = asked * (1 + Math.random() / 4);
    this.#say(item, { stage: "paused", until: performance.now() + wait, problem });
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      }, { once: true });
    });
  }

  #say(item, local) {
    item.local = local;
    this.#changed(item);
  }
}

// A file that was deleted, moved or changed fails to be sent, as if nobody could be reached; so
// does a folder that is called like a recording.
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function unreadable() {
  return new Problem({
    title: "The file cannot be read.",
    code: "file",
    detail: "It was deleted, moved or changed, or it is a folder. Choose it again.",
  });
}
