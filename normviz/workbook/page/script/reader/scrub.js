// Moving a number: dragged sideways, stepped by buttons, or slid.

import { clamp, make } from "../dom.js";

const DRAG_STARTS = 5;
const PIXELS_A_STEP = 3;

// How far one step goes from a number: its second digit, or its last where it has more.
export function stepOf(value) {
  if (value === 0) return 0.1;
  const size = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 1);
  return Math.min(size, 0.1) === size && Math.abs(value) < 1 ? size : Math.max(size, 0.1);
}

// So many steps from a number, without the dust of binary fractions.
export function stepped(value, count, step) {
  return Number((value + count * step).toPrecision(12));
}

export class Scrubber {
  // `ended` is told when a number is let go.
  constructor(book, select, ended) {
    Object.assign(this, { book, select, ended, isScrubbing: false });
  }

  #end() {
    if (!this.isScrubbing) return;
    this.isScrubbing = false;
    this.ended();
  }

  // The value so many steps away, or the nearest whole number where only such fit; else undefined.
  #moved(at, start, count, step) {
    const wanted = stepped(start, count, step);
    for (const value of [wanted, Math.round(wanted)]) if (!this.book.refusal(at, value)) return value;
    return undefined;
  }

  // Buttons and a slider for a number, for fingers and for the keyboard. The slider goes from what
  // the number is when it is taken, and comes back to its middle when it is let go.
  stepper(at) {
    const { engine, state } = this.book;
    const go = (count) => {
      const now = engine.values[at];
      const value = this.#moved(at, now, count, stepOf(now));
      if (value !== undefined) state.put([[at, value]]);
    };
    const slider = make("input", { type: "range", min: "-50", max: "50", step: "1", class: "slider" });
    slider.value = "0";
    slider.title = "Slide the number";
    slider.setAttribute("aria-label", "Slide the number");
    let taken = null;
    slider.addEventListener("input", () => {
      taken ??= { start: engine.values[at], key: `slide ${at} ${Math.random()}` };
      this.isScrubbing = true;
      const value = this.#moved(at, taken.start, Number(slider.value), stepOf(taken.start));
      if (value !== undefined) state.put([[at, value]], taken.key);
    });
    slider.addEventListener("change", () => {
      taken = null;
      slider.value = "0";
      this.#end();
    });
    return make(
      "span",
      { class: "stepper" },
      make("button", { type: "button", "aria-label": "A step less", onclick: () => go(-1) }, "−"),
      slider,
      make("button", { type: "button", "aria-label": "A step more", onclick: () => go(1) }, "+"),
    );
  }

  // Drag an input number sideways. Shift goes ten times as fast, Alt ten times as slow.
  listen(view) {
    view.addEventListener("pointerdown", (event) => {
      const field = event.target.closest?.("td.yours.number:not(.choice)");
      if (!field || event.button !== 0 || event.pointerType === "touch") return;
      this.#scrub(field, event);
    });
  }

  #scrub(field, down) {
    const at = Number(field.dataset.at);
    const start = this.book.engine.values[at];
    const step = stepOf(start);
    const key = `drag ${at} ${down.timeStamp}`;
    // Over the page, for its pointer: a class that reaches every cell would take every cell's time.
    const veil = make("div", { class: "veil" });
    let [isDragging, latest, isDrawn] = [false, start, true];
    const draw = () => {
      isDrawn = true;
      if (latest !== undefined) this.book.state.put([[at, latest]], key);
    };
    const move = (event) => {
      const distance = event.clientX - down.clientX;
      if (!isDragging && Math.abs(distance) < DRAG_STARTS) return;
      if (!isDragging) {
        isDragging = this.isScrubbing = true;
        field.setPointerCapture(down.pointerId);
        document.body.append(veil);
        this.select(at);
      }
      const scale = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
      latest = this.#moved(at, start, clamp(Math.round(distance / PIXELS_A_STEP), -400, 400), step * scale);
      if (isDrawn) {
        isDrawn = false;
        requestAnimationFrame(draw);
      }
    };
    const end = () => {
      field.removeEventListener("pointermove", move);
      field.removeEventListener("pointerup", end);
      field.removeEventListener("pointercancel", end);
      veil.remove();
      if (!isDrawn) draw();
      this.#end();
    };
    field.addEventListener("pointermove", move);
    field.addEventListener("pointerup", end);
    field.addEventListener("pointercancel", end);
  }
}
