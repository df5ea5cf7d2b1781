// The stream of events: opened, watched, opened again, and closed while nobody looks.

import { receive } from "./store.js";

const FIRST_WAIT_MILLISECONDS = 1000;
const LONGEST_WAIT_MILLISECONDS = 15_000;
/** An event comes each second: after so many without one the connection is taken for dead. */
const SILENCE_MILLISECONDS = 6000;
/** A page in the background keeps its connection so long; browsers have only six for one address. */
const HIDDEN_MILLISECONDS = 5000;

let source = null;
let attempts = 0;
let retryTimer = 0;
let silenceTimer = 0;
let hiddenTimer = 0;
let paused = false;
let report = () => {};

/** `show({ state, retryAt })` is told of each change; states: connecting, live, waiting, paused. */
export function start(show) {
  report = show;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = setTimeout(close, HIDDEN_MILLISECONDS);
    else if (!source && !paused) open();
  });
  // A page that is kept for the way back keeps its connection as well, and six of them would leave none for the next page.
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && !paused && open());
  open();
}

export const isPaused = () => paused;

export function setPaused(value) {
  paused = value;
  if (!paused) return open();
  close();
  report({ state: "paused" });
}

/** Does not wait for the next attempt. */
export function reconnectNow() {
  if (!paused) open();
}

function open() {
  close();
  // Opened when somebody looks: see `start`.
  if (document.hidden) return;
  report({ state: "connecting", attempts });
  source = new EventSource("/api/v1/events");
  source.addEventListener("state", (message) => take(message, true));
  source.addEventListener("delta", (message) => take(message, false));
  source.addEventListener("error", lost);
  listen();
}

function close() {
  clearTimeout(retryTimer);
  clearTimeout(silenceTimer);
  source?.close();
  source = null;
}

function listen() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(lost, SILENCE_MILLISECONDS);
}

function take(message, isState) {
  if (message.currentTarget !== source) return;
  let event;
  try {
    event = JSON.parse(message.data);
  } catch {
    return lost();
  }
  listen();
  if (isState) {
    attempts = 0;
    report({ state: "live" });
  }
  receive(event, isState);
}

function lost() {
  close();
  const wait = Math.min(LONGEST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS * 2 ** attempts);
  // Pages that lost the same gateway do not all come back in the same instant.
  const jittered = wait * (0.75 + Math.random() / 2);
  attempts += 1;
  report({ state: "waiting", retryAt: Date.now() + jittered });
  retryTimer = setTimeout(open, jittered);
}
