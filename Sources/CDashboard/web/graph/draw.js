// The graph on the page: edges and labels in SVG, boxes in HTML above them, dots on a canvas between.

import { h, keyed, s, setAttribute, setStyle } from "../dom.js";
import { columns } from "./columns.js";
import { pathOf, placeLabels } from "./curves.js";
import { ordered } from "./layout.js";
import { build, LAYERS } from "./model.js";
import { heightOf, make, update } from "./nodes.js";
import { Particles } from "./particles.js";
import { placed } from "./place.js";
import { bandOf, labelOf, read } from "./reading.js";
import { errorShare } from "../format.js";

const LABEL_TYPE = 0.8;
const LABEL_LINE = 1.12;
const ROUTES = 2;
/** Up to so many edges from listeners to routes there is room for two lines each. */
const FEW_TAKES = 6;

export class Graph {
  constructor({ expand }) {
    this.expand = expand;
    this.bands = s("g");
    this.failures = s("g");
    this.edges = s("svg", { class: "edges", "aria-hidden": "true" }, this.bands, this.failures);
    this.labels = s("svg", { class: "labels", "aria-hidden": "true" });
    this.canvas = h("canvas", { class: "dots", "aria-hidden": "true" });
    this.boxes = h("div", { class: "boxes", role: "group", "aria-label": "Live graph. Arrow keys move from box to box, Enter opens one." });
    this.heads = h("div", { class: "heads", "aria-hidden": "true" }, LAYERS.map((name) => h("span", {}, name)));
    this.field = h("div", { class: "graph" }, this.edges, this.canvas, this.labels, this.boxes);
    this.element = h("div", { class: "graph-scroll" }, this.heads, this.field);
    this.particles = new Particles(this.canvas);
    this.signature = "";
    this.current = null;
    this.boxes.addEventListener("keydown", (event) => this.move(event));
    this.boxes.addEventListener("focusin", (event) => this.keep(event.target.closest("[data-node]")));
    this.boxes.addEventListener("pointerover", (event) => this.highlight(event.target.closest("[data-node]")?.dataset.node));
    this.boxes.addEventListener("pointerleave", () => this.highlight(null));
    this.recolour = () => this.particles.readColours();
    document.addEventListener("themechange", this.recolour);
    this.scrolled = () => this.scroll();
    document.getElementById("main").addEventListener("scroll", this.scrolled, { passive: true });
    this.observer = new ResizeObserver(() => this.refresh(true));
    this.observer.observe(this.element);
  }

  destroy() {
    document.removeEventListener("themechange", this.recolour);
    document.getElementById("main").removeEventListener("scroll", this.scrolled);
    this.observer.disconnect();
    this.particles.destroy();
  }

  /** Shows the present numbers; places everything anew where the graph's shape, or `force`, asks for it. */
  refresh(force = false) {
    if (!this.options || !this.element.isConnected) return;
    const model = build(this.options);
    const type = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const available = this.element.clientWidth;
    const size = `${available} ${type} ${this.options.order} ${this.scroller.clientHeight}`;
    const isPlaced = !force && model.signature === this.signature && size === this.size;
    this.model = model;
    keyed(this.boxes, model.nodes, (node) => node.id, (node) => make(node, { expand: this.expand }), update);
    for (const element of this.boxes.children) element.classList.toggle("selected", element.getAttribute("href") === location.hash);
    if (!isPlaced) this.arrange(type, available);
    [this.signature, this.size] = [model.signature, size];
    this.showFlows(type);
  }

  get scroller() {
    return document.getElementById("main");
  }

  arrange(type, available) {
    const { model } = this;
    const withClients = model.nodes.some((node) => node.layer === 0);
    const sized = model.nodes.map((node) => ({ ...node, height: heightOf(node) * type }));
    this.plan = columns(available, type, withClients);
    this.order = ordered(sized, model.edges, LAYERS.length, this.options.order === "file" ? new Set([ROUTES]) : new Set());
    setStyle(this.field, { width: `${this.plan.width}px` });
    setStyle(this.heads, { width: `${this.plan.width}px` });
    [...this.heads.children].forEach((head, index) => {
      setStyle(head, { left: `${this.plan.columns[index].x}px`, width: `${this.plan.columns[index].width}px` });
      head.hidden = index === 0 && !withClients;
    });
    this.position(type);
    this.recolour();
    this.keep(this.boxes.querySelector(`[data-node="${CSS.escape(this.current ?? "")}"]`) ?? this.boxes.firstElementChild);
  }

