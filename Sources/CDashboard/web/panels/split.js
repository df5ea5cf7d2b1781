// The split of a route: what it is, what it should be, and sliders to change that.

import * as api from "../api.js";
import { h, icon, keyed, replace, setText } from "../dom.js";
import { percent, rate } from "../format.js";
import { liveShare } from "../graph/reading.js";
import { findRoute, flowOf, key, store } from "../store.js";
import { READ_ONLY } from "../parts/controls.js";
import { note } from "../parts/notices.js";
import { allTo, changes, moved, scaled, shares, total } from "../weights.js";
import { shareBar } from "./bars.js";
import { sliderRows } from "./sliders.js";

const FINE_TOTAL = 100;
const CONFLICTS = [409, 412];

export function splitEditor(name) {
  /** What GET said last: `{ weights: RouteWeights, etag }`. */
  let loaded = null;
  let wanted = [];
  let base = [];
  let busy = false;
  let ended = false;
  let running = "";

  const live = shareBar("live", "Now");
  const present = shareBar("present", "Present weights");
  const preview = shareBar("preview", "After applying");
  const legend = h("ul", { class: "split-legend" });
  const why = h("p", { class: "note", hidden: true });
  const conflict = h("div", { class: "conflict", role: "alert", hidden: true });
  const sum = h("span", { class: "quiet" });
  const fine = h("button", { type: "button", class: "button small", onclick: () => begin(scaled(wanted, FINE_TOTAL)) }, "Count in hundredths");
  const apply = h("button", { type: "button", class: "button primary", onclick: () => send(wanted) }, "Apply");
  const discard = h("button", { type: "button", class: "button", onclick: () => begin(loadedWeights()) }, "Discard");
  const undo = h("button", { type: "button", class: "button", onclick: undoLast }, icon("undo"), h("span", {}, "Undo"));
  const place = h("p", { class: "quiet place mono" });
  const swaps = h("div", { class: "swaps" });
  const sliders = sliderRows({
    begin: () => (base = [...wanted]),
    move: (index, value) => change(moved(base, index, value)),
    type: (index, value) => change(moved(wanted, index, value)),
  });
  const element = h(
    "section",
    { class: "split" },
    h("h3", {}, "Split"),
    live.element,
    legend,
    why,
    h("div", { class: "steer" }, sliders.element, h("p", { class: "sum" }, sum, fine), h("div", { class: "bars" }, present.element, preview.element), conflict, h("div", { class: "actions" }, apply, discard, undo), swaps, place),
  );

  const loadedWeights = () => loaded.weights.entries.map((entry) => entry.weight);
  const names = () => loaded.weights.entries.map((entry) => entry.as);
  const isChanged = () => loadedWeights().some((weight, index) => weight !== wanted[index]);
  const locked = () => store.status.readOnly || !loaded?.weights.editable;

  async function load() {
    busy = true;
    try {
      const { value, etag } = await api.weights(name);
      if (ended) return;
      take(value, etag);
    } catch (error) {
      if (!ended) explain(`The weights cannot be read: ${error.message}`);
    } finally {
      busy = false;
      if (!ended) show();
    }
  }

  function take(value, etag) {
    loaded = { weights: value, etag };
    running = signature(value.entries);
    conflict.hidden = true;
    explain(store.status.readOnly ? READ_ONLY : value.editable ? "" : value.reason || "These weights cannot be changed from here.");
    begin(loadedWeights());
  }

  function explain(text) {
    why.hidden = !text;
    setText(why, text);
  }

  function begin(weights) {
    base = [...weights];
    change(weights);
  }

  function change(weights) {
    wanted = weights;
    show();
  }

  function show() {
    const steer = element.querySelector(".steer");
    steer.hidden = !loaded;
    if (!loaded) return;
    const off = locked() || busy;
    const labels = names();
    sliders.show(labels, wanted, loadedWeights(), off);
    present.show(labels, shares(loadedWeights()));
    preview.show(labels, shares(wanted));
    const changed = isChanged();
    preview.element.classList.toggle("same", !changed);
    setText(sum, `Sum ${total(wanted)}`);
    fine.hidden = off || total(wanted) === FINE_TOTAL || total(wanted) > FINE_TOTAL;
    fine.disabled = off;
    apply.disabled = off || !changed || !conflict.hidden || total(wanted) === 0;
    discard.disabled = off || !changed;
    undo.hidden = !loaded.weights.undo;
    undo.disabled = off;
    const back = loaded.weights.undo ? Object.entries(loaded.weights.undo).map(([as, weight]) => `${as} ${weight}`).join(", ") : "";
    setText(undo.lastChild, `Undo: back to ${back}`);
    setText(place, loaded.weights.place ? `written in ${loaded.weights.place}` : "");
    showSwaps(labels, off);
  }

  /** Blue and green: with two entries, everything to either in one go. */
  function showSwaps(labels, off) {
    const two = labels.length === 2;
    swaps.hidden = !two;
    if (!two) return;
    const weights = loadedWeights();
    const sumNow = total(weights);
    keyed(swaps, [0, 1].map((index) => ({ index, name: labels[index] })), (one) => one.name, ({ index, name: label }) => h("button", { type: "button", class: "button swap", onclick: () => send(allTo(loadedWeights(), index)) }, icon("swap"), h("span", {}, `All to ${label}`)), (button, { index }) => {
      button.disabled = off || weights[index] === sumNow;
    });
  }

  async function send(weights) {
    const body = changes(names(), loadedWeights(), weights);
    if (Object.keys(body).length === 0) return;
    await act(() => api.setWeights(name, body, loaded.etag), `${name}: ${names().map((as, index) => `${as} ${weights[index]}`).join(", ")}`);
  }

  async function undoLast() {
    await act(() => api.undoWeights(name, loaded.etag), `${name}: undone`);
  }

  async function act(call, done) {
    busy = true;
    show();
    try {
      const { value, etag } = await call();
      if (ended) return;
      take(value, etag);
      note(done, "good");
    } catch (error) {
      if (ended) return;
      if (CONFLICTS.includes(error.status)) clash(error.message);
      else note(`Not changed: ${error.message}`, "bad");
    } finally {
      busy = false;
      if (!ended) show();
    }
  }

  /** Somebody or something else changed the configuration: nothing was done, and what is wanted stays to be seen. */
  function clash(message) {
    conflict.hidden = false;
    const again = h("button", { type: "button", class: "button", onclick: load }, "Load the present weights");
    replace(conflict, h("p", {}, h("b", {}, "Not changed. "), message), again);
    show();
    again.focus();
  }

  const signature = (entries) => JSON.stringify(entries.map((entry) => [entry.as, entry.weight]));
  let hash = store.status.configuration.hash;
  load();

  return {
    element,
    /** The stream tells of changes that others made: without own changes they are simply taken. */
    update(route) {
      const entries = route.backends;
      const flows = entries.map((entry) => liveShare(route, entry));
      const moving = flows.some((share) => share !== undefined);
      live.show(entries.map((entry) => entry.as), moving ? flows : entries.map(() => 0));
      live.say(moving ? "" : "no requests now");
      const wantedShares = shares(entries.map((entry) => entry.weight));
      keyed(legend, entries.map((entry, index) => ({ entry, index })), ({ entry }) => entry.as, makeLegend, (item, { entry, index }) => {
        const flow = flowOf("entries", key(name, entry.as));
        setText(item.parts.now, flows[index] === undefined ? "–" : percent(flows[index]));
        setText(item.parts.wanted, `wanted ${percent(wantedShares[index])}`);
        setText(item.parts.rate, `${rate(flow.rate)}/s`);
      });
      if (hash === store.status.configuration.hash || busy || !loaded) return;
      hash = store.status.configuration.hash;
      if (!isChanged()) load();
      else if (running !== signature(findRoute(name).backends)) clash("Somebody else has changed the weights of this route meanwhile.");
      else refreshEtag();
    },
    destroy() {
      ended = true;
    },
  };

  /** Another part of the configuration changed: what is being prepared here is as good as before. */
  async function refreshEtag() {
    try {
      const { value, etag } = await api.weights(name);
      if (!ended && signature(value.entries) === running) loaded = { weights: value, etag };
    } catch {
      // The next attempt to apply will say what is wrong.
    }
  }
}

function makeLegend({ entry, index }) {
  const parts = { now: h("b"), wanted: h("span", { class: "quiet" }), rate: h("span", { class: "quiet" }) };
  const detail = [entry.as === entry.backend ? "" : `to ${entry.backend}`, entry.model ? `as model ${entry.model}` : "", entry.version ? `version ${entry.version}` : ""].filter(Boolean).join(", ");
  return Object.assign(h("li", { class: `hue-${index % 6}` }, h("i", { "aria-hidden": "true" }), h("span", { class: "entry" }, entry.as), parts.now, parts.wanted, parts.rate, detail ? h("small", { class: "quiet" }, detail) : null), { parts });
}
