/* The views beside the item: one is open, or none. */

import { Refused } from "./api.js";
import { ClassesPanel } from "./classes.js";
import { Dashboard } from "./dashboard.js";
import { fill, h, icon } from "./dom.js";
import { HistoryPanel } from "./history.js";
import { announced, written } from "./keys.js";
import { MapPanel } from "./map.js";
import { preference, setPreference } from "./preferences.js";
import { WhyPanel } from "./why.js";

/** @import {Keys} from "./keys.js" */
/** @import {Palette} from "./palette.js" */
/** @import {Session} from "./session.js" */

/**
 * What a view has: its element is on the page while it is open.
 * @typedef {object} View
 * @property {HTMLElement} root
 * @property {() => Promise<void>} refresh fetch what it shows, if that may have changed, and draw it
 */

const TITLES = { overview: "Overview", why: "Why this item", map: "Map", history: "My answers", classes: "Classes" };
const SHORT = { label: "Label", overview: "Overview", why: "Why", map: "Map", history: "History", classes: "Classes" };
const BESIDE = matchMedia("(min-width: 1000px)"); // else a view lies over the item

/** Opens, closes and refreshes the views. */
export class Panels {
  /** @type {Record<string, View>} */
  #views;
  #busy = false;
  #again = false;

  /**
   * @param {HTMLElement} root
   * @param {HTMLElement} rail
   * @param {Session} session
   * @param {Keys} keys
   * @param {Palette} palette
   */
  constructor(root, rail, session, keys, palette) {
    this.root = root;
    this.rail = rail;
    this.session = session;
    this.keys = keys;
    const back = () => {
      if (!BESIDE.matches) this.open("label");
    };
    this.#views = {
      overview: new Dashboard(session),
      why: new WhyPanel(session),
      map: new MapPanel(session, palette),
      history: new HistoryPanel(session, back),
      classes: new ClassesPanel(session),
    };
    this.name = "label";
    this.open(BESIDE.matches ? preference("view", "overview") : "label", true);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && document.body.classList.contains("wide")) this.#widen(false);
    });
  }

  /** A number has no classes. @param {string} name */
  #has(name) {
    return name in this.#views && (name !== "classes" || this.session.state?.task.kind !== "number");
  }

  /** Open a view; the one that is open is closed. @param {string} name */
  toggle(name) {
    this.open(this.name === name ? "label" : name);
  }

  /** @param {string} name @param {boolean} quiet whether the wish is not kept */
  open(name, quiet = false) {
    this.name = this.#has(name) ? name : "label";
    document.body.dataset["view"] = this.name;
    document.body.classList.remove("wide");
    if (!quiet && BESIDE.matches) setPreference("view", this.name);
    const view = this.#views[this.name];
    if (view) {
      const title = TITLES[/** @type {keyof typeof TITLES} */ (this.name)];
      const wide = h(
        "button.tool.widen",
        { type: "button", "aria-pressed": "false", onclick: () => this.#widen() },
        icon("wide"),
        h("span", {}, "Larger"),
      );
      const close = h(
        "button.close",
        { type: "button", "aria-label": "Close this view", onclick: () => this.open("label") },
        icon("cross"),
      );
      fill(this.root, h("header", {}, h("h2", {}, title), wide, close), view.root);
    } else fill(this.root);
    this.root.scrollTop = 0;
    this.#drawRail();
    void this.draw();
  }

  /** Bring the open view up to date. */
  async draw() {
    if (this.name === "classes" && !this.#has(this.name)) return this.open("label", true);
    this.#drawRail();
    const view = this.#views[this.name];
    if (!view) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      await view.refresh();
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // without the server the view stays as it was
    }
    this.#busy = false;
    if (this.#again) {
      this.#again = false;
      void this.draw();
    }
  }

  itemChanged() {
    if (this.name === "why") void this.draw();
  }

  saved() {
    if (this.name === "history") void this.draw();
  }

  /** @param {boolean} on */
  #widen(on = !document.body.classList.contains("wide")) {
    document.body.classList.toggle("wide", on);
    const button = this.root.querySelector(".widen");
    button?.setAttribute("aria-pressed", String(on));
    const words = button?.querySelector("span");
    if (words) words.textContent = on ? "Smaller" : "Larger";
    window.dispatchEvent(new Event("resize"));
  }

  #drawRail() {
    const plan = JSON.stringify([this.name, this.keys.changed, this.keys.on, this.#has("classes")]);
    if (this.rail.dataset["plan"] === plan) return;
    this.rail.dataset["plan"] = plan;
    const had = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".rail button"))?.dataset["view"];
    fill(
      this.rail,
      Object.entries(SHORT).flatMap(([name, title]) => {
        if (name !== "label" && !this.#has(name)) return [];
        const chords = name === "label" ? [] : this.keys.of(`panel-${name}`);
        const key = this.keys.on && chords[0] ? written(chords[0]) : "";
        return h(
          `button.tab`,
          {
            type: "button",
            "data-view": name,
            "aria-current": name === this.name ? "true" : null,
            "aria-keyshortcuts": announced(chords),
            title: key ? `${title} (${key})` : title,
            onclick: () => (name === "label" ? this.open(name) : this.toggle(name)),
          },
          icon(name),
          h("span", {}, title),
        );
      }),
    );
    if (had) /** @type {HTMLElement | null} */ (this.rail.querySelector(`[data-view=${had}]`))?.focus();
  }
}
