// Numbers as a sheet shows them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatted, general, narrow, worded } from "../../../../normviz/workbook/page/script/engine/format.js";

const cases = [
  [1.0005, "0.000", "1.001"],
  [-1.0005, "0.000", "-1.001"],
  [0, "0.000", "0.000"],
  [-0.0004, "0.000", "0.000"],
  [-0.0004, "0.000;-0.000;0", "-0.000"],
  [2.5, "0", "3"],
  [0.125, "0.00", "0.13"],
  [1.005, "0.00", "1.01"],
  [-0.001, "0.00", "0.00"],
  [999.9996, "0.000", "1000.000"],
  [1.1e-16, "0.0E+00;-0.0E+00;0", "1.1E-16"],
  [9.96e-5, "0.0E+00", "1.0E-04"],
  [-12345, "0.0E+00;-0.0E+00;0", "-1.2E+04"],
  [1234567.4, "#,##0", "1,234,567"],
  [0.656, "0.0%", "65.6%"],
  [3, "0.0##", "3.0"],
  [3.25, "0.0##", "3.25"],
  [1e21, "0", "1000000000000000000000"],
  [22.54, '"✗ "0.0;"✗ "-0.0;"✗ "0;"✗ "@', "✗ 22.5"],
  [-22.54, '"✗ "0.0;"✗ "-0.0;"✗ "0;"✗ "@', "✗ -22.5"],
  [0, '"✗ "0.0;"✗ "-0.0;"✗ "0;"✗ "@', "✗ 0"],
  [1, '"("General")";"("-General")";"("General")";"("@")"', "(1)"],
  [-0.25, '"("General")";"("-General")";"("General")";"("@")"', "(-0.25)"],
];

for (const [value, format, wanted] of cases) {
  test(`${value} in ${format} is ${wanted}`, () => assert.equal(formatted(value, format), wanted));
}

test("a text in a format", () => {
  assert.equal(worded("overflow", '"✗ "0.0;"✗ "-0.0;"✗ "0;"✗ "@'), "✗ overflow");
  assert.equal(worded("overflow", "0.0;-0.0;0"), "overflow");
});

const generals = [
  [0.1 + 0.2, "0.3"],
  [1e-5, "0.00001"],
  [1e-10, "1E-10"],
  [123456789012345680, "123456789012346000"],
  [1e20, "1E+20"],
  [-0.5, "-0.5"],
  [-0, "0"],
];

for (const [value, wanted] of generals) {
  test(`${value} in general is ${wanted}`, () => assert.equal(general(value), wanted));
}

test("a narrow cell shows as many digits as it has room for", () => {
  assert.equal(narrow(1 / 3, 7.5), "0.333333");
  assert.equal(narrow(123456.789, 7.5), "123456.8");
  assert.equal(narrow(1e-7 / 3, 8), "3.33E-08");
  assert.equal(narrow(8.3e-5, 5.8), "8E-05");
  assert.equal(narrow(0.000245, 5.8), "0.0002");
  assert.equal(narrow(1.2e-7, 7.6), "1.2E-07");
});
