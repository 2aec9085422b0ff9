/* Why this item was asked: what the model doubts, what lies near, what the item stands for. */

import { get } from "./api.js";
import { fill, h, icon, percent, plural, spoken } from "./dom.js";

/** @import {Why} from "./types.js" */
/** @import {Session} from "./session.js" */

const STREAMS = {
  active: "asked by the strategy",
  control: "drawn by chance, for the measure",
  early: "one of the first, before a model",
};

/** Explains the item that is shown. */
export class WhyPanel {
  #of = "";

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.root = h("div.why");
  }

  async refresh() {
    const item = this.session.current;
    const of = item ? `${item.key} ${this.session.state?.suggest}` : "";
    if (of === this.#of && of) return;
    this.#of = of;
    if (!item) return fill(this.root, h("p.soft", {}, "No item is shown."));
    try {
      const why = await get(`/api/why/${encodeURIComponent(item.key)}`);
      if (this.session.current === item) this.#draw(why);
    } catch (error) {
      this.#of = "";
      fill(this.root, h("p.soft", {}, "There is nothing to say about this item yet."));
      throw error;
    }
  }

  /** @param {Why} why */
  #draw(why) {
    const seen = this.session.state?.suggest === "before";
    const stream = STREAMS[/** @type {keyof typeof STREAMS} */ (why.stream)] ?? why.stream;
    fill(
      this.root,
      h(
        "section",
        {},
        h("p.headline", { dir: "auto" }, seen || !why.doubt.length ? why.sentence : hidden(why)),
        h(
          "p.chips",
          {},
          h("span.chip", {}, stream),
          why.rank !== null && h("span.chip", {}, `place ${why.rank} in the pool`),
        ),
      ),
      why.doubt.length > 0 && this.#doubt(why, seen),
      why.neighbors.length > 0 && neighbors(why, seen),
      why.stands_for > 0 &&
        h(
          "section",
          {},
          h("h3", {}, "What it stands for"),
          h(
            "p",
            {},
            h("strong", {}, plural(why.stands_for, "unlabeled item")),
            ` ${why.stands_for === 1 ? "has" : "have"} this one as the nearest.`,
          ),
        ),
      why.model !== null &&
        why.model >= 0 &&
        h("p.soft", {}, `${why.strategy}; model ${why.model}, learned from ${plural(why.labels, "label")}.`),
    );
  }

  /** @param {Why} why @param {boolean} seen whether the person wants to see guesses before answering */
  #doubt(why, seen) {
    const bars = why.doubt.map((one) => {
      const bar = h("span.bar");
      bar.style.width = `${100 * one.probability}%`;
      return h(
        "li",
        {},
        h("span.name", { dir: "auto" }, one.name),
        h("span.track", { "aria-hidden": "true" }, bar),
        h("span.n", {}, percent(one.probability)),
      );
    });
    const list = h("ul.bars", {}, bars);
    const title = h("h3", {}, "What the model doubts");
    if (seen) return h("section", {}, title, list);
    // The person wants to answer without the guess: it is shown on request only.
    return h("section", {}, title, h("details", {}, h("summary", {}, "Show the guess"), list));
  }
}

/** @param {Why} why the sentence may name the two classes, which would be a guess */
function hidden(why) {
  return why.doubt.some((one) => why.sentence.includes(one.name))
    ? "Asked because the model is torn between two classes."
    : why.sentence;
}

/** @param {Why} why @param {boolean} seen */
function neighbors(why, seen) {
  const rows = why.neighbors.map((one) =>
    h(
      "li",
      {},
      icon("label"),
      h("span.name", { dir: "auto" }, spoken(one.label)),
      h("span.id", {}, one.id),
      h("span.n", { title: "how alike" }, percent(one.similarity)),
    ),
  );
  const list = h("ul.near", {}, rows);
  const title = h("h3", {}, "Labeled items near it");
  return seen
    ? h("section", {}, title, list)
    : h(
        "section",
        {},
        title,
        h("details", {}, h("summary", {}, `Show ${plural(why.neighbors.length, "neighbor")}`), list),
      );
}
