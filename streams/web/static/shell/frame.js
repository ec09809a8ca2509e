// What stands around every view: pages, search, clock, colours, the strip, the keys.

import {banner, control, said} from '../lib/actions.js';
import {h, hidden, put, show} from '../lib/dom.js';
import {clock, isUtc, setUtc} from '../lib/format.js';
import {now, on, onConnection} from '../lib/store.js';
import * as keys from './keys.js';
import * as search from './search.js';
import * as strip from './strip.js';

const halt = document.getElementById('halt');
const zone = document.getElementById('zone');
const live = document.getElementById('live');

let spec = null;

/** Shows which page is open. */
export function mark(view) {
  for (const link of document.querySelectorAll('[data-view]')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** Begins to keep all of it up to date; what does not answer is told in `troubles`. */
export function begin(troubles) {
  strip.begin(document.getElementById('strip'), (data) => {
    spec = data.halt;
    control(halt, spec);
    const lines = [...(data.loading ? [`Loading: ${data.loading}`] : []), ...data.trouble];
    const text = lines.join('\n');
    if (troubles.dataset.text === text) return;
    troubles.dataset.text = text;
    show(troubles, lines.map(line => banner(line.startsWith('Loading') ? 'warn' : 'bad', line)));
  });
  on('strip', data => {
    for (const count of document.querySelectorAll('.count')) {
      count.hidden = !data.alerts;
      put(count, String(data.alerts));
    }
  });
  onConnection(connection => {
    const word = !connection.ever ? 'loading' : connection.live ? 'live' : 'not live';
    put(live.querySelector('.word'), word);
    live.querySelector('.dot').className = `dot ${connection.live ? 'ok' : connection.ever ? 'warn' : 'off'}`;
    if (spec) control(halt, spec);
    tickClock();
  });
  zone.onclick = () => {
    setUtc(!isUtc());
    tickClock();
  };
  document.getElementById('theme').onclick = turn;
  addEventListener('hedgehog-theme', turn);
  addEventListener('hedgehog-boot', () => said('connected to a new server'));
  search.begin();
  keys.begin();
  tickClock();
}

function tickClock() {
  const kind = isUtc() ? 'UTC' : 'local';
  if (zone.dataset.kind !== kind) {
    zone.dataset.kind = kind;
    show(zone, h('span', {}), h('small', {}, kind), hidden(isUtc() ? ' time; change to your zone' : ' time; change to UTC'));
  }
  put(zone.firstChild, clock(now()));
}

function turn() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* then it holds for this page */ }
  dispatchEvent(new Event('hedgehog-themed'));
}
