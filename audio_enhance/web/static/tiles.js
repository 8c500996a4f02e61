// Pictures of a recording that the server has drawn, fetched in pieces when they are to be seen.

const TILE = 2048; // columns; the server's `_pictures.py` counts in them, too
const FACTOR = 8; // columns of a level that become one of the next
const FEWEST = 512; // columns of the coarsest level, at the most
const KEPT = 48; // pieces, of which the longest unseen goes first

export const BANDS = 96;
const RATE = 48_000;

// One picture of one side. `onLoaded` is told when there is more to be seen.
class Tiles {
  #path;
  #columns;
  #width;
  #signal;
  #onLoaded;
  #tiles = new Map(); // null while it is on its way

  constructor(path, columns, width, signal, onLoaded) {
    this.#path = path;
    this.#columns = columns;
    this.#width = width;
    this.#signal = signal;
    this.#onLoaded = onLoaded;
  }

  get coarsest() {
    let level = 0;
    for (let columns = this.#columns; columns > FEWEST; level += 1) columns = Math.ceil(columns / FACTOR);
    return level;
  }

  // Where a column is: { values, at }, or null as long as it is not here. What is coarser is here
  // sooner, and stands in.
  find(level, column) {
    for (let now = level; now <= this.coarsest; now += 1) {
      const place = Math.floor(column / FACTOR ** (now - level));
      const values = this.#tile(now, Math.floor(place / TILE));
      if (!values) continue;
      const at = (place % TILE) * this.#width;
      return at < values.length ? { values, at } : null;
    }
    return null;
  }

  #tile(level, number) {
    const name = `${level}/${number}`;
    const known = this.#tiles.get(name);
    if (known === undefined) this.#fetch(name);
    else if (known !== null) {
      this.#tiles.delete(name);
      this.#tiles.set(name, known);
    }
    return known;
  }

  async #fetch(name) {
    this.#tiles.set(name, null);
    try {
      const response = await fetch(`${this.#path}/${name}`, { signal: this.#signal });
      if (!response.ok) return; // it was removed: what is not drawn is not missed
      const data = await response.arrayBuffer();
      this.#tiles.set(name, this.#width === 2 ? new Int16Array(data) : new Uint8Array(data));
      for (const [oldest, tile] of this.#tiles) {
        if (this.#tiles.size <= KEPT) break;
        if (tile) this.#tiles.delete(oldest);
      }
      this.#onLoaded();
    } catch (error) {
      if (!this.#signal.aborted) setTimeout(() => this.#tiles.delete(name), 2000);
      if (!this.#signal.aborted && !(error instanceof TypeError)) throw error;
    }
  }
}

// The level whose columns are not wider than so many seconds, or the nearest there is.
function levelFor(seconds, column, coarsest) {
  const level = Math.floor(Math.log(seconds / column) / Math.log(FACTOR));
  return Math.max(0, Math.min(coarsest, level));
}

// The waveform: asked for the extremes between two moments, in seconds.
export class Wave {
  #tiles;
  #column = 128 / RATE;

  constructor(path, { duration, highest }, signal, onLoaded) {
    this.highest = highest;
    const columns = Math.ceil(duration / this.#column);
    this.#tiles = new Tiles(`${path}/peaks`, columns, 2, signal, onLoaded);
  }

  extremes(from, to) {
    const level = levelFor(2 * (to - from), this.#column, this.#tiles.coarsest);
    const column = this.#column * FACTOR ** level;
    let low = 0, high = 0;
    const last = Math.max(Math.floor(from / column) + 1, Math.floor(to / column));
    for (let at = Math.max(0, Math.floor(from / column)); at < last; at += 1) {
      const found = this.#tiles.find(level, at);
      if (!found) continue;
      low = Math.min(low, found.values[found.at]);
      high = Math.max(high, found.values[found.at + 1]);
    }
    return [low / 32767, high / 32767];
  }
}

// The spectrogram: asked for the column at a moment, as levels of half a dB from -120 dBFS on.
export class Spectrum {
  #tiles;
  #column = 1024 / RATE;

  constructor(path, { duration }, signal, onLoaded) {
    const columns = Math.ceil(duration / this.#column);
    this.#tiles = new Tiles(`${path}/spectrum`, columns, BANDS, signal, onLoaded);
  }

  // `seconds`: how long what is drawn of it lasts.
  at(moment, seconds) {
    if (moment < 0) return null;
    const level = levelFor(2 * seconds, this.#column, this.#tiles.coarsest);
    return this.#tiles.find(level, Math.floor(moment / (this.#column * FACTOR ** level)));
  }
}
