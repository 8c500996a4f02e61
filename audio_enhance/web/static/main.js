// The page: what comes in, what is listed, and who is told.

import { Card } from "./card.js";
import { byId, say, setText } from "./dom.js";
import { follow } from "./events.js";
import { Hero } from "./hero.js";
import { dropped, sorted } from "./intake.js";
import { Outbox } from "./outbox.js";
import { Player } from "./player.js";
import { Item, newId } from "./recordings.js";
import { Recorder } from "./recorder.js";
import { Problem, call } from "./server.js";
import { Toolbar } from "./toolbar.js";
import { duration, plural, size, strength } from "./words.js";

const TICK_MS = 500;
const FRAME_MS = 30;
const PATIENCE_MS = 1500;
const COMPLAINT_MS = 12_000;
const STRENGTH = "audio-enhance-strength";

const cards = new Map();
const outbox = new Outbox(changed);
const stale = new Set();
const replaced = new Map(); // the id of a recording that is tried again, by that of the new one
let about = null;
let early = [];
let listening = null; // { id, player }
const hero = new Hero();
const toolbar = new Toolbar(() => [...cards.values()].map(({ item }) => item), {
  onCancel: (items) => items.forEach(cancel),
  onRetry: (items) => items.forEach((item) => again(item, item.strength, true)),
  onRemove: (items) => items.forEach(remove),
});

// What is shown

function changed(item) {
  // A timer, since frames stop where the page is not seen; its title tells all the same.
  if (!stale.size) setTimeout(show, FRAME_MS);
  stale.add(item.id);
}

function show() {
  const now = performance.now();
  for (const id of stale) cards.get(id)?.update(now);
  stale.clear();
  summarize();
}

function summarize() {
  const items = [...cards.values()].map(({ item }) => item);
  showWork(items.length > 0);
  toolbar.update();
  const open = items.filter((item) => !item.over).length;
  const ready = items.filter((item) => item.stage === "succeeded").length;
  const bad = [...cards.values()].filter(({ view }) => view?.tone === "bad").length;
  const counts = [open && `${open} under way`, ready && `${ready} ready`, bad && `${bad} not done`];
  setText(byId("list-summary"), counts.filter(Boolean).join(", "));
  const title = open ? `${plural(open, "recording")} under way \u2013 Audio Enhance` : "Audio Enhance";
  if (document.title !== title) document.title = title;
}

// The list is the main thing once there is work: what brings in more becomes a bar.
function showWork(some) {
  byId("list").hidden = !some;
  document.body.toggleAttribute("data-work", some);
  if (some) hero.hide();
  else hero.show();
}

// Countdowns and estimates go on between events.
setInterval(() => {
  for (const { item } of cards.values()) if (!item.over) changed(item);
}, TICK_MS);

function add(item) {
  const card = new Card(item, { onAction: act });
  cards.set(item.id, card);
  const old = cards.get(replaced.get(item.id));
  if (old) {
    old.element.after(card.element);
    drop(old.item);
  } else {
    byId("cards").prepend(card.element); // what is new is at the top
  }
  showWork(true);
  card.update(performance.now());
  changed(item);
}

function drop(item) {
  const card = cards.get(item.id);
  if (!card) return;
  if (listening?.id === item.id) stopListening();
  // The focus was on a button that goes away: on to the next recording, or the list.
  if (card.element.contains(document.activeElement)) {
    const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
    (next?.querySelector("button:not([hidden])") ?? byId("choose")).focus();
  }
  card.close();
  cards.delete(item.id);
  summarize();
}

// What the server tells

const ENDINGS = { succeeded: "is ready", failed: "failed", cancelled: "was cancelled" };

function take(snapshot) {
  const card = cards.get(snapshot.id);
  if (!card) {
    add(Item.of(snapshot));
    return;
  }
  const { item } = card;
  const before = item.server?.stage;
  item.take(snapshot);
  const { stage } = item.server;
  if (listening?.id === item.id) listening.player.update();
  if (before !== stage && stage in ENDINGS) say(`${item.name} ${ENDINGS[stage]}.`);
  changed(item);
}

let disconnected = null;

