/* Which key does what: the keys people may change, and how they are written on buttons. */

const STORED = "askance:keys";
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** @typedef {{name: string, title: string, group: string, keys: string[]}} Action */

// Letters are left free: any of them begins to search a class. So what else there is goes by Shift and a letter.
/** @type {readonly Action[]} */
export const ACTIONS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => ({
    name: `choose-${n}`,
    title: `Choice ${n}`,
    group: "Choices",
    keys: [String(n % 10)],
  })),
  { name: "accept", title: "Save, or take the suggestion", group: "Answer", keys: ["Enter"] },
  { name: "search", title: "Search a class, or name a new one", group: "Answer", keys: ["/"] },
  { name: "skip", title: "Skip: show it later", group: "Answer", keys: ["Space"] },
  { name: "unsure", title: "Unsure", group: "Answer", keys: ["Shift+U"] },
  { name: "none", title: "None of these", group: "Answer", keys: ["Shift+N"] },
  { name: "broken", title: "Broken item", group: "Answer", keys: ["Shift+B"] },
  { name: "undo", title: "Undo", group: "Answer", keys: ["Backspace", "Mod+Z"] },
  { name: "flag", title: "Flag", group: "Item", keys: ["Shift+F"] },
  { name: "comment", title: "Comment", group: "Item", keys: ["Shift+C"] },
  { name: "reset-view", title: "Show the whole picture", group: "Item", keys: ["Shift+Z"] },
  { name: "panel-overview", title: "Overview", group: "Views", keys: ["Shift+O"] },
  { name: "panel-why", title: "Why this item", group: "Views", keys: ["Shift+W"] },
  { name: "panel-map", title: "Map", group: "Views", keys: ["Shift+M"] },
  { name: "panel-history", title: "My answers", group: "Views", keys: ["Shift+H"] },
  { name: "panel-classes", title: "Classes", group: "Views", keys: ["Shift+L"] },
  { name: "help", title: "Keys and help", group: "Views", keys: ["?"] },
];

/** The keys of one person in this browser. */
export class Keys {
  constructor() {
    /** @type {Record<string, string[]>} */
    this.changed = {};
    /** Whether single keys do anything; some voice input types letters. */
    this.on = true;
    try {
      const kept = JSON.parse(localStorage.getItem(STORED) ?? "{}");
      this.changed = kept.changed ?? {};
      this.on = kept.on ?? true;
    } catch {
      // what cannot be read is as if nothing was changed
    }
  }

  /** @param {string} name of an action @returns {string[]} */
  of(name) {
    return this.changed[name] ?? ACTIONS.find((one) => one.name === name)?.keys ?? [];
  }

  /** The key as it stands on a button; "" if it has none. @param {string} name of an action */
  label(name) {
    const first = this.of(name)[0];
    return this.on && first ? written(first) : "";
  }

  /** The action of a key. @param {string} chord */
  action(chord) {
    return ACTIONS.find((one) => this.of(one.name).includes(chord))?.name;
  }

  /**
   * Give an action another key, and take that key from any other action.
   * @param {string} name
   * @param {string} chord
   */
  change(name, chord) {
    for (const one of ACTIONS) {
      if (this.of(one.name).includes(chord)) this.changed[one.name] = this.of(one.name).filter((key) => key !== chord);
    }
    this.changed[name] = [chord];
    this.#keep();
  }

  /** All keys as they were. */
  reset() {
    this.changed = {};
    this.#keep();
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on;
    this.#keep();
  }

  #keep() {
    try {
      localStorage.setItem(STORED, JSON.stringify({ changed: this.changed, on: this.on }));
    } catch {
      // then it holds until the page is closed
    }
  }
}

/**
 * A key with what is held, as "Shift+U", "Mod+Z", "7"; "" for a held key alone.
 * @param {KeyboardEvent} event
 */
export function chordOf(event) {
  if (["Shift", "Control", "Alt", "Meta", "CapsLock", "Dead", "Unidentified"].includes(event.key)) return "";
  const held = (event.ctrlKey || event.metaKey ? "Mod+" : "") + (event.altKey ? "Alt+" : "");
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  if (digit && !event.shiftKey && !/^\p{L}$/u.test(event.key)) return held + digit; // French keyboards have & on 1
  if (event.key === " ") return held + "Space";
  if (/^\p{L}$/u.test(event.key)) return held + (event.shiftKey ? "Shift+" : "") + event.key.toUpperCase();
  return held + (event.key.length > 1 && event.shiftKey ? "Shift+" : "") + event.key;
}

/** A letter or sign that begins a search. @param {KeyboardEvent} event */
export function beginsSearch(event) {
  return !event.ctrlKey && !event.metaKey && !event.altKey && /^[\p{L}\p{N}]$/u.test(event.key);
}

/** A chord as people write it. @param {string} chord */
export function written(chord) {
  return chord
    .replace("Mod+", MAC ? "⌘" : "Ctrl ")
    .replace("Alt+", MAC ? "⌥" : "Alt ")
    .replace("Shift+", "⇧")
    .replace("Backspace", "⌫")
    .replace("Enter", "↵");
}

/** A chord as assistive technology reads it, for `aria-keyshortcuts`. @param {string[]} chords */
export function announced(chords) {
  return chords.map((one) => one.replace("Mod+", MAC ? "Meta+" : "Control+")).join(" ") || null;
}
