// What is behind the strip: servers, feeds, how far each reader is behind, sinks and their errors, dead letters.

import {ask, banner, command, control, empty, loading} from '../lib/actions.js';
import {each, h, put, show} from '../lib/dom.js';
import {duration, grouped, time} from '../lib/format.js';
import {now, on} from '../lib/store.js';

export const title = 'Pipeline';

const ROLES = {broker: 'carries every topic', registry: 'keeps the schemas', connect: 'writes the topics into Postgres', postgres: 'keeps orders, fills and candles'};

export function mount(root) {
  const servers = h('tbody', {}), readers = h('tbody', {}), sinks = h('tbody', {}), feeds = h('tbody', {});
  const parts = h('div', {class: 'reader-parts'}), audit = h('div', {class: 'pad'}), letters = h('div', {});
  const count = h('span', {class: 'quiet'});
  const again = h('button', {type: 'button', class: 'link', onclick: () => list(letters)}, 'Read again');
  root.append(h('h1', {class: 'vh'}, 'Pipeline'), h('div', {class: 'pgrid'},
    section('Servers', table('Servers', [['server', 'l'], ['state', 'l'], ['what it does', 'l'], ['says', 'l']], servers)),
    section('Feeds', table('Feeds', [['exchange', 'l'], ['trades/s', ''], ['last trade', '']], feeds)),
    section('Readers', table('How far readers are behind', [['reader', 'l'], ['topic', 'l'], ['records', ''], ['behind', ''], ['partitions', 'l']], readers), parts, 'wide'),
    section('Sinks', table('Sinks of Kafka Connect', [['sink', 'l'], ['state', 'l'], ['tasks', 'l'], ['error', 'l']], sinks), null, 'wide'),
    h('section', {class: 'panel wide', id: 'letters', 'aria-label': 'Dead letters'}, h('div', {class: 'ph'}, h('h2', {}, 'Dead letters'), count, again), letters),
    h('section', {class: 'panel wide', id: 'audit', 'aria-label': 'Audit'}, h('div', {class: 'ph'}, h('h2', {}, 'Audit')), audit)));
  let known = -1;
  const end = on('pipeline', data => {
    each(servers, data.parts, part => part.name, row(4), (line, part) => cells(line, [part.name, state(part.up), ROLES[part.name] || '', part.detail]));
    each(feeds, data.feeds, feed => feed.exchange, row(3), (line, feed) => cells(line, [feed.exchange, feed.rate, feed.at ? `${duration(now() - feed.at)} ago` : 'none']));
    each(readers, data.behind, reader => `${reader.group} ${reader.topic}`, row(5), (line, reader) => {
      cells(line, [reader.group.replace('connect-', 'sink of '), reader.topic, grouped(String(reader.records)), reader.ms < 0 ? 'unknown' : reader.ms ? duration(reader.ms) : 'not behind', '']);
      bars(line.children[4], reader.partitions);
      line.children[3].className = reader.ms > 8000 ? 'warn-text' : '';
    });
    each(sinks, data.sinks, sink => sink.name, row(4), (line, sink) => {
      const fine = sink.state === 'RUNNING' && sink.tasks.every(task => task === 'RUNNING');
      cells(line, [sink.name, h('span', {}, h('i', {class: `dot ${fine ? 'ok' : 'bad'}`}), sink.state.toLowerCase()), sink.tasks.join(', ').toLowerCase(), sink.error]);
    });
    put(count, data.letters ? `${grouped(String(data.letters))} in all` : 'none');
    if (data.letters !== known) {
      known = data.letters;
      if (data.letters) list(letters);
      else show(letters, h('div', {class: 'pad'}, empty('No dead letters', 'A record that cannot be handled is kept here, with the error and its bytes.')));
    }
    const said = data.audit;
    const when = said.at_ms ? h('p', {}, `${grouped(String(said.orders))} orders were replayed from their topics, ${said.differing ? `${said.differing} differ` : 'all equal'}; `, time(said.at_ms, 'moment')) : h('p', {class: 'quiet'}, said.running ? 'The first audit is running.' : 'No audit has been run.');
    const key = JSON.stringify(said);
    if (audit.dataset.key !== key) {
      audit.dataset.key = key;
      show(audit, said.error ? banner('bad', said.error) : said.differing ? banner('bad', said.differing === 1 ? '1 order does not replay equal.' : `${grouped(String(said.differing))} orders do not replay equal.`, said.first) : null, when, command('hedgehog audit'));
    }
  });
  return {close: end};
}

