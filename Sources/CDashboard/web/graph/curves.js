// The curve of an edge, and where its label goes. Pure.

const ROUNDS = 3;

/** A point of an edge's curve at `t`, 0 … 1. */
export function pointAt({ x1, y1, x2, y2 }, t) {
  const middle = (x1 + x2) / 2;
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * x1 + (b + c) * middle + d * x2, y: (a + b) * y1 + (c + d) * y2 };
}

export function pathOf({ x1, y1, x2, y2 }) {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/**
 * Puts each label on its curve where it covers the fewest others.
 *
 * @param labels `{ id, curve, width, height, tries }`; `tries` are places along the curve, the best first.
 * @returns Map of id to its centre.
 */
export function placeLabels(labels) {
  const boxes = new Map();
  // Those placed first did not know of the others: they may move in a later round.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const label of labels) {
      boxes.delete(label.id);
      boxes.set(label.id, freest(label, [...boxes.values()]));
    }
  }
  return boxes;
}

function freest(label, others) {
  const { curve, width, height } = label;
  const half = width / 2 + 3;
  let best = null;
  for (const t of label.tries) {
    const { x, y } = pointAt(curve, t);
    const fits = 2 * half <= curve.x2 - curve.x1;
    const box = { x: fits ? Math.max(curve.x1 + half, Math.min(curve.x2 - half, x)) : (curve.x1 + curve.x2) / 2, y, width, height };
    const cost = others.reduce((sum, other) => sum + overlap(box, other), 0);
    if (!best || cost < best.cost - 0.5) best = { box, cost };
    if (best.cost === 0) break;
  }
  return best.box;
}

function overlap(a, b) {
  const across = (a.width + b.width) / 2 - Math.abs(a.x - b.x);
  const down = (a.height + b.height) / 2 - Math.abs(a.y - b.y);
  return across > 0 && down > 0 ? across * down : 0;
}
