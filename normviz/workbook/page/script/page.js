// The sheet that is open and the cell that is asked on it: what the other parts of the page act on.

import { Book } from "./book.js";
import { announce, byId, clamp, within } from "./dom.js";
import { place, rowOf } from "./engine/places.js";
import { AskBar } from "./reader/ask.js";
import { Editor } from "./reader/edit.js";
import { Scrubber } from "./reader/scrub.js";
import { Search } from "./reader/search.js";
import { Tabs } from "./reader/tabs.js";
import { Tour } from "./reader/tour.js";
import { Charts } from "./sheet/charts.js";
import { Grid } from "./sheet/grid.js";
import { Marks } from "./sheet/marks.js";

const NARROW = 700;
const PHONE_ZOOM = 0.86;
const [LEAST_ZOOM, MOST_ZOOM] = [0.82, 1.1];

export class Page {
  constructor(data, engine) {
    Object.assign(this, { data, engine, book: new Book(data, engine), selected: -1, trail: [], tinted: [] });
    this.state = this.book.state;
    this.grids = new Map();
    this.charts = new Map();
    this.listeners = [];
    this.view = byId("view");
    // Rows that come into sight may be higher than the book says.
    this.sizes = new ResizeObserver(() => {
      this.grid.measure();
      this.marks.place();
    });
    this.marks = new Marks(byId("marks"), byId("edges"), this.view, (at) => this.jump(at));
    this.editor = new Editor(this.book, byId("canvas"), {
      grid: () => this.grid,
      select: (at) => this.select(at),
      next: (at, step) => this.nextInput(at, step),
    });
    this.scrubber = new Scrubber(
      this.book,
      (at) => this.select(at),
      () => this.grid.flash(),
    );
    this.ask = new AskBar(this.book, {
      jump: (at) => this.jump(at),
      stepper: (at) => this.scrubber.stepper(at),
      follow: (at) => this.#follow(at),
      grown: () => this.selected >= 0 && this.#reveal(this.grid.field(this.selected)),
    });
    this.tabs = new Tabs(this.book, (sheet) => this.open(sheet));
    this.search = new Search(
      this.book,
      (sheet, at) => this.jump(at < 0 ? sheet.base : at),
      () => this.sheet,
    );
    const stops = (data.tour ?? []).map(([title, ...stop]) => [this.#named(title), ...stop]);
    this.tour = new Tour(stops, (sheet, address) => this.visit(place(sheet, address)));
    this.state.onChange((changed, cause) => this.#changed(changed, cause));
  }

  get sheet() {
    return this.grid?.sheet;
  }

  #named(title) {
    return this.engine.sheets.find((sheet) => sheet.title === title);
  }

  // Called when another sheet or cell is shown, or numbers have changed.
  onShown(listener) {
    this.listeners.push(listener);
  }

  #tell() {
    for (const listener of this.listeners) listener();
  }

  // The sheet and cell that an address asks for, else the sheet that is open, else the first.
  arrive(hash) {
    const asked = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"));
    const named = (title) => this.tabs.visible.find((one) => one.title === title);
    const sheet = named(asked.get("sheet")) ?? this.sheet ?? named(this.data.opening) ?? this.tabs.visible[0];
    this.open(sheet);
    const at = asked.get("cell") ? place(sheet, asked.get("cell")) : -1;
    if (at >= 0) this.visit(at);
  }

  open(sheet) {
    this.editor.close();
    if (sheet === this.sheet) return;
    if (this.grid) this.grid.scrolled = [this.view.scrollLeft, this.view.scrollTop];
    this.grid = this.#gridOf(sheet);
    const [left, top] = this.grid.scrolled ?? [0, 0];
    // The room is asked for while nothing has to be laid out for it.
    this.fit(top);
    byId("paper").replaceChildren(this.grid.element);
    this.sizes.disconnect();
    this.sizes.observe(this.grid.element);
    document.title = `${sheet.title} – ${this.data.title}`;
    this.selected = -1;
    this.#tint([]);
    this.ask.following = null;
    this.show(-1);
    this.view.scrollTo(left, top);
    this.tabs.show(sheet);
    this.#tell();
  }

  // A sheet's grid, as its numbers are now.
  #gridOf(sheet) {
    if (!this.grids.has(sheet)) {
      const made = new Grid(this.book, sheet);
      this.grids.set(sheet, made);
      this.charts.set(sheet, new Charts(this.book, made));
    }
    const grid = this.grids.get(sheet);
    if (grid.isOld) {
      grid.refresh();
      this.charts.get(sheet).draw();
    }
    grid.isOld = false;
    return grid;
  }

