"use strict";
// Draws the charts of each run from the JSON beside it, and pages through its cycles. No library, no request.

const MONTH_MS = 30 * 86400e3;
const TIME_STEPS = [1, 10, 100, 1e3, 5e3, 15e3, 60e3, 300e3, 900e3, 3600e3, 3 * 3600e3, 6 * 3600e3, 12 * 3600e3,
  86400e3, 2 * 86400e3, 7 * 86400e3, MONTH_MS, 3 * MONTH_MS, 12 * MONTH_MS, 60 * MONTH_MS];
const GAP = 8, TOP = 8, BOTTOM = 24, LETTER = 6.6, HIT_PX = 9;
const NAMES = { price: "price", profit: "net profit", hold: "buy and hold", fall: "drawdown" };
const ROWS = 25;

const iso = (ms) => new Date(ms).toISOString();
const shownTime = (ms) => iso(ms).replace("T", " ").replace("Z", "");
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/** A child of an SVG element; its namespace is the parent's. */
function add(parent, name, attributes, text) {
  const child = document.createElementNS(parent.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
  if (text !== undefined) child.textContent = text;
  parent.append(child);
  return child;
}

/** The index of the first of the rising `values` that is not below `x`. */
function bisect(values, x) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < x) low = middle + 1; else high = middle;
  }
  return low;
}

/** The index of the one of the rising `values` that is closest to `x`. */
function nearest(values, x) {
  const i = Math.min(bisect(values, x), values.length - 1);
  return i > 0 && x - values[i - 1] < values[i] - x ? i - 1 : i;
}

/** A number of at most eight decimals, without exponent. */
function plain(value) {
  const text = String(value);
  return text.includes("e") ? value.toFixed(8).replace(/\.?0+$/, "") : text;
}

/** Round numbers in a range, about `count` of them, and their decimals. */
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) values.push(i * step);
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function timeTicks(low, high, count) {
  const step = TIME_STEPS.find((each) => (high - low) / each <= count) ?? TIME_STEPS.at(-1);
  const values = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) values.push(at);
  return { values, step };
}

function timeLabel(ms, step) {
  if (step >= 86400e3 || ms % 86400e3 === 0) return iso(ms).slice(0, 10);
  return iso(ms).slice(11, step >= 60e3 ? 16 : step >= 1e3 ? 19 : 23);
}

/** One run: what part of it is seen, and everything that shows it. */
class Run {
  constructor(section) {
    this.data = JSON.parse(section.querySelector("script").textContent);
    this.series = this.data.series;
    const { t } = this.series.price;
    this.whole = [t[0], Math.max(t.at(-1), t[0] + 1)];
    this.seen = this.whole;
    this.charts = [...section.querySelectorAll(".chart")].map((box) => new Chart(this, box));
    this.tools = section.querySelector(".tools");
    this.tools.addEventListener("click", (event) => this.tool(event.target.dataset.do));
    new Cycles(this, section.querySelector(".cycles"));
    this.see(...this.whole);
    new ResizeObserver(() => this.draw()).observe(section);
  }

  see(from, to) {
    const least = Math.max(1, (this.whole[1] - this.whole[0]) / 1e5);
    if (to - from < least) [from, to] = [(from + to - least) / 2, (from + to + least) / 2];
    const width = Math.min(to - from, this.whole[1] - this.whole[0]);
    from = clamp(from, this.whole[0], this.whole[1] - width);
    this.seen = [from, from + width];
    this.draw();
    const all = width >= this.whole[1] - this.whole[0];
    for (const button of this.tools.querySelectorAll("button")) button.disabled = all && button.dataset.do !== "in";
    this.tools.querySelector("output").textContent = all ? "" : this.seen.map((ms) => shownTime(ms + this.data.start).slice(0, 19)).join(" to ");
  }

