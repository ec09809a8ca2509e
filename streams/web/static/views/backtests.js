// Backtests: the form that starts one; those that were saved, one of them, two or more side by side.

import {ask, banner, command, empty, loading} from '../lib/actions.js';
import {h, show} from '../lib/dom.js';
import {grouped, sign, signed, time} from '../lib/format.js';
import {money, report} from '../parts/report.js';
import {addressOfRuns, trialPanel} from '../parts/trial.js';

export const title = 'Backtests';

const COLUMNS = [['run', ''], ['saved', 'l'], ['instrument', 'l'], ['name', 'l'], ['trades', ''], ['cycles', ''], ['profit', ''], ['drawdown', ''], ['buy and hold', '']];
const go = (address, replace = false) => dispatchEvent(new CustomEvent('hedgehog-go', {detail: {address, replace}}));

export function mount(root, parameters) {
  const listed = h('div', {}), shown = h('div', {class: 'run'});
  const compare = h('button', {type: 'button', class: 'btn', disabled: true}, 'Compare');
  const trial = h('section', {class: 'panel', 'aria-labelledby': 'h-trial'});
  root.append(shown, h('div', {class: 'btgrid'}, h('section', {class: 'panel', 'aria-labelledby': 'h-runs'}, h('div', {class: 'ph'}, h('h1', {id: 'h-runs'}, 'Backtests'), compare), listed), trial));
  const chosen = new Set();
  compare.onclick = () => go(`/backtests?compare=${[...chosen].join(',')}`);
  const change = next => {
    if (next.compare) side(shown, next.compare);
    else if (next.run) one(shown, next.run);
    else show(shown);
  };
  const refresh = () => {
    chosen.clear();
    counted();
    return list(listed, chosen, counted);
  };
  function counted() {
    compare.disabled = chosen.size < 2;
    compare.textContent = chosen.size < 2 ? 'Compare' : `Compare ${chosen.size}`;
  }
  const close = trialPanel(trial, runs => {
    refresh();
    go(addressOfRuns(runs));
  });
  refresh();
  change(parameters);
  return {change, close};
}

async function list(root, chosen, changed) {
  show(root, h('div', {class: 'pad'}, loading('saved runs')));
  let found;
  try {
    found = await ask('/api/ask/runs');
  } catch (error) {
    show(root, h('div', {class: 'pad'}, banner('bad', error.message, error.hint)));
    return;
  }
  if (!found.runs.length) {
    show(root, h('div', {class: 'pad'}, empty('No backtest was saved', 'Run one over what was recorded, and it shows here:', command('hedgehog backtest run --symbol XRPUSDT --topic --save'))));
    return;
  }
  const rows = found.runs.map(run => h('tr', {'data-item': ''},
    h('td', {class: 'l'}, h('input', {type: 'checkbox', 'aria-label': `Compare run ${run.run}`, onchange: event => { chosen[event.target.checked ? 'add' : 'delete'](run.run); changed(); }})),
    h('th', {scope: 'row'}, h('a', {href: `/backtests?run=${run.run}`}, String(run.run))), h('td', {class: 'l'}, time(Date.parse(run.saved), 'moment')), h('td', {class: 'l'}, run.instrument), h('td', {class: 'l'}, run.name || ''),
    h('td', {}, grouped(String(run.trades))), h('td', {}, grouped(String(run.cycles))), h('td', {class: `strong ${sign(money(run.net_profit))}`}, signed(money(run.net_profit))), h('td', {}, grouped(money(run.max_drawdown))), h('td', {class: sign(money(run.buy_and_hold))}, signed(money(run.buy_and_hold)))));
  show(root, h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Saved runs'}, h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Saved runs, newest first'), h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, h('span', {class: 'vh'}, 'compare')), COLUMNS.map(([name, kind]) => h('th', {scope: 'col', class: kind}, name)))), h('tbody', {}, rows))));
}

async function one(root, number) {
  show(root, h('section', {class: 'panel'}, h('div', {class: 'pad'}, loading('the run'))));
  let run;
  try {
    run = await ask(`/api/ask/run?run=${encodeURIComponent(number)}`);
  } catch (error) {
    show(root, banner('bad', error.message, error.hint));
    return;
  }
  show(root, report(run));
}

async function side(root, numbers) {
  show(root, h('section', {class: 'panel'}, h('div', {class: 'pad'}, loading('the comparison'))));
  let found;
  try {
    found = await ask(`/api/ask/compare?runs=${encodeURIComponent(numbers)}`);
  } catch (error) {
    show(root, banner('bad', error.message, error.hint));
    return;
  }
  const names = found.runs.map(run => `run ${run}`);
  show(root, h('section', {class: 'panel', 'aria-label': 'Runs side by side'}, h('div', {class: 'ph'}, h('h2', {}, names.join(', ')), h('a', {class: 'link', href: '/backtests'}, 'Close')),
    h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table of runs'}, h('table', {class: 't'}, h('caption', {class: 'vh'}, 'Runs side by side'), h('thead', {}, h('tr', {}, ['', ...names].map((name, i) => h('th', {scope: 'col', class: i ? '' : 'l'}, name || h('span', {class: 'vh'}, 'field'))))),
      h('tbody', {}, found.lines.map(line => h('tr', {class: line.differs ? 'differs' : ''}, h('th', {scope: 'row', class: 'l'}, line.field.replaceAll('_', ' ')), names.map(name => h('td', {}, String(line[name] ?? '')))))))),
    h('div', {class: 'pad'}, command(`hedgehog backtest compare ${found.runs.join(' ')}`))));
}
