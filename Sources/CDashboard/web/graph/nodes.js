// The boxes of the graph: HTML, so that texts are cut off by the browser and every box is a link.

import { h, keyed, setAttribute, setText } from "../dom.js";
import { count, duration, errorShare, percent, rate } from "../format.js";
import { backendLink, endpointLink, routeLink } from "../router.js";
import { backendKind, backendNumbers, endpointNumbers, flowOf, store } from "../store.js";
import { spark } from "../sparkline.js";

/** Heights by kind and size, in type sizes. */
const HEIGHTS = {
  clients: [4.6, 4.6, 4.6],
  listener: [4.6, 4.6, 4.6],
  route: [2.5, 5.1, 6.9],
  unmatched: [2.5, 3.8, 3.8],
  idle: [2.9, 2.9, 2.9],
  backend: [5.1, 5.1, 5.1],
  gateway: [3.7, 3.7, 3.7],
  endpoint: [4.4, 4.4, 6.2],
};

export const heightOf = (node) => HEIGHTS[node.kind][node.size];

const LINKS = {
  route: (node) => routeLink(node.item.name),
  backend: (node) => backendLink(node.item.name),
  endpoint: (node) => endpointLink(node.item.backend.name, node.item.endpoint.address),
  unmatched: () => "#/requests?route=",
  listener: () => "#/config",
};

export function make(node, { expand }) {
  const link = LINKS[node.kind]?.(node);
  const element = link ? h("a", { href: link }) : node.kind === "idle" ? h("button", { type: "button", onclick: expand }) : h("div");
  element.className = `node ${node.kind}`;
  element.dataset.node = node.id;
  element.tabIndex = -1;
  element.parts = PARTS[node.kind](element, node);
  return element;
}

export function update(element, node) {
  element.classList.toggle("line", node.size === 0);
  setAttribute(element, "aria-label", UPDATES[node.kind](element.parts, node.item, element, node));
}

const line = (element, ...children) => element.appendChild(h("span", { class: "row" }, ...children));
const part = (className) => h("span", { class: className });

const PARTS = {
  clients(element) {
    const [rate, connections] = [part("big"), part("sub")];
    line(element, h("b", { class: "name" }, "Clients"));
    line(element, rate);
    line(element, connections);
    return { rate, connections };
  },
  listener(element) {
    const [name, rate, address, numbers] = [h("b", { class: "name" }), part("rate"), part("sub mono"), part("sub")];
    line(element, name, rate);
    line(element, address);
    line(element, numbers);
    return { name, rate, address, numbers };
  },
  route(element) {
    const [name, tag, rate, match, error, times, chips] = [h("b", { class: "name" }), part("tag"), part("rate"), part("sub mono"), part("wrong"), part("sub times"), part("row chips")];
    const curve = spark("spark");
    line(element, name, tag, error, rate);
    line(element, match);
    line(element, curve.element, times);
    element.append(chips);
    return { name, tag, rate, match, error, times, chips, curve };
  },
  backend(element) {
    const [name, server, inFlight, queued] = [h("b", { class: "name" }), part("tag"), part("sub"), part("sub queued")];
    const health = part("pips");
    line(element, name, server);
    line(element, inFlight, queued);
    line(element, health);
    return { name, server, inFlight, queued, health };
  },
  endpoint(element) {
    const [dot, address, word, numbers, reason] = [part("dot"), h("b", { class: "name mono" }), part("word"), part("sub"), part("row sub reason")];
    line(element, dot, address, word);
    line(element, numbers);
    element.append(reason);
    return { dot, address, word, numbers, reason };
  },
  unmatched(element) {
    const [rate] = [part("rate")];
    line(element, h("b", { class: "name" }, "no route"), rate);
    line(element, h("span", { class: "sub" }, "taken by none"));
    return { rate };
  },
  gateway(element) {
    line(element, h("b", { class: "name" }, "Answered here"));
    line(element, h("span", { class: "sub" }, "by Sluice itself"));
    return {};
  },
  idle(element) {
    const label = part("sub");
    line(element, label);
    return { label };
  },
};

const spoken = (flow) => {
  const wrong = errorShare(flow);
  const times = flow.p99 === undefined ? "" : `, median ${duration(flow.p50)}, 99th percentile ${duration(flow.p99)}`;
  return `${rate(flow.rate)} requests a second${wrong > 0 ? `, ${percent(wrong)} errors` : ""}${times}`;
};

