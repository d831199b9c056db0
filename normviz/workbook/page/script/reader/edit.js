// Changing a cell: typed, or chosen from a list; refused with the sheet's own hint.

import { make, within } from "../dom.js";
import { general } from "../engine/format.js";
import { parsed, text } from "../engine/values.js";

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

export class Editor {
  constructor(book, layer, actions) {
    Object.assign(this, { book, layer, actions, field: null, at: -1 });
  }

  get isOpen() {
    return this.field !== null;
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
    const why = refusal ?? this.book.refusal(at, value);
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
}
