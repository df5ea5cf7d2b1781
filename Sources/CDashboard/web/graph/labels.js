// The labels of the edges.

import { keyed, s, setAttribute } from "../dom.js";
import { placeLabels } from "./curves.js";
import { labelOf } from "./reading.js";

/** In type sizes: that of a label, and the height of its lines in its own. */
const LABEL_TYPE = 0.8;
const LABEL_LINE = 1.12;
/** Up to so many edges from listeners to routes there is room for two lines each. */
const FEW_TAKES = 6;

export class Labels {
  constructor() {
    this.element = s("svg", { class: "labels", "aria-hidden": "true" });
    this.spotted = null;
  }

  /** The edges lie elsewhere now. */
  forget() {
    this.spotted = null;
  }

  /** @param graph `{ model, plan, curves, type }`; @param readings by edge id; @param seen the edges that are drawn. */
  show(graph, readings, seen) {
    const { model, plan, curves, type } = graph;
    const few = model.edges.filter((edge) => edge.kind === "take").length <= FEW_TAKES;
    const labelled = seen
      .map((edge) => ({ edge, lines: labelOf(edge, readings.get(edge.id), { dense: model.dense, roomy: plan.roomy > 0.85, few }) }))
      .filter((label) => label.lines.length);
    // Places change only with the shape: a label that jumps cannot be read.
    const shape = labelled.map((label) => label.edge.id).join("\n");
    if (this.spotted !== shape) {
      this.spotted = shape;
      this.spots = placeLabels(labelled.map((label) => boxOf(label, model.dense, curves, type)));
    }
    keyed(this.element, labelled, (label) => label.edge.id, (label) => s("g", { class: `label ${label.edge.kind}`, "data-label": label.edge.id }, s("rect", { rx: 4 }), s("text")), (group, { edge, lines }) => {
      fill(group, lines, this.spots.get(edge.id), type);
    });
  }
}

function boxOf({ edge, lines }, dense, curves, type) {
  return { id: edge.id, tries: triesFor(edge, dense), curve: curves.get(edge.id), ...sizeOf(lines, type) };
}

/** Where edges are apart: those from listeners at the routes, those of many routes at the routes as well. */
function triesFor(edge, dense) {
  if (edge.kind === "take") return [0.8, 0.72, 0.88, 0.64, 0.94, 0.5];
  return dense ? [0.2, 0.3, 0.4, 0.5, 0.6] : [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];
}

function fill(group, lines, { x, y }, type) {
  const [rect, text] = group.children;
  const said = JSON.stringify(lines);
  if (group.said === said && group.at === `${x} ${y} ${type}`) return;
  [group.said, group.at] = [said, `${x} ${y} ${type}`];
  const step = LABEL_LINE * LABEL_TYPE * type;
  text.replaceChildren(...lines.map((line, index) =>
    s("tspan", { x, y: y + (index - (lines.length - 1) / 2) * step }, line.map((part) => s("tspan", { class: part.kind }, part.text)))));
  const { width, height } = sizeOf(lines, type);
  for (const [name, value] of Object.entries({ x: x - width / 2, y: y - height / 2, width, height })) setAttribute(rect, name, value.toFixed(1));
}

/** In pixels, by the mean width of a letter: near enough for a frame, and nothing is measured. */
function sizeOf(lines, type) {
  const letters = Math.max(...lines.map((line) => line.reduce((sum, part) => sum + part.text.length, 0)));
  return { width: (letters * LABEL_TYPE * 0.535 + 0.5) * type, height: (lines.length * LABEL_LINE * LABEL_TYPE + 0.2) * type };
}
