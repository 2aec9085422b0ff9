/* One person's sitting: which item is shown, which come next, and what was just answered. */

import { Refused, get, once, post } from "./api.js";
import { plural } from "./dom.js";
import { preload } from "./pictures.js";

const LASSO = "\0"; // stands for a lasso where an item has its id
const TOGETHER = 500; // items in one request
const AHEAD = 4; // items at hand behind the one that is shown
const OFTEN = 1_000; // milliseconds between looks at the state while there is nothing to show
const CALM = 3_000;
const HIDDEN = 20_000;

/** @import {Entry, How, Item, Kind, State, Value} from "./types.js" */
/** @import {Outbox} from "./outbox.js" */

/**
 * @typedef {object} Deed what this person did last
 * @property {"answer" | "skip" | "lasso"} what
 * @property {Item | null} item null for a lasso
 * @property {string[]} once its entries; a lasso may have several
 * @property {Value} value
 * @property {Kind} kind
 * @property {number} count of items
 */

/**
 * Events: "state" (the server said how things are), "item" (another item is shown), "did" (a deed), "undone" (a
 * lasso), "saved", "door" (nobody is signed in), "said" (a sentence for the person).
 */
export class Session extends EventTarget {
  /** @type {State | null} */
  state = null;
  /** @type {Item | null} */
  current = null;
  /** @type {Item[]} */
  queue = [];
  /** Whether the item shown was answered before and is open again. */
  correcting = false;
  /** Why there is nothing to show. */
  whyNone = "";
  /** Whether the server did not answer the last request for the state. */
  away = false;
  /** Whether a first claim was answered. */
  asked = false;
  /** @type {Map<string, Entry>} answers that were refused, by item */
  refusals = new Map();
  /** @type {Deed[]} */
  deeds = [];

  /** @type {Set<string>} items that were answered since the claim on its way began */
  #answered = new Set();
  /** @type {Map<string, string>} items or lassos that an undo on its way is meant for, by its key */
  #undone = new Map();
  #claiming = false;
  /** @type {Promise<void> | undefined} */
  #undoing;
  #clock = 0;
  #shown = 0;
  #unseen = 0;
  #hiddenAt = 0;

