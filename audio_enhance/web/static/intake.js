// What a person drops or chooses: files, and all that is in folders; and what of it is left out.

import { plural, size } from "./words.js";

const NAMED = 2;

// The files of a drop. Entries have to be asked for at once: afterwards the drop is empty.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (entry.isFile) {
    found.push(await new Promise((resolve) => entry.file(resolve, () => resolve(unreadable(entry.name)))));
    return;
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    // A hundred at a time (File and Directory Entries API); an error ends it.
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break;
    inside.push(...some);
  }
  inside.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  for (const each of inside) await collect(each, found);
}

const lost = new WeakSet();

function unreadable(name) {
  const file = new File([], name);
  lost.add(file);
  return file;
}

// Returns { taken, words }: the files to send, and one text about all others, or null.
export function sorted(files, { suffixes, most, room }) {
  const kinds = { foreign: [], large: [], empty: [], lost: [], many: [] };
  const taken = [];
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (lost.has(file)) kinds.lost.push(file);
    else if (!suffixes.some((suffix) => name.endsWith(suffix))) {
      if (!name.startsWith(".")) kinds.foreign.push(file); // nobody misses what the system hides
    } else if (file.size > most) kinds.large.push(file);
    else if (!file.size) kinds.empty.push(file);
    else if (taken.length >= room) kinds.many.push(file);
    else taken.push(file);
  }
  const words = [
    sentence(kinds.foreign, "is no recording", "are no recordings"),
    sentence(kinds.large, `is larger than ${size(most)}`, `are larger than ${size(most)}`),
    sentence(kinds.empty, "is empty", "are empty"),
    sentence(kinds.lost, "cannot be read", "cannot be read"),
    sentence(kinds.many, "is too many for the list", "are too many for the list"),
  ].filter(Boolean);
  if (kinds.many.length) words.push("Remove recordings that are no longer needed.");
  return { taken, words: words.length ? `Left out: ${words.join(" ")}` : null };
}

function sentence(files, one, several) {
  if (!files.length) return null;
  if (files.length === 1) return `${files[0].name} ${one}.`;
  const names = files.slice(0, NAMED).map(({ name }) => name);
  const rest = files.length - names.length;
  const listed = rest ? `${names.join(", ")} and ${rest} more` : names.join(" and ");
  return `${plural(files.length, "file")} ${several} (${listed}).`;
}