follow({
  state(state) {
    about = state;
    introduce();
    const known = new Set(state.recordings.map(({ id }) => id));
    for (const { item } of [...cards.values()]) {
      // Everything is told only to who is new, or was away for long: numbers begin again.
      const { over, stage } = item;
      const before = item.server;
      item.server = null;
      if (known.has(item.id) || item.local !== null) continue;
      // The application was started anew. What is still to be done is sent once more, and what
      // had no result has lost nothing.
      if (item.file && !over) outbox.add(item);
      else if (over && stage !== "succeeded") item.server = { ...before, kept: false };
      else item.local = { stage: "lost" };
      changed(item);
    }
    state.recordings.forEach(take);
    const files = early;
    early = [];
    if (files.length) enhance(files);
  },
  recording: take,
  removed({ id }) {
    const card = cards.get(id);
    if (card && card.item.local?.stage !== "lost") drop(card.item);
  },
  connected(yes) {
    const notice = byId("connection");
    if (yes) {
      clearTimeout(disconnected);
      disconnected = null;
      if (!notice.hidden) say("Connected again.");
      notice.hidden = true;
    } else {
      disconnected ??= setTimeout(() => {
        setText(notice, "The connection to the application was lost. Trying again\u2026");
        notice.hidden = false;
      }, PATIENCE_MS);
    }
  },
});

function introduce() {
  const service = byId("service");
  if (about.service === "local") {
    setText(service, `Local service: there are no credentials, so recordings are enhanced on this computer and stay on it. ${about.engine}`);
  } else if (about.service) {
    setText(service, `Recordings are enhanced by ${about.service}.`);
  }
  service.hidden = !about.service;
  const names = [...new Set(["MP3", "WAV", "M4A", "FLAC", "OGG", ...about.suffixes.map((suffix) => suffix.slice(1).toUpperCase())])];
  setText(byId("limits"), `Noise and echo go, speech stays. ${names.slice(0, 5).join(", ")} and others, up to ${size(about.max_bytes)} each.`);
  setText(byId("keeping"), `Recordings are kept for ${duration(about.keep_seconds)} after they are done, for this browser alone.`);
  byId("files").accept = about.suffixes.join(",");
  byId("sample").hidden = !about.sample;
  slider.min = about.least_strength;
  showStrength();
}

// What the person does

function enhance(files) {
  if (!about) {
    early.push(...files); // the page is there before what it needs to know
    return;
  }
  const limits = { suffixes: about.suffixes, most: about.max_bytes, room: about.recordings_at_most - cards.size };
  const { taken, words } = sorted(files, limits);
  if (words) tell(words);
  const level = Number(byId("strength").value);
  for (const file of taken) {
    const item = new Item({ name: file.name, size: file.size, strength: level, file });
    item.local = { stage: "queued" };
    add(item);
    outbox.add(item);
  }
  if (taken.length) say(`${plural(taken.length, "recording")} added.`);
}

async function act(action, item) {
  switch (action) {
    case "listen":
      if (listening?.id === item.id) stopListening();
      else startListening(item);
      break;
    case "retry":
      await again(item, item.strength, true);
      break;
    case "cancel":
      await cancel(item);
      break;
    case "remove":
      await remove(item);
      break;
  }
}

function startListening(item) {
  stopListening();
  const { element, parts, actions } = cards.get(item.id);
  const player = new Player(item, {
    measures: about.measures,
    leastStrength: about.least_strength,
    onAgain: (each, level) => again(each, level, false),
    onClose: () => {
      stopListening();
      actions.listen.focus();
    },
    // Whoever asked for the player gets it, unless they went elsewhere meanwhile.
    onReady: () => document.activeElement === actions.listen && player.playButton.focus(),
  });
  parts.player.append(player.element);
  actions.listen.setAttribute("aria-expanded", "true");
  actions.listen.textContent = "Close";
  element.dataset.open = "";
  listening = { id: item.id, player };
}

function stopListening() {
  if (!listening) return;
  const { element, actions } = cards.get(listening.id);
  listening.player.close();
  actions.listen.setAttribute("aria-expanded", "false");
  actions.listen.textContent = "Listen";
  delete element.dataset.open;
  const focused = actions.listen === document.activeElement;
  cards.get(listening.id).update(performance.now());
  // What is closed may be lost by now, and its button goes.
  if (focused && actions.listen.hidden) element.querySelector("button:not([hidden])")?.focus();
  listening = null;
}