  /** All charts, with the same room for what stands left of them, so that the same time is at the same place. */
  draw() {
    const margin = Math.max(...this.charts.map((chart) => chart.measure()));
    for (const chart of this.charts) chart.draw(margin);
  }

  tool(what) {
    const [from, to] = this.seen, width = to - from;
    if (what === "in") this.see(from + width / 4, to - width / 4);
    if (what === "out") this.see(from - width / 2, to + width / 2);
    if (what === "back") this.see(from - width / 2, to - width / 2);
    if (what === "on") this.see(from + width / 2, to + width / 2);
    if (what === "all") this.see(...this.whole);
  }

  point(at) {
    for (const chart of this.charts) chart.cross(at);
  }
}

class Chart {
  constructor(run, box) {
    this.run = run;
    this.box = box;
    this.lines = box.dataset.lines.split(" ");
    this.marks = box.dataset.marks ? box.dataset.marks.split(" ") : [];
    this.svg = box.querySelector("svg");
    this.tip = box.querySelector(".tip");
    box.addEventListener("pointermove", (event) => this.moved(event));
    box.addEventListener("pointerdown", (event) => this.pressed(event));
    box.addEventListener("pointerup", (event) => this.released(event));
    box.addEventListener("pointerleave", () => this.left());
    box.addEventListener("pointercancel", () => this.left());
    box.addEventListener("dblclick", () => run.see(...run.whole));
  }

  /** The first and the end of the points to draw: those that are seen, and one more on both sides. */
  part(times) {
    const [from, to] = this.run.seen;
    return [Math.max(0, bisect(times, from) - 1), Math.min(times.length, bisect(times, to) + 1)];
  }

  range() {
    const { series } = this.run;
    let low = Infinity, high = -Infinity;
    const widen = (values, [first, end]) => {
      for (let i = first; i < end; i++) {
        if (values[i] < low) low = values[i];
        if (values[i] > high) high = values[i];
      }
    };
    for (const name of [...this.lines, ...this.marks]) widen(series[name].v, this.part(series[name].t));
    if (!this.marks.length) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
    const flat = low === high ? Math.abs(low) / 1e3 || 1 : 0;
    [low, high] = [low - flat, high + flat];
    const room = (high - low) * 0.05;
    return [low - room, high + room];
  }

  /** Looks at what is to be drawn and how large; gives the width of the longest label. */
  measure() {
    this.size = [this.box.clientWidth, this.box.clientHeight];
    [this.low, this.high] = this.range();
    this.ticks = ticks(this.low, this.high, Math.max(2, this.size[1] / 45));
    this.labels = this.ticks.values.map((value) => value.toFixed(this.ticks.decimals).replace("-", "−"));
    return Math.ceil(Math.max(...this.labels.map((label) => label.length)) * LETTER) + GAP + 2;
  }

  draw(left) {
    const [width, height] = this.size, { seen } = this.run, { low, high } = this;
    this.margin = left;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.x = (t) => left + ((t - seen[0]) / (seen[1] - seen[0])) * (width - left - GAP);
    this.y = (v) => height - BOTTOM - ((v - low) / (high - low)) * (height - BOTTOM - TOP);
    this.t = (x) => seen[0] + ((x - left) / (width - left - GAP)) * (seen[1] - seen[0]);
    this.ticks.values.forEach((value, i) => {
      const y = this.y(value);
      add(this.svg, "path", { class: value === 0 ? "zero" : "grid", d: `M${left} ${y}H${width - GAP}` });
      add(this.svg, "text", { x: left - 6, y: y + 4, "text-anchor": "end" }, this.labels[i]);
    });
    this.drawTimes(width, height);
    const id = `${this.run.data.id}-${this.lines[0]}`;
    add(add(this.svg, "clipPath", { id }), "rect", { x: left - GAP, y: 0, width: width - left + GAP, height });
    const inside = add(this.svg, "g", { "clip-path": `url(#${id})` });
    for (const name of this.lines) this.drawLine(inside, name);
    for (const name of this.marks) this.drawMarks(inside, name);
    this.line = add(this.svg, "path", { class: "cross", d: "" });
    this.chosen = add(this.svg, "rect", { class: "chosen", y: TOP, height: height - TOP - BOTTOM, width: 0 });
  }

