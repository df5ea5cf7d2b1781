// What the graph holds: nodes in five layers and the edges between them, from the state. No positions, no elements.

import { isActive, key, store } from "../store.js";

export const LAYERS = ["Clients", "Listeners", "Routes", "Backends", "Endpoints"];
/** Above this many pairs, a route without requests is only joined to the first listener. */
const MOST_FAINT_PAIRS = 60;
/** Above this many routes in sight, each takes one line. */
const DENSE_ROUTES = 24;

/**
 * @param {{ filter: string, collapse: boolean }} options `collapse` puts routes without requests lately behind one node.
 * @returns {{ nodes, edges, hidden, dense, signature }} `hidden` counts the collapsed routes; the same `signature` means the
 *     same nodes and edges.
 */
export function build({ filter, collapse }) {
  const { status } = store;
  const shown = status.routes.filter((route) => matches(route, filter));
  const active = shown.filter((route) => isActive("routes", route.name));
  const routes = collapse ? active : shown;
  const hidden = shown.length - routes.length;
  const nodes = [];
  const edges = [];
  const add = (layer, kind, id, item, size) => nodes.push({ id: `${kind}:${id}`, layer, kind, item, size });
  const join = (kind, id, from, to, item) => edges.push({ id: `${kind}:${id}`, kind, from, to, item });
  const dense = routes.length > DENSE_ROUTES;

  if (!filter) add(0, "clients", "", null, 1);
  const listeners = filter ? status.listeners.filter((one) => routes.some((route) => takes(one, route))) : status.listeners;
  for (const listener of listeners.length ? listeners : status.listeners) {
    add(1, "listener", listener.name, listener, 1);
    if (!filter) join("client", listener.name, "clients:", `listener:${listener.name}`, listener);
  }
  const usedBackends = new Set();
  let answers = false;
  for (const route of routes) {
    add(2, "route", route.name, route, dense ? 0 : route.policies.length ? 2 : 1);
    joinListeners(join, status.listeners, route, routes.length);
    answers = joinTargets(join, route, usedBackends) || answers;
  }
  if (!filter && isActive("routes", "")) {
    add(2, "unmatched", "", { name: "" }, dense ? 0 : 1);
    for (const listener of status.listeners) {
      if (takes(listener, { name: "" })) join("take", key(listener.name, ""), `listener:${listener.name}`, "unmatched:", { listener: listener.name, route: "" });
    }
    join("answer", "", "unmatched:", "gateway:", { route: "", word: "no route" });
    answers = true;
  }
  if (hidden) add(2, "idle", "", { count: hidden }, 0);
  for (const backend of status.backends) {
    if (!usedBackends.has(backend.name) && (filter || (collapse && hidden))) continue;
    add(3, "backend", backend.name, backend, 1);
    for (const endpoint of backend.endpoints) {
      const id = key(backend.name, endpoint.address);
      add(4, "endpoint", id, { backend, endpoint }, endpoint.state === "up" ? 1 : 2);
      join("send", id, `backend:${backend.name}`, `endpoint:${id}`, { backend, endpoint });
    }
  }
  if (answers) add(3, "gateway", "", null, 1);
  const signature = [...nodes.map((node) => `${node.id}#${node.size}`), ...edges.map((edge) => edge.id)].join("\n");
  return { nodes, edges, hidden, dense, signature };
}

/** A filter is looked for in everything a route is known by. */
export function matches(route, filter) {
  if (!filter) return true;
  const wanted = filter.toLowerCase();
  const texts = [route.name, ...route.hosts, ...route.matches, ...route.backends.flatMap((one) => [one.as, one.backend]), ...route.mirrors.map((one) => one.backend)];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

const takes = (listener, route) => (store.traffic.routes.get(route.name)?.listeners?.[listener.name] ?? 0) > 0 || isActive("takes", key(listener.name, route.name));

function joinListeners(join, listeners, route, routes) {
  const busy = listeners.filter((listener) => takes(listener, route));
  const faint = routes * listeners.length <= MOST_FAINT_PAIRS ? listeners : listeners.slice(0, 1);
  for (const listener of busy.length ? busy : faint) {
    join("take", key(listener.name, route.name), `listener:${listener.name}`, `route:${route.name}`, { listener: listener.name, route: route.name });
  }
}

/** @returns Whether some of the route's requests are answered by the gateway itself. */
function joinTargets(join, route, usedBackends) {
  const from = `route:${route.name}`;
  for (const entry of route.backends) {
    usedBackends.add(entry.backend);
    join("entry", key(route.name, entry.as), from, `backend:${entry.backend}`, { route, entry });
  }
  for (const mirror of route.mirrors) {
    usedBackends.add(mirror.backend);
    join("mirror", key(route.name, mirror.backend), from, `backend:${mirror.backend}`, { route, mirror });
  }
  const own = route.action !== "forward";
  if (!own && !isActive("entries", key(route.name, ""))) return false;
  join("answer", route.name, from, "gateway:", { route: route.name, word: own ? route.action : "refused" });
  return true;
}
