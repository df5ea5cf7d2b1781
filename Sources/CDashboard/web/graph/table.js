// The graph in words: a table of its edges for screen readers, and for whoever likes tables.

import { h, keyed, setText } from "../dom.js";
import { duration, errorShare, percent, rate } from "../format.js";
import { read } from "./reading.js";

const COLUMNS = ["From", "To", "Requests a second", "Share", "Wanted", "p50", "p99", "Errors"];

export class GraphTable {
  constructor() {
    this.body = h("tbody");
    this.element = h(
      "details",
      { class: "as-table", ontoggle: () => this.refresh() },
      h("summary", {}, "The graph as a table"),
      h("div", { class: "scroll" }, h("table", { class: "list" }, h("caption", { class: "unseen" }, "Every edge of the graph with its numbers"), h("thead", {}, h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, name)))), this.body)),
    );
  }

  refresh(model = this.model) {
    this.model = model;
    if (!this.element.open || !model) return;
    const names = new Map(model.nodes.map((node) => [node.id, nameOf(node)]));
    keyed(this.body, model.edges, (edge) => edge.id, () => h("tr", {}, COLUMNS.map((_, index) => h(index ? "td" : "th", index ? { class: index > 1 ? "number" : "" } : { scope: "row" }))), (row, edge) => {
      const value = read(edge);
      const kind = edge.kind === "mirror" ? " (copies)" : edge.kind === "answer" ? ` (${edge.item.word})` : "";
      const share = (number) => (number === undefined ? "" : percent(number));
      const texts = [names.get(edge.from), names.get(edge.to) + kind, rate(value.rate), share(value.share), share(value.wanted), duration(value.p50), duration(value.p99), percent(errorShare(value))];
      texts.forEach((text, index) => setText(row.children[index], text));
    });
  }
}

function nameOf({ kind, item }) {
  if (kind === "endpoint") return `endpoint ${item.endpoint.address}`;
  return { clients: "clients", gateway: "the gateway itself", unmatched: "no route", idle: "idle routes" }[kind] ?? `${kind} ${item.name}`;
}
