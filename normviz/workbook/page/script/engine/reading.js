// The functions that read cells by their place: areas for SUMPRODUCT, the choice by a criterion, the
// look-ups; and those that go one of several ways.

import { Area, Grid, itemsOf, total } from "./functions.js";
import { CellError, compare, ERRORS, finite, number, parsed, truth } from "./values.js";

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

function attempted(operate, one, other) {
  try {
    return operate(one, other);
  } catch (error) {
    if (error instanceof CellError) return error;
    throw error;
  }
}

// The functions that read cells or tell which way they went; `note` is called with the number of a
// node and the branch taken or the cells used while someone asks.
export function reading(values, note, random, initial = () => values) {
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

  // An area as it was shipped: its values now, until there are others.
  function shipped({ at, rows, columns, stride }) {
    return grid(new Area(initial(), at, rows, columns, stride));
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
    shipped,
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
