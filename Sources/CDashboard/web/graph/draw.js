// The graph on the page: edges and labels in SVG, boxes in HTML above them, dots on a canvas between.

import { h, keyed, s, setAttribute, setStyle } from "../dom.js";
import { columns } from "./columns.js";
import { pathOf } from "./curves.js";
import { Focus } from "./focus.js";
import { Labels } from "./labels.js";
import { ordered } from "./layout.js";
import { build, LAYERS } from "./model.js";
import { heightOf, make, update } from "./nodes.js";
import { Particles } from "./particles.js";
import { placed } from "./place.js";
import { bandOf, read } from "./reading.js";
import { errorShare } from "../format.js";

const ROUTES = 2;

export class Graph {
  constructor({ expand }) {
    this.expand = expand;
    this.bands = s("g");
    this.failures = s("g");
    this.edges = s("svg", { class: "edges", "aria-hidden": "true" }, this.bands, this.failures);
    this.labels = new Labels();
    this.canvas = h("canvas", { class: "dots", "aria-hidden": "true" });
    this.boxes = h("div", { class: "boxes", role: "group", "aria-label": "Live graph. Arrow keys move from box to box, Enter opens one." });
    this.heads = h("div", { class: "heads", "aria-hidden": "true" }, LAYERS.map((name) => h("span", {}, name)));
    this.field = h("div", { class: "graph" }, this.edges, this.canvas, this.labels.element, this.boxes);
    this.element = h("div", { class: "graph-scroll" }, this.heads, this.field);
    this.particles = new Particles(this.canvas);
    this.focus = new Focus(this);
    this.signature = "";
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
    if (!isPlaced) this.arrange(type, available);
    [this.signature, this.size] = [model.signature, size];
    this.showFlows(type);
    this.focus.select();
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
    this.focus.restore();
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
    for (const drawing of [this.edges, this.labels.element]) {
      setAttribute(drawing, "width", plan.width);
      setAttribute(drawing, "height", whole);
    }
    this.particles.setCurves(curves, type);
    this.labels.forget();
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
    this.labels.show({ model: this.model, plan: this.plan, curves: this.curves, type }, readings, seen);
  }
}
