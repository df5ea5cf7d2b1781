// The numbers of one edge, whatever it joins.

import { errorShare, pair, percent, rate } from "../format.js";
import { flowOf, key, store } from "../store.js";
import { shares } from "../weights.js";

/** @returns `{ rate, errors, p50, p99, share, wanted }`; `wanted` is the share the configuration asks for. */
export function read(edge) {
  return READERS[edge.kind](edge.item);
}

const READERS = {
  client: (listener) => ({ ...flowOf("listeners", listener.name) }),
  take({ listener, route }) {
    const item = store.traffic.routes.get(route);
    const taken = item?.listeners?.[listener] ?? 0;
    const whole = flowOf("listeners", listener).rate;
    return { rate: taken, errors: taken * errorShare(item?.flow), p50: item?.flow.p50, p99: item?.flow.p99, share: whole > 0 ? Math.min(1, taken / whole) : undefined };
  },
  entry({ route, entry }) {
    const wanted = shares(route.backends.map((one) => one.weight))[route.backends.indexOf(entry)];
    return { ...flowOf("entries", key(route.name, entry.as)), share: liveShare(route, entry), wanted };
  },
  mirror({ route, mirror }) {
    const live = store.traffic.mirrors.get(key(route.name, mirror.backend));
    const { ok = 0, canceled = 0, ...rest } = live?.outcomes ?? {};
    return { rate: live?.rate ?? 0, errors: Object.values(rest).reduce((sum, one) => sum + one, 0), outcomes: live?.outcomes ?? {}, wanted: mirror.percent / 100 };
  },
  answer({ route, word }) {
    return word === "refused" ? { ...flowOf("entries", key(route, "")) } : { ...flowOf("routes", route) };
  },
  send({ backend, endpoint }) {
    const flow = flowOf("endpoints", key(backend.name, endpoint.address));
    const whole = backend.endpoints.reduce((sum, one) => sum + flowOf("endpoints", key(backend.name, one.address)).rate, 0);
    return { ...flow, share: whole > 0 ? flow.rate / whole : undefined };
  },
};

/** The part of what the route sends on that this entry gets now, 0 … 1; undefined before there was any. */
export function liveShare(route, entry) {
  const moving = route.backends.some((one) => flowOf("entries", key(route.name, one.as)).rate > 0);
  return moving ? (store.split.get(key(route.name, entry.as)) ?? 0) : undefined;
}

/** What the label of an edge says, line by line: `[{ text, kind }]`. */
export function labelOf(edge, value, { dense, roomy, few }) {
  const busy = value.rate > 0;
  const perSecond = `${rate(value.rate)}/s`;
  if (edge.kind === "client") return busy ? [[{ text: perSecond, kind: "main" }]] : [];
  if (edge.kind === "take") {
    if (!busy) return [];
    const share = few && value.share !== undefined && value.share < 0.995 ? [{ text: percent(value.share), kind: "quiet" }] : null;
    return dense ? [[{ text: perSecond, kind: "main" }]] : [[{ text: perSecond, kind: "main" }], ...(share ? [share] : [])];
  }
  const lines = [[]];
  if (edge.kind === "entry" && edge.item.entry.as !== edge.item.entry.backend && !dense) lines[0].push({ text: `${shortened(edge.item.entry.as)} `, kind: "name" });
  if (edge.kind === "mirror") lines[0].push({ text: `copy ${percent(value.wanted)} `, kind: busy ? "main" : "quiet" });
  else if (edge.kind === "answer") lines[0].push({ text: `${edge.item.word} `, kind: "quiet" });
  else if (value.share !== undefined && (edge.kind === "entry" || (busy && value.share < 0.9995))) lines[0].push({ text: `${percent(value.share)} `, kind: busy ? "main" : "quiet" });
  else if (edge.kind === "entry") lines[0].push({ text: `${percent(value.wanted)} `, kind: "quiet" });
  if (busy) lines[0].push({ text: perSecond, kind: edge.kind === "send" && value.share === undefined ? "main" : "rate" });
  const share = errorShare(value);
  const wrong = share > 0 ? { text: `${percent(share)} err`, kind: "bad" } : null;
  const times = busy && value.p50 !== undefined ? { text: pair(value.p50, value.p99), kind: "quiet" } : null;
  if (dense) {
    if (wrong) lines[0].push({ text: ` ${wrong.text}`, kind: "bad" });
  } else if (roomy && times && wrong) lines.push([times, { text: " · ", kind: "quiet" }, wrong]);
  else lines.push(...[times, wrong].filter(Boolean).map((one) => [one]));
  return lines.filter((line) => line.length);
}

const shortened = (text) => (text.length > 12 ? `${text.slice(0, 11)}…` : text);

/** The width of the stroke in units of the type size: grows with the logarithm of the rate. */
export const bandOf = (perSecond) => (perSecond > 0 ? Math.min(0.95, 0.18 + 0.1 * Math.log2(1 + perSecond)) : 0.1);
