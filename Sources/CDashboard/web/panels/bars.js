// A bar of shares, one colour for each entry.

import { h, keyed, setAttribute, setStyle, setText } from "../dom.js";
import { percent } from "../format.js";

const HUES = 6;

export function shareBar(className, caption) {
  const remark = h("span", { class: "quiet" });
  const bar = h("div", { class: "share-bar", role: "img" });
  const element = h("div", { class: `shares ${className}` }, h("p", { class: "caption" }, h("span", {}, caption), remark), bar);
  return {
    element,
    say: (text) => setText(remark, text),
    show(names, shares) {
      const parts = names.map((name, index) => ({ name, share: shares[index] ?? 0, index }));
      keyed(bar, parts, (part) => part.name, (part) => h("span", { class: `hue-${part.index % HUES}` }, h("span")), (segment, part) => {
        setStyle(segment, { width: `${(part.share * 100).toFixed(3)}%` });
        setText(segment.firstChild, part.share >= 0.12 ? percent(part.share) : "");
        setAttribute(segment, "title", `${part.name} ${percent(part.share)}`);
      });
      setAttribute(bar, "aria-label", `${caption}: ${parts.map((part) => `${part.name} ${percent(part.share)}`).join(", ")}`);
    },
  };
}
