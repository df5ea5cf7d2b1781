// What a reader chose, kept in this browser. Where it keeps nothing, everything works without.

const PREFIX = "sluice.";

export function read(name, otherwise) {
  try {
    return localStorage.getItem(PREFIX + name) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}

const THEMES = ["auto", "light", "dark"];

export const theme = () => (THEMES.includes(read("theme")) ? read("theme") : "auto");

export function applyTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  write("theme", name);
  document.dispatchEvent(new Event("themechange"));
}

export const nextTheme = (name) => THEMES[(THEMES.indexOf(name) + 1) % THEMES.length];

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
export const narrow = matchMedia("(max-width: 46rem)");
