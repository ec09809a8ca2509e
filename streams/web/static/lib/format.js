// Numbers and times as people read them. Decimals come as text and stay text: nothing is rounded here but for display.

import {h, hidden, mark} from './dom.js';

const MINUS = '−';

/** A decimal with commas between thousands, and a true minus. */
export function grouped(text) {
  const negative = text.startsWith('-');
  const [whole, fraction] = (negative ? text.slice(1) : text).split('.');
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return (negative ? MINUS : '') + groups + (fraction === undefined ? '' : `.${fraction}`);
}

/** A price whose last two decimals are smaller, as [large, small]. */
export function priceParts(text) {
  const shown = grouped(text);
  const decimals = (shown.split('.')[1] || '').length;
  return decimals >= 2 ? [shown.slice(0, -2), shown.slice(-2)] : [shown, ''];
}

/** A large number in few digits: 184.2 M. */
export function short(text) {
  const value = Math.abs(Number(text));
  for (const [unit, name] of [[1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e4, ' k']]) {
    if (value >= unit) return (Number(text) / (name === ' k' ? 1e3 : unit)).toFixed(1) + name;
  }
  return grouped(value >= 100 ? Number(text).toFixed(0) : value >= 1 ? Number(text).toFixed(2) : text);
}

export const sign = text => (text.startsWith('-') ? 'down' : /[1-9]/.test(text) ? 'up' : '');

/** A number with its sign: +12.41. */
export function signed(text) {
  const way = sign(text);
  return way === 'up' ? `+${grouped(text)}` : grouped(way ? text : text.replace('-', ''));
}

/** A change in percent: a triangle and the colour of its way, in words for those who see neither. */
export function change(text) {
  const way = sign(text);
  const number = grouped(text.replace('-', ''));
  if (!way) return h('span', {class: 'quiet'}, `${number} %`);
  return h('span', {class: way}, mark(way), hidden(`${way} `), `${number} %`);
}

let utc = false;
try { utc = localStorage.getItem('zone') === 'utc'; } catch { /* storage is not allowed here */ }

export const isUtc = () => utc;

export function setUtc(on) {
  utc = on;
  try { localStorage.setItem('zone', on ? 'utc' : 'local'); } catch { /* then it holds for this page */ }
  dispatchEvent(new Event('hedgehog-zone'));
}

const two = number => String(number).padStart(2, '0');

/** Hours, minutes and seconds of a time in milliseconds, in the zone that was chosen. */
export function clock(ms, withMs = false) {
  const t = new Date(ms);
  const parts = utc ? [t.getUTCHours(), t.getUTCMinutes(), t.getUTCSeconds()] : [t.getHours(), t.getMinutes(), t.getSeconds()];
  return parts.map(two).join(':') + (withMs ? `.${String(t.getUTCMilliseconds()).padStart(3, '0')}` : '');
}

/** A day and a time: today's have the time alone. */
export function moment(ms, now = Date.now()) {
  const day = new Date(ms).toLocaleDateString('en-GB', {day: 'numeric', month: 'short', timeZone: utc ? 'UTC' : undefined});
  const today = new Date(now).toLocaleDateString('en-GB', {day: 'numeric', month: 'short', timeZone: utc ? 'UTC' : undefined});
  return day === today ? clock(ms) : `${day} ${clock(ms).slice(0, 5)}`;
}

/** How long something is, in one unit: 4 min. */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60e3) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3600e3) return `${Math.floor(ms / 60e3)} min`;
  if (ms < 48 * 3600e3) return `${Math.floor(ms / 3600e3)} h`;
  return `${Math.floor(ms / 86400e3)} days`;
}

/** A <time> element; `data-ms` lets it be written again when the zone changes. */
export function time(ms, kind = 'clock') {
  return h('time', {datetime: new Date(ms).toISOString(), 'data-ms': ms, 'data-kind': kind}, timeText(ms, kind));
}

export function setTime(element, ms, kind = element.dataset.kind || 'clock') {
  if (Number(element.dataset.ms) === ms) return;
  element.dataset.ms = ms;
  element.dataset.kind = kind;
  element.setAttribute('datetime', new Date(ms).toISOString());
  element.textContent = timeText(ms, kind);
}

function timeText(ms, kind) {
  return kind === 'moment' ? moment(ms) : clock(ms, kind === 'exact');
}

addEventListener('hedgehog-zone', () => {
  for (const element of document.querySelectorAll('time[data-ms]')) {
    element.textContent = timeText(Number(element.dataset.ms), element.dataset.kind);
  }
});
