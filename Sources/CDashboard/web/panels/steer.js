// Drain and its opposite, for an endpoint.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { findBackend, store } from "../store.js";
import { confirmButton, READ_ONLY } from "../parts/controls.js";
import { note } from "../parts/notices.js";

export function drainControl(backend, address) {
  const element = h("div", { class: "actions" });
  let shown = "";

  async function act(call, done) {
    try {
      await call({ backend, endpoint: address });
      note(done, "good");
    } catch (error) {
      note(`Not done: ${error.message}`, "bad");
    }
  }

  return {
    element,
    update(endpoint) {
      const others = findBackend(backend).endpoints.filter((one) => one.address !== address && one.state === "up").length;
      const now = `${endpoint.state === "draining"} ${others > 0} ${store.status.readOnly}`;
      // A question that is being asked stays: it is made anew only where the answer would be another.
      if (now === shown) return;
      shown = now;
      if (store.status.readOnly) return replace(element, h("button", { type: "button", class: "button", disabled: true }, "Drain"), h("span", { class: "quiet" }, READ_ONLY));
      if (endpoint.state === "draining") {
        return replace(element, confirmButton("Undrain", "Send requests here again?", () => act(api.undrain, `${address} gets requests again`)));
      }
      const warning = others ? "New requests go to the others; those that run are finished." : "It is the only one that is up: requests will wait, then fail.";
      replace(element, confirmButton("Drain", `Drain ${address}? ${warning}`, () => act(api.drain, `${address} drains`)));
    },
  };
}
