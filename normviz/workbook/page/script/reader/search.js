// The search over sheets, questions and every other text of the book, and for a number over numbers.

import { byId, make } from "../dom.js";
import { general } from "../engine/format.js";
import { text } from "../engine/values.js";
import { about, said } from "./explain.js";

const MOST_FOUND = 12;

export class Search {
  // `open` is the sheet that is looked at.
  constructor(book, go, open) {
    Object.assign(this, { book, go, open, field: byId("search"), list: byId("found"), entries: null });
    this.field.addEventListener("input", () => this.#search());
    this.field.addEventListener("focus", () => this.#search());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }

  // Every sheet's title, and every text that stands on a sheet: questions first, the large before the small.
  #gather() {
    const { engine, sheets } = this.book;
    const found = [];
    for (const sheet of sheets) {
      if (sheet.hidden) continue;
      found.push({ sheet, at: -1, words: sheet.title, weight: 0 });
      const seen = new Set([sheet.title]);
      let at = sheet.base;
      sheet.cells.forEach((step, k) => {
        at += step;
        const value = engine.initial[at];
        if (typeof value !== "string" || value.length < 3 || seen.has(value)) return;
        seen.add(value);
        const isSmall = this.book.sizes[sheet.looks[k]] < 11;
        const weight = value.endsWith("?") ? 0 : 1 + (isSmall ? 1 : 0) + (value.length > 60 ? 1 : 0);
        found.push({ sheet, at, words: text(value), weight });
      });
    }
    return found;
  }

  // The numbers that are the one asked for, as far as its digits go: first those of the open sheet, and
  // of steps; of equal ones of a step the first.
  #numbers(words) {
    const { engine, sheets } = this.book;
    const isAsked = asked(words.join(""));
    if (!isAsked) return [];
    const found = [];
    const seen = new Set();
    for (const sheet of sheets) {
      if (sheet.hidden) continue;
      for (let at = sheet.base; at < sheet.base + sheet.rows * sheet.columns; at++) {
        const value = engine.values[at];
        if (typeof value !== "number" || !isAsked(value)) continue;
        const key = [sheet.title, about(this.book, at)?.name ?? at, value].join();
        if (seen.has(key)) continue;
        seen.add(key);
        const what = said(this.book, at);
        const name = [what || engine.addressed(at), general(Number(value.toPrecision(6)))].join(" = ");
        found.push({ sheet, at, words: name, weight: (sheet === this.open() ? 0 : 2) + (what ? 0 : 1) });
      }
    }
    return found.sort((a, b) => a.weight - b.weight);
  }

  #search() {
    const words = this.field.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.list.replaceChildren();
    if (!words.length) return this.close();
    this.entries ??= this.#gather();
    const fits = (entry) => words.every((word) => entry.words.toLowerCase().includes(word));
    const texts = this.entries.filter(fits).sort((a, b) => a.weight - b.weight);
    const found = [...this.#numbers(words), ...texts].slice(0, MOST_FOUND);
    found.forEach((entry, k) => {
      const item = make("li", { role: "option", id: `found-${k}`, onmousedown: () => this.#take(entry) });
      item.append(make("span", { class: "words" }, entry.words), make("span", { class: "where" }, entry.sheet.title));
      this.list.append(item);
    });
    if (!found.length)
      this.list.append(
        make("li", { class: "nothing", role: "option", "aria-disabled": "true" }, "Nothing on any sheet says that."),
      );
    this.found = found;
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    return this.#point(0);
  }

  #point(at) {
    this.pointed = at;
    [...this.list.children].forEach((item, k) => {
      item.setAttribute("aria-selected", String(k === at));
    });
    if (this.found?.length) this.field.setAttribute("aria-activedescendant", `found-${at}`);
  }

  #key(event) {
    event.stopPropagation();
    const count = this.found?.length ?? 0;
    if (event.key === "ArrowDown" && count) this.#point((this.pointed + 1) % count);
    else if (event.key === "ArrowUp" && count) this.#point((this.pointed + count - 1) % count);
    else if (event.key === "Enter" && count && !this.list.hidden) this.#take(this.found[this.pointed]);
    else if (event.key === "Escape") {
      this.field.value = "";
      this.close();
      this.field.blur();
    } else return;
    event.preventDefault();
  }

  #take(entry) {
    this.field.value = "";
    this.close();
    this.field.blur();
    this.go(entry.sheet, entry.at);
  }
}

// Whether a number is the one that was typed, rounded to as many decimals as were typed; a whole number
// is only itself. Null where no number was typed.
export function asked(words) {
  const match = /^[-+−]?(\d+(?:\.(\d*))?|\.(\d+))$/.exec(words);
  if (!match) return null;
  const wanted = Number(words.replace("−", "-"));
  const half = 0.5 * 10 ** -(match[2] ?? match[3] ?? "").length;
  const near = half === 0.5 ? 1e-9 : half * (1 + 1e-9);
  return (value) => Math.abs(value - wanted) <= near;
}
