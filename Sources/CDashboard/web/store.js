// What the page knows: the last state with every delta merged into it.

const MOST_RECORDS = 500;
/** Seconds of the small curves on the graph, one number each. */
const TRACE_LENGTH = 60;
/** A route without requests for so long is idle. */
export const IDLE_SECONDS = 30;

const KEYS = {
  listeners: (item) => item.name,
  routes: (item) => item.name,
  entries: (item) => key(item.route, item.as),
  mirrors: (item) => key(item.route, item.backend),
  backends: (item) => item.name,
  endpoints: (item) => key(item.backend, item.address),
};

/** One key of two names; no name holds a line break. */
export const key = (first, second) => `${first}\n${second}`;

const emptyTraffic = () => Object.fromEntries(Object.keys(KEYS).map((section) => [section, new Map()]));

export const store = {
  status: null,
  memory: null,
  traffic: emptyTraffic(),
  errors: [],
  slow: [],
  changes: [],
  /** Of the last event, by the gateway's clock. */
  time: 0,
  /** By route name: requests a second, oldest first. */
  traces: new Map(),
  /** By route and entry: its part of what the route sends on, 0 … 1. */
  split: new Map(),
  /** By key of anything on the graph: when it last had requests. */
  active: new Map(),
};

const readers = new Set();

/** Calls `reader` after each event with what it brought; returns how to stop it. */
export function subscribe(reader) {
  readers.add(reader);
  return () => readers.delete(reader);
}

export function notify(event, isState) {
  for (const reader of readers) reader(event, isState);
}

const list = (value) => (Array.isArray(value) ? value : []);

/** Merges one event of the stream. `isState`: it holds everything, and what was known goes. */
export function receive(event, isState) {
  if (isState) {
    store.traffic = emptyTraffic();
    store.errors = [];
    store.slow = [];
    store.changes = [];
  }
  const time = Date.parse(event.time);
  if (Number.isFinite(time)) store.time = time;
  if (event.status) {
    store.status = event.status;
    prune();
  }
  if (event.memory ?? event.status?.memory) store.memory = event.memory ?? event.status.memory;
  if (event.traffic) merge(event.traffic);
  store.errors = newestFirst(event.errors, store.errors);
  store.slow = newestFirst(event.slow, store.slow);
  if (event.changes) store.changes = list(event.changes).slice(0, MOST_RECORDS);
  trace();
  smooth();
  notify(event, isState);
}

function merge(traffic) {
  for (const [section, keyOf] of Object.entries(KEYS)) {
    for (const item of list(traffic[section])) store.traffic[section].set(keyOf(item), item);
  }
}

/** New records come oldest first and go in front. */
function newestFirst(added, known) {
  const records = list(added);
  return records.length ? [...records.toReversed(), ...known].slice(0, MOST_RECORDS) : known;
}

/** What the configuration no longer has is forgotten, so that reloads do not pile up. */
function prune() {
  const { listeners, routes, backends } = store.status;
  const known = {
    listeners: new Set(listeners.map((one) => one.name)),
    routes: new Set(["", ...routes.map((one) => one.name)]),
    backends: new Set(backends.map((one) => one.name)),
    entries: new Set(routes.flatMap((route) => ["", ...route.backends.map((one) => one.as)].map((as) => key(route.name, as)))),
    mirrors: new Set(routes.flatMap((route) => route.mirrors.map((one) => key(route.name, one.backend)))),
    endpoints: new Set(backends.flatMap((backend) => backend.endpoints.map((one) => key(backend.name, one.address)))),
  };
  known.entries.add(key("", ""));
  for (const [section, names] of Object.entries(known)) {
    for (const name of store.traffic[section].keys()) if (!names.has(name)) store.traffic[section].delete(name);
  }
  for (const name of store.traces.keys()) if (!known.routes.has(name)) store.traces.delete(name);
  for (const name of store.active.keys()) {
    const slash = name.indexOf("/");
    const [section, rest] = [name.slice(0, slash), name.slice(slash + 1)];
    const [listener, route] = rest.split("\n");
    const stays = section === "takes" ? known.listeners.has(listener) && known.routes.has(route) : known[section].has(rest);
    if (!stays) store.active.delete(name);
  }
}

/**
 * The live split of each route, 0 … 1 by entry. Of a few requests a second it is the mean of some seconds, of many that of
 * the last one or two: a curve that jumps says nothing, and one that lags hides a change.
 */
function smooth() {
  const totals = new Map();
  for (const item of store.traffic.entries.values()) {
    if (item.as) totals.set(item.route, (totals.get(item.route) ?? 0) + item.flow.rate);
  }
  for (const [name, item] of store.traffic.entries) {
    const whole = totals.get(item.route) ?? 0;
    if (!item.as || whole === 0) continue;
    const present = item.flow.rate / whole;
    const before = store.split.get(name);
    const pace = Math.min(0.75, Math.max(0.15, whole / 150));
    store.split.set(name, before === undefined ? present : before + (present - before) * pace);
  }
  for (const name of store.split.keys()) if (!store.traffic.entries.has(name)) store.split.delete(name);
}

function trace() {
  for (const [name, item] of store.traffic.routes) {
    const curve = store.traces.get(name) ?? [];
    curve.push(item.flow.rate);
    if (curve.length > TRACE_LENGTH) curve.shift();
    store.traces.set(name, curve);
    if (item.flow.rate > 0) store.active.set(`routes/${name}`, store.time);
    for (const [listener, rate] of Object.entries(item.listeners ?? {})) {
      if (rate > 0) store.active.set(`takes/${key(listener, name)}`, store.time);
    }
  }
  for (const [name, item] of store.traffic.entries) if (item.flow.rate > 0) store.active.set(`entries/${name}`, store.time);
}

/** Whether it had requests lately. */
export function isActive(section, name) {
  const last = store.active.get(`${section}/${name}`);
  return last !== undefined && store.time - last < IDLE_SECONDS * 1000;
}

const NO_FLOW = Object.freeze({ rate: 0, errors: 0 });

export const flowOf = (section, name) => store.traffic[section].get(name)?.flow ?? NO_FLOW;

/** An endpoint with the numbers that move. How its models' queues look is absent where nobody says. */
export function endpointNumbers(backend, endpoint) {
  const live = store.traffic.endpoints.get(key(backend, endpoint.address));
  return {
    inFlight: live?.inFlight ?? endpoint.inFlight,
    connections: live?.connections ?? endpoint.connections,
    flow: live?.flow ?? NO_FLOW,
    modelQueue: live?.queueMilliseconds,
    pending: live?.pending,
    expected: live?.expectedMilliseconds,
    expectedLikeOthers: live?.expectedLikeOthers,
    expectedModel: store.traffic.backends.get(backend)?.expectedModel,
  };
}

/** What runs there, and that it does not run at the moment where it is started on demand. */
export function backendKind(backend) {
  const state = backend.activation?.state ?? "running";
  return state === "running" ? backend.server : `${backend.server} · ${state}`;
}

export function backendNumbers(backend) {
  const live = store.traffic.backends.get(backend.name);
  return { inFlight: live?.inFlight ?? backend.inFlight, queued: live?.queued ?? backend.queued };
}

export const findRoute = (name) => store.status?.routes.find((route) => route.name === name);
export const findBackend = (name) => store.status?.backends.find((backend) => backend.name === name);
