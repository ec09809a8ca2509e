// The pipeline, stage by stage, above every page.

import {each, h, hidden, mark, put, show} from '../lib/dom.js';
import {draw, spark} from '../lib/spark.js';
import {clock, duration, grouped} from '../lib/format.js';
import {now, on} from '../lib/store.js';

const WORDS = {ok: 'running', warn: 'behind', bad: 'down', off: 'not running'};

/** Draws into `root`, and tells `heard` all that comes. */
export function begin(root, heard) {
  const list = h('ol', {tabindex: '0', 'aria-label': 'Stages'});
  const audit = h('a', {class: 'audit', href: '/pipeline#audit'});
  root.replaceChildren(list, audit);
  on('strip', data => {
    each(list, data.nodes, node => node.id, make, change);
    showAudit(audit, data.audit);
    heard(data);
  });
}

function make(node) {
  const link = h('a', {href: '/pipeline'},
    h('span', {class: 'n-name'}, h('i', {class: 'dot'}), hidden(''), node.id),
    h('span', {class: 'n-big'}, h('span', {}), h('small', {})),
    h('span', {class: 'n-sub'}));
  if (node.trend.length) link.append(spark(58, 15));
  return h('li', {class: 'node', 'data-node': node.id}, link);
}

function change(item, node) {
  item.className = `node ${node.state}`;
  const link = item.firstChild;
  link.querySelector('.dot').className = `dot ${node.state}`;
  put(link.querySelector('.vh'), `${WORDS[node.state]}: `);
  put(link.querySelector('.n-big span'), node.big);
  put(link.querySelector('.n-big small'), node.unit ? ` ${node.unit}` : '');
  put(link.querySelector('.n-sub'), node.at ? `last told ${clock(node.at).slice(0, 5)}` : node.sub);
  let line = link.querySelector('svg');
  if (node.trend.length > 1 && !line) link.append(line = spark(58, 15));
  if (line) draw(line, node.trend, true);
}

function showAudit(root, audit) {
  const text = JSON.stringify([audit, Math.floor((now() - audit.at_ms) / 10e3)]);
  if (root.dataset.text === text) return;
  root.dataset.text = text;
  const wrong = audit.differing > 0 || audit.error;
  const name = h('span', {class: 'n-name'}, audit.orders < 0 ? h('i', {class: 'dot off'}) : wrong ? h('i', {class: 'dot bad'}) : mark('tick'), 'audit');
  if (audit.orders < 0) {
    show(root, name, h('span', {class: 'n-big'}, audit.running ? 'running' : audit.error ? 'failed' : 'none yet'), h('span', {class: 'n-sub'}, audit.error || 'replays every order'));
    return;
  }
  const equal = Math.max(0, audit.orders - audit.differing);
  const ago = duration(now() - audit.at_ms);
  show(root, name,
    h('span', {class: 'n-big'}, grouped(String(equal)), h('small', {}, ` of ${grouped(String(audit.orders))}`)),
    h('span', {class: 'n-sub'}, audit.differing ? `${audit.differing} differ, ${ago} ago` : `orders replay equal, ${ago} ago`));
}
