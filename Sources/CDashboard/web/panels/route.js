// One route in full: what it takes, how it is split and how that is steered, its copies and its last 15 minutes.

import { h, keyed, replace, setText } from "../dom.js";
import { clock, percent, rate } from "../format.js";
import { backendLink } from "../router.js";
import { findRoute, flowOf, key, store } from "../store.js";
import { tagOf } from "../parts/controls.js";
import { historyCharts } from "./history.js";
import { liveNumbers } from "./live.js";
import { splitEditor } from "./split.js";

const MOST_RECENT = 5;

export const find = (name) => findRoute(name);

export function mount(body, name) {
  const live = liveNumbers();
  const about = h("div");
  const mirrors = h("ul", { class: "plain-list" });
  const mirrorsPart = h("section", {}, h("h3", {}, "Copies"), mirrors);
  const recent = h("ul", { class: "plain-list recent" });
  const recentPart = h("section", {}, h("h3", {}, "Recent errors "), recent, h("a", { href: `#/requests?route=${encodeURIComponent(name)}` }, "All its errors and slow requests"));
  const history = historyCharts({ route: name });
  const choice = h("select", { "aria-label": "Whose history", onchange: () => history.choose(choice.value ? { route: name, as: choice.value } : { route: name }) });
  const editor = find(name).action === "forward" ? splitEditor(name) : null;
  let said = "";

  replace(
    body,
    live.element,
    editor?.element,
    mirrorsPart,
    h("section", {}, h("h3", {}, "Last 15 minutes ", choice), history.element),
    recentPart,
    about,
  );

  function describe(route) {
    replace(
      about,
      h("section", {}, h("h3", {}, "Takes"), route.hosts.length ? h("p", {}, "Hosts ", route.hosts.map((host) => [tagOf(host, "mono"), " "])) : null, h("ul", { class: "matches mono" }, (route.matches.length ? route.matches : ["everything"]).map((line) => h("li", {}, line)))),
      h("section", {}, h("h3", {}, "Policies"), route.policies.length ? h("ol", { class: "policies" }, route.policies.map((policy) => h("li", {}, h("span", { class: "chip" }, policy)))) : h("p", { class: "quiet" }, "None.")),
      route.action === "forward" ? null : h("p", { class: "note" }, `The gateway answers by itself (${route.action}); no backend is asked.`),
    );
    const entries = route.backends.map((entry) => entry.as);
    replace(choice, h("option", { value: "" }, "the whole route"), entries.map((entry) => h("option", { value: entry }, entry)));
    choice.hidden = entries.length < 2;
  }

  function update() {
    const route = find(name);
    const now = JSON.stringify(route);
    if (now !== said) {
      said = now;
      describe(route);
    }
    live.show(flowOf("routes", name));
    editor?.update(route);
    mirrorsPart.hidden = route.mirrors.length === 0;
    keyed(mirrors, route.mirrors, (one) => one.backend, (one) => h("li", {}, h("a", { href: backendLink(one.backend) }, one.backend), h("span", { class: "quiet" })), (item, one) => {
      const copies = store.traffic.mirrors.get(key(name, one.backend));
      const outcomes = Object.entries(copies?.outcomes ?? {}).map(([word, number]) => `${word} ${rate(number)}/s`);
      setText(item.lastChild, ` gets ${percent(one.percent / 100)}: ${outcomes.join(", ") || "no copies now"}`);
    });
    const errors = store.errors.filter((one) => one.route === name).slice(0, MOST_RECENT);
    recentPart.hidden = errors.length === 0;
    keyed(recent, errors, (one) => `${one.requestId} ${one.time}`, (one) => h("li", {}, h("span", { class: "mono quiet" }, clock(one.time, Date.now())), " ", tagOf(String(one.status), "bad"), " ", one.cause || `by ${one.endpoint || "the endpoint"}`, h("span", { class: "quiet mono cut" }, ` ${one.method} ${one.path}`)));
  }

  return { update, destroy: () => [history, editor].forEach((one) => one?.destroy()) };
}
