// The functions of a sheet over areas and values, as Excel means them.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as functions from "../../../../normviz/workbook/page/script/engine/functions.js";
import { criterion, reading } from "../../../../normviz/workbook/page/script/engine/reading.js";
import { add, ERRORS, eq, mul, sub } from "../../../../normviz/workbook/page/script/engine/values.js";

const { Area, AND, AVERAGE, COUNT, DEVSQ, INT, MAX, MIN, MOD, NOT, OR, ROUND, SQRT, SUM, SUMSQ, VARP } = functions;

const area = (...items) => new Area(items, 0, 1, items.length, items.length);
const mixed = area(1, "2", true, null, 4);
const none = area("a", null, true);

const cases = [
  ["SUM passes over texts and truth values of an area", () => SUM(mixed), 5],
  ["SUM takes a truth value that is an expression", () => SUM(true, 2), 3],
  ["SUM takes a text that is an expression", () => SUM("3", 2), 5],
  ["SUM runs from left to right", () => SUM(1e-300, 1, 1e-300, -1, 1e-300), 1e-300],
  ["AVERAGE counts the numbers only", () => AVERAGE(mixed), 2.5],
  ["COUNT counts the numbers of an area", () => COUNT(mixed), 2],
  ["COUNT counts expressions that read as numbers", () => COUNT("3", "x", true), 2],
  ["COUNT passes over errors", () => COUNT(area(ERRORS.div, 1)), 1],
  ["MIN of nothing is zero", () => MIN(none), 0],
  ["MAX of nothing is zero", () => MAX(none), 0],
  ["MIN and MAX over areas and values", () => MAX(area(-3, -1), MIN(area(-3, -1), -7)), -1],
  ["SUMSQ sums squares", () => SUMSQ(area(3, 4)), 25],
  ["VARP takes the mean first", () => VARP(area(1e9, 1e9 + 2)), 1],
  ["DEVSQ sums squared deviations", () => DEVSQ(area(1, 3, 5)), 8],
  ["AND passes over texts", () => AND(area("x", true, 1)), true],
  ["OR of numbers", () => OR(0, 2), true],
  ["NOT of a blank", () => NOT(null), true],
  ["INT goes down", () => INT(-1.5), -2],
  ["MOD has the divisor's sign", () => [MOD(-7, 3), MOD(7, -3), MOD(6, 3)].join(), "2,-2,0"],
  ["ROUND takes halves away from zero", () => [ROUND(2.5, 0), ROUND(-2.5, 0), ROUND(1.005, 2)].join(), "3,-3,1.01"],
  ["ROUND to tens", () => ROUND(1250, -2), 1300],
  ["ROUND of a small number", () => ROUND(1.5e-7, 7), 2e-7],
];

for (const [name, compute, wanted] of cases) test(name, () => assert.equal(compute(), wanted));

const refused = [
  ["AVERAGE of nothing", () => AVERAGE(none), ERRORS.div],
  ["VARP of nothing", () => VARP(none), ERRORS.div],
  ["DEVSQ of nothing", () => DEVSQ(none), ERRORS.num],
  ["SUM over an error", () => SUM(area(1, ERRORS.na)), ERRORS.na],
  ["SUM of a word", () => SUM("x"), ERRORS.value],
  ["AND of texts only", () => AND(area("x")), ERRORS.value],
  ["MOD by zero", () => MOD(1, 0), ERRORS.div],
  ["SQRT of a negative number", () => SQRT(-1), ERRORS.num],
  ["a sum too large", () => SUM(1e308, 1e308), ERRORS.num],
];

for (const [name, compute, error] of refused) {
  test(`${name} is ${error.code}`, () => assert.throws(compute, (thrown) => thrown === error));
}

const matches = [
  [3, [3], [2, "3", null]],
  ["3", [3], ["x"]],
  ["All*", ["All 9 pass", "all"], ["not all"]],
  ["?b", ["ab"], ["abb", "b"]],
  ["~*", ["*"], ["x"]],
  [">=2", [2, 3], [1, "5", null]],
  ["<>0", [1, "x"], [0]],
  ["", ["", null], [0, "x"]],
  [null, [0], [null, ""]],
  [true, [true], [1, "TRUE"]],
];

for (const [given, meets, fails] of matches) {
  test(`the criterion ${JSON.stringify(given)}`, () => {
    const holds = criterion(given);
    assert.deepEqual(
      meets.map(holds),
      meets.map(() => true),
    );
    assert.deepEqual(
      fails.map(holds),
      fails.map(() => false),
    );
  });
}

// Six cells in two rows: labels 1 1 2, numbers 10 20 30.
const cells = [1, 1, 2, 10, 20, 30];
const notes = new Map();
const sheet = reading(
  cells,
  (node, what) => notes.set(node, what),
  () => 0.999,
);
const shippedOtherwise = reading(
  cells,
  () => {},
  () => 0,
  () => [0, 0, 0, 1, 2, 3],
);
const labels = new Area(cells, 0, 1, 3, 3);
const numbers = new Area(cells, 3, 1, 3, 3);

const looked = [
  ["AVERAGEIF takes the cells of one label", () => sheet.AVERAGEIF(0, labels, 1, numbers), 15],
  ["SUMIF takes the cells of one label", () => sheet.SUMIF(0, labels, 2, numbers), 30],
  ["SUMIF of a label nobody has is zero", () => sheet.SUMIF(0, labels, 9, numbers), 0],
  ["COUNTIF counts", () => sheet.COUNTIF(0, labels, 1), 2],
  ["INDEX counts from one", () => sheet.INDEX(0, numbers, 2), 20],
  ["MATCH finds the first", () => sheet.MATCH(20, numbers, 0), 2],
  ["MATCH finds the last that is not larger", () => sheet.MATCH(25, numbers, 1), 2],
  ["SUMPRODUCT multiplies place by place", () => sheet.SUMPRODUCT(sheet.grid(labels), sheet.grid(numbers)), 90],
  ["SUMPRODUCT of a comparison counts nothing", () => sheet.SUMPRODUCT(sheet.each(eq, sheet.grid(labels), 1)), 0],
  [
    "operators inside SUMPRODUCT work place by place",
    () => sheet.SUMPRODUCT(sheet.each(mul, sheet.each(eq, sheet.grid(labels), 1), sheet.grid(numbers))),
    30,
  ],
  [
    "SHIPPED is what an area was, whatever it is now",
    () => sheet.SUMPRODUCT(sheet.each(sub, sheet.grid(numbers), shippedOtherwise.shipped(numbers))),
    54,
  ],
  ["the largest difference", () => sheet.SUMPRODUCT(MAX(sheet.each(sub, sheet.grid(numbers), sheet.grid(labels)))), 28],
  [
    "IFERROR takes the other way",
    () =>
      sheet.IFERROR(
        0,
        () => add("x", 1),
        () => 7,
      ),
    7,
  ],
  [
    "CHOOSE evaluates its choice alone",
    () =>
      sheet.CHOOSE(
        0,
        2,
        () => add("x", 1),
        () => 5,
      ),
    5,
  ],
  ["RANDBETWEEN includes its upper end", () => sheet.RANDBETWEEN(-4, 4), 4],
];

for (const [name, compute, wanted] of looked) test(name, () => assert.equal(compute(), wanted));

test("whoever asks is told which cells a criterion chose", () => {
  sheet.SUMIF(5, labels, 1, numbers);
  assert.deepEqual(notes.get(5), [3, 4]);
});

test("whoever asks is told which branch was taken", () => {
  assert.equal(sheet.taken(6, 0), false);
  assert.equal(notes.get(6), 2);
});
