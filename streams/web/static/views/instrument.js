// One instrument: its price and chart, its bot, its orders with their reasons, its last trades.

import {control, empty} from '../lib/actions.js';
import {each, h, hidden, mark, put, show} from '../lib/dom.js';
import {change, duration, grouped, moment, priceParts, short, sign, signed, time} from '../lib/format.js';
import {draw, spark} from '../lib/spark.js';
import {now, on, onConnection} from '../lib/store.js';
import {Chart} from '../parts/chart.js';
import {ordersPanel} from '../parts/orders.js';
import {settingsPanel} from '../parts/settings.js';

export const title = 'Instrument';

const LENGTHS = [1, 5, 15, 60, 240, 1440];

export function mount(root, parameters) {
  const page = new Page(root, parameters);
  return {change: next => page.change(next), close: () => page.close()};
}

const lengthOf = parameters => (LENGTHS.includes(Number(parameters.interval)) ? Number(parameters.interval) : 5);

class Page {
  constructor(root, parameters) {
    const key = this.key = parameters.instrument;
    const [exchange, symbol] = [key.split(':')[0], key.split(':').slice(1).join(':')];
    this.name = h('h1', {}, symbol, h('span', {}));
    this.where = h('p', {class: 'quiet'}, exchange);
    this.price = h('data', {class: 'huge'}, h('span', {}, '–'), h('span', {class: 'sub'}));
    this.change_ = h('p', {});
    this.facts = h('dl', {class: 'facts'});
    this.actions = h('div', {class: 'actions'});
    this.stale = h('p', {class: 'quiet stale'});
    const panel = (name, kind = '') => h('section', {class: `panel ${kind}`, 'aria-label': name});
    const chart = panel('Price chart', 'chartp'), profit = panel('Profit'), traders = panel('Traders'), orders = panel('Orders', 'ordersp'), tape = panel('Trades', 'tapep'), settings = panel('Settings', 'settingsp');
    root.append(
      h('div', {class: 'ih'}, h('div', {class: 'ih-name'}, this.name, this.where), h('div', {class: 'ih-price'}, this.price, this.change_), this.facts, this.stale, this.actions),
      h('div', {class: 'igrid'}, chart, h('div', {class: 'side2'}, profit, traders), orders, h('div', {class: 'side3'}, tape, settings)));
    this.chart = new Chart(chart, key, lengthOf(parameters), minutes => this.length(minutes));
    this.ends = [
      on(`head ${key}`, data => this.head(data)),
      on(`bot ${key}`, data => this.bot(data)),
      profitPanel(profit, key), tradersPanel(traders, key), tapePanel(tape, key), settingsPanel(settings, key),
      ordersPanel(orders, key, '', data => this.chart.orders(data)).end,
      onConnection(() => { this.age(); if (this.controls) this.bot(this.controls); }),
    ];
    const onKey = event => this.onKey(event.detail);
    addEventListener('hedgehog-key', onKey);
    this.ends.push(() => removeEventListener('hedgehog-key', onKey));
  }

  change(parameters) {
    this.chart.set(lengthOf(parameters));
  }

  close() {
    for (const end of this.ends) end();
    this.chart.close();
  }

  length(minutes) {
    const address = `${location.pathname}?interval=${minutes}`;
    dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address, replace: true}}));
  }

  onKey({key, item}) {
    const at = '123456'.indexOf(key);
    if (at >= 0) this.length(LENGTHS[at]);
    if (key === 'c') item?.querySelector('.cmd button')?.click();
    if (key === 'x') dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address: '/market'}}));
  }

  head(data) {
    const before = this.data;
    this.data = data;
    put(this.name.firstChild, data.base);
    this.name.firstChild.textContent = data.base;
    put(this.name.lastChild, data.quote);
    put(this.where, `${data.exchange}, spot`);
    if (data.price === null) {
      document.title = `${data.base} ${data.quote} · hedgehog`;
      const why = data.known ? (data.streamed ? 'no trade yet' : 'not streamed') : 'no such instrument is known';
      if (before?.price === undefined) show(this.change_, h('span', {class: 'quiet'}, why));
      return;
    }
    const [large, small] = priceParts(data.price);
    put(this.price.firstChild, large);
    put(this.price.lastChild, small);
    this.price.value = data.price;
    this.price.className = `huge ${sign(data.change)}`;
    document.title = `${large}${small} ${data.base}/${data.quote} · hedgehog`;
    if (before?.change !== data.change) show(this.change_, change(data.change), h('span', {class: 'quiet'}, data.since ? ' since the first trade' : ' in 24 h'));
    const span = data.since ? `since ${moment(data.since, now())}` : '24 h';
    const facts = [[`high ${span}`, grouped(data.high)], [`low ${span}`, grouped(data.low)], ['volume', `${short(data.volume)} ${data.base}`], ['avg 5 min', grouped(data.mean)]];
    each(this.facts, facts, fact => facts.indexOf(fact), () => h('div', {}, h('dt', {}), h('dd', {})), (pair, [name, value]) => { put(pair.firstChild, name); put(pair.lastChild, value); });
    this.age();
  }

  age() {
    const data = this.data;
    if (!data || data.price === null) return;
    const silent = now() - data.time, stale = silent > data.stale_ms;
    this.price.closest('.ih').classList.toggle('is-stale', stale);
    const text = stale ? `no trade for ${duration(silent)}` : '';
    if (this.stale.textContent !== text) show(this.stale, stale ? h('span', {class: 'chip warn'}, mark('warn'), text) : []);
  }

  bot(data) {
    this.controls = data;
    each(this.actions, data.controls, spec => spec.action, () => h('button', {type: 'button'}), (button, spec) => control(button, spec, {instrument: this.key}));
  }
}

