// The places of nodes whose order is known. Pure: sizes in, positions out.
//
// The fullest layer is stacked, and the others are as near to their neighbours as the sizes allow. A graph that is higher than
// the screen scrolls through its fullest layer, while the others stay in sight.

import { neighbours } from "./layout.js";

/** A graph that is higher than what there is by more than this scrolls by its fullest layer alone. */
const TALL = 1.3;

/**
 * @param order For each layer its nodes, `{ id, width, height }`.
 * @param options `columns`: `{ x, width }` of each layer; `gap` between nodes; `height`: what there is, filled by a short graph;
 *     `sight`: `{ top, bottom }` of what is in sight of a tall one.
 * @returns `{ boxes: Map<id, { x, y, width, height }>, curves: Map<id, { x1, y1, x2, y2 }>, height, tall }`; an edge without a
 *     curve leads out of sight.
 */
export function placed(order, edges, { columns, gap, height = 0, sight = { top: 0, bottom: height } }) {
  const links = neighbours(order.flat(), edges);
  const boxes = new Map();
  const needed = order.map((layer) => layer.reduce((sum, node) => sum + node.height, 0) + gap * Math.max(0, layer.length - 1));
  const fullest = needed.indexOf(Math.max(...needed));
  const outward = order.map((_, index) => index).filter((index) => index !== fullest).sort((a, b) => Math.abs(a - fullest) - Math.abs(b - fullest));
  const tall = height > 0 && needed[fullest] > height * TALL;
  if (tall) {
    stack(order[fullest], columns[fullest], gap, 0, boxes);
    for (const index of outward) stayInSight(order[index], columns[index], gap, needed[index], needed[fullest], sight, boxes);
  } else {
    const airy = Math.max(gap, Math.min(gap * 3, gap + (height - needed[fullest]) / Math.max(1, order[fullest].length)));
    stack(order[fullest], columns[fullest], airy, 0, boxes);
    for (let round = 0; round < 3; round += 1) {
      for (const index of outward) follow(order[index], links, columns[index], gap, boxes);
    }
    settle(boxes, height);
  }
  const shown = tall ? edges.filter((edge) => isSeen(boxes.get(edge.from), sight) && isSeen(boxes.get(edge.to), sight)) : edges;
  const bottom = tall ? needed[fullest] : Math.max(0, ...[...boxes.values()].map((box) => box.y + box.height));
  return { boxes, curves: curves(shown, boxes), height: bottom, tall };
}

const isSeen = (box, { top, bottom }) => box.y + box.height / 2 > top && box.y + box.height / 2 < bottom;

/** A layer beside one that scrolls: in the middle of what is in sight, or scrolled through as far as that one is. */
function stayInSight(layer, column, gap, needed, whole, sight, boxes) {
  const room = sight.bottom - sight.top;
  if (needed > room) {
    const progress = Math.min(1, Math.max(0, sight.top / Math.max(1, whole - room)));
    return stack(layer, column, gap, sight.top - progress * (needed - room), boxes);
  }
  const airy = Math.min(gap * 5, gap + (room - needed) / (layer.length + 1));
  const height = needed + (airy - gap) * Math.max(0, layer.length - 1);
  return stack(layer, column, airy, sight.top + (room - height) / 2, boxes);
}

/** Not above the top, and a short graph a little below it. */
function settle(boxes, height) {
  const top = Math.min(0, ...[...boxes.values()].map((box) => box.y));
  const bottom = Math.max(0, ...[...boxes.values()].map((box) => box.y + box.height));
  const shift = Math.max(0, Math.min((height - (bottom - top)) / 2, height * 0.12)) - top;
  for (const box of boxes.values()) box.y = Math.round(box.y + shift);
}

function stack(layer, column, gap, top, boxes) {
  let y = top;
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
  const side = (mine, other, set) => {
    const groups = Map.groupBy(edges, (edge) => edge[mine]);
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
