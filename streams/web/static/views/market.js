// The market: a card an instrument, grouped by exchange; the bots below, alerts and the same coin elsewhere beside.

import {control, empty, said} from '../lib/actions.js';
import {each, h, hidden, mark, put, show} from '../lib/dom.js';
import {change, grouped, priceParts, setTime, signed, sign, time, duration} from '../lib/format.js';
import {draw, spark} from '../lib/spark.js';
import {known, now, on, onConnection, open} from '../lib/store.js';
import {addressOf} from '../shell/search.js';
import {alertsPanel} from '../parts/alerts.js';
import {botsPanel} from '../parts/bots.js';
import {spreadsPanel} from '../parts/spreads.js';

export const title = 'Market';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
// A price that was still lights up. One that never is would be lit all the time, and each is painted sixty times a second.
const FLASH_AFTER_MS = 1000;

export function mount(root, parameters) {
  const page = new Market(root, parameters);
  return {change: next => page.change(next), close: () => page.close()};
}

class Market {
  constructor(root, parameters) {
    this.groups = h('div', {class: 'groups'});
    this.ends = [];
    this.cards = new Map();
    const bots = h('section', {class: 'panel bots', 'aria-labelledby': 'h-bots'});
    const alerts = h('section', {class: 'panel', 'aria-labelledby': 'h-alerts'});
    const spreads = h('section', {class: 'panel', 'aria-labelledby': 'h-spreads'});
    root.append(h('h1', {class: 'vh'}, 'Market'), h('div', {class: 'col'}, this.groups, bots), h('aside', {class: 'side', 'aria-label': 'Alerts and spreads'}, alerts, spreads));
    this.ends.push(botsPanel(bots), alertsPanel(alerts, 'alerts'), spreadsPanel(spreads));
    const onKey = event => this.key(event.detail);
    const onAdd = event => this.add(event.detail.key);
    addEventListener('hedgehog-key', onKey);
    addEventListener('hedgehog-add', onAdd);
    this.ends.push(() => removeEventListener('hedgehog-key', onKey), () => removeEventListener('hedgehog-add', onAdd));
    this.ends.push(onConnection(() => this.age()));
    this.change(parameters);
  }

  change(parameters) {
    this.chosen = parameters.keys || '';
    this.endList?.();
    this.endList = on(`list ${this.chosen}`, list => this.list(list));
  }

  close() {
    this.endList?.();
    for (const end of this.ends) end();
    for (const card of this.cards.values()) card.close();
  }

  list(list) {
    this.keys = list.groups.flatMap(group => group.keys);
    for (const [key, card] of this.cards) {
      if (!this.keys.includes(key)) {
        card.close();
        this.cards.delete(key);
      }
    }
    if (!this.keys.length) {
      show(this.groups, this.none(list));
      this.groups.hedgehogKeyed = null;
      return;
    }
    if (this.groups.querySelector('.empty')) this.groups.replaceChildren();
    each(this.groups, list.groups, group => group.exchange, group => this.makeGroup(group), (section, group) => {
      each(section.querySelector('ul'), group.keys, key => key, key => this.makeCard(key));
    });
    const input = document.getElementById('search');
    input.placeholder = `Search ${grouped(String(list.instruments))} instruments`;
    // a market that came since the stream was opened has no panel in it yet
    if (this.keys.some(key => known(`card ${key}`) === undefined) && !this.asked) {
      this.asked = true;
      setTimeout(() => { this.asked = false; open(); }, 300);
    }
  }

  none(list) {
    if (!list.instruments) {
      return empty('No instruments yet', 'Ask the exchanges what they have, then choose what is streamed.', h('code', {}, 'hedgehog settings seed'));
    }
    const names = list.suggested.map(key => key.split(':')[1]).join(', ');
    const button = h('button', {type: 'button', class: 'btn', onclick: () => this.go(list.suggested)}, `Add ${names}`);
    return empty('Nothing on this page', 'Search above, or start with three.', button);
  }

  makeGroup(group) {
    const rate = h('span', {});
    const dot = h('i', {class: 'dot off'});
    const id = `g-${group.exchange}`;
    const section = h('section', {class: 'group', 'aria-labelledby': id}, h('h2', {id}, dot, group.exchange, rate), h('ul', {class: 'cards'}));
    this.ends.push(on('strip', data => {
      const feed = data.feeds?.[group.exchange];
      put(rate, feed ? `${feed.rate} trades/s` : 'no trades');
      dot.className = `dot ${feed ? feed.state : 'off'}`;
    }));
    return section;
  }

  makeCard(key) {
    const card = new Card(key, () => this.remove(key));
    this.cards.set(key, card);
    return card.root;
  }

  age() {
    for (const card of this.cards.values()) card.age();
  }

