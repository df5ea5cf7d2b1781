// The place beside the graph where one route, backend or endpoint is shown in full.

import { h, icon, replace } from "../dom.js";
import { goTo } from "../router.js";
import { store } from "../store.js";
import * as backend from "./backend.js";
import * as endpoint from "./endpoint.js";
import * as route from "./route.js";

const KINDS = { route, backend, endpoint };
const WORDS = { route: "Route", backend: "Backend", endpoint: "Endpoint" };

let element = null;
let shown = null;
let content = null;
let opener = null;

export function start(aside) {
  element = aside;
}

export const isOpen = () => shown !== null;
export const title = () => (shown ? `${WORDS[shown.kind]} ${shown.names.at(-1)}` : null);

/** @param wanted `{ kind, names }`, or null to close. */
export function show(wanted) {
  if (JSON.stringify(wanted) === JSON.stringify(shown)) return;
  content?.destroy?.();
  content = null;
  const before = shown;
  shown = wanted;
  document.documentElement.classList.toggle("with-panel", wanted !== null);
  if (!wanted) {
    element.hidden = true;
    element.replaceChildren();
    // Back to what opened it, so that the keyboard goes on where it was.
    const again = opener && document.querySelector(`[data-node="${CSS.escape(opener)}"], [href="${CSS.escape(opener)}"]`);
    if (before) (again ?? document.getElementById("main")).focus({ preventScroll: true });
    opener = null;
    return;
  }
  const from = document.activeElement;
  if (!before && from && from !== document.body) opener = from.dataset?.node ?? from.getAttribute("href");
  element.hidden = false;
  build();
}

function build() {
  const heading = h("h2", { tabindex: -1 }, h("span", { class: "kind" }, WORDS[shown.kind]), " ", h("span", { class: "title" }, shown.names.at(-1)));
  const close = h("button", { type: "button", class: "tool", "aria-label": "Close the details", title: "Close (Escape)", onclick: () => goTo("#/graph") }, icon("close"));
  const body = h("div", { class: "panel-body" });
  replace(element, h("header", { class: "panel-head" }, heading, close), body);
  element.setAttribute("aria-label", title());
  element.scrollTop = 0;
  content = KINDS[shown.kind].find(...shown.names) ? KINDS[shown.kind].mount(body, ...shown.names) : null;
  if (!content) replace(body, h("p", { class: "nothing" }, `There is no ${shown.kind} of this name in the configuration that runs.`));
  content?.update(null);
  heading.focus({ preventScroll: true });
}

/** A reload may take away what is shown, or bring it back. */
export function update(brought) {
  if (!shown || !store.status) return;
  const exists = Boolean(KINDS[shown.kind].find(...shown.names));
  if (exists !== Boolean(content)) {
    content?.destroy?.();
    build();
  } else content?.update(brought);
}
