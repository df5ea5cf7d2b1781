// What the page says by itself: short notes that go, banners that stay, and the same for screen readers.

import { h, icon, replace } from "../dom.js";
import { clock } from "../format.js";
import { store } from "../store.js";

const NOTE_MILLISECONDS = 6000;
const MOST_NOTES = 4;

/** Said by a screen reader when it has time. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

/** A note in the corner; `kind`: good, bad or empty. */
export function note(text, kind = "") {
  const area = document.getElementById("toasts");
  const element = h("div", { class: `toast ${kind}` }, icon(kind === "bad" ? "warn" : "check"), h("span", {}, text), h("button", { type: "button", class: "plain", "aria-label": "Close the note", onclick: () => element.remove() }, icon("close")));
  area.append(element);
  while (area.children.length > MOST_NOTES) area.firstChild.remove();
  setTimeout(() => element.remove(), NOTE_MILLISECONDS);
  announce(text);
}

let dismissed = "";
let shown = "";

/** The banner about the last reload, where it was rejected: the gateway then runs on with what it had. */
export function showBanner() {
  const area = document.getElementById("banners");
  const reload = store.status?.configuration.lastReload;
  const wanted = reload?.outcome === "rejected" && reload.time !== dismissed ? JSON.stringify(reload) : "";
  if (wanted === shown) return;
  shown = wanted;
  if (!wanted) return area.replaceChildren();
  const close = h("button", { type: "button", class: "plain", "aria-label": "Close the banner", onclick: () => {
    dismissed = reload.time;
    showBanner();
  } }, icon("close"));
  const list = reload.diagnostics.length ? h("details", {}, h("summary", {}, `${reload.diagnostics.length} problem${reload.diagnostics.length === 1 ? "" : "s"}`), h("ul", { class: "diagnostics" }, reload.diagnostics.map((one) => h("li", {}, one)))) : null;
  replace(
    area,
    h("section", { class: "banner", "aria-label": "Rejected reload" }, icon("warn"), h("div", {}, h("p", {}, h("b", {}, "The last reload was rejected"), ` at ${clock(reload.time, Date.now())}; the gateway runs on with the configuration it had.`), h("p", { class: "message" }, reload.message), list), close),
  );
  announce(`The last reload was rejected: ${reload.message}`);
}

let states = new Map();
let gateway = "";

/** Says what changed in health since the event before. */
export function announceChanges() {
  const { status } = store;
  if (!status) return;
  const next = new Map(status.backends.flatMap((backend) => backend.endpoints.map((one) => [`${one.address} of ${backend.name}`, one])));
  const said = [];
  for (const [name, endpoint] of next) {
    const before = states.get(name);
    if (before && before !== endpoint.state) said.push(`Endpoint ${name} is ${endpoint.state}${endpoint.state !== "up" && endpoint.reason ? `, ${endpoint.reason}` : ""}`);
  }
  if (gateway && gateway !== status.state) said.push(`The gateway is ${status.state}`);
  states = new Map([...next].map(([name, endpoint]) => [name, endpoint.state]));
  gateway = status.state;
  if (said.length) announce(said.slice(0, 5).join(". "));
}
