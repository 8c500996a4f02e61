// How the page talks to its server. Every address is relative: it may be mounted anywhere.

const OWN_HEADER = "X-Audio-Enhance";

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

async function fetched(method, path, signal, read) {
  let response;
  try {
    response = await fetch(path, { method, signal });
    if (response.ok) return await read(response);
  } catch (error) {
    throw signal.aborted ? error : Problem.network();
  }
  throw Problem.of(response.status, await response.text(), response.headers.get("Retry-After"));
}

export const download = (path, signal) => fetched("GET", path, signal, (response) => response.arrayBuffer());

// Throws a Problem where something cannot be had.
export const reach = (path, signal) => fetched("HEAD", path, signal, () => null);
