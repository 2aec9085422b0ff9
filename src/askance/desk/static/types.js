/* What the server says, as types for the checker; nothing here runs. */

/** @typedef {string | string[] | number | null} Value */
/** @typedef {"label" | "unsure" | "none-of-these" | "broken"} Kind */
/** @typedef {"key" | "click" | "touch" | "suggestion" | "lasso"} How */
/** @typedef {{name: string, probability: number}} Chance */
/** @typedef {{value: Value, probability: number | null, since: number, top: Chance[]}} Guess */
/** @typedef {{value: Value, kind: Kind}} Given */
/** @typedef {{by: string, value: Value, kind: Kind}} Other */
/** @typedef {{name: string, text: string, main?: boolean}} Field */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} key
 * @property {Field[]} fields
 * @property {string | null} image
 * @property {"active" | "control" | "early" | "unasked"} stream
 * @property {Guess | null} guess
 * @property {Given | null} answer
 * @property {boolean} flag
 * @property {string} comment
 * @property {Other[]} others
 */

/** @typedef {{name: string, count: number}} Named */
/**
 * @typedef {object} Progress
 * @property {number} items
 * @property {number} labeled
 * @property {number} aside
 * @property {number} pending
 * @property {number} unlabeled
 * @property {number} mine
 */

/** @typedef {"starting" | "encoding" | "training" | "asking" | "measuring" | "idle" | "failed"} Doing */
/** @typedef {{doing: Doing, done: number, of: number, eta: number | null, said: string}} Dealer */
/**
 * @typedef {object} Model
 * @property {number} number
 * @property {number} labels
 * @property {number} since
 * @property {string} learner
 * @property {string} strategy
 * @property {number} seconds
 */
/** @typedef {"never" | "after" | "before"} Suggest */
/** @typedef {{name: string, answers: number, now: boolean}} Person */

/**
 * @typedef {object} State
 * @property {string} project
 * @property {string} key
 * @property {"text" | "image" | "table"} reads
 * @property {string} person
 * @property {Person[]} people
 * @property {{kind: "classes" | "labels" | "number", names: Named[], unset: boolean}} task
 * @property {Progress} progress
 * @property {{waiting: number, why_empty: string}} queue
 * @property {Dealer} dealer
 * @property {Model | null} model
 * @property {Suggest} suggest
 * @property {{level: "warn" | "error" | "info", text: string} | null} banner
 * @property {{sentence: string, now: boolean}} stop
 * @property {{sentence: string, verdict: string, at: number | string}} proof
 * @property {string} version
 */

/**
 * @typedef {object} Why
 * @property {string} strategy
 * @property {string} sentence
 * @property {string} stream
 * @property {number | null} utility
 * @property {number | null} rank
 * @property {Chance[]} doubt
 * @property {{id: string, label: Value, similarity: number}[]} neighbors
 * @property {number} stands_for
 * @property {number | null} model
 * @property {number} labels
 */

/** @typedef {{labels: number, value: number, low: number, high: number, arm: "control" | "active" | "all"}} Point */
/** @typedef {{value: number, low: number, high: number, sentence: string}} Measure */

/**
 * @typedef {object} Proof
 * @property {(Measure & {items: number, skipped: number, metric: string}) | null} accuracy
 * @property {(Measure & {size: number}) | null} gain
 * @property {Measure | null} saved
 * @property {number} more
 * @property {"unknown" | "helps" | "hurts" | "undecided"} verdict
 * @property {string} sentence
 * @property {Point[]} curve
 */

/**
 * @typedef {object} Places
 * @property {string} method
 * @property {number} points
 * @property {number[]} x
 * @property {number[]} y
 * @property {string} side
 * @property {number[]} label
 * @property {string[]} keys
 * @property {string[]} [ids]
 * @property {string[]} names
 * @property {number} of
 * @property {string} at
 */

/**
 * @typedef {object} Mine
 * @property {string} id
 * @property {string} key
 * @property {Value} value
 * @property {Kind} kind
 * @property {number | string} at
 * @property {string} text
 * @property {number} [line]
 */

/**
 * Something to be saved, kept until the server has it.
 * @typedef {object} Entry
 * @property {number} n its place in the order of saving
 * @property {string} once
 * @property {string} path
 * @property {Record<string, unknown>} body
 * @property {string} person who did it
 * @property {string} id of the item, "" if there is not one
 * @property {string} key of the item, "" if there is not one
 * @property {boolean} tried whether it was sent, so that the server may have it
 * @property {{status: number, what: string, text: string} | null} error why the server refused it
 */

export {};
