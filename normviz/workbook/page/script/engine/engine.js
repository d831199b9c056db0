// The values of the whole book in one flat array, and the formulas that fill it.
//
// The formulas come in an order in which each stands behind all that it reads. An edit is one walk
// through that order: a formula is computed where something it reads has changed, and what keeps
// its value stops there.

import * as functions from "./functions.js";
import { letters } from "./places.js";
import { reading } from "./reading.js";
import * as operators from "./values.js";

const { CellError, ERRORS } = operators;

// The same numbers for the same seed, so that a link shows everybody the same draw.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class Engine {
  constructor(data, makeShapes) {
    this.sheets = data.sheets;
    this.shapes = data.shapes.map(([shown, slots, random]) => ({ shown, slots, random: Boolean(random) }));
    const last = data.sheets.at(-1);
    const size = last.base + last.rows * last.columns;
    this.values = new Array(size).fill(null);
    this.sheetAt = new Uint16Array(size);
    data.sheets.forEach(({ base, rows, columns }, k) => {
      this.sheetAt.fill(k, base, base + rows * columns);
    });
    this.seed = 1;
    this.generation = 1;
    this.stamps = new Int32Array(size);
    this.replaced = new Map();
    this.notes = null;
    const note = (node, what) => {
      if (this.notes) this.notes.set(node, what);
    };
    const initial = () => this.initial ?? this.values;
    const readers = reading(this.values, note, () => this.random(), initial);
    this.compiled = makeShapes({ ...operators, ...functions, ...readers });
    this.#place(data);
    this.calculate(null);
    this.initial = this.values.slice();
  }

  #place(data) {
    for (const sheet of data.sheets) {
      let at = sheet.base;
      sheet.cells.forEach((step, k) => {
        at += step;
        this.values[at] = sheet.values[k];
      });
    }
    this.formulaOf = new Int32Array(this.values.length).fill(-1);
    const source = data.formulas;
    const [cells, shapes, starts, refs] = [[], [], [], []];
    for (let at = 0, next = 0; next < source.length; ) {
      at += source[next++];
      const shape = source[next++];
      this.formulaOf[at] = cells.length;
      cells.push(at);
      shapes.push(shape);
      starts.push(refs.length);
      next = this.expand(source, next, this.shapes[shape].slots, at, refs);
    }
    Object.assign(this, { cells, shapeOf: shapes, starts, refs: Int32Array.from(refs) });
    const reads = [];
    const ends = cells.map((_, k) => {
      this.flat(this.shapes[shapes[k]].slots, this.refs, starts[k], reads);
      return reads.length;
    });
    Object.assign(this, { readsOf: Int32Array.from(reads), ends: Int32Array.from([0, ...ends]) });
    this.readsBits = Int32Array.from(cells, (_, k) => {
      let bits = 0;
      for (let next = this.ends[k]; next < this.ends[k + 1]; next += 4) bits |= this.#bitOf(this.readsOf[next]);
      return bits;
    });
    this.isRandom = shapes.map((shape) => this.shapes[shape].random);
  }

  // Relative places as the file has them, made absolute: one number a cell, four an area.
  expand(source, start, slots, at, refs) {
    let next = start;
    for (const slot of slots) {
      if (typeof slot[0] === "string") continue;
      const first = at + source[next++];
      refs.push(first);
      if (slot[0] === 1) refs.push(source[next++], source[next++], this.sheetOf(first).columns);
    }
    return next;
  }

  sheetOf(at) {
    return this.sheets[this.sheetAt[at]];
  }

  // The places that a formula reads: {at, rows, columns, stride, name}, one for each slot.
  places(slots, refs, start) {
    let next = start;
    return slots.map((slot) => {
      if (typeof slot[0] === "string") {
        const [name, at, rows, columns, stride] = slot;
        return { name, at, rows, columns, stride };
      }
      const at = refs[next++];
      if (slot[0] === 0) return { at, rows: 1, columns: 1, stride: 1 };
      return { at, rows: refs[next++], columns: refs[next++], stride: refs[next++] };
    });
  }

  isLive(at) {
    return this.formulaOf[at] >= 0 && !this.replaced.has(at);
  }

  reads(at) {
    const k = this.formulaOf[at];
    return k < 0 ? [] : this.places(this.shapes[this.shapeOf[k]].slots, this.refs, this.starts[k]);
  }

  // The places of a formula's slots as numbers in a row, four a place: first cell, rows, columns,
  // and the width of the sheet.
  flat(slots, refs, start, reads) {
    let next = start;
    for (const [kind, ...place] of slots) {
      if (typeof kind === "string") reads.push(...place);
      else if (kind === 0) reads.push(refs[next++], 1, 1, 1);
      else reads.push(refs[next++], refs[next++], refs[next++], refs[next++]);
    }
  }

  // One bit for the sheet of a cell, the same for some sheets where there are more than 32.
  #bitOf(at) {
    return 1 << (this.sheetAt[at] % 32);
  }

  // Whether anything in these places was changed in a generation or later.
  isStale(reads, first, last, since) {
    const { stamps } = this;
    for (let next = first; next < last; next += 4) {
      const rows = reads[next + 1];
      const columns = reads[next + 2];
      for (let row = 0, at = reads[next]; row < rows; row++, at += reads[next + 3]) {
        for (let cell = at; cell < at + columns; cell++) if (stamps[cell] >= since) return true;
      }
    }
    return false;
  }

  compute(shape, refs, start) {
    try {
      const value = this.compiled[shape](refs, start);
      return value === null ? 0 : value;
    } catch (error) {
      if (error instanceof CellError) return error;
      throw error;
    }
  }

  // Compute what follows from the places (all for null); the places whose value changed.
  calculate(places) {
    this.generation += 1;
    this.random = generator(this.seed);
    const { cells, shapeOf, starts, refs, readsOf, readsBits, ends, isRandom, values, stamps, generation } = this;
    const changed = [];
    // The sheets on which anything has changed: most formulas read from none of them.
    let bits = 0;
    for (const at of places ?? []) {
      stamps[at] = generation;
      bits |= this.#bitOf(at);
      changed.push(at);
    }
    for (let k = 0; k < cells.length; k++) {
      const at = cells[k];
      const isDue =
        places === null ||
        isRandom[k] ||
        stamps[at] === generation ||
        ((readsBits[k] & bits) !== 0 && this.isStale(readsOf, ends[k], ends[k + 1], generation));
      if (!isDue || (this.replaced.size && this.replaced.has(at))) continue;
      const value = this.compute(shapeOf[k], refs, starts[k]);
      if (value === values[at]) continue;
      values[at] = value;
      if (stamps[at] !== generation) {
        changed.push(at);
        bits |= this.#bitOf(at);
      }
      stamps[at] = generation;
    }
    return changed;
  }

  // Put values into cells; undefined gives a cell its formula back. The places that changed.
  put(edits) {
    const before = new Map();
    for (const [at, value] of edits) {
      if (value === undefined) this.replaced.delete(at);
      else {
        if (this.formulaOf[at] >= 0) this.replaced.set(at, value);
        before.set(at, this.values[at]);
        this.values[at] = value;
      }
    }
    const seeds = edits.filter(([at, value]) => value === undefined || before.get(at) !== value);
    return this.calculate(seeds.map(([at]) => at));
  }

  // New random numbers, where there are any.
  draw() {
    this.seed = (this.seed + 1) >>> 0;
    return this.calculate([]);
  }

  // Which branches a formula takes and which cells its criteria choose, by node.
  ask(at) {
    const k = this.formulaOf[at];
    const notes = new Map();
    if (k < 0) return notes;
    const random = this.random;
    this.notes = notes;
    this.random = generator(this.seed);
    this.compute(this.shapeOf[k], this.refs, this.starts[k]);
    this.notes = null;
    this.random = random;
    return notes;
  }

  // All cells whose value follows from this one, by way of whatever lies between.
  dependents(origin) {
    const { cells, readsOf, ends, stamps } = this;
    this.generation += 1;
    const since = this.generation;
    stamps[origin] = since;
    const found = [];
    for (let k = 0; k < cells.length; k++) {
      if (cells[k] === origin || !this.isLive(cells[k])) continue;
      if (!this.isStale(readsOf, ends[k], ends[k + 1], since)) continue;
      stamps[cells[k]] = since;
      found.push(cells[k]);
    }
    return found;
  }

  // An address as a formula on a sheet writes it.
  addressed(at, rows = 1, columns = 1, pins = 0) {
    const sheet = this.sheetOf(at);
    const row = Math.floor((at - sheet.base) / sheet.columns) + 1;
    const column = ((at - sheet.base) % sheet.columns) + 1;
    const one = (r, c, bits) => `${bits & 2 ? "$" : ""}${letters(c)}${bits & 1 ? "$" : ""}${r}`;
    const first = one(row, column, pins & 3);
    return rows * columns === 1 ? first : `${first}:${one(row + rows - 1, column + columns - 1, pins >> 2)}`;
  }

  formula(at) {
    const k = this.formulaOf[at];
    if (k < 0) return null;
    const { shown, slots } = this.shapes[this.shapeOf[k]];
    const places = this.reads(at);
    const write = (piece) => {
      if (typeof piece === "string") return piece;
      if (Array.isArray(piece)) {
        const [name, , ...given] = piece;
        return `${name}(${given.map((inner) => inner.map(write).join("")).join(",")})`;
      }
      const [slot, place] = [slots[piece], places[piece]];
      if (place.name) return place.name;
      const sheet = slot[2] ? `${quoted(this.sheetOf(place.at).title)}!` : "";
      return sheet + this.addressed(place.at, place.rows, slot[0] ? place.columns : 1, slot[1]);
    };
    return shown.map(write).join("");
  }
}

export function quoted(title) {
  return /^[A-Za-z_]+$/.test(title) ? title : `'${title.replaceAll("'", "''")}'`;
}

export { CellError, ERRORS };
