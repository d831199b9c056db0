// What a number is and where it comes from: its words from the book, the formula with the numbers
// put in, and the cells that these are.

import { CellError } from "../engine/engine.js";
import { general } from "../engine/format.js";
import { text } from "../engine/values.js";

const AS_LIST = 9;
const MOST_HOPS = 4;
const BRANCHING = new Set(["IF", "CHOOSE", "IFERROR"]);
const CHOOSING = new Map([
  ["AVERAGEIF", "AVERAGE"],
  ["SUMIF", "SUM"],
  ["COUNTIF", "COUNT"],
  ["INDEX", ""],
]);

// What the book says a cell is: {name, which, symbol, formula, sentence}, or null.
export function about(book, at) {
  const sheet = book.engine.sheetOf(at);
  for (const [name, symbol, formula, sentence, first, rows, columns, layout] of sheet.blocks) {
    const row = Math.floor((at - first) / sheet.columns);
    const column = (at - first) % sheet.columns;
    if (at < first || row >= rows || column >= columns) continue;
    const word = book.layouts[layout][row * columns + column];
    if (word) return { name, symbol, formula, sentence, which: book.words[word - 1] };
  }
  return null;
}

export function said(book, at) {
  const found = about(book, at);
  if (!found) return book.choiceAt(at)?.title ?? "";
  const name = [found.name, found.symbol].filter(Boolean).join(" ");
  return found.which ? `${name} of ${found.which}` : name;
}

// A number in as few digits as show it.
export function brief(value) {
  if (typeof value !== "number") {
    return typeof value === "string" ? `"${value}"` : value === null ? "blank" : text(value);
  }
  return general(Number(value.toPrecision(4)));
}

// {pieces, terms, from}: pieces are {text}, {term, shown} and {guard}; a term is {key, cells, name,
// index}. A cell that only shows another is explained by that other's formula, which stands at `from`.
export function explained(book, at) {
  if (!book.engine.isLive(at)) return null;
  const reader = new Reader(book);
  let from = at;
  for (let next = at, hops = 0; book.engine.isLive(next) && hops < MOST_HOPS; hops++) {
    if (hops) reader.say(" = ");
    from = next;
    next = reader.read(from);
  }
  return { pieces: reader.pieces, terms: reader.terms, from };
}

class Reader {
  constructor(book) {
    Object.assign(this, { book, places: [], notes: new Map(), terms: [], pieces: [] });
  }

  // Read a cell's formula out; where it is nothing but another cell, the number of that, else -1.
  read(at) {
    const { engine } = this.book;
    const { pieces } = this;
    this.places = engine.reads(at);
    this.notes = engine.ask(at);
    const before = pieces.length;
    this.#walk(engine.shapes[engine.shapeOf[engine.formulaOf[at]]].shown);
    const said = pieces.slice(before).filter((piece) => !piece.guard);
    const isOther = said.length === 1 && said[0].term?.cells.length === 1;
    return isOther ? said[0].term.cells[0] : -1;
  }

  say(words) {
    const last = this.pieces.at(-1);
    if (last && "text" in last) last.text += words;
    else this.pieces.push({ text: words });
  }

  #walk(shown) {
    for (const piece of shown) {
      if (typeof piece === "string") this.say(pretty(piece));
      else if (typeof piece === "number") this.#place(piece);
      else this.#call(piece);
    }
  }

  #place(slot) {
    const { at, rows, columns, stride, name } = this.places[slot];
    const cells = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) cells.push(at + row * stride + column);
    }
    this.#refer(cells, name);
  }

  #refer(cells, name = "") {
    const key = cells.join();
    let term = this.terms.find((one) => one.key === key);
    if (!term) {
      term = { key, cells, name, index: this.terms.length };
      this.terms.push(term);
    }
    this.pieces.push({ term, shown: numbers(this.book, cells) });
  }

  #call([name, node, ...given]) {
    const note = this.notes.get(node);
    if (BRANCHING.has(name) && note !== undefined) return this.#branch(name, given, note);
    if (CHOOSING.has(name) && note !== undefined) {
      const shorter = CHOOSING.get(name);
      if (shorter) this.say(`${shorter}(`);
      if (note.length) this.#refer(note);
      else this.say("nothing");
      if (shorter) this.say(")");
      return;
    }
    if (name === "SQRT") return this.#wrapped("√(", given, ")");
    if (name === "ABS") return this.#wrapped("|", given, "|");
    if (name === "SUMPRODUCT") return this.#wrapped("Σ(", given, ")", " × ");
    this.#wrapped(`${name}(`, given, ")");
  }

  #wrapped(before, given, after, between = ", ") {
    this.say(before);
    given.forEach((inner, k) => {
      if (k) this.say(between);
      this.#walk(inner);
    });
    this.say(after);
  }

  // Only the branch that was taken is read out; what decided is a guard beside it.
  #branch(name, given, note) {
    if (name === "IF") {
      const words = this.#words(given[0]);
      this.pieces.push({ guard: note === 1 ? words : `not ${words}` });
      if (given[note]) this.#walk(given[note]);
      else this.say("FALSE");
    } else if (name === "CHOOSE") {
      this.pieces.push({ guard: `choice ${note} by ${this.#words(given[0])}` });
      this.#walk(given[note]);
    } else {
      if (note === 1) this.pieces.push({ guard: "of an error" });
      this.#walk(given[note]);
    }
  }

  // Pieces as plain words, cells by their name or address.
  #words(shown) {
    const { engine } = this.book;
    return shown
      .map((piece) => {
        if (typeof piece === "string") return piece.replace(/(<=|>=|<>|=|<|>)/, " $1 ");
        if (Array.isArray(piece)) {
          return `${piece[0]}(${piece
            .slice(2)
            .map((inner) => this.#words(inner))
            .join(", ")})`;
        }
        const { at, rows, columns, name } = this.places[piece];
        return name || engine.addressed(at, rows, columns);
      })
      .join("");
  }
}

// The signs of a formula as one reads them.
function pretty(words) {
  if (words.includes('"')) return words;
  return words
    .replace(/\^2(?![\d.])/g, "²")
    .replace(/\^3(?![\d.])/g, "³")
    .replaceAll("*", " × ")
    .replaceAll("/", " / ")
    .replace(/(?<=.)([+-])(?!\d)/g, " $1 ")
    .replace(/^([+-])$/, " $1 ");
}

// The numbers of some cells: all of a few, else how many there are.
function numbers(book, cells) {
  const { values } = book.engine;
  if (cells.length === 1) {
    const value = values[cells[0]];
    const shown = brief(value);
    return typeof value === "number" && value < 0 ? `(${shown})` : shown;
  }
  const found = cells.map((cell) => values[cell]).filter((value) => value !== null && value !== "");
  if (found.length <= AS_LIST) return found.map(brief).join(", ");
  return `${found.length} numbers`;
}

export function wrong(value) {
  if (!(value instanceof CellError)) return "";
  return {
    "#DIV/0!": "a division by zero",
    "#NUM!": "a number that does not exist or is too large",
    "#VALUE!": "a text where a number is needed",
    "#N/A": "a value that was not found",
    "#REF!": "a place outside of its area",
  }[value.code];
}
