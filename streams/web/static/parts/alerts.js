// The list of alerts: beside the market, and as a page.

import {empty, said} from '../lib/actions.js';
import {each, h, hidden, mark, put, show} from '../lib/dom.js';
import {grouped, time} from '../lib/format.js';
import {now, on} from '../lib/store.js';
import {addressOf} from '../shell/search.js';

const HOUR_MS = 3600e3;
const WORDS = {up: 'up: ', down: 'down: ', done: 'done: ', apart: 'apart: ', warn: 'warning: '};

const snoozedUntil = () => { try { return Number(localStorage.getItem('snoozed')) || 0; } catch { return 0; } };

/** Draws the panel of this name into `root`; returns what ends it. */
export function alertsPanel(root, name, heading = 'h2') {
  const list = h('ol', {class: 'alerts'});
  const nothing = h('div', {class: 'pad'}, empty('No alerts yet', 'A watched price off its average, a new high or low, a finished cycle shows here.', h('code', {}, 'hedgehog watch add SYMBOL')));
  const snooze = h('button', {type: 'button', class: 'link'});
  root.append(h('div', {class: 'ph'}, h(heading, {id: 'h-alerts'}, 'Alerts'), snooze), nothing, list);
  const shown = () => {
    const until = snoozedUntil();
    put(snooze, until > now() ? 'Snoozed, wake' : 'Snooze 1 h');
    snooze.title = 'Alerts are still listed, and not said or counted in this browser; Telegram has a button of its own';
  };
  snooze.onclick = () => {
    try { localStorage.setItem('snoozed', String(snoozedUntil() > now() ? 0 : now() + HOUR_MS)); } catch { /* not kept */ }
    shown();
  };
  shown();
  let newest = null;
  return on(name, data => {
    nothing.hidden = data.alerts.length > 0;
    each(list, data.alerts, alert => alert.id, row);
    const first = data.alerts[0];
    if (newest !== null && first && first.id !== newest && snoozedUntil() < now()) said(`${first.pair}: ${first.title}`, false);
    newest = first?.id || '';
  });
}

function row(alert) {
  const parts = [alert.text, alert.held_back ? `${alert.held_back} more held back` : null].filter(Boolean).map(tidy).join('; ');
  return h('li', {'data-item': ''},
    h('span', {class: `a-icon ${{done: 'fill', apart: 'gap'}[alert.icon] || alert.icon}`}, mark(alert.icon), hidden(WORDS[alert.icon])),
    h('div', {}, h('p', {}, h('b', {}, tidy(alert.title))), h('p', {class: 'a-sub'}, h('a', {href: addressOf(alert.key)}, alert.pair), ` ${alert.exchange}`), h('p', {class: 'a-sub'}, parts)),
    time(alert.time, 'moment'));
}

const tidy = text => text.replace(/(?<![\d.])\d{4,}(\.\d+)?/g, number => grouped(number));
