// The bar below the sheet: ask a number, and it says what it is and where it comes from.

import { byId, fill, make } from "../dom.js";
import { CellError } from "../engine/engine.js";
import { general } from "../engine/format.js";
import { text } from "../engine/values.js";
import { COLORS } from "../sheet/marks.js";
import { about, brief, explained, said, wrong } from "./explain.js";

const MOST_LISTED = 40;

export class AskBar {
  constructor(book, actions) {
    Object.assign(this, { book, actions, at: -1, following: null });
    this.element = byId("ask");
    this.more = byId("ask-more");
    byId("ask-expand").addEventListener("click", () => this.expand());
  }

  expand(open = this.more.hidden) {
    this.more.hidden = !open;
    this.element.classList.toggle("open", open);
    byId("ask-expand").setAttribute("aria-expanded", String(open));
    byId("ask-expand").textContent = open ? "Less" : "More";
    this.show(this.at);
    this.actions.grown();
  }

  // Show a cell; the terms of its formula, for whoever outlines them.
  show(at) {
    const isOther = at !== this.at;
    this.at = at;
    byId("ask-expand").hidden = at < 0;
    if (at < 0) {
      byId("ask-what").replaceChildren("Point at a number to ask where it comes from.");
      const { input } = document.documentElement.dataset;
      byId("ask-how").replaceChildren(
        input ? `Yours are the ${input} cells: type, or drag sideways.` : "No cell of this book is to be typed over.",
      );
      byId("ask-actions").replaceChildren();
      byId("ask-more").replaceChildren();
      return [];
    }
    const found = explained(this.book, at);
    this.terms = found ? found.terms : [];
    fill(byId("ask-what"), isOther, this.#what(at));
    fill(byId("ask-how"), isOther, this.#how(at, found));
    this.#act(at, isOther);
    if (!this.more.hidden) fill(this.more, isOther, this.#details(at, found));
    return this.terms;
  }

  #what(at) {
    const { engine } = this.book;
    const sheet = engine.sheetOf(at);
    const value = engine.values[at];
    const words = said(this.book, at);
    const shown = typeof value === "number" ? general(value) : text(value);
    const isNumber = typeof value === "number";
    return [
      make("span", { class: "where" }, `${sheet.title} ${engine.addressed(at)}`),
      words ? make("strong", {}, words) : null,
      words && isNumber ? make("span", { class: "equals" }, " = ") : null,
      isNumber || value instanceof CellError
        ? make("strong", { class: "value" }, shown)
        : make("span", { class: "value" }, clipped(shown)),
      value instanceof CellError ? make("span", {}, ` (${wrong(value)})`) : null,
    ].filter(Boolean);
  }

  #how(at, found) {
    const { engine, state } = this.book;
    const symbols = about(this.book, at)?.formula || (found && about(this.book, found.from)?.formula);
    const parts = [];
    if (symbols) parts.push(make("span", { class: "symbols" }, symbols));
    if (found) parts.push(this.#formula(found));
    else if (state.isEdited(at)) {
      const was = state.original(at);
      const words = was === undefined ? "You typed over its formula." : `You changed it; it was ${brief(was)}.`;
      parts.push(make("span", {}, words));
    } else if (engine.values[at] !== null && !this.book.isYours(at)) {
      parts.push(
        make("span", {}, typeof engine.values[at] === "number" ? "A constant of the sheet." : "Words of the sheet."),
      );
    }
    const choice = this.book.choiceAt(at);
    if (choice && !found) parts.push(make("span", { class: "hint" }, choice.hint || "Yours to change."));
    return parts;
  }

  #formula({ pieces }) {
    const line = make("span", { class: "formula" }, "= ");
    const guards = pieces.filter((piece) => piece.guard).map((piece) => piece.guard);
    for (const piece of pieces) {
      if (piece.guard) continue;
      if (piece.term) line.append(this.#chip(piece));
      else line.append(piece.text);
    }
    if (guards.length) line.append(make("span", { class: "guard" }, `because ${guards.join(", ")}`));
    return line;
  }

  #chip({ term, shown }) {
    const words = said(this.book, term.cells[0]) || this.#address(term);
    const letter = String.fromCharCode(97 + (term.index % 26));
    const chip = make(
      "button",
      {
        class: `term t${term.index % COLORS}`,
        type: "button",
        title: words,
        onclick: () => this.#go(term.index),
      },
      shown,
      make("sub", { "aria-hidden": "true" }, letter),
    );
    const { engine } = this.book;
    const sheet = engine.sheetOf(term.cells[0]);
    if (sheet !== engine.sheetOf(this.at)) chip.append(make("span", { class: "elsewhere" }, ` ↗ ${sheet.title}`));
    return chip;
  }

  // A term's cells may be others by now, as where a criterion chooses them.
  #go(index) {
    this.actions.jump(this.terms[index].cells[0]);
  }

  #address({ cells, name }) {
    const { engine } = this.book;
    if (name) return name;
    const first = engine.addressed(cells[0]);
    const place = cells.length === 1 ? first : `${first} to ${engine.addressed(cells.at(-1))}`;
    return `${engine.sheetOf(cells[0]).title} ${place}`;
  }

  // What can be done with a cell. While a number slides, its slider stays, and stays in place.
  #act(at, isOther) {
    const { engine, state } = this.book;
    const box = byId("ask-actions");
    const isYours = this.book.isYours(at);
    const slides = isYours && typeof engine.values[at] === "number";
    if (isOther || slides !== box.firstElementChild?.matches(".stepper")) {
      box.replaceChildren(
        slides ? this.actions.stepper(at) : "",
        button(isYours ? "Put it back" : "Restore the formula", () => state.restore(at), { class: "restore" }),
        button("What follows?", () => this.actions.follow(at), {
          class: "follow",
          title: "Tint every cell that follows from this one",
        }),
      );
    }
    const restore = box.querySelector(".restore");
    restore.disabled = !state.isEdited(at);
    restore.hidden = restore.disabled && !isYours;
    box.querySelector(".follow").setAttribute("aria-pressed", String(this.following === at));
  }

  #details(at, found) {
    const { engine } = this.book;
    const what = about(this.book, at);
    const parts = [];
    if (what?.sentence) parts.push(make("p", {}, what.sentence));
    const formula = engine.formula(at);
    if (formula) parts.push(make("p", { class: "spreadsheet" }, `=${formula}`));
    if (found?.terms.length) {
      const list = make("ul", { class: "terms" });
      for (const term of found.terms) list.append(this.#listed(term));
      parts.push(list);
    }
    if (!parts.length) parts.push(make("p", {}, "Nothing stands behind this cell: it was typed in."));
    return parts;
  }

  #listed(term) {
    const { engine } = this.book;
    const values = term.cells.map((cell) => engine.values[cell]).filter((value) => value !== null && value !== "");
    const shown = values.slice(0, MOST_LISTED).map(brief).join(", ") + (values.length > MOST_LISTED ? ", …" : "");
    const one = term.cells.length === 1 ? said(this.book, term.cells[0]) : about(this.book, term.cells[0])?.name;
    const words = [one, this.#address(term)].filter(Boolean).join(", ");
    return make(
      "li",
      {},
      make("span", { class: `letter t${term.index % COLORS}` }, String.fromCharCode(97 + (term.index % 26))),
      make("button", { type: "button", class: "plain", onclick: () => this.#go(term.index) }, words),
      make("span", { class: "numbers" }, shown),
    );
  }
}

const button = (words, onclick, more) => make("button", { type: "button", onclick, ...more }, words);
const clipped = (words) => (words.length > 160 ? `${words.slice(0, 157)}…` : words);
