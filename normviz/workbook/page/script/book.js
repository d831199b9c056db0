// What every part of the page knows of the book: its engine, what the reader changed, and for each cell
// its look, its words and what may stand in it.

import { text, truth } from "./engine/values.js";
import { said } from "./reader/explain.js";
import { State } from "./reader/state.js";

export class Book {
  constructor(data, engine) {
    Object.assign(this, { engine, sheets: data.sheets, words: data.words, layouts: data.layouts });
    Object.assign(this, { numbers: data.numbers, styles: data.styles, paints: data.paints });
    this.sizes = data.styles.map((style) => style[3]);
    this.state = new State(engine, data.edition);
    this.choices = new Map();
    this.lookOf = new Map();
    for (const sheet of data.sheets) this.#place(sheet);
  }

  #place(sheet) {
    for (const [first, rows, columns, options, live, title, hint] of sheet.choices) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const at = first + row * sheet.columns + column;
          this.choices.set(at, { options, live, title, hint, first, row, column, stride: sheet.columns });
        }
      }
    }
    let at = sheet.base;
    sheet.cells.forEach((step, k) => {
      at += step;
      this.lookOf.set(at, sheet.looks[k]);
    });
  }

  choiceAt(at) {
    return this.choices.get(at);
  }

  isYours(at) {
    const look = this.lookOf.get(at);
    return look !== undefined && this.styles[look][2] === 1;
  }

  mayEdit(at) {
    const { engine } = this;
    return this.isYours(at) || engine.formulaOf[at] >= 0 || typeof engine.values[at] === "number";
  }

  said(at) {
    return said(this, at);
  }

  // Why a value may not stand in a cell, or "".
  refusal(at, value) {
    const choice = this.choiceAt(at);
    if (!choice) return "";
    const { options, hint } = choice;
    const why = hint || (options.length ? `One of ${options.join(", ")}.` : "This value does not fit here.");
    const isFit = options.length ? options.includes(text(value)) : this.#holds(choice, at, value);
    return isFit ? "" : why;
  }

  // Whether a choice's rule would hold with a value in a cell.
  #holds({ live, first, row, column, stride }, at, value) {
    const { engine } = this;
    const [shape, ...source] = live;
    const { slots } = engine.shapes[shape];
    const refs = [];
    engine.expand(source, 0, slots, first, refs);
    let next = 0;
    for (const [kind, pins] of slots) {
      if (typeof kind === "string") continue;
      refs[next] += (pins & 1 ? 0 : row * stride) + (pins & 2 ? 0 : column);
      next += kind === 1 ? 4 : 1;
    }
    const before = engine.values[at];
    engine.values[at] = value;
    const found = engine.compute(shape, refs, 0);
    engine.values[at] = before;
    return typeof found === "boolean" || typeof found === "number" ? truth(found) : false;
  }
}
