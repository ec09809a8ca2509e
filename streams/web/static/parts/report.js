// The report of one saved backtest: what it made, the course of that, its settings and data, its orders.

import {command} from '../lib/actions.js';
import {h, s} from '../lib/dom.js';
import {duration, grouped, moment, sign, signed, time} from '../lib/format.js';

const WIDTH = 960, HEIGHT = 190, PAD = 8;
const ORDERS_SHOWN = 60;
const DATA = [['source', 'source'], ['trades', 'trades'], ['first_trade', 'from'], ['last_trade', 'to'], ['engine', 'engine'], ['part', 'part'], ['rank', 'rank'], ['seed', 'seed'], ['fingerprint', 'data'], ['code_version', 'code'], ['saved', 'saved']];
const SHORT = {fingerprint: 12, code_version: 12};

/** Money to the cent: the whole number is in the command's answer. */
export function money(value) {
  const [whole, fraction = ''] = String(value ?? '0').split('.');
  return `${whole}.${fraction.padEnd(2, '0').slice(0, 2)}`;
}

/** The report of a run, as elements. */
export function report(run) {
  const asset = run.settings?.quote_asset || '';
  const net = money(run.net_profit);
  const settings = Object.entries(run.settings || {}).filter(([name, value]) => !['instrument', 'base_asset', 'quote_asset'].includes(name) && value !== '' && value !== '0');
  return h('section', {class: 'panel report', 'aria-label': `Run ${run.run}`},
    h('div', {class: 'ph'}, h('h2', {}, `Run ${run.run}, ${run.instrument}${run.name ? `, ${run.name}` : ''}`), h('a', {class: 'link', href: '/backtests'}, 'Close')),
    h('div', {class: 'report-head'}, h('p', {class: 'pnl'}, h('span', {class: `big ${sign(net)}`}, signed(net)), h('span', {class: 'quiet'}, `${asset} after fees`)), facts(run)),
    course(run.equity, asset),
    h('div', {class: 'report-two'}, list('Settings', settings.map(([name, value]) => [name.replace('_interval', '').replaceAll('_', ' '), String(value)])),
      list('Data and how', DATA.filter(([name]) => run[name] !== null && run[name] !== undefined).map(([name, label]) => [label, shown(name, run[name])]))),
    orders(run.placed_orders, run.orders_kept),
    h('div', {class: 'pad'}, command(`hedgehog backtest show ${run.run}`)));
}

function facts(run) {
  const share = Number(run.seconds_in_all) > 0 ? `${(100 * Number(run.seconds_in_market) / Number(run.seconds_in_all)).toFixed(0)} %` : '–';
  const rows = [
    ['cycles', grouped(String(run.cycles))], ['won, lost', `${grouped(String(run.wins))}, ${grouped(String(run.losses))}`],
    ['orders', grouped(String(run.orders)) + (run.rejected ? `, ${run.rejected} refused` : '')], ['fees', grouped(money(run.fees))],
    ['deepest fall', grouped(money(run.max_drawdown))], ['buy and hold', signed(money(run.buy_and_hold)), sign(money(run.buy_and_hold))],
    ['unrealised', signed(money(run.unrealised_profit)), sign(money(run.unrealised_profit))], ['in the market', share],
  ];
  return h('dl', {class: 'facts'}, rows.map(([name, value, kind]) => h('div', {}, h('dt', {}, name), h('dd', {class: kind || ''}, value))));
}

const shown = (name, value) => {
  if (['first_trade', 'last_trade', 'saved'].includes(name)) return time(Date.parse(value), 'moment');
  return SHORT[name] ? String(value).slice(0, SHORT[name]) : typeof value === 'number' ? grouped(String(value)) : String(value);
};

function list(name, rows) {
  return h('div', {}, h('h3', {}, name), h('dl', {class: 'kv'}, rows.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value)))));
}

/** Net profit over time: a line over the trades' own time, with where nothing is won or lost. */
function course(points, asset) {
  if (!points || points.length < 2) return h('p', {class: 'pad quiet'}, 'Its course was not saved: too few trades.');
  const times = points.map(point => Date.parse(point.time)), nets = points.map(point => Number(point.net_profit));
  const first = times[0], last = Math.max(times.at(-1), first + 1), low = Math.min(0, ...nets), high = Math.max(0, ...nets);
  const x = at => PAD + (WIDTH - 2 * PAD) * (at - first) / (last - first);
  const y = net => PAD + (HEIGHT - 2 * PAD) * (high > low ? (high - net) / (high - low) : 0.5);
  const path = points.map((_, i) => `${x(times[i]).toFixed(1)},${y(nets[i]).toFixed(1)}`).join(' ');
  const words = `net profit from ${nets[0].toFixed(2)} to ${nets.at(-1).toFixed(2)} ${asset}, lowest ${Math.min(...nets).toFixed(2)}, highest ${Math.max(...nets).toFixed(2)}`;
  const picture = s('svg', {class: `course ${sign(money(points.at(-1).net_profit)) || 'up'}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': words},
    s('polygon', {points: `${x(first)},${y(0)} ${path} ${x(times.at(-1))},${y(0)}`}), s('line', {x1: PAD, x2: WIDTH - PAD, y1: y(0), y2: y(0)}), s('polyline', {points: path}));
  return h('figure', {class: 'course-box'}, picture,
    h('figcaption', {}, h('span', {}, moment(first)), h('span', {}, `net profit, ${asset}: ${signed(low.toFixed(2))} to ${signed(high.toFixed(2))}; ${duration(last - first)}`), h('span', {}, moment(last))));
}

function orders(placed, kept) {
  if (!placed?.length) return null;
  const newest = placed.slice(-ORDERS_SHOWN).reverse();
  const columns = [['time', 'l'], ['trader', ''], ['side', 'l'], ['price', ''], ['quantity', ''], ['state', 'l']];
  return h('details', {class: 'candles'}, h('summary', {}, `Orders: the last ${grouped(String(newest.length))} of ${grouped(String(kept))}`),
    h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of orders'}, h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Orders of the run, newest first'), h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))),
      h('tbody', {}, newest.map(order => h('tr', {}, h('td', {class: 'l'}, time(Date.parse(order.placed_time), 'moment')), h('td', {}, String(order.trader)), h('td', {class: `l ${order.side.toLowerCase()}`}, order.side), h('td', {}, grouped(String(order.price))), h('td', {}, grouped(String(order.quantity))), h('td', {class: 'l'}, h('span', {class: `st ${order.status.toLowerCase()}`}, order.status.toLowerCase().replace('_', ' ')))))))));
}