  /** What is in sight of the graph, in its own coordinates. */
  sight() {
    const main = this.scroller.getBoundingClientRect();
    const field = this.field.getBoundingClientRect();
    const hidden = main.top - (field.top - this.heads.offsetHeight);
    return { top: Math.max(0, main.top + this.heads.offsetHeight - field.top), bottom: main.bottom - field.top, head: Math.max(0, hidden) };
  }

  position(type) {
    const { model, plan } = this;
    const above = this.field.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top + this.scroller.scrollTop;
    const sight = this.sight();
    const { boxes, curves, height, tall } = placed(this.order, model.edges, {
      columns: plan.columns,
      gap: type * (model.dense ? 0.5 : 1.15),
      height: this.scroller.clientHeight - above - type * 4,
      sight,
    });
    this.tall = tall;
    this.curves = curves;
    const whole = Math.ceil(height + type);
    setStyle(this.field, { height: `${whole}px` });
    for (const element of this.boxes.children) {
      const box = boxes.get(element.dataset.node);
      setStyle(element, { transform: `translate(${box.x}px, ${Math.round(box.y)}px)`, width: `${box.width}px`, height: `${box.height}px` });
    }
    for (const drawing of [this.edges, this.labels]) {
      setAttribute(drawing, "width", plan.width);
      setAttribute(drawing, "height", whole);
    }
    this.particles.setCurves(curves, type);
    this.spotted = null;
    this.follow(sight, whole);
  }

  /** The canvas and the headings stay where they can be seen. */
  follow(sight, whole = this.field.offsetHeight) {
    const height = Math.max(0, Math.min(this.scroller.clientHeight, whole - sight.top));
    setStyle(this.canvas, { transform: `translateY(${sight.top}px)`, width: `${this.plan.width}px`, height: `${height}px` });
    setStyle(this.heads, { transform: `translateY(${sight.head}px)` });
    this.heads.classList.toggle("afloat", sight.head > 0);
  }

  scroll() {
    if (this.scrolling || !this.plan) return;
    this.scrolling = true;
    requestAnimationFrame(() => {
      this.scrolling = false;
      if (!this.element.isConnected) return;
      if (!this.tall) return this.follow(this.sight());
      const type = parseFloat(getComputedStyle(document.documentElement).fontSize);
      this.position(type);
      this.showFlows(type);
    });
  }

  showFlows(type) {
    const { plan } = this;
    const seen = this.model.edges.filter((edge) => this.curves.has(edge.id));
    const readings = new Map(seen.map((edge) => [edge.id, read(edge)]));
    keyed(this.bands, seen, (edge) => edge.id, (edge) => s("path", { class: `edge ${edge.kind}`, "data-edge": edge.id }), (path, edge) => {
      const value = readings.get(edge.id);
      const band = bandOf(value.rate) * type;
      setAttribute(path, "d", pathOf(this.curves.get(edge.id)));
      path.classList.toggle("still", !(value.rate > 0));
      setStyle(path, { "stroke-width": `${band.toFixed(1)}px` });
      this.particles.setFlow(edge.id, { rate: value.rate, errors: value.errors, kind: edge.kind === "mirror" ? "copy" : "flow", band });
    });
    // The part of a band that is red is the part that fails, on a scale on which one percent can be seen.
    const failing = seen.filter((edge) => errorShare(readings.get(edge.id)) > 0);
    keyed(this.failures, failing, (edge) => edge.id, (edge) => s("path", { class: "edge wrong-part", "data-edge": edge.id }), (path, edge) => {
      const value = readings.get(edge.id);
      setAttribute(path, "d", pathOf(this.curves.get(edge.id)));
      setStyle(path, { "stroke-width": `${Math.max(1, bandOf(value.rate) * type * Math.sqrt(errorShare(value))).toFixed(1)}px` });
    });
    this.particles.start();
    this.showLabels(type, plan, readings, seen);
  }

