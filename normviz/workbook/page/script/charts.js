// Charts of the sheet's own cells as pictures of lines, drawn anew where their cells change.

import { draw, make, within } from "./dom.js";
import { formatted, general } from "./format.js";

const EDGE = { top: 34, right: 16, bottom: 44, left: 58 };
const DASHES = { solid: "", dash: "6 4", dots: "2 3", "dash-dot": "7 3 2 3" };
const LETTER = 6.2;

export class Charts {
  constructor(book, sheet) {
    this.book = book;
    this.charts = sheet.charts.map((chart) => ({ chart, element: make("figure", { class: "chart" }) }));
    this.draw();
  }

  // Put each chart where its cell is.
  place(layer, grid) {
    for (const { chart, element } of this.charts) {
      const line = grid.element.rows[chart.row - 1];
      const left = grid.sheet.widths.slice(0, chart.column - 1).reduce((sum, width) => sum + width, 0);
      element.style.left = `${left}px`;
      element.style.top = `${line ? within(layer, line, grid.zoom).top : 0}px`;
      layer.append(element);
    }
  }

  update(changed) {
    const cells = new Set(changed);
    const touches = (place) => place && cellsOf(place).some((at) => cells.has(at));
    for (const one of this.charts) {
      if (one.chart.lines.some(({ up, across }) => touches(up) || touches(across))) this.#draw(one);
    }
  }

  draw() {
    for (const one of this.charts) this.#draw(one);
  }

