/* My latest answers; one that is opened comes back to be answered again. */

import { get } from "./api.js";
import { fill, h, spoken } from "./dom.js";

/** @import {Mine} from "./types.js" */
/** @import {Session} from "./session.js" */

/** A list of this person's answers, newest first. */
export class HistoryPanel {
  #at = "";

  /** @param {Session} session @param {() => void} reopened */
  constructor(session, reopened) {
    this.session = session;
    this.reopened = reopened;
    this.list = h("ul.answers");
    this.foot = h("div.row");
    this.root = h("div.history", {}, h("p.soft", {}, "Open an answer to change it."), this.list, this.foot);
  }

  async refresh() {
    const at =
      String(this.session.state?.version) +
      String(this.session.outbox?.waiting.length) +
      String(this.session.deeds.at(-1)?.once);
    if (at === this.#at) return;
    this.#at = at;
    const reply = await get("/api/mine");
    const focused = document.activeElement?.getAttribute("data-key");
    fill(
      this.list,
      reply.answers.map((/** @type {Mine} */ one) => this.#row(one)),
    );
    if (!reply.answers.length) fill(this.list, h("li.soft", {}, "No answers yet."));
    this.#more(reply);
    if (focused)
      /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {{answers: Mine[], more: boolean}} reply */
  #more(reply) {
    const last = reply.answers.at(-1);
    if (!reply.more || !last) return fill(this.foot);
    const more = async () => {
      const next = await get(`/api/mine?before=${encodeURIComponent(last.line ?? last.at)}`);
      this.list.append(...next.answers.map((/** @type {Mine} */ one) => this.#row(one)));
      this.#more(next);
    };
    fill(this.foot, h("button.small", { type: "button", onclick: () => void more() }, "Show older answers"));
  }

  /** @param {Mine} one */
  #row(one) {
    const open = () => {
      this.reopened();
      void this.session.reopen(one.key);
    };
    return h(
      "li",
      {},
      h(
        "button.answer",
        { type: "button", "data-key": one.key, onclick: open },
        h("span.text", { dir: "auto" }, one.text),
        h(
          "span.meta",
          {},
          h("span.chip", { dir: "auto", "data-kind": one.kind }, spoken(one.value, one.kind)),
          h("span.soft", {}, ago(one.at)),
        ),
      ),
    );
  }
}

/** How long ago, in words. @param {number | string} at seconds since 1970, or a date as text */
function ago(at) {
  const then = typeof at === "number" ? 1000 * at : Date.parse(at);
  if (Number.isNaN(then)) return String(at);
  const seconds = (Date.now() - then) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(then).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}
