// One event stream for all pages of this browser: it has six connections to a server, and a page
// that listened on one of its own would take it from the others (HTTP/1.1, RFC 9112 §9.4).

import { listen } from "./stream.js";

const ports = new Set();
const recordings = new Map(); // the latest of each, with when it was told
let about = null;
let connected = null;

function tell(kind, data) {
  for (const port of ports) port.postMessage({ kind, data });
}

// As it would be told now.
function current({ snapshot, at }) {
  const passed = (performance.now() - at) / 1000;
  const left = snapshot.seconds_left;
  return left === null ? snapshot : { ...snapshot, seconds_left: Math.max(0, left - passed) };
}

const remember = (snapshot) => recordings.set(snapshot.id, { snapshot, at: performance.now() });

addEventListener("connect", ({ ports: [port] }) => {
  ports.add(port);
  port.addEventListener("message", () => ports.delete(port)); // all that a page says is that it goes
  port.start();
  if (about) port.postMessage({ kind: "state", data: { ...about, recordings: [...recordings.values()].map(current) } });
  if (connected !== null) port.postMessage({ kind: "connected", data: connected });
});

listen({
  state(state) {
    about = state;
    recordings.clear();
    state.recordings.forEach(remember);
    tell("state", state);
  },
  recording(snapshot) {
    remember(snapshot);
    tell("recording", snapshot);
  },
  removed(gone) {
    recordings.delete(gone.id);
    tell("removed", gone);
  },
  connected(yes) {
    connected = yes;
    tell("connected", yes);
  },
}, new URL("..", import.meta.url));
