// Candles, volume, a moving average, our orders; the same candles in a table for those who do not see the picture.

import {ask} from '../lib/actions.js';
import {h, put, show} from '../lib/dom.js';
import {clock, grouped, isUtc, moment, short} from '../lib/format.js';
import {on} from '../lib/store.js';

const INTERVALS = [[1, '1 m'], [5, '5 m'], [15, '15 m'], [60, '1 h'], [240, '4 h'], [1440, '1 d']];
const AVERAGE = 20;
const EDGE = 30;
const TABLE_ROWS = 20;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const number = text => Number(text);

/** Minutes that the browser's zone is ahead of UTC at a time: the chart knows UTC alone, so times are shifted. */
const shift = seconds => (isUtc() ? 0 : -new Date(seconds * 1000).getTimezoneOffset() * 60);

export class Chart {
  constructor(root, key, interval, choose) {
    this.key = key;
    this.candles = new Map();
    this.ends = [];
    this.marks = [];
    this.limits = [];
    this.lines = [];
    this.buttons = INTERVALS.map(([minutes, label]) => h('button', {type: 'button', 'data-interval': minutes, onclick: () => choose(minutes)}, label));
    this.ohlc = h('p', {class: 'ohlc'});
    this.box = h('div', {class: 'chart-box', role: 'img'});
    this.body = h('tbody', {});
    this.note = h('p', {class: 'chart-note', role: 'status'});
    root.append(
      h('div', {class: 'ph'}, h('div', {class: 'seg', role: 'group', 'aria-label': 'Length of a candle'}, this.buttons), this.ohlc,
        h('p', {class: 'legend'}, h('i', {class: 'k-buy'}), 'bought ', h('i', {class: 'k-sell'}), 'sold ', h('i', {class: 'k-avg'}), `average of ${AVERAGE}`)),
      this.box, this.note,
      h('details', {class: 'candles'}, h('summary', {}, 'The candles as a table'),
        h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of candles'}, h('table', {class: 't', id: 'candle-table'}, h('caption', {class: 'vh'}, 'Newest candles, the newest first'),
          h('thead', {}, h('tr', {}, ['time', 'open', 'high', 'low', 'close', 'volume', 'trades'].map((name, i) => h('th', {scope: 'col', class: i ? '' : 'l'}, name)))), this.body))));
    this.begin(interval);
  }

  async begin(interval) {
    this.interval = interval;
    for (const button of this.buttons) button.setAttribute('aria-pressed', Number(button.dataset.interval) === interval ? 'true' : 'false');
    const charts = await import('../vendor/lightweight-charts.mjs');
    if (this.closed) return;
    this.charts = charts;
    this.make();
    await this.load();
    if (this.closed) return;
    this.follow();
    const themed = () => this.paint(), zoned = () => this.redraw();
    addEventListener('hedgehog-themed', themed);
    addEventListener('hedgehog-zone', zoned);
    addEventListener('hedgehog-whole', this.whole = () => this.load());
    this.ends.push(() => removeEventListener('hedgehog-themed', themed), () => removeEventListener('hedgehog-zone', zoned), () => removeEventListener('hedgehog-whole', this.whole));
  }

  make() {
    const {createChart, CandlestickSeries, HistogramSeries, LineSeries, createSeriesMarkers, CrosshairMode} = this.charts;
    this.chart = createChart(this.box, {autoSize: true, crosshair: {mode: CrosshairMode.Normal}, layout: {attributionLogo: false, fontFamily: 'Inter, system-ui, sans-serif', fontSize: 11}});
    this.series = this.chart.addSeries(CandlestickSeries, {borderVisible: false});
    this.volume = this.chart.addSeries(HistogramSeries, {priceFormat: {type: 'volume'}, priceScaleId: '', lastValueVisible: false, priceLineVisible: false});
    this.volume.priceScale().applyOptions({scaleMargins: {top: 0.84, bottom: 0}});
    this.series.priceScale().applyOptions({scaleMargins: {top: 0.08, bottom: 0.2}});
    this.average = this.chart.addSeries(LineSeries, {lineWidth: 1.5, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false});
    this.markers = createSeriesMarkers(this.series, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(range => { if (range && range.from < EDGE) this.older(); });
    this.chart.subscribeCrosshairMove(at => this.say(at.time === undefined ? this.last() : this.rows.find(row => row.at === at.time) || this.last()));
    this.paint();
  }

  paint() {
    if (!this.chart) return;
    const quiet = colour('quiet'), line = colour('line'), grid = colour('grid');
    this.chart.applyOptions({
      layout: {background: {color: 'transparent'}, textColor: colour('faint')},
      grid: {vertLines: {color: grid}, horzLines: {color: grid}},
      rightPriceScale: {borderColor: line}, timeScale: {borderColor: line, timeVisible: this.interval < 1440, secondsVisible: false, rightOffset: 4},
      crosshair: {vertLine: {color: quiet, labelBackgroundColor: colour('raised')}, horzLine: {color: quiet, labelBackgroundColor: colour('raised')}},
    });
    this.series.applyOptions({upColor: colour('up'), downColor: colour('down'), wickUpColor: colour('up'), wickDownColor: colour('down'), priceLineColor: colour('ink')});
    this.average.applyOptions({color: colour('faint')});
    this.redraw();
  }

  async load() {
    const interval = this.interval;
    let found;
    try {
      found = await ask(`/api/candles?instrument=${encodeURIComponent(this.key)}&interval=${interval}`);
    } catch (error) {
      put(this.note, error.message);
      return;
    }
    if (interval !== this.interval || this.closed) return;
    for (const candle of found.candles) this.candles.set(candle.time, candle);
    this.amended = null;
    put(this.note, found.candles.length ? '' : 'No candles yet: the first trade makes one.');
    this.redraw();
    if (!this.fitted && this.rows.length) {
      this.fitted = true;
      this.chart.timeScale().setVisibleLogicalRange({from: Math.max(this.rows.length - 110, -20), to: this.rows.length + 4});
    }
    if (this.rows.length < 110) this.older();
  }

  /** Asks for the candles before the oldest one that is here. */
  async older() {
    if (this.asking || this.all || !this.candles.size) return;
    this.asking = true;
    const interval = this.interval, before = Math.min(...this.candles.keys());
    try {
      const found = await ask(`/api/candles?instrument=${encodeURIComponent(this.key)}&interval=${interval}&before=${before}`);
      if (interval === this.interval && !this.closed) {
        this.all = !found.more;
        for (const candle of found.candles) if (!this.candles.has(candle.time)) this.candles.set(candle.time, candle);
        if (found.candles.length) this.redraw();
        put(this.note, '');
      }
    } catch (error) {
      this.all = true;
      put(this.note, `Candles from before cannot be shown: ${error.message}`);
    }
    this.asking = false;
  }

  follow() {
    this.endFollow?.();
    this.endFollow = on(`candle ${this.key} ${this.interval}`, data => {
      if (this.amended !== undefined && this.amended !== null && data.amended !== this.amended) this.load();
      this.amended = data.amended;
      const newest = this.last();
      for (const candle of data.candles) {
        this.candles.set(candle.time, candle);
        if (this.chart && newest && candle.time >= newest.time) this.update(candle);
        else if (!newest) this.redraw();
      }
      this.fill();
    });
  }

  /** Another length of candles. */
  set(interval) {
    if (interval === this.interval) return;
    this.interval = interval;
    for (const button of this.buttons) button.setAttribute('aria-pressed', Number(button.dataset.interval) === interval ? 'true' : 'false');
    this.candles.clear();
    this.all = this.fitted = false;
    if (!this.chart) return;
    this.chart.applyOptions({timeScale: {timeVisible: interval < 1440}});
    this.load();
    this.follow();
  }

  last() {
    return this.rows?.at(-1);
  }

  row(candle) {
    return {...candle, at: candle.time + shift(candle.time), o: number(candle.open), h: number(candle.high), l: number(candle.low), c: number(candle.close)};
  }

  redraw() {
    if (!this.chart) return;
    this.rows = [...this.candles.values()].sort((a, b) => a.time - b.time).map(candle => this.row(candle));
    const digits = Math.max(0, ...this.rows.slice(-5).map(row => (row.close.split('.')[1] || '').length));
    this.series.applyOptions({priceFormat: {type: 'price', precision: digits, minMove: 10 ** -digits}});
    const drawn = this.withGaps();
    this.series.setData(drawn.map(row => (row.c === undefined ? {time: row.at} : {time: row.at, open: row.o, high: row.h, low: row.l, close: row.c})));
    this.volume.setData(drawn.map(row => (row.c === undefined ? {time: row.at} : this.bar(row))));
    this.average.setData(this.averages());
    this.markOrders();
    this.drawLimits();
    this.say(this.last());
    this.describe();
    this.fill();
  }

  /** Times without trades are shown as they are: empty. */
  withGaps() {
    const found = [], step = this.interval * 60;
    for (const row of this.rows) {
      const before = found.at(-1);
      if (before) {
        const missing = Math.min(Math.round((row.at - before.at) / step) - 1, 600);
        for (let i = 1; i <= missing; i++) found.push({at: before.at + i * step});
      }
      found.push(row);
    }
    return found;
  }

  averages() {
    let sum = 0;
    return this.rows.map((row, i) => {
      sum += row.c - (i >= AVERAGE ? this.rows[i - AVERAGE].c : 0);
      return {time: row.at, value: sum / Math.min(i + 1, AVERAGE)};
    });
  }

  bar(row) {
    return {time: row.at, value: number(row.volume), color: `${colour(row.c >= row.o ? 'up' : 'down')}42`};
  }

  update(candle) {
    const row = this.row(candle), last = this.last();
    if (last && row.at < last.at) return;
    if (last && row.at === last.at) this.rows[this.rows.length - 1] = row;
    else {
      if (last && row.at > last.at + this.interval * 60) {
        this.rows.push(row);
        this.redraw();
        return;
      }
      this.rows.push(row);
    }
    this.series.update({time: row.at, open: row.o, high: row.h, low: row.l, close: row.c});
    this.volume.update(this.bar(row));
    const tail = this.rows.slice(-AVERAGE);
    this.average.update({time: row.at, value: tail.reduce((sum, each) => sum + each.c, 0) / tail.length});
    this.say(row);
  }

  say(row) {
    if (!row) return;
    const parts = [['O', row.open], ['H', row.high], ['L', row.low], ['C', row.close]].map(([name, value]) => [h('span', {}, name), ' ', name === 'C' ? h('b', {class: row.c >= row.o ? 'up' : 'down'}, grouped(value)) : grouped(value), ' ']);
    show(this.ohlc, parts, h('span', {}, 'V'), ' ', short(row.volume));
  }

  /** What the picture is, for those who do not see it. */
  describe() {
    if (!this.rows.length) return;
    const count = `${grouped(String(this.rows.length))} candles of ${this.interval} minutes since ${moment(this.rows[0].time * 1000)}`;
    this.box.setAttribute('aria-label', `${this.key}, ${count}, with our orders; the table below has the newest numbers`);
  }

  /** The marks of orders that were filled, and the limits of those that are open. */
  orders(data) {
    this.marks = data.marks;
    this.limits = data.limits;
    this.markOrders();
    this.drawLimits();
  }

  markOrders() {
    if (!this.markers || !this.rows?.length) return;
    const step = this.interval * 60, first = this.rows[0].time;
    const times = new Set(this.rows.map(row => row.time));
    const found = this.marks.filter(each => each.time >= first).map(each => ({...each, candle: Math.floor(each.time / step) * step})).filter(each => times.has(each.candle));
    const together = new Map();
    for (const each of found) {
      const name = `${each.candle} ${each.side}`;
      together.set(name, {...each, count: (together.get(name)?.count || 0) + 1});
    }
    const marks = [...together.values()].sort((a, b) => a.candle - b.candle);
    this.markers.setMarkers(marks.map(each => ({
      time: each.candle + shift(each.candle), position: each.side === 'buy' ? 'belowBar' : 'aboveBar', shape: each.side === 'buy' ? 'arrowUp' : 'arrowDown', color: colour(each.side), size: 0.8,
      text: each.count > 1 ? String(each.count) : '',
    })));
  }

  drawLimits() {
    if (!this.series) return;
    for (const line of this.lines) this.series.removePriceLine(line);
    const byPrice = new Map();
    for (const limit of this.limits) byPrice.set(`${limit.side} ${limit.price}`, limit);
    this.lines = [...byPrice.values()].slice(0, 24).map(limit => this.series.createPriceLine({price: number(limit.price), color: colour(limit.side), lineWidth: 1, lineStyle: 2, axisLabelVisible: true, axisLabelTextColor: colour('on'), title: ''}));
  }

  fill() {
    if (!this.rows) return;
    const rows = [...this.candles.values()].sort((a, b) => b.time - a.time).slice(0, TABLE_ROWS);
    const text = JSON.stringify(rows);
    if (text === this.filled) return;
    this.filled = text;
    show(this.body, rows.map(row => h('tr', {'data-time': row.time}, h('td', {class: 'l'}, this.interval < 1440 ? clock(row.time * 1000).slice(0, 5) : new Date(row.time * 1000).toISOString().slice(0, 10)),
      ['open', 'high', 'low', 'close', 'volume'].map(name => h('td', {'data-field': name}, grouped(row[name]))), h('td', {'data-field': 'trades'}, grouped(String(row.trades))))));
  }

  close() {
    this.closed = true;
    this.endFollow?.();
    for (const end of this.ends) end();
    this.chart?.remove();
  }
}
