/* The head of the page: progress, who is here, whether all is saved, and notices. */

import { fill, h, icon, percent, plural } from "./dom.js";

/** @import {Session} from "./session.js" */

/**
 * @param {{project: HTMLElement, progress: HTMLElement, people: HTMLElement}} parts
 * @param {Session} session
 */
export function drawHead(parts, session) {
  const { state } = session;
  if (!state) return;
  parts.project.textContent = state.project;
  document.title = `${state.project} · askance`;
  const { items, labeled, aside } = state.progress;
  const done = labeled + aside;
  const label = `${done.toLocaleString("en")} of ${plural(items, "item")} answered`;
  let bar = parts.progress.querySelector("progress");
  if (!bar) {
    bar = h("progress", { "aria-label": "Items answered" });
    fill(parts.progress, h("span.count"), bar);
  }
  bar.max = Math.max(items, 1);
  bar.value = done;
  const count = /** @type {HTMLElement} */ (parts.progress.firstElementChild);
  fill(count, h("strong", {}, done.toLocaleString("en")), ` of ${items.toLocaleString("en")} answered`);
  parts.progress.title = `${label} (${percent(items ? done / items : 0)})`;
  const here = state.people.filter((one) => one.now || one.name === state.person);
  const faces = here.slice(0, 4).map((one) => {
    const mine = one.name === state.person;
    const said = `${one.name}${mine ? " (you)" : ""}: ${plural(one.answers, "answer")}`;
    return h(
      mine ? "li.face.me" : "li.face",
      { title: said },
      h("span", { "aria-hidden": "true" }, initials(one.name)),
      h("span.unseen", {}, said),
    );
  });
  if (here.length > 4) faces.push(h("li.face.more", {}, `+${here.length - 4}`));
  fill(parts.people, faces);
}

/**
 * Whether all is saved.
 * @param {HTMLElement} root
 * @param {Session} session
 */
export function drawSaved(root, session) {
  const waiting = session.outbox?.waiting.length ?? 0;
  const refused = session.refusals.size;
  const trouble = Boolean(session.outbox?.trouble) || session.away;
  const [name, sign, text] =
    waiting && trouble
      ? ["saved late", "cloud", `${waiting} waiting`]
      : waiting
        ? ["saved", "cloud", "Saving…"]
        : trouble
          ? ["saved late", "cloud", "Offline"]
          : refused
            ? ["saved late", "broken", `${refused} not saved`]
            : ["saved", "check", "All saved"];
  if (root.textContent === text && root.className === name) return;
  root.className = name ?? "";
  fill(root, icon(sign ?? ""), h("span", {}, text));
}

/**
 * Notices across the page.
 * @param {HTMLElement} root
 * @param {Session} session
 */
export function drawBanners(root, session) {
  const { outbox, state } = session;
  /** @type {[string, string, boolean][]} */
  const said = [];
  const waiting = outbox?.waiting.length ?? 0;
  const answers = plural(waiting, "answer waits", "answers wait");
  const trouble = outbox?.trouble;
  if (waiting && trouble?.status === 401) said.push(["warn", `${answers} to be saved until you sign in.`, false]);
  else if (waiting && trouble)
    said.push([
      trouble.what === "disk" ? "error" : "warn",
      `${answers} to be saved. ${trouble.message} ${keptWhere(session)}`,
      true,
    ]);
  else if (session.away)
    said.push([
      "warn",
      `The server cannot be reached. You can go on with the items at hand. ${keptWhere(session)}`,
      true,
    ]);
  if (outbox?.fragile && waiting)
    said.push(["error", "This browser cannot keep answers: do not close the page before they are saved.", false]);
  const foreign = outbox?.foreign ?? [];
  if (foreign.length && state?.person) {
    const whose = [...new Set(foreign.map((one) => one.person))].join(", ");
    said.push([
      "info",
      `Answers of ${whose} wait in this browser (${foreign.length}); they are saved when ${whose} labels here.`,
      false,
    ]);
  }
  if (state?.banner) said.push([state.banner.level, state.banner.text, false]);
  if (root.dataset["said"] === JSON.stringify(said)) return; // else it would be read out again
  root.dataset["said"] = JSON.stringify(said);
  fill(
    root,
    said.map(([level, text, again]) =>
      h(
        `div.banner`,
        { "data-level": level },
        icon(level === "info" ? "why" : "broken"),
        h("p", {}, text),
        again && h("button.small", { type: "button", onclick: () => void session.look() }, "Try now"),
      ),
    ),
  );
}

/** @param {Session} session */
function keptWhere(session) {
  return session.outbox?.fragile ? "" : "Answers are kept in this browser, and the page tries again by itself.";
}

/** @param {string} name */
function initials(name) {
  const [first = "", second = ""] = name.split(/[\s._@-]+/);
  return ((first[0] ?? "") + (second[0] ?? first[1] ?? "")).toUpperCase();
}
