// Conditional formats of one sheet: which paint each cell wears, by the rules that hold for it.

import { truth } from "../engine/values.js";

export class Rules {
  constructor(engine, sheet) {
    this.engine = engine;
    this.since = 0;
    this.refs = [];
    this.reads = [];
    this.cases = [];
    this.byCell = new Map();
    for (const [paint, first, rows, columns, shape, ...source] of sheet.rules) {
      const { slots } = engine.shapes[shape];
      const own = [];
      engine.expand(source, 0, slots, first, own);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const at = first + row * sheet.columns + column;
          const one = { at, paint, shape, start: this.refs.length, first: this.reads.length, last: 0, holds: false };
          shifted(this.refs, own, slots, row * sheet.columns, column);
          engine.flat(slots, this.refs, one.start, this.reads);
          one.last = this.reads.length;
          this.cases.push(one);
          if (this.byCell.has(at)) this.byCell.get(at).push(one);
          else this.byCell.set(at, [one]);
        }
      }
    }
  }

  // The cells whose paint is not what it was: [cell, paint], -1 for none. The first rule that holds
  // for a cell paints it.
  repainted() {
    const { engine, refs, reads, since } = this;
    const touched = new Set();
    for (const one of this.cases) {
      if (since !== 0 && !engine.isStale(reads, one.first, one.last, since + 1)) continue;
      const value = engine.compute(one.shape, refs, one.start);
      const holds = (typeof value === "boolean" || typeof value === "number") && truth(value);
      if (holds !== one.holds) touched.add(one.at);
      one.holds = holds;
    }
    this.since = engine.generation;
    return [...touched].map((at) => [at, this.byCell.get(at).find((one) => one.holds)?.paint ?? -1]);
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
