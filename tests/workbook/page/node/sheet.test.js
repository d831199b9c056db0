// What a sheet draws: axes, outlines put together, and the rows that wait to be written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { axis } from "../../../../normviz/workbook/page/script/sheet/axis.js";
import { runs } from "../../../../normviz/workbook/page/script/sheet/marks.js";
import { Stale } from "../../../../normviz/workbook/page/script/sheet/stale.js";

const sheet = { base: 100, rows: 5, columns: 10 };

test("an axis has round marks around its numbers", () => {
  assert.deepEqual(axis({}, [0.13, 0.94], 6, false).marks, [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(axis({}, [-3, 4], 6, false).marks, [-4, -2, 0, 2, 4]);
});

test("an axis of equal numbers has them in its middle", () => {
  assert.equal(axis({}, [2, 2], 6, false).part(2), 0.5);
});

test("an axis in powers of ten reaches over its numbers", () => {
  const { marks, part } = axis({ log: true }, [0.004, 30], 6, false);
  assert.deepEqual(marks, [0.001, 0.01, 0.1, 1, 10, 100]);
  assert.ok(Math.abs(part(1) - 0.6) < 1e-12);
});

test("an axis with a scale keeps it", () => {
  assert.deepEqual(axis({ scale: [0, 1, 0.5, "0.0"] }, [7], 6, false).marks, [0, 0.5, 1]);
});

test("cells below each other are outlined as one rectangle", () => {
  assert.deepEqual(runs(sheet, [101, 102, 111, 112]), [{ first: 101, last: 112 }]);
  assert.deepEqual(runs(sheet, [101, 103]).length, 2);
  assert.deepEqual(runs(sheet, [7]), []);
});

test("only the rows in sight are written, and merged cells that reach into them", () => {
  const stale = new Stale(sheet, new Map([[100, [3, 1]]]));
  for (const at of [100, 105, 125, 145]) stale.add(at);
  stale.add(125);
  assert.equal(stale.size, 4);
  assert.deepEqual([...stale.between(3, 4)], [100, 105, 125]);
  for (const at of stale.between(1, 5)) stale.delete(at);
  assert.equal(stale.size, 0);
});