  drawTimes(width, height) {
    const { data: { start }, seen } = this.run;
    const down = timeTicks(seen[0] + start, seen[1] + start, Math.max(1, (width - this.margin) / 72));
    for (const at of down.values) {
      const x = this.x(at - start), label = timeLabel(at, down.step);
      const half = label.length * LETTER / 2;
      add(this.svg, "path", { class: "grid", d: `M${x} ${TOP}V${height - BOTTOM}` });
      if (x - half > 0 && x + half < width) add(this.svg, "text", { x, y: height - 8, "text-anchor": "middle" }, label);
    }
  }

  drawLine(parent, name) {
    const { t, v } = this.run.series[name], [first, end] = this.part(t), points = [];
    for (let i = first; i < end; i++) points.push(`${this.x(t[i]).toFixed(1)} ${this.y(v[i]).toFixed(1)}`);
    let d = `M${points.join("L")}`;
    if (name === "fall") d += `V${this.y(0)}H${this.x(t[first])}Z`;
    add(parent, "path", { class: `mark-${name}`, d, "data-points": points.length });
  }

  /** All marks of a side are one path of triangles that point at the price, from below where bought, else from above. */
  drawMarks(parent, name) {
    const { t, v } = this.run.series[name], [first, end] = this.part(t), parts = [];
    const size = end - first > 1500 ? 3 : end - first > 300 ? 4 : 5.5, up = name === "buys" ? 1 : -1;
    for (let i = first; i < end; i++) {
      parts.push(`M${this.x(t[i]).toFixed(1)} ${this.y(v[i]).toFixed(1)}l${-size} ${up * size * 1.7}h${2 * size}z`);
    }
    add(parent, "path", { class: `mark-${name}`, d: parts.join(""), "data-marks": parts.length });
  }

  moved(event) {
    const x = clamp(event.offsetX, this.margin, this.size[0] - GAP);
    if (this.from !== undefined) {
      const [low, high] = [Math.min(this.from, x), Math.max(this.from, x)];
      this.chosen.setAttribute("x", low);
      this.chosen.setAttribute("width", high - low);
    }
    const { t } = this.run.series[this.lines[0]], at = t[nearest(t, this.t(x))];
    this.run.point(at);
    this.tell(at, x, event.offsetY);
  }

  cross(at) {
    const x = at === null ? null : this.x(at);
    this.line.setAttribute("d", x === null ? "" : `M${x} ${TOP}V${this.size[1] - BOTTOM}`);
  }

  tell(at, x, y) {
    const { series, data } = this.run, lines = [`${shownTime(at + data.start)} UTC`];
    for (const [name, text] of Object.entries(NAMES)) {
      lines.push(`${text} ${plain(series[name].v[nearest(series[name].t, at)])}`);
    }
    const mark = this.mark(x, y);
    if (mark) lines.push(mark);
    this.tip.replaceChildren(...lines.flatMap((line, at) => at ? [document.createElement("br"), line] : [line]));
    this.tip.hidden = false;
    const room = this.size[0] - this.tip.offsetWidth;
    this.tip.style.left = `${clamp(x > this.size[0] / 2 ? x - this.tip.offsetWidth - 14 : x + 14, 0, Math.max(0, room))}px`;
  }

  mark(x, y) {
    let found = null, best = HIT_PX ** 2;
    for (const name of this.marks) {
      const { t, v } = this.run.series[name];
      const [from, to] = [bisect(t, this.t(x - HIT_PX)), bisect(t, this.t(x + HIT_PX))];
      for (let i = from; i < to; i++) {
        const far = (this.x(t[i]) - x) ** 2 + (this.y(v[i]) - y) ** 2;
        if (far < best) [best, found] = [far, `${name === "buys" ? "▲ bought" : "▼ sold"} at ${plain(v[i])}`];
      }
    }
    return found;
  }

