// Outlines over the sheet: the cell that is asked, the cells its number comes from in the colors of
// the formula's terms, and arrows at the edge to those out of sight.

import { COLORS } from "./ask.js";
import { make } from "./dom.js";
import { columnOf, rowOf } from "./places.js";

export class Marks {
  constructor(layer, edges, view, jump) {
    Object.assign(this, { layer, edges, view, jump, terms: [], grid: null });
    view.addEventListener("scroll", () => this.#arrows(), { passive: true });
  }

  show(grid, terms) {
    Object.assign(this, { grid, terms });
    this.layer.replaceChildren();
    this.boxes = [];
    for (const term of terms) {
      for (const part of runs(grid.sheet, term.cells)) this.#outline(term, part);
    }
    this.#arrows();
  }

  #outline(term, { first, last }) {
    const [from, to] = [this.grid.field(first), this.grid.field(last)];
    if (!from || !to) return;
    const [top, left] = [from.offsetTop, from.offsetLeft];
    const box = make("div", { class: `outline t${term.index % COLORS}` });
    const height = to.offsetTop + to.offsetHeight - top;
    const width = to.offsetLeft + to.offsetWidth - left;
    Object.assign(box.style, { top: `${top}px`, left: `${left}px`, width: `${width}px`, height: `${height}px` });
    box.append(make("span", { class: "tag" }, String.fromCharCode(97 + (term.index % 26))));
    this.layer.append(box);
    this.boxes.push({ term, top, left, height, width });
  }

  // For each term none of which is in sight, an arrow at the edge behind which it lies.
  #arrows() {
    this.edges.replaceChildren();
    if (!this.grid || !this.terms.length) return;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.view;
    const head = this.grid.element.tHead?.offsetHeight ?? 0;
    for (const term of this.terms) {
      const own = this.boxes.filter((box) => box.term === term);
      if (!own.length) continue;
      const isSeen = own.some(
        (box) =>
          box.top + box.height > scrollTop + head &&
          box.top < scrollTop + clientHeight &&
          box.left + box.width > scrollLeft &&
          box.left < scrollLeft + clientWidth,
      );
      if (isSeen) continue;
      const [box] = own;
      const isAbove = box.top + box.height <= scrollTop + head;
      const isBelow = box.top >= scrollTop + clientHeight;
      const sign = isAbove ? "↑" : isBelow ? "↓" : box.left < scrollLeft ? "←" : "→";
      const letter = String.fromCharCode(97 + (term.index % 26));
      const arrow = make(
        "button",
        { class: `arrow t${term.index % COLORS}`, type: "button", title: "Go there", onclick: () => this.jump(term.cells[0]) },
        `${sign} ${letter}`,
      );
      arrow.style.left = `${Math.min(Math.max(box.left - scrollLeft, 8), clientWidth - 60)}px`;
      if (isAbove) arrow.style.top = `${head + 6}px`;
      else if (isBelow) arrow.style.bottom = "6px";
      else arrow.style.top = `${Math.min(Math.max(box.top - scrollTop, head), clientHeight - 40)}px`;
      if (sign === "→") arrow.style.left = `${clientWidth - 60}px`;
      this.edges.append(arrow);
    }
  }
}

// Cells put together to rectangles: runs in a row, then equal runs on top of each other.
export function runs(sheet, cells) {
  const found = [];
  for (const at of cells) {
    if (at < sheet.base || at >= sheet.base + sheet.rows * sheet.columns) continue;
    const last = found.at(-1);
    if (last && at === last.last + 1 && rowOf(sheet, at) === rowOf(sheet, last.last)) last.last = at;
    else found.push({ first: at, last: at });
  }
  const stacked = [];
  for (const run of found) {
    const above = stacked.find(
      (one) =>
        rowOf(sheet, one.last) + 1 === rowOf(sheet, run.first) &&
        columnOf(sheet, one.first) === columnOf(sheet, run.first) &&
        columnOf(sheet, one.last) === columnOf(sheet, run.last),
    );
    if (above) above.last = run.last;
    else stacked.push({ ...run });
  }
  return stacked;
}
