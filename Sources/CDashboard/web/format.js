// Numbers and times as people read them. Pure: time comes as an argument.

const finite = (value) => typeof value === "number" && Number.isFinite(value);

/** Requests a second: 0, 0.3, 4.2, 87, 1.2k, 34k. */
export function rate(value) {
  if (!finite(value) || value <= 0) return "0";
  if (value < 0.05) return "<0.1";
  if (value < 9.95) return value.toFixed(1);
  return count(value);
}

/** 0 … 999, 1.2k, 34k, 5.6M. */
export function count(value) {
  if (!finite(value)) return "–";
  const rounded = Math.round(value);
  if (rounded < 1000) return String(rounded);
  if (rounded < 9950) return `${(rounded / 1000).toFixed(1)}k`;
  if (rounded < 999500) return `${Math.round(rounded / 1000)}k`;
  return `${(rounded / 1e6).toFixed(1)}M`;
}

/** A share of 0 … 1 as percent; small ones are never rounded to nothing, nor large ones to all. */
export function percent(share) {
  if (!finite(share)) return "–";
  const value = share * 100;
  if (value <= 0) return "0 %";
  if (value < 0.1) return "<0.1 %";
  if (value >= 100) return "100 %";
  if (value > 99.9) return ">99.9 %";
  return value < 9.95 || (value > 98 && value % 1 > 0.05) ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}

/** Seconds with the unit that suits: 340 µs, 4.2 ms, 87 ms, 1.2 s, 45 s, 3 min. */
export function duration(seconds) {
  if (!finite(seconds) || seconds < 0) return "–";
  if (seconds === 0) return "0";
  if (seconds < 0.0009995) return `${Math.max(1, Math.round(seconds * 1e6))} µs`;
  if (seconds < 0.00995) return `${(seconds * 1e3).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  return span(seconds);
}

/** Until one more request would be done, where endpoints are chosen by that. */
export function expectedTime(milliseconds, likeOthers) {
  if (milliseconds === undefined) return "no data";
  return (likeOthers ? "about " : "") + duration(milliseconds / 1000);
}

/** How the queues inside a model server look, in as many words as are known. */
export function modelQueueWords(milliseconds, pending) {
  return [milliseconds === undefined ? "" : `model queue ${duration(milliseconds / 1000)}`, pending ? `${count(pending)} pending` : ""].filter(Boolean);
}

/** Two durations that share their unit where they can: 4.2 / 11 ms. */
export function pair(first, second) {
  const [a, b] = [duration(first), duration(second)];
  const unit = b.split(" ")[1];
  return unit && a.endsWith(` ${unit}`) ? `${a.slice(0, -unit.length - 1)} / ${b}` : `${a} / ${b}`;
}

/** A long time: 45 s, 12 min, 3 h 20 min, 5 d 4 h. */
export function span(seconds) {
  if (!finite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

export function bytes(value) {
  if (!finite(value)) return "–";
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let number = value / 1024;
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

/** The time of day of an RFC 3339 time, in the reader's zone, with the date where it is another day. */
export function clock(text, now) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "–";
  const two = (number) => String(number).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const hours = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return time.toDateString() === new Date(now).toDateString() ? hours : `${day} ${hours}`;
}

/** Since when: just now, 12 s ago, 3 min ago. */
export function ago(text, now) {
  const seconds = (now - Date.parse(text)) / 1000;
  if (!finite(seconds)) return "–";
  return seconds < 2 ? "just now" : `${span(seconds)} ago`;
}

/** The share of errors of a flow, 0 … 1. */
export const errorShare = (flow) => (flow && flow.rate > 0 ? Math.min(1, flow.errors / flow.rate) : 0);

/** One argument of a POSIX shell. */
export const shellQuoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A link that may be followed: http or https, or nothing. */
export function safeLink(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
