// How the page talks to its server. Every address is relative: it may be mounted anywhere.

const OWN_HEADER = "X-Audio-Enhance";
// A stream that the server refuses, or that a proxy answers for it, is not opened again by the
// browser itself.
const REOPEN_MS = 2000;
const MOST_IN_VAIN = 5;

export class Problem extends Error {
  constructor({ title, code, detail = null }, retryAfter = null) {
    super(title);
    this.code = code;
    this.hint = detail;
    this.retryAfter = retryAfter;
  }

  static network() {
    return new Problem({ title: "The server cannot be reached.", code: "network" });
  }

  static of(status, text, retryAfter) {
    let document = {};
    try {
      document = JSON.parse(text);
    } catch {
      // an answer that is not the application's own
    }
    const { title = `The server answered with status ${status}.`, code = "http", detail } = document;
    return new Problem({ title, code, detail }, retryAfter === null ? null : Number(retryAfter));
  }
}

export async function call(method, path, body) {
  const headers = { [OWN_HEADER]: "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  let text;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    text = await response.text();
  } catch {
    throw Problem.network();
  }
  if (!response.ok) throw Problem.of(response.status, text, response.headers.get("Retry-After"));
  return text ? JSON.parse(text) : null;
}

// XMLHttpRequest, since fetch does not tell how much of a body was sent.
export function upload(path, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const failed = () => reject(Problem.network());
    request.open("PUT", path);
    request.setRequestHeader(OWN_HEADER, "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / file.size));
    request.addEventListener("error", failed);
    request.addEventListener("timeout", failed);
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(Problem.of(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
    signal.addEventListener("abort", abort);
    if (signal.aborted) reject(signal.reason);
    else request.send(file);
  });
}

export async function download(path, onProgress, signal) {
  let response;
  try {
    response = await fetch(path, { signal });
  } catch (error) {
    throw signal.aborted ? error : Problem.network();
  }
  if (!response.ok) {
    throw Problem.of(response.status, await response.text(), response.headers.get("Retry-After"));
  }
  const total = Number(response.headers.get("Content-Length")) || null;
  const chunks = [];
  let received = 0;
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      received += value.length;
      if (total) onProgress(received / total);
    }
  } catch (error) {
    throw signal.aborted ? error : Problem.network();
  }
  return new Blob(chunks).arrayBuffer();
}

// The events of this session. `on` has a function for each: state, recording, removed, and
// connected(bool).
export function listen(on) {
  let last = "";
  let inVain = 0;

  function open() {
    const source = new EventSource(`events${last && `?after=${encodeURIComponent(last)}`}`);
    for (const name of ["state", "recording", "removed"]) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId;
        here();
        on[name](JSON.parse(event.data));
      });
    }
    // The very first stream of a browser ends at once: it only brings the cookie. So being
    // connected is not `open`, but the first sign of a session.
    source.addEventListener("here", here);
    source.addEventListener("error", () => {
      on.connected(false);
      inVain += 1;
      // Without cookies, every stream is the first: not at that pace for ever.
      if (inVain > MOST_IN_VAIN) source.close();
      if (source.readyState === EventSource.CLOSED) setTimeout(open, REOPEN_MS);
    });
  }

  function here() {
    inVain = 0;
    on.connected(true);
  }

  open();
}
