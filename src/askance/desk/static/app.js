/* The page: brings the parts together, and hands keys to them. */

import { Choices } from "./choices.js";
import { byId, fill, h, icon, keycap } from "./dom.js";
import { showComment, showExport, showLogin, showSettings } from "./dialogs.js";
import { instead } from "./empty.js";
import { drawBanners, drawHead, drawSaved } from "./header.js";
import { showHelp } from "./help.js";
import { Stage } from "./items.js";
import { Keys, announced, beginsSearch, chordOf } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Palette } from "./palette.js";
import { Panels } from "./panels.js";
import { applyTheme, preference } from "./preferences.js";
import { Session } from "./session.js";
import { drawAbout, drawActions, drawLast, drawNotice } from "./work.js";

/** @import {How} from "./types.js" */

const parts = { project: byId("project"), progress: byId("progress"), people: byId("people") };
const sheet = /** @type {HTMLDialogElement} */ (byId("sheet"));
const keys = new Keys();
const palette = new Palette(/** @type {HTMLDialogElement} */ (byId("palette")));
const session = new Session((key) => {
  const outbox = new Outbox(key);
  outbox.addEventListener("change", drawTop);
  return outbox;
});
const choices = new Choices(byId("choices"), session, keys, palette);
const stage = new Stage(byId("stage"), () => byId("stage").classList.toggle("zoomed", (stage.zoom?.scale ?? 1) > 1));
const panels = new Panels(byId("panel"), byId("rail"), session, keys, palette);

const doing = {
  skip: () => void session.skip(),
  aside: (/** @type {"unsure" | "none-of-these" | "broken"} */ kind, /** @type {How} */ how) =>
    void session.answer(null, kind, how),
  flag: () => session.note({ flag: !session.current?.flag }),
  comment: () => showComment(sheet, session),
};

/** @type {Record<string, () => void>} */
const ACTS = {
  ...Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`choose-${n + 1}`, () => choices.choose(n, "key")])),
  accept: () => choices.accept("key"),
  search: () => void choices.search(),
  skip: doing.skip,
  unsure: () => doing.aside("unsure", "key"),
  none: () => doing.aside("none-of-these", "key"),
  broken: () => doing.aside("broken", "key"),
  undo: () => void session.undo(),
  flag: doing.flag,
  comment: doing.comment,
  "reset-view": () => stage.zoom?.reset(),
  help: () => showHelp(sheet, keys, redraw),
  ...Object.fromEntries(
    ["overview", "why", "map", "history", "classes"].map((name) => [`panel-${name}`, () => panels.toggle(name)]),
  ),
};

let shown = ""; // which item, or which words in its place

function drawTop() {
  drawSaved(byId("saved"), session);
  drawBanners(byId("banners"), session);
}

function drawItem() {
  const item = session.current;
  const actions = byId("actions");
  actions.hidden = !item;
  drawAbout(byId("about"), session);
  drawNotice(byId("notice"), session);
  if (item && session.refusals.has(item.id)) fill(byId("toasts")); // the notice says the same
  drawSaved(byId("saved"), session);
  drawActions(actions, keys, doing, session);
  if (!item) {
    const { about, children } = instead(session, () => showExport(sheet, session));
    choices.draw();
    if (shown !== about) stage.clear(...children);
    if (shown !== about) /** @type {HTMLElement | null} */ (byId("stage").querySelector("input"))?.focus();
    shown = about;
    return;
  }
  if (shown === `item ${item.id}`) return;
  shown = `item ${item.id}`;
  stage.show(item, session.state?.reads ?? "text");
  byId("stage").setAttribute("aria-label", `Item to label: ${item.id}`);
}

function drawUndo() {
  const undo = byId("undo");
  const chords = announced(keys.of("undo"));
  if (chords) undo.setAttribute("aria-keyshortcuts", chords);
  undo.hidden = !session.state?.progress.mine && !session.deeds.length;
  fill(undo, icon("undo"), h("span", {}, "Undo"), keys.label("undo") && keycap(keys.label("undo")));
}

function redraw() {
  applyTheme();
  choices.draw();
  drawItem();
  drawUndo();
  void panels.draw();
}

session.addEventListener("state", () => {
  drawHead(parts, session);
  drawTop();
  if (!session.current) drawItem();
  choices.draw();
  drawUndo();
  void panels.draw();
});
session.addEventListener("item", () => {
  drawItem();
  choices.begin();
  panels.itemChanged();
});
session.addEventListener("did", () => {
  drawLast(byId("last"), session, session.deeds.at(-1));
  drawUndo();
});
session.addEventListener("undone", () => {
  drawLast(byId("last"), session, undefined);
  drawUndo();
});
session.addEventListener("saved", () => panels.saved());
session.addEventListener("door", () => showLogin(sheet, session));
session.addEventListener("said", (event) => toast(/** @type {CustomEvent<string>} */ (event).detail));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

