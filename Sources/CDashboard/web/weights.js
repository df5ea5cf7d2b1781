// The arithmetic of weights. Pure: whole numbers in, whole numbers out, and the sum stays.

export const LARGEST_WEIGHT = 1_000_000;

export const total = (weights) => weights.reduce((sum, weight) => sum + weight, 0);

/** Each weight's share of the sum, 0 … 1. */
export function shares(weights) {
  const sum = total(weights);
  return weights.map((weight) => (sum > 0 ? weight / sum : 0));
}

/** Spreads `sum` over places in the proportion of `parts`, in whole numbers: those who lose most by rounding get the rest. */
export function apportion(parts, sum) {
  if (parts.length === 0) return [];
  const whole = total(parts);
  const exact = parts.map((part) => (whole > 0 ? (part * sum) / whole : sum / parts.length));
  const floors = exact.map(Math.floor);
  const order = exact
    .map((value, index) => ({ index, left: value - Math.floor(value) }))
    .sort((a, b) => b.left - a.left || a.index - b.index);
  let left = sum - total(floors);
  for (const { index } of order) {
    if (left <= 0) break;
    floors[index] += 1;
    left -= 1;
  }
  return floors;
}

/**
 * One weight gets `value`, and the others give or take the difference, each in the proportion of `base`.
 *
 * `base` is what they were when the hand took the slider: were it what they are now, rounding would eat the small ones
 * while it moves.
 */
export function moved(base, index, value) {
  const sum = total(base);
  if (base.length < 2) return [...base];
  const wanted = Math.max(0, Math.min(sum, Math.round(Number.isFinite(value) ? value : base[index])));
  const others = base.filter((_, place) => place !== index);
  const spread = apportion(others, sum - wanted);
  spread.splice(index, 0, wanted);
  return spread;
}

/** Everything to one. */
export const allTo = (weights, index) => weights.map((_, place) => (place === index ? total(weights) : 0));

/** The two weights of a route with two entries, the other way round. */
export const swapped = (weights) => [weights[1], weights[0]];

/** The same proportions with another sum. */
export const scaled = (weights, sum) => apportion(weights, sum);

/** What differs, by name: the body of a change. */
export function changes(names, before, after) {
  const body = {};
  names.forEach((name, index) => {
    if (before[index] !== after[index]) body[name] = after[index];
  });
  return body;
}
