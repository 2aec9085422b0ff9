/* Finding a class among many by typing, or naming a new one. */

import { fill, h } from "./dom.js";
import { lookalike, matching, same } from "./names.js";

const SHOWN = 60; // rows; nobody reads more, and typing narrows them

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} hint
 * @property {boolean} fresh whether it would be a new class
 */

/** A dialog with an input and a list; what is marked is what Enter takes. */
export class Palette {
  /** @type {Row[]} */
  #rows = [];
  #marked = 0;
  /** @type {string[]} */
  #names = [];
  /** @type {Set<string> | null} */
  #chosen = null;
  /** @type {(name: string | null) => void} */
  #done = () => undefined;
  /** @type {(name: string) => void} */
  #toggle = () => undefined;

  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.title = h("h2", { id: "palette-title" });
    this.list = h("ul.rows", { id: "palette-list", role: "listbox", "aria-labelledby": "palette-title" });
    this.input = h("input.seek", {
      type: "text",
      role: "combobox",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      maxlength: 200,
      "aria-autocomplete": "list",
      "aria-expanded": "true",
      "aria-controls": "palette-list",
      "aria-labelledby": "palette-title",
      placeholder: "Type a few letters",
      oninput: () => this.#find(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.foot = h("p.foot");
    fill(dialog, this.title, this.input, this.list, this.foot);
    dialog.addEventListener("close", () => {
      if (!dialog.open) this.#done(null); // it may be open again for the next question
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside the box
    });
  }

  /**
   * Let the person choose one name.
   * @param {object} how with `chosen` and `toggle` several may be taken before the dialog is closed
   * @param {string} how.title
   * @param {string[]} how.names
   * @param {string} [how.typed]
   * @param {Set<string>} [how.chosen]
   * @param {(name: string) => void} [how.toggle]
   * @returns {Promise<string | null>} null if the person goes back
   */
  ask({ title, names, typed = "", chosen, toggle }) {
    this.#names = names;
    this.#chosen = chosen ?? null;
    this.#toggle = toggle ?? (() => undefined);
    this.title.textContent = title;
    this.foot.textContent = chosen
      ? "Enter adds or removes · Esc goes back"
      : "↑ ↓ to move · Enter to choose · Ctrl Enter for a new class · Esc to go back";
    this.input.value = typed;
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
    this.#find();
    return new Promise((done) => {
      this.#done = done;
    });
  }

  #find() {
    const typed = this.input.value.trim();
    const found = matching(this.#names, typed);
    this.#rows = found.slice(0, SHOWN).map((name) => ({ name, hint: "", fresh: false }));
    if (typed && !same(this.#names, typed)) {
      const near = lookalike(this.#names, typed);
      if (near && !found.includes(near))
        this.#rows.unshift({ name: near, hint: `looks like '${near}'?`, fresh: false });
      this.#rows.push({ name: typed, hint: "new class", fresh: true });
    }
    this.#marked = 0;
    this.#draw();
  }

  #draw() {
    const rows = this.#rows.map((row, place) =>
      h(
        row.fresh ? "li.fresh" : "li",
        {
          id: `palette-${place}`,
          role: "option",
          "aria-selected": String(place === this.#marked),
          onclick: () => this.#take(row),
          onpointermove: () => this.#mark(place),
        },
        this.#chosen && h("span.box", { "aria-hidden": "true" }, this.#chosen.has(row.name) ? "✓" : ""),
        h("span.name", { dir: "auto" }, row.fresh ? `Create '${row.name}'` : row.name),
        row.hint && h("span.hint", {}, row.hint),
      ),
    );
    if (!rows.length)
      rows.push(h("li.none", { role: "option", "aria-disabled": "true" }, "No classes yet. Type a name."));
    fill(this.list, ...rows);
    this.#mark(this.#marked, true);
  }

  /** @param {number} place @param {boolean} scroll */
  #mark(place, scroll = false) {
    this.#marked = place;
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === place)));
    this.input.setAttribute("aria-activedescendant", this.#rows.length ? `palette-${place}` : "");
    if (scroll) this.list.children[place]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#rows.length) this.#mark((this.#marked + step + this.#rows.length) % this.#rows.length, true);
    else if (event.key === "Enter") {
      const fresh = this.#rows.find((row) => row.fresh);
      const row = (event.ctrlKey || event.metaKey) && fresh ? fresh : this.#rows[this.#marked];
      if (row) this.#take(row);
    } else return;
    event.preventDefault();
  }

  /** @param {Row} row */
  #take(row) {
    if (this.#chosen) {
      this.#toggle(row.name);
      if (row.fresh) this.#names = [...this.#names, row.name];
      this.input.value = "";
      this.#find();
      return;
    }
    const done = this.#done;
    this.#done = () => undefined;
    this.dialog.close();
    done(row.name);
  }
}
