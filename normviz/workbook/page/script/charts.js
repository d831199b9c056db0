// Charts of the sheet's own cells as pictures of lines, drawn anew where their cells change.

import { draw, make } from "./dom.js";
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
      element.style.top = `${(line?.offsetTop ?? 0) + (line?.closest("tbody, thead")?.offsetTop ?? 0) * (line?.offsetParent === grid.element ? 0 : 1)}px`;
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

  #series({ lines, kind }) {
    const { values } = this.book.engine;
    return lines.map((line) => {
      const up = cellsOf(line.up).map((at) => values[at]);
      const across = line.across ? cellsOf(line.across).map((at) => values[at]) : up.map((_, k) => k);
      const points = up
        .map((y, k) => [kind === "line" ? k : across[k], y])
        .filter(([x, y]) => typeof x === "number" && typeof y === "number");
      return { ...line, points, names: across };
    });
  }

  #draw({ chart, element }) {
    const { width, height } = chart;
    const series = this.#series(chart);
    const hasLegend = series.length > 1;
    const legend = hasLegend ? Math.min(180, 34 + LETTER * Math.max(...series.map(({ name }) => name.length))) : 0;
    const box = { left: EDGE.left, top: EDGE.top, right: width - EDGE.right - legend, bottom: height - EDGE.bottom };
    const all = series.flatMap(({ points }) => points);
    const across = axis(chart.across.scale, all.map(([x]) => x), chart.kind === "line");
    const up = axis(chart.up.scale, all.map(([, y]) => y), false);
    const x = (value) => box.left + ((value - across.low) / (across.high - across.low || 1)) * (box.right - box.left);
    const y = (value) => box.bottom - ((value - up.low) / (up.high - up.low || 1)) * (box.bottom - box.top);
    const picture = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": this.#words(chart, series) });
    picture.append(write(chart.title, width / 2, 20, "title"));
    for (const value of up.marks) {
      picture.append(draw("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
      picture.append(write(marked(value, chart.up.scale), box.left - 7, y(value) + 4, "mark end"));
    }
    const names = series[0]?.names ?? [];
    for (const value of across.marks) {
      const words = chart.kind === "line" ? spoken(names[value]) : marked(value, chart.across.scale);
      picture.append(write(words, x(value), box.bottom + 17, "mark"));
    }
    picture.append(draw("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    picture.append(write(chart.across.title, (box.left + box.right) / 2, height - 8, "name"));
    const side = write(chart.up.title, 0, 0, "name");
    side.setAttribute("transform", `translate(14 ${(box.top + box.bottom) / 2}) rotate(-90)`);
    picture.append(side);
    series.forEach((line, k) => {
      const stroke = `light-dark(#${line.color[0]},#${line.color[1]})`;
      const path = line.points.map(([px, py], at) => `${at ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
      if (line.drawn) {
        const drawn = draw("path", { class: "line", d: path, "stroke-width": line.weight * 1.3, "stroke-dasharray": DASHES[line.dash] ?? "" });
        drawn.style.stroke = stroke;
        picture.append(drawn);
      }
      if (line.marks || !line.drawn) {
        for (const [px, py] of line.points) {
          const dot = draw("circle", { cx: x(px).toFixed(1), cy: y(py).toFixed(1), r: 3.4 });
          dot.style.fill = stroke;
          picture.append(dot);
        }
      }
      if (hasLegend) {
        const top = box.top + 8 + 18 * k;
        const key = draw("line", { x1: box.right + 12, x2: box.right + 32, y1: top, y2: top, "stroke-width": 2.2, "stroke-dasharray": DASHES[line.dash] ?? "" });
        key.style.stroke = stroke;
        picture.append(key, write(line.name, box.right + 38, top + 4, "mark start"));
      }
    });
    element.replaceChildren(picture);
  }

  #words(chart, series) {
    const last = series.filter(({ points }) => points.length).map(({ name, points }) => `${name} ends at ${general(Number(points.at(-1)[1].toPrecision(3)))}`);
    return `Chart: ${chart.title}. ${last.join(", ")}.`;
  }
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
const marked = (value, scale) => (scale ? formatted(value, scale[3]) : general(value));

// Ends and marks of an axis: as given, or round numbers around what there is.
export function axis(scale, values, isCounted) {
  const most = isCounted ? 13 : 6;
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!values.length) [low, high] = [0, 1];
  let step;
  if (scale) [low, high, step] = scale;
  else if (isCounted) step = Math.max(1, Math.ceil((high - low + 1) / most));
  else {
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const rough = (high - low) / most;
    const size = 10 ** Math.floor(Math.log10(rough));
    step = size * ([1, 2, 5].find((one) => one * size >= rough) ?? 10);
    low = Math.floor(low / step) * step;
    high = Math.ceil(high / step) * step;
  }
  const marks = [];
  for (let k = 0; low + k * step <= high + step * 1e-6 && k < 100; k++) marks.push(Number((low + k * step).toPrecision(12)));
  return { low, high, marks };
}
