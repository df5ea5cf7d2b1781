// Places nodes in layers. Pure: sizes in, positions out.
//
// The order within a layer is improved by barycentres: each node goes to the mean place of its neighbours, layer by layer, to
// and fro, and the order with the fewest crossings is kept. The heights are then as near to the neighbours' as the sizes allow.

const SWEEPS = 8;

/**
 * @param nodes `{ id, layer, width, height }`, in the order wanted where nothing speaks against it.
 * @param edges `{ id, from, to }` from a layer to a later one.
 * @param options `columns`: `{ x, width }` of each layer; `gap` between the nodes of a layer; `fixed`: layers that keep their
 *     order; `height`: what there is, filled by a short graph.
 * @returns `{ boxes: Map<id, { x, y, width, height }>, curves: Map<id, { x1, y1, x2, y2 }>, height }`
 */
export function layout(nodes, edges, { columns, gap, fixed = new Set(), height = 0 }) {
  const layers = columns.map((_, index) => nodes.filter((node) => node.layer === index));
  const links = neighbours(nodes, edges);
  const order = untangle(layers, links, edges, fixed);
  const boxes = place(order, links, columns, gap, height);
  const bottom = Math.max(0, ...[...boxes.values()].map((box) => box.y + box.height));
  return { boxes, curves: curves(edges, boxes), height: bottom };
}

function neighbours(nodes, edges) {
  const links = new Map(nodes.map((node) => [node.id, { before: [], after: [] }]));
  for (const edge of edges) {
    links.get(edge.from)?.after.push(edge.to);
    links.get(edge.to)?.before.push(edge.from);
  }
  return links;
}

/** Crossings of edges between neighbouring layers in this order. */
export function crossings(order, edges) {
  const rank = new Map(order.flatMap((layer) => layer.map((node, index) => [node.id, index])));
  const layerOf = new Map(order.flatMap((layer, index) => layer.map((node) => [node.id, index])));
  const gaps = order.map(() => []);
  for (const edge of edges) {
    if (rank.has(edge.from) && rank.has(edge.to)) gaps[layerOf.get(edge.from)].push([rank.get(edge.from), rank.get(edge.to)]);
  }
  return gaps.reduce((sum, pairs) => sum + inversions(pairs), 0);
}

/** Pairs that cross, counted with a tree of sums in n log n. */
function inversions(pairs) {
  const sorted = [...pairs].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const size = Math.max(0, ...pairs.map((pair) => pair[1])) + 1;
  const tree = new Array(size + 1).fill(0);
  let crossed = 0;
  sorted.forEach(([, target], seen) => {
    let notAfter = 0;
    for (let i = target + 1; i > 0; i -= i & -i) notAfter += tree[i];
    crossed += seen - notAfter;
    for (let i = target + 1; i <= size; i += i & -i) tree[i] += 1;
  });
  return crossed;
}

function untangle(layers, links, edges, fixed) {
  let order = layers;
  let best = layers;
  let fewest = crossings(layers, edges);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const forward = sweep % 2 === 0;
    const rank = new Map(order.flatMap((layer) => layer.map((node, index) => [node.id, index / Math.max(1, layer.length - 1)])));
    const next = [...order];
    const indices = order.map((_, index) => index);
    for (const index of forward ? indices : indices.reverse()) {
      if (fixed.has(index)) continue;
      next[index] = sortedByBarycentre(order[index], links, rank, forward);
      next[index].forEach((node, place) => rank.set(node.id, place / Math.max(1, next[index].length - 1)));
    }
    order = next;
    const count = crossings(order, edges);
    if (count < fewest) [best, fewest] = [order, count];
  }
  return best;
}

function sortedByBarycentre(layer, links, rank, forward) {
  const keyOf = (node, index) => {
    const { before, after } = links.get(node.id);
    const side = forward ? before : after;
    const near = side.length ? side : forward ? after : before;
    return near.length ? near.reduce((sum, id) => sum + (rank.get(id) ?? 0), 0) / near.length : index / Math.max(1, layer.length - 1);
  };
  return layer
    .map((node, index) => ({ node, index, key: keyOf(node, index) }))
    .sort((a, b) => a.key - b.key || a.index - b.index)
    .map((one) => one.node);
}

