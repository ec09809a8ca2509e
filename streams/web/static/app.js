// The page: which view is shown, what is asked of the server for it, and what stands around it.

import {h, show} from './lib/dom.js';
import {banner, loading} from './lib/actions.js';
import {connect, onConnection, open, state, take} from './lib/store.js';
import {clock} from './lib/format.js';
import * as frame from './shell/frame.js';

const content = document.getElementById('content');
const banners = document.getElementById('banners');
const VIEWS = ['market', 'instrument', 'bots', 'pipeline', 'backtests', 'alerts'];

let current = null;

function route() {
  const [, view, ...rest] = location.pathname.split('/');
  const parameters = Object.fromEntries(new URLSearchParams(location.search));
  delete parameters.theme;
  if (view === 'instrument') parameters.instrument = decodeURIComponent(rest.join('/'));
  return {view: VIEWS.includes(view) ? view : 'market', parameters};
}

/** Shows what the address says. */
async function render() {
  const {view, parameters} = route();
  const shown = JSON.stringify([view, parameters.instrument]);
  frame.mark(view === 'instrument' ? 'bots' : view);
  if (current?.shown === shown) {
    current.change?.(parameters);
    connect(view, parameters);
    return;
  }
  current?.close?.();
  const mine = current = {shown};
  const late = setTimeout(() => { if (current === mine) show(content, h('div', {class: 'view'}, loading('the page'))); }, 150);
  const module = await import(`./views/${view}.js`);
  clearTimeout(late);
  if (current !== mine) return;
  const root = h('div', {class: `view v-${view}`});
  show(content, root);
  document.title = `${module.title} · hedgehog`;
  connect(view, parameters);
  Object.assign(mine, module.mount(root, parameters) || {});
}

/** Goes to an address of ours; with `replace` Back does not come here again. */
export function go(address, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  if (!replace) scrollTo(0, 0);
  return render();
}

document.addEventListener('click', event => {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || link.target || url.pathname.startsWith('/static/') || link.hash) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
addEventListener('popstate', render);
addEventListener('hedgehog-go', event => go(event.detail.address, event.detail.replace));
addEventListener('hedgehog-fault', event => {
  show(faults, banner('bad', `${event.detail.name} could not be drawn.`, event.detail.error));
});

const outage = h('div', {}), faults = h('div', {}), troubles = h('div', {});
banners.append(outage, troubles, faults);
frame.begin(troubles);
let told = '';
onConnection(connection => {
  const lost = connection.ever && !connection.live;
  document.documentElement.classList.toggle('is-lost', lost);
  const text = lost ? `Not live since ${clock(connection.since)}.` : '';
  if (text === told) return;
  told = text;
  const again = h('button', {type: 'button', class: 'btn', onclick: open}, 'Now');
  show(outage, lost ? banner('warn', text, 'Trying again; prices are from then, and nothing can be changed.', again) : []);
});

take(JSON.parse(document.getElementById('first').textContent));
state.ever = true;
render();
