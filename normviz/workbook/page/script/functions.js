// The functions of the lint's safe list, with Excel's meaning. Where an area is an argument, texts,
// blanks and truth values in it are passed over; an expression is a value and must be a number.
// Sums run plainly from left to right; VARP and DEVSQ take the mean first.

import { CellError, compare, ERRORS, finite, number, parsed, truth } from "./values.js";

export class Area {
  constructor(values, at, rows, columns, stride) {
    this.values = values;
    this.at = at;
    this.rows = rows;
    this.columns = columns;
    this.stride = stride;
  }

  get length() {
    return this.rows * this.columns;
  }

  index(k) {
    return this.at + Math.floor(k / this.columns) * this.stride + (k % this.columns);
  }

  item(k) {
    return this.values[this.index(k)];
  }

  each(visit) {
    const { values, at, rows, columns, stride } = this;
    for (let row = 0, k = 0; row < rows; row++) {
      for (let cell = at + row * stride, end = cell + columns; cell < end; cell++, k++) {
        visit(values[cell], k);
      }
    }
  }
}

// Values computed element by element, inside SUMPRODUCT.
class Grid {
  constructor(items, rows, columns) {
    this.items = items;
    this.rows = rows;
    this.columns = columns;
  }
}

// The items of a grid, which must have the shape of another; null for a single value.
function itemsOf(argument, { rows, columns }) {
  if (!(argument instanceof Grid)) return null;
  if (argument.rows !== rows || argument.columns !== columns) throw ERRORS.value;
  return argument.items;
}

function attempted(operate, one, other) {
  try {
    return operate(one, other);
  } catch (error) {
    if (error instanceof CellError) return error;
    throw error;
  }
}

function numbers(args) {
  const found = [];
  for (const argument of args) {
    if (argument instanceof Area) {
      const { values, at, rows, columns, stride } = argument;
      for (let row = 0; row < rows; row++) {
        for (let cell = at + row * stride, end = cell + columns; cell < end; cell++) keep(values[cell], found);
      }
    } else if (argument instanceof Grid) {
      for (const item of argument.items) keep(item, found);
    } else found.push(number(argument));
  }
  return found;
}

function keep(value, found) {
  if (typeof value === "number") found.push(value);
  else if (value instanceof CellError) throw value;
}

const total = (items) => {
  let sum = 0;
  for (const item of items) sum += item;
  return sum;
};

function deviations(items) {
  const mean = total(items) / items.length;
  let sum = 0;
  for (const item of items) sum += (item - mean) * (item - mean);
  return finite(sum);
}

// The smallest (sign -1) or largest (sign 1) of some numbers, 0 of none.
function extreme(items, sign) {
  let found = items.length ? items[0] : 0;
  for (const item of items) if (sign * (item - found) > 0) found = item;
  return found;
}

export const SUM = (...args) => finite(total(numbers(args)));
export const SUMSQ = (...args) => finite(total(numbers(args).map((item) => item * item)));
export const MIN = (...args) => extreme(numbers(args), -1);
export const MAX = (...args) => extreme(numbers(args), 1);

export function AVERAGE(...args) {
  const items = numbers(args);
  if (items.length === 0) throw ERRORS.div;
  return finite(total(items) / items.length);
}

export function VARP(...args) {
  const items = numbers(args);
  if (items.length === 0) throw ERRORS.div;
  return deviations(items) / items.length;
}

export function DEVSQ(...args) {
  const items = numbers(args);
  if (items.length === 0) throw ERRORS.num;
  return deviations(items);
}

export function COUNT(...args) {
  let count = 0;
  for (const argument of args) {
    if (argument instanceof Area) {
      argument.each((value) => {
        if (typeof value === "number") count += 1;
      });
    } else if (argument instanceof Grid) {
      count += argument.items.filter((item) => typeof item === "number").length;
    } else if (typeof argument !== "string" || parsed(argument) !== undefined) count += 1;
  }
  return count;
}

