// The configuration that runs, how the last reloads went, and the process.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import { ago, bytes, clock, count, rate, span } from "../format.js";
import { confirmButton, copyButton, fact, readOnlyNote, tagOf } from "../parts/controls.js";
import { note } from "../parts/notices.js";
import { flowOf, store } from "../store.js";

const OUTCOME_KINDS = { applied: "good", unchanged: "", rejected: "bad" };

export function mount(main) {
  const parts = { running: h("div"), reloads: h("div"), process: h("dl", { class: "facts-list" }), listeners: h("tbody"), steer: h("div", { class: "actions" }) };
  const column = (name) => h("th", { scope: "col" }, name);
  replace(
    main,
    h(
      "div",
      { class: "page" },
      h("h1", {}, "Configuration"),
      h("div", { class: "sheets" },
        h("section", { class: "sheet" }, h("h2", {}, "Running"), parts.running, parts.steer),
        h("section", { class: "sheet" }, h("h2", {}, "Process"), parts.process),
        h("section", { class: "sheet full" }, h("h2", {}, "Reloads"), parts.reloads),
        h("section", { class: "sheet full" }, h("h2", {}, "Listeners"), h("div", { class: "scroll" }, h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["Name", "Address", "TLS", "Connections", "HTTP/2", "Requests a second"].map(column))), parts.listeners)))),
    ),
  );
  let said = "";
  let steering;

  function update() {
    const { status, memory } = store;
    const { configuration } = status;
    const now = JSON.stringify([configuration, status.version, status.processID]);
    if (now !== said) {
      said = now;
      replace(parts.running, h("dl", { class: "facts-list" }, fact("File", h("span", { class: "mono wrap" }, configuration.path), copyButton(configuration.path, "the path")), fact("Hash", h("span", { class: "mono wrap" }, configuration.hash), copyButton(configuration.hash, "the hash")), fact("Routes", count(status.routes.length)), fact("Backends", count(status.backends.length))));
      replace(parts.reloads, reload("Last", configuration.lastReload), sameReload(configuration) ? null : reload("Last rejected", configuration.lastRejected), configuration.lastReload ? null : h("p", { class: "quiet" }, "Not reloaded since the start."));
    }
    const steerable = `${status.readOnly} ${status.state}`;
    if (steering !== steerable) {
      steering = steerable;
      replace(parts.steer, status.readOnly ? readOnlyNote() : [confirmButton("Reload", "Read the file again now?", () => act(api.reload, "The file was read again")), drainButton(status.state)]);
    }
    const uptime = (Date.now() - Date.parse(status.startedAt)) / 1000;
    const texts = [["Version", status.version], ["State", status.state], ["Process", String(status.processID)], ["Started", `${clock(status.startedAt, Date.now())}, ${span(uptime)} ago`], ["Loops", String(status.loops)], ["Memory", memory ? `${bytes(memory.bytes)}${memory.limitBytes ? ` of ${bytes(memory.limitBytes)}` : ""}, ${memory.state}` : "–"]];
    const process = texts.map((one) => one.join("\n")).join("\n\n");
    if (parts.process.said !== process) {
      parts.process.said = process;
      replace(parts.process, texts.map(([name, value]) => fact(name, value)));
    }
    replace(parts.listeners, status.listeners.map((one) => {
      const live = store.traffic.listeners.get(one.name);
      const texts = [one.name, one.address, one.tls ? "yes" : "no", count(live?.connections ?? one.connections), count(live?.http2Connections ?? 0), rate(flowOf("listeners", one.name).rate)];
      return h("tr", {}, texts.map((text, index) => h("td", { class: index === 1 ? "mono" : "" }, text)));
    }));
  }

  return { update };
}

const sameReload = ({ lastReload, lastRejected }) => !lastRejected || lastReload?.time === lastRejected.time;

function reload(label, one) {
  if (!one) return null;
  const when = h("span", { class: "quiet" });
  setText(when, `${clock(one.time, Date.now())}, ${ago(one.time, Date.now())}`);
  return h("article", { class: "reload" }, h("p", { class: "what" }, h("b", {}, label), tagOf(one.outcome, OUTCOME_KINDS[one.outcome] ?? ""), when), h("p", { class: "message" }, one.message), one.diagnostics.length ? h("ul", { class: "diagnostics" }, one.diagnostics.map((text) => h("li", {}, text))) : null);
}

function drainButton(state) {
  if (state === "serving") {
    return confirmButton("Drain the gateway", "End every client's connection with its next answer, and say that this gateway is not ready?", () => act(() => api.drain(), "The gateway drains"));
  }
  return state === "draining" ? confirmButton("Undrain the gateway", "Take clients again?", () => act(() => api.undrain(), "The gateway serves again")) : null;
}

async function act(call, done) {
  try {
    await call();
    note(done, "good");
  } catch (error) {
    note(`Not done: ${error.message}`, "bad");
  }
}
