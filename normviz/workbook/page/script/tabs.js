// The sheets in groups, how many cells changed on each, and the search over all of them.

import { byId, make } from "./dom.js";
import { text } from "./values.js";

const MOST_FOUND = 12;

export class Tabs {
  constructor(book, open) {
    Object.assign(this, { book, open, current: null, last: new Map(), counts: new Map() });
    this.visible = book.sheets.filter((sheet) => !sheet.hidden);
    this.groups = [...new Set(this.visible.map((sheet) => sheet.group))];
    byId("groups").hidden = this.groups.length < 2;
    this.scrolled = 0;
    byId("tabs").addEventListener("scroll", () => {
      this.scrolled = byId("tabs").scrollLeft;
    });
  }

  show(sheet) {
    this.current = sheet;
    this.last.set(sheet.group, sheet);
    this.draw();
    byId("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Count what an edit changed, sheet by sheet.
  count(changed) {
    const counts = new Map();
    for (const at of changed) {
      const sheet = this.book.engine.sheetOf(at);
      counts.set(sheet, (counts.get(sheet) ?? 0) + 1);
    }
    const isSame = counts.size === this.counts.size && [...counts].every(([one, n]) => this.counts.get(one) === n);
    this.counts = counts;
    if (!isSame) this.draw();
  }

  draw() {
    const sum = (sheets) => sheets.reduce((all, sheet) => all + (this.counts.get(sheet) ?? 0), 0);
    const groups = this.groups.map((group) => {
      const sheets = this.visible.filter((sheet) => sheet.group === group);
      const isOpen = group === this.current?.group;
      const open = () => this.open(this.last.get(group) ?? sheets[0]);
      return this.#button(group, isOpen ? 0 : sum(sheets), isOpen, open, "aria-pressed");
    });
    byId("groups").replaceChildren(...groups);
    const own = this.visible.filter((sheet) => sheet.group === this.current?.group);
    const tabs = own.map((sheet) => {
      const isOpen = sheet === this.current;
      return this.#button(sheet.title, isOpen ? 0 : sum([sheet]), isOpen, () => this.open(sheet), "aria-current");
    });
    byId("tabs").replaceChildren(...tabs);
    // Asking for the place would lay out the whole page, so it is remembered.
    if (this.scrolled) byId("tabs").scrollLeft = this.scrolled;
  }

  #button(words, count, isOpen, onclick, state) {
    const button = make("button", { type: "button", onclick }, words);
    if (isOpen || state === "aria-pressed")
      button.setAttribute(state, isOpen && state === "aria-current" ? "page" : String(isOpen));
    if (count) {
      button.append(make("span", { class: "count", title: `${count} cells changed` }, String(count)));
      button.setAttribute("aria-label", `${words}, ${count} cells changed`);
    }
    return button;
  }

  // The sheet so many tabs further, around the end.
  beside(step) {
    const at = this.visible.indexOf(this.current) + step;
    return this.visible[(at + this.visible.length) % this.visible.length];
  }
}

export class Search {
  constructor(book, go) {
    Object.assign(this, { book, go, field: byId("search"), list: byId("found"), entries: null });
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

  // Every sheet's title, and every text that stands on a sheet, the large before the small.
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
        const size = this.book.sizes[sheet.looks[k]];
        found.push({ sheet, at, words: text(value), weight: 1 + (size < 11 ? 1 : 0) + (value.length > 60 ? 1 : 0) });
      });
    }
    return found;
  }

  #search() {
    const words = this.field.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.list.replaceChildren();
    if (!words.length) return this.close();
    this.entries ??= this.#gather();
    const fits = (entry) => words.every((word) => entry.words.toLowerCase().includes(word));
    const found = this.entries
      .filter(fits)
      .sort((a, b) => a.weight - b.weight)
      .slice(0, MOST_FOUND);
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
