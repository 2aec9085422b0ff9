/* The keys and how to change them. */

import { h } from "./dom.js";
import { ACTIONS, chordOf, written } from "./keys.js";
import { openSheet } from "./sheet.js";

/** @import {Keys} from "./keys.js" */

/**
 * The keys, each with a button to change it.
 * @param {HTMLDialogElement} sheet
 * @param {Keys} keys
 * @param {() => void} changed
 */
export function showHelp(sheet, keys, changed) {
  const said = h("p.soft", { role: "status" }, "Press Change, then the new key.");
  const again = () => {
    changed();
    showHelp(sheet, keys, changed);
  };
  const rows = (/** @type {string} */ group) =>
    ACTIONS.filter((one) => one.group === group).map((one) => {
      const change = h("button.small", { type: "button", "aria-label": `Change the key of: ${one.title}` }, "Change");
      change.onclick = () => {
        change.textContent = "Press a key…";
        change.onkeydown = (event) => {
          const chord = chordOf(event);
          if (!chord || event.key === "Tab") return;
          event.preventDefault();
          event.stopPropagation();
          if (event.key === "Escape") return again();
          keys.change(one.name, chord);
          again();
          /** @type {HTMLElement | null} */ (sheet.querySelector(`[data-action="${one.name}"] button`))?.focus();
        };
        change.onblur = () => {
          change.textContent = "Change";
          change.onkeydown = null;
        };
      };
      const caps = keys.of(one.name).map((chord) => h("kbd.keycap", {}, written(chord)));
      return h(
        "div.keyrow",
        { "data-action": one.name },
        h("span.name", {}, one.title),
        h("span.caps", {}, caps.length ? caps : h("em.soft", {}, "no key")),
        change,
      );
    });
  const groups = [...new Set(ACTIONS.map((one) => one.group))];
  const tips = h(
    "ul.tips",
    {},
    h("li", {}, "Any letter begins to search a class; Enter takes what is marked."),
    h("li", {}, "A picture: wheel or pinch to zoom, drag to move, 0 to see it whole; arrows, + and − do the same."),
    h("li", {}, "On a phone: swipe the item to the left to skip it (Settings turns this off)."),
    h("li", {}, "Answers are kept in this browser until the server has saved them; undo works after a reload too."),
  );
  openSheet(
    sheet,
    "Keys and help",
    tips,
    said,
    h(
      "div.keygroups",
      {},
      groups.map((group) => h("section", {}, h("h3", {}, group), ...rows(group))),
    ),
    h("button.small", { type: "button", onclick: () => (keys.reset(), again()) }, "All keys as they were"),
  );
}
