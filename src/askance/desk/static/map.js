/* The map of all items: what is labeled, what is near, and many items labeled at once. */

import { get } from "./api.js";
import { fill, h, icon, plural } from "./dom.js";
import { Scatter, palette as colorsOf } from "./scatter.js";

/** @import {Item, Places} from "./types.js" */
/** @import {Palette} from "./palette.js" */
/** @import {Session} from "./session.js" */

const HELP =
  "Draw a loop to select unlabeled items; wheel to zoom, Shift and drag to move. " +
  "By keys: arrows move a circle, + and − size it, Space selects, Enter labels, Esc lets go.";
const METHODS = { pca: "principal components" };
const SIDES = { u: "not labeled", p: "asked", l: "labeled", a: "set aside" };
const CALM = 5_000; // milliseconds between two maps

/** The map with its tools. */
export class MapPanel {
  #at = "";
  #fetched = 0;
  /** @type {Map<string, string>} */
  #texts = new Map();
  #wanted = "";

  /** @param {Session} session @param {Palette} palette */
  constructor(session, palette) {
    this.session = session;
    this.palette = palette;
    this.canvas = h("canvas", {
      tabindex: "0",
      role: "application",
      "data-own-keys": true,
      "aria-roledescription": "map of items",
      "aria-describedby": "map-help",
      "aria-label": "Map of items",
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.hint = h("div.hover", { role: "status" });
    this.hint.hidden = true;
    this.scatter = new Scatter(this.canvas, {
      hover: (point, at) => void this.#hover(point, at),
      caught: () => this.#drawCaught(),
    });
    const tool = (/** @type {string} */ sign, /** @type {string} */ title, /** @type {() => void} */ onclick) =>
      h("button.tool", { type: "button", onclick, title }, icon(sign), h("span", {}, title));
    this.lasso = tool("lasso", "Select", () => this.#mode("lasso"));
    this.hand = tool("hand", "Move", () => this.#mode("move"));
    const zoom = [tool("wide", "Fit", () => this.scatter.reset())];
    const near = h(
      "button.tool.glyph",
      { type: "button", "aria-label": "Zoom in", onclick: () => this.scatter.zoom(1.5) },
      "+",
    );
    const far = h(
      "button.tool.glyph",
      { type: "button", "aria-label": "Zoom out", onclick: () => this.scatter.zoom(1 / 1.5) },
      "−",
    );
    this.caught = h("div.caught", { role: "status" });
    this.legend = h("ul.legend.keys");
    this.note = h("p.soft");
    const help = h("p.soft", { id: "map-help" }, HELP);
    this.root = h(
      "div.map",
      {},
      h("div.tools", {}, this.lasso, this.hand, zoom, near, far),
      h("div.canvas", {}, this.canvas, this.hint),
      this.caught,
      this.legend,
      this.note,
      help,
    );
    this.#mode("lasso");
    session.addEventListener("undone", () => (this.#at = ""));
  }

  async refresh() {
    const { state } = this.session;
    if (!state) return;
    this.scatter.draw(); // the colors may be others now
    if (state.version === this.#at || Date.now() - this.#fetched < CALM) return;
    this.#fetched = Date.now();
    const places = /** @type {Places} */ (await get("/api/map"));
    this.#at = state.version;
    this.scatter.show(places);
    this.#drawLegend(places);
    this.#drawCaught();
  }

  /** @param {"lasso" | "move"} mode */
  #mode(mode) {
    this.scatter.mode = mode;
    this.canvas.classList.toggle("moving", mode === "move");
    this.lasso.setAttribute("aria-pressed", String(mode === "lasso"));
    this.hand.setAttribute("aria-pressed", String(mode === "move"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") void this.#label();
    else if (!this.scatter.key(event)) return;
    event.preventDefault();
  }

  /** @param {Places} places */
  #drawLegend(places) {
    const { classes } = colorsOf(this.canvas);
    const counts = new Map();
    places.label.forEach(
      (label, point) => places.side[point] === "l" && counts.set(label, (counts.get(label) ?? 0) + 1),
    );
    const names = places.names.slice(0, 20).map((name, place) => {
      const dot = h("span.key");
      dot.dataset["color"] = String(place % classes.length);
      return h("li", {}, dot, h("span", { dir: "auto" }, name), h("span.soft", {}, String(counts.get(place) ?? 0)));
    });
    const { kind } = this.session.state?.task ?? { kind: "classes" };
    if (kind === "number")
      names.push(h("li", {}, h("span.key", { "data-color": "0" }), "labeled", h("span.soft", {}, String(counts.get(-1) ?? 0))));
    const more = places.names.length > 20 ? [h("li.soft", {}, `and ${places.names.length - 20} more`)] : [];
    fill(
      this.legend,
      names,
      more,
      h("li", {}, h("span.key.open"), "not labeled"),
      h("li", {}, h("span.key.asked"), "asked"),
    );
    const first = kind === "labels" ? " Of several labels, the first is shown." : "";
    const share = places.points < places.of ? ` of ${places.of.toLocaleString("en")}` : "";
    this.note.textContent = `${places.points.toLocaleString("en")}${share} items; placed by ${METHODS[/** @type {"pca"} */ (places.method)] ?? places.method}.${first}`;
    this.canvas.setAttribute("aria-label", `Map of ${plural(places.points, "item")}`);
  }

  #drawCaught() {
    const n = this.scatter.caught.size;
    if (!n) return fill(this.caught);
    fill(
      this.caught,
      h("strong", {}, `${plural(n, "unlabeled item")} selected`),
      h("button.save", { type: "button", onclick: () => void this.#label() }, "Label as…"),
      h("button.small", { type: "button", onclick: () => this.scatter.clear() }, "Clear"),
    );
  }

  async #label() {
    const { outbox, state } = this.session;
    const { places, caught } = this.scatter;
    if (!caught.size || !places || !outbox || !state) return;
    if (state.task.kind === "number") return this.session.say("Numbers are given to one item at a time.");
    const points = [...caught];
    const names = state.task.names.map((one) => one.name);
    const name = await this.palette.ask({ title: `Label ${plural(points.length, "item")} as`, names });
    if (name === null) return;
    const ids = await Promise.all(
      points.map(async (point) => places.ids?.[point] ?? (await this.#id(places.keys[point] ?? ""))),
    );
    const value = state.task.kind === "labels" ? [name] : name;
    this.session.answerMany(ids, value);
    if (!places.names.includes(name)) places.names.push(name);
    const sides = [...places.side];
    for (const point of points) [sides[point], places.label[point]] = ["l", places.names.indexOf(name)];
    this.scatter.show({ ...places, side: sides.join("") });
    this.scatter.clear();
    this.#drawLegend(places);
    this.session.say(`${plural(points.length, "item")} labeled as '${name}'.`);
    this.canvas.focus();
  }

  /** @param {string} key */
  async #id(key) {
    return /** @type {Item} */ (await get(`/api/item/${encodeURIComponent(key)}`)).id;
  }

  /** @param {number} point @param {{x: number, y: number} | null} at */
  async #hover(point, at) {
    const { places } = this.scatter;
    const key = places?.keys[point] ?? "";
    this.#wanted = key;
    this.hint.hidden = !key || !at;
    if (!places || !key || !at) return;
    const side = places.side[point] ?? "u";
    const name =
      side === "l" ? (places.names[places.label[point] ?? -1] ?? "labeled") : SIDES[/** @type {"u"} */ (side)];
    const draw = () =>
      fill(this.hint, h("strong", { dir: "auto" }, name), h("span", { dir: "auto" }, this.#texts.get(key) ?? "…"));
    const right = at.x > this.canvas.clientWidth / 2;
    this.hint.style.left = right ? "" : `${at.x + 14}px`;
    this.hint.style.right = right ? `${this.canvas.clientWidth - at.x + 14}px` : "";
    this.hint.style.top = `${Math.min(at.y + 10, this.canvas.clientHeight - 60)}px`;
    draw();
    if (this.#texts.has(key)) return;
    await new Promise((done) => setTimeout(done, 60)); // a pointer that passes over asks for nothing
    if (this.#wanted !== key) return;
    const reply = await get(`/api/map/text?keys=${encodeURIComponent(key)}`).catch(() => ({}));
    for (const [one, text] of Object.entries(reply.texts ?? reply)) this.#texts.set(one, String(text));
    if (this.#wanted === key) draw();
  }
}
