// Cells of a sheet that wait to be written, by row, so that those in sight are found without a look
// at the others.

import { rowOf } from "../engine/places.js";

export class Stale {
  constructor(sheet, spans) {
    Object.assign(this, { sheet, size: 0 });
    this.rows = Array.from({ length: sheet.rows + 1 }, () => new Set());
    this.highest = Math.max(1, ...[...spans.values()].map(([rows]) => rows));
  }

  add(at) {
    const row = this.rows[rowOf(this.sheet, at)];
    if (row.has(at)) return;
    row.add(at);
    this.size += 1;
  }

  delete(at) {
    if (this.rows[rowOf(this.sheet, at)].delete(at)) this.size -= 1;
  }

  // Those that may reach into some rows: a merged cell counts from its first on.
  *between(first, last) {
    for (let row = Math.max(1, first - this.highest + 1); row <= last; row++) yield* this.rows[row];
  }
}
