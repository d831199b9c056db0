// What a cell may hold, and what operators make of it, as in Excel: a number, a text, true or
// false, null for a blank, or an error. Errors are thrown while a formula is computed.

import { general } from "./format.js";

export class CellError {
  constructor(code) {
    this.code = code;
  }

  toString() {
    return this.code;
  }
}

export const ERRORS = Object.freeze({
  div: new CellError("#DIV/0!"),
  value: new CellError("#VALUE!"),
  num: new CellError("#NUM!"),
  na: new CellError("#N/A"),
  ref: new CellError("#REF!"),
});

const NUMERAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*%?\s*$/i;

// The number that a text reads as, or undefined.
export function parsed(text) {
  if (!NUMERAL.test(text)) return undefined;
  const trimmed = text.trim();
  const found = trimmed.endsWith("%") ? Number(trimmed.slice(0, -1)) / 100 : Number(trimmed);
  return Number.isFinite(found) ? found : undefined;
}

export function number(value) {
  if (typeof value === "number") return value;
  if (value === null) return 0;
  if (typeof value === "boolean") return value ? 1 : 0;
  const found = parsed(value);
  if (found === undefined) throw ERRORS.value;
  return found;
}

export function truth(value) {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  if (value === null) return false;
  const word = value.toUpperCase();
  if (word === "TRUE" || word === "FALSE") return word === "TRUE";
  throw ERRORS.value;
}

export function text(value) {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  if (value instanceof CellError) return value.code;
  return general(value);
}

export function finite(result) {
  if (Number.isFinite(result)) return result;
  throw ERRORS.num;
}

export const add = (a, b) => finite(number(a) + number(b));
export const sub = (a, b) => finite(number(a) - number(b));
export const mul = (a, b) => finite(number(a) * number(b));
export const neg = (a) => -number(a);
export const same = (a) => a;
export const percent = (a) => number(a) / 100;
export const cat = (a, b) => text(a) + text(b);

export function div(a, b) {
  const above = number(a);
  const below = number(b);
  if (below === 0) throw ERRORS.div;
  return finite(above / below);
}

export function pow(a, b) {
  const base = number(a);
  const exponent = number(b);
  if (base === 0 && exponent === 0) throw ERRORS.num;
  if (base === 0 && exponent < 0) throw ERRORS.div;
  if (exponent === 2) return finite(base * base);
  return finite(base ** exponent);
}

// Numbers come before texts, texts before false and true; case does not count, and a blank is the
// other side's zero.
const rank = (value) => (typeof value === "number" ? 0 : typeof value === "string" ? 1 : 2);
const ZEROS = [0, "", false];

export function compare(a, b) {
  const left = a === null ? (b === null ? 0 : ZEROS[rank(b)]) : a;
  const right = b === null ? ZEROS[rank(left)] : b;
  const order = rank(left) - rank(right);
  if (order !== 0) return order;
  if (typeof left === "string") {
    const [one, other] = [left.toLowerCase(), right.toLowerCase()];
    return one < other ? -1 : one > other ? 1 : 0;
  }
  return left < right ? -1 : left > right ? 1 : 0;
}

export const eq = (a, b) => compare(a, b) === 0;
export const ne = (a, b) => compare(a, b) !== 0;
export const lt = (a, b) => compare(a, b) < 0;
export const gt = (a, b) => compare(a, b) > 0;
export const le = (a, b) => compare(a, b) <= 0;
export const ge = (a, b) => compare(a, b) >= 0;
