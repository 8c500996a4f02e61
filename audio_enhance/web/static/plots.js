// Waveforms and spectrograms on canvases, in the colours of light and of dark.

import { BANDS } from "./tiles.js";
import { moment } from "./words.js";

// From quiet to loud. The quiet end is the surface that the plot lies on.
const RAMPS = {
  light: ["#f1efea", "#c9dcd4", "#7fb5a6", "#2d7d70", "#0c4a45", "#06211f"],
  dark: ["#14171a", "#17343a", "#1d6664", "#3fa38d", "#a9d9a4", "#fbf7d5"],
};
const LOWEST = 60; // Hz
const HIGHEST = 16_000;
const TICKS = [100, 1000, 10_000];
const QUIETEST = -120; // dBFS, as the number 0
const STEP = 0.5;
export const RANGE = 66; // dB from the first colour to the last
const TICK_WIDTH = 90; // CSS pixels

// `shift`: how many seconds later it is in the file than it is shown.
export function drawWave(canvas, { wave, shift, gain }, view) {
  const { context, width, height } = fit(canvas);
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  const middle = height / 2;
  context.beginPath();
  for (let x = 0; x < width; x += 1) {
    const from = view.from + shift + (x * view.span) / width;
    const [low, high] = wave.extremes(from, from + view.span / width);
    const top = Math.max(0, middle * (1 - high * gain));
    const bottom = Math.min(height, middle * (1 - low * gain));
    context.rect(x, top, 1, Math.max(1, bottom - top));
  }
  context.fill();
}

export function drawAxis(canvas, view) {
  const { context, width, height, ratio } = fit(canvas);
  context.clearRect(0, 0, width, height);
  const { step, moments } = view.ticks(Math.max(2, width / ratio / TICK_WIDTH));
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.fillStyle = getComputedStyle(canvas).color;
  context.textBaseline = "bottom";
  for (const each of moments) {
    const x = view.part(each) * width;
    context.fillRect(Math.min(width - ratio, x), 0, ratio, 4 * ratio);
    const text = moment(each, step < 1);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(width - 2 * half, Math.max(0, x - half)), height);
  }
}

// `loudest`: the level in dBFS that gets the last colour; the same for both versions, so that what
// was taken away shows.
export function drawSpectrum(canvas, { spectrum, shift, gain }, view, loudest, dark) {
  const { context, width, height, ratio } = fit(canvas);
  const columns = Math.max(1, Math.round(width / ratio));
  const image = new ImageData(columns, BANDS);
  const pixels = new Uint32Array(image.data.buffer);
  const palette = colours(dark ? RAMPS.dark : RAMPS.light);
  const raise = 20 * Math.log10(gain) - loudest + QUIETEST;
  for (let x = 0; x < columns; x += 1) {
    const found = spectrum.at(view.from + shift + ((x + 0.5) * view.span) / columns, view.span / columns);
    for (let band = 0; band < BANDS; band += 1) {
      const level = found ? found.values[found.at + band] * STEP + raise : -RANGE;
      const at = Math.max(0, Math.min(1, 1 + level / RANGE));
      pixels[(BANDS - 1 - band) * columns + x] = palette[Math.round(255 * at)];
    }
  }
  const small = new OffscreenCanvas(columns, BANDS);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, width, height);
  context.drawImage(small, 0, 0, columns, BANDS, 0, 0, width, height);
  label(context, height, ratio, dark);
}

// What the colours mean, from quiet to loud.
export function drawScale(canvas, dark) {
  const { context, width, height } = fit(canvas);
  const palette = dark ? RAMPS.dark : RAMPS.light;
  const gradient = context.createLinearGradient(0, 0, width, 0);
  palette.forEach((colour, at) => gradient.addColorStop(at / (palette.length - 1), colour));
  context.fillStyle = gradient;
  context.fillRect(0, 0, width, height);
}

function label(context, height, ratio, dark) {
  context.font = `${10 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const tick of TICKS) {
    const y = height * (1 - Math.log(tick / LOWEST) / Math.log(HIGHEST / LOWEST));
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
    const [r, g, b] = stops[below].map((from, channel) => Math.round(from + (at - below) * (stops[below + 1][channel] - from)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}
