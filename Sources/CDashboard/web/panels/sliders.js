// One row for each entry: its name, a slider and a number, which say the same.

import { h, keyed, setAttribute, setStyle, setText } from "../dom.js";
import { percent } from "../format.js";
import { total } from "../weights.js";

/**
 * @param hooks `begin()` when a hand takes a slider, `move(index, value)` while it moves, `type(index, value)` for a number
 *     that was typed.
 */
export function sliderRows(hooks) {
  const element = h("div", { class: "sliders" });

  function make({ index, name }) {
    const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": `Weight of ${name}` });
    const number = h("input", { type: "number", min: 0, step: 1, inputmode: "numeric", "aria-label": `Weight of ${name} as a number` });
    const difference = h("span", { class: "difference" });
    const row = h("div", { class: `slider hue-${index % 6}` }, h("span", { class: "entry" }, name), difference, slider, number);
    let held = false;
    const take = () => {
      if (!held) hooks.begin();
      held = true;
    };
    const leave = () => (held = false);
    slider.addEventListener("pointerdown", take);
    slider.addEventListener("keydown", leave);
    slider.addEventListener("input", () => {
      if (!held) hooks.begin();
      hooks.move(row.index, Number(slider.value));
    });
    slider.addEventListener("change", leave);
    slider.addEventListener("pointerup", leave);
    // What is no number leaves the weight as it is.
    const type = () => hooks.type(row.index, number.value === "" ? NaN : Number(number.value));
    number.addEventListener("change", type);
    number.addEventListener("keydown", (event) => event.key === "Enter" && type());
    return Object.assign(row, { index, slider, number, difference });
  }

  return {
    element,
    show(names, wanted, present, off) {
      const sum = total(wanted);
      keyed(element, names.map((name, index) => ({ name, index })), (one) => one.name, make, (row, { name, index }) => {
        row.index = index;
        setAttribute(row.slider, "max", sum);
        setAttribute(row.number, "max", sum);
        if (row.slider.value !== String(wanted[index])) row.slider.value = wanted[index];
        if (row.number.value !== String(wanted[index])) row.number.value = wanted[index];
        row.slider.disabled = row.number.disabled = off || names.length < 2;
        const share = sum > 0 ? wanted[index] / sum : 0;
        setStyle(row.slider, { "--fill": `${share * 100}%` });
        setAttribute(row.slider, "aria-valuetext", `${name} ${wanted[index]} of ${sum}, ${percent(share)}`);
        const before = present[index];
        setText(row.difference, before === wanted[index] ? percent(share) : `${before} → ${wanted[index]} (${percent(share)})`);
        row.classList.toggle("changed", before !== wanted[index]);
      });
    },
  };
}