  pressed(event) {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    this.from = clamp(event.offsetX, this.margin, this.size[0] - GAP);
    this.box.setPointerCapture(event.pointerId);
  }

  released(event) {
    if (this.from === undefined) return;
    const [one, other] = [this.t(this.from), this.t(clamp(event.offsetX, this.margin, this.size[0] - GAP))];
    const far = Math.abs(event.offsetX - this.from);
    this.from = undefined;
    this.chosen.setAttribute("width", 0);
    if (far > 5) this.run.see(Math.min(one, other), Math.max(one, other));
  }

  left() {
    this.from = undefined;
    this.chosen.setAttribute("width", 0);
    this.tip.hidden = true;
    this.run.point(null);
  }
}

/** The table of cycles, some rows at a time. */
class Cycles {
  constructor(run, box) {
    if (!box) return;
    this.rows = run.data.cycles;
    this.start = run.data.start;
    this.body = box.querySelector("tbody");
    this.where = box.querySelector("output");
    this.buttons = [...box.querySelectorAll("button")];
    this.first = 0;
    box.addEventListener("click", (event) => this.go(event.target.dataset.go));
    this.show();
  }

  go(where) {
    const last = Math.floor((this.rows.length - 1) / ROWS) * ROWS;
    const to = { first: 0, back: this.first - ROWS, on: this.first + ROWS, last }[where];
    if (to === undefined) return;
    this.first = clamp(to, 0, last);
    this.show();
  }

  show() {
    const end = Math.min(this.first + ROWS, this.rows.length);
    const lines = this.rows.slice(this.first, end).map((row) => this.texts(row));
    const decimals = lines[0].map((_, i) => Math.max(...lines.map((line) => fraction(line[i]).length)));
    this.body.replaceChildren(...lines.map((line) => tableRow(line.map((text, i) => aligned(text, decimals[i])))));
    this.where.textContent = `${this.first + 1} to ${end} of ${this.rows.length}`;
    for (const button of this.buttons) {
      button.disabled = ["first", "back"].includes(button.dataset.go) ? this.first === 0 : end === this.rows.length;
    }
  }

  texts([trader, quantity, bought, buyPrice, sold, sellPrice, fees, profit]) {
    const time = (ms) => ms === null ? "still open" : shownTime(ms + this.start);
    return [String(trader), quantity, time(bought), buyPrice, time(sold), sellPrice ?? "", fees, profit ?? ""];
  }
}

/** A decimal number's point and what is behind it; nothing for other texts. */
function fraction(text) {
  return /^-?\d+(\.\d+)?$/.exec(text)?.[1] ?? "";
}

/** A number with blanks as wide as the digits and the point that it lacks behind, for the points to be in line. */
function aligned(text, decimals) {
  const lacks = /^-?\d/.test(text) && !text.includes(":") ? decimals - fraction(text).length : 0;
  return text + (lacks > 0 && !fraction(text) ? "\u2008" : "") + "\u2007".repeat(Math.max(0, fraction(text) ? lacks : lacks - 1));
}

function tableRow(texts) {
  const row = document.createElement("tr");
  for (const text of texts) row.insertCell().textContent = text;
  return row;
}

/** Says below the heat map what the cell is that the pointer or the focus is on. */
function heat(box) {
  const readout = box.querySelector(".readout"), before = readout.textContent;
  const say = (event) => {
    const cell = event.target.closest("td");
    readout.textContent = cell ? cell.dataset.says : before;
  };
  for (const name of ["pointerover", "focusin", "click"]) box.querySelector("table").addEventListener(name, say);
}

for (const section of document.querySelectorAll("section.run")) new Run(section);
for (const box of document.querySelectorAll(".map")) heat(box);
