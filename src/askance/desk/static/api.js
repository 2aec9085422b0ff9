/* One door to the server: requests, and errors that say what happened. */

const PATIENCE = 20_000; // milliseconds; a server that stands still is a server that is away

/** An answer that is no success. `status` is 0 where no answer came at all. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} what a short code
   * @param {string} text a sentence for people
   */
  constructor(status, what, text) {
    super(text);
    this.status = status;
    this.what = what;
  }

  /** Whether the same request may succeed later, without anybody changing it. */
  get passing() {
    return this.status === 0 || this.status === 401 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {string} path
 * @returns {Promise<any>} the JSON of the answer
 */
export async function get(path) {
  return read(await ask(path, {}));
}

/**
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @returns {Promise<any>} the JSON of the answer
 */
export async function post(path, body) {
  return read(await ask(path, sent(body)));
}

/**
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @returns {Promise<{name: string, data: Blob}>} a file that the server made
 */
export async function download(path, body) {
  const reply = await ask(path, sent(body), 600_000);
  const said = reply.headers.get("Content-Disposition") ?? "";
  return { name: /filename="?([^";]+)/.exec(said)?.[1] ?? "answers", data: await reply.blob() };
}

/** A key that is made once: the server takes a request with the same key only once. */
export function once() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const dice = crypto.getRandomValues(new Uint8Array(16)); // randomUUID exists on https and localhost only
  return [...dice].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/** @param {Response} reply */
function read(reply) {
  return reply.json().catch(() => {
    throw new Refused(0, "away", "Something else than the server answered."); // as the sign-in page of a hotel does
  });
}

/**
 * @param {Record<string, unknown>} body
 * @returns {RequestInit}
 */
function sent(body) {
  const text = JSON.stringify(body);
  const headers = { "Content-Type": "application/json", "X-Askance": "1" };
  return { method: "POST", headers, body: text, keepalive: text.length < 30_000 }; // outlives a closed tab
}

/**
 * @param {string} path
 * @param {RequestInit} how
 * @param {number} patience
 */
async function ask(path, how, patience = PATIENCE) {
  const limit = new AbortController();
  const clock = setTimeout(() => limit.abort(), patience);
  let reply;
  try {
    reply = await fetch(path, { ...how, signal: limit.signal, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Refused(0, "away", "The server cannot be reached.");
  } finally {
    clearTimeout(clock);
  }
  if (reply.ok) return reply;
  /** @type {{error?: string, what?: string}} */
  const said = await reply.json().catch(() => ({}));
  throw new Refused(reply.status, said.what ?? "", said.error ?? `The server answered with error ${reply.status}.`);
}