/** @param {string} text */
function toast(text) {
  const made = h("p.toast", {}, icon("why"), text);
  byId("toasts").replaceChildren(made);
  setTimeout(() => made.remove(), 6_000 + 40 * text.length);
}

/** Keys that scroll a long item without its having the focus. @type {Record<string, (box: HTMLElement) => number>} */
const SCROLLS = {
  ArrowDown: () => 60,
  ArrowUp: () => -60,
  PageDown: (box) => 0.9 * box.clientHeight,
  PageUp: (box) => -0.9 * box.clientHeight,
  Home: (box) => -box.scrollHeight,
  End: (box) => box.scrollHeight,
};

/** @param {KeyboardEvent} event */
function press(event) {
  const focused = /** @type {HTMLElement} */ (event.target);
  // A dialog that closed keeps the focus for a moment, and a quick letter is not meant for it.
  const target = focused.closest("dialog:not([open])") ? document.body : focused;
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.repeat && event.key.length === 1) return event.preventDefault(); // a key that is held answers one item
  const chord = chordOf(event);
  const owns = target.closest("[data-own-keys]") && !chord.startsWith("Mod+");
  if (!chord || owns || !keysReach(target, event, chord)) return;
  const action = keys.action(chord);
  if (!keys.on && !chord.startsWith("Mod+") && chord !== "Enter") return;
  if (chord === "0" && stage.zoom && (stage.zoom.scale > 1 || choices.names.length < 10)) stage.zoom.reset();
  else if (/^[+\-=]$/.test(chord) && stage.zoom && !action) stage.zoom.by(chord === "-" ? 1 / 1.4 : 1.4);
  else if (chord.startsWith("Arrow") && stage.zoom && stage.zoom.scale > 1) move(chord);
  else if (target === document.body && chord in SCROLLS)
    byId("stage").scrollBy(0, SCROLLS[chord]?.(byId("stage")) ?? 0);
  else if (action) {
    if (session.current || !/^(choose|accept|search|skip|unsure|none|broken|flag|comment)/.test(action))
      ACTS[action]?.();
  } else if (choices.kind === "number" && /^[\d.,\-]$/.test(chord)) choices.typeNumber(event.key);
  else if (beginsSearch(event) && session.current && choices.kind !== "number") void choices.search(event.key);
  else return;
  event.preventDefault();
}

/**
 * Whether a key is meant for the page, and not for what has the focus.
 * @param {HTMLElement} target
 * @param {KeyboardEvent} event
 * @param {string} chord
 */
function keysReach(target, event, chord) {
  if (target.id === "number") {
    const input = /** @type {HTMLInputElement} */ (target);
    if (chord === "Backspace" || chord === "Mod+Z") return input.value === "";
    return chord === "Space" || chord === "?" || chord === "/" || chord.startsWith("Shift+");
  }
  if (target.matches("input, textarea, select, [contenteditable]")) return false;
  const native = event.key === "Enter" || event.key === " ";
  return !(native && target.matches("button, a, summary, [role=tab]"));
}

/** @param {string} chord */
function move(chord) {
  const [x = 0, y = 0] =
    { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[chord] ?? [];
  stage.zoom?.pan(x, y);
}

document.addEventListener("keydown", press);
// A button that was pressed by the mouse gives the focus back, or Space would press it again.
document.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("button");
  if (button && event.detail > 0 && !button.closest("dialog, form, .panel")) button.blur();
});
// After an answer from the keyboard's focus, the focus goes to the new item, which is then read out.
const DONE = ".choice:not([aria-pressed]), .save, .without";
byId("dock").addEventListener("click", (event) => {
  if (event.detail === 0 && /** @type {HTMLElement} */ (event.target).closest(DONE))
    byId("stage").focus();
});

let touched = { x: 0, y: 0, many: false };
byId("stage").addEventListener(
  "touchstart",
  (event) => {
    const finger = event.touches[0];
    touched = { x: finger?.clientX ?? 0, y: finger?.clientY ?? 0, many: event.touches.length > 1 };
  },
  { passive: true },
);
byId("stage").addEventListener(
  "touchend",
  (event) => {
    const finger = event.changedTouches[0];
    if (
      !finger ||
      touched.many ||
      !session.current ||
      (stage.zoom?.scale ?? 1) > 1 ||
      preference("swipe", "on") === "off"
    )
      return;
    if (finger.clientX - touched.x < -90 && Math.abs(finger.clientY - touched.y) < 45) doing.skip();
  },
  { passive: true },
);

byId("export-open").addEventListener("click", () => showExport(sheet, session));
byId("settings-open").addEventListener("click", () => showSettings(sheet, session, keys, redraw));
byId("help-open").addEventListener("click", () => ACTS["help"]?.());
byId("undo").addEventListener("click", () => ACTS["undo"]?.());

applyTheme();
drawItem();
void session.look();
