// The recordings that the page knows: what the server says of each, and what only the page knows.

const ID_BYTES = 18;

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

export class Item {
  // `file` is null for what was sent before the page was loaded; `local` is null as soon as the
  // server has it all.
  constructor({ id = newId(), name, size, strength, file = null }) {
    this.id = id;
    this.name = name;
    this.size = size;
    this.strength = strength;
    this.file = file;
    this.local = null;
    this.server = null;
    this.abort = null;
    this.beganAt = null;
    this.endsAt = null;
  }

  static of(snapshot) {
    const item = new Item(snapshot);
    item.take(snapshot);
    return item;
  }

  // An answer to a request may come after the news of what happened since.
  take(snapshot) {
    const before = this.server;
    if (before !== null && snapshot.revision < before.revision) return;
    this.server = snapshot;
    this.name = snapshot.name;
    if (snapshot.stage === "enhancing") {
      if (before?.stage !== "enhancing") this.beganAt = performance.now();
      this.endsAt = snapshot.seconds_left === null ? null : performance.now() + 1000 * snapshot.seconds_left;
    }
  }

  // Whether the microphone of this page made it: there may be no other copy.
  get recorded() {
    return /^Recording \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.wav$/.test(this.name);
  }

  get stage() {
    return this.local?.stage ?? this.server.stage;
  }

  get over() {
    return ["succeeded", "failed", "cancelled", "refused", "lost"].includes(this.stage);
  }
}