  /** @param {(key: string) => Outbox} open makes the outbox of a project */
  constructor(open) {
    super();
    this.open = open;
    /** @type {Outbox | null} */
    this.outbox = null;
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Ask how things are, again and again. */
  async look() {
    clearTimeout(this.#clock);
    try {
      this.#take(await get("/api/state"));
      this.away = false;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) this.#tell("door");
      this.away = error.status !== 401;
      this.#tell("state");
    }
    if (this.outbox && !this.away) this.outbox.wake();
    if (!this.current && this.ready) await this.claim();
    const pause = document.hidden ? HIDDEN : this.current && !this.away ? CALM : OFTEN;
    clearTimeout(this.#clock);
    this.#clock = window.setTimeout(() => void this.look(), pause);
  }

  /** Whether the person and the kind of task are known, so that items may be shown. */
  get ready() {
    return Boolean(this.state?.person) && !this.state?.task.unset;
  }

  /** Have the next items at hand. */
  async claim() {
    if (this.#claiming || !this.outbox || !this.ready) return;
    this.#claiming = true;
    const waiting = this.outbox.waiting.map((one) => one.id);
    this.#answered = new Set(waiting);
    try {
      const reply = await post("/api/claim", { n: Math.min(1 + AHEAD + waiting.length, 20) });
      const here = new Set([this.current?.id, ...this.refusals.keys(), ...this.#answered]);
      const refused = this.queue.filter((one) => this.refusals.has(one.id));
      this.queue = [...refused, ...reply.items.filter((/** @type {Item} */ one) => !here.has(one.id))];
      this.whyNone = reply.why_none;
      this.asked = true;
      for (const item of this.queue) if (item.image) preload(item.image);
      if (!this.current) this.#next();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 401) this.#tell("door");
    } finally {
      this.#claiming = false;
    }
  }

  /**
   * Keep an answer to the item that is shown, and show the next.
   * @param {Value} value
   * @param {Kind} kind
   * @param {How} how
   */
  async answer(value, kind, how) {
    await this.#undoing; // keys that are pressed during an undo are meant for the item that comes back
    const item = this.current;
    if (!item || !this.outbox) return;
    const mode = this.state?.suggest ?? "never";
    const seen = mode === "before" || (mode === "after" && kind === "label"); // it is shown after a label only
    const saw = item.guess && seen ? { guess: item.guess.value, mode } : null;
    this.#settle(item);
    const body = { id: item.id, value, kind, seconds: this.#seconds(), how, saw };
    const entry = this.outbox.add("/api/answer", body, item);
    item.answer = { value, kind };
    this.#did({ what: "answer", item, once: [entry.once], value, kind, count: 1 });
    this.#next();
  }

  /**
   * Give many items one answer: one deed, however many requests it takes.
   * @param {string[]} ids
   * @param {Value} value
   */
  answerMany(ids, value) {
    const { outbox } = this;
    if (!outbox) return;
    const deed = once();
    const parts = [];
    for (let at = 0; at < ids.length; at += TOGETHER) parts.push(ids.slice(at, at + TOGETHER));
    const entries = parts.map((part) => outbox.add("/api/answers", { ids: part, value, how: "lasso", deed }));
    const marks = entries.map((one) => one.once);
    this.#did({ what: "lasso", item: null, once: marks, value, kind: "label", count: ids.length });
  }

  /** Put the item off: it comes to the end of the line. */
  async skip() {
    await this.#undoing;
    const item = this.current;
    if (!item || !this.outbox) return;
    if (this.correcting) return this.#next();
    this.#settle(item);
    const entry = this.outbox.add("/api/note", { id: item.id, skip: true }, item);
    this.#did({ what: "skip", item, once: [entry.once], value: null, kind: "label", count: 1 });
    this.#next();
  }

  /**
   * Note something about the item that is shown.
   * @param {{flag?: boolean, comment?: string}} what
   */
  note(what) {
    if (!this.current || !this.outbox) return;
    Object.assign(this.current, what);
    this.outbox.add("/api/note", { id: this.current.id, ...what });
    this.#tell("item");
  }

  /** Take back the last deed, also one from before a reload. */
  undo() {
    this.#undoing ??= this.#undo().finally(() => (this.#undoing = undefined));
    return this.#undoing;
  }

  /**
   * Show an item that was answered, to answer it differently.
   * @param {string} key
   */
  async reopen(key) {
    try {
      this.#show(await get(`/api/item/${encodeURIComponent(key)}`), true);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.say(error.message);
    }
  }

  /** Let a refused answer go, and the item with it. */
  dismiss() {
    const item = this.current;
    if (!item) return;
    this.#settle(item);
    this.outbox?.add("/api/note", { id: item.id, skip: true }, item);
    this.#next();
  }

  /** @param {Entry} entry an answer that the server would not take */
  async refused(entry) {
    if (entry.path !== "/api/answer") {
      this.#letGo(entry.once);
      this.outbox?.take(entry.once);
      if (!entry.body["skip"]) this.say(entry.error?.text ?? ""); // an item that is not mine is skipped already
      return;
    }
    try {
      const known = this.deeds.find((one) => one.once.includes(entry.once))?.item;
      const item = known ?? (await get(`/api/item/${encodeURIComponent(entry.key)}`));
      item.answer = { value: /** @type {Value} */ (entry.body["value"] ?? null), kind: entry.body["kind"] ?? "label" };
      this.refusals.set(entry.id, entry);
      this.#letGo(entry.once);
      this.queue = this.queue.filter((one) => one.id !== item.id);
      if (this.current?.id === item.id) {
        this.current = item;
        return this.#tell("item");
      }
      this.queue.unshift(item);
      if (this.current) this.say(`An answer could not be saved: ${entry.error?.text} Its item comes next.`);
      else this.#next();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.outbox?.take(entry.once); // the item itself is gone
      this.say(`An answer could not be saved: ${entry.error?.text}`);
    }
  }

  /** @param {string} text a sentence that is shown and read out */
  say(text) {
    this.dispatchEvent(new CustomEvent("said", { detail: text }));
  }

  async #undo() {
    const deed = this.deeds.pop();
    if (!this.outbox) return;
    if (deed) {
      const { outbox } = this;
      // What the server may have is taken back there, after it was saved: the order of entries is the order of deeds.
      const sent = deed.once.filter((mark) => !outbox.take(mark)).length > 0;
      if (sent && deed.what !== "skip") this.#undone.set(outbox.add("/api/undo", {}).once, deed.item?.id ?? LASSO);
      if (!deed.item) return this.#lassoUndone(deed.count);
      this.#answered.delete(deed.item.id);
      return this.#show(deed.item, false);
    }
    if (!(await this.outbox.empty(5_000))) return this.say("Undo waits for the server. Try again when it is back.");
    try {
      const reply = await post("/api/undo", { once: once() });
      if (reply.item) {
        this.#answered.delete(reply.item.id);
        this.#show({ ...reply.item, answer: reply.undone }, false);
      } else this.#lassoUndone(reply.count);
      this.#tell("saved");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.say(error.message);
    }
  }

  /** @param {number} count of items */
  #lassoUndone(count) {
    this.say(`Undone: ${plural(count, "label")} given on the map.`);
    this.#tell("undone");
  }

  /** What was refused cannot be undone. @param {string} mark */
  #letGo(mark) {
    const left = this.deeds.map((one) => ({ ...one, once: one.once.filter((own) => own !== mark) }));
    this.deeds = left.filter((one) => one.once.length);
  }

  /** @param {Item} item @param {boolean} correcting */
  #show(item, correcting) {
    this.queue = this.queue.filter((one) => one.id !== item.id);
    if (this.current && !this.correcting && this.current.id !== item.id) this.queue.unshift(this.current);
    this.current = item;
    this.correcting = correcting;
    this.#begin();
  }

  #next() {
    this.current = this.queue.shift() ?? null;
    this.correcting = false;
    this.#begin();
    if (this.queue.length < AHEAD) void this.claim();
  }

  #begin() {
    this.#shown = performance.now();
    this.#unseen = 0;
    this.#tell("item");
  }

