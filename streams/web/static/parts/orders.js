// The orders of an instrument, their fills, and why each was made.

import {empty} from '../lib/actions.js';
import {each, h, put} from '../lib/dom.js';
import {grouped, setTime, time} from '../lib/format.js';
import {on} from '../lib/store.js';
import {why} from './why.js';

/** Draws into `root`; `heard` is told all that comes. Returns what ends it. */
export function ordersPanel(root, key, base, heard) {
  const body = h('tbody', {}), fills = h('tbody', {});
  const count = h('span', {class: 'quiet'});
  const box = h('div', {class: 'why', hidden: true, 'aria-live': 'off'});
  const unit = h('th', {scope: 'col'}, base || 'quantity');
  const columns = [['time', 'l'], ['order', 'l'], ['side', 'l'], ['price', ''], null, ['done', ''], ['state', 'l'], ['because', 'l']];
  const orders = h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of orders'}, h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Orders, newest first'), h('thead', {}, h('tr', {}, columns.map(column => (column ? h('th', {scope: 'col', class: column[1]}, column[0]) : unit)))), body));
  const executions = h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of fills', hidden: true}, h('table', {class: 't fills'}, h('caption', {class: 'vh'}, 'Execution reports, newest first'), h('thead', {}, h('tr', {}, [['time', 'l'], ['side', 'l'], ['price', ''], ['quantity', ''], ['commission', ''], ['report', 'l']].map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))), fills));
  const nothing = h('div', {class: 'pad'}, empty('No orders yet', 'A bot that trades places them here, each with its reason.'));
  const tabs = [['Orders', orders], ['Fills', executions]].map(([name, table], i) => h('button', {type: 'button', 'aria-pressed': i ? 'false' : 'true', onclick: event => choose(event.target, table)}, name));
  function choose(button, table) {
    for (const tab of tabs) tab.setAttribute('aria-pressed', tab === button ? 'true' : 'false');
    orders.hidden = table !== orders;
    executions.hidden = table !== executions;
  }
  root.append(h('div', {class: 'ph'}, h('h2', {id: 'h-orders'}, 'Orders'), h('div', {class: 'seg', role: 'group', 'aria-label': 'What is listed'}, tabs), count), nothing, orders, executions, box);
  let chosen = null;
  const close = () => {
    box.hidden = true;
    chosen = null;
    for (const row of body.children) row.removeAttribute('aria-selected');
  };
  const open = order => {
    chosen = order.id;
    for (const row of body.children) row.toggleAttribute('aria-selected', row.dataset.order === order.id);
    why(box, order, close);
  };
  const end = on(`orders ${key}`, data => {
    nothing.hidden = data.orders.length > 0;
    each(body, data.orders, order => order.id, order => make(order, open), change);
    each(fills, data.fills, fill => fill.id, fill);
    put(count, data.orders.length ? `${grouped(String(data.known))} known, ${data.open} open` : '');
    heard(data);
  });
  return {end, open: () => chosen};
}

function make(order, open) {
  const row = h('tr', {'data-item': '', 'data-order': order.id},
    h('td', {class: 'l'}, time(order.time, 'exact')),
    h('td', {class: 'l'}, h('button', {type: 'button', class: 'link why-link', title: 'Why was it made?', onclick: () => open(row.order)}, order.short)),
    h('td', {class: `l ${order.side}`}, order.side.toUpperCase()), h('td', {}, grouped(order.price)), h('td', {}, grouped(order.quantity)),
    h('td', {}, h('span', {class: 'meter', role: 'img'}, h('i', {class: order.side}))), h('td', {class: 'l'}, h('span', {class: 'st'})), h('td', {class: 'l quiet'}));
  return row;
}

function change(row, order) {
  row.order = order;
  const cells = row.children;
  setTime(cells[0].firstChild, order.time);
  const meter = cells[5].firstChild;
  meter.setAttribute('aria-label', `${Math.round(order.done / 10)} percent filled`);
  meter.firstChild.style.width = `${order.done / 10}%`;
  const state = cells[6].firstChild;
  state.className = `st ${order.state.replace(' ', '-')}`;
  put(state, order.state);
  put(cells[7], order.because);
}

function fill(report) {
  return h('tr', {}, h('td', {class: 'l'}, time(report.time, 'exact')), h('td', {class: `l ${report.side}`}, report.side.toUpperCase()), h('td', {}, grouped(report.price)), h('td', {}, grouped(report.quantity)), h('td', {}, grouped(report.commission)), h('td', {class: 'l quiet'}, report.kind));
}
