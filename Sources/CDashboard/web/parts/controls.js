// Small pieces that every page uses.

import { h, icon, setText } from "../dom.js";
import { announce } from "./notices.js";

/** A box that filters what is below; `/` goes to it, Escape empties it. */
export function filterBox(label, change) {
  const input = h("input", { type: "search", placeholder: label, "aria-label": label, "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false", maxlength: 200 });
  input.addEventListener("input", () => change(input.value.trim()));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!input.value) return input.blur();
    event.stopPropagation();
    input.value = "";
    change("");
  });
  return {
    element: h("span", { class: "search" }, icon("search"), input, h("kbd", { "aria-hidden": "true" }, "/")),
    input,
    focus: () => input.focus(),
  };
}

const COPIED_MILLISECONDS = 1500;

/** A button that copies a text, and says that it did. */
export function copyButton(text, what, caption = "") {
  const label = h("span", {}, caption);
  const button = h("button", { type: "button", class: caption ? "button small" : "copy", "aria-label": `Copy ${what}`, title: `Copy ${what}` }, icon("copy"), caption ? label : null);
  let timer = 0;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const done = await copied(text);
    announce(done ? `Copied ${what}` : `Cannot copy ${what}`);
    button.classList.toggle("done", done);
    if (caption) setText(label, done ? "Copied" : "Select it by hand");
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.classList.remove("done");
      if (caption) setText(label, caption);
    }, COPIED_MILLISECONDS);
  });
  return button;
}

/** Over plain HTTP to another machine there is no clipboard API: the old way works there. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "unseen", readonly: true, "aria-hidden": "true", value: text });
    document.body.append(field);
    const before = document.activeElement;
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus();
    return done;
  }
}

/** A button that asks once more before it does something: `Drain` becomes `Drain now?` with `Cancel`. */
export function confirmButton(caption, question, act, { className = "button", disabled = false } = {}) {
  const holder = h("span", { class: "confirm" });
  const first = h("button", { type: "button", class: className, disabled }, caption);
  const yes = h("button", { type: "button", class: "button danger" }, caption);
  const no = h("button", { type: "button", class: "button" }, "Cancel");
  const text = h("span", { class: "question" }, question);
  const ask = (asking) => {
    holder.replaceChildren(...(asking ? [text, yes, no] : [first]));
    (asking ? no : first).focus();
  };
  first.addEventListener("click", () => ask(true));
  no.addEventListener("click", () => ask(false));
  yes.addEventListener("click", async () => {
    yes.disabled = true;
    await act();
    yes.disabled = false;
    if (holder.isConnected) ask(false);
  });
  holder.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !yes.isConnected) return;
    event.stopPropagation();
    ask(false);
  });
  holder.append(first);
  return holder;
}

export const tagOf = (text, kind = "") => h("span", { class: `tag ${kind}` }, text);

/** Name and value, for lists of facts. */
export const fact = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];

export const READ_ONLY = "This gateway is read only (admin.readOnly): nothing can be changed from here.";

export const readOnlyNote = () => h("p", { class: "note" }, icon("lock"), READ_ONLY);