  /** @param {Item} item */
  #settle(item) {
    this.#answered.add(item.id);
    const old = this.refusals.get(item.id);
    if (old) this.outbox?.take(old.once);
    this.refusals.delete(item.id);
  }

  /** @param {Deed} deed */
  #did(deed) {
    this.deeds = [...this.deeds.slice(-49), deed];
    this.#tell("did");
  }

  /** @param {State} state */
  #take(state) {
    this.state = state;
    if (!this.outbox) {
      const outbox = (this.outbox = this.open(state.key));
      outbox.addEventListener("saved", (event) => {
        const { entry, reply } = /** @type {CustomEvent} */ (event).detail;
        const meant = this.#undone.get(entry.once);
        if (meant && meant !== (reply.item?.id ?? LASSO)) {
          const took = reply.item ? `the answer to ${reply.item.id}` : `${plural(reply.count, "label")} of the map`;
          this.say(`Undo took back ${took}, given elsewhere.`);
        }
        this.#undone.delete(entry.once);
        this.#tell("saved");
        if (this.queue.length < AHEAD) void this.claim();
      });
      outbox.addEventListener("refused", (event) => void this.refused(/** @type {CustomEvent} */ (event).detail));
      outbox.belongsTo(state.person);
      for (const entry of outbox.refused) void this.refused(entry);
    }
    if (this.outbox.person !== state.person) this.outbox.belongsTo(state.person);
    this.#tell("state");
  }

  /** How long the item was on show, without the time that the page was hidden. */
  #seconds() {
    return Math.round(performance.now() - this.#shown - this.#unseen) / 1000;
  }

  #seen() {
    if (document.hidden) this.#hiddenAt = performance.now();
    else {
      this.#unseen += performance.now() - Math.max(this.#hiddenAt, this.#shown);
      void this.look();
    }
  }

  /** @param {string} name */
  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
