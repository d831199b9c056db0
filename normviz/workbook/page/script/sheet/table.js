// A sheet as rows of cells with their looks, spans and room, still without numbers. The rows stand in
// bands, each a table of its own, so that the browser passes over those out of sight.

import { make } from "../dom.js";
import { columnOf, rowOf } from "../engine/places.js";

export const ROW_PIXELS = 20;
const DIGIT_PIXELS = 7.4;
const PROSE_PIXELS = 380;
const [LEAST_BAND, MOST_BAND] = [16, 60];

// {element, head, bands, rows, fields, owners, spans, looks, rooms}: the whole, its frozen rows, its
// bands as {element, first}, the rows in order; the elements of the cells by their number, the cell
// whose merged area covers another, merged areas as [rows, columns], each cell's look, where it
// begins, how many digits it shows and whether a text there may be wider than a phone, and how much
// room a text has that runs on over empty neighbors.
export function table(book, sheet) {
  const made = new Table(book, sheet);
  made.clip();
  return made;
}

class Table {
  constructor(book, sheet) {
    Object.assign(this, { book, sheet, values: book.engine.values });
    this.fields = new Map();
    this.owners = new Map();
    this.looks = new Map();
    this.rooms = new Map();
    this.spans = new Map();
    for (let k = 0; k < sheet.merges.length; k += 3) {
      this.spans.set(sheet.merges[k], [sheet.merges[k + 1], sheet.merges[k + 2]]);
    }
    this.element = this.#drawn();
  }

