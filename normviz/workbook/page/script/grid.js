// One sheet as a table: drawn when it is first opened, then only what changes is touched.

import { make } from "./dom.js";
import { CellError } from "./engine.js";
import { formatted } from "./format.js";
import { columnOf, rowOf } from "./places.js";
import { Rules } from "./rules.js";
import { text } from "./values.js";

const DIGIT_PIXELS = 7.2;
const MARKS_STAY = 1200;

export class Grid {
  constructor(book, sheet) {
    Object.assign(this, { book, sheet, engine: book.engine, fields: new Map(), owners: new Map() });
    this.looks = new Map();
    this.rooms = new Map();
    this.words = new Map();
    this.marked = [];
    this.rules = new Rules(this.engine, sheet);
    this.links = new Map(sheet.links.map(([at, target, address]) => [at, { target, address }]));
    this.spans = new Map();
    for (let k = 0; k < sheet.merges.length; k += 3) {
      this.spans.set(sheet.merges[k], [sheet.merges[k + 1], sheet.merges[k + 2]]);
    }
    this.element = this.#table();
    this.#clip();
    this.refresh();
  }

  #table() {
    const { sheet } = this;
    const columns = make("colgroup");
    for (const width of sheet.widths) {
      const column = make("col");
      column.style.width = `${width}px`;
      columns.append(column);
    }
    const rows = this.#rows();
    const table = make("table", { role: "grid", "aria-label": sheet.title });
    table.setAttribute("aria-rowcount", sheet.rows);
    table.setAttribute("aria-colcount", sheet.columns);
    table.style.width = `${sheet.widths.reduce((sum, width) => sum + width, 0)}px`;
    table.append(columns);
    if (sheet.freeze) table.append(make("thead", { role: "rowgroup" }, ...rows.slice(0, sheet.freeze)));
    table.append(make("tbody", { role: "rowgroup" }, ...rows.slice(sheet.freeze)));
    return table;
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
    line.style.height = `${sheet.heights[row] ?? 20}px`;
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
    const field = make("td", { class: `s${look}`, role: "gridcell", tabIndex: -1 });
    field.setAttribute("aria-colindex", columnOf(sheet, at));
    field.dataset.at = at;
    const [rows, columns] = this.spans.get(at) ?? [1, 1];
    if (rows * columns > 1) {
      field.rowSpan = rows;
      field.colSpan = columns;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          taken.add(at + row * sheet.columns + column);
          this.owners.set(at + row * sheet.columns + column, at);
        }
      }
    }
    const [, wraps, unlocked] = book.styles[look];
    if (!wraps) field.classList.add("one");
    if (unlocked) field.classList.add("yours");
    if (book.choiceAt(at)?.options.length) field.classList.add("choice");
    const column = columnOf(sheet, at) - 1;
    const width = sheet.widths.slice(column, column + columns).reduce((sum, one) => sum + one, 0);
    this.looks.set(at, { look, room: Math.max(4, Math.floor((width - 6) / DIGIT_PIXELS)) });
    this.fields.set(at, field);
    return field;
  }

  // A text runs on over empty neighbors, as in a spreadsheet, and stops before what is not empty.
  #clip() {
    const { sheet } = this;
    for (const [at, field] of this.fields) {
      if (!field.classList.contains("one")) continue;
      const [rows, columns] = this.spans.get(at) ?? [1, 1];
      let next = at + columns;
      const end = at - columnOf(sheet, at) + 1 + sheet.columns;
      while (next < end && (this.engine.values[next] === null || next === at) && !this.#isCovered(next, at)) next += 1;
      if (rows > 1 || next === at + columns) field.classList.add("clip");
      else if (next < end) {
        const from = columnOf(sheet, at) - 1;
        const room = sheet.widths.slice(from, from + next - at).reduce((sum, width) => sum + width, 0);
        this.rooms.set(at, room - 6);
      }
    }
  }

  // Whether a cell is hidden by the merged area of another.
  #isCovered(at, own) {
    const owner = this.owners.get(at);
    return owner !== undefined && owner !== own && owner !== at && this.engine.values[owner] !== null;
  }

  field(at) {
    return this.fields.get(this.owners.get(at) ?? at);
  }

  shown(at) {
    const value = this.engine.values[at];
    if (typeof value !== "number") return text(value);
    const { look, room } = this.looks.get(at);
    const number = this.book.numbers[this.book.styles[look][0]];
    return formatted(value, number, room);
  }

  write(at) {
    const field = this.fields.get(at);
    if (!field) return;
    const value = this.engine.values[at];
    const link = this.links.get(at);
    const shown = this.shown(at);
    if (link) {
      const target = this.book.sheets[link.target];
      const anchor = make(
        "a",
        { href: `#sheet=${encodeURIComponent(target.title)}&cell=${link.address}`, tabIndex: -1 },
        shown,
      );
      field.replaceChildren(anchor);
    } else if (this.words.get(at) !== shown) this.#say(field, at, shown, value);
    this.words.set(at, shown);
    field.classList.toggle("number", typeof value === "number");
    field.classList.toggle("error", value instanceof CellError);
    field.classList.toggle("edited", this.book.state.isEdited(at));
    field.classList.toggle("differs", this.#differs(at, value));
  }

  // Whether a cell has another value than the book was shipped with; on a sheet of answers, where
  // each yellow cell waits for one, only what is given.
  #differs(at, value) {
    const shipped = this.engine.initial[at];
    if (value === shipped) return false;
    if (this.sheet.answers && (typeof shipped !== "number" || this.engine.formulaOf[at] >= 0)) return false;
    const areNumbers = typeof value === "number" && typeof shipped === "number";
    return !areNumbers || Math.abs(value - shipped) > 1e-9 * Math.abs(shipped) + 1e-12;
  }

  // A number stands in a box of its own that moves nothing around it: else every new digit would
  // lay out the whole table.
  #say(field, at, shown, value) {
    const room = this.rooms.get(at);
    const box = field.firstElementChild;
    if (typeof value === "number") {
      if (box?.className === "box") box.firstChild.data = shown;
      else field.replaceChildren(make("div", { class: "box" }, shown));
    } else if (typeof value !== "string" || room === undefined) field.textContent = shown;
    else {
      const run = make("span", { class: "run" }, shown);
      run.style.maxWidth = `${room}px`;
      field.replaceChildren(run);
    }
  }

  refresh() {
    for (const at of this.fields.keys()) this.write(at);
    this.paint();
  }

  paint() {
    for (const [at, paint] of this.rules.repainted()) {
      const field = this.fields.get(at);
      if (!field) continue;
      if (field.dataset.paint) field.classList.remove(`r${field.dataset.paint}`);
      if (paint >= 0) field.classList.add(`r${paint}`);
      field.dataset.paint = paint;
    }
  }

  // Write what changed, and let it be seen for a moment.
  update(changed, isSeen) {
    const { base, rows, columns } = this.sheet;
    const own = changed.filter((at) => at >= base && at < base + rows * columns);
    for (const at of own) this.write(at);
    this.paint();
    if (!isSeen) return;
    this.#unmark();
    this.marked = own.map((at) => this.fields.get(at)).filter(Boolean);
    for (const field of this.marked) field.classList.add("changed");
    clearTimeout(this.fading);
    this.fading = setTimeout(() => this.#unmark(), MARKS_STAY);
  }

  #unmark() {
    for (const field of this.marked) field.classList.remove("changed");
    this.marked = [];
  }
}
