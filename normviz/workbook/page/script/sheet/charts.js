// Charts of the sheet's own cells as pictures of lines, drawn again where their cells change.

import { make } from "../dom.js";
import { general } from "../engine/format.js";
import { axis, marked } from "./axis.js";
import { label, Picture, shape } from "./picture.js";

const EDGE = { top: 34, right: 16, bottom: 44, left: 58 };
const DASHES = { solid: "", dash: "6 4", dots: "2 3", "dash-dot": "7 3 2 3" };
const LETTER = 6.2;

export class Charts {
  constructor(book, grid) {
    this.book = book;
    this.charts = grid.sheet.charts.map((chart) => {
      const cells = new Set(chart.lines.flatMap(({ up, across }) => [...cellsOf(up), ...cellsOf(across)]));
      const picture = new Picture();
      grid.hang(chart.row, chart.column, make("figure", { class: "chart hung" }, picture.element));
      return { chart, cells, picture };
    });
    this.draw();
  }

  update(changed) {
    for (const one of this.charts) if (changed.some((at) => one.cells.has(at))) this.#draw(one);
  }

  draw() {
    for (const one of this.charts) this.#draw(one);
  }

  #series({ lines, kind, up: upward, across: sideward }) {
    const { values } = this.book.engine;
    return lines.map((line) => {
      const up = cellsOf(line.up).map((at) => values[at]);
      const across = line.across ? cellsOf(line.across).map((at) => values[at]) : up.map((_, k) => k);
      const points = up
        .map((y, k) => [kind === "line" ? k : across[k], y])
        .filter(([x, y]) => typeof x === "number" && typeof y === "number" && (!upward.log || y > 0))
        .filter(([x, y]) => x >= (sideward.low ?? x) && y >= (upward.low ?? y));
      return { ...line, points, names: across };
    });
  }

  #draw({ chart, picture }) {
    const { width, height } = chart;
    const series = this.#series(chart);
    const keys = legendOf(chart, series);
    const box = {
      left: EDGE.left,
      top: EDGE.top,
      right: width - EDGE.right - keys.beside,
      bottom: height - EDGE.bottom - keys.below,
    };
    const [wide, high] = [box.right - box.left, box.bottom - box.top];
    const all = series.flatMap(({ points }) => points);
    const xs = all.map(([x]) => x);
    const ys = all.map(([, y]) => y);
    const across = axis(chart.across, xs, wide / 24, chart.kind === "line");
    const up = axis(chart.up, ys, high / 22, false);
    const x = (value) => box.left + across.part(value) * wide;
    const y = (value) => box.bottom - up.part(value) * high;
    const shapes = [
      label(chart.title, width / 2, 20, "title"),
      ...axes(chart, series, box, across, up, x, y),
      ...series.flatMap((line) => stroked(line, x, y)),
      ...keys.shapes(box),
    ];
    const words = described(chart, series);
    picture.draw({ width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words }, shapes);
  }
}

function axes(chart, series, box, across, up, x, y) {
  const made = [];
  for (const value of up.marks) {
    made.push(shape("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
    made.push(label(marked(value, chart.up), box.left - 7, y(value) + 4, "mark end"));
  }
  const names = series[0]?.names ?? [];
  for (const value of across.marks) {
    const words = chart.kind === "line" ? spoken(names[value]) : marked(value, chart.across);
    made.push(label(words, x(value), box.bottom + 17, "mark"));
  }
  const turned = `translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)`;
  made.push(
    shape("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
    label(chart.across.title, (box.left + box.right) / 2, box.bottom + 36, "name"),
    label(chart.up.title, 0, 0, "name", { transform: turned }),
  );
  return made;
}

// A chart in words, for who does not see it.
function described(chart, series) {
  const last = series
    .filter(({ points }) => points.length)
    .map(({ name, points }) => `${name} ends at ${general(Number(points.at(-1)[1].toPrecision(3)))}`);
  return `Chart: ${chart.title}. ${last.join(", ")}.`;
}

// Where the names of the series stand, and how much room they take beside or below.
function legendOf(chart, series) {
  const named = series.filter(({ name }, k) => series.findIndex((one) => one.name === name) === k);
  if (named.length < 2 || !chart.legend) return { beside: 0, below: 0, shapes: () => [] };
  const wide = ({ name }) => 40 + LETTER * name.length;
  const widest = Math.max(...named.map(wide));
  if (chart.legend === "right" && widest < chart.width / 2.6) {
    const place = (k, box) => [box.right + 12, box.top + 8 + 18 * k];
    return { beside: widest + 4, below: 0, shapes: (box) => named.flatMap((line, k) => key(line, ...place(k, box))) };
  }
  const places = [];
  let [left, row] = [16, 0];
  for (const line of named) {
    if (left > 16 && left + wide(line) > chart.width) [left, row] = [16, row + 1];
    places.push([left, row]);
    left += wide(line);
  }
  const shapes = (box) => named.flatMap((line, k) => key(line, places[k][0], box.bottom + 52 + 16 * places[k][1]));
  return { beside: 0, below: 8 + 16 * (row + 1), shapes };
}

// A name and a piece of its line, or its dot.
function key(line, left, top) {
  const as = (value) => value;
  const ends = [
    [left, top],
    [left + 20, top],
  ];
  const piece = line.drawn ? { ...line, points: ends, marks: "" } : { ...line, points: [[left + 10, top]] };
  const drawn = stroked(piece, as, as).map((one) => ({ ...one, attributes: { ...one.attributes, class: "key" } }));
  return [...drawn, label(line.name, left + 26, top + 4, "mark start")];
}

// A series as a line, dots or level bars, or both.
function stroked(line, x, y) {
  const ink = `light-dark(#${line.color[0]},#${line.color[1]})`;
  const made = [];
  if (line.drawn) {
    const d = line.points.map(([px, py], at) => `${at ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    const stroke = { "stroke-width": line.weight * 1.3, "stroke-dasharray": DASHES[line.dash] ?? "" };
    made.push(shape("path", { class: "line", d, ...stroke }, { stroke: ink }));
  }
  if (line.marks === "bar") {
    const d = line.points.map(([px, py]) => `M${(x(px) - 7).toFixed(1)} ${y(py).toFixed(1)}h14`).join("");
    made.push(shape("path", { d, "stroke-width": 3 }, { stroke: ink }));
  } else if (line.marks || !line.drawn) {
    // All dots are one path, each a line of no length with round ends: the browser draws it at once.
    const d = line.points.map(([px, py]) => `M${x(px).toFixed(1)} ${y(py).toFixed(1)}h0`).join("");
    made.push(shape("path", { class: "dots", d, "stroke-width": 6.8 }, { stroke: ink }));
  }
  return made;
}

function cellsOf(place) {
  if (!place) return [];
  const [first, rows, columns, stride] = place;
  const found = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) found.push(first + row * stride + column);
  }
  return found;
}

const spoken = (value) => (typeof value === "number" ? general(value) : (value ?? ""));
