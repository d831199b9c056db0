// Outlines over the sheet: the cell that is asked, the cells its number comes from in the colors of
// the formula's terms, and arrows at the edge to those out of sight.

import { clamp, make, within } from "../dom.js";
import { columnOf, rowOf } from "../engine/places.js";

export const COLORS = 6;
const [ARROW_WIDE, ARROW_HIGH] = [48, 34];

export class Marks {
  constructor(layer, edges, view, jump) {
    Object.assign(this, { layer, edges, view, jump, terms: [], boxes: [], grid: null });
    view.addEventListener("scroll", () => this.#arrows(), { passive: true });
  }

  show(grid, terms) {
    Object.assign(this, { grid, terms });
    this.place();
  }

  // Put the outlines where the cells are by now.
  place() {
    const { grid, terms } = this;
    if (!terms.length && !this.boxes.length) return;
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
    const zoom = this.grid.zoom;
    const { top, left } = within(this.layer, from, zoom);
    const end = within(this.layer, to, zoom);
    const box = make("div", { class: `outline t${term.index % COLORS}` });
    const height = end.top + end.height - top;
    const width = end.left + end.width - left;
    Object.assign(box.style, { top: `${top}px`, left: `${left}px`, width: `${width}px`, height: `${height}px` });
    box.append(make("span", { class: "tag" }, String.fromCharCode(97 + (term.index % 26))));
    this.layer.append(box);
    this.boxes.push({ term, element: box });
  }

  // For each term none of which is in sight, an arrow at the edge behind which it lies.
  #arrows() {
    this.edges.replaceChildren();
    if (!this.grid || !this.terms.length) return;
    const { clientHeight, clientWidth } = this.view;
    const head = this.grid.headHeight;
    const used = new Set();
    for (const term of this.terms) {
      const own = this.boxes.filter((box) => box.term === term).map((box) => within(this.view, box.element, 1));
      const isSeen = ({ top, left, height, width }) =>
        top + height > head && top < clientHeight && left + width > 0 && left < clientWidth;
      if (!own.length || own.some(isSeen)) continue;
      this.edges.append(this.#arrow(term, own[0], head, used));
    }
  }

  // At the edge where its term lies, beside the arrows that point the same way.
  #arrow(term, { top, left, height }, head, used) {
    const { clientHeight, clientWidth } = this.view;
    const sign = top + height <= head ? "↑" : top >= clientHeight ? "↓" : left < 0 ? "←" : "→";
    const letter = String.fromCharCode(97 + (term.index % 26));
    const arrow = make(
      "button",
      {
        class: `arrow t${term.index % COLORS}`,
        type: "button",
        title: "Go there",
        onclick: () => this.jump(term.cells[0]),
      },
      `${sign} ${letter}`,
    );
    const isLevel = sign === "↑" || sign === "↓";
    const step = isLevel ? ARROW_WIDE : ARROW_HIGH;
    let slot = Math.round(
      (isLevel ? clamp(left, 8, clientWidth - 60) : clamp(top, head + 6, clientHeight - 40)) / step,
    );
    while (used.has(sign + slot) && (slot + 1) * step < (isLevel ? clientWidth : clientHeight) - 40) slot += 1;
    used.add(sign + slot);
    const across = isLevel ? 8 + slot * step : sign === "←" ? 8 : clientWidth - 60;
    arrow.style.left = `${across}px`;
    if (sign === "↓") arrow.style.bottom = "6px";
    else arrow.style.top = `${sign === "↑" ? head + 6 : 8 + slot * step}px`;
    return arrow;
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