const UPDATES = {
  clients(parts) {
    const flows = store.status.listeners.map((one) => flowOf("listeners", one.name));
    const all = flows.reduce((sum, one) => sum + one.rate, 0);
    const connections = store.status.listeners.reduce((sum, one) => sum + (store.traffic.listeners.get(one.name)?.connections ?? one.connections), 0);
    setText(parts.rate, `${rate(all)}/s`);
    setText(parts.connections, `${count(connections)} conn.`);
    return `Clients, ${rate(all)} requests a second, ${connections} connections`;
  },
  listener(parts, listener) {
    const live = store.traffic.listeners.get(listener.name);
    const flow = flowOf("listeners", listener.name);
    const connections = live?.connections ?? listener.connections;
    setText(parts.name, listener.name);
    setText(parts.rate, `${rate(flow.rate)}/s`);
    setText(parts.address, [listener.address === listener.name ? "" : listener.address, listener.tls ? "TLS" : ""].filter(Boolean).join(" "));
    setText(parts.numbers, `${count(connections)} conn.${live?.http2Connections ? ` · ${count(live.http2Connections)} h2` : ""}`);
    return `Listener ${listener.name}, ${spoken(flow)}, ${connections} connections`;
  },
  route(parts, route, element) {
    const flow = flowOf("routes", route.name);
    const wrong = errorShare(flow);
    setText(parts.name, route.name);
    setAttribute(parts.name, "title", route.name);
    setAttribute(parts.match, "title", route.matches.join("\n") || null);
    setText(parts.tag, route.action === "forward" ? "" : route.action);
    setText(parts.rate, `${rate(flow.rate)}/s`);
    setText(parts.match, route.matches[0] ? `${route.matches[0]}${route.matches.length > 1 ? ` +${route.matches.length - 1}` : ""}` : (route.hosts[0] ?? "everything"));
    setText(parts.error, wrong > 0 ? percent(wrong) : "");
    setText(parts.times, flow.p50 === undefined ? "" : `p50 ${duration(flow.p50)}  p99 ${duration(flow.p99)}`);
    keyed(parts.chips, route.policies, (name) => name, (name) => h("span", { class: "chip" }, name));
    parts.curve.draw(store.traces.get(route.name) ?? []);
    element.classList.toggle("idle-now", flow.rate === 0);
    const policies = route.policies.length ? `, policies ${route.policies.join(", ")}` : "";
    return `Route ${route.name}, ${spoken(flow)}${policies}`;
  },
  backend(parts, backend) {
    const { inFlight, queued } = backendNumbers(backend);
    setText(parts.name, backend.name);
    setText(parts.server, backendKind(backend));
    setText(parts.inFlight, `${count(inFlight)} in flight`);
    setText(parts.queued, queued ? `${count(queued)} queued` : "");
    keyed(parts.health, backend.endpoints.slice(0, 24), (one) => one.address, () => h("i"), (pip, one) => setAttribute(pip, "class", one.state));
    const up = backend.endpoints.filter((one) => one.state === "up").length;
    return `Backend ${backend.name}, ${inFlight} in flight, ${queued} queued, ${up} of ${backend.endpoints.length} endpoints up`;
  },
  endpoint(parts, { backend, endpoint }, element) {
    const { inFlight, flow } = endpointNumbers(backend.name, endpoint);
    const up = endpoint.state === "up";
    const queue = flow.queue === undefined ? "" : ` · queue ${duration(flow.queue)}`;
    element.dataset.state = endpoint.state;
    setText(parts.address, endpoint.address);
    setAttribute(parts.address, "title", endpoint.pod ?? null);
    setText(parts.word, up ? "" : endpoint.state);
    setText(parts.numbers, `${count(inFlight)} in flight${queue}`);
    setText(parts.reason, up ? "" : [endpoint.reason, endpoint.detail].filter(Boolean).join(": "));
    setAttribute(parts.reason, "title", parts.reason.textContent || null);
    const why = up ? "" : ` because of ${endpoint.reason ?? "an unknown reason"}`;
    return `Endpoint ${endpoint.address}${endpoint.pod ? ` (${endpoint.pod})` : ""} of ${backend.name}, ${endpoint.state}${why}, ${inFlight} in flight${queue.replace(" ·", ",")}, ${spoken(flow)}`;
  },
  unmatched(parts) {
    const flow = flowOf("routes", "");
    setText(parts.rate, `${rate(flow.rate)}/s`);
    return `Requests that no route takes, ${rate(flow.rate)} a second`;
  },
  gateway: () => "Answered by the gateway itself",
  idle(parts, { count: hidden }) {
    setText(parts.label, `${hidden} route${hidden === 1 ? "" : "s"} without requests`);
    return `${hidden} routes without requests, show them`;
  },
};

