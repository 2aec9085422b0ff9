/* How a metric is called and written: a share of items in percent, an error in the units of the answers. */

import { percent } from "./dom.js";

/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {boolean} share whether it lies between 0 and 1
 * @property {(value: number) => string} said
 */

/** @param {string} metric as the server calls it @returns {Metric} */
export function measured(metric) {
  if (metric === "rmse") return { name: "error (RMSE)", share: false, said: (value) => String(+value.toPrecision(3)) };
  return { name: metric === "f1" ? "F1" : metric, share: true, said: percent };
}
