/* Sheets over the page: keys, settings, a comment, export, signing in. */

import { Refused, download, post } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { ACTIONS, chordOf, written } from "./keys.js";
import { preference, setPreference } from "./preferences.js";

/** @import {Keys} from "./keys.js" */
/** @import {Session} from "./session.js" */

/**
 * Open the sheet with other contents.
 * @param {HTMLDialogElement} sheet
 * @param {string} title
 * @param {...(Node | string | false)} children
 */
function open(sheet, title, ...children) {
  const close = h("button.close", { type: "button", "aria-label": "Close", onclick: () => sheet.close() }, icon("cross"));
  fill(sheet, h("header", {}, h("h2", { id: "sheet-title" }, title), close), h("div.inside", { tabindex: "0" }, ...children.map((one) => one || "")));
  sheet.onclick = (event) => {
    if (event.target === sheet) sheet.close(); // beside the box
  };
  if (!sheet.open) sheet.showModal();
}

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
      return h("div.keyrow", { "data-action": one.name }, h("span.name", {}, one.title), h("span.caps", {}, caps.length ? caps : h("em.soft", {}, "no key")), change);
    });
  const groups = [...new Set(ACTIONS.map((one) => one.group))];
  const tips = h(
    "ul.tips",
    {},
    h("li", {}, "Any letter begins to search a class; Enter takes what is marked."),
    h("li", {}, "A picture: wheel or pinch to zoom, drag to move, 0 to see it whole."),
    h("li", {}, "On a phone: swipe the item to the left to skip it (Settings turns this off)."),
    h("li", {}, "Answers are kept in this browser until the server has saved them; undo works after a reload too."),
  );
  open(
    sheet,
    "Keys and help",
    tips,
    said,
    h("div.keygroups", {}, groups.map((group) => h("section", {}, h("h3", {}, group), ...rows(group)))),
    h("button.small", { type: "button", onclick: () => (keys.reset(), again()) }, "All keys as they were"),
  );
}

/**
 * @param {HTMLDialogElement} sheet
 * @param {Session} session
 * @param {Keys} keys
 * @param {() => void} changed
 */
export function showSettings(sheet, session, keys, changed) {
  const theme = radios("theme", "Colors", [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]], preference("theme", "system"), (value) => {
    setPreference("theme", value);
    changed();
  });
  const suggest = radios(
    "suggest",
    "The model's guess",
    [["never", "Never shown"], ["after", "After my answer"], ["before", "Before my answer: Enter takes it"]],
    session.state?.suggest ?? "never",
    async (mode) => {
      await attempt(sheet, "/api/suggest", { mode });
      await session.look();
    },
  );
  const note = h("p.soft", {}, "A guess that is seen first pulls answers its way. Items of the control share are the measure of the model; answers given with a guess in view are marked.");
  const single = check("single", "Single keys answer (turn this off if voice input types letters)", keys.on, (on) => {
    keys.turn(on);
    changed();
  });
  const swipe = check("swipe", "A swipe to the left skips the item", preference("swipe", "on") === "on", (on) => setPreference("swipe", on ? "on" : "off"));
  const name = h("input", { id: "who", type: "text", maxlength: 80, value: session.state?.person ?? "", autocomplete: "name" });
  const person = h(
    "form.line",
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!(await session.outbox?.empty(3_000))) {
          /** @type {HTMLElement} */ (sheet.querySelector(".wrong")).textContent = "Answers wait to be saved under the name before. Try again when they are.";
        } else if (await attempt(sheet, "/api/person", { name: name.value.trim() })) {
          sheet.close();
          location.reload(); // what is at hand belongs to the person before
        }
      },
    },
    h("label", { for: "who" }, "My name"),
    name,
    h("button.small", { type: "submit" }, "This is me"),
  );
  open(sheet, "Settings", theme, suggest, note, single, swipe, person, h("p.wrong", { role: "alert" }));
}

/**
 * @param {HTMLDialogElement} sheet
 * @param {Session} session
 */
