// Elements without markup: every text goes in as text, so that nothing a client sent is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") setStyle(element, value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key === "className" ? "class" : key, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** An HTML element: `h("p", { class: "quiet" }, "text", child)`. Keys that begin with `on` are listeners. */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** The same for SVG. */
export const s = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Custom properties and styles through CSSOM, which a strict content security policy allows. */
export function setStyle(element, values) {
  for (const [name, value] of Object.entries(values)) {
    if (element.style.getPropertyValue(name) !== String(value)) element.style.setProperty(name, String(value));
  }
}

/** Changes a text only where it differs: a page that shows the same costs no layout. */
export function setText(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** Runs through `items` and keeps one child of `parent` for each key: made once, updated each time, removed when gone. */
export function keyed(parent, items, keyOf, make, update) {
  const known = (parent.keyedChildren ??= new Map());
  const wanted = new Set();
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    if (wanted.has(key)) continue;
    wanted.add(key);
    let child = known.get(key);
    if (!child) known.set(key, (child = make(item)));
    const place = before ? before.nextSibling : parent.firstChild;
    if (child !== place) parent.insertBefore(child, place);
    before = child;
    update?.(child, item);
  }
  for (const [key, child] of known) {
    if (wanted.has(key)) continue;
    child.remove();
    known.delete(key);
  }
}

const ICONS = {
  pause: "M6 4v12M14 4v12",
  play: "M6 4l10 6-10 6z",
  close: "M5 5l10 10M15 5L5 15",
  copy: "M7 7h9v9H7zM4 13V4h9",
  link: "M8 12l4-4M7 9l-2 2a3 3 0 004 4l2-2M13 11l2-2a3 3 0 00-4-4L9 7",
  sun: "M10 6.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM10 2v2M10 16v2M2 10h2M16 10h2M4.5 4.5l1.4 1.4M14.1 14.1l1.4 1.4M4.5 15.5l1.4-1.4M14.1 5.9l1.4-1.4",
  moon: "M15.5 12.5A6.5 6.5 0 017.5 4.500a6.500 6.500 0 108 8z",
  auto: "M10 3a7 7 0 100 14zM10 3a7 7 0 010 14",
  swap: "M4 7h11l-3-3M16 13H5l3 3",
  undo: "M8 5L4 9l4 4M4 9h7a4 4 0 010 8H8",
  warn: "M10 3l8 14H2zM10 8v4M10 14.500v.5",
  check: "M4 10l4 4 8-9",
  search: "M9 4a5 5 0 100 10A5 5 0 009 4zM13 13l4 4",
  lock: "M5 9h10v7H5zM7 9V6.500a3 3 0 016 0V9",
};

/** A small line drawing; decoration, so that screen readers skip it. */
export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}