  showLabels(type, plan, readings, seen) {
    const { model } = this;
    const few = model.edges.filter((edge) => edge.kind === "take").length <= FEW_TAKES;
    const labelled = seen
      .map((edge) => ({ edge, lines: labelOf(edge, readings.get(edge.id), { dense: model.dense, roomy: plan.roomy > 0.85, few }) }))
      .filter((label) => label.lines.length);
    // Places change only with the shape: a label that jumps cannot be read.
    const shape = labelled.map((label) => label.edge.id).join("\n");
    if (this.spotted !== shape) {
      this.spotted = shape;
      this.spots = placeLabels(labelled.map((label) => this.labelBox(label, type)));
    }
    keyed(this.labels, labelled, (label) => label.edge.id, (label) => s("g", { class: `label ${label.edge.kind}`, "data-label": label.edge.id }, s("rect", { rx: 4 }), s("text")), (group, { edge, lines }) => {
      this.fillLabel(group, lines, this.spots.get(edge.id), type);
    });
  }

  labelBox({ edge, lines }, type) {
    return { id: edge.id, tries: this.triesFor(edge), curve: this.curves.get(edge.id), ...sizeOf(lines, type) };
  }

  /** Where edges are apart: those from listeners at the routes, those of many routes at the routes as well. */
  triesFor(edge) {
    if (edge.kind === "take") return [0.8, 0.72, 0.88, 0.64, 0.94, 0.5];
    return this.model.dense ? [0.2, 0.3, 0.4, 0.5, 0.6] : [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];
  }

  fillLabel(group, lines, { x, y }, type) {
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

  /** One box is in the order of tabs at a time; the arrows choose which. */
  keep(element) {
    if (!element) return;
    const before = this.boxes.querySelector('[tabindex="0"]');
    if (before && before !== element) before.tabIndex = -1;
    element.tabIndex = 0;
    this.current = element.dataset.node;
    if (document.activeElement === element) this.highlight(this.current);
  }

  move(event) {
    const directions = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const direction = directions[event.key];
    if (!direction || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = event.target.closest("[data-node]").getBoundingClientRect();
    const [dx, dy] = direction;
    const middle = (box) => ({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
    const here = middle(from);
    let best = null;
    for (const element of this.boxes.children) {
      const there = middle(element.getBoundingClientRect());
      const [along, across] = dx ? [(there.x - here.x) * dx, Math.abs(there.y - here.y)] : [(there.y - here.y) * dy, Math.abs(there.x - here.x)];
      if (along < 1 || (dy && across > from.width / 2)) continue;
      const cost = along + across * (dx ? 0.5 : 2);
      if (!best || cost < best.cost) best = { element, cost };
    }
    best?.element.focus();
  }

  /** Everything before and behind a box, the rest dimmed. */
  highlight(id) {
    const edges = this.model?.edges ?? [];
    const lit = new Set(id ? [id] : []);
    const litEdges = new Set();
    for (const [mine, other] of [["from", "to"], ["to", "from"]]) {
      let front = id ? [id] : [];
      while (front.length) {
        const next = edges.filter((edge) => front.includes(edge[mine]) && !litEdges.has(edge.id));
        next.forEach((edge) => litEdges.add(edge.id));
        front = next.map((edge) => edge[other]);
        front.forEach((one) => lit.add(one));
      }
    }
    this.field.classList.toggle("focused", litEdges.size > 0);
    for (const element of this.boxes.children) element.classList.toggle("lit", lit.has(element.dataset.node));
    for (const path of [...this.bands.children, ...this.failures.children]) path.classList.toggle("lit", litEdges.has(path.dataset.edge));
    for (const label of this.labels.children) label.classList.toggle("lit", litEdges.has(label.dataset.label));
  }
}

/** In pixels, by the mean width of a letter: near enough for a frame, and nothing is measured. */
function sizeOf(lines, type) {
  const letters = Math.max(...lines.map((line) => line.reduce((sum, part) => sum + part.text.length, 0)));
  return { width: (letters * LABEL_TYPE * 0.535 + 0.5) * type, height: (lines.length * LABEL_LINE * LABEL_TYPE + 0.2) * type };
}