function truths(args) {
  const found = [];
  for (const argument of args) {
    if (argument instanceof Area) {
      argument.each((value) => {
        if (value instanceof CellError) throw value;
        if (typeof value === "boolean" || typeof value === "number") found.push(truth(value));
      });
    } else found.push(truth(argument));
  }
  if (found.length === 0) throw ERRORS.value;
  return found;
}

export const AND = (...args) => truths(args).every(Boolean);
export const OR = (...args) => truths(args).some(Boolean);
export const NOT = (value) => !truth(value);
export const ABS = (value) => Math.abs(number(value));
export const INT = (value) => Math.floor(number(value));

export function SQRT(value) {
  const radicand = number(value);
  if (radicand < 0) throw ERRORS.num;
  return Math.sqrt(radicand);
}

export function MOD(value, divisor) {
  const [above, below] = [number(value), number(divisor)];
  if (below === 0) throw ERRORS.div;
  const rest = above % below;
  return rest !== 0 && rest < 0 !== below < 0 ? rest + below : rest;
}

export function ROUND(value, places) {
  const [size, shift] = [Math.abs(number(value)), Math.trunc(number(places))];
  const moved = (amount, by) => {
    const [mantissa, exponent = "0"] = String(amount).split("e");
    return Number(`${mantissa}e${Number(exponent) + by}`);
  };
  const rounded = moved(Math.floor(moved(size, shift) + 0.5), -shift);
  return number(value) < 0 ? -rounded : rounded;
}

// A criterion of COUNTIF and its kin: a number, a text with * and ?, or one behind =, <>, <, >.
export function criterion(given) {
  if (typeof given === "number") return (value) => value === given;
  if (typeof given === "boolean") return (value) => value === given;
  if (given === null) return (value) => value === 0;
  const [, sign, rest] = given.match(/^(<=|>=|<>|=|<|>)?(.*)$/s);
  const sought = parsed(rest);
  const word = rest.toUpperCase();
  const logical = word === "TRUE" || word === "FALSE" ? word === "TRUE" : undefined;
  let equal;
  if (sought !== undefined) equal = (value) => value === sought;
  else if (logical !== undefined) equal = (value) => value === logical;
  else if (rest === "") equal = (value) => value === null || (sign !== "=" && value === "");
  else equal = wildcard(rest);
  if (!sign || sign === "=") return equal;
  if (sign === "<>") return (value) => !equal(value);
  const bound = sought === undefined ? rest : sought;
  const test = { "<": (o) => o < 0, ">": (o) => o > 0, "<=": (o) => o <= 0, ">=": (o) => o >= 0 };
  return (value) => typeof value === typeof bound && test[sign](compare(value, bound));
}

function wildcard(pattern) {
  const source = pattern.replace(/~[*?~]|[*?]|[\\^$.|+()[\]{}]/g, (found) => {
    if (found === "*") return "[^]*";
    if (found === "?") return "[^]";
    return `\\${found.slice(-1)}`;
  });
  const regular = new RegExp(`^${source}$`, "i");
  return (value) => typeof value === "string" && regular.test(value);
}

