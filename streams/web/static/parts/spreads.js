// The same coin on several exchanges.

import {empty} from '../lib/actions.js';
import {h, show} from '../lib/dom.js';
import {grouped} from '../lib/format.js';
import {on} from '../lib/store.js';

/** Draws the panel into `root`; returns what ends it. */
export function spreadsPanel(root) {
  const place = h('div', {});
  root.append(h('div', {class: 'ph'}, h('h2', {id: 'h-spreads'}, 'Across exchanges'), h('span', {class: 'quiet'}, 'in US dollars')), place);
  return on('spreads', data => {
    if (!data.rows.length) {
      show(place, h('div', {class: 'pad'}, empty('Nothing to compare', 'A coin that is streamed from two exchanges shows here.')));
      return;
    }
    const head = h('tr', {}, h('th', {scope: 'col'}, h('span', {class: 'vh'}, 'coin')), data.exchanges.map(name => h('th', {scope: 'col'}, name)));
    const body = data.rows.map(row => h('tr', {}, h('th', {scope: 'row'}, row.base), row.cells.map(cell => h('td', {}, cell ? [grouped(cell.price), h('small', {}, cell.points === null ? cell.quote : `${grouped(cell.points)} bp`)] : '–'))));
    show(place, h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Prices across exchanges'}, h('table', {class: 'spreads'}, h('caption', {class: 'vh'}, 'The same coin on several exchanges, in US dollars'), h('thead', {}, head), h('tbody', {}, body))));
  });
}
