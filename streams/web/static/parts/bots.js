// The table of bots: below the market, and as a page.

import {control, empty} from '../lib/actions.js';
import {each, h, put, show} from '../lib/dom.js';
import {grouped, sign, signed} from '../lib/format.js';
import {draw, spark} from '../lib/spark.js';
import {on} from '../lib/store.js';
import {addressOf} from '../shell/search.js';

const DOTS = {running: 'ok', starting: 'off', 'shutting down': 'off', stopping: 'off', off: 'off'};

/** Draws the table into `root`; with `whole` more columns, and what can be done. Returns what ends it. */
export function botsPanel(root, whole = false) {
  const body = h('tbody', {});
  const total = h('span', {class: 'quiet'});
  const order = {by: null, down: false, filter: ''};
  const columns = [['bot', 'l'], ['state', 'l'], ['traders', ''], ['orders', ''], ['cycles', ''], ['unsold', 'l'], ['', 'sp'], ...(whole ? [['today', '']] : []), ['profit', ''], ...(whole ? [['', 'acts']] : [])];
  const head = h('tr', {}, columns.map(([name, kind]) => heading(name, kind, whole, order, () => draw_())));
  const table = h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Bots'), h('thead', {}, head), body);
  const scroll = h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of bots'}, table);
  const nothing = h('div', {class: 'pad'}, empty('No bot trades', 'Open an instrument and press Start, or type:', h('code', {}, 'hedgehog trading start SYMBOL')));
  const filter = whole ? h('input', {type: 'search', class: 'filter', placeholder: 'Filter', 'aria-label': 'Filter the bots', oninput: event => { order.filter = event.target.value.trim().toLowerCase(); draw_(); }}) : null;
  root.append(h('div', {class: 'ph'}, h(whole ? 'h1' : 'h2', {id: 'h-bots'}, 'Bots'), filter, total), nothing, scroll);
  let data = {bots: [], totals: []};
  function draw_() {
    nothing.hidden = data.bots.length > 0;
    scroll.hidden = !data.bots.length;
    each(body, sorted(data.bots, order), bot => bot.key, () => row(whole), (line, bot) => change(line, bot, whole));
    show(total, data.totals.map((each_, i) => [i ? ', ' : 'today, after fees, in ', each_.quote, ' ', h('b', {class: sign(each_.today)}, signed(each_.today))]));
  }
  return on('bots', found => {
    data = found;
    draw_();
  });
}

function heading(name, kind, whole, order, redraw) {
  const words = {sp: 'profit over time', acts: 'what can be done'};
  if (!whole || !name) return h('th', {scope: 'col', class: kind}, name || h('span', {class: 'vh'}, words[kind]));
  const button = h('button', {type: 'button', class: 'sort', onclick: () => {
    order.down = order.by === name ? !order.down : name !== 'bot' && name !== 'state';
    order.by = name;
    for (const other of button.closest('tr').children) other.removeAttribute('aria-sort');
    button.parentElement.setAttribute('aria-sort', order.down ? 'descending' : 'ascending');
    redraw();
  }}, name);
  return h('th', {scope: 'col', class: kind}, button);
}

function sorted(bots, order) {
  const found = bots.filter(bot => !order.filter || `${bot.key} ${bot.base}/${bot.quote} ${bot.state}`.toLowerCase().includes(order.filter));
  if (!order.by) return found;
  const name = {bot: 'key'}[order.by] || order.by;
  const value = bot => (name === 'key' || name === 'state' ? bot[name] : Number(bot[name]));
  return found.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (order.down ? -1 : 1));
}

function row(whole) {
  const line = spark(84, 20);
  return h('tr', {'data-item': ''}, h('th', {scope: 'row', class: 'l'}, h('a', {}, h('span', {class: 'base'}), h('span', {}))), h('td', {class: 'l'}, h('i', {class: 'dot'}), h('span', {}), h('small', {})),
    h('td', {}), h('td', {}), h('td', {}), h('td', {class: 'l'}), h('td', {class: 'sp'}, line), whole ? h('td', {class: 'today'}) : null, h('td', {class: 'profit'}), whole ? h('td', {class: 'acts'}) : null);
}

function change(line, bot, whole) {
  const cells = line.children;
  const link = cells[0].firstChild;
  line.dataset.key = bot.key;
  link.setAttribute('href', addressOf(bot.key));
  put(link.firstChild, bot.base);
  put(link.lastChild, `${bot.quote} ${bot.exchange}`);
  cells[1].children[0].className = `dot ${bot.reason ? 'warn' : DOTS[bot.state]}`;
  put(cells[1].children[1], bot.reason && bot.state === 'running' ? 'refused' : bot.state);
  put(cells[1].children[2], bot.reason ? ` ${bot.reason}` : '');
  put(cells[2], String(bot.traders));
  put(cells[3], String(bot.orders));
  put(cells[4], grouped(String(bot.cycles)));
  put(cells[5], `${grouped(bot.unsold)} ${bot.base}`);
  const curve = cells[6].firstChild;
  curve.setAttribute('class', `spark ${sign(bot.profit) || 'up'}`);
  draw(curve, bot.curve.map(Number), true);
  const today = line.querySelector('.today'), profit = line.querySelector('.profit');
  if (today) {
    put(today, signed(bot.today));
    today.className = `today ${sign(bot.today)}`;
  }
  put(profit, signed(bot.profit));
  profit.className = `profit strong ${sign(bot.profit)}`;
  if (whole) each(line.querySelector('.acts'), bot.controls, spec => spec.action, () => h('button', {type: 'button'}), (button, spec) => control(button, spec, {instrument: bot.key}));
}
