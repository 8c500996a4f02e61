// The page's side of the event stream, which it shares with other pages where the browser can.

import { listen } from "./stream.js";

const url = () => new URL("stream-worker.js", import.meta.url).href;
// The only address that may become a script here (Trusted Types; not every browser has them).
const policy = globalThis.trustedTypes?.createPolicy("audio-enhance", { createScriptURL: url }) ?? { createScriptURL: url };

// `on` has a function for each: state, recording, removed, and connected(bool).
export function follow(on) {
  if (!globalThis.SharedWorker) {
    listen(on, document.baseURI);
    return;
  }
  const worker = new SharedWorker(policy.createScriptURL(""), { type: "module", name: "audio-enhance" });
  worker.port.addEventListener("message", ({ data: { kind, data } }) => on[kind](data));
  worker.port.start();
  addEventListener("pagehide", ({ persisted }) => {
    if (!persisted) worker.port.postMessage("gone");
  });
}
