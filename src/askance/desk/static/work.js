/* Around the item: what is known of it, what was just answered, and the answers that are no label. */

import { fill, h, icon, keycap, percent, plural, spoken } from "./dom.js";
import { announced } from "./keys.js";
import { lag, pointed } from "./values.js";

/** @import {How} from "./types.js" */
/** @import {Keys} from "./keys.js" */
/** @import {Deed, Session} from "./session.js" */

/**
 * What the buttons do.
 * @typedef {object} Doing
 * @property {() => void} skip
 * @property {(kind: "unsure" | "none-of-these" | "broken", how: How) => void} aside
 * @property {() => void} flag
 * @property {() => void} comment
 */

/**
 * The row of buttons under the choices.
 * @param {Element} root
 * @param {Keys} keys
 * @param {Doing} doing
 * @param {Session} session
 */
export function drawActions(root, keys, doing, session) {
  const item = session.current;
  /** @type {[string, string, string, (event: Event) => void][]} */
  const all = [
    ["skip", "skip", session.correcting ? "Leave as it is" : "Skip", () => doing.skip()],
    ["unsure", "unsure", "Unsure", (event) => doing.aside("unsure", pointed(event))],
    ["none", "none", "None of these", (event) => doing.aside("none-of-these", pointed(event))],
    ["broken", "broken", "Broken", (event) => doing.aside("broken", pointed(event))],
    ["flag", "flag", item?.flag ? "Flagged" : "Flag", () => doing.flag()],
    ["comment", "comment", item?.comment ? "Commented" : "Comment", () => doing.comment()],
  ];
  const focused = document.activeElement?.getAttribute("data-action");
  fill(
    root,
    all.map(([name, sign, title, onclick]) =>
      h(
        "button.action",
        {
          type: "button",
          "data-action": name,
          onclick,
          "aria-keyshortcuts": announced(keys.of(name)),
          "aria-pressed": name === "flag" ? String(Boolean(item?.flag)) : null,
          disabled: !item,
        },
        icon(sign),
        h("span.name", {}, title),
        keys.label(name) && keycap(keys.label(name)),
      ),
    ),
  );
  const given = { unsure: "unsure", "none-of-these": "none", broken: "broken", label: "" }[
    item?.answer?.kind ?? "label"
  ];
  if (given) root.querySelector(`[data-action=${given}]`)?.classList.add("given");
  if (focused) /** @type {HTMLElement | null} */ (root.querySelector(`[data-action=${focused}]`))?.focus();
}

/**
 * The line above the item.
 * @param {Element} root
 * @param {Session} session
 */
export function drawAbout(root, session) {
  const { current: item, state } = session;
  if (!item) return fill(root);
  const guess = state?.suggest === "before" ? item.guess : null;
  const late = lag(guess, state?.model);
  fill(
    root,
    h("span.id", { title: "The item's id" }, item.id),
    item.flag && h("span.chip.warn", {}, icon("flag"), "flagged"),
    item.comment && h("span.chip", { title: item.comment }, icon("comment"), short(item.comment, 40)),
    item.others.map((one) => h("span.chip", { dir: "auto" }, `${one.by}: ${short(spoken(one.value, one.kind), 40)}`)),
    late && h("span.chip.soft", { title: "The model has not learned from these labels yet" }, `suggestion ${late}`),
  );
}

/**
 * What must be said about the item before it is answered.
 * @param {Element} root
 * @param {Session} session
 */
export function drawNotice(root, session) {
  const { current: item } = session;
  const refusal = item && session.refusals.get(item.id);
  root.className = refusal ? "notice wrong" : "notice";
  if (item && refusal?.error) {
    const gone = refusal.error.status === 409;
    fill(
      root,
      icon("broken"),
      h(
        "p",
        {},
        h(
          "strong",
          {},
          `Your answer '${short(spoken(item.answer?.value ?? null, item.answer?.kind), 60)}' was not saved. `,
        ),
        refusal.error.text,
        gone ? " Answer again if you still want to, or let it go." : " Choose again.",
      ),
      h("button.small", { type: "button", onclick: () => session.dismiss() }, "Let it go"),
    );
  } else if (session.correcting && item?.answer) {
    const said = short(spoken(item.answer.value, item.answer.kind), 60);
    fill(
      root,
      icon("edit"),
      h("p", {}, "You answered ", h("strong", { dir: "auto" }, said), ". Choose again to change it."),
      h("button.small", { type: "button", onclick: () => void session.skip() }, "Leave as it is"),
    );
  } else fill(root);
}

/**
 * What was just answered, and whether the model would have said the same.
 * @param {Element} root
 * @param {Session} session
 * @param {Deed | undefined} deed
 */
export function drawLast(root, session, deed) {
  if (!deed) return fill(root);
  if (deed.what === "skip") return fill(root, icon("skip"), h("span", {}, "Skipped: it comes back later."));
  const answer = h("strong", { dir: "auto" }, short(spoken(deed.value, deed.kind), 60));
  const many = deed.what === "lasso" && h("span", {}, `for ${plural(deed.count, "item")}`);
  fill(root, icon("check"), answer, many, ...verdict(session, deed));
}

/** @param {Session} session @param {Deed} deed */
function verdict(session, deed) {
  const guess = deed.item?.guess;
  if (session.state?.suggest !== "after" || !guess || deed.kind !== "label") return [];
  const late = lag(guess, session.state.model);
  const sure = guess.probability === null ? "" : ` (${percent(guess.probability)})`;
  const close = typeof deed.value === "number" && typeof guess.value === "number";
  const agrees = String([deed.value].flat().sort()) === String([guess.value].flat().sort());
  const said = close
    ? `the model guessed ${guess.value}`
    : agrees
      ? `the model guessed the same${sure}`
      : `the model guessed '${short(spoken(guess.value), 60)}'${sure}`;
  return [
    h(agrees && !close ? "span.agrees" : "span.differs", { dir: "auto" }, said),
    late && h("span.soft", {}, `, ${late}`),
  ].filter((one) => one !== "");
}

/** @param {string} text @param {number} most */
export function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text;
}

/** @param {number} seconds */
export function waitFor(seconds) {
  return seconds < 60
    ? `about ${Math.max(1, Math.round(seconds))} s`
    : `about ${plural(Math.round(seconds / 60), "minute")}`;
}