  go(keys) {
    const value = keys.length ? keys.map(encodeURI).join(',') : '-';
    dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address: `/market?keys=${value}`}}));
  }

  add(key) {
    if (!this.keys.includes(key)) this.go([...this.keys, key]);
    said(`${key} is on the page`);
  }

  remove(key) {
    const at = this.keys.indexOf(key);
    this.go(this.keys.filter(other => other !== key));
    said(`${key} removed; Back brings it back`);
    requestAnimationFrame(() => this.groups.querySelectorAll('[data-item] a.name')[Math.max(at - 1, 0)]?.focus());
  }

  key({key, item}) {
    if (key === 'x' && item?.dataset.key && item.classList.contains('card')) this.remove(item.dataset.key);
  }
}

class Card {
  constructor(key, remove) {
    this.key = key;
    this.ticked = 0;
    this.name = h('a', {class: 'name', href: addressOf(key)}, h('b', {}), h('span', {}));
    this.change = h('span', {class: 'chg'});
    this.price = h('data', {class: 'price'}, h('span', {}), h('span', {class: 'sub'}));
    this.line = spark(104, 30);
    this.low = h('span', {class: 'lo'});
    this.high = h('span', {class: 'hi'});
    this.at = h('i', {});
    this.range = h('div', {class: 'range', role: 'img'}, this.low, h('span', {class: 'bar'}, this.at), this.high);
    this.foot = h('span', {class: 'foot'});
    this.end = h('span', {class: 'end'});
    this.x = h('button', {type: 'button', class: 'x', onclick: remove}, mark('cross'));
    this.root = h('li', {class: 'card', 'data-item': '', 'data-key': key},
      h('div', {class: 'card-top'}, this.name, this.change, this.x),
      h('div', {class: 'card-mid'}, this.price, this.line), this.range,
      h('div', {class: 'card-foot'}, this.foot, this.end));
    this.ends = [on(`card ${key}`, data => this.show(data)), on(`spark ${key}`, data => draw(this.line, data.points))];
  }

  close() {
    for (const end of this.ends) end();
  }

  show(data) {
    const before = this.data;
    this.data = data;
    put(this.name.firstChild, data.base);
    put(this.name.lastChild, data.quote);
    this.x.setAttribute('aria-label', `Remove ${data.base}/${data.quote} on ${data.exchange}`);
    this.root.classList.toggle('has-bot', Boolean(data.bot));
    this.root.classList.toggle('is-empty', data.price === null);
    if (data.price === null) return this.blank(data);
    if (before?.price !== data.price) this.tick(before?.price, data.price);
    if (before?.change !== data.change) {
      show(this.change, change(data.change));
      this.line.setAttribute('class', `spark ${sign(data.change) || 'up'}`);
    }
    if (before?.low !== data.low || before?.high !== data.high) {
      put(this.low, grouped(data.low));
      put(this.high, grouped(data.high));
      const over = data.since ? `range since ${new Date(data.since).toISOString().slice(11, 16)} UTC` : '24 hour range';
      this.range.setAttribute('aria-label', `${over} ${data.low} to ${data.high}`);
      this.range.title = data.since ? 'Known for less than 24 hours' : 'Range of 24 hours';
    }
    if (before?.place !== data.place) this.at.style.left = `${data.place / 10}%`;
    this.age();
  }

  blank(data) {
    show(this.change);
    this.price.firstChild.textContent = '–';
    this.price.lastChild.textContent = '';
    show(this.foot, data.known ? (data.streamed ? 'waiting for the first trade' : 'not streamed') : 'no such instrument');
    show(this.end);
  }

  tick(old, price) {
    const [large, small] = priceParts(price);
    put(this.price.firstChild, large);
    put(this.price.lastChild, small);
    this.price.value = price;
    const rested = performance.now() - this.ticked > FLASH_AFTER_MS;
    this.ticked = performance.now();
    if (old && rested && !calm.matches) {
      const colour = Number(price) >= Number(old) ? 'var(--up)' : 'var(--down)';
      this.flash?.cancel();
      this.flash = this.price.animate([{backgroundColor: `color-mix(in srgb, ${colour} 34%, transparent)`}, {backgroundColor: 'transparent'}], {duration: 600, easing: 'ease-out'});
    }
  }

  /** What depends on the clock: how old the last trade is. */
  age() {
    const data = this.data;
    if (!data || data.price === null) return;
    const silent = now() - data.time;
    const stale = silent > data.stale_ms;
    const state = JSON.stringify([stale && duration(silent), data.average, data.bot]);
    this.root.classList.toggle('is-stale', stale);
    if (state !== this.state) {
      this.state = state;
      show(this.foot, stale ? h('span', {class: 'chip warn'}, mark('warn'), `no trade for ${duration(silent)}`) : ['avg 5 min ', change(data.average)]);
      const bot = data.bot && h('a', {class: 'chip bot', href: addressOf(this.key)}, hidden('bot, profit '), h('b', {class: sign(data.bot)}, signed(data.bot)));
      this.time = time(data.time);
      show(this.end, data.bot && !stale ? bot : this.time);
    }
    setTime(this.time, data.time);
  }
}
