// What a reader types and drags.

import assert from "node:assert/strict";
import { test } from "node:test";

import { typed } from "../../../../normviz/workbook/page/script/reader/edit.js";
import { stepOf, stepped } from "../../../../normviz/workbook/page/script/reader/scrub.js";
import { asked } from "../../../../normviz/workbook/page/script/reader/search.js";

const words = [
  ["2.5", { value: 2.5 }],
  [" -1e-3 ", { value: -0.001 }],
  ["5%", { value: 0.05 }],
  ["", { value: null }],
  ["true", { value: true }],
  ["a name", { value: "a name" }],
];

for (const [text, wanted] of words) {
  test(`typed "${text}" is ${JSON.stringify(wanted.value)}`, () => assert.deepEqual(typed(text), wanted));
}

for (const text of ["=1+1", "0,5"]) {
  test(`typed "${text}" is refused with a sentence`, () => assert.match(typed(text).refusal, /\.$/));
}

const steps = [
  [0, 0.1],
  [3, 0.1],
  [0.6, 0.01],
  [1e-5, 1e-6],
  [250, 10],
];

for (const [value, step] of steps) {
  test(`${value} moves in steps of ${step}`, () => assert.ok(Math.abs(stepOf(value) - step) < step * 1e-9));
}

test("steps leave no dust of binary fractions", () => {
  assert.equal(stepped(0.1, 2, 0.1), 0.3);
  assert.equal(stepped(1, -10, 0.1), 0);
});

const sought = [
  ["0.059", 0.05931, true],
  ["0.059", -0.05931, false],
  ["-0.059", -0.05931, true],
  ["−.06", -0.05931, true],
  ["0.059", 0.0596, false],
  ["3", 3, true],
  ["3", 3.2, false],
];

for (const [words, value, isFound] of sought) {
  test(`a search for ${words} ${isFound ? "finds" : "passes over"} ${value}`, () =>
    assert.equal(asked(words)(value), isFound));
}

for (const words of ["momentum", "0.1 torch", "-", "."]) {
  test(`"${words}" asks for no number`, () => assert.equal(asked(words.replaceAll(" ", "")), null));
}
