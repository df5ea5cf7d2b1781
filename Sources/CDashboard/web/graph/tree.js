// The graph for a narrow screen: one card for each route with where its requests go, then the backends with their endpoints.

import { h, keyed, setAttribute, setStyle, setText } from "../dom.js";
import { count, duration, errorShare, modelQueueWords, pair, percent, rate } from "../format.js";
import { backendLink, endpointLink, routeLink } from "../router.js";
import { spark } from "../sparkline.js";
import { backendKind, backendNumbers, endpointNumbers, flowOf, store } from "../store.js";
import { read } from "./reading.js";

const part = (className) => h("span", { class: className });

export class Tree {
  constructor({ expand }) {
    this.routes = h("div", { class: "cards" });
    this.backends = h("div", { class: "cards" });
    this.idle = h("button", { type: "button", class: "button wide", onclick: expand });
    this.listeners = h("div", { class: "cards" });
    this.element = h(
      "div",
      { class: "tree" },
      h("section", {}, h("h2", {}, "Listeners"), this.listeners),
      h("section", {}, h("h2", {}, "Routes"), this.routes, this.idle),
      h("section", {}, h("h2", {}, "Backends"), this.backends),
    );
  }

  refresh(model) {
    const items = (kind) => model.nodes.filter((node) => node.kind === kind).map((node) => node.item);
    keyed(this.listeners, items("listener"), (one) => one.name, makeListener, updateListener);
    keyed(this.routes, items("route"), (one) => one.name, makeRoute, (card, route) => updateRoute(card, route, model));
    keyed(this.backends, items("backend"), (one) => one.name, makeBackend, updateBackend);
    this.idle.hidden = model.hidden === 0;
    setText(this.idle, `Show ${model.hidden} without requests`);
  }
}

function makeListener() {
  const parts = { name: h("b", { class: "name" }), rate: part("rate"), sub: part("sub") };
  return Object.assign(h("div", { class: "card" }, h("span", { class: "row" }, parts.name, parts.rate), parts.sub), { parts });
}

function updateListener({ parts }, listener) {
  const live = store.traffic.listeners.get(listener.name);
  setText(parts.name, listener.name);
  setText(parts.rate, `${rate(flowOf("listeners", listener.name).rate)}/s`);
  setText(parts.sub, `${listener.address}${listener.tls ? " · TLS" : ""} · ${count(live?.connections ?? listener.connections)} connections`);
}

function makeRoute(route) {
  const parts = { name: h("b", { class: "name" }), wrong: part("wrong"), rate: part("rate"), match: part("sub mono"), times: part("sub"), curve: spark("spark"), chips: part("row chips"), ways: h("ul", { class: "ways" }) };
  const head = h("a", { class: "head", href: routeLink(route.name) }, h("span", { class: "row" }, parts.name, parts.wrong, parts.rate), parts.match, h("span", { class: "row" }, parts.curve.element, parts.times), parts.chips);
  return Object.assign(h("div", { class: "card route" }, head, parts.ways), { parts });
}

function updateRoute({ parts }, route, model) {
  const flow = flowOf("routes", route.name);
  setText(parts.name, route.name);
  setText(parts.wrong, errorShare(flow) > 0 ? `${percent(errorShare(flow))} err` : "");
  setText(parts.rate, `${rate(flow.rate)}/s`);
  setText(parts.match, route.matches.join("  or  ") || route.hosts.join(", ") || "everything");
  setText(parts.times, flow.p50 === undefined ? "" : `p50 ${duration(flow.p50)}  p99 ${duration(flow.p99)}`);
  parts.curve.draw(store.traces.get(route.name) ?? []);
  keyed(parts.chips, route.policies, (name) => name, (name) => h("span", { class: "chip" }, name));
  const edges = model.edges.filter((edge) => edge.from === `route:${route.name}`);
  keyed(parts.ways, edges, (edge) => edge.id, makeWay, updateWay);
}

function makeWay(edge) {
  const bar = h("i");
  const parts = { name: h("b"), share: part("share"), rate: part("rate"), times: part("sub"), bar };
  return Object.assign(h("li", { class: `way ${edge.kind}` }, h("span", { class: "row" }, parts.name, parts.share, parts.rate), h("span", { class: "bar" }, bar), parts.times), { parts });
}

function updateWay({ parts }, edge) {
  const value = read(edge);
  const { item, kind } = edge;
  const name = kind === "entry" ? item.entry.as + (item.entry.as === item.entry.backend ? "" : ` → ${item.entry.backend}`) : kind === "mirror" ? `copy to ${item.mirror.backend}` : `${item.word} here`;
  const share = value.share ?? value.wanted;
  setText(parts.name, name);
  setText(parts.share, share === undefined ? "" : percent(share));
  setText(parts.rate, value.rate > 0 ? `${rate(value.rate)}/s` : "");
  const wrong = errorShare(value);
  const times = value.rate > 0 && value.p50 !== undefined ? pair(value.p50, value.p99) : "";
  setText(parts.times, [times, wrong > 0 ? `${percent(wrong)} err` : ""].filter(Boolean).join(" · "));
  parts.bar.parentElement.hidden = share === undefined;
  setStyle(parts.bar, { width: `${(share ?? 0) * 100}%` });
}

function makeBackend(backend) {
  const parts = { name: h("b", { class: "name" }), sub: part("sub"), endpoints: h("ul", { class: "ways" }) };
  const head = h("a", { class: "head", href: backendLink(backend.name) }, h("span", { class: "row" }, parts.name), parts.sub);
  return Object.assign(h("div", { class: "card" }, head, parts.endpoints), { parts });
}

function updateBackend({ parts }, backend) {
  const { inFlight, queued } = backendNumbers(backend);
  setText(parts.name, backend.name);
  setText(parts.sub, `${backendKind(backend)} · ${count(inFlight)} in flight · ${count(queued)} queued`);
  keyed(parts.endpoints, backend.endpoints, (one) => one.address, (one) => makeEndpoint(backend, one), (row, one) => updateEndpoint(row, backend, one));
}

function makeEndpoint(backend, endpoint) {
  const parts = { address: h("b", { class: "mono" }), word: part("word"), rate: part("rate"), sub: part("sub") };
  const link = h("a", { class: "end", href: endpointLink(backend.name, endpoint.address) }, h("span", { class: "row" }, part("dot"), parts.address, parts.word, parts.rate), parts.sub);
  return Object.assign(h("li", {}, link), { parts, link });
}

function updateEndpoint({ parts, link }, backend, endpoint) {
  const { inFlight, flow, modelQueue, pending } = endpointNumbers(backend.name, endpoint);
  setAttribute(link, "data-state", endpoint.state);
  setText(parts.address, endpoint.address);
  setText(parts.word, endpoint.state === "up" ? "" : endpoint.state);
  setText(parts.rate, `${rate(flow.rate)}/s`);
  const why = endpoint.state === "up" ? "" : [endpoint.reason, endpoint.detail].filter(Boolean).join(": ");
  const times = flow.p50 === undefined ? "" : pair(flow.p50, flow.p99);
  const queue = flow.queue === undefined ? "" : `queue ${duration(flow.queue)}`;
  const wrong = errorShare(flow) > 0 ? `${percent(errorShare(flow))} err` : "";
  setText(parts.sub, [endpoint.pod, `${count(inFlight)} in flight`, queue, ...modelQueueWords(modelQueue, pending), times, wrong, why].filter(Boolean).join(" · "));
}

