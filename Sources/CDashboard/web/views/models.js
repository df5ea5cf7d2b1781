// What the Tritons have: every model and version, where it is ready, and how it is called through Sluice.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import { clock, count, duration, expectedTime, rate, safeLink, shellQuoted } from "../format.js";
import { copyButton, filterBox, tagOf } from "../parts/controls.js";
import { backendLink, endpointLink, routeLink } from "../router.js";
import { findBackend, findRoute } from "../store.js";

const STATE_KINDS = { READY: "good", LOADING: "warn", UNLOADING: "warn", UNAVAILABLE: "bad" };

export function mount(main) {
  let list = null;
  let filter = "";
  let ended = false;
  const body = h("div");
  const asked = h("span", { class: "quiet" });
  const box = filterBox("Filter models", (text) => {
    filter = text.toLowerCase();
    show();
  });
  const again = h("button", { type: "button", class: "button", onclick: () => load(true) }, "Ask again");
  replace(main, h("div", { class: "page" }, h("h1", {}, "Models"), h("div", { class: "toolbar" }, box.element, again, asked), body));
  replace(body, h("p", { class: "loading" }, "Asking the servers …"));
  load(false);

  async function load(refresh) {
    again.disabled = true;
    try {
      const { value } = await api.models(refresh);
      if (ended) return;
      list = value;
      show();
    } catch (error) {
      if (!ended) replace(body, h("p", { class: "note" }, `The models cannot be listed: ${error.message}`));
    } finally {
      again.disabled = false;
    }
  }

  function show() {
    if (!list) return;
    setText(asked, `asked at ${clock(list.time, Date.now())}`);
    const models = list.models.filter((one) => !filter || [one.name, one.version, one.backend].some((text) => text.toLowerCase().includes(filter)));
    const groups = [...Map.groupBy(models, (one) => one.name)].sort(([a], [b]) => a.localeCompare(b));
    replace(
      body,
      list.unreachable.length ? h("section", { class: "note", "aria-label": "Not asked" }, list.unreachable.map((one) => h("p", {}, h("a", { class: "mono", href: endpointLink(one.backend, one.endpoint) }, one.endpoint), ` of ${one.backend} does not say: ${one.reason}`))) : null,
      groups.length ? h("div", { class: "models" }, groups.map(([name, versions]) => card(name, versions))) : h("p", { class: "nothing" }, filter ? `No model is named “${filter}”.` : "No server names a model."),
    );
  }

  return { update() {}, focusFilter: box.focus, destroy: () => (ended = true) };
}

function card(name, versions) {
  return h("article", { class: "model" }, h("h2", { class: "mono" }, name), versions.map(version));
}

function version(model) {
  const byQueue = findBackend(model.backend)?.balance === "leastQueue";
  const ready = model.endpoints.filter((one) => one.state === "READY").length;
  return h(
    "section",
    { class: "version" },
    h("h3", {}, model.version ? `version ${model.version}` : "no version", " on ", h("a", { href: backendLink(model.backend) }, model.backend), h("span", { class: "quiet" }, ` ${ready} of ${model.endpoints.length} ready`)),
    h("ul", { class: "states" }, model.endpoints.map((one) => h("li", {}, tagOf(one.state.toLowerCase(), STATE_KINDS[one.state] ?? ""), h("a", { class: "mono", href: endpointLink(model.backend, one.address) }, one.address), one.reason ? h("span", { class: "quiet" }, one.reason) : null, figures(one, byQueue)))),
    model.urls.length ? model.urls.map(way) : h("p", { class: "quiet" }, "No route leads to it."),
  );
}

/** How it does, as its server counts, in words; what is not known, or 0, is left out. */
function figures(one, byQueue) {
  const milliseconds = (value, word) => (value === undefined ? "" : `${duration(value / 1000)} ${word}`);
  const words = [
    one.requestsPerSecond > 0 ? `${rate(one.requestsPerSecond)}/s` : "",
    milliseconds(one.queueMilliseconds, "queue"),
    milliseconds(one.computeMilliseconds, "compute"),
    byQueue && one.state === "READY" ? `expected: ${expectedTime(one.expectedMilliseconds, one.expectedLikeOthers)}` : "",
    one.pending > 0 ? `${count(one.pending)} pending` : "",
    one.batchSize > 1 ? `batches of ${one.batchSize.toFixed(1)}` : "",
    one.failuresPerSecond > 0 ? `${rate(one.failuresPerSecond)}/s fail` : "",
  ].filter(Boolean);
  return words.length ? h("span", { class: "figures" }, words.join(" · ")) : null;
}

function way(url) {
  const { describe, infer } = curlLines(url);
  const code = (text, what) => h("div", { class: "code" }, h("code", {}, text), copyButton(text, what));
  return h(
    "div",
    { class: "way-in" },
    h("p", {}, "through route ", h("a", { href: routeLink(url.route) }, url.route), url.as ? h("span", { class: "quiet" }, ` as ${url.as}`) : null, url.host ? h("span", { class: "quiet" }, `, host ${url.host}`) : null),
    code(url.url, "the URL"),
    h("details", {}, h("summary", {}, "curl"), describe ? [h("p", { class: "quiet" }, "What it takes and gives:"), code(describe, "the curl line that describes the model")] : null, h("p", { class: "quiet" }, "A call, with the inputs in request.json:"), code(infer, "the curl line that calls the model")),
  );
}

/** Ready for a shell, whatever the names hold. */
export function curlLines(url) {
  const login = findRoute(url.route)?.policies.includes("basicAuth") ? ["-u", "USER"] : [];
  const host = url.host ? ["-H", `Host: ${url.host}`] : [];
  const line = (...words) => ["curl", "-s", ...login, ...host, ...words].map(shellQuoted).join(" ");
  const about = url.url.endsWith("/infer") && safeLink(url.url) ? url.url.slice(0, -"/infer".length) : null;
  return { describe: about && line(about), infer: line("-H", "Content-Type: application/json", "-d", "@request.json", url.url) };
}
