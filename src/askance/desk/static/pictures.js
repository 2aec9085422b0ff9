/* Pictures that are loaded before they are shown. */

const KEPT = 24;

/** @type {Map<string, HTMLImageElement>} */
const pictures = new Map();

/**
 * Begin to load a picture; the same element again if it is known.
 * @param {string} url
 */
export function preload(url) {
  const known = pictures.get(url);
  if (known) return known;
  const made = new Image();
  made.decoding = "async";
  made.draggable = false;
  made.src = url;
  made.decode().catch(() => undefined); // a picture that cannot be shown says so where it is shown
  pictures.set(url, made);
  const oldest = pictures.keys().next().value;
  if (pictures.size > KEPT && oldest) pictures.delete(oldest);
  return made;
}

/** Forget a picture that could not be loaded, so that it is asked for again. @param {string} url */
export function forget(url) {
  pictures.delete(url);
}
