// One endpoint in full: its health and why, what it has to do, its last 15 minutes, and how to drain it.

import { h, replace, setText } from "../dom.js";
import { ago, clock, count, duration, expectedTime } from "../format.js";
import { backendLink } from "../router.js";
import { endpointNumbers, findBackend } from "../store.js";
import { fact } from "../parts/controls.js";
import { historyCharts } from "./history.js";
import { liveNumbers } from "./live.js";
import { drainControl } from "./steer.js";

const MEANINGS = {
  up: "Gets requests.",
  unhealthy: "Its health check fails: it gets no requests until the check succeeds again.",
  ejected: "Too many of its answers were errors: it gets no requests for a while.",
  probing: "Was ejected, and now gets a few requests to see whether it is well again.",
  draining: "Gets no new requests; those that run are finished.",
};

export const find = (backend, address) => findBackend(backend)?.endpoints.find((endpoint) => endpoint.address === address);

export function mount(body, backend, address) {
  const live = liveNumbers({ flight: "In flight" });
  const state = h("p", { class: "health" });
  const meaning = h("p");
  const detail = h("p", { class: "mono detail" });
  const facts = h("dl", { class: "facts-list" });
  const history = historyCharts({ backend, endpoint: address });
  const drain = drainControl(backend, address);
  let said = "";

  replace(
    body,
    live.element,
    h("section", { class: "health-part" }, h("h3", {}, "Health"), state, meaning, detail, drain.element),
    h("section", {}, h("h3", {}, "Last 15 minutes"), history.element),
    h("section", {}, h("h3", {}, "Facts"), facts),
  );

  function update() {
    const endpoint = find(backend, address);
    const numbers = endpointNumbers(backend, endpoint);
    live.show(numbers.flow, { flight: count(numbers.inFlight) });
    drain.update(endpoint);
    const since = endpoint.changed ? ` since ${clock(endpoint.changed, Date.now())}, ${ago(endpoint.changed, Date.now())}` : "";
    replaceState(endpoint, since);
    const now = JSON.stringify([endpoint, numbers.connections, numbers.modelQueue, numbers.pending, numbers.expected, numbers.expectedModel]);
    if (now === said) return;
    said = now;
    setText(meaning, MEANINGS[endpoint.state] ?? "");
    setText(detail, endpoint.detail ?? "");
    detail.hidden = !endpoint.detail;
    replace(
      facts,
      fact("Backend", h("a", { href: backendLink(backend) }, backend)),
      endpoint.pod ? fact("Pod", endpoint.pod) : null,
      fact("Weight", String(endpoint.weight)),
      fact("Connections", count(numbers.connections)),
      numbers.modelQueue === undefined ? null : fact("Wait in its models' queues", duration(numbers.modelQueue / 1000)),
      numbers.pending === undefined ? null : fact("Waiting in its models' queues", count(numbers.pending)),
      findBackend(backend).balance === "leastQueue" ? fact("Expected time", expectedTime(numbers.expected, numbers.expectedLikeOthers) + (numbers.expected === undefined ? "" : ` for ${numbers.expectedModel}`)) : null,
      fact("Errors in a row", String(endpoint.consecutiveErrors)),
      fact("Ejections", String(endpoint.ejections)),
      endpoint.reason ? fact(endpoint.state === "up" ? "Last not up because of" : "Reason", endpoint.reason) : null,
    );
  }

  function replaceState(endpoint, since) {
    const text = `${endpoint.state}|${endpoint.reason ?? ""}|${since}`;
    if (state.said === text) return;
    state.said = text;
    state.dataset.state = endpoint.state;
    replace(state, h("span", { class: "dot", "aria-hidden": "true" }), h("b", {}, endpoint.state), endpoint.reason && endpoint.state !== "up" ? `: ${endpoint.reason}` : "", h("span", { class: "quiet" }, since));
  }

  return { update, destroy: () => history.destroy() };
}
