// The axes of charts: where they begin and end, and which marks they bear.

import { formatted, general } from "../engine/format.js";

const MOST_MARKS = 13;

// Ends and marks of an axis, and which part of it lies below a value: as given, in powers of ten,
// counted, or round numbers around what there is; no more marks than there is room for. Where it is
// told its low end, it begins there, with a mark every step as long as they fit.
export function axis({ scale, log, low: begins, step: every }, values, room, isCounted) {
  if (log) return powers(values.filter((value) => value > 0));
  let [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  let step;
  if (scale) [low, high, step] = scale;
  else if (begins !== undefined) {
    [low, high] = [begins, Math.max(high, begins + every) + every];
    step = every * Math.ceil((high - low) / every / MOST_MARKS);
  } else if (isCounted) step = Math.max(1, Math.ceil((high - low + 1) / Math.min(room, MOST_MARKS)));
  else {
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const rough = (high - low) / Math.max(1, Math.min(room, 6));
    const size = 10 ** Math.floor(Math.log10(rough));
    step = size * ([1, 2, 5].find((one) => one * size >= rough) ?? 10);
    if (step < 1 && values.every(Number.isInteger)) step = 1;
    low = Math.floor(low / step) * step;
    high = Math.ceil(high / step) * step;
  }
  const marks = [];
  for (let k = 0; low + k * step <= high + step * 1e-6 && k < 100; k++)
    marks.push(Number((low + k * step).toPrecision(12)));
  return { low, high, marks, part: (value) => (value - low) / (high - low || 1) };
}

function powers(values) {
  const low = Math.floor(Math.log10(values.length ? Math.min(...values) : 1));
  const high = Math.max(low + 1, Math.ceil(Math.log10(values.length ? Math.max(...values) : 10)));
  const step = Math.ceil((high - low) / 8);
  const marks = [];
  for (let power = low; power <= high; power += step) marks.push(10 ** power);
  return { low: 10 ** low, high: 10 ** high, marks, part: (value) => (Math.log10(value) - low) / (high - low) };
}

// A mark's words.
export function marked(value, { scale, log }) {
  if (scale) return formatted(value, scale[3]);
  return log && (value < 0.001 || value >= 1e5) ? formatted(value, "0E+00") : general(value);
}