// The functions that read cells or tell which way they went; `note` is called with the number of a
// node and the branch taken or the cells used while someone asks.
export function reading(values, note, random) {
  const C = (at) => {
    const value = values[at];
    if (value instanceof CellError) throw value;
    return value;
  };
  const A = (at, rows, columns, stride) => new Area(values, at, rows, columns, stride);
  const taken = (node, condition) => {
    const yes = truth(condition);
    note(node, yes ? 1 : 2);
    return yes;
  };

  function grid(area) {
    const items = [];
    area.each((value) => items.push(value));
    return new Grid(items, area.rows, area.columns);
  }

  // One operator over one or two arguments, element by element; an error stays where it arises.
  function each(operate, first, second) {
    const shape = first instanceof Grid ? first : second;
    if (!(shape instanceof Grid)) return operate(first, second);
    const [left, right] = [itemsOf(first, shape), itemsOf(second, shape)];
    const items = new Array(shape.items.length);
    for (let k = 0; k < items.length; k++) {
      const one = left ? left[k] : first;
      const other = right ? right[k] : second;
      if (one instanceof CellError) items[k] = one;
      else if (other instanceof CellError) items[k] = other;
      else items[k] = attempted(operate, one, other);
    }
    return new Grid(items, shape.rows, shape.columns);
  }

  function SUMPRODUCT(...args) {
    const [first] = args;
    if (!(first instanceof Grid)) return args.reduce((product, value) => finite(product * number(value)), 1);
    let sum = 0;
    for (let k = 0; k < first.items.length; k++) {
      let product = 1;
      for (const argument of args) {
        if (!(argument instanceof Grid)) throw ERRORS.value;
        if (argument.rows !== first.rows || argument.columns !== first.columns) throw ERRORS.value;
        const item = argument.items[k];
        if (item instanceof CellError) throw item;
        product *= typeof item === "number" ? item : 0;
      }
      sum += product;
    }
    return finite(sum);
  }

  // The numbers of `summed` at the places of `tested` that meet the criterion.
  function chosen(node, tested, given, summed) {
    const meets = criterion(given);
    const found = [];
    const cells = [];
    const shifted = new Area(values, summed.at, tested.rows, tested.columns, summed.stride);
    tested.each((value, k) => {
      if (value instanceof CellError || !meets(value)) return;
      const own = shifted.item(k);
      if (own instanceof CellError) throw own;
      cells.push(shifted.index(k));
      if (typeof own === "number") found.push(own);
    });
    note(node, cells);
    return found;
  }

  function AVERAGEIF(node, tested, given, summed = tested) {
    const found = chosen(node, tested, given, summed);
    if (found.length === 0) throw ERRORS.div;
    return finite(total(found) / found.length);
  }

  const SUMIF = (node, tested, given, summed = tested) => finite(total(chosen(node, tested, given, summed)));

  function COUNTIF(node, tested, given) {
    const meets = criterion(given);
    const cells = [];
    tested.each((value, k) => {
      if (!(value instanceof CellError) && meets(value)) cells.push(tested.index(k));
    });
    note(node, cells);
    return cells.length;
  }

  function IFERROR(node, attempt, instead) {
    try {
      const value = attempt();
      note(node, 0);
      return value;
    } catch (error) {
      if (!(error instanceof CellError)) throw error;
      note(node, 1);
      return instead();
    }
  }

  function CHOOSE(node, which, ...choices) {
    const place = Math.trunc(number(which));
    if (place < 1 || place > choices.length) throw ERRORS.value;
    note(node, place);
    return choices[place - 1]();
  }

  function INDEX(node, area, first, second) {
    let [row, column] = [Math.trunc(number(first)), Math.trunc(number(second ?? 1))];
    if (second === undefined && area.rows === 1) [row, column] = [1, row];
    if (row < 1 || column < 1) throw ERRORS.value;
    if (row > area.rows || column > area.columns) throw ERRORS.ref;
    const at = area.index((row - 1) * area.columns + column - 1);
    note(node, [at]);
    return C(at);
  }

  function MATCH(sought, area, kind = 1) {
    const way = Math.sign(number(kind));
    const meets = typeof sought === "string" && way === 0 ? wildcard(sought) : null;
    let last = 0;
    for (let k = 0; k < area.length; k++) {
      const value = area.item(k);
      if (value === null || value instanceof CellError) continue;
      if (way === 0) {
        if (meets ? meets(value) : typeof value === typeof sought && value === sought) return k + 1;
      } else if (typeof value === typeof sought && compare(value, sought) * way <= 0) last = k + 1;
      else if (typeof value === typeof sought) break;
    }
    if (last === 0) throw ERRORS.na;
    return last;
  }

  function RANDBETWEEN(low, high) {
    const [least, most] = [Math.ceil(number(low)), Math.floor(number(high))];
    if (least > most) throw ERRORS.num;
    return least + Math.floor(random() * (most - least + 1));
  }

  return {
    C,
    A,
    taken,
    grid,
    each,
    SUMPRODUCT,
    AVERAGEIF,
    SUMIF,
    COUNTIF,
    IFERROR,
    CHOOSE,
    INDEX,
    MATCH,
    RANDBETWEEN,
  };
}