function profitPanel(root, key) {
  const since = h('span', {class: 'quiet'}), big = h('span', {class: 'big'}), what = h('span', {class: 'quiet'});
  const line = spark(320, 86, 'profit'), list = h('dl', {class: 'kv'});
  line.setAttribute('preserveAspectRatio', 'none');
  root.append(h('div', {class: 'ph'}, h('h2', {}, 'Profit'), since), h('p', {class: 'pnl'}, big, what), line, list);
  return on(`bot ${key}`, data => {
    put(since, data.since ? `since ${moment(data.since, now())}` : data.state);
    put(big, signed(data.profit));
    big.className = `big ${sign(data.profit)}`;
    put(what, `${data.quote} after fees, ${grouped(String(data.cycles))} cycles`);
    line.setAttribute('class', `profit ${sign(data.profit) || 'up'}`);
    draw(line, data.curve.map(Number), true);
    const rows = [['today', signed(data.today), sign(data.today)], ['unsold', `${grouped(data.unsold)} ${data.base}`, ''], ['at the last price', data.unrealised === null ? '–' : signed(data.unrealised), data.unrealised === null ? '' : sign(data.unrealised)], ['buy and hold', data.hold === null ? '–' : signed(data.hold), data.hold === null ? '' : sign(data.hold)]];
    if (data.unknown) rows.push(['not counted', `${data.unknown} traders with fills missing`, 'warn']);
    each(list, rows, row => row[0], row => h('div', {}, h('dt', {}, row[0]), h('dd', {})), (pair, row) => { put(pair.lastChild, row[1]); pair.lastChild.className = row[2]; });
  });
}

function tradersPanel(root, key) {
  const count = h('span', {class: 'quiet'}), body = h('tbody', {}), nothing = h('div', {class: 'pad'}), reasons = h('ul', {class: 'why-not'});
  const table = h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Traders'), h('thead', {}, h('tr', {}, [['no.', ''], ['waits', 'l'], ['price', ''], ['quantity', ''], ['near', '']].map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))), body);
  const scroll = h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of traders'}, table);
  root.append(h('div', {class: 'ph'}, h('h2', {}, 'Traders'), count), nothing, scroll, reasons);
  return on(`traders ${key}`, data => {
    put(count, data.traders.length ? `${data.traders.length} of ${data.chunks}` : '');
    scroll.hidden = !data.traders.length;
    show(nothing, data.traders.length ? [] : empty('No trader runs', data.why_not || 'Start lets the first one wait for a trade.'));
    nothing.hidden = data.traders.length > 0;
    each(body, data.traders, trader => trader.number, trader => h('tr', {}, h('th', {scope: 'row'}, String(trader.number)), h('td', {class: 'l'}, h('span', {})), h('td', {}), h('td', {}), h('td', {}, h('span', {class: 'meter', role: 'img'}, h('i', {})))), (row, trader) => {
      const cells = row.children;
      cells[1].firstChild.className = trader.side;
      put(cells[1].firstChild, trader.waits);
      put(cells[2], trader.price === null ? '–' : grouped(trader.price));
      put(cells[3], trader.quantity === null ? '–' : grouped(trader.quantity));
      const meter = cells[4].firstChild, near = trader.near || 0;
      meter.hidden = trader.near === null;
      meter.title = trader.away === null ? '' : `${trader.away} % away`;
      meter.setAttribute('aria-label', `${Math.round(near / 10)} percent of the way, ${trader.away} percent away`);
      meter.firstChild.className = trader.side;
      meter.firstChild.style.width = `${near / 10}%`;
    });
    const idle = data.traders.filter(trader => trader.why_not);
    each(reasons, idle, trader => trader.number, () => h('li', {}), (item, trader) => put(item, `Why not ${trader.number}? ${trader.why_not}.`));
  });
}

function tapePanel(root, key) {
  const body = h('tbody', {}), nothing = h('div', {class: 'pad'}, empty('No trades yet', 'They show as they come.'));
  const table = h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Last trades, newest first'), h('thead', {}, h('tr', {}, h('th', {scope: 'col', class: 'l'}, 'time'), h('th', {scope: 'col'}, 'price'), h('th', {scope: 'col'}, 'quantity'))), body);
  root.append(h('div', {class: 'ph'}, h('h2', {}, 'Trades')), nothing, table);
  return on(`tape ${key}`, data => {
    nothing.hidden = data.trades.length > 0;
    table.hidden = !data.trades.length;
    each(body, data.trades.slice(0, 14), trade => trade.id, trade => h('tr', {}, h('td', {class: 'l'}, time(trade.time, 'exact')), h('td', {class: trade.up ? 'up' : 'down'}, mark(trade.up ? 'up' : 'down'), hidden(trade.up ? 'bought ' : 'sold '), grouped(trade.price)), h('td', {}, grouped(trade.quantity))));
  });
}
