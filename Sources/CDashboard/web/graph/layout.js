// The order of nodes within layers. Pure.
//
// It is improved by barycentres: each node goes to the mean place of its neighbours, layer by layer, to and fro, and the order
// with the fewest crossings is kept.

const SWEEPS = 8;

/**
 * @param nodes `{ id, layer, … }`, in the order wanted where nothing speaks against it.
 * @param edges `{ id, from, to }` from a layer to a later one.
 * @param fixed Layers that keep their order.
 * @returns For each layer its nodes, from top to bottom.
 */
export function ordered(nodes, edges, count, fixed = new Set()) {
  const layers = Array.from({ length: count }, (_, index) => nodes.filter((node) => node.layer === index));
  return untangle(layers, neighbours(nodes, edges), edges, fixed);
}

/** Of each node's id the ids before and behind it. */
export function neighbours(nodes, edges) {
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
