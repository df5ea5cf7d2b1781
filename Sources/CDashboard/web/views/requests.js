// Requests worth a look: the last that failed, and the slowest of each second.

import { h, icon, keyed, replace, setAttribute, setText } from "../dom.js";
import { clock, duration, safeLink } from "../format.js";
import { copyButton, filterBox, tagOf } from "../parts/controls.js";
import { read, write } from "../preferences.js";
import { endpointLink, routeLink } from "../router.js";
import { findRoute, store } from "../store.js";

const MOST_ROWS = 200;
const COLUMNS = ["Time", "Status", "Cause", "Request", "Route", "Endpoint", "Client", "Queue", "Took", "Request id", "Trace"];
const TABS = [["errors", "Errors"], ["slow", "Slowest"]];

export function mount(main, query) {
  let shown = query.list === "slow" ? "slow" : "errors";
  let filter = "";
  let route = query.route;
  const body = h("tbody");
  const nothing = h("p", { class: "nothing" });
  const count = h("span", { class: "quiet" });
  const box = filterBox("Filter requests", (text) => {
    filter = text.toLowerCase();
    update();
  });
  const only = h("span");
  const tabs = TABS.map(([name, label]) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "requests-list", onclick: () => choose(name), onkeydown: (event) => arrows(event) }, label));
  const table = h("table", { class: "list requests" }, h("caption", { class: "unseen" }, "Requests, the newest first"), h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))), body);
  replace(
    main,
    h("div", { class: "page wide" }, h("h1", {}, "Requests"), h("div", { class: "toolbar" }, h("div", { class: "tabs", role: "tablist", "aria-label": "Which requests" }, tabs), box.element, only, count, traceLinks(() => update(true))), h("div", { class: "scroll", id: "requests-list", role: "tabpanel" }, table), nothing),
  );
  showOnly();
  choose(shown);

  function choose(name) {
    shown = name;
    tabs.forEach((tab, index) => {
      const mine = TABS[index][0] === name;
      setAttribute(tab, "aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
    });
    setAttribute(document.getElementById("requests-list"), "aria-labelledby", `tab-${name}`);
    update();
  }

  function arrows(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    choose(shown === "errors" ? "slow" : "errors");
    tabs.find((tab) => tab.tabIndex === 0).focus();
  }

  function showOnly() {
    replace(only, route === undefined ? null : h("button", { type: "button", class: "button small", "aria-label": `Stop showing only route ${route || "none"}`, onclick: () => {
      route = undefined;
      showOnly();
      update();
    } }, route ? `route ${route}` : "no route", icon("close")));
  }

  function update(anew = false) {
    if (anew) keyed(body, [], () => "");
    const records = store[shown].filter((one) => (route === undefined || one.route === route) && fits(one, filter));
    keyed(body, records.slice(0, MOST_ROWS), keyOf, row);
    nothing.hidden = records.length > 0;
    table.hidden = records.length === 0;
    setText(nothing, store[shown].length ? "None of them fits the filter." : shown === "errors" ? "No request has failed lately." : "There was no request lately.");
    setText(count, records.length ? `${records.length} remembered` : "");
  }

  return { update: () => update(), focusFilter: box.focus };
}

const keyOf = (one) => `${one.time} ${one.requestId} ${one.traceId} ${one.path} ${one.duration}`;

function fits(one, filter) {
  if (!filter) return true;
  return [one.path, one.route, one.endpoint, one.backend, one.client, one.cause, String(one.status), one.requestId, one.traceId, one.method].some((text) => text.toLowerCase().includes(filter));
}

function row(one) {
  const wrong = one.status >= 500 || one.status === 0 ? "bad" : one.status >= 400 ? "warn" : "";
  const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
  const status = [tagOf(one.status ? String(one.status) : "–", wrong), one.grpcStatus === undefined ? null : h("span", { class: "quiet" }, ` grpc ${one.grpcStatus}`)];
  const known = findRoute(one.route);
  return h(
    "tr",
    {},
    cell("Time", h("time", { datetime: one.time, title: one.time }, clock(one.time, Date.now()))),
    cell("Status", status),
    cell("Cause", one.cause || h("span", { class: "quiet" }, one.status >= 400 ? "the endpoint’s" : "")),
    cell("Request", h("span", { class: "mono path", title: `${one.method} ${one.path}` }, h("b", {}, one.method), ` ${one.path}`)),
    cell("Route", one.route ? (known ? h("a", { href: routeLink(one.route) }, one.route) : one.route) : h("span", { class: "quiet" }, "none")),
    cell("Endpoint", one.endpoint ? h("a", { class: "mono", href: endpointLink(one.backend, one.endpoint) }, one.endpoint) : null, one.backend ? h("span", { class: "quiet" }, ` ${one.backend}`) : null),
    cell("Client", h("span", { class: "mono" }, one.client)),
    cell("Queue", h("span", { class: "number" }, one.queue === undefined ? "" : duration(one.queue))),
    cell("Took", h("b", { class: "number" }, duration(one.duration))),
    cell("Request id", identifier(one.requestId, "the request id")),
    cell("Trace", trace(one)),
  );
}

function identifier(text, what) {
  if (!text) return null;
  return h("span", { class: "id" }, h("span", { class: "mono cut", title: text }, text), copyButton(text, what));
}

function trace(one) {
  if (!one.traceId) return null;
  const template = read("trace", "");
  const link = one.traced && template ? safeLink(template.replaceAll("{traceId}", encodeURIComponent(one.traceId))) : null;
  const text = link
    ? h("a", { class: "mono cut", href: link, target: "_blank", rel: "noopener noreferrer", title: `Open trace ${one.traceId}` }, one.traceId)
    : h("span", { class: `mono cut ${one.traced ? "" : "quiet"}`, title: one.traced ? one.traceId : `${one.traceId}, not exported` }, one.traceId);
  return h("span", { class: "id" }, text, copyButton(one.traceId, "the trace id"));
}

/** Where traces are looked at: a link with `{traceId}` in it, kept in this browser. */
function traceLinks(changed) {
  const input = h("input", { type: "url", placeholder: "http://127.0.0.1:16686/trace/{traceId}", "aria-label": "Link to a trace, with {traceId} in it", value: read("trace", ""), spellcheck: "false", maxlength: 500 });
  const said = h("span", { class: "quiet", role: "status" });
  input.addEventListener("change", () => {
    const text = input.value.trim();
    const good = text === "" || (text.includes("{traceId}") && safeLink(text.replaceAll("{traceId}", "0")) !== null);
    setText(said, good ? (text ? "kept in this browser" : "no link") : "write a http or https link with {traceId} in it");
    if (!good) return;
    write("trace", text);
    changed();
  });
  return h("details", { class: "trace-link" }, h("summary", {}, icon("link"), "Trace link"), h("div", {}, h("p", { class: "quiet" }, "Trace ids become links to where traces are looked at, such as Jaeger."), input, said));
}
