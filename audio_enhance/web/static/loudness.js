// Loudness as ITU-R BS.1770-4 measures it, in LUFS.

// The two filters of the K weighting at 48 kHz (BS.1770-4, Tables 1 and 2): [b0 b1 b2 a1 a2].
export const RATE = 48_000;
const SHELF = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585];
const HIGH_PASS = [1, -2, 1, -1.99004745483398, 0.99007225036621];
const BLOCK = 0.4 * RATE;
const STEP = BLOCK / 4;
const SILENCE = -70;
const RELATIVE_GATE = 10;
const OFFSET = -0.691;

const level = (power) => OFFSET + 10 * Math.log10(power);

// Takes the channels of a recording; NaN where there is nothing to be heard.
export function loudness(channels) {
  const steps = Math.floor(channels[0].length / STEP);
  const powers = new Float64Array(steps);
  for (const samples of channels) addPowers(samples, powers);
  const blocks = [];
  for (let at = 0; at + 4 <= steps; at += 1) {
    const power = (powers[at] + powers[at + 1] + powers[at + 2] + powers[at + 3]) / BLOCK;
    if (level(power) > SILENCE) blocks.push(power);
  }
  const gate = level(mean(blocks)) - RELATIVE_GATE;
  return level(mean(blocks.filter((power) => level(power) > gate)));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// Adds each step's sum of squares after both filters (transposed direct form II).
function addPowers(samples, powers) {
  const [b0, b1, b2, a1, a2] = SHELF;
  const [c0, c1, c2, d1, d2] = HIGH_PASS;
  let s1 = 0, s2 = 0, t1 = 0, t2 = 0;
  let at = 0;
  for (let step = 0; step < powers.length; step += 1) {
    let sum = 0;
    for (const end = at + STEP; at < end; at += 1) {
      const x = samples[at];
      const y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      const z = c0 * y + t1;
      t1 = c1 * y - d1 * z + t2;
      t2 = c2 * y - d2 * z;
      sum += z * z;
    }
    powers[step] += sum;
  }
}

// What is left between the words: the level that a tenth of all 50 ms pieces stay below, in dBFS.
export function floor(channels) {
  const length = RATE / 20;
  const powers = [];
  for (let at = 0; at + length <= channels[0].length; at += length) {
    let sum = 0;
    for (const samples of channels) {
      for (let i = at; i < at + length; i += 1) sum += samples[i] * samples[i];
    }
    powers.push(sum / length / channels.length);
  }
  powers.sort((a, b) => a - b);
  return 10 * Math.log10(Math.max(1e-12, powers[Math.floor(powers.length / 10)] ?? 0));
}