  #series({ lines, kind, up: up_, across: across_ }) {
    const { values } = this.book.engine;
    return lines.map((line) => {
      const up = cellsOf(line.up).map((at) => values[at]);
      const across = line.across ? cellsOf(line.across).map((at) => values[at]) : up.map((_, k) => k);
      const points = up
        .map((y, k) => [kind === "line" ? k : across[k], y])
        .filter(([x, y]) => typeof x === "number" && typeof y === "number" && (!up_.log || y > 0))
        .filter(([x, y]) => x >= (across_.low ?? x) && y >= (up_.low ?? y));
      return { ...line, points, names: across };
    });
  }

  #draw({ chart, element }) {
    const { width, height } = chart;
    const series = this.#series(chart);
    const keys = legendOf(chart, series);
    const box = {
      left: EDGE.left,
      top: EDGE.top,
      right: width - EDGE.right - keys.beside,
      bottom: height - EDGE.bottom - keys.below,
    };
    const all = series.flatMap(({ points }) => points);
    const across = axis(
      chart.across,
      all.map(([x]) => x),
      (box.right - box.left) / 24,
      chart.kind === "line",
    );
    const up = axis(
      chart.up,
      all.map(([, y]) => y),
      (box.bottom - box.top) / 22,
      false,
    );
    const x = (value) => box.left + across.part(value) * (box.right - box.left);
    const y = (value) => box.bottom - up.part(value) * (box.bottom - box.top);
    const name = this.#words(chart, series);
    const picture = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name });
    picture.append(write(chart.title, width / 2, 20, "title"));
    this.#axes(picture, chart, series, box, across, up, x, y);
    for (const line of series) picture.append(...stroked(line, x, y));
    picture.append(...keys.drawn(box));
    element.replaceChildren(picture);
  }

  #axes(picture, chart, series, box, across, up, x, y) {
    for (const value of up.marks) {
      picture.append(draw("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
      picture.append(write(marked(value, chart.up), box.left - 7, y(value) + 4, "mark end"));
    }
    const names = series[0]?.names ?? [];
    for (const value of across.marks) {
      const words = chart.kind === "line" ? spoken(names[value]) : marked(value, chart.across);
      picture.append(write(words, x(value), box.bottom + 17, "mark"));
    }
    picture.append(draw("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    picture.append(write(chart.across.title, (box.left + box.right) / 2, box.bottom + 36, "name"));
    const side = write(chart.up.title, 0, 0, "name");
    side.setAttribute("transform", `translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)`);
    picture.append(side);
  }

  #words(chart, series) {
    const last = series
      .filter(({ points }) => points.length)
      .map(({ name, points }) => `${name} ends at ${general(Number(points.at(-1)[1].toPrecision(3)))}`);
    return `Chart: ${chart.title}. ${last.join(", ")}.`;
  }
}

// Where the names of the series stand, and how much room they take beside or below.
function legendOf(chart, series) {
  const named = series.filter(({ name }, k) => series.findIndex((one) => one.name === name) === k);
  if (named.length < 2 || !chart.legend) return { beside: 0, below: 0, drawn: () => [] };
  const wide = ({ name }) => 40 + LETTER * name.length;
  const widest = Math.max(...named.map(wide));
  if (chart.legend === "right" && widest < chart.width / 2.6) {
    const place = (k, box) => [box.right + 12, box.top + 8 + 18 * k];
    return { beside: widest + 4, below: 0, drawn: (box) => named.flatMap((line, k) => key(line, ...place(k, box))) };
  }
  const places = [];
  let [left, row] = [16, 0];
  for (const line of named) {
    if (left > 16 && left + wide(line) > chart.width) [left, row] = [16, row + 1];
    places.push([left, row]);
    left += wide(line);
  }
  const drawn = (box) => named.flatMap((line, k) => key(line, places[k][0], box.bottom + 52 + 16 * places[k][1]));
  return { beside: 0, below: 8 + 16 * (row + 1), drawn };
}

// A name and a piece of its line, or its dot.
function key(line, left, top) {
  const [x, y] = [(value) => value, (value) => value];
  const piece = {
    ...line,
    points: line.drawn
      ? [
          [left, top],
          [left + 20, top],
        ]
      : [[left + 10, top]],
    marks: !line.drawn,
  };
  const drawn = stroked(piece, x, y);
  for (const element of drawn) element.setAttribute("class", "key");
  return [...drawn, write(line.name, left + 26, top + 4, "mark start")];
}

const inkOf = (line) => `light-dark(#${line.color[0]},#${line.color[1]})`;

// A series as a line, dots, or both.
function stroked(line, x, y) {
  const made = [];
  if (line.drawn) {
    const path = line.points.map(([px, py], at) => `${at ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    const drawn = draw("path", {
      class: "line",
      d: path,
      "stroke-width": line.weight * 1.3,
      "stroke-dasharray": DASHES[line.dash] ?? "",
    });
    drawn.style.stroke = inkOf(line);
    made.push(drawn);
  }
  if (line.marks || !line.drawn) {
    for (const [px, py] of line.points) {
      if (line.marks === "bar") {
        const bar = draw("line", { x1: x(px) - 7, x2: x(px) + 7, y1: y(py), y2: y(py), "stroke-width": 3 });
        bar.style.stroke = inkOf(line);
        made.push(bar);
        continue;
      }
      const dot = draw("circle", { cx: x(px).toFixed(1), cy: y(py).toFixed(1), r: 3.4 });
      dot.style.fill = inkOf(line);
      made.push(dot);
    }
  }
  return made;
}

function cellsOf([first, rows, columns, stride]) {
  const found = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) found.push(first + row * stride + column);
  }
  return found;
}

function write(words, x, y, kind) {
  const element = draw("text", { x, y, class: kind });
  element.textContent = words;
  return element;
}

const spoken = (value) => (typeof value === "number" ? general(value) : (value ?? ""));

function marked(value, { scale, log }) {
  if (scale) return formatted(value, scale[3]);
  return log && (value < 0.001 || value >= 1e5) ? formatted(value, "0E+00") : general(value);
}

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
    step = every * Math.ceil((high - low) / every / 13);
  } else if (isCounted) step = Math.max(1, Math.ceil((high - low + 1) / Math.min(room, 13)));
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
