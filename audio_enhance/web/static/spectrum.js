// What the plots show: the extremes of the waveform, and its power in bands over time.

import { fft } from "./fft.js";

const SIZE = 2048;
const LOWEST = 60;
const HIGHEST = 16_000;
// Of long columns a few pieces are looked at: enough for the eye.
const MOST_FRAMES = 4;

export const BANDS = 96;

export function bandFrequency(band) {
  return LOWEST * (HIGHEST / LOWEST) ** (band / BANDS);
}

export function peaks(samples, columns) {
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  for (let column = 0; column < columns; column += 1) {
    const end = Math.floor(((column + 1) * samples.length) / columns);
    let least = 0, most = 0;
    for (let at = Math.floor((column * samples.length) / columns); at < end; at += 1) {
      if (samples[at] < least) least = samples[at];
      else if (samples[at] > most) most = samples[at];
    }
    low[column] = least;
    high[column] = most;
  }
  return { low, high };
}

// Levels in dB, band after band of one column after the other.
export function spectrogram(samples, rate, columns) {
  const edges = Array.from({ length: BANDS + 1 }, (_, band) => Math.max(1, Math.round((bandFrequency(band) * SIZE) / rate)));
  const window = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
  const transform = fft(SIZE);
  const real = new Float64Array(SIZE);
  const imaginary = new Float64Array(SIZE);
  const power = new Float64Array(SIZE / 2);
  const levels = new Float32Array(columns * BANDS);
  const width = samples.length / columns;
  const frames = Math.min(MOST_FRAMES, Math.max(1, Math.floor(width / SIZE)));
  for (let column = 0; column < columns; column += 1) {
    power.fill(0);
    for (let frame = 0; frame < frames; frame += 1) {
      const middle = (column + (frame + 0.5) / frames) * width;
      const start = Math.round(middle - SIZE / 2);
      for (let i = 0; i < SIZE; i += 1) real[i] = (samples[start + i] ?? 0) * window[i];
      imaginary.fill(0);
      transform(real, imaginary);
      for (let i = 0; i < SIZE / 2; i += 1) power[i] += real[i] * real[i] + imaginary[i] * imaginary[i];
    }
    for (let band = 0; band < BANDS; band += 1) {
      let sum = 0;
      const end = Math.max(edges[band] + 1, edges[band + 1]);
      for (let i = edges[band]; i < end && i < SIZE / 2; i += 1) sum += power[i];
      const mean = sum / (end - edges[band]) / frames / (SIZE / 4) ** 2;
      levels[column * BANDS + band] = 10 * Math.log10(mean + 1e-12);
    }
  }
  return levels;
}
