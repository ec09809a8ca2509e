// Search over all instruments: the arrows choose, Enter opens, Shift+Enter or + adds to the market page.

import {ask} from '../lib/actions.js';
import {h, show} from '../lib/dom.js';

const input = document.getElementById('search');
const list = document.getElementById('found');
const WAIT_MS = 60;

let rows = [];
let chosen = 0;
let waiting = 0;
let asked = 0;

const go = address => dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address}}));
export const addressOf = key => `/instrument/${encodeURI(key)}`;

export function begin() {
  input.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, WAIT_MS);
  });
  input.addEventListener('focus', () => { if (input.value) find(); });
  input.addEventListener('keydown', onKey);
  document.addEventListener('pointerdown', event => { if (!event.target.closest('.search')) close(); });
}

async function find() {
  const mine = ++asked;
  if (!input.value.trim()) return close();
  let found;
  try {
    found = await ask(`/api/search?q=${encodeURIComponent(input.value)}`);
  } catch (error) {
    found = {found: [], error: error.message};
  }
  if (mine !== asked) return;
  rows = found.found;
  chosen = 0;
  draw(found);
}

function draw(found) {
  const items = rows.map((row, i) => h('li', {role: 'option', id: `found-${i}`, 'data-key': row.key, 'aria-selected': i === chosen ? 'true' : 'false', onclick: event => pick(i, event.target.closest('.add'))},
    h('b', {}, row.base), h('span', {class: 'quiet'}, ` ${row.quote}`), h('span', {class: 'quiet where'}, row.exchange), row.live ? h('span', {class: 'chip'}, 'live') : null,
    h('span', {class: 'add', title: 'Add to the market page'}, '+ add')));
  const none = found.error || (found.known ? `nothing is called that among ${found.known} instruments` : 'no instrument is known yet: hedgehog settings seed');
  show(list, items.length ? items : h('li', {role: 'option', 'aria-disabled': 'true', class: 'quiet'}, none));
  list.hidden = false;
  input.setAttribute('aria-expanded', 'true');
  input.setAttribute('aria-activedescendant', rows.length ? `found-${chosen}` : '');
}

function pick(i, add) {
  const row = rows[i];
  if (!row) return;
  if (add) dispatchEvent(new CustomEvent('hedgehog-add', {detail: {key: row.key}}));
  else go(addressOf(row.key));
  input.value = '';
  close();
  input.blur();
}

function close() {
  asked++;
  rows = [];
  list.hidden = true;
  input.setAttribute('aria-expanded', 'false');
  input.removeAttribute('aria-activedescendant');
}

function onKey(event) {
  if (event.key === 'Escape') {
    input.value = '';
    close();
    input.blur();
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    if (rows.length) chosen = (chosen + (event.key === 'ArrowDown' ? 1 : rows.length - 1)) % rows.length;
    for (const [i, item] of [...list.children].entries()) item.setAttribute('aria-selected', i === chosen ? 'true' : 'false');
    input.setAttribute('aria-activedescendant', `found-${chosen}`);
  } else if (event.key === 'Enter') {
    event.preventDefault();
    pick(chosen, event.shiftKey);
  }
}
