/* The curve of accuracy by labels, with bands: items asked for, and items drawn by chance. */

import { h, svg } from "./dom.js";

/** @import {Metric} from "./metrics.js" */
/** @import {Point} from "./types.js" */

const ARMS = { active: "asked", control: "by chance", all: "all" };
const EDGE = { left: 46, right: 76, top: 14, bottom: 34 };

/**
 * @param {Point[]} points
 * @param {Metric} metric
 * @param {number} wide pixels
 * @param {boolean} open whether the table of numbers is unfolded
 * @returns {HTMLElement}
 */
export function chart(points, metric, wide, open) {
  const tall = Math.round(Math.min(Math.max(220, 0.3 * wide), 320));
  const most = Math.max(...points.map((one) => one.labels));
  const least = Math.min(...points.map((one) => one.labels));
  const [low, high] = limits(points, metric.share);
  const x = (/** @type {number} */ n) =>
    EDGE.left + ((n - least) / Math.max(most - least, 1)) * (wide - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ v) => EDGE.top + ((high - v) / (high - low)) * (tall - EDGE.top - EDGE.bottom);
  const arms = /** @type {(keyof typeof ARMS)[]} */ (["control", "all", "active"]).filter((arm) =>
    points.some((one) => one.arm === arm),
  );
  const ends = spread(arms.map((arm) => y(points.filter((one) => one.arm === arm).at(-1)?.value ?? 0)));
  const drawn = arms.map((arm, place) =>
    line(
      points.filter((one) => one.arm === arm),
      arm,
      x,
      y,
      ends[place] ?? 0,
    ),
  );
  const last = arms
    .map((arm) => `${ARMS[arm]} ${metric.said(points.filter((one) => one.arm === arm).at(-1)?.value ?? 0)}`)
    .join(", ");
  const picture = svg(
    "svg.chart",
    {
      viewBox: `0 0 ${wide} ${tall}`,
      role: "img",
      "aria-label": `${metric.name} by number of labels, up to ${most} labels: ${last}`,
    },
    ...ticks(low, high, 4).map((v) =>
      svg(
        "g",
        {},
        svg("line.grid", { x1: EDGE.left, x2: wide - EDGE.right, y1: y(v), y2: y(v) }),
        svg("text.tick", { x: EDGE.left - 8, y: y(v) + 4, "text-anchor": "end" }, metric.said(v)),
      ),
    ),
    ...ticks(least, most, 4).map((n) =>
      svg("text.tick", { x: x(n), y: tall - EDGE.bottom + 18, "text-anchor": "middle" }, String(n)),
    ),
    svg("text.tick", { x: (EDGE.left + wide - EDGE.right) / 2, y: tall - 2, "text-anchor": "middle" }, "labels"),
    ...drawn,
  );
  return h(
    "figure",
    {},
    picture,
    h("figcaption", {}, `${metric.name} by number of labels; the bands show how sure that is.`),
    table(points, metric, open),
  );
}

/**
 * @param {Point[]} points
 * @param {keyof typeof ARMS} arm
 * @param {(n: number) => number} x
 * @param {(v: number) => number} y
 * @param {number} end where its name stands
 */
function line(points, arm, x, y, end) {
  const at = (/** @type {(one: Point) => number} */ of) =>
    points.map((one) => `${x(one.labels).toFixed(1)},${y(of(one)).toFixed(1)}`);
  const last = points.at(-1);
  return svg(
    "g.arm",
    { "data-arm": arm },
    svg("polygon.band", { points: [...at((one) => one.high), ...at((one) => one.low).reverse()].join(" ") }),
    svg("polyline.stroke", { points: at((one) => one.value).join(" ") }),
    last && svg("circle.end", { cx: x(last.labels), cy: y(last.value), r: 3.5 }),
    last && svg("text.name", { x: x(last.labels) + 9, y: end + 4 }, ARMS[arm]),
  );
}

/** Names of lines that end near each other are moved apart. @param {number[]} ends */
function spread(ends) {
  const order = ends.map((y, place) => ({ y, place })).sort((one, two) => one.y - two.y);
  const moved = [...ends];
  let before = -Infinity;
  for (const { y, place } of order) {
    before = Math.max(y, before + 15);
    moved[place] = before;
  }
  return moved;
}

/** @param {Point[]} points @param {boolean} share @returns {[number, number]} */
function limits(points, share) {
  const low = Math.min(...points.map((one) => one.low));
  const high = Math.max(...points.map((one) => one.high));
  if (!share) return [Math.max(0, low), high > low ? high : low + 1];
  return [Math.max(0, Math.floor(10 * low) / 10), Math.min(1, Math.max(Math.ceil(10 * high) / 10, 0.1))];
}

/** Round numbers in a range, about so many. @param {number} low @param {number} high @param {number} about */
function ticks(low, high, about) {
  const raw = (high - low) / about || 1;
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * base).find((one) => one >= raw) ?? raw;
  const made = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step)
    made.push(Number(v.toPrecision(10)));
  return made;
}

/** @param {Point[]} points @param {Metric} metric @param {boolean} open */
function table(points, metric, open) {
  const rows = points.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, ARMS[one.arm]),
      h("td", {}, one.labels),
      h("td", {}, metric.said(one.value)),
      h("td", {}, `${metric.said(one.low)} to ${metric.said(one.high)}`),
    ),
  );
  const heads = ["items", "labels", "value", "band"].map((one) => h("th", { scope: "col" }, one));
  return h(
    "details",
    { open },
    h("summary", {}, "The numbers"),
    h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)),
  );
}
