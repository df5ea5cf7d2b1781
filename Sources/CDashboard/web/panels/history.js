// The curves of the last 15 minutes, asked for again while they are in sight.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import { isPaused } from "../events.js";
import { count, duration, rate } from "../format.js";
import { chart } from "../sparkline.js";

const LEAST_SECONDS = 5;

/** @param subject `{ route, as }` or `{ backend, endpoint }`. */
export function historyCharts(subject) {
  const charts = [
    [chart("Requests and errors a second", [{ kind: "flow" }, { kind: "bad", label: "errors " }], rate), ["rate", "errors"]],
    [chart("Duration", [{ kind: "slow", label: "p99 " }, { kind: "flow", label: "p50 " }], duration), ["p99", "p50"]],
    [chart("Queue time, mean", [{ kind: "queue" }], duration), ["queue"]],
    [chart("In flight", [{ kind: "flight" }], count), ["inFlight"]],
  ];
  const problem = h("p", { class: "note", hidden: true });
  const grid = h("div", { class: "charts" });
  replace(grid, charts.map(([one]) => one.element));
  let timer = 0;
  let asked = subject;
  let ended = false;

  async function load() {
    clearTimeout(timer);
    const mine = asked;
    let wait = LEAST_SECONDS;
    if (!document.hidden && !isPaused()) {
      try {
        const { value } = await api.history(mine);
        if (ended || mine !== asked) return;
        problem.hidden = true;
        for (const [one, names] of charts) one.draw(names.map((name) => value[name] ?? []), value.interval);
        wait = Math.max(LEAST_SECONDS, value.interval);
      } catch (error) {
        if (ended || mine !== asked) return;
        problem.hidden = false;
        setText(problem, `No history: ${error.message}`);
      }
    }
    timer = setTimeout(load, wait * 1000);
  }

  load();
  return {
    element: h("div", {}, problem, grid),
    choose(next) {
      asked = next;
      load();
    },
    destroy() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
