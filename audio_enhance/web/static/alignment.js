// How much later the same sound comes in the result than in the original.
//
// Encoders put silence in front (MP3's is up to 50 ms), and decoders take off more or less of
// it. Without this, switching between the two would jump.

import { fft } from "./fft.js";

const SIZE = 2 ** 18;
const DECIMATION = 4;
const MOST_SECONDS = 0.25;
// Less alike than this, the two have no moment in common that can be trusted.
const LEAST_LIKENESS = 0.3;

// Takes two mono recordings of the same rate; returns seconds, 0 where they are not alike.
export function lag(before, after, rate) {
  const reach = Math.round((MOST_SECONDS * rate) / DECIMATION);
  const length = SIZE - reach; // the rest stays empty, so that nothing wraps around
  const start = busiest(before, length * DECIMATION, rate);
  const a = { real: piece(before, start, length), imaginary: new Float64Array(SIZE) };
  const b = { real: piece(after, start, length), imaginary: new Float64Array(SIZE) };
  const scale = SIZE * Math.sqrt(energy(a.real) * energy(b.real));
  const transform = fft(SIZE);
  transform(a.real, a.imaginary);
  transform(b.real, b.imaginary);
  // The correlation is the inverse transform of conj(A) B, and that is the conjugate of the
  // transform of A conj(B).
  for (let i = 0; i < SIZE; i += 1) {
    const re = a.real[i] * b.real[i] + a.imaginary[i] * b.imaginary[i];
    a.imaginary[i] = a.imaginary[i] * b.real[i] - a.real[i] * b.imaginary[i];
    a.real[i] = re;
  }
  transform(a.real, a.imaginary);
  let best = 0;
  for (let at = -reach; at <= reach; at += 1) {
    if (a.real[(at + SIZE) % SIZE] > a.real[(best + SIZE) % SIZE]) best = at;
  }
  const likeness = a.real[(best + SIZE) % SIZE] / scale;
  return likeness >= LEAST_LIKENESS ? (best * DECIMATION) / rate : 0;
}

// Where the loudest stretch of that length begins, in steps of a second.
function busiest(samples, length, rate) {
  const seconds = [];
  for (let at = 0; at < samples.length; at += rate) seconds.push(energy(samples.subarray(at, at + rate)));
  const width = Math.ceil(length / rate);
  let sum = seconds.slice(0, width).reduce((total, value) => total + value, 0);
  let most = sum, best = 0;
  for (let at = 1; at + width <= seconds.length; at += 1) {
    sum += seconds[at + width - 1] - seconds[at - 1];
    if (sum > most) [most, best] = [sum, at];
  }
  return best * rate;
}

function piece(samples, start, length) {
  const taken = new Float64Array(SIZE);
  for (let i = 0; i < length; i += 1) {
    const at = start + i * DECIMATION;
    let sum = 0;
    for (let j = 0; j < DECIMATION; j += 1) sum += samples[at + j] ?? 0;
    taken[i] = sum / DECIMATION;
  }
  return taken;
}

function energy(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += samples[i] * samples[i];
  return sum;
}
