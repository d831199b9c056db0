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
    this.buttons = [];
  }

  show(sheet) {
    this.current = sheet;
    this.last.set(sheet.group, sheet);
    this.draw();
    byId("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Count what an edit changed, sheet by sheet.
  count(changed) {
    this.counts = new Map();
    for (const at of changed) {
      const sheet = this.book.engine.sheetOf(at);
      this.counts.set(sheet, (this.counts.get(sheet) ?? 0) + 1);
    }
    this.#number();
  }

  draw() {
    const groups = this.groups.map((group) => {
      const sheets = this.visible.filter((sheet) => sheet.group === group);
      const isOpen = group === this.current.group;
      const button = make("button", { type: "button", onclick: () => this.open(this.last.get(group) ?? sheets[0]) });
      button.setAttribute("aria-pressed", String(isOpen));
      return { button, words: group, sheets: isOpen ? [] : sheets };
    });
    const own = this.visible.filter((sheet) => sheet.group === this.current.group);
    const tabs = own.map((sheet) => {
      const isOpen = sheet === this.current;
      const button = make("button", { type: "button", onclick: () => this.open(sheet) });
      if (isOpen) button.setAttribute("aria-current", "page");
      return { button, words: sheet.title, sheets: isOpen ? [] : [sheet] };
    });
    this.buttons = [...groups, ...tabs];
    for (const one of this.buttons) {
      one.badge = make("span", { class: "count" });
      one.button.append(one.words);
    }
    byId("groups").replaceChildren(...groups.map(({ button }) => button));
    byId("tabs").replaceChildren(...tabs.map(({ button }) => button));
    this.#number();
  }

  // The counts on the buttons, where they are not what they were.
  #number() {
    for (const one of this.buttons) {
      const count = one.sheets.reduce((all, sheet) => all + (this.counts.get(sheet) ?? 0), 0);
      if (count === (one.count ?? 0)) continue;
      one.count = count;
      one.badge.textContent = String(count);
      one.badge.title = `${count} cells changed`;
      if (count) {
        one.button.append(one.badge);
        one.button.setAttribute("aria-label", `${one.words}, ${count} cells changed`);
      } else {
        one.badge.remove();
        one.button.removeAttribute("aria-label");
      }
    }
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