/** The fullest layer is stacked; each of the others follows its neighbours. */
function place(order, links, columns, gap, height) {
  const boxes = new Map();
  const needed = order.map((layer) => layer.reduce((sum, node) => sum + node.height, 0) + gap * Math.max(0, layer.length - 1));
  const fullest = needed.indexOf(Math.max(...needed));
  const spare = height - needed[fullest];
  const airy = spare > 0 ? Math.min(gap * 3, gap + spare / Math.max(1, order[fullest].length)) : gap;
  stack(order[fullest], columns[fullest], airy, boxes);
  const outward = order.map((_, index) => index).filter((index) => index !== fullest).sort((a, b) => Math.abs(a - fullest) - Math.abs(b - fullest));
  for (let round = 0; round < 3; round += 1) {
    for (const index of outward) follow(order[index], links, columns[index], gap, boxes);
  }
  const top = Math.min(0, ...[...boxes.values()].map((box) => box.y));
  const bottom = Math.max(0, ...[...boxes.values()].map((box) => box.y + box.height));
  const shift = Math.max(0, Math.min((height - (bottom - top)) / 2, height * 0.12)) - top;
  for (const box of boxes.values()) box.y = Math.round(box.y + shift);
  return boxes;
}

function stack(layer, column, gap, boxes) {
  let y = 0;
  for (const node of layer) {
    boxes.set(node.id, { x: column.x, y, width: column.width, height: node.height });
    y += node.height + gap;
  }
}

/** Least squares under order: neighbours that want the same place form a block around its mean (pool adjacent violators). */
function follow(layer, links, column, gap, boxes) {
  const blocks = [];
  let offset = 0;
  for (const node of layer) {
    const { before, after } = links.get(node.id);
    const centres = [...before, ...after].map((id) => boxes.get(id)).filter(Boolean).map((box) => box.y + box.height / 2);
    const previous = blocks.at(-1);
    const centre = centres.length ? centres.reduce((sum, y) => sum + y, 0) / centres.length : null;
    const wanted = centre === null ? (previous ? previous.mean : 0) : centre - node.height / 2 - offset;
    blocks.push({ mean: wanted, weight: 1, members: [{ node, offset }] });
    while (blocks.length > 1 && blocks.at(-2).mean > blocks.at(-1).mean) {
      const last = blocks.pop();
      const into = blocks.at(-1);
      into.mean = (into.mean * into.weight + last.mean * last.weight) / (into.weight + last.weight);
      into.weight += last.weight;
      into.members.push(...last.members);
    }
    offset += node.height + gap;
  }
  for (const block of blocks) {
    for (const { node, offset: below } of block.members) {
      boxes.set(node.id, { x: column.x, y: block.mean + below, width: column.width, height: node.height });
    }
  }
}

/** Where each edge leaves and arrives: side by side along the node's edge, in the order of the other ends. */
function curves(edges, boxes) {
  const result = new Map(edges.map((edge) => [edge.id, { x1: 0, y1: 0, x2: 0, y2: 0 }]));
  const centre = (id) => boxes.get(id).y + boxes.get(id).height / 2;
  const known = edges.filter((edge) => boxes.has(edge.from) && boxes.has(edge.to));
  const side = (mine, other, set) => {
    const groups = Map.groupBy(known, (edge) => edge[mine]);
    for (const [id, group] of groups) {
      const box = boxes.get(id);
      const room = Math.min(box.height * 0.62, (group.length - 1) * box.height * 0.22);
      group.sort((a, b) => centre(a[other]) - centre(b[other]));
      group.forEach((edge, index) => {
        const y = box.y + box.height / 2 + (group.length > 1 ? (index / (group.length - 1) - 0.5) * room : 0);
        set(result.get(edge.id), box, y);
      });
    }
  };
  side("from", "to", (curve, box, y) => Object.assign(curve, { x1: box.x + box.width, y1: y }));
  side("to", "from", (curve, box, y) => Object.assign(curve, { x2: box.x, y2: y }));
  return result;
}

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
  const placed = [];
  const result = new Map();
  for (const label of labels) {
    let best = null;
    for (const t of label.tries) {
      const { x, y } = pointAt(label.curve, t);
      const half = label.width / 2 + 3;
      const room = Math.max(label.curve.x1 + half, Math.min(label.curve.x2 - half, x));
      const box = { x: label.width + 6 > label.curve.x2 - label.curve.x1 ? (label.curve.x1 + label.curve.x2) / 2 : room, y, width: label.width, height: label.height };
      const cost = placed.reduce((sum, other) => sum + overlap(box, other), 0);
      if (!best || cost < best.cost - 0.5) best = { box, cost };
      if (best.cost === 0) break;
    }
    placed.push(best.box);
    result.set(label.id, { x: best.box.x, y: best.box.y });
  }
  return result;
}

function overlap(a, b) {
  const across = (a.width + b.width) / 2 - Math.abs(a.x - b.x);
  const down = (a.height + b.height) / 2 - Math.abs(a.y - b.y);
  return across > 0 && down > 0 ? across * down : 0;
}
