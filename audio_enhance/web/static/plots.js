// Waveforms and spectrograms on canvases, in the colours of light and of dark.

import { BANDS, bandFrequency } from "./spectrum.js";

// From quiet to loud. The quiet end is the surface that the plot lies on.
const RAMPS = {
  light: ["#f1efea", "#c9dcd4", "#7fb5a6", "#2d7d70", "#0c4a45", "#06211f"],
  dark: ["#14171a", "#17343a", "#1d6664", "#3fa38d", "#a9d9a4", "#fbf7d5"],
};
const RANGE = 66;
const TICKS = [100, 1000, 10_000];

// `view`: which of the columns are shown, as { from, span }; they need not be whole numbers.

export function drawWave(canvas, { peaks: { low, high }, columns }, view, gain) {
  const { context, width, height } = fit(canvas);
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  const middle = height / 2;
  const scale = middle * gain;
  context.beginPath();
  for (let x = 0; x < width; x += 1) {
    const first = Math.floor(view.from + (x * view.span) / width);
    const last = Math.max(first + 1, Math.floor(view.from + ((x + 1) * view.span) / width));
    let least = 0, most = 0;
    for (let at = Math.max(0, first); at < last && at < columns; at += 1) {
      least = Math.min(least, low[at]);
      most = Math.max(most, high[at]);
    }
    const top = Math.max(0, middle - most * scale);
    const bottom = Math.min(height, middle - least * scale);
    context.rect(x, top, 1, Math.max(1, bottom - top));
  }
  context.fill();
}

// `loudest`: the level that gets the last colour; the same for both versions, so that what was
// taken away shows.
export function drawSpectrum(canvas, { levels, columns }, view, gain, loudest, dark) {
  const image = new ImageData(columns, BANDS);
  const pixels = new Uint32Array(image.data.buffer);
  const palette = colours(dark ? RAMPS.dark : RAMPS.light);
  const shift = 20 * Math.log10(gain);
  for (let column = 0; column < columns; column += 1) {
    for (let band = 0; band < BANDS; band += 1) {
      const level = levels[column * BANDS + band] + shift;
      const at = Math.max(0, Math.min(1, 1 + (level - loudest) / RANGE));
      pixels[(BANDS - 1 - band) * columns + column] = palette[Math.round(255 * at)];
    }
  }
  const small = new OffscreenCanvas(columns, BANDS);
  small.getContext("2d").putImageData(image, 0, 0);
  const { context, width, height, ratio } = fit(canvas);
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, width, height);
  context.drawImage(small, view.from, 0, view.span, BANDS, 0, 0, width, height);
  label(context, width, height, ratio, dark);
}

export function highestOf({ peaks: { low, high } }) {
  return Math.max(high.reduce((a, b) => Math.max(a, b), 0), -low.reduce((a, b) => Math.min(a, b), 0));
}

export function loudestOf(measured) {
  // Single peaks should not make everything else pale.
  const sorted = Float32Array.from(measured.levels).sort();
  return sorted[Math.floor(0.998 * (sorted.length - 1))];
}

function label(context, width, height, ratio, dark) {
  const span = Math.log(bandFrequency(BANDS) / bandFrequency(0));
  context.font = `${10 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const tick of TICKS) {
    const y = height * (1 - Math.log(tick / bandFrequency(0)) / span);
    const text = tick < 1000 ? `${tick} Hz` : `${tick / 1000} kHz`;
    context.lineWidth = 3 * ratio;
    context.lineJoin = "round";
    context.strokeStyle = dark ? "#101214cc" : "#ffffffcc";
    context.strokeText(text, 6 * ratio, y);
    context.fillStyle = dark ? "#d6d9d6" : "#2c3130";
    context.fillText(text, 6 * ratio, y);
  }
}

function fit(canvas) {
  const ratio = devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return { context: canvas.getContext("2d"), width, height, ratio };
}

function colours(ramp) {
  const stops = ramp.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(at));
    const [red, green, blue] = stops[below].map((value, channel) => Math.round(value + (at - below) * (stops[below + 1][channel] - value)));
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  });
}
