// Every key: those of the whole page, and those of the cell that is selected.

import { byId } from "./dom.js";
import { columnOf, rowOf } from "./engine/places.js";

const WAYS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-20, 0],
  PageDown: [20, 0],
};

export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  listen() {
    const { page } = this;
    document.addEventListener("keydown", (event) => {
      if (event.target.closest?.("input, select, textarea, dialog")) return;
      const isInGrid = event.target.closest?.("td[data-at]");
      const command = event.ctrlKey || event.metaKey;
      const act = this.#command(event, command) ?? (isInGrid && !command && !event.altKey ? this.#onCell(event) : null);
      // A key that leads nowhere, as Tab behind the last cell of the reader, is left to the browser.
      if (act && act() !== false) event.preventDefault();
    });
    page.view.addEventListener("focusin", (event) => {
      const at = Number(event.target.closest?.("td[data-at]")?.dataset.at ?? -1);
      if (at >= 0 && at !== page.selected) page.select(at, false);
    });
  }

  // What a key does anywhere on the page, or null.
  #command(event, command) {
    const { page } = this;
    const { state, tabs } = page;
    const key = event.key.toLowerCase();
    if (command && key === "z") return () => (event.shiftKey ? state.redo() : state.undo());
    if (command && key === "y") return () => state.redo();
    if (event.altKey && key === "arrowleft" && page.trail.length) return () => page.back();
    if (event.altKey && key === "pagedown") return () => page.open(tabs.beside(1));
    if (event.altKey && key === "pageup") return () => page.open(tabs.beside(-1));
    if (command || event.altKey) return null;
    if (key === "f9") return () => state.draw();
    if (key === "/") return () => byId("search").focus();
    if (key === "?") return () => byId("keys").showModal();
    if (key === "escape" && page.selected >= 0) return () => page.leave();
    return null;
  }

  // What a key does on the selected cell, or null.
  #onCell({ key, shiftKey }) {
    const { page } = this;
    const at = page.selected;
    if (WAYS[key]) return () => this.#step(at, ...WAYS[key]);
    if (key === "Home") return () => this.#step(at, 0, -page.sheet.columns);
    if (key === "End") return () => this.#step(at, 0, page.sheet.columns);
    if (key === "Tab") return () => page.nextInput(at, shiftKey ? -1 : 1);
    const link = key === "Enter" || key === "F2" ? page.grid.field(at)?.querySelector("a") : null;
    if (link) return () => link.click();
    if (!page.book.mayEdit(at)) return null;
    if (key === "Enter" || key === "F2") return () => page.editor.open(at);
    if (key === "Delete" || key === "Backspace") return page.book.isYours(at) ? () => this.#clear(at) : null;
    return key.length === 1 && key !== " " ? () => page.editor.open(at, key) : null;
  }

  #clear(at) {
    const { page } = this;
    if (page.book.refusal(at, null)) page.editor.open(at, "");
    else page.state.put([[at, null]]);
  }

  // The next cell that way that holds something; a merged one is left as a whole.
  #step(at, down, across) {
    const { sheet, grid } = this.page;
    const [rows, columns] = grid.spans.get(at) ?? [1, 1];
    let row = rowOf(sheet, at);
    let column = columnOf(sheet, at);
    let far = Math.abs(down) + Math.abs(across);
    const [one, side] = [Math.sign(down), Math.sign(across)];
    if (one > 0) row += rows - 1;
    if (side > 0) column += columns - 1;
    let found = at;
    while (far > 0 || found === at) {
      row += one;
      column += side;
      if (row < 1 || column < 1 || row > sheet.rows || column > sheet.columns) break;
      const field = grid.field(sheet.base + (row - 1) * sheet.columns + column - 1);
      if (field && Number(field.dataset.at) !== at) found = Number(field.dataset.at);
      far -= 1;
    }
    if (found !== at) this.page.select(found);
  }
}
