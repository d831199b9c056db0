// The sheets in groups, and how many cells changed on each.

import { byId, make } from "../dom.js";

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
