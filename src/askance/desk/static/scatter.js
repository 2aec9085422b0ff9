/* Points on a canvas: drawing, moving, zooming, and catching some with a loop or a circle. */

/** @import {Places} from "./types.js" */

const REACH = 12; // pixels to the point that a pointer means

/** @typedef {{x: number, y: number}} Spot */

/** A map of points. Positions run from 0 to 1; the view is a zoom and a shift of that square. */
export class Scatter {
  /** @type {Places | null} */
  places = null;
  /** @type {Set<number>} */
  caught = new Set();
  /** @type {"lasso" | "move"} */
  mode = "lasso";
  /** @type {Spot[]} */
  #loop = [];
  #view = { k: 1, x: 0, y: 0 };
  /** @type {(Spot & {r: number}) | null} the circle that is moved by keys, in positions */
  #brush = null;
  /** @type {Map<number, Spot>} */
  #held = new Map();
  #point = -1;
  #asked = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{hover: (point: number, at: Spot | null) => void, caught: () => void}} tell
   */
  constructor(canvas, tell) {
    this.canvas = canvas;
    this.tell = tell;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#hover(-1, null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("blur", () => this.#aim(null));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @param {Places} places */
  show(places) {
    this.places = places;
    this.caught = new Set([...this.caught].filter((point) => places.side[point] === "u"));
    this.draw();
  }

  clear() {
    this.caught.clear();
    this.tell.caught();
    this.draw();
  }

  /** The whole map again. */
  reset() {
    this.#view = { k: 1, x: 0, y: 0 };
    this.draw();
  }

  /** Zoom about the middle. @param {number} by */
  zoom(by) {
    this.#about({ x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 }, by);
  }

  /**
   * Steer the circle by keys.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key meant something
   */
  key(event) {
    const brush = this.#brush ?? { x: 0.5, y: 0.5, r: 0.06 };
    const step = 0.03 / this.#view.k;
    /** @type {Record<string, () => void>} */
    const does = {
      ArrowLeft: () => (brush.x -= step),
      ArrowRight: () => (brush.x += step),
      ArrowUp: () => (brush.y -= step),
      ArrowDown: () => (brush.y += step),
      "+": () => (brush.r = Math.min(brush.r * 1.25, 0.5)),
      "-": () => (brush.r = Math.max(brush.r / 1.25, 0.01)),
      " ": () => this.#catch((spot) => Math.hypot(spot.x - brush.x, spot.y - brush.y) <= brush.r),
      Escape: () => this.clear(),
    };
    const act = does[event.key];
    if (!act) return false;
    act();
    brush.x = Math.min(Math.max(brush.x, 0), 1);
    brush.y = Math.min(Math.max(brush.y, 0), 1);
    this.#aim(brush);
    return true;
  }

  /** Draw at the next turn of the screen. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #draw() {
    const { canvas, places } = this;
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
    const pen = canvas.getContext("2d");
    if (!pen || !wide || !places) return;
    const sharp = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(wide * sharp) || canvas.height !== Math.round(high * sharp)) {
      [canvas.width, canvas.height] = [Math.round(wide * sharp), Math.round(high * sharp)];
    }
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const colors = palette(canvas);
    const size = Math.min(Math.max(2.2, 4.4 - places.points / 4000), 5) * Math.min(this.#view.k ** 0.4, 2.5);
    for (const wanted of "aulp") {
      for (let point = 0; point < places.points; point++) {
        if (places.side[point] === wanted) this.#dot(pen, point, wanted, size, colors);
      }
    }
    pen.fillStyle = colors.ink;
    for (const point of this.caught) this.#ring(pen, point, size + 0.8, true);
    pen.lineWidth = 2;
    pen.strokeStyle = colors.ink;
    if (this.#point >= 0) this.#ring(pen, this.#point, size + 4);
    this.#outline(pen, colors);
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {number} point
   * @param {string} side
   * @param {number} size
   * @param {Colors} colors
   */
  #dot(pen, point, side, size, colors) {
    const { x, y } = this.#spot(point);
    const label = Math.max(0, this.places?.label[point] ?? 0); // a number has no class, and the first one's color
    pen.fillStyle = (side === "l" && colors.classes[label % colors.classes.length]) || colors.quiet;
    pen.beginPath();
    pen.arc(x, y, side === "l" ? size + 0.8 : size, 0, 7);
    pen.fill();
    if (side === "p") {
      pen.strokeStyle = colors.accent;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, size + 2.5, 0, 7);
      pen.stroke();
    } else if (side === "a") {
      pen.strokeStyle = colors.ink;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x - size, y - size);
      pen.lineTo(x + size, y + size);
      pen.stroke();
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} point @param {number} size @param {boolean} full */
  #ring(pen, point, size, full = false) {
    const { x, y } = this.#spot(point);
    pen.beginPath();
    pen.arc(x, y, size, 0, 7);
    if (full) pen.fill();
    else pen.stroke();
  }

  /** @param {CanvasRenderingContext2D} pen @param {Colors} colors */
  #outline(pen, colors) {
    pen.strokeStyle = colors.accent;
    pen.lineWidth = 1.5;
    if (this.#loop.length > 1) {
      pen.beginPath();
      for (const { x, y } of this.#loop) pen.lineTo(x, y);
      pen.closePath();
      pen.globalAlpha = 0.12;
      pen.fillStyle = colors.accent;
      pen.fill();
      pen.globalAlpha = 1;
      pen.stroke();
    }
    if (this.#brush) {
      const middle = this.#screen(this.#brush);
      const edge = this.#screen({ x: this.#brush.x + this.#brush.r, y: this.#brush.y });
      pen.beginPath();
      pen.arc(middle.x, middle.y, edge.x - middle.x, 0, 7);
      pen.stroke();
    }
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.#held.set(event.pointerId, here(event));
    this.#loop = this.mode === "lasso" && this.#held.size === 1 && !event.shiftKey ? [here(event)] : [];
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const spot = here(event);
    const before = this.#held.get(event.pointerId);
    if (!before) return this.#hover(this.#nearest(spot), spot);
    const other = [...this.#held].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const span = (/** @type {Spot} */ one) => Math.hypot(one.x - other.x, one.y - other.y);
      this.#about({ x: (spot.x + other.x) / 2, y: (spot.y + other.y) / 2 }, span(spot) / Math.max(span(before), 1));
    } else if (this.#loop.length) this.#loop.push(spot);
    else {
      this.#view.x += spot.x - before.x;
      this.#view.y += spot.y - before.y;
    }
    this.#held.set(event.pointerId, spot);
    this.draw();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#held.delete(event.pointerId);
    const loop = this.#loop;
    this.#loop = [];
    if (loop.length > 3) this.#catch((_, point) => inside(this.#spot(point), loop));
    else if (loop.length) {
      const point = this.#nearest(here(event));
      if (point >= 0) this.#catch((_, one) => one === point);
    }
    this.draw();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#about(here(event), Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)));
  }

  /** @param {Spot} spot @param {number} by */
  #about(spot, by) {
    const k = Math.min(Math.max(this.#view.k * by, 1), 60);
    const ratio = k / this.#view.k;
    this.#view = { k, x: spot.x - (spot.x - this.#view.x) * ratio, y: spot.y - (spot.y - this.#view.y) * ratio };
    if (k === 1) this.#view = { k, x: 0, y: 0 };
    this.draw();
  }

  /** @param {(spot: Spot, point: number) => boolean} within unlabeled points of which this is true */
  #catch(within) {
    const { places } = this;
    if (!places) return;
    for (let point = 0; point < places.points; point++) {
      if (places.side[point] === "u" && within({ x: places.x[point] ?? 0, y: places.y[point] ?? 0 }, point))
        this.caught.add(point);
    }
    this.tell.caught();
    this.draw();
  }

  /** @param {(Spot & {r: number}) | null} brush */
  #aim(brush) {
    this.#brush = brush;
    if (brush) {
      const spot = this.#screen(brush);
      this.#hover(this.#nearest(spot, 60), spot);
    } else this.#hover(-1, null);
    this.draw();
  }

  /** @param {number} point @param {Spot | null} spot */
  #hover(point, spot) {
    if (point !== this.#point) this.draw();
    this.#point = point;
    this.tell.hover(point, point < 0 ? null : spot);
  }

  /** @param {Spot} spot @param {number} reach */
  #nearest(spot, reach = REACH) {
    let [best, least] = [-1, reach];
    for (let point = 0; point < (this.places?.points ?? 0); point++) {
      const { x, y } = this.#spot(point);
      const far = Math.hypot(x - spot.x, y - spot.y);
      if (far < least) [best, least] = [point, far];
    }
    return best;
  }

  /** @param {number} point */
  #spot(point) {
    return this.#screen({ x: this.places?.x[point] ?? 0, y: this.places?.y[point] ?? 0 });
  }

  /** Where a position is on the screen. @param {Spot} spot */
  #screen({ x, y }) {
    const edge = 14;
    const { k, x: dx, y: dy } = this.#view;
    return {
      x: dx + k * (edge + x * (this.canvas.clientWidth - 2 * edge)),
      y: dy + k * (edge + y * (this.canvas.clientHeight - 2 * edge)),
    };
  }
}

/** @typedef {{classes: string[], quiet: string, ink: string, accent: string}} Colors */

/** The colors of the page as it is now. @param {Element} canvas @returns {Colors} */
export function palette(canvas) {
  const style = getComputedStyle(canvas);
  const of = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const classes = Array.from({ length: 10 }, (_, n) => of(`--k${n}`));
  return { classes, quiet: of("--dot"), ink: of("--ink"), accent: of("--accent") };
}

/** @param {MouseEvent} event @returns {Spot} */
function here(event) {
  return { x: event.offsetX, y: event.offsetY };
}

/**
 * Whether a spot lies in a loop: a ray to the right crosses it an odd number of times.
 * @param {Spot} spot
 * @param {Spot[]} loop
 */
function inside(spot, loop) {
  let odd = false;
  loop.forEach((one, at) => {
    const two = loop.at(at - 1) ?? one;
    if (one.y > spot.y !== two.y > spot.y && spot.x < ((two.x - one.x) * (spot.y - one.y)) / (two.y - one.y) + one.x)
      odd = !odd;
  });
  return odd;
}