  #drawn() {
    const { sheet } = this;
    this.rows = this.#rows();
    const width = `${this.#width(0, sheet.columns)}px`;
    const element = make("div", { role: "grid", "aria-label": sheet.title, class: "grid" });
    element.setAttribute("aria-rowcount", sheet.rows);
    element.setAttribute("aria-colcount", sheet.columns);
    element.style.width = width;
    this.head = sheet.freeze ? make("div", { class: "head" }, this.#part(1, sheet.freeze)) : null;
    if (this.head) element.append(this.head);
    this.bands = this.#breaks().map(([first, last]) => {
      const band = make("div", { class: "band" }, this.#part(first, last));
      band.style.containIntrinsicSize = `${width} auto ${this.height(first, last)}px`;
      element.append(band);
      return { element: band, first };
    });
    return element;
  }

  // Some rows as a table.
  #part(first, last) {
    const columns = make("colgroup");
    for (const width of this.sheet.widths) {
      const column = make("col");
      column.style.width = `${width}px`;
      columns.append(column);
    }
    const body = make("tbody", { role: "presentation" }, ...this.rows.slice(first - 1, last));
    return make("table", { role: "presentation" }, columns, body);
  }

  // How high some rows are by the book; a text may make one higher.
  height(first, last) {
    let sum = 0;
    for (let row = first; row <= last; row++) sum += this.sheet.heights[row] ?? ROW_PIXELS;
    return sum;
  }

  // First and last rows of the bands: no merged cell, no step and no chart reaches over an end, and an
  // empty row is the best end, for lines around cells are drawn in one table.
  #breaks() {
    const { sheet } = this;
    const joined = new Set();
    const join = (first, last) => {
      for (let row = first; row < last; row++) joined.add(row);
    };
    for (const [at, [rows]] of this.spans) join(rowOf(sheet, at), rowOf(sheet, at) + rows - 1);
    for (const [, , , , at, rows] of sheet.blocks) join(rowOf(sheet, at), rowOf(sheet, at) + rows - 1);
    for (const { row, height } of [...sheet.charts, ...sheet.pictures.map(([row, , , height]) => ({ row, height }))]) {
      let last = row;
      while (last < sheet.rows && this.height(row, last) < height) last += 1;
      join(row, last);
    }
    const found = [];
    let first = sheet.freeze + 1;
    for (let row = first; row <= sheet.rows; row++) {
      const isEmpty = this.rows[row - 1].getAttribute("role") === "presentation";
      const count = row - first + 1;
      const ends = !joined.has(row) && (isEmpty ? count >= LEAST_BAND : count >= MOST_BAND);
      if (!ends && row < sheet.rows) continue;
      found.push([first, row]);
      first = row + 1;
    }
    return found;
  }

  #width(from, to) {
    return this.sheet.widths.slice(from, to).reduce((sum, width) => sum + width, 0);
  }

  #rows() {
    const { sheet } = this;
    const lines = Array.from({ length: sheet.rows }, () => []);
    let at = sheet.base;
    sheet.cells.forEach((step, k) => {
      at += step;
      lines[rowOf(sheet, at) - 1].push([at, sheet.looks[k]]);
    });
    const taken = new Set();
    return lines.map((cells, k) => this.#row(k + 1, cells, taken));
  }

  #row(row, cells, taken) {
    const { sheet } = this;
    const isRow = cells.length > 0;
    const line = make("tr", isRow ? { role: "row", "aria-rowindex": String(row) } : { role: "presentation" });
    line.style.height = `${sheet.heights[row] ?? ROW_PIXELS}px`;
    const first = sheet.base + (row - 1) * sheet.columns;
    const looks = new Map(cells);
    let empty = 0;
    const fill = () => {
      if (empty) line.append(make("td", { colSpan: empty, role: "presentation" }));
      empty = 0;
    };
    for (let at = first; at < first + sheet.columns; at++) {
      if (taken.has(at)) fill();
      else if (looks.has(at)) {
        fill();
        line.append(this.#field(at, looks.get(at), taken));
      } else empty += 1;
    }
    fill();
    return line;
  }

  #field(at, look, taken) {
    const { sheet, book } = this;
    const [, wraps, unlocked] = book.styles[look];
    const isChoice = book.choiceAt(at)?.options.length;
    const kinds = `s${look}${wraps ? "" : " one"}${unlocked ? " yours" : ""}${isChoice ? " choice" : ""}`;
    const field = make("td", { class: kinds, role: "gridcell", tabIndex: -1 });
    const column = columnOf(sheet, at);
    field.setAttribute("aria-colindex", column);
    field.dataset.at = at;
    const [rows, columns] = this.spans.get(at) ?? [1, 1];
    if (rows * columns > 1) this.#merge(field, at, rows, columns, taken);
    const width = this.#width(column - 1, column - 1 + columns);
    const room = Math.max(4, (width - 4) / DIGIT_PIXELS);
    const left = this.#width(0, column - 1);
    this.looks.set(at, { look, left, room, isProse: width > PROSE_PIXELS });
    this.fields.set(at, field);
    return field;
  }

  #merge(field, at, rows, columns, taken) {
    field.rowSpan = rows;
    field.colSpan = columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        taken.add(at + row * this.sheet.columns + column);
        this.owners.set(at + row * this.sheet.columns + column, at);
      }
    }
  }

  // A text runs on over empty neighbors, as in a spreadsheet, and stops before what is not empty.
  clip() {
    const { sheet, values } = this;
    for (const [at, field] of this.fields) {
      if (!field.classList.contains("one")) continue;
      const [rows, columns] = this.spans.get(at) ?? [1, 1];
      let next = at + columns;
      const end = at - columnOf(sheet, at) + 1 + sheet.columns;
      while (next < end && (values[next] === null || next === at) && !this.#isCovered(next, at)) next += 1;
      if (rows > 1 || next === at + columns) field.classList.add("clip");
      else {
        const from = columnOf(sheet, at) - 1;
        this.rooms.set(at, next < end ? `${this.#width(from, from + next - at) - 4}px` : "100vw");
      }
    }
  }

  // Whether a cell is hidden by the merged area of another.
  #isCovered(at, own) {
    const owner = this.owners.get(at);
    return owner !== undefined && owner !== own && owner !== at && this.values[owner] !== null;
  }
}
