// Small curves, drawn by hand.

import { h, s, setAttribute, setText } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 28;

/** The path of one curve in a box of 100 by 28, and that of the area below it. Gaps stay gaps. Pure. */
export function paths(values, top) {
  const last = Math.max(1, values.length - 1);
  const height = top > 0 ? top : 1;
  let line = "";
  let area = "";
  let open = null;
  values.forEach((value, index) => {
    if (value === null || value === undefined) {
      if (open !== null) area += `L${open} ${HEIGHT}Z`;
      open = null;
      return;
    }
    const x = +((index / last) * WIDTH).toFixed(2);
    const y = +(HEIGHT - 1.5 - (Math.min(value, height) / height) * (HEIGHT - 4)).toFixed(2);
    line += `${open === null ? "M" : "L"}${x} ${y}`;
    area += open === null ? `M${x} ${HEIGHT}L${x} ${y}` : `L${x} ${y}`;
    open = x;
  });
  if (open !== null) area += `L${open} ${HEIGHT}Z`;
  return { line, area };
}

const largest = (lists) => Math.max(0, ...lists.flat().filter((value) => typeof value === "number"));

/** A curve without axes: `{ element, draw(values) }`. */
export function spark(className) {
  const area = s("path", { class: "area" });
  const line = s("path", { class: "curve", "vector-effect": "non-scaling-stroke" });
  const element = s("svg", { class: className, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  return {
    element,
    draw(values) {
      const drawn = values.some((value) => value > 0) ? paths(values, largest([values])) : { line: "", area: "" };
      setAttribute(area, "d", drawn.area);
      setAttribute(line, "d", drawn.line);
    },
  };
}

/**
 * A titled chart of one or two curves over the same minutes: `{ element, draw(lists, end, interval) }`.
 *
 * The numbers below the pointer, or below the arrow keys, are said in the corner; so is the last one while there is neither.
 */
export function chart(title, curves, show) {
  const areas = curves.map((curve) => s("path", { class: `area ${curve.kind}` }));
  const lines = curves.map((curve) => s("path", { class: `curve ${curve.kind}`, "vector-effect": "non-scaling-stroke" }));
  const cursor = s("line", { class: "cursor", y1: 0, y2: HEIGHT, "vector-effect": "non-scaling-stroke" });
  const value = h("span", { class: "value" });
  const when = h("span", { class: "when" });
  const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, areas, lines, cursor);
  const element = h("figure", { class: "chart", tabindex: 0, role: "img" }, h("figcaption", {}, h("span", {}, title), when, value), drawing);
  let data = { lists: curves.map(() => []), interval: 1 };
  let at = null;

  function tell() {
    const count = data.lists[0]?.length ?? 0;
    const index = at === null ? count - 1 : Math.max(0, Math.min(count - 1, at));
    const back = (count - 1 - index) * data.interval;
    setText(value, count ? curves.map((curve, place) => `${curve.label ?? ""}${show(data.lists[place][index])}`).join(" · ") : "–");
    setText(when, at === null || back === 0 ? "" : `${back >= 60 ? `${Math.floor(back / 60)} min ` : ""}${Math.round(back % 60)} s ago`);
    setAttribute(cursor, "x1", (index / Math.max(1, count - 1)) * WIDTH);
    setAttribute(cursor, "x2", (index / Math.max(1, count - 1)) * WIDTH);
    cursor.classList.toggle("on", at !== null);
    setAttribute(element, "aria-label", `${title}: ${value.textContent} ${when.textContent || "now"}, at most ${show(largest(data.lists))} in the last 15 minutes`);
  }

  const point = (position) => {
    at = position;
    tell();
  };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    point(Math.round(((event.clientX - box.left) / box.width) * (data.lists[0].length - 1)));
  });
  drawing.addEventListener("pointerleave", () => point(null));
  element.addEventListener("blur", () => point(null));
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    point(Math.max(0, Math.min(data.lists[0].length - 1, (at ?? data.lists[0].length - 1) + step)));
  });
  return {
    element,
    draw(lists, interval) {
      data = { lists, interval };
      const top = largest(lists);
      lists.forEach((values, index) => {
        const drawn = paths(values, top);
        setAttribute(lines[index], "d", drawn.line);
        setAttribute(areas[index], "d", index === 0 ? drawn.area : "");
      });
      tell();
    },
  };
}
