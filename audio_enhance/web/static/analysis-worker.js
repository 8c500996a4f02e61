// Measures recordings off the page's own thread.

import { lag } from "./alignment.js";
import { RATE, floor, loudness } from "./loudness.js";
import { peaks, spectrogram } from "./spectrum.js";

const COLUMNS = 1600;
const mono = {};

addEventListener("message", ({ data: { side, channels } }) => {
  if (side === "both") {
    postMessage({ side, lag: lag(mono.before, mono.after, RATE) });
    return;
  }
  const mixed = mix(channels);
  mono[side] = mixed;
  const columns = Math.min(COLUMNS, Math.max(1, mixed.length));
  postMessage({
    side,
    columns,
    loudness: loudness(channels),
    floor: floor(channels),
    peaks: peaks(mixed, columns),
    levels: spectrogram(mixed, RATE, columns),
  });
});

function mix(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, at) => channels.reduce((sum, samples) => sum + samples[at], 0) / channels.length);
}
