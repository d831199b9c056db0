// Conditional formats of one sheet: which paint each cell wears, by the rules that hold for it.

import { truth } from "./values.js";

export class Rules {
  constructor(engine, sheet) {
    this.engine = engine;
    this.since = 0;
    this.refs = [];
    this.cases = [];
    for (const [paint, first, rows, columns, shape, ...source] of sheet.rules) {
      const { slots } = engine.shapes[shape];
      const own = [];
      engine.expand(source, 0, slots, first, own);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const at = first + row * sheet.columns + column;
          this.cases.push({ at, paint, shape, slots, start: this.refs.length, holds: false });
          shifted(this.refs, own, slots, row * sheet.columns, column);
        }
      }
    }
  }

  // The paint of every cell that has one, by cell, where rules are; the first rule that holds wins.
  paints() {
    const { engine, refs, since } = this;
    const found = new Map();
    for (const one of this.cases) {
      if (since === 0 || engine.isStale(one.slots, refs, one.start, since + 1)) {
        const value = engine.compute(one.shape, refs, one.start);
        one.holds = typeof value === "boolean" || typeof value === "number" ? truth(value) : false;
      }
      if (one.holds && (found.get(one.at) ?? -1) < 0) found.set(one.at, one.paint);
      else if (!found.has(one.at)) found.set(one.at, -1);
    }
    this.since = engine.generation;
    return found;
  }
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
