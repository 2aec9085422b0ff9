/* Looking into a picture: wheel and pinch to zoom, drag to move. */

const MOST = 16;

/** Zooms one picture inside its frame, from the whole picture (1) up. */
export class Zoom {
  scale = 1;
  #x = 0;
  #y = 0;
  /** @type {Map<number, PointerEvent>} */
  #fingers = new Map();
  #over = new AbortController();

  /**
   * @param {HTMLElement} frame
   * @param {HTMLImageElement} picture
   * @param {() => void} changed is called when it is zoomed
   */
  constructor(frame, picture, changed) {
    this.frame = frame;
    this.picture = picture;
    this.changed = changed;
    const how = { signal: this.#over.signal };
    frame.addEventListener("wheel", (event) => this.#wheel(event), { ...how, passive: false });
    frame.addEventListener("pointerdown", (event) => this.#down(event), how);
    frame.addEventListener("pointermove", (event) => this.#move(event), how);
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      frame.addEventListener(end, (event) => this.#fingers.delete(event.pointerId), how);
    }
    frame.addEventListener("dblclick", (event) => this.#double(event), how);
    this.reset();
  }

  /** The whole picture again. */
  reset() {
    [this.scale, this.#x, this.#y] = [1, 0, 0];
    this.#draw();
  }

  /** Zoom about the middle. @param {number} by */
  by(by) {
    const box = this.frame.getBoundingClientRect();
    this.#about(box.x + box.width / 2, box.y + box.height / 2, by);
  }

  /** Move the view. @param {number} x @param {number} y pixels */
  pan(x, y) {
    this.#x += x;
    this.#y += y;
    this.#draw();
  }

  /** Let go of the frame and the picture. */
  end() {
    this.#over.abort();
    this.picture.style.transform = "";
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#about(event.clientX, event.clientY, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)));
  }

  /** @param {MouseEvent} event */
  #double(event) {
    if (this.scale > 1) this.reset();
    else this.#about(event.clientX, event.clientY, 2.5);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.#fingers.set(event.pointerId, event);
    if (this.scale > 1 || this.#fingers.size > 1) this.frame.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const other = [...this.#fingers.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const span = (/** @type {PointerEvent} */ one) =>
        Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      this.#about(middle[0] ?? 0, middle[1] ?? 0, span(event) / Math.max(span(before), 1));
    } else if (this.scale > 1) {
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
    this.#fingers.set(event.pointerId, event);
  }

  /** Zoom and keep what is under the pointer there. @param {number} x @param {number} y @param {number} by */
  #about(x, y, by) {
    const box = this.frame.getBoundingClientRect();
    const [dx, dy] = [x - box.x - box.width / 2, y - box.y - box.height / 2];
    const scale = Math.min(Math.max(this.scale * by, 1), MOST);
    const ratio = scale / this.scale;
    this.#x = dx - (dx - this.#x) * ratio;
    this.#y = dy - (dy - this.#y) * ratio;
    this.scale = scale;
    this.#draw();
  }

  #draw() {
    const most = [this.frame.clientWidth, this.frame.clientHeight].map((side) => (side / 2) * this.scale * 0.95);
    if (this.scale === 1) [this.#x, this.#y] = [0, 0];
    this.#x = Math.min(Math.max(this.#x, -(most[0] ?? 0)), most[0] ?? 0);
    this.#y = Math.min(Math.max(this.#y, -(most[1] ?? 0)), most[1] ?? 0);
    this.picture.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.scale})`;
    this.frame.classList.toggle("zoomed", this.scale > 1);
    this.picture.style.imageRendering = this.scale > 4 ? "pixelated" : "";
    this.changed();
  }
}
