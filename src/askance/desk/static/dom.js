/* Elements in one line each. Text goes in as text, never as markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element: `h("button.quiet", {onclick: go, "aria-label": "Go"}, "Go")`.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag | `${Tag}.${string}`} tag a tag, with classes after points
 * @param {Record<string, any>} attributes functions are listeners, false and null are left out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(/** @type {string} */ (name));
  made.classList.add(...classes);
  set(made, attributes);
  made.append(...kept(children));
  return /** @type {any} */ (made);
}

/**
 * The same for pictures drawn by lines.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElementNS("http://www.w3.org/2000/svg", /** @type {string} */ (name));
  made.classList.add(...classes);
  set(made, attributes);
  made.append(...kept(children));
  return made;
}

/**
 * A drawing from the page's set.
 * @param {string} name
 */
export function icon(name) {
  return svg("svg.icon", { "aria-hidden": "true", focusable: "false" }, svg("use", { href: `#i-${name}` }));
}

/**
 * The element with an id, which must be there.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/**
 * Put these children in place of all that was there.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...kept(children));
}

/**
 * A button whose key is written on it.
 * @param {string} name
 * @param {string} key
 */
export function keycap(key, name = "keycap") {
  // Not read out with the name: its button says the key in aria-keyshortcuts.
  return h(/** @type {"kbd"} */ (`kbd.${name}`), { "aria-hidden": "true" }, key);
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** @param {number} n @param {string} one @param {string} many */
export function plural(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/**
 * What an answer says, for people.
 * @param {import("./types.js").Value} value
 * @param {string} kind
 * @returns {string}
 */
export function spoken(value, kind = "label") {
  if (kind !== "label") return { unsure: "unsure", "none-of-these": "none of these", broken: "broken" }[kind] ?? kind;
  if (Array.isArray(value)) return value.length ? value.join(", ") : "no label";
  return value === null ? "nothing" : String(value);
}

/** @param {Element} made @param {Record<string, any>} attributes */
function set(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(name, value === true ? "" : value);
  }
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function kept(children) {
  return children
    .flat()
    .filter((one) => one !== null && one !== undefined && one !== false)
    .map((one) => (one instanceof Node ? one : String(one)));
}
