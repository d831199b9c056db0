// Conditional formats of one sheet: which paint each cell wears, by the rules that hold for it.

import { truth } from "../engine/values.js";

const MOST_LISTED = 16;

export class Rules {
  constructor(engine, sheet) {
    Object.assign(this, { engine, refs: [], cases: [], byCell: new Map() });
    // The cases that read a cell, and those that read too many to be listed under each.
    this.readers = new Map();
    this.wide = [];
    for (const [paint, first, rows, columns, shape, ...source] of sheet.rules) {
      const { slots } = engine.shapes[shape];
      const own = [];
      engine.expand(source, 0, slots, first, own);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const one = { at: first + row * sheet.columns + column, paint, shape, start: this.refs.length, holds: false };
          shifted(this.refs, own, slots, row * sheet.columns, column);
          this.cases.push(one);
          push(this.byCell, one.at, one);
          this.#list(one, slots);
        }
      }
    }
  }

  #list(one, slots) {
    const reads = [];
    this.engine.flat(slots, this.refs, one.start, reads);
    let count = 0;
    for (let next = 0; next < reads.length; next += 4) count += reads[next + 1] * reads[next + 2];
    if (count > MOST_LISTED) {
      this.wide.push(one);
      return;
    }
    for (let next = 0; next < reads.length; next += 4) {
      const [first, rows, columns, stride] = reads.slice(next, next + 4);
      for (let k = 0; k < rows * columns; k++) {
        push(this.readers, first + Math.floor(k / columns) * stride + (k % columns), one);
      }
    }
  }

  // The cells whose paint is not what it was, where some cells have changed, or any may have (null):
  // [cell, paint], -1 for none. The first rule that holds for a cell paints it.
  repainted(changed) {
    const { engine, refs, readers } = this;
    const due = changed ? new Set(this.wide) : this.cases;
    for (const at of changed ?? []) for (const one of readers.get(at) ?? []) due.add(one);
    const touched = new Set();
    for (const one of due) {
      const value = engine.compute(one.shape, refs, one.start);
      const holds = (typeof value === "boolean" || typeof value === "number") && truth(value);
      if (holds !== one.holds) touched.add(one.at);
      one.holds = holds;
    }
    return [...touched].map((at) => [at, this.byCell.get(at).find((one) => one.holds)?.paint ?? -1]);
  }
}

function push(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

// A rule is written for the first cell of its area; for another, what has no dollar sign moves along.
function shifted(refs, own, slots, down, across) {
  let next = 0;
  for (const [kind, pins] of slots) {
    if (typeof kind === "string") continue;
    refs.push(own[next++] + (pins & 1 ? 0 : down) + (pins & 2 ? 0 : across));
    if (kind === 1) refs.push(own[next++], own[next++], own[next++]);
  }
}