const row = count => () => h('tr', {'data-item': '', tabindex: '-1'}, h('th', {scope: 'row', class: 'l'}), Array.from({length: count - 1}, () => h('td', {})));

function cells(line, values) {
  for (const [i, value] of values.entries()) {
    const cell = line.children[i];
    if (typeof value === 'string') put(cell, value);
    else if (cell.textContent !== value.textContent || !cell.firstElementChild) show(cell, value);
    if (i && (typeof value !== 'string' || !/^[\d.,]+( |$)|^(not|none|unknown)/.test(value))) cell.classList.add('l');
  }
}

const state = up => h('span', {}, h('i', {class: `dot ${up ? 'ok' : 'bad'}`}), up ? 'answers' : 'does not answer');

function section(name, content, more, kind = '') {
  return h('section', {class: `panel ${kind}`, 'aria-label': name}, h('div', {class: 'ph'}, h('h2', {}, name)), content, more);
}

function table(caption, columns, body) {
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Table: ${caption}`}, h('table', {class: 't'}, h('caption', {class: 'vh'}, caption), h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))), body));
}

/** A small bar a partition: as high as it is behind. */
function bars(cell, partitions) {
  cell.classList.add('l');
  const text = JSON.stringify(partitions);
  if (cell.dataset.text === text) return cell;
  cell.dataset.text = text;
  const most = Math.max(1000, ...partitions.map(part => part.ms));
  if (!partitions.length) return show(cell, '–');
  return show(cell, h('span', {class: 'bars', role: 'img', 'aria-label': partitions.map(part => `partition ${part.number}: ${part.records} records`).join(', ')}, partitions.map(part => {
    const bar = h('i', {title: `partition ${part.number}: ${part.records} records, ${duration(part.ms)}`});
    bar.style.height = `${2 + 14 * part.ms / most}px`;
    return bar;
  })));
}

/** Lists the newest letters; one that is being read stays open when there are more. */
async function list(root) {
  const known = root.querySelector('.letters');
  if (!known) show(root, h('div', {class: 'pad'}, loading('dead letters')));
  let found;
  try {
    found = await ask('/api/ask/letters');
  } catch (error) {
    show(root, h('div', {class: 'pad'}, banner('bad', error.message, error.hint)));
    return;
  }
  const letters = known || h('ol', {class: 'letters'});
  each(letters, found.letters, letter => letter.id, line);
  if (letters.parentElement !== root) show(root, letters);
}

function line(letter) {
  const more = h('div', {hidden: true});
  const open = h('button', {type: 'button', class: 'link', 'aria-expanded': 'false', onclick: () => read(letter, more, open)}, 'Read it');
  return h('li', {'data-item': ''}, h('p', {}, h('b', {}, letter.error)), h('p', {class: 'a-sub'}, `${letter.topic} partition ${letter.partition} offset ${letter.offset}, key ${letter.key ?? 'none'}; by ${letter.source}; `, time(Date.parse(letter.time), 'moment'), ' ', open), more);
}

async function read(letter, root, button) {
  root.hidden = !root.hidden;
  button.setAttribute('aria-expanded', String(!root.hidden));
  if (root.hidden) return;
  show(root, loading('the letter'));
  try {
    const found = await ask(`/api/ask/letter?id=${encodeURIComponent(letter.id)}`);
    const button = h('button', {type: 'button'}), sent = h('p', {class: 'a-sub', role: 'status'});
    const values = {id: letter.id};
    control(button, found.control, values, () => {
      control(button, found.control, values);
      put(sent, 'Its record is in the topic again. If it is refused once more, another letter is listed.');
    });
    show(root, h('p', {class: 'a-sub'}, `Today it ${found.today}`), h('pre', {tabindex: '0'}, dump(found.value || '')), command(`hedgehog dlq show ${letter.id}`), sent, h('p', {class: 'row'}, button));
  } catch (error) {
    show(root, banner('bad', error.message, error.hint));
  }
}

/** Bytes as people look at them: sixteen a line, and the characters they are. */
function dump(hex) {
  const lines = [];
  for (let at = 0; at < Math.min(hex.length, 2048); at += 32) {
    const pairs = hex.slice(at, at + 32).match(/../g) || [];
    const text = pairs.map(pair => { const code = parseInt(pair, 16); return code > 31 && code < 127 ? String.fromCharCode(code) : '·'; }).join('');
    lines.push(`${(at / 2).toString(16).padStart(4, '0')}  ${pairs.join(' ').padEnd(47)}  ${text}`);
  }
  return lines.join('\n') + (hex.length > 2048 ? '\n…' : '') || 'no bytes';
}
