/* The classes: how many answers each has, other names for them, two made one. */

import { Refused, post } from "./api.js";
import { fill, h, icon, plural } from "./dom.js";
import { lookalike, same } from "./names.js";

/** @import {Named} from "./types.js" */
/** @import {Session} from "./session.js" */

/** Lists the classes, and changes them. */
export class ClassesPanel {
  #seen = "";

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.list = h("ul.classes");
    this.problem = h("p.wrong", { role: "alert" });
    const input = h("input", {
      id: "new-class",
      type: "text",
      maxlength: 200,
      autocomplete: "off",
      oninput: () => this.#hint(input.value),
    });
    const add = async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (input.value.trim() && (await this.#change({ do: "add", name: input.value.trim() }))) input.value = "";
    };
    this.form = h(
      "form.line",
      { onsubmit: add },
      h("label", { for: "new-class" }, "New class"),
      input,
      h("button.small", { type: "submit" }, "Add"),
    );
    this.root = h("div", {}, this.form, this.problem, this.list);
  }

  async refresh() {
    const { state } = this.session;
    if (!state) return;
    const seen = JSON.stringify([state.task.names, state.task.kind]);
    if (seen === this.#seen || this.list.querySelector("form")) return; // do not pull a form from under the hands
    this.#seen = seen;
    this.form.hidden = state.task.kind === "number";
    if (state.task.kind === "number")
      return fill(this.list, h("li.soft", {}, "Answers here are numbers; there are no classes."));
    const { names } = state.task;
    const most = Math.max(1, ...names.map((one) => one.count));
    fill(
      this.list,
      names.map((one) => this.#row(one, most)),
    );
    if (!names.length) fill(this.list, h("li.soft", {}, "No classes yet."));
  }

  /** @param {Named} one @param {number} most */
  #row(one, most) {
    const bar = h("span.bar");
    bar.style.width = `${(100 * one.count) / most}%`;
    const row = h("li", { "data-name": one.name });
    fill(
      row,
      h("span.name", { dir: "auto" }, one.name),
      h("span.n", { title: plural(one.count, "answer") }, one.count.toLocaleString("en")),
      h(
        "button.tool",
        { type: "button", "aria-label": `Rename ${one.name}`, title: "Rename", onclick: () => this.#rename(row, one) },
        icon("edit"),
      ),
      h(
        "button.tool",
        {
          type: "button",
          "aria-label": `Merge ${one.name} into another class`,
          title: "Merge",
          onclick: () => this.#merge(row, one),
        },
        icon("merge"),
      ),
      h("span.track", { "aria-hidden": "true" }, bar),
    );
    return row;
  }

  /** @param {HTMLElement} row @param {Named} one */
  #rename(row, one) {
    const input = h("input", {
      type: "text",
      value: one.name,
      maxlength: 200,
      "aria-label": `New name of ${one.name}`,
    });
    this.#form(row, one, input, "Rename", () => ({ do: "rename", name: one.name, to: input.value.trim() }));
    input.select();
  }

  /** @param {HTMLElement} row @param {Named} one */
  #merge(row, one) {
    const others = (this.session.state?.task.names ?? []).filter((other) => other.name !== one.name);
    if (!others.length) return this.#say("There is no other class to merge it with.");
    const select = h(
      "select",
      { "aria-label": `Merge ${one.name} into` },
      others.map((other) => h("option", { value: other.name }, other.name)),
    );
    this.#form(row, one, select, `Merge ${plural(one.count, "answer")}`, () => ({
      do: "merge",
      name: one.name,
      to: select.value,
    }));
  }

  /**
   * @param {HTMLElement} row
   * @param {Named} one
   * @param {HTMLInputElement | HTMLSelectElement} field
   * @param {string} title
   * @param {() => Record<string, string>} body
   */
  #form(row, one, field, title, body) {
    const leave = () => {
      fill(row);
      this.#seen = "";
      void this.refresh();
      /** @type {HTMLElement | null} */ (
        this.list.querySelector(`[data-name="${CSS.escape(one.name)}"] button`)
      )?.focus();
    };
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const change = body();
      if (!change["to"] || change["to"] === one.name || (await this.#change(change))) leave();
    };
    const into = title.startsWith("Merge") && h("span", {}, `'${one.name}' into`);
    const form = h(
      "form.line",
      { onsubmit: submit },
      into,
      field,
      h("button.small", { type: "submit" }, title),
      h("button.small", { type: "button", onclick: leave }, "Cancel"),
    );
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave();
    });
    fill(row, form);
    field.focus();
  }

  /** @param {string} typed */
  #hint(typed) {
    const names = (this.session.state?.task.names ?? []).map((one) => one.name);
    const near = typed.trim() && !same(names, typed) ? lookalike(names, typed) : "";
    this.#say(near ? `Looks like '${near}'?` : "");
  }

  /** @param {Record<string, string>} body */
  async #change(body) {
    try {
      const reply = await post("/api/names", body);
      if (this.session.state) this.session.state.task.names = reply.names;
      this.#say("");
      void this.session.look();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#say(error.message);
      return false;
    }
  }

  /** @param {string} text */
  #say(text) {
    this.problem.textContent = text;
  }
}
