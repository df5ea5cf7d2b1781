// Starts the page: the bar, the stream of events, and whichever view and panel the address names.

import { replace, h } from "./dom.js";
import { start as startEvents } from "./events.js";
import { announceChanges, showBanner } from "./parts/notices.js";
import * as topbar from "./parts/topbar.js";
import * as panel from "./panels/panel.js";
import { applyTheme, theme } from "./preferences.js";
import { goTo, start as startRouter } from "./router.js";
import { store, subscribe } from "./store.js";
import * as changes from "./views/changes.js";
import * as config from "./views/config.js";
import * as graph from "./views/graph.js";
import * as models from "./views/models.js";
import * as requests from "./views/requests.js";

const VIEWS = { graph, models, requests, changes, config };
const TITLES = { graph: "Live graph", models: "Models", requests: "Requests", changes: "Changes", config: "Configuration" };

const main = document.getElementById("main");
let place = null;
let view = null;
let viewName = "";
let viewQuery = "";

function show(next) {
  place = next;
  topbar.showPage(next.view);
  if (!store.status) return;
  const query = JSON.stringify(next.query);
  if (viewName !== next.view || viewQuery !== query) {
    const first = viewName === "";
    view?.destroy?.();
    view = VIEWS[next.view].mount(main, next.query);
    [viewName, viewQuery] = [next.view, query];
    view.update(null);
    main.scrollTop = 0;
    if (!first && !next.panel) main.focus({ preventScroll: true });
  }
  panel.show(next.panel);
  view.update(null);
  document.title = `${panel.title() ?? TITLES[next.view]} · Sluice`;
}

/** Events come once a second: the page is drawn once for each, when the browser is about to draw anyway. */
let due = false;
let collected = [];

function receive(event, isState) {
  collected.push({ event, isState });
  if (collected.length > 20) collected.shift();
  if (due || document.hidden) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    const brought = collected;
    collected = [];
    draw(brought);
  });
}

function draw(brought) {
  topbar.update();
  showBanner();
  announceChanges();
  if (!view) show(place);
  else {
    view.update(brought);
    panel.update(brought);
  }
}

function keys(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "Escape" && panel.isOpen()) {
    event.preventDefault();
    goTo("#/graph");
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    view?.focusFilter?.();
  }
}

applyTheme(theme());
topbar.build();
panel.start(document.getElementById("panel"));
subscribe(receive);
startRouter(show);
startEvents((state) => {
  topbar.showStream(state);
  if (!store.status && state.state === "waiting") replace(main, h("p", { class: "loading" }, "The gateway does not answer. This page tries again by itself."));
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // The fragment of the address names the page, so that the link must not change it.
  event.preventDefault();
  main.focus();
});
document.addEventListener("keydown", keys);
document.addEventListener("visibilitychange", () => !document.hidden && store.status && draw([]));
