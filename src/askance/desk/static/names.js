/* Names of classes: finding one by a few letters, and slips of the keyboard. */

const NUMBER = /^[+-]?(\d+[.,]?\d*|[.,]\d+)$/;
const SIGNS = /[+#*<>=%]|^-(?=\d)|-$/g; // C and C++, A and A-: signs that mean something
const ACCENTS = /[\u0300-\u036f]/g;

/**
 * The names that a few letters may mean, best first.
 * @param {string[]} names
 * @param {string} typed
 * @returns {string[]}
 */
export function matching(names, typed) {
  const sought = plain(typed);
  if (!sought) return names;
  const ranked = names.map((name, place) => ({ name, place, rank: rank(plain(name), sought) }));
  return ranked
    .filter((one) => one.rank < 9)
    .sort((one, two) => one.rank - two.rank || one.place - two.place)
    .map((one) => one.name);
}

/** The name that is this one but for case. @param {string[]} names @param {string} typed */
export function same(names, typed) {
  const sought = typed.trim();
  return names.find((name) => name === sought) ?? names.find((name) => name.toLowerCase() === sought.toLowerCase());
}

/**
 * The known name of which a new one may be a slip, by the rules that the server has (`looks_like`).
 * @param {string[]} names
 * @param {string} typed
 */
export function lookalike(names, typed) {
  let best = "";
  let least = Infinity;
  for (const name of names) {
    const far = apart(typed, name);
    if (far < least) [best, least] = [name, far];
  }
  return best;
}

/** @param {string} name @param {string} sought */
function rank(name, sought) {
  if (name === sought) return 0;
  if (name.startsWith(sought)) return 1;
  const at = name.indexOf(sought);
  if (at < 0) return 9;
  return /[\p{L}\p{N}]/u.test(name[at - 1] ?? "") ? 3 : 2; // the start of a later word comes first
}

/** @param {string} name */
function plain(name) {
  return name.toLowerCase().normalize("NFKD").replace(ACCENTS, "").normalize("NFC").trim();
}

/**
 * How many slips lie between two names; Infinity if they are names of their own.
 * @param {string} one
 * @param {string} two
 */
function apart(one, two) {
  const numbers = [one, two].map((name) => (NUMBER.test(name.trim()) ? Number(name.trim().replace(",", ".")) : NaN));
  if (numbers.every((value) => !Number.isNaN(value))) return numbers[0] === numbers[1] ? 0 : Infinity;
  if (signs(one) !== signs(two)) return Infinity; // class 1 is not class 2, A is not A+
  const [a, b] = [letters(one), letters(two)];
  if (a === b) return a || one.trim() === two.trim() ? 0 : Infinity;
  const shorter = Math.min(a.length, b.length);
  const allowed = shorter >= 8 ? 2 : shorter >= 4 ? 1 : 0;
  if (!allowed || Math.abs(a.length - b.length) > allowed) return Infinity;
  if (a[0] !== b[0] && !(a[0] === b[1] && a[1] === b[0])) return Infinity; // relevant is not irrelevant
  const found = edits(a, b);
  return found <= allowed ? found : Infinity;
}

/** @param {string} name */
function letters(name) {
  return plain(name).replace(/[^\p{L}\p{M}\p{N}]/gu, "");
}

/** What must be the same in two names for one to be a slip: digits, and a plus or minus. @param {string} name */
function signs(name) {
  return letters(name).replace(/\P{Nd}/gu, "") + (name.trim().match(SIGNS) ?? []).join("");
}

/** Letters to add, drop, change or swap with their neighbor. @param {string} one @param {string} two */
function edits(one, two) {
  /** @type {number[]} */
  let last = [];
  /** @type {number[]} */
  let before = [];
  let row = Array.from({ length: two.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    [last, before, row] = [before, row, [i]];
    for (let j = 1; j <= two.length; j++) {
      const swap = i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      row[j] = Math.min(
        at(before, j) + 1,
        at(row, j - 1) + 1,
        at(before, j - 1) + Number(one[i - 1] !== two[j - 1]),
        swap ? at(last, j - 2) + 1 : Infinity,
      );
    }
  }
  return at(row, two.length);
}

/** @param {number[]} row @param {number} j */
function at(row, j) {
  return row[j] ?? Infinity;
}
