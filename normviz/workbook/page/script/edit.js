// Changing a cell: typed, chosen from a list, dragged, or stepped; refused with the sheet's own hint.

import { byId, clamp, make, within } from "./dom.js";
import { general } from "./format.js";
import { parsed, text } from "./values.js";

const DRAG_STARTS = 5;
const PIXELS_A_STEP = 3;

// What a typed text means, {value} or {refusal}.
export function typed(words) {
  const trimmed = words.trim();
  if (trimmed === "") return { value: null };
  const number = parsed(trimmed);
  if (number !== undefined) return { value: number };
  if (/^(true|false)$/i.test(trimmed)) return { value: trimmed.toLowerCase() === "true" };
  if (trimmed.startsWith("=")) return { refusal: "A formula cannot be typed on this page: type a number." };
  if (/^[+-]?\d+,\d+$/.test(trimmed)) return { refusal: "Write the decimal point as a point: 0.5." };
  return { value: words };
}

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

export class Editor {
  constructor(book, layer, actions) {
    Object.assign(this, { book, layer, actions, field: null, at: -1, isScrubbing: false });
  }

  get isOpen() {
    return this.field !== null;
  }

  // Why a value may not stand in a cell, or "".
  refusal(at, value) {
    const choice = this.book.choiceAt(at);
    if (!choice) return "";
    const hint =
      choice.hint || (choice.options.length ? `One of ${choice.options.join(", ")}.` : "This value does not fit here.");
    if (choice.options.length) return choice.options.includes(text(value)) ? "" : hint;
    return this.book.holds(choice, at, value) ? "" : hint;
  }

  open(at, first = null) {
    this.close();
    const grid = this.actions.grid();
    const cell = grid.field(at);
    if (!cell) return;
    const choice = this.book.choiceAt(at);
    this.at = at;
    this.field = choice?.options.length ? this.#list(at, choice) : this.#input(at, first);
    const about = choice?.title || this.book.said(at) || this.book.engine.addressed(at);
    this.field.setAttribute("aria-label", about);
    const { style } = this.field;
    const { top, left, width, height } = within(this.layer, cell, grid.zoom);
    Object.assign(style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${Math.max(width, choice?.options.length ? 130 : 84)}px`,
      height: `${Math.max(height, 24)}px`,
    });
    this.layer.append(this.field);
    this.field.focus();
    if (first === null && this.field.select) this.field.select();
  }

  #input(at, first) {
    const value = this.book.engine.values[at];
    const field = make("input", { class: "editor", type: "text", autocomplete: "off", spellcheck: false });
    field.value = first ?? (typeof value === "number" ? general(value) : text(value));
    field.setAttribute("inputmode", typeof value === "number" ? "decimal" : "text");
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("input", () => this.#refuse(""));
    field.addEventListener("blur", () => {
      if (this.field === field) this.commit(true);
    });
    return field;
  }

  #list(at, { options }) {
    const field = make("select", { class: "editor" });
    for (const option of options) field.append(make("option", { value: option }, option));
    field.value = text(this.book.engine.values[at]);
    field.addEventListener("change", () => this.commit());
    field.addEventListener("keydown", (event) => this.#key(event));
    field.addEventListener("blur", () => {
      if (this.field === field) this.close();
    });
    return field;
  }

  #key(event) {
    event.stopPropagation();
    if (event.key === "Escape") {
      this.close();
      this.actions.select(this.at);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.commit()) this.actions.select(this.at);
    } else if (event.key === "Tab") {
      event.preventDefault();
      if (this.commit()) this.actions.next(this.at, event.shiftKey ? -1 : 1);
    }
  }

  // Take what was typed. Left for another place, a refused value is given up.
  commit(isLeft = false) {
    const { at, field } = this;
    const { value, refusal } = typed(field.value);
    const why = refusal ?? this.refusal(at, value);
    if (why && !isLeft) {
      this.#refuse(why);
      return false;
    }
    this.close();
    if (!why) this.book.state.put([[at, value]]);
    return true;
  }

  #refuse(why) {
    this.note?.remove();
    this.note = null;
    if (!why) return;
    this.note = make("div", { class: "refusal", role: "alert" }, why);
    this.note.style.left = this.field.style.left;
    this.note.style.top = `${Number.parseFloat(this.field.style.top) + Number.parseFloat(this.field.style.height) + 4}px`;
    this.layer.append(this.note);
    this.field.setAttribute("aria-invalid", "true");
  }

  close() {
    const { field, note } = this;
    this.field = this.note = null;
    note?.remove();
    field?.remove();
  }

  // The value so many steps away, or the nearest whole number where only such fit; else undefined.
  moved(at, start, count, step) {
    const wanted = stepped(start, count, step);
    for (const value of [wanted, Math.round(wanted)]) if (!this.refusal(at, value)) return value;
    return undefined;
  }

  // Buttons and a slider for a number, for fingers and for the keyboard. The slider goes from what
  // the number is when it is taken, and comes back to its middle when it is let go.
  stepper(at) {
    const { engine, state } = this.book;
    const go = (count) => {
      const now = engine.values[at];
      const value = this.moved(at, now, count, stepOf(now));
      if (value !== undefined) state.put([[at, value]]);
    };
    const slider = make("input", { type: "range", min: "-50", max: "50", step: "1", class: "slider" });
    slider.value = "0";
    slider.title = "Slide the number";
    slider.setAttribute("aria-label", "Slide the number");
    let taken = null;
    slider.addEventListener("input", () => {
      taken ??= { start: engine.values[at], key: `slide ${at} ${Math.random()}` };
      const value = this.moved(at, taken.start, Number(slider.value), stepOf(taken.start));
      if (value !== undefined) state.put([[at, value]], taken.key);
    });
    slider.addEventListener("change", () => {
      taken = null;
      slider.value = "0";
    });
    return make(
      "span",
      { class: "stepper" },
      make("button", { type: "button", "aria-label": "A step less", onclick: () => go(-1) }, "−"),
      slider,
      make("button", { type: "button", "aria-label": "A step more", onclick: () => go(1) }, "+"),
    );
  }

  // Drag a yellow number sideways. Shift goes ten times as fast, Alt ten times as slow.
  scrubs(view) {
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
        this.actions.select(at);
      }
      const scale = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
      latest = this.moved(at, start, clamp(Math.round(distance / PIXELS_A_STEP), -400, 400), step * scale);
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
      this.isScrubbing = false;
    };
    field.addEventListener("pointermove", move);
    field.addEventListener("pointerup", end);
    field.addEventListener("pointercancel", end);
  }
}

export function announce(words) {
  byId("status").textContent = words;
}
