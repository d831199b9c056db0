// What a sheet shows. Only what changed and is in sight is written at once; the rest follows when
// nothing else is to do, or when it comes into sight.

import { make } from "../dom.js";
import { CellError } from "../engine/engine.js";
import { formatted, worded } from "../engine/format.js";
import { text } from "../engine/values.js";
import { Rules } from "./rules.js";
import { Stale } from "./stale.js";
import { table } from "./table.js";

const [MARKS_STAY, MARKS_FADE] = [1200, 500];
const SETTLES_AFTER = 250;
const SLICE = 500;
const AROUND = 60;

export class Grid {
  constructor(book, sheet) {
    Object.assign(this, { book, sheet, engine: book.engine, zoom: 1, sight: [0, 0] });
    this.table = table(book, sheet);
    const { element, head, rows, fields, owners, spans, looks, rooms } = this.table;
    Object.assign(this, { element, head, rows, fields, owners, spans, looks, rooms });
    this.shownNow = new Map();
    this.paints = new Map();
    this.marked = [];
    this.moved = new Set();
    this.isMarking = false;
    this.rules = new Rules(this.engine, sheet);
    this.links = new Map(sheet.links.map(([at, target, address]) => [at, { target, address }]));
    this.stale = new Stale(sheet, spans);
    this.#place(null);
    for (const [row, column, width, height, png] of sheet.pictures) {
      this.hang(
        row,
        column,
        make("img", { class: "hung", alt: "", src: `data:image/png;base64,${png}`, width, height }),
      );
    }
    // Texts make rows high, so they stand from the first; numbers stand in boxes that do not.
    for (const [at, field] of fields) {
      if (typeof this.engine.values[at] === "number") field.append(boxed(""));
      else this.#write(at);
    }
    this.refresh();
  }

  // Put something into the row where it begins: so it stays there, whatever grows above.
  hang(row, column, element) {
    const line = this.rows[row - 1];
    const field = line?.firstElementChild;
    if (!field) return;
    line.setAttribute("role", "row");
    line.setAttribute("aria-rowindex", row);
    field.setAttribute("role", "gridcell");
    element.style.left = `${this.sheet.widths.slice(0, column - 1).reduce((sum, width) => sum + width, 0)}px`;
    field.classList.add("bears");
    field.append(element);
  }

  field(at) {
    return this.fields.get(this.owners.get(at) ?? at);
  }

  // How high the frozen rows stand over the others, in pixels of the window.
  get headHeight() {
    return this.head?.getBoundingClientRect().height ?? 0;
  }

