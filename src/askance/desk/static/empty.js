/* What stands where an item would be: first questions to a new person, and why there is nothing to answer. */

import { Refused, post } from "./api.js";
import { fill, h, icon, plural } from "./dom.js";
import { waitFor } from "./work.js";

/** @import {State} from "./types.js" */
/** @import {Session} from "./session.js" */

/**
 * What to show instead of an item.
 * @param {Session} session
 * @param {() => void} toExport
 * @returns {{about: string, children: (Node | string)[]}} `about` changes when there is something else to show
 */
export function instead(session, toExport) {
  const { state } = session;
  if (!state) {
    return session.away
      ? said("away", "cloud", "The server cannot be reached", "The page tries again by itself.")
      : { about: "first", children: [h("p.soft", {}, "Opening the project…")] };
  }
  if (!state.person) return { about: "person", children: [askName(session)] };
  if (state.task.unset) return { about: "kind", children: [askKind(session)] };
  return nothing(state, session, toExport);
}

/**
 * @param {State} state
 * @param {Session} session
 * @param {() => void} toExport
 */
function nothing(state, session, toExport) {
  const { progress, dealer } = state;
  const open = progress.unlabeled + progress.pending;
  if (session.away) return said("away", "cloud", "The server cannot be reached", "The page tries again by itself.");
  if (dealer.doing === "failed") {
    return said("failed", "broken", "No more items come", dealer.said || "The process that asks has stopped.");
  }
  if (open === 0 && progress.items > 0) {
    const { labeled, aside } = progress;
    const text = `${plural(labeled, "item")} labeled, ${aside} set aside. You can still correct answers.`;
    const take = h("button.save", { type: "button", onclick: toExport }, icon("export"), "Export the answers");
    return said("done", "check", "All items are answered", text, take);
  }
  const told = session.whyNone || state.queue.why_empty;
  if (progress.unlabeled === 0 && progress.pending > 0) {
    return said(
      "others",
      "history",
      "Others hold the open items",
      told || "They come back to you if they are left lying.",
    );
  }
  const of = dealer.of ? `${dealer.done} of ${dealer.of} items read. ` : "";
  const reading = dealer.doing === "encoding" ? `The items are read for the first time. ${of}` : "";
  const left = dealer.eta === null ? "" : `It takes ${waitFor(dealer.eta)} more.`;
  const bar =
    dealer.doing === "encoding" && dealer.of
      ? h("progress", { max: dealer.of, value: dealer.done, "aria-label": "Items read" })
      : "";
  return said(
    `wait ${dealer.done}`,
    "spin",
    "The first items come in a moment",
    told || `${reading}${left}` || dealer.said,
    bar,
  );
}

/**
 * @param {string} about
 * @param {string} sign
 * @param {string} title
 * @param {string} text
 * @param {(Node | string)[]} more
 */
function said(about, sign, title, text, ...more) {
  const drawn = sign === "spin" ? h("span.spin", { "aria-hidden": "true" }) : h("span.sign", {}, icon(sign));
  return {
    about: `${about} ${text}`,
    children: [h("div.nothing-here", {}, drawn, h("h2", {}, title), h("p", {}, text), ...more)],
  };
}

/** @param {Session} session */
function askName(session) {
  const input = h("input.seek", { id: "my-name", type: "text", autocomplete: "name", maxlength: 80, required: true });
  const problem = h("p.wrong", { role: "alert" });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(problem, session, "/api/person", { name: input.value.trim() });
  };
  return h(
    "form.welcome",
    { onsubmit: submit },
    h("h2", {}, "Welcome. Who is labeling?"),
    h("p.soft", {}, "Your answers are kept under this name, so that people can tell them apart."),
    h("label", { for: "my-name" }, "Your name"),
    h("div.row", {}, input, h("button.save", { type: "submit" }, "Begin")),
    problem,
  );
}

/** @param {Session} session */
function askKind(session) {
  const problem = h("p.wrong", { role: "alert" });
  const kinds = [
    ["classes", "One class for each item", "A ticket is about billing or about delivery."],
    ["labels", "Several labels for each item", "A picture may show a dog and a ball."],
    ["number", "A number for each item", "How urgent, from 0 to 10; or a price."],
  ];
  const cards = kinds.map(([kind = "", title = "", text = ""]) =>
    h(
      "button.kind",
      { type: "button", onclick: () => void attempt(problem, session, "/api/task", { kind }) },
      h("strong", {}, title),
      h("span", {}, text),
    ),
  );
  return h(
    "div.welcome",
    {},
    h("h2", {}, "What is an answer here?"),
    h("p.soft", {}, "This cannot be changed once something is labeled."),
    h("div.kinds", {}, cards),
    problem,
  );
}

/**
 * @param {HTMLElement} problem
 * @param {Session} session
 * @param {string} path
 * @param {Record<string, unknown>} body
 */
async function attempt(problem, session, path, body) {
  try {
    await post(path, body);
    fill(problem);
    await session.look();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problem.textContent = error.message;
  }
}
