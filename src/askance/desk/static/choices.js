/* What an item may be answered with: classes as buttons, labels as switches, a number. */

import { fill, h, keycap, percent, plural, spoken } from "./dom.js";
import { announced, written } from "./keys.js";
import { pointed, readNumber } from "./values.js";

const BUTTONS = 24; // classes with a button; more are found by typing
const KEYED = 10;
const NONE = "No label applies";
const WIDTH = 156; // pixels that a button should have

/** @import {Chance, How, Item} from "./types.js" */
/** @import {Keys} from "./keys.js" */
/** @import {Palette} from "./palette.js" */
/** @import {Session} from "./session.js" */

/** The choices under an item, for each kind of task. */
export class Choices {
  /** @type {Set<string>} labels that are switched on */
  #on = new Set();
  /** Whether a label was switched for this item: from then on, none is an answer. */
  #switched = false;
  /** @type {Set<string>} names of which the server does not know yet */
  #named = new Set();
  #drawn = "";
  /** @type {HTMLInputElement | null} */
  #number = null;

  /**
   * @param {HTMLElement} root
   * @param {Session} session
   * @param {Keys} keys
   * @param {Palette} palette
   */
  constructor(root, session, keys, palette) {
    this.root = root;
    this.session = session;
    this.keys = keys;
    this.palette = palette;
    new ResizeObserver(() => this.#even()).observe(root);
  }

  /** The classes that the server knows, and those that are named just now. */
  get names() {
    const known = this.session.state?.task.names.map((one) => one.name) ?? [];
    return [...known, ...[...this.#named].filter((name) => !known.includes(name))];
  }

  /** What kind of answer is wanted. */
  get kind() {
    return this.session.state?.task.kind ?? "classes";
  }

  /** The suggestion, where the person wants to see it before the answer. @returns {Item["guess"]} */
  get suggestion() {
    return this.session.state?.suggest === "before" ? (this.session.current?.guess ?? null) : null;
  }

  /** Another item is shown: nothing is chosen for it yet but what was answered before. */
  begin() {
    const given = this.session.current?.answer;
    this.#on = new Set(given?.kind === "label" && Array.isArray(given.value) ? given.value : []);
    this.#switched = false;
    this.draw();
    if (this.#number) {
      this.#number.value = given?.kind === "label" && given.value !== null ? String(given.value) : "";
      this.#number.setCustomValidity("");
      this.#hint();
      if (!matchMedia("(pointer: coarse)").matches) this.#number.focus({ preventScroll: true });
    }
  }

  /** Draw anew what changed; the focus stays where it is. */
  draw() {
    const { current, outbox } = this.session;
    if (!outbox?.waiting.length) this.#named = new Set([...this.#named].filter((name) => this.#on.has(name)));
    this.root.hidden = !current;
    const plan = JSON.stringify([this.kind, this.names, this.keys.changed, this.keys.on]);
    if (plan !== this.#drawn) {
      this.#drawn = plan;
      this.#number = null;
      if (this.kind === "number") this.#drawNumber();
      else if (!this.names.length) this.#drawFirst();
      else this.#drawButtons();
    }
    if (current && this.kind !== "number") this.#mark(current);
  }

  /** @param {number} place of a choice, from 0 @param {How} how */
  choose(place, how) {
    const name = this.names[place];
    if (name === undefined || this.kind === "number") return;
    if (this.kind === "labels") this.#toggle(name);
    else void this.session.answer(name, "label", how);
  }

  /** Save what is chosen, or take the suggestion. @param {How} how */
  accept(how) {
    const { current } = this.session;
    if (!current) return;
    if (this.kind === "number") return this.#saveNumber(how);
    if (this.kind === "labels" && (this.#on.size || this.#switched)) return this.#saveLabels(how);
    const taken = this.suggestion ?? null;
    if (taken) void this.session.answer(taken.value, "label", "suggestion");
    else if (current.answer) void this.session.answer(current.answer.value, current.answer.kind, how);
    else if (this.kind === "labels") this.#saveLabels(how);
  }

  /** Save the labels that are switched on; none is an answer, too: no label applies. @param {How} how */
  #saveLabels(how) {
    const chosen = this.names.filter((name) => this.#on.has(name));
    void this.session.answer(chosen, "label", how);
  }

  /** Find a class by typing. @param {string} typed the first letter */
  async search(typed = "") {
    if (this.kind === "number") return;
    const { current } = this.session;
    if (!current) return;
    const several =
      this.kind === "labels" ? { chosen: this.#on, toggle: (/** @type {string} */ name) => this.#toggle(name) } : {};
    const title = several.chosen ? "Labels of this item" : "Class of this item";
    const name = await this.palette.ask({ title, names: this.names, typed, ...several });
    if (name !== null && this.session.current === current) {
      this.#declare(name);
      await this.session.answer(name, "label", "key");
    }
  }

  /** A digit was typed anywhere on the page. @param {string} sign */
  typeNumber(sign) {
    if (!this.#number) return false;
    this.#number.focus();
    this.#number.value += sign;
    return true;
  }

  #drawButtons() {
    const shown = this.names.slice(0, BUTTONS);
    const buttons = shown.map((name, place) => {
      const key = place < KEYED ? this.keys.label(`choose-${place + 1}`) : "";
      return h(
        "button.choice",
        {
          type: "button",
          "data-name": name,
          "aria-keyshortcuts": key ? announced(this.keys.of(`choose-${place + 1}`)) : null,
          onclick: (/** @type {PointerEvent} */ event) => this.choose(place, pointed(event)),
        },
        key && keycap(key),
        h("span.words", {}, h("span.name", { dir: "auto" }, name), h("span.chance")),
        keycap(written("Enter"), "keycap.enter"),
      );
    });
    const more =
      this.names.length > shown.length ? `All ${plural(this.names.length, "class", "classes")}` : "Find or add";
    const search = h(
      "button.choice.find",
      { type: "button", "aria-keyshortcuts": announced(this.keys.of("search")), onclick: () => void this.search() },
      this.keys.label("search") && keycap(this.keys.label("search")),
      h("span.name", {}, more),
    );
    const save =
      this.kind === "labels" &&
      h(
        "button.save",
        { type: "button", onclick: (/** @type {PointerEvent} */ event) => this.accept(pointed(event)) },
        h("span.does"),
        keycap(written("Enter")),
      );
    const without =
      this.kind === "labels" &&
      h(
        "button.small.without",
        { type: "button", onclick: (/** @type {PointerEvent} */ event) => this.#saveLabels(pointed(event)) },
        NONE,
      );
    const group = h(
      "div.grid",
      { role: "group", "aria-label": this.kind === "labels" ? "Labels" : "Classes" },
      buttons,
      search,
    );
    group.classList.toggle("many", this.names.length > KEYED);
    if (this.names.length > BUTTONS) group.prepend(search); // else it would have to be scrolled to
    fill(this.root, group, save, without);
    this.#even();
  }

  /** As many buttons in each row, so that none stands alone. */
  #even() {
    const group = /** @type {HTMLElement | null} */ (this.root.querySelector(".grid"));
    if (!group) return;
    const fit = Math.max(2, Math.floor((this.root.clientWidth || 700) / WIDTH));
    const rows = Math.ceil(group.childElementCount / fit);
    group.style.gridTemplateColumns = `repeat(${Math.ceil(group.childElementCount / rows)}, minmax(0, 1fr))`;
  }

  /** Mark what is suggested, switched on, or was answered. @param {Item} item */
  #mark(item) {
    const guess = this.suggestion;
    const suggested = new Set(guess ? [guess.value].flat() : []);
    const given = new Set(item.answer?.kind === "label" ? [item.answer.value].flat() : []);
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll(".choice[data-name]"))) {
      const name = button.dataset["name"] ?? "";
      const chance = guess?.top.find((/** @type {Chance} */ one) => one.name === name);
      const several = this.kind === "labels";
      button.classList.toggle("suggested", suggested.has(name));
      button.classList.toggle("given", !several && given.has(name));
      if (several) button.setAttribute("aria-pressed", String(this.#on.has(name)));
      const said = /** @type {HTMLElement} */ (button.querySelector(".chance"));
      const notes = [];
      if (!several && given.has(name)) notes.push("your answer");
      if (suggested.has(name) && guess)
        notes.push(guess.probability === null ? "suggested" : percent(guess.probability));
      else if (chance && guess && chance.probability >= 0.1) notes.push(percent(chance.probability));
      said.textContent = notes.join(", ");
      const enters = suggested.has(name) && (several ? !this.#on.size : !given.size);
      /** @type {HTMLElement} */ (button.querySelector(".enter")).hidden = !enters;
    }
    if (this.kind === "labels" && this.names.length) this.#markSave(item, suggested.size > 0);
  }

  /** Say what saving will do. @param {Item} item @param {boolean} suggested whether a label is */
  #markSave(item, suggested) {
    const untouched = !this.#on.size && !this.#switched;
    const takes = untouched && suggested;
    const keeps = untouched && !this.suggestion && item.answer && item.answer.kind !== "label";
    const does = this.#on.size ? "Save" : takes ? "Take the suggestion" : keeps ? "Leave as it is" : NONE;
    /** @type {HTMLElement} */ (this.root.querySelector(".save .does")).textContent = does;
    /** @type {HTMLElement} */ (this.root.querySelector(".without")).hidden = !suggested && !keeps;
  }

  /** @param {string} name */
  #toggle(name) {
    this.#declare(name);
    if (!this.#on.delete(name)) this.#on.add(name);
    this.#switched = true;
    this.draw();
  }

  /** A class that is named just now is a choice at once. @param {string} name */
  #declare(name) {
    if (!this.names.includes(name)) this.#named.add(name);
  }

  /** Nobody named a class yet: the first is typed. */
  #drawFirst() {
    const input = h("input.seek", {
      id: "first-class",
      type: "text",
      autocomplete: "off",
      maxlength: 200,
      placeholder: "For example: billing",
    });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = input.value.trim();
      if (!name) return;
      this.#declare(name);
      void this.session.answer(name, "label", "key");
    };
    const label = h("label", { for: "first-class" }, "There are no classes yet. What is this item?");
    const row = h(
      "div.row",
      {},
      input,
      h("button.save", { type: "submit" }, "Create and save", keycap(written("Enter"))),
    );
    const note = h("p.soft", {}, "The name becomes a button with a key. You may add or change names at any time.");
    fill(this.root, h("form.first", { onsubmit: submit }, label, row, note));
    if (!matchMedia("(pointer: coarse)").matches) input.focus({ preventScroll: true });
  }

  #drawNumber() {
    const input = h("input.seek.number", {
      id: "number",
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      maxlength: 40,
      "aria-describedby": "number-hint",
      oninput: () => this.#hint(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Backspace" && input.value === "") event.preventDefault();
      },
    });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#saveNumber("key");
    };
    const row = h("div.row", {}, input, h("button.save", { type: "submit" }, "Save", keycap(written("Enter"))));
    const hint = h("p.soft", { id: "number-hint", "aria-live": "polite" });
    fill(this.root, h("form.first", { onsubmit: submit }, h("label", { for: "number" }, "Value"), row, hint));
    this.#number = input;
  }

  /** @param {string} problem */
  #hint(problem = "") {
    const hint = this.root.querySelector("#number-hint");
    const guess = this.suggestion;
    if (!hint || !this.#number) return;
    hint.classList.toggle("wrong", Boolean(problem));
    this.#number.setAttribute("aria-invalid", String(Boolean(problem)));
    if (guess) this.#number.placeholder = spoken(guess.value);
    hint.textContent =
      problem || (guess ? `Suggested: ${spoken(guess.value)}. Enter takes it.` : "A number, such as 3.5 or 3,5.");
  }

  /** @param {How} how */
  #saveNumber(how) {
    if (!this.#number) return;
    const typed = this.#number.value.trim();
    if (!typed && this.suggestion) return void this.session.answer(this.suggestion.value, "label", "suggestion");
    const value = readNumber(typed);
    if (value === null)
      return this.#hint(typed ? `'${typed}' is no number. Write it as 3.5 or 3,5.` : "Type a number first.");
    void this.session.answer(value, "label", how);
  }
}
