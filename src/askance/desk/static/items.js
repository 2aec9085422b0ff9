/* One item, large: a text to read, a picture to look into, a row of a table. */

import { fill, h, icon } from "./dom.js";
import { forget, preload } from "./pictures.js";
import { Zoom } from "./zoom.js";

const FIRST = 20_000; // signs of a text that are shown at once; a megabyte would make the page stand still
const FOLD = 260; // signs of a cell

/** @import {Field, Item} from "./types.js" */

/** Shows items in an element of the page. */
export class Stage {
  /** @type {Zoom | null} */
  zoom = null;

  /** @param {HTMLElement} root @param {() => void} whenZoomed */
  constructor(root, whenZoomed) {
    this.root = root;
    this.whenZoomed = whenZoomed;
  }

  /**
   * @param {Item} item
   * @param {"text" | "image" | "table"} reads
   */
  show(item, reads) {
    this.zoom?.end();
    this.zoom = null;
    const kind = item.image ? "image" : reads === "image" ? "text" : reads;
    this.root.className = `stage ${kind}`;
    if (item.image) this.#picture(item, item.image);
    else if (kind === "table") fill(this.root, table(item.fields));
    else fill(this.root, prose(item.fields));
    this.root.scrollTop = 0;
  }

  /** @param {...(Node | string)} children what is shown where there is no item */
  clear(...children) {
    this.zoom?.end();
    this.zoom = null;
    this.root.className = "stage empty";
    fill(this.root, ...children);
  }

  /** @param {Item} item @param {string} url */
  #picture(item, url) {
    const picture = preload(url);
    const caption = item.fields.map((one) => one.text).join(" · ");
    picture.alt = caption ? `Picture: ${caption}` : "The picture to label";
    const frame = h("div.frame", {}, picture);
    fill(this.root, frame, caption && h("p.caption", { dir: "auto" }, caption));
    this.zoom = new Zoom(frame, picture, this.whenZoomed);
    const failed = () => {
      forget(url);
      fill(frame, h("p.failed", {}, icon("broken"), "This picture cannot be shown. Mark it as broken, or skip it."));
    };
    if (picture.complete && !picture.naturalWidth && picture.src) failed();
    picture.onerror = failed;
  }
}

/** @param {Field[]} fields the text first, what else there is after it */
function prose(fields) {
  const main = fields.some((one) => one.main) ? fields.filter((one) => one.main) : fields.slice(0, 1);
  const more = fields.filter((one) => !main.includes(one));
  const first = main.length > 1 ? (main[0]?.text ?? "") : "";
  const title = first && isShort(first) && h("h2.title", { dir: "auto" }, first);
  const text = (title ? main.slice(1) : main).map((one) => one.text).join("\n\n");
  const body = h("div.prose", { dir: "auto" }, text.slice(0, FIRST));
  if (!title && isShort(text)) body.classList.add("short");
  if (!text.trim()) fill(body, h("em.nothing", {}, "This text is empty."));
  const rest =
    text.length > FIRST &&
    h(
      "button.more",
      {
        type: "button",
        onclick: (/** @type {Event} */ event) => {
          body.append(text.slice(FIRST));
          /** @type {HTMLElement} */ (event.currentTarget).remove();
        },
      },
      `Show the other ${(text.length - FIRST).toLocaleString("en")} characters`,
    );
  const beside =
    more.length > 0 &&
    h(
      "dl.beside",
      {},
      more.map((one) => h("div", {}, ...cell(one))),
    );
  return h("div.reading", {}, title, body, rest, beside);
}

/** @param {string} text */
function isShort(text) {
  return text.length < 160 && !text.includes("\n");
}

/** @param {Field[]} fields */
function table(fields) {
  return h(
    "dl.cells",
    {},
    fields.map((one) => h("div", {}, ...cell(one))),
  );
}

/** @param {Field} field */
function cell({ name, text }) {
  const value = h("dd", { dir: "auto" });
  const folded = text.length > FOLD;
  const body = h("span", {}, folded ? `${text.slice(0, FOLD - 40).trimEnd()}…` : text);
  if (!text.trim()) value.append(h("span.nothing", {}, "—"));
  else value.append(body);
  if (folded) {
    const unfold = (/** @type {Event} */ event) => {
      const button = /** @type {HTMLElement} */ (event.currentTarget);
      const open = button.getAttribute("aria-expanded") === "true";
      body.textContent = open ? `${text.slice(0, FOLD - 40).trimEnd()}…` : text;
      button.setAttribute("aria-expanded", String(!open));
      button.textContent = open ? "Show all" : "Show less";
    };
    value.append(" ", h("button.more", { type: "button", "aria-expanded": "false", onclick: unfold }, "Show all"));
  }
  return [h("dt", {}, name), value];
}
