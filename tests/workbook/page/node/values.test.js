// What operators make of values, case by case as Excel does.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as values from "../../../../normviz/workbook/page/script/engine/values.js";

const { add, cat, compare, div, ERRORS, eq, ge, lt, mul, neg, number, pow, text, truth } = values;

const cases = [
  ["a blank counts as zero", () => add(null, 2), 2],
  ["a truth value counts as one", () => add(true, 2), 3],
  ["a text that reads as a number is one", () => mul(" 1.5e1 ", "2"), 30],
  ["a percentage reads as a number", () => number("12%"), 0.12],
  ["minus a blank is zero", () => add(neg(null), 0), 0],
  ["a square is exact", () => pow(0.1, 2), 0.1 * 0.1],
  ["a text and a number are joined", () => cat("n = ", 3), "n = 3"],
  ["a joined number has fifteen digits", () => cat(1 / 3, ""), "0.333333333333333"],
  ["a joined truth value is in capitals", () => cat(true, null), "TRUE"],
  ["texts are compared without case", () => eq("PASS", "pass"), true],
  ["a number comes before a text", () => lt(1e300, "0"), true],
  ["a text comes before a truth value", () => lt("zzz", false), true],
  ["a blank equals zero", () => eq(null, 0), true],
  ["a blank equals an empty text", () => eq("", null), true],
  ["a blank equals false", () => eq(null, false), true],
  ["two blanks are equal", () => compare(null, null), 0],
  ["a blank is not below itself", () => ge(null, null), true],
  ["the word TRUE is true", () => truth("true"), true],
  ["a blank is false", () => truth(null), false],
  ["an error is its code", () => text(ERRORS.div), "#DIV/0!"],
];

for (const [name, compute, wanted] of cases) test(name, () => assert.equal(compute(), wanted));

const refused = [
  ["a division by zero", () => div(1, 0), ERRORS.div],
  ["a division by a blank", () => div(1, null), ERRORS.div],
  ["zero to the power zero", () => pow(0, 0), ERRORS.num],
  ["zero to a negative power", () => pow(0, -1), ERRORS.div],
  ["the root of a negative number as a power", () => pow(-8, 0.5), ERRORS.num],
  ["a result too large", () => mul(1e200, 1e200), ERRORS.num],
  ["a text that is no number", () => add("x", 1), ERRORS.value],
  ["an empty text as a number", () => add("", 1), ERRORS.value],
  ["a word as a truth value", () => truth("yes"), ERRORS.value],
];

for (const [name, compute, error] of refused) {
  test(`${name} is ${error.code}`, () => assert.throws(compute, (thrown) => thrown === error));
}