export function showComment(sheet, session) {
  const item = session.current;
  if (!item) return;
  const text = h("textarea", { id: "comment", rows: 4, maxlength: 2000 });
  text.value = item.comment;
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    sheet.close();
    if (session.current === item && text.value !== item.comment) session.note({ comment: text.value });
  };
  text.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(event);
  };
  const form = h("form", { onsubmit: save }, h("label", { for: "comment" }, "For the others, and for later"), text, h("div.row.end", {}, h("button.save", { type: "submit" }, "Save", h("kbd.keycap", { "aria-hidden": "true" }, written("Mod+Enter")))));
  open(sheet, "Comment on this item", form);
  text.focus();
}

const FORMATS = [
  ["csv", "CSV", "One line for each item; opens in a spreadsheet"],
  ["jsonl", "JSON Lines", "One object for each item, with every answer"],
  ["parquet", "Parquet", "For data frames"],
  ["label-studio", "Label Studio", "Tasks and annotations as JSON"],
  ["coco", "COCO", "Pictures with their classes"],
  ["predictions", "Predictions", "What the model says of every item, with probabilities"],
];

/**
 * @param {HTMLDialogElement} sheet
 * @param {Session} session
 */
export function showExport(sheet, session) {
  const problem = h("p.wrong", { role: "alert" });
  const kinds = FORMATS.filter(([format]) => format !== "coco" || session.state?.reads === "image");
  const take = async (/** @type {HTMLButtonElement} */ button, /** @type {string} */ format) => {
    button.disabled = true;
    problem.textContent = "";
    try {
      await session.outbox?.empty(5_000);
      const file = await download("/api/export", { format });
      const url = URL.createObjectURL(file.data);
      h("a", { href: url, download: file.name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      session.say(`${file.name} is saved.`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      problem.textContent = error.message;
    }
    button.disabled = false;
  };
  const cards = kinds.map(([format = "", title = "", text = ""]) => {
    const button = h("button.kind", { type: "button" }, h("strong", {}, title), h("span", {}, text));
    button.onclick = () => void take(button, format);
    return button;
  });
  open(sheet, "Export", h("div.kinds", {}, cards), problem);
}

/**
 * Ask for the password, until it is right.
 * @param {HTMLDialogElement} sheet
 * @param {Session} session
 */
export function showLogin(sheet, session) {
  if (sheet.open && sheet.querySelector("#password")) return;
  const input = h("input.seek", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await attempt(sheet, "/api/login", { password: input.value })) {
      sheet.close();
      session.outbox?.wake();
      await session.look();
    }
  };
  const form = h("form", { onsubmit: submit }, h("label", { for: "password" }, "Password"), h("div.row", {}, input, h("button.save", { type: "submit" }, "Sign in")));
  open(sheet, "Sign in", h("p.soft", {}, "Answers that wait are kept and saved after you sign in."), form, h("p.wrong", { role: "alert" }));
  input.focus();
}

/** @param {HTMLElement} sheet @param {string} path @param {Record<string, unknown>} body */
async function attempt(sheet, path, body) {
  const problem = sheet.querySelector(".wrong");
  try {
    await post(path, body);
    if (problem) problem.textContent = "";
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (problem) problem.textContent = error.message;
    return false;
  }
}

/**
 * @param {string} name
 * @param {string} legend
 * @param {string[][]} values
 * @param {string} now
 * @param {(value: any) => void} changed
 */
function radios(name, legend, values, now, changed) {
  return h(
    "fieldset",
    {},
    h("legend", {}, legend),
    values.map(([value = "", title = ""]) =>
      h("label.option", {}, h("input", { type: "radio", name, value, checked: value === now, onchange: () => changed(value) }), title),
    ),
  );
}

/** @param {string} name @param {string} title @param {boolean} now @param {(on: boolean) => void} changed */
function check(name, title, now, changed) {
  const box = h("input", { type: "checkbox", name, checked: now, onchange: () => changed(box.checked) });
  return h("label.option", {}, box, title);
}
