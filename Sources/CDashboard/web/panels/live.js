// The row of present numbers on top of a panel.

import { h, setText } from "../dom.js";
import { duration, errorShare, percent, rate } from "../format.js";

const NAMES = { rate: "Requests", errors: "Errors", p50: "p50", p99: "p99", queue: "Queue" };

export function liveNumbers(extra = {}) {
  const values = {};
  const names = { ...NAMES, ...extra };
  const element = h("dl", { class: "live" }, Object.entries(names).map(([key, label]) => h("div", {}, h("dt", {}, label), (values[key] = h("dd")))));
  return {
    element,
    show(flow, others = {}) {
      const wrong = errorShare(flow);
      setText(values.rate, `${rate(flow.rate)}/s`);
      setText(values.errors, percent(wrong));
      values.errors.classList.toggle("bad", wrong > 0);
      setText(values.p50, duration(flow.p50));
      setText(values.p99, duration(flow.p99));
      setText(values.queue, duration(flow.queue));
      for (const [key, value] of Object.entries(others)) setText(values[key], value);
    },
  };
}
