// Mouse and finger on the sheet: point to ask, click to select, drag to scrub, scroll to see more.

import { place } from "./engine/places.js";

const HOVER_WAITS = 90;

export class Pointer {
  constructor(page) {
    this.page = page;
  }

  listen() {
    const { page } = this;
    const { view } = page;
    page.scrubber.listen(view);
    view.addEventListener("click", (event) => this.#click(event));
    view.addEventListener("dblclick", (event) => {
      const at = cellOf(event);
      if (at >= 0 && page.book.mayEdit(at)) page.editor.open(at);
    });
    view.addEventListener("pointerover", (event) => this.#hover(event.pointerType === "mouse" ? cellOf(event) : -1));
    view.addEventListener("pointerleave", () => this.#hover(-1));
    view.addEventListener("scroll", () => page.grid.look(view.scrollTop, view.clientHeight), { passive: true });
    window.addEventListener("beforeprint", () => page.grid.settle());
    window.addEventListener("resize", () => {
      page.fit();
      page.show(page.selected);
    });
  }

  #click(event) {
    const { page } = this;
    const at = cellOf(event);
    if (at < 0) return;
    const link = event.target.closest("a") && page.grid.links.get(at);
    if (link) {
      // Followed here: inside of another page an address is that page's, not this one's.
      event.preventDefault();
      page.jump(place(page.book.sheets[link.target], link.address));
      return;
    }
    page.select(at);
    if (page.book.choiceAt(at)?.options.length) page.editor.open(at);
  }

  // Pointing at a number asks it, until one is selected.
  #hover(at) {
    const { page } = this;
    clearTimeout(this.waiting);
    if (page.selected >= 0 || page.editor.isOpen || page.scrubber.isScrubbing) return;
    const value = at >= 0 ? page.engine.values[at] : null;
    const isNumber = typeof value !== "string" && value !== null;
    this.waiting = setTimeout(() => {
      if (page.selected < 0) page.show(isNumber ? at : -1);
    }, HOVER_WAITS);
  }
}

function cellOf(event) {
  const field = event.target.closest?.("td[data-at]");
  return field ? Number(field.dataset.at) : -1;
}
