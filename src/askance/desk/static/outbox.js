/* What is not saved yet: kept in the browser's storage, sent in order, tried again until the server has it. */

import { Refused, once, post } from "./api.js";

const FIRST = 500; // milliseconds before the second try; doubles up to LAST
const LAST = 15_000;

/** @import {Entry} from "./types.js" */

/**
 * Entries survive a reload and a crash of the browser. Each has a storage key of its own, so two tabs never write over
 * one another; both may send the same entry, and the server takes it once.
 *
 * Events: "change" (what waits), "saved" ({entry, reply}), "refused" (entry).
 */
export class Outbox extends EventTarget {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #running = false;
  /** @type {(() => void) | null} */
  #wake = null;

  /** @param {string} key of the project: another may have its name, or come to its address */
  constructor(key) {
    super();
    this.prefix = `askance:out:${key}:`;
    this.person = "";
    /** @type {Refused | null} why nothing goes out just now */
    this.trouble = null;
    /** Whether the browser's storage is full or closed, so that a reload would lose what waits. */
    this.fragile = false;
    this.#load();
    window.addEventListener("storage", (event) => {
      if (event.key?.startsWith(this.prefix)) this.#load();
    });
    window.addEventListener("online", () => this.wake());
  }

  /** Who is at the keyboard: only this person's entries are sent. @param {string} person */
  belongsTo(person) {
    this.person = person;
    void this.#run();
  }

  /** Entries that wait, first to last. */
  get waiting() {
    return this.#sorted().filter((one) => !one.error && one.person === this.person);
  }

  /** Entries of this person that the server would not take. */
  get refused() {
    return this.#sorted().filter((one) => one.error && one.person === this.person);
  }

  /** Entries that another person left in this browser. */
  get foreign() {
    return this.#sorted().filter((one) => one.person !== this.person);
  }

  /**
   * Keep something to be saved, and start saving.
   * @param {string} path
   * @param {Record<string, unknown>} body
   * @param {{id: string, key: string}} about
   * @returns {Entry}
   */
  add(path, body, about = { id: "", key: "" }) {
    const mark = once();
    const last = Math.max(0, ...[...this.#entries.values()].map((one) => one.n));
    const n = Math.max(Date.now(), last + 1);
    const entry = {
      n,
      once: mark,
      path,
      body: { ...body, once: mark },
      person: this.person,
      ...about,
      tried: false,
      error: null,
    };
    this.#keep(entry);
    this.#changed();
    void this.#run();
    return entry;
  }

  /**
   * Take back an entry, unless the server may have it.
   * @param {string} mark its `once`
   * @returns {boolean} false if it is gone or was ever sent
   */
  take(mark) {
    const entry = this.#entries.get(mark);
    if (!entry || (entry.tried && !entry.error)) return false;
    this.#drop(mark);
    this.#changed();
    return true;
  }

  /** Try at once, without waiting for the next turn. */
  wake() {
    this.#wake?.();
    void this.#run();
  }

  /**
   * Until nothing waits, or for so many milliseconds.
   * @param {number} patience
   * @returns {Promise<boolean>} whether nothing waits
   */
  async empty(patience) {
    this.wake();
    const end = Date.now() + patience;
    while (this.waiting.length && Date.now() < end) await new Promise((done) => setTimeout(done, 20));
    return !this.waiting.length;
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    await this.#send().finally(() => (this.#running = false));
  }

  async #send() {
    let pause = FIRST;
    for (let entry = this.waiting[0]; entry; entry = this.waiting[0]) {
      if (!entry.tried) this.#keep({ ...entry, tried: true });
      try {
        const reply = await post(entry.path, entry.body);
        this.#drop(entry.once);
        this.trouble = null;
        pause = FIRST;
        this.dispatchEvent(new CustomEvent("saved", { detail: { entry, reply } }));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.passing) this.trouble = error;
        else this.#refuse(entry, error);
      }
      this.#changed();
      if (this.trouble) {
        await this.#sleep(pause * (0.8 + 0.4 * Math.random())); // many pages must not come back in step
        pause = Math.min(2 * pause, LAST);
      }
    }
  }

  /** @param {number} milliseconds */
  #sleep(milliseconds) {
    return /** @type {Promise<void>} */ (
      new Promise((done) => {
        const clock = setTimeout(done, milliseconds);
        this.#wake = () => {
          clearTimeout(clock);
          done();
        };
      })
    );
  }

  /** @param {Entry} entry @param {Refused} error */
  #refuse(entry, error) {
    this.trouble = null;
    const refused = { ...entry, error: { status: error.status, what: error.what, text: error.message } };
    this.#keep(refused);
    this.dispatchEvent(new CustomEvent("refused", { detail: refused }));
  }

  #sorted() {
    return [...this.#entries.values()].sort((one, two) => one.n - two.n);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Entry} entry */
  #keep(entry) {
    this.#entries.set(entry.once, entry);
    try {
      localStorage.setItem(this.prefix + entry.once, JSON.stringify(entry));
    } catch {
      this.fragile = true;
    }
  }

  /** @param {string} mark */
  #drop(mark) {
    this.#entries.delete(mark);
    try {
      localStorage.removeItem(this.prefix + mark);
    } catch {
      this.fragile = true;
    }
    if (!this.#entries.size) this.fragile = false;
  }

  #load() {
    if (this.fragile) return;
    try {
      const found = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
      const entries = found.map((key) => /** @type {Entry} */ (JSON.parse(localStorage.getItem(key) ?? "null")));
      this.#entries = new Map(entries.filter(Boolean).map((one) => [one.once, one]));
    } catch {
      this.fragile = true;
    }
    this.#changed();
  }
}
