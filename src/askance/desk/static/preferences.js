/* Small wishes of a person, kept in the browser. */

/** @param {string} name @param {string} otherwise */
export function preference(name, otherwise) {
  try {
    return localStorage.getItem(`askance:wish:${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {string} value */
export function setPreference(name, value) {
  try {
    localStorage.setItem(`askance:wish:${name}`, value);
  } catch {
    // then it holds until the page is closed
  }
}

/** Show the page in the colors that the person wants. */
export function applyTheme() {
  const wanted = preference("theme", "system");
  const dark = wanted === "dark" || (wanted === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}
