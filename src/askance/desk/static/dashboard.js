/* The overview: how far the labels are, how good the model is, and whether asking was worth it. */

import { get } from "./api.js";
import { chart } from "./chart.js";
import { fill, h, icon, plural } from "./dom.js";
import { measured } from "./metrics.js";
import { waitFor } from "./work.js";

/** @import {Metric} from "./metrics.js" */
/** @import {Model, Progress, Proof, State} from "./types.js" */
/** @import {Session} from "./session.js" */

const DOING = {
  starting: "Starting",
  encoding: "Reading the items",
  training: "Training now",
  asking: "Choosing the next items",
  measuring: "Measuring",
  idle: "Waiting for answers",
  failed: "The model could not be fitted",
};
const VERDICTS = {
  unknown: "Not known yet",
  helps: "Asking helps",
  hurts: "Asking does not help",
  undecided: "Undecided",
};

/** Progress, accuracy, proof, model and people. */
export class Dashboard {
  #seen = "";
  #at = "";
  /** @type {Proof | null} */
  #proof = null;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.root = h("div.overview");
    new ResizeObserver(() => this.#size()).observe(this.root);
    this.wide = 0;
  }

  async refresh() {
    const { state } = this.session;
    if (!state) return;
    const at = `${state.version} ${state.model?.number} ${state.dealer.doing} ${state.proof.at}`;
    if (at !== this.#at) {
      this.#draw(state); // the numbers at hand need not wait for the proof
      this.#proof = /** @type {Proof} */ (await get("/api/proof"));
      this.#at = at;
    }
    this.#draw(state);
  }

  #size() {
    const wide = Math.round(this.root.clientWidth);
    if (!wide || wide === this.wide) return;
    this.wide = wide;
    this.#seen = "";
    if (this.session.state) this.#draw(this.session.state);
  }

  /** @param {State} state */
  #draw(state) {
    const seen = JSON.stringify([state, this.#proof, this.wide]);
    if (seen === this.#seen) return;
    this.#seen = seen;
    const open = this.root.querySelector("details")?.open ?? false;
    fill(
      this.root,
      progress(state.progress),
      proof(this.#proof, state, this.wide || 360, open),
      model(state),
      people(state),
    );
  }
}

/** @param {Progress} all */
function progress(all) {
  const parts = [
    ["labeled", all.labeled, "labeled"],
    ["aside", all.aside, "set aside"],
    ["pending", all.pending, "asked, open"],
    ["open", all.unlabeled, "not asked yet"],
  ];
  const bar = h("div.stack", { role: "img", "aria-label": parts.map(([, n, title]) => `${n} ${title}`).join(", ") });
  for (const [name, n] of parts) {
    if (!n) continue;
    const part = h("span", { "data-part": name });
    part.style.flexGrow = String(n);
    bar.append(part);
  }
  return h(
    "section",
    {},
    h("p.figure", {}, h("strong", {}, all.labeled.toLocaleString("en")), ` of ${plural(all.items, "item")} labeled`),
    bar,
    h(
      "ul.legend",
      {},
      parts.map(([name, n, title]) =>
        h("li", { "data-part": name }, h("strong", {}, Number(n).toLocaleString("en")), ` ${title}`),
      ),
    ),
    h("p.soft", {}, `${plural(all.mine, "answer")} given by me.`),
  );
}

/** @param {Proof | null} told @param {State} state @param {number} wide @param {boolean} open */
function proof(told, state, wide, open) {
  const verdict = told?.verdict ?? "unknown";
  const accuracy = told?.accuracy;
  const metric = measured(accuracy?.metric ?? "accuracy");
  const dial =
    accuracy &&
    h(
      "div.dial",
      {},
      h("p.figure", {}, h("strong", {}, metric.said(accuracy.value)), ` ${metric.name}`),
      interval(accuracy.low, accuracy.high, accuracy.value, metric),
    );
  const statements = [accuracy?.sentence, told?.gain?.sentence, told?.saved?.sentence].filter(Boolean);
  return h(
    "section",
    {},
    h("h3", {}, "Is asking worth it?"),
    h("p.verdict", { "data-verdict": verdict }, VERDICTS[verdict]),
    h("p.headline", {}, told?.sentence ?? state.proof.sentence),
    dial,
    told && told.curve.length > 1 && chart(told.curve, metric, wide, open),
    statements.length > 0 &&
      h(
        "ul.statements",
        {},
        statements.map((one) => h("li", {}, one)),
      ),
    state.stop.sentence &&
      h(state.stop.now ? "p.stop.now" : "p.stop", {}, icon(state.stop.now ? "check" : "overview"), state.stop.sentence),
  );
}

/**
 * A band with a mark, from 0 to 1, or of an error up to a little more than the band.
 * @param {number} low @param {number} high @param {number} value @param {Metric} metric
 */
function interval(low, high, value, metric) {
  const most = metric.share ? 1 : 1.25 * high || 1;
  const band = h("span.band");
  const mark = h("span.mark");
  band.style.left = `${(100 * low) / most}%`;
  band.style.width = `${(100 * (high - low)) / most}%`;
  mark.style.left = `${(100 * value) / most}%`;
  return h("div.interval", { role: "img", "aria-label": `between ${metric.said(low)} and ${metric.said(high)}` }, band, mark);
}

/** @param {State} state */
function model({ model: fitted, dealer }) {
  const eta = dealer.eta === null ? "" : `, ${waitFor(dealer.eta)}`;
  const now = `${DOING[dealer.doing]}${dealer.doing === "idle" ? "" : eta}`;
  return h(
    "section",
    {},
    h("h3", {}, "The model"),
    h("p", {}, fitted ? age(fitted) : "No model yet: the first is fitted after a few labels of each class."),
    h("p.doing", { "data-doing": dealer.doing }, h("span.dot"), now),
    dealer.said && dealer.doing !== "idle" && h("p.soft", {}, dealer.said),
    fitted &&
      h(
        "p.soft",
        {},
        `${fitted.learner}; items are chosen by ${fitted.strategy}; ${fitted.seconds.toFixed(1)} s to fit.`,
      ),
  );
}

/** @param {Model} fitted */
function age(fitted) {
  const since = fitted.since ? `, ${fitted.since.toLocaleString("en")} came since` : "";
  return `Learned from ${plural(fitted.labels, "label")}${since}.`;
}

/** @param {State} state */
function people({ people: all, person }) {
  const most = Math.max(1, ...all.map((one) => one.answers));
  const rows = [...all]
    .sort((one, two) => two.answers - one.answers)
    .map((one) => {
      const bar = h("span.bar");
      bar.style.width = `${(100 * one.answers) / most}%`;
      const here = one.now || one.name === person;
      return h(
        "li",
        {},
        h("span.name", { dir: "auto" }, one.name, one.name === person && h("span.soft", {}, " (you)")),
        h("span.track", { "aria-hidden": "true" }, bar),
        h("span.n", {}, one.answers.toLocaleString("en")),
        h(here ? "span.dot.here" : "span.dot", { title: here ? "here now" : "" }),
        here && h("span.unseen", {}, "here now"),
      );
    });
  return h("section", {}, h("h3", {}, "People"), h("ul.bars", {}, rows));
}
