// Dots that run along the edges: as many as there are requests, in the colour of how they end.
//
// Drawn on one canvas as large as what is in sight, at some twenty-five pictures a second, and not at all while nothing moves, nobody
// looks, or less motion is asked for.

import { calm } from "../preferences.js";
import { pointAt } from "./curves.js";

const MOST_DOTS = 500;
/** A wall of screens has more, and dots need no sharper edges. */
const MOST_PIXELS = 4_000_000;
const PICTURE_MILLISECONDS = 38;
/** In type sizes a second. */
const PACE = 9;
const STEPS = 24;

/** Dots a second for requests a second: one each as long as they can be told apart, then as the logarithm. */
const dotsFor = (rate) => (rate <= 3 ? rate : 3 + 3.2 * Math.log2(rate / 3));

export class Particles {
  constructor(canvas) {
    this.canvas = canvas;
    this.tracks = new Map();
    this.dots = [];
    this.frame = 0;
    this.last = 0;
    this.colours = {};
    /** The edges whose dots are shown, where not all are. */
    this.only = null;
    this.type = 14;
    this.wake = () => this.start();
    document.addEventListener("visibilitychange", this.wake);
    calm.addEventListener("change", this.wake);
  }

  destroy() {
    document.removeEventListener("visibilitychange", this.wake);
    calm.removeEventListener("change", this.wake);
    cancelAnimationFrame(this.frame);
  }

  /** `curves`: Map of edge id to its curve. */
  setCurves(curves, type) {
    this.type = type;
    const before = this.tracks;
    this.tracks = new Map();
    for (const [id, curve] of curves) {
      const points = new Float32Array((STEPS + 1) * 2);
      for (let step = 0; step <= STEPS; step += 1) {
        const { x, y } = pointAt(curve, step / STEPS);
        points[step * 2] = x;
        points[step * 2 + 1] = y;
      }
      const length = Math.hypot(curve.x2 - curve.x1, curve.y2 - curve.y1);
      const top = Math.min(curve.y1, curve.y2);
      const bottom = Math.max(curve.y1, curve.y2);
      this.tracks.set(id, { points, length, top, bottom, rate: 0, errors: 0, kind: "flow", band: 1, due: 0, ...pick(before.get(id)) });
    }
    this.dots = this.dots.filter((dot) => this.tracks.has(dot.id));
  }

  /** `{ rate, errors, kind, band }`: what runs there now; `band` is the width of the stroke in pixels. */
  setFlow(id, flow) {
    const track = this.tracks.get(id);
    if (track) Object.assign(track, flow);
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    for (const name of ["flow", "bad", "copy"]) this.colours[name] = style.getPropertyValue(`--dot-${name}`).trim() || "#888";
  }

  start() {
    if (calm.matches || document.hidden) return this.clear();
    if (this.frame || !this.moves()) return;
    this.last = performance.now();
    this.frame = requestAnimationFrame((now) => this.step(now));
  }

  moves() {
    if (this.dots.length) return true;
    for (const track of this.tracks.values()) if (track.rate > 0) return true;
    return false;
  }

  clear() {
    this.dots = [];
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  step(now) {
    this.frame = 0;
    if (document.hidden || calm.matches || !this.canvas.isConnected) return this.clear();
    if (now - this.last >= PICTURE_MILLISECONDS) {
      const seconds = Math.min(0.1, (now - this.last) / 1000);
      this.last = now;
      this.advance(seconds);
      this.draw();
    }
    if (this.moves()) this.frame = requestAnimationFrame((next) => this.step(next));
    else this.clear();
  }

  advance(seconds) {
    const pace = PACE * this.type;
    for (const dot of this.dots) dot.t += (pace * dot.haste * seconds) / this.tracks.get(dot.id).length;
    this.dots = this.dots.filter((dot) => dot.t < 1);
    const { top, bottom } = this.sight();
    const seen = [...this.tracks].filter(([, track]) => track.rate > 0 && track.bottom >= top && track.top <= bottom);
    const wanted = seen.reduce((sum, [, track]) => sum + (dotsFor(track.rate) * track.length) / pace, 0);
    const scale = Math.min(1, MOST_DOTS / Math.max(1, wanted));
    for (const [id, track] of seen) {
      track.due = Math.min(2, track.due + dotsFor(track.rate) * scale * seconds);
      // The first of a quiet edge comes at once, and those of a busy one not in step.
      while (track.due >= 1 && this.dots.length < MOST_DOTS) {
        track.due -= 0.6 + Math.random() * 0.8;
        const failed = Math.random() < track.errors / track.rate;
        this.dots.push({ id, t: 0, haste: 0.85 + Math.random() * 0.3, kind: failed ? "bad" : track.kind, aside: (Math.random() - 0.5) * Math.max(0, track.band * 0.8 - this.type * 0.1) });
      }
    }
  }

  /** What is in sight of the graph, in its own coordinates. */
  sight() {
    const graph = this.canvas.closest(".graph").getBoundingClientRect();
    const canvas = this.canvas.getBoundingClientRect();
    return { left: canvas.left - graph.left, top: canvas.top - graph.top, bottom: canvas.bottom - graph.top, width: canvas.width, height: canvas.height };
  }

  draw() {
    const { left, top, width, height } = this.sight();
    const scale = Math.min(2, devicePixelRatio, Math.sqrt(MOST_PIXELS / Math.max(1, width * height)));
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
    context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
    const size = this.type * 0.17;
    for (const kind of ["flow", "copy", "bad"]) {
      context.fillStyle = this.colours[kind];
      context.beginPath();
      for (const dot of this.dots) {
        if (dot.kind !== kind || (this.only && !this.only.has(dot.id))) continue;
        const { points } = this.tracks.get(dot.id);
        const at = dot.t * STEPS;
        const step = Math.min(STEPS - 1, Math.floor(at));
        const part = at - step;
        const x = points[step * 2] + (points[step * 2 + 2] - points[step * 2]) * part;
        const y = points[step * 2 + 1] + (points[step * 2 + 3] - points[step * 2 + 1]) * part + dot.aside;
        const radius = kind === "bad" ? size * 1.3 : size;
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    }
  }
}

const pick = (track) => (track ? { rate: track.rate, errors: track.errors, kind: track.kind, band: track.band, due: track.due } : {});
