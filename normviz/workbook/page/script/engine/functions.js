// The functions of the lint's safe list, with Excel's meaning. Where an area is an argument, texts,
// blanks and truth values in it are passed over; an expression is a value and must be a number.
// Sums run plainly from left to right; VARP and DEVSQ take the mean first.

import { CellError, ERRORS, finite, number, parsed, truth } from "./values.js";

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
export class Grid {
  constructor(items, rows, columns) {
    this.items = items;
    this.rows = rows;
    this.columns = columns;
  }
}

// The items of a grid, which must have the shape of another; null for a single value.
export function itemsOf(argument, { rows, columns }) {
  if (!(argument instanceof Grid)) return null;
  if (argument.rows !== rows || argument.columns !== columns) throw ERRORS.value;
  return argument.items;
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

export const total = (items) => {
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