  // A sheet a little wider than the window is drawn a little smaller, a narrow one a little larger.
  fit(scrolled = this.view.scrollTop) {
    const width = this.sheet.widths.reduce((sum, one) => sum + one, 0);
    const room = this.view.clientWidth - 4;
    const height = this.view.clientHeight;
    this.grid.zoom = room < NARROW ? PHONE_ZOOM : clamp(room / width, LEAST_ZOOM, MOST_ZOOM);
    byId("canvas").style.zoom = this.grid.zoom;
    this.grid.look(scrolled, height);
  }

  // Select a cell: it has the keyboard, and the bar says where it comes from.
  select(at, focus = true) {
    const field = this.grid.field(at);
    if (!field) return;
    this.#release();
    this.selected = Number(field.dataset.at);
    field.classList.add("selected");
    field.setAttribute("aria-selected", "true");
    field.tabIndex = 0;
    if (focus) field.focus({ preventScroll: true });
    this.show(this.selected);
    this.#reveal(field);
    this.#tell();
  }

  #release() {
    const field = this.selected >= 0 ? this.grid.field(this.selected) : null;
    if (!field) return;
    field.classList.remove("selected");
    field.setAttribute("aria-selected", "false");
    field.tabIndex = -1;
  }

  // Let go of the selected cell; the sheet keeps the keyboard.
  leave() {
    this.#release();
    this.selected = -1;
    this.view.focus({ preventScroll: true });
    this.#tint([]);
    this.show(-1);
  }

  // Bring a cell into sight, clear of the frozen rows.
  #reveal(field) {
    const { view } = this;
    const { top, left, width, height } = within(view, field, 1);
    if (!field.closest(".head")) {
      const head = this.grid.headHeight;
      const bottom = top + Math.min(height, 120);
      if (top < head) view.scrollTop += top - head - 60;
      else if (bottom + 8 > view.clientHeight) view.scrollTop += bottom - view.clientHeight + 60;
    }
    const right = left + Math.min(width, 300);
    if (left < 0) view.scrollLeft += left - 40;
    else if (right + 8 > view.clientWidth) view.scrollLeft += right - view.clientWidth + 40;
  }

  // Say where a cell comes from, and outline that.
  show(at) {
    this.marks.show(this.grid, this.ask.show(at));
  }

  // Go to a cell, and remember from where.
  jump(at) {
    if (this.selected >= 0 && this.selected !== at) {
      this.trail.push(this.selected);
      this.#drawTrail();
    }
    this.visit(at);
  }

  visit(at) {
    this.open(this.engine.sheetOf(at));
    if (this.grid.field(at)) this.select(at);
    else {
      const row = this.grid.rows[rowOf(this.sheet, at) - 1];
      if (row) this.view.scrollTop += within(this.view, row, 1).top - 100;
    }
  }

  back() {
    const at = this.trail.pop();
    this.#drawTrail();
    if (at !== undefined) this.visit(at);
  }

  #drawTrail() {
    const button = byId("back");
    const at = this.trail.at(-1);
    button.hidden = at === undefined;
    if (at !== undefined) button.textContent = `← ${this.engine.sheetOf(at).title} ${this.engine.addressed(at)}`;
  }

  // The next cell of the reader; false at its end, where the keyboard leaves the sheet.
  nextInput(at, step) {
    const yours = [...this.grid.fields.keys()].filter((cell) => this.book.isYours(cell));
    const next = step > 0 ? yours.find((cell) => cell > at) : yours.findLast((cell) => cell < at);
    if (next === undefined) return false;
    this.select(next);
    return true;
  }

  #follow(at) {
    const isOn = this.ask.following === at;
    this.ask.following = isOn ? null : at;
    const found = isOn ? [] : this.engine.dependents(at);
    this.#tint(found);
    if (!isOn) {
      this.tabs.count(found);
      const words = `${found.length} cells follow from it, tinted here and counted on the tabs.`;
      announce(found.length ? words : "Nothing follows from it.");
    }
    this.show(at);
  }

  #tint(cells) {
    for (const field of this.tinted) field.classList.remove("follows");
    const own = cells.filter((at) => this.engine.sheetOf(at) === this.sheet);
    this.tinted = own.map((at) => this.grid.field(at)).filter(Boolean);
    for (const field of this.tinted) field.classList.add("follows");
  }

  #changed(changed, cause) {
    for (const [sheet, grid] of this.grids) if (sheet !== this.sheet) grid.isOld = true;
    this.tabs.count(changed);
    if (this.grid) {
      this.grid.update(changed, this.scrubber.isScrubbing);
      this.charts.get(this.sheet).update(changed);
      this.show(this.selected);
    }
    this.#tell();
    const words = `${changed.length} cells changed${cause === "edit" ? "" : ` by ${cause}`}.`;
    if (words !== this.announced) announce(words);
    this.announced = words;
  }
}
