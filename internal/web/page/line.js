// The small line of a sensor's newest points, and the same in words. What knows only two states goes up and down in steps.
import { svg } from "./dom.js";
import { plural, span } from "./text.js";

const width = 120;
const height = 24;
const edge = 3; // so that neither the stroke nor the last dot is cut

const finite = (points) => points
  .map(({ at, value }) => ({ at: Date.parse(at), value: value == null ? NaN : Number(value), digits: value }))
  .map((p) => (Number.isFinite(p.value) ? p : { ...p, value: null }));

const range = (numbers) => [Math.min(...numbers), Math.max(...numbers)];

const scale = ([low, high], from, to) => (x) => (high > low ? from + ((x - low) / (high - low)) * (to - from) : (from + to) / 2);

// path breaks the line where the vendor sent no value.
const path = (points, x, y, steps) => points.map((p, i) => {
  if (p.value === null) return "";
  const [at, value] = [x(p.at).toFixed(1), y(p.value).toFixed(1)];
  if (i === 0 || points[i - 1].value === null) return `M${at} ${value}`;
  return steps ? `H${at}V${value}` : `L${at} ${value}`;
}).join("");

const statesInWords = (known, states) => {
  const changes = known.filter((p, i) => i > 0 && p.value !== known[i - 1].value).length;
  return `${plural(known.length, "value")} over ${span((known.at(-1).at - known[0].at) / 1000)}, ${plural(changes, "change")}, ${states[known.at(-1).value]} at the end`;
};

// inWords says what the line shows. Lowest and highest keep the vendor's digits.
const inWords = (known) => {
  if (!known.length) return "no values";
  const lowest = known.reduce((a, b) => (b.value < a.value ? b : a));
  const highest = known.reduce((a, b) => (b.value > a.value ? b : a));
  const over = span((known.at(-1).at - known[0].at) / 1000);
  if (known.length === 1) return `one value, ${known[0].digits}`;
  const step = known.at(-1).value - known[0].value;
  const course = step === 0 ? "ends where it began" : step > 0 ? "risen" : "fallen";
  return `${known.length} values over ${over}, between ${lowest.digits} and ${highest.digits}, ${course}`;
};

// line draws readings; states are the words for 0 and 1 where there is nothing else.
export const line = (readings, states = null) => {
  const points = finite(readings);
  const known = points.filter((p) => p.value !== null);
  const label = states ? statesInWords(known, states) : inWords(known);
  const box = { class: "line", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label };
  const image = svg("svg", box, svg("title", null, label));
  if (!known.length) return image;
  const x = scale(range(known.map((p) => p.at)), edge, width - edge);
  const y = scale(states ? [0, 1] : range(known.map((p) => p.value)), height - edge, edge);
  const last = known.at(-1);
  image.append(svg("path", { d: path(points, x, y, states) }), svg("circle", { cx: x(last.at).toFixed(1), cy: y(last.value).toFixed(1), r: 2.2 }));
  return image;
};
