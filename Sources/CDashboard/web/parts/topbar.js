// The bar above every page: what runs, where one can go, and how fresh the numbers are.

import { h, icon, replace, setAttribute, setText } from "../dom.js";
import { isPaused, reconnectNow, setPaused } from "../events.js";
import { ago, clock } from "../format.js";
import { applyTheme, nextTheme, theme } from "../preferences.js";
import { store } from "../store.js";
import { announce } from "./notices.js";

const PAGES = [["graph", "Graph"], ["models", "Models"], ["requests", "Requests"], ["changes", "Changes"], ["config", "Configuration"]];
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };
const STREAM_WORDS = { connecting: "connecting", live: "live", paused: "paused" };

let parts = null;
let stream = { state: "connecting" };
let countdown = 0;

export function build() {
  parts = {
    version: h("span", { class: "version" }),
    state: h("span", { class: "pill" }),
    hash: h("a", { class: "fact mono", href: "#/config" }),
    reload: h("a", { class: "fact", href: "#/config" }),
    readOnly: h("span", { class: "pill", hidden: true }, icon("lock"), "read only"),
    stream: h("button", { type: "button", class: "stream", onclick: () => stream.state === "waiting" && reconnectNow() }, h("i", { "aria-hidden": "true" }), h("span")),
    pause: h("button", { type: "button", class: "tool", onclick: togglePause }),
    theme: h("button", { type: "button", class: "tool", onclick: toggleTheme }),
    links: PAGES.map(([name, label]) => h("a", { href: `#/${name}`, dataset: { page: name } }, label)),
  };
  const brand = h("a", { class: "brand", href: "#/graph", "aria-label": "Sluice, live graph" }, h("img", { src: "/icon.svg", alt: "", width: 28, height: 28 }), h("b", {}, "Sluice"));
  replace(
    document.getElementById("top"),
    brand,
    parts.version,
    parts.state,
    parts.readOnly,
    h("nav", { class: "pages", "aria-label": "Pages" }, parts.links),
    h("span", { class: "facts" }, parts.hash, parts.reload),
    h("span", { class: "tools" }, parts.stream, parts.pause, parts.theme),
  );
  showPause();
  showTheme();
  setInterval(() => !document.hidden && showTimes(), 5000);
}

export function showPage(name) {
  for (const link of parts.links) setAttribute(link, "aria-current", link.dataset.page === name ? "page" : null);
}

export function update() {
  const { status } = store;
  if (!status) return;
  setText(parts.version, status.version);
  setText(parts.state, status.state);
  parts.state.dataset.state = status.state;
  parts.readOnly.hidden = !status.readOnly;
  setText(parts.hash, status.configuration.hash.slice(0, 10));
  setAttribute(parts.hash, "title", `${status.configuration.path}, hash ${status.configuration.hash}`);
  setAttribute(parts.hash, "aria-label", `Configuration ${status.configuration.hash.slice(0, 10)}`);
  showTimes();
}

function showTimes() {
  const reload = store.status?.configuration.lastReload;
  setText(parts.reload, reload ? `reload ${reload.outcome} ${ago(reload.time, Date.now())}` : "not reloaded yet");
  setAttribute(parts.reload, "title", reload ? `${clock(reload.time, Date.now())}: ${reload.message}` : null);
  parts.reload.dataset.state = reload?.outcome ?? "";
}

/** How the stream of events stands: see `events.js`. */
export function showStream(next) {
  const before = stream.state;
  stream = next;
  parts.stream.dataset.state = next.state;
  document.documentElement.classList.toggle("stale", next.state === "waiting" || (next.state === "connecting" && next.attempts > 0));
  clearInterval(countdown);
  const text = parts.stream.querySelector("span");
  const show = () => {
    const seconds = Math.max(0, Math.ceil((next.retryAt - Date.now()) / 1000));
    setText(text, `no connection, again in ${seconds} s`);
  };
  if (next.state === "waiting") {
    show();
    countdown = setInterval(show, 500);
  } else setText(text, STREAM_WORDS[next.state]);
  setAttribute(parts.stream, "title", next.state === "waiting" ? "Connect now" : "The stream of events, one each second");
  if (next.state === "waiting" && before === "live") announce("The connection to the gateway is lost; trying again");
  if (next.state === "live" && before !== "live") announce("Connected to the gateway");
}

function togglePause() {
  setPaused(!isPaused());
  showPause();
  announce(isPaused() ? "Paused: the page shows the numbers of this moment" : "Live again");
}

function showPause() {
  const paused = isPaused();
  replace(parts.pause, icon(paused ? "play" : "pause"));
  setAttribute(parts.pause, "aria-label", paused ? "Go on" : "Pause");
  setAttribute(parts.pause, "title", paused ? "Go on" : "Pause: keep the numbers of this moment");
  setAttribute(parts.pause, "aria-pressed", String(paused));
}

function toggleTheme() {
  applyTheme(nextTheme(theme()));
  showTheme();
  announce(`Colours: ${theme()}`);
}

function showTheme() {
  replace(parts.theme, icon(THEME_ICONS[theme()]));
  setAttribute(parts.theme, "aria-label", `Colours: ${theme()}. Change`);
  setAttribute(parts.theme, "title", `Colours: ${theme()}`);
}

