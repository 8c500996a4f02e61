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
  return plural(Math.round(seconds / 60), "minute");
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function decibels(value) {
  // A real minus sign, so that figures line up and screen readers say "minus".
  return value.toFixed(1).replace("-", "\u2212");
}

// Digital silence has no level.
export function pauses(floor) {
  return floor > -120 ? `pauses ${decibels(floor)} dBFS` : "pauses silent";
}

export function strength(value) {
  // The API's later guide: 0 to 50 keep more of the original, above it enhancement prevails.
  if (value === 0) return "Leaves the recording as it is.";
  if (value <= 50) return "Keeps more of the original.";
  if (value < 100) return "Favours enhancement over the original.";
  return "Nothing but the enhanced sound.";
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
        return over("Not sent", local.problem.message, local.problem.hint, local.problem.code === "many", true);
      case "cancelled":
        return over("Cancelled", null, null, item.file, false);
      case "lost":
        return over(
          "Lost", "The application was started anew and does not have it any more.", null,
          item.file, true,
        );
    }
  }
  const problem = known.problem;
  const again = known.kept || item.file !== null;
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
      const left = item.endsAt === null ? null : (item.endsAt - now) / 1000;
      const text = left !== null && left > 1.5 ? `Enhancing, about ${duration(left)} left` : "Enhancing";
      const whole = item.endsAt === null ? 0 : item.endsAt - item.beganAt;
      const done = whole > 0 ? Math.min(0.97, (now - item.beganAt) / whole) : null;
      return under(3, done, text, known.retrying);
    }
    case "succeeded":
      return { stage: 4, fraction: 1, text: "Ready", detail: null, tone: "good", actions: ["listen", "download", "remove"] };
    case "cancelled":
      return over("Cancelled", problem?.title, problem?.detail, again, false);
    default:
      return over("Failed", problem?.title, problem?.detail, again, true);
  }
}

function line(known) {
  return known.ahead ? `In line, ${known.ahead} ahead` : "In line, next";
}

function under(stage, fraction, text, detail = null) {
  return { stage, fraction, text, detail, tone: "", actions: ["cancel"] };
}

function over(text, title, hint, again, bad) {
  const detail = [title, hint].filter(Boolean).join(" ") || null;
  return { stage: 4, fraction: 0, text, detail, tone: bad ? "bad" : "", actions: again ? ["retry", "remove"] : ["remove"] };
}