// Once more, from what the server has or from the file; in the other's place, or beside it.
async function again(item, level, instead) {
  const id = newId();
  const next = new Item({ ...item, id, strength: level });
  const kept = item.server?.kept && item.local?.stage !== "lost";
  if (!kept && !item.file) return;
  // Whether the answer or the news of it comes first: there is one card for it at any time.
  if (instead) replaced.set(id, item.id);
  if (kept) {
    try {
      next.take(await call("PUT", `recordings/${id}`, { again: item.id, strength: level }));
    } catch (problem) {
      complain(item, problem);
      replaced.delete(id);
      return;
    }
    if (!cards.has(id)) add(next);
    else cards.get(id).item.file = item.file;
  } else {
    next.local = { stage: "queued" };
    add(next);
    outbox.add(next);
  }
  const card = cards.get(id);
  replaced.delete(id);
  if (instead && item.server) call("DELETE", `recordings/${item.id}`).catch(() => {});
  card.element.querySelector("button:not([hidden])")?.focus();
  say(`${item.name} is enhanced again at strength ${level}.`);
}

async function cancel(item) {
  outbox.cancel(item);
  if (!item.server) return;
  try {
    const snapshot = await call("POST", `recordings/${item.id}/cancel`);
    item.local = null;
    take(snapshot);
  } catch (problem) {
    if (problem.code !== "gone") complain(item, problem);
  }
}

async function remove(item) {
  if (item.local) outbox.cancel(item);
  try {
    if (item.server) await call("DELETE", `recordings/${item.id}`);
  } catch (problem) {
    if (problem.code !== "gone") {
      complain(item, problem);
      return;
    }
  }
  drop(item);
}

let complained = null;

function complain(item, problem) {
  if (!(problem instanceof Problem)) throw problem;
  tell(`${item.name}: ${problem.message} ${problem.hint ?? ""}`.trim());
}

function tell(text) {
  const complaint = byId("complaint");
  setText(complaint, text);
  complaint.hidden = false;
  clearTimeout(complained);
  complained = setTimeout(() => { complaint.hidden = true; }, COMPLAINT_MS);
}

// Files

byId("choose").addEventListener("click", () => byId("files").click());
byId("choose-folder").addEventListener("click", () => byId("folder").click());
for (const field of [byId("files"), byId("folder")]) {
  field.addEventListener("change", () => {
    enhance([...field.files]);
    field.value = ""; // the same file once more is a change, too
  });
}

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0;
addEventListener("dragenter", (event) => {
  if (!carriesFiles(event)) return;
  depth += 1;
  byId("drop").dataset.over = "";
});
addEventListener("dragleave", (event) => {
  if (!carriesFiles(event)) return;
  depth -= 1;
  if (!depth) delete byId("drop").dataset.over;
});
addEventListener("dragover", (event) => {
  if (carriesFiles(event)) event.preventDefault();
});
addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  delete byId("drop").dataset.over;
  enhance(await dropped(event.dataTransfer));
});

byId("sample").addEventListener("click", async () => {
  const response = await fetch("sample");
  if (!response.ok) return;
  enhance([new File([await response.blob()], "noisy-speech.mp3", { type: "audio/mpeg" })]);
});

// Strength

const slider = byId("strength");
slider.value = localStorage.getItem(STRENGTH) ?? slider.value;
function showStrength() {
  setText(byId("strength-value"), slider.value);
  setText(byId("strength-help"), strength(Number(slider.value)));
  slider.style.setProperty("--at", slider.value / 100);
}
slider.addEventListener("input", () => {
  localStorage.setItem(STRENGTH, slider.value);
  showStrength();
});
showStrength();

// Microphone

const recorder = new Recorder({
  maxBytes: () => about?.max_bytes ?? Infinity,
  onRecorded: (file) => enhance([file]),
});

// Leaving while something is only here would lose it.
addEventListener("beforeunload", (event) => {
  if (outbox.pending || recorder.busy) event.preventDefault();
});
