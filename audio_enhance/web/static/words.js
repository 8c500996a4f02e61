// What the page says: numbers and states in words.

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${(value < 9.95 ? value.toFixed(1) : String(Math.round(value))).replace(/\.0$/, "")} ${units[unit]}`;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function duration(seconds) {
  if (seconds < 90) return plural(Math.max(1, Math.round(seconds)), "second");
  if (seconds < 5400) return plural(Math.round(seconds / 60), "minute");
  if (seconds < 129_600) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86_400), "day");
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// A moment on an axis, with tenths where they matter.
export function moment(seconds, tenths) {
  return tenths ? `${clock(seconds)}.${Math.round(10 * seconds) % 10}` : clock(Math.round(seconds));
}

const SILENT = -119; // dBFS: digital silence has no level
const NOTICEABLE = 1; // dB

// What became of the noise between the words, for two versions that are heard equally loud.
export function lessNoise(before, after) {
  if (before.noise_floor <= SILENT) return "The pauses were silent before.";
  if (after.noise_floor <= SILENT) return "The pauses are silent now.";
  const less = before.noise_floor - before.loudness - (after.noise_floor - after.loudness);
  if (Math.abs(less) < NOTICEABLE) return "About as much noise as before.";
  return `${Math.round(Math.abs(less))} dB ${less > 0 ? "less" : "more"} noise.`;
}

// What a strength does, as a person would hear it.
export function strength(value) {
  // The API's later guide: 0 to 50 keep more of the original, above it enhancement prevails.
  if (value === 0) return "The recording as it is.";
  if (value <= 50) return "Takes the edge off: most of the room and its noise stays.";
  if (value < 85) return "Noise and echo are faint, and the room can still be heard.";
  if (value < 100) return "Nearly all noise and echo goes. Right for most recordings.";
  return "Only the voice: nothing of the room is left.";
}

// What a row says of a recording, in a few words.
export function facts(item) {
  const { before, after } = item.server ?? {};
  const known = [before?.duration === undefined ? size(item.size) : clock(before.duration)];
  if (after?.duration !== undefined) known.push(lessNoise(before, after).replace(/\.$/, "").toLowerCase().replace("db", "dB"));
  known.push(`strength ${item.strength}`);
  return known.join(", ");
}

const percent = (fraction) => `${Math.floor(100 * fraction)} %`;

// What a card shows: the stage (0 sending, 1 passing on, 2 in line, 3 enhancing, 4 over), how much
// of it is done (null: nobody knows), one line of text, one of explanation, and what can be done.
export function describe(item, now) {
  const local = item.local;
  const known = item.server;
  if (local !== null) {
    switch (local.stage) {
      case "queued":
        return under(0, 0, "Waiting to be sent");
      case "sending":
        return under(0, local.fraction, `Sending, ${percent(local.fraction)}`);
      case "paused": {
        const wait = Math.max(1, Math.ceil((local.until - now) / 1000));
        return under(0, 0, `Next try in ${plural(wait, "second")}`, local.problem.message);
      }
      case "refused":
        return over("Not sent", local.problem.message, local.problem.hint, ["many", "file"].includes(local.problem.code), true, item.recorded ? ["original"] : []);
      case "cancelled":
        return over("Cancelled", null, null, item.file, false, item.recorded && item.file ? ["original"] : []);
      case "lost":
        return over(
          "Lost", "The application was started anew and does not have it any more.", null,
          item.file, true,
        );
    }
  }
  const problem = known.problem;
  const again = known.kept || item.file !== null;
  const save = item.recorded && again ? ["original"] : [];
  switch (known.stage) {
    case "expected":
      return under(0, 0, "Waiting for the file to be sent");
    case "receiving":
      return under(0, known.received / known.size, `Sending, ${percent(known.received / known.size)}`);
    case "waiting":
      if (known.passed_on < 1) {
        return under(
          1, known.passed_on,
          known.passed_on ? `Passing it on, ${percent(known.passed_on)}` : line(known), known.retrying,
        );
      }
      return under(2, null, line(known), known.retrying);
    case "enhancing": {
      if (known.share !== null) return under(3, known.share, `Enhancing, ${percent(known.share)}`, known.retrying);
      const left = item.endsAt === null ? null : (item.endsAt - now) / 1000;
      const text = left !== null && left > 1.5 ? `Enhancing, about ${duration(left)} left` : "Enhancing";
      const whole = item.endsAt === null ? 0 : item.endsAt - item.beganAt;
      const done = whole > 0 ? Math.min(0.97, (now - item.beganAt) / whole) : null;
      return under(3, done, text, known.retrying);
    }
    case "succeeded":
      return { stage: 4, fraction: 1, text: "Ready", detail: known.notes?.join(" ") || null, tone: "good", actions: ["listen", "download", ...save, "remove"] };
    case "cancelled":
      return over("Cancelled", problem?.title, problem?.detail, again, false, save);
    default:
      return over("Failed", problem?.title, problem?.detail, again, true, save);
  }
}

function line(known) {
  return known.ahead ? `In line, ${known.ahead} ahead` : "In line, next";
}

function under(stage, fraction, text, detail = null) {
  return { stage, fraction, text, detail, tone: "", actions: ["cancel"] };
}

function over(text, title, hint, again, bad, save = []) {
  const detail = [title, hint].filter(Boolean).join(" ") || null;
  return { stage: 4, fraction: 0, text, detail, tone: bad ? "bad" : "", actions: [...(again ? ["retry"] : []), ...save, "remove"] };
}
