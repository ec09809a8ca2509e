// Why an order is what it is: replayed from the topics when somebody asks.

import {ask, banner, command, loading} from '../lib/actions.js';
import {h, show} from '../lib/dom.js';
import {grouped} from '../lib/format.js';

let asked = 0;

/** Shows in `root` why there is an order; `close` lets it go. */
export async function why(root, order, close) {
  const mine = ++asked, began = performance.now();
  root.hidden = false;
  show(root, h('div', {class: 'pad'}, loading('the replay')));
  let found;
  try {
    found = await ask(`/api/ask/why?order=${encodeURIComponent(order.id)}`);
  } catch (error) {
    if (mine === asked) show(root, heading(order, close), banner('bad', error.message, error.hint), command(`hedgehog explain ${order.name}`));
    return;
  }
  if (mine !== asked) return;
  const took = Math.round(performance.now() - began);
  const steps = [...(found.start ? [{title: `Trader ${found.trader} started`, ...found.start}] : []), ...found.snapshots.map(snapshot => ({title: snapshot.status.toLowerCase().replace('_', ' '), ...snapshot}))];
  const same = found.differences.length
    ? banner('bad', `The replay gives another order: ${found.differences.length} snapshots differ.`, 'hedgehog audit')
    : h('p', {class: 'quiet'}, `Replayed in ${took} ms: the same order as was recorded, field by field.`);
  show(root, heading(order, close), h('ol', {}, steps.map(step)), same, command(`hedgehog explain ${found.name}`));
  root.scrollIntoView({block: 'nearest'});
}

function heading(order, close) {
  return h('div', {class: 'why-head'}, h('h3', {tabindex: '-1'}, `Why ${order.short}, ${order.side.toUpperCase()} ${grouped(order.price)}`), h('button', {type: 'button', class: 'link', onclick: close}, 'Close'));
}

function step(each) {
  const sums = each.arithmetic.map(sum => h('li', {}, h('code', {}, sum.formula), ' = ', h('b', {}, sum.result), h('small', {}, [sum.what, sum.exact && sum.exact !== sum.result ? `exactly ${sum.exact}` : ''].filter(Boolean).join(': '))));
  const facts = each.state.filter(fact => fact.before !== fact.after);
  return h('li', {},
    h('b', {}, each.title), ` ${each.why}`,
    h('small', {}, each.event.text),
    sums.length ? h('ul', {class: 'sums'}, sums) : null,
    facts.length ? h('table', {class: 'facts-table'}, h('caption', {class: 'vh'}, 'What it changed'), h('thead', {}, h('tr', {}, ['', 'before', 'after'].map(name => h('th', {scope: 'col', class: 'l'}, name || h('span', {class: 'vh'}, 'what'))))),
      h('tbody', {}, facts.map(fact => h('tr', {}, h('th', {scope: 'row', class: 'l'}, fact.what), h('td', {class: 'l'}, fact.before || '–'), h('td', {class: 'l'}, fact.after || '–'))))) : null,
    each.also.length ? h('small', {}, `also: ${each.also.join('; ')}`) : null);
}

