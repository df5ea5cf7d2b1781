// The first page: the numbers of the whole, and the live graph.

import { h, replace, setText } from "../dom.js";
import { bytes, count, percent, rate } from "../format.js";
import { Graph } from "../graph/draw.js";
import { build } from "../graph/model.js";
import { GraphTable } from "../graph/table.js";
import { Tree } from "../graph/tree.js";
import { filterBox } from "../parts/controls.js";
import { narrow, read, write } from "../preferences.js";
import { backendNumbers, flowOf, store } from "../store.js";

/** From so many routes on, those without requests are put away at first. */
const COLLAPSE_FROM = 16;

export function mount(main) {
  const chosen = read("collapse");
  const options = {
    filter: "",
    collapse: chosen ? chosen === "yes" : (store.status?.routes.length ?? 0) >= COLLAPSE_FROM,
    order: read("order") === "fewest" ? "fewest" : "file",
  };
  const numbers = wholeNumbers();
  const collapse = h("input", { type: "checkbox", onchange: () => setCollapse(collapse.checked) });
  collapse.checked = options.collapse;
  const order = h("select", { "aria-label": "Order of the routes", onchange: () => change(() => write("order", (options.order = order.value))) }, h("option", { value: "file" }, "as they are matched"), h("option", { value: "fewest" }, "fewest crossings"));
  order.value = options.order;
  const filter = filterBox("Filter routes", (text) => change(() => (options.filter = text)));
  const none = h("p", { class: "nothing", hidden: true });
  const table = new GraphTable();
  const body = h("div", { class: "graph-body" });
  const bar = h("div", { class: "toolbar" }, filter.element, h("label", { class: "field" }, "Order ", order), h("label", { class: "check" }, collapse, " hide idle routes"), legend());
  let picture = null;

  function setCollapse(value) {
    collapse.checked = value;
    change(() => write("collapse", (options.collapse = value) ? "yes" : "no"));
  }

  function change(apply) {
    apply();
    update();
  }

  function choose() {
    picture?.destroy?.();
    picture = narrow.matches ? new Tree({ expand: () => setCollapse(false) }) : new Graph({ expand: () => setCollapse(false) });
    replace(body, picture.element);
    update();
  }

  function update() {
    if (!store.status || !body.isConnected) return;
    numbers.update();
    const model = build(options);
    none.hidden = model.nodes.some((node) => node.layer === 2);
    setText(none, options.filter ? `No route is named or leads to “${options.filter}”.` : "There is no route.");
    if (picture instanceof Tree) picture.refresh(model);
    else {
      picture.options = options;
      picture.refresh();
    }
    table.refresh(model);
  }

  replace(main, h("h1", { class: "unseen" }, "Live graph"), numbers.element, bar, none, body, table.element);
  narrow.addEventListener("change", choose);
  choose();
  return {
    update,
    focusFilter: filter.focus,
    destroy() {
      narrow.removeEventListener("change", choose);
      picture?.destroy?.();
    },
  };
}

/** The colours and lines of the graph in words. */
function legend() {
  const item = (name, text) => h("span", { class: "key" }, h("i", { class: name, "aria-hidden": "true" }), text);
  return h("span", { class: "legend" }, item("flow", "requests"), item("bad", "errors"), item("copy", "copies"));
}

function wholeNumbers() {
  const tiles = new Map();
  const tile = (name, label, hint) => {
    const value = h("b");
    const sub = h("span", { class: "sub" });
    tiles.set(name, { value, sub, element: null });
    tiles.get(name).element = h("div", { class: "tile", title: hint }, h("span", { class: "label" }, label), value, sub);
    return tiles.get(name).element;
  };
  const element = h(
    "section",
    { class: "tiles", "aria-label": "The gateway in numbers" },
    tile("rate", "Requests", "Requests that ended in the last second, on all listeners"),
    tile("errors", "Errors", "Of the requests of the last second"),
    tile("flight", "In flight", "Sent to an endpoint and not finished"),
    tile("queued", "Queued", "Requests that wait for a place at an endpoint"),
    tile("endpoints", "Endpoints up", "Endpoints that get requests"),
    tile("connections", "Connections", "Of clients, on all listeners"),
    tile("memory", "Memory", "Of the process"),
  );
  const say = (name, value, sub, state = "") => {
    setText(tiles.get(name).value, value);
    setText(tiles.get(name).sub, sub);
    tiles.get(name).element.dataset.state = state;
  };
  const update = () => {
    const { status, memory } = store;
    const flows = status.listeners.map((one) => flowOf("listeners", one.name));
    const whole = flows.reduce((sum, one) => sum + one.rate, 0);
    const wrong = flows.reduce((sum, one) => sum + one.errors, 0);
    const backends = status.backends.map(backendNumbers);
    const endpoints = status.backends.flatMap((one) => one.endpoints);
    const down = endpoints.filter((one) => one.state !== "up").length;
    const queued = backends.reduce((sum, one) => sum + one.queued, 0);
    say("rate", rate(whole), "a second");
    say("errors", whole > 0 ? percent(wrong / whole) : "0 %", wrong > 0 ? `${rate(wrong)} a second` : "none", wrong > 0 ? "bad" : "");
    say("flight", count(backends.reduce((sum, one) => sum + one.inFlight, 0)), "at endpoints");
    say("queued", count(queued), queued ? "waiting" : "none waits", queued ? "warn" : "");
    say("endpoints", `${endpoints.length - down}/${endpoints.length}`, down ? `${down} not up` : "all of them", down ? "bad" : "good");
    const live = status.listeners.map((one) => store.traffic.listeners.get(one.name)?.connections ?? one.connections);
    say("connections", count(live.reduce((sum, one) => sum + one, 0)), "of clients");
    if (memory) say("memory", bytes(memory.bytes), memory.limitBytes ? `of ${bytes(memory.limitBytes)}` : memory.state, memory.state === "normal" ? "" : memory.state === "tight" ? "warn" : "bad");
  };
  return { element, update };
}
