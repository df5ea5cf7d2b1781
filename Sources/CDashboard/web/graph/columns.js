// How wide the layers are, and how far apart. Pure: in pixels, from the width there is and the size of the type.

/** In units of the type size: what it takes to read everything, and what it takes at least. */
const ROOMY = { widths: [7.5, 12, 18, 13.5, 17], gaps: [4.6, 5.2, 12.6, 9] };
const TIGHT = { widths: [5.6, 9.4, 12.6, 9.8, 12.8], gaps: [2.4, 2.9, 7.4, 4.8] };

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
const whole = ({ widths, gaps }) => sum(widths) + sum(gaps);

/** @returns `{ columns: [{ x, width }], width, roomy }`; `roomy`: 0 … 1, how much of the comfort there is. */
export function columns(available, type, withClients) {
  const first = withClients ? 0 : 1;
  const [tight, roomy] = [TIGHT, ROOMY].map(({ widths, gaps }) => ({ widths: widths.slice(first), gaps: gaps.slice(first) }));
  const units = Math.max(available / type, whole(tight));
  const comfort = Math.min(1, (units - whole(tight)) / (whole(roomy) - whole(tight)));
  const mix = (a, b) => a.map((value, index) => value + (b[index] - value) * comfort);
  const extra = Math.max(0, units - whole(roomy));
  const widths = mix(tight.widths, roomy.widths).map((value) => value + (extra * 0.4 * value) / sum(roomy.widths));
  const gaps = mix(tight.gaps, roomy.gaps).map((value) => value + (extra * 0.6 * value) / sum(roomy.gaps));
  const result = [];
  if (first) result.push({ x: 0, width: 0 });
  let x = 0;
  widths.forEach((value, index) => {
    result.push({ x: Math.round(x * type), width: Math.round(value * type) });
    x += value + (gaps[index] ?? 0);
  });
  return { columns: result, width: Math.round(units * type), roomy: comfort };
}
