/* Small readings: a number as it is typed, the age of a guess, by which means a button was pressed. */

import { plural } from "./dom.js";

/** @import {How, Item, Model} from "./types.js" */

/**
 * A number as people write it, with a point or a comma; null if it is none.
 * @param {string} typed
 */
export function readNumber(typed) {
  if (!/^[+\-−]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(typed)) return null;
  const value = Number(typed.replace("−", "-").replace(",", "."));
  return Number.isFinite(value) ? value : null;
}

/**
 * How much a guess lags behind the answers: "" if it is fresh.
 * @param {Item["guess"]} guess
 * @param {Model | null | undefined} model
 */
export function lag(guess, model) {
  if (!guess || guess.since < Math.max(10, (model?.labels ?? 0) / 5)) return "";
  return `older than the last ${plural(guess.since, "label")}`;
}

/**
 * By which means a button was pressed.
 * @param {Event} event
 * @returns {How}
 */
export function pointed(event) {
  if (event instanceof PointerEvent && event.pointerType === "touch") return "touch";
  return event instanceof MouseEvent && event.detail > 0 ? "click" : "key";
}
