// Who changed what, and what was refused.

import { h, keyed, replace, setText } from "../dom.js";
import { clock, percent } from "../format.js";
import { filterBox, tagOf } from "../parts/controls.js";
import { routeLink } from "../router.js";
import { findRoute, store } from "../store.js";
import { shares } from "../weights.js";
import { shareBar } from "../panels/bars.js";

const WORDS = { weights: "changed the weights of", undo: "undid the weights of", drain: "drained", undrain: "undrained", reload: "reloaded" };

export function mount(main) {
  let filter = "";
  const list = h("ol", { class: "changes" });
  const nothing = h("p", { class: "nothing" });
  const box = filterBox("Filter changes", (text) => {
    filter = text.toLowerCase();
    update();
  });
  replace(main, h("div", { class: "page" }, h("h1", {}, "Changes"), h("div", { class: "toolbar" }, box.element), list, nothing));

  function update() {
    const fitting = store.changes.filter((one) => !filter || [one.kind, one.subject, one.client, one.user ?? "", one.refusal ?? ""].some((text) => text.toLowerCase().includes(filter)));
    keyed(list, fitting, (one) => JSON.stringify(one), item);
    nothing.hidden = fitting.length > 0;
    setText(nothing, store.changes.length ? "None of them fits the filter." : "Nobody has changed anything since the gateway began.");
  }

  return { update, focusFilter: box.focus };
}

function item(one) {
  const who = one.user ? `${one.user} at ${one.client}` : one.client;
  const subject = one.subject ? (findRoute(one.subject) ? h("a", { href: routeLink(one.subject) }, one.subject) : h("b", {}, one.subject)) : h("b", {}, one.kind === "reload" ? "the configuration" : "the gateway");
  return h(
    "li",
    { class: one.refusal ? "refused" : "" },
    h("p", { class: "what" }, h("time", { class: "mono quiet", datetime: one.time }, clock(one.time, Date.now())), one.refusal ? tagOf("refused", "bad") : tagOf("done", "good"), h("span", {}, h("b", {}, who), one.refusal ? " was refused: " : " ", one.refusal ? one.kind : WORDS[one.kind] ?? one.kind, " ", subject)),
    one.refusal ? h("p", { class: "message" }, one.refusal) : null,
    one.before || one.after ? h("div", { class: "bars" }, bar("Before", one.before, one.subject), bar("After", one.after, one.subject)) : null,
  );
}

function bar(caption, weights, route) {
  if (!weights) return null;
  // In the order of the file, as everywhere, so that an entry has the same colour.
  const order = findRoute(route)?.backends.map((entry) => entry.as) ?? [];
  const names = Object.keys(weights).sort((a, b) => order.indexOf(a) - order.indexOf(b) || a.localeCompare(b));
  const numbers = names.map((name) => weights[name]);
  const drawing = shareBar("change", caption);
  drawing.show(names, shares(numbers));
  drawing.say(names.map((name, index) => `${name} ${numbers[index]} (${percent(shares(numbers)[index])})`).join(" · "));
  return drawing.element;
}