  // Where rows begin, in pixels of the sheet: by the book, until the bands are measured.
  #place(tops) {
    const { sheet, table } = this;
    this.tops = [0];
    let [band, top] = [0, 0];
    for (let row = 1; row <= sheet.rows; row++) {
      if (tops && table.bands[band]?.first === row) top = tops[band++];
      this.tops[row] = top;
      top += table.height(row, row);
    }
  }

  // Measure where the bands are by now.
  measure() {
    const { top } = this.element.getBoundingClientRect();
    this.#place(this.table.bands.map(({ element }) => (element.getBoundingClientRect().top - top) / this.zoom));
    this.show();
  }

  // The first and last row in sight, or nearly so. What the window shows is remembered: to ask for it
  // amid changes would lay out the page twice.
  #rowsInSight() {
    const { tops, zoom, sheet } = this;
    const [scrolled, height] = this.sight;
    const top = scrolled / zoom - AROUND;
    const bottom = (scrolled + height) / zoom + AROUND;
    const first = tops.findIndex((one) => one > top);
    const behind = tops.findIndex((one) => one > bottom);
    return [first < 0 ? sheet.rows : first - 1, behind < 0 ? sheet.rows : behind];
  }

  // All that may have changed while another sheet was looked at.
  refresh() {
    for (const at of this.fields.keys()) this.stale.add(at);
    this.#repaint(null);
  }

  #repaint(changed) {
    for (const [at, paint] of this.rules.repainted(changed)) {
      if (!this.fields.has(at)) continue;
      this.paints.set(at, paint);
      this.stale.add(at);
    }
  }

  // Scrolled so far, in a window so high.
  look(scrolled, height) {
    this.sight = [scrolled, height];
    this.show();
  }

  // Write what is stale and in sight.
  show() {
    if (!this.stale.size) return;
    for (const at of this.stale.between(1, this.sheet.freeze)) this.#write(at);
    for (const at of this.stale.between(...this.#rowsInSight())) this.#write(at);
    clearTimeout(this.settling);
    if (this.stale.size) this.settling = setTimeout(() => this.settle(SLICE), SETTLES_AFTER);
  }

  // Write what is stale, so many cells at a time.
  settle(most = Number.POSITIVE_INFINITY) {
    clearTimeout(this.settling);
    let count = 0;
    for (const at of this.stale.between(1, this.sheet.rows)) {
      if (count >= most) break;
      this.#write(at);
      count += 1;
    }
    if (this.stale.size) this.settling = setTimeout(() => this.settle(most));
  }

  // Write what changed, and let it be seen for a moment; while a number moves, when it rests.
  update(changed, isMoving) {
    const { base, rows, columns } = this.sheet;
    this.#unmark();
    this.isMarking = !isMoving;
    const end = base + rows * columns;
    for (const at of changed) {
      if (at < base || at >= end || !this.fields.has(at)) continue;
      this.stale.add(at);
      if (isMoving) this.moved.add(at);
    }
    this.#repaint(changed);
    this.show();
    if (this.isMarking) this.#fade();
  }

  // Mark what has changed while a number moved.
  flash() {
    this.#unmark();
    for (const at of this.moved) this.#mark(this.fields.get(at));
    this.moved.clear();
    this.#fade();
  }

  #mark(field) {
    const marked = boxOf(field) ?? field;
    marked.classList.add("changed");
    this.marked.push(marked);
  }

  // Marks pale, and are gone.
  #fade() {
    clearTimeout(this.fading);
    this.fading = setTimeout(() => {
      this.isMarking = false;
      for (const field of this.marked) field.classList.add("fading");
      this.fading = setTimeout(() => this.#unmark(), MARKS_FADE);
    }, MARKS_STAY);
  }

  #unmark() {
    clearTimeout(this.fading);
    for (const field of this.marked) field.classList.remove("changed", "fading");
    this.marked = [];
    this.isMarking = false;
  }

  // A value as a paint or its own look says it.
  #shown(at, paint) {
    const value = this.engine.values[at];
    const { look, room } = this.looks.get(at);
    const { numbers, paints, styles } = this.book;
    const format = numbers[paints[paint] ?? -1] ?? numbers[styles[look][0]];
    if (typeof value === "number") return formatted(value, format, room);
    return typeof value === "string" ? worded(value, format) : text(value);
  }

  #write(at) {
    this.stale.delete(at);
    const field = this.fields.get(at);
    const value = this.engine.values[at];
    const before = this.shownNow.get(at);
    const paint = this.paints.get(at) ?? -1;
    const now = { words: this.#shown(at, paint), value, paint };
    this.shownNow.set(at, now);
    if (before?.words !== now.words) {
      if (this.links.has(at)) field.replaceChildren(this.#anchor(at, now.words));
      else this.#say(field, at, now.words, value);
    }
    this.#dress(field, before, now);
    for (const [name, is] of [
      ["edited", this.book.state.isEdited(at)],
      ["differs", this.#differs(at, value)],
    ]) {
      if (is !== field.classList.contains(name)) field.classList.toggle(name, is);
    }
    if (this.isMarking && before && before.value !== value) this.#mark(field);
  }

  // The classes that depend on a cell's value, touched only where they change.
  #dress(field, before, now) {
    const kind = (one) => (typeof one?.value === "number" ? "number" : one?.value instanceof CellError ? "error" : "");
    const [was, is] = [kind(before), kind(now)];
    if (was !== is) {
      if (was) field.classList.remove(was);
      if (is) field.classList.add(is);
    }
    if ((before?.paint ?? -1) !== now.paint) {
      if (before?.paint >= 0) field.classList.remove(`r${before.paint}`);
      if (now.paint >= 0) field.classList.add(`r${now.paint}`);
    }
  }

  // Whether a cell has another value than the book was shipped with; on a sheet of answers, where
  // each input cell waits for one, only what is given.
  #differs(at, value) {
    const shipped = this.engine.initial[at];
    if (value === shipped) return false;
    if (this.sheet.answers && (typeof shipped !== "number" || this.engine.formulaOf[at] >= 0)) return false;
    const areNumbers = typeof value === "number" && typeof shipped === "number";
    return !areNumbers || Math.abs(value - shipped) > 1e-9 * Math.abs(shipped) + 1e-12;
  }

  #anchor(at, words) {
    const { target, address } = this.links.get(at);
    const href = `#sheet=${encodeURIComponent(this.book.sheets[target].title)}&cell=${address}`;
    return make("a", { href, tabIndex: -1 }, words);
  }

  // A number stands in a box of its own that moves nothing around it: else every new digit would
  // lay out the whole table.
  #say(field, at, said, value) {
    const room = this.rooms.get(at);
    const { left, isProse } = this.looks.get(at);
    const box = boxOf(field);
    if (typeof value === "number") {
      if (box) box.firstChild.data = said;
      else field.replaceChildren(boxed(said));
    } else if (typeof value === "string" && (isProse || room)) {
      const words = make("div", { class: isProse ? "prose" : "run" }, said);
      words.style.setProperty("--left", `${left}px`);
      if (!isProse) words.style.setProperty("--room", room);
      field.replaceChildren(words);
    } else field.textContent = said;
  }
}

const boxOf = (field) => (field.firstElementChild?.classList.contains("box") ? field.firstElementChild : null);
const boxed = (words) => make("div", { class: "box" }, words);
