// The keyboard. No single key trades.

import {help} from '../lib/actions.js';
import {h} from '../lib/dom.js';
import {isUtc, setUtc} from '../lib/format.js';

const KEYS = [
  ['/', 'search'], ['j k', 'next and previous'], ['Enter', 'open it'], ['x', 'remove it from the page'],
  ['g m, g b, g p, g t, g a', 'Market, Bots, Pipeline, Backtests, Alerts'], ['1 to 6', 'length of the candles'],
  ['t', 'light or dark'], ['u', 'UTC or your zone'], ['c', 'copy the command of what is chosen'], ['Esc', 'close, leave'], ['?', 'this list'],
];
const PLACES = {m: '/market', b: '/bots', p: '/pipeline', a: '/alerts', t: '/backtests'};

let before = '';

export function begin() {
  document.addEventListener('keydown', onKey);
}

const items = () => [...document.querySelectorAll('[data-item]')].filter(item => item.offsetParent);

/** The item that has the focus, or holds what has. */
export const chosen = () => document.activeElement?.closest?.('[data-item]');

function move(step) {
  const all = items();
  if (!all.length) return;
  const at = all.indexOf(chosen());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
  (next.matches('a,button,[tabindex]') ? next : next.querySelector('a,button'))?.focus();
  next.scrollIntoView({block: 'nearest'});
}

function onKey(event) {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  const typing = event.target.closest('input,textarea,select,[contenteditable]');
  if (typing || document.querySelector('dialog[open]')) return;
  const key = event.key;
  if (before === 'g' && PLACES[key]) {
    before = '';
    dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address: PLACES[key]}}));
    return;
  }
  before = key;
  if (key === '/') {
    event.preventDefault();
    document.getElementById('search').focus();
  } else if (key === 'j' || key === 'k') move(key === 'j' ? 1 : -1);
  else if (key === 't') dispatchEvent(new Event('hedgehog-theme'));
  else if (key === 'u') setUtc(!isUtc());
  else if (key === '?') help('Keys', h('dl', {class: 'kv'}, KEYS.map(([name, what]) => h('div', {}, h('dt', {}, h('kbd', {}, name)), h('dd', {}, what)))));
  else if (key === 'Escape') document.activeElement?.blur?.();
  else dispatchEvent(new CustomEvent('hedgehog-key', {detail: {key, item: chosen()}}));
}
