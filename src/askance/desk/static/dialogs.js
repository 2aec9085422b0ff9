/* Sheets over the page: settings, a comment, export, signing in. */

import { Refused, download, post } from "./api.js";
import { h } from "./dom.js";
import { written } from "./keys.js";
import { preference, setPreference } from "./preferences.js";
import { openSheet } from "./sheet.js";

/** @import {Keys} from "./keys.js" */
/** @import {Session} from "./session.js" */

/**
 * @param {HTMLDialogElement} sheet
 * @param {Session} session
 * @param {Keys} keys
 * @param {() => void} changed
 */
export function showSettings(sheet, session, keys, changed) {
  const theme = radios(
    "theme",
    "Colors",
    [
      ["system", "As the system"],
      ["light", "Light"],
      ["dark", "Dark"],
    ],
    preference("theme", "system"),
    (value) => {
      setPreference("theme", value);
      changed();
    },
  );
  const suggest = radios(
    "suggest",
    "The model's guess",
    [
      ["never", "Never shown"],
      ["after", "After my answer"],
      ["before", "Before my answer: Enter takes it"],
    ],
    session.state?.suggest ?? "never",
    async (mode) => {
      await attempt(sheet, "/api/suggest", { mode });
      await session.look();
    },
  );
  const note = h(
    "p.soft",
    {},
    "A guess that is seen first pulls answers its way, so answers given with a guess in view are marked.",
  );
  const single = check("single", "Single keys answer (turn this off if voice input types letters)", keys.on, (on) => {
    keys.turn(on);
    changed();
  });
  const swipe = check("swipe", "A swipe to the left skips the item", preference("swipe", "on") === "on", (on) =>
    setPreference("swipe", on ? "on" : "off"),
  );
  const name = h("input", {
    id: "who",
    type: "text",
    maxlength: 80,
    value: session.state?.person ?? "",
    autocomplete: "name",
  });
  const person = h(
    "form.line",
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!(await session.outbox?.empty(3_000))) {
          /** @type {HTMLElement} */ (sheet.querySelector(".wrong")).textContent =
            "Answers wait to be saved under the name before. Try again when they are.";
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
  openSheet(sheet, "Settings", theme, suggest, note, single, swipe, person, h("p.wrong", { role: "alert" }));
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
  const form = h(
    "form",
    { onsubmit: save },
    h("label", { for: "comment" }, "For the others, and for later"),
    text,
    h(
      "div.row.end",
      {},
      h("button.save", { type: "submit" }, "Save", h("kbd.keycap", { "aria-hidden": "true" }, written("Mod+Enter"))),
    ),
  );
  openSheet(sheet, "Comment on this item", form);
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
  openSheet(sheet, "Export", h("div.kinds", {}, cards), problem);
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
  const form = h(
    "form",
    { onsubmit: submit },
    h("label", { for: "password" }, "Password"),
    h("div.row", {}, input, h("button.save", { type: "submit" }, "Sign in")),
  );
  openSheet(
    sheet,
    "Sign in",
    h("p.soft", {}, "Answers that wait are kept and saved after you sign in."),
    form,
    h("p.wrong", { role: "alert" }),
  );
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
      h(
        "label.option",
        {},
        h("input", { type: "radio", name, value, checked: value === now, onchange: () => changed(value) }),
        title,
      ),
    ),
  );
}

/** @param {string} name @param {string} title @param {boolean} now @param {(on: boolean) => void} changed */
function check(name, title, now, changed) {
  const box = h("input", { type: "checkbox", name, checked: now, onchange: () => changed(box.checked) });
  return h("label.option", {}, box, title);
}
