// The list of alerts: beside the market, and as a page.

import {arrived, control, empty, said} from '../lib/actions.js';
import {each, h, hidden, mark, put, show} from '../lib/dom.js';
import {clock, grouped, time} from '../lib/format.js';
import {on, onConnection} from '../lib/store.js';
import {addressOf} from '../shell/search.js';

const WORDS = {up: 'up: ', down: 'down: ', done: 'done: ', apart: 'apart: ', warn: 'warning: '};

/** Draws the panel of this name into `root`; returns what ends it. */
export function alertsPanel(root, name, heading = 'h2') {
  const list = h('ol', {class: 'alerts'});
  const nothing = h('div', {class: 'pad'}, empty('No alerts yet', 'A watched price off its average, a new high or low, a finished cycle shows here.', h('code', {}, 'hedgehog watch add SYMBOL')));
  const snooze = h('button', {type: 'button'}), asleep = h('p', {class: 'snoozed'});
  root.append(h('div', {class: 'ph'}, h(heading, {id: 'h-alerts'}, 'Alerts'), snooze), asleep, nothing, list);
  let newest = null, spec = null;
  const tick = () => {
    if (!spec) return;
    control(snooze, spec, {for: spec.for});
    snooze.className = 'link';
  };
  const end = on(name, data => {
    if (spec?.for !== data.snooze.for) arrived('snooze');
    spec = data.snooze;
    tick();
    const all = data.snoozed.find(each => !each.key), some = data.snoozed.filter(each => each.key);
    put(asleep, all ? `Nobody is told until ${clock(all.until)}.` : some.map(each => `${each.key} is not told until ${clock(each.until)}.`).join(' '));
    asleep.hidden = !data.snoozed.length;
    nothing.hidden = data.alerts.length > 0;
    each(list, data.alerts, alert => alert.id, row);
    const first = data.alerts[0];
    if (newest !== null && first && first.id !== newest && !all) said(`${first.pair}: ${first.title}`, false);
    newest = first?.id || '';
  });
  const endTick = onConnection(tick);
  return () => { end(); endTick(); };
}

function row(alert) {
  const parts = [alert.text, alert.held_back ? `${alert.held_back} more held back` : null].filter(Boolean).map(tidy).join('; ');
  return h('li', {'data-item': ''},
    h('span', {class: `a-icon ${{done: 'fill', apart: 'gap'}[alert.icon] || alert.icon}`}, mark(alert.icon), hidden(WORDS[alert.icon])),
    h('div', {}, h('p', {}, h('b', {}, tidy(alert.title))), h('p', {class: 'a-sub'}, h('a', {href: addressOf(alert.key)}, alert.pair), ` ${alert.exchange}`), h('p', {class: 'a-sub'}, parts)),
    time(alert.time, 'moment'));
}

const tidy = text => text.replace(/(?<![\d.])\d{4,}(\.\d+)?/g, number => grouped(number));
