// What the reader has changed: every edit can be undone, all of them fit into a link.

import { CellError, quoted } from "../engine/engine.js";
import { place } from "../engine/places.js";

// A cell's own formula, where a value could stand.
export const FORMULA = undefined;

export class State {
  constructor(engine, edition) {
    Object.assign(this, { engine, edition, done: [], undone: [], touched: new Set(), listeners: [] });
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  #tell(changed, cause) {
    for (const listener of this.listeners) listener(changed, cause);
  }

  // What stands in a cell: a value, or FORMULA.
  held(at) {
    return this.engine.isLive(at) ? FORMULA : this.engine.values[at];
  }

  original(at) {
    return this.engine.formulaOf[at] >= 0 ? FORMULA : this.engine.initial[at];
  }

  isEdited(at) {
    return this.touched.has(at) && this.held(at) !== this.original(at);
  }

  edited() {
    return [...this.touched].filter((at) => this.isEdited(at)).sort((a, b) => a - b);
  }

  // One edit; those that follow under the same key, as in one drag, are undone together.
  put(edits, key = null) {
    const before = edits.map(([at]) => [at, this.held(at)]);
    if (edits.every(([, value], k) => value === before[k][1])) return [];
    const last = this.done.at(-1);
    if (key !== null && last?.key === key) last.after = edits;
    else this.done.push({ key, before, after: edits });
    this.undone = [];
    return this.#apply(edits, "edit");
  }

  #apply(edits, cause) {
    for (const [at] of edits) this.touched.add(at);
    const changed = this.engine.put(edits);
    this.#tell(changed, cause);
    return changed;
  }

  undo() {
    const step = this.done.pop();
    if (!step) return;
    this.undone.push(step);
    this.#apply(step.before, "undo");
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return;
    this.done.push(step);
    this.#apply(step.after, "redo");
  }

  restore(at) {
    this.put([[at, this.original(at)]]);
  }

  reset() {
    const edits = this.edited().map((at) => [at, this.original(at)]);
    if (edits.length) this.put(edits);
  }

  draw() {
    this.#tell(this.engine.draw(), "draw");
  }

  hasRandom() {
    return this.engine.shapes.some((shape) => shape.random);
  }

  // The state as the part of an address behind "#".
  link(sheet, at) {
    const parts = [`sheet=${encodeURIComponent(sheet.title)}`];
    if (at >= 0) parts.push(`cell=${this.engine.addressed(at)}`);
    const edits = this.edited().map((cell) => {
      const title = encodeURIComponent(this.engine.sheetOf(cell).title);
      return `${title}!${this.engine.addressed(cell)}:${written(this.engine.values[cell])}`;
    });
    if (edits.length) parts.push(`edition=${this.edition}`, `edits=${edits.join(";")}`);
    if (this.engine.seed !== 1) parts.push(`draw=${this.engine.seed}`);
    return parts.join("&");
  }

  // Take the state from a link; a sentence where it cannot be taken, else "".
  follow(hash) {
    const given = new Map(
      hash
        .replace(/^#/, "")
        .split("&")
        .map((part) => split(part, "=")),
    );
    const draw = Number(given.get("draw"));
    if (Number.isInteger(draw) && draw > 0) this.engine.seed = draw;
    const listed = given.get("edits");
    if (!listed) return "";
    if (given.get("edition") !== this.edition) {
      return "This link was made on another edition of the page, so its changed numbers were left out.";
    }
    const edits = [];
    for (const item of listed.split(";")) {
      const match = /^(.*)!([A-Z]+\d+):(.*)$/s.exec(item);
      const at = match ? this.at(decoded(match[1]), match[2]) : -1;
      const value = match ? readBack(match[3]) : FORMULA;
      if (at < 0 || value === FORMULA) return "A part of this link cannot be read, so it was left out.";
      edits.push([at, value]);
    }
    this.put(edits);
    return "";
  }

  // The number of a cell by its sheet's title and its address, or -1.
  at(title, address) {
    const sheet = this.engine.sheets.find((one) => one.title === title);
    return sheet ? place(sheet, address) : -1;
  }

  // The cells that differ from the book as it was loaded, as a formula would write them.
  changed() {
    const { values, initial } = this.engine;
    const found = [];
    for (let at = 0; at < values.length; at++) {
      if (values[at] !== initial[at]) {
        found.push(`${quoted(this.engine.sheetOf(at).title)}!${this.engine.addressed(at)}`);
      }
    }
    return found;
  }
}

function split(text, sign) {
  const place = text.indexOf(sign);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function written(value) {
  if (value === null) return "blank";
  if (typeof value === "string") return `'${encodeURIComponent(value).replaceAll("'", "%27")}`;
  return value instanceof CellError ? "blank" : String(value);
}

function readBack(text) {
  if (text === "blank") return null;
  if (text === "true" || text === "false") return text === "true";
  if (text.startsWith("'")) return decoded(text.slice(1));
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? value : FORMULA;
}
