// One backend in full: what it has to do, its endpoints, who sends to it, and its last 15 minutes.

import { h, keyed, replace, setAttribute, setText } from "../dom.js";
import { count, duration, modelQueueWords, rate } from "../format.js";
import { endpointLink, routeLink } from "../router.js";
import { backendNumbers, endpointNumbers, findBackend, store } from "../store.js";
import { fact } from "../parts/controls.js";
import { historyCharts } from "./history.js";

export const find = (name) => findBackend(name);

export function mount(body, name) {
  const facts = h("dl", { class: "facts-list" });
  const endpoints = h("ul", { class: "ways boxed" });
  const routes = h("ul", { class: "plain-list" });
  const history = historyCharts({ backend: name });
  replace(
    body,
    h("section", {}, facts),
    h("section", {}, h("h3", {}, "Endpoints"), endpoints),
    h("section", {}, h("h3", {}, "Last 15 minutes"), history.element),
    h("section", {}, h("h3", {}, "Routes that lead here"), routes),
  );

  function update() {
    const backend = find(name);
    const { inFlight, queued } = backendNumbers(backend);
    const started = activationText(backend.activation);
    const now = JSON.stringify([backend.server, backend.balance, inFlight, queued, started]);
    if (facts.said !== now) {
      facts.said = now;
      replace(facts, fact("Runs", backend.server), fact("Balances by", backend.balance), fact("In flight", count(inFlight)), fact("Queued", count(queued)), started ? fact("Started on demand", started) : []);
    }
    keyed(endpoints, backend.endpoints, (one) => one.address, make, (item, endpoint) => show(item, name, endpoint));
    const leading = store.status.routes.filter((route) => [...route.backends, ...route.mirrors].some((one) => one.backend === name));
    keyed(routes, leading, (route) => route.name, (route) => h("li", {}, h("a", { href: routeLink(route.name) }, route.name)));
  }

  function make(endpoint) {
    const parts = { address: h("b", { class: "mono" }), word: h("span", { class: "word" }), rate: h("span", { class: "rate" }), sub: h("span", { class: "sub" }) };
    const link = h("a", { class: "end", href: endpointLink(name, endpoint.address) }, h("span", { class: "row" }, h("span", { class: "dot" }), parts.address, parts.word, parts.rate), parts.sub);
    return Object.assign(h("li", {}, link), { parts, link });
  }

  return { update, destroy: () => history.destroy() };
}

/** Of a backend that is started when it is needed: what it does now. */
function activationText(activation) {
  if (!activation) return "";
  const process = activation.processID ? `process ${activation.processID}` : "";
  const restarts = activation.restarts ? `started again ${count(activation.restarts)} times` : "";
  const last = activation.state === "failed" ? activation.lastExit : "";
  return [activation.state, process, restarts, last].filter(Boolean).join(" · ");
}

function show({ parts, link }, backend, endpoint) {
  const { inFlight, flow, modelQueue, pending } = endpointNumbers(backend, endpoint);
  setAttribute(link, "data-state", endpoint.state);
  setText(parts.address, endpoint.address);
  setText(parts.word, endpoint.state === "up" ? "" : endpoint.state);
  setText(parts.rate, `${rate(flow.rate)}/s`);
  const why = endpoint.state === "up" ? "" : [endpoint.reason, endpoint.detail].filter(Boolean).join(": ");
  setText(parts.sub, [endpoint.pod, `${count(inFlight)} in flight`, flow.queue === undefined ? "" : `queue ${duration(flow.queue)}`, ...modelQueueWords(modelQueue, pending), why].filter(Boolean).join(" · "));
}
