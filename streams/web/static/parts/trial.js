// A backtest that is started from the page: the form, how far the command is, and where it ends.

import {act, banner, command, said} from '../lib/actions.js';
import {h, put, show} from '../lib/dom.js';
import {duration, grouped} from '../lib/format.js';
import {now, on, onConnection, state} from '../lib/store.js';

const KINDS = [['run', 'One setting'], ['sweep', 'Sweep']];
const BEFORE = [
  ['--from', 'from', 'the beginning', 'ISO 8601, UTC: when it was written to the topic, or traded in files'],
  ['--to', 'to', 'the end', 'ISO 8601, UTC, not included'],
];
const AFTER = [
  ['--random', 'random draws', 'none', 'Draw so many settings from the values; START:STOP then needs no step', 'sweep'],
  ['--seed', 'seed', '0', 'Of the random draws', 'sweep'],
  ['--top', 'best to show', '10', 'The best so many are saved', 'sweep'],
  ['--train-until', 'train until', 'the end', 'Choose by the trades before this time, show those after, too', 'sweep'],
  ['--engine', 'engine', 'fast', 'fast or reference: both give the same orders', 'run'],
  ['--latency-ms', 'latency, ms', '0', 'How long an order is on its way to the exchange'],
  ['--name', 'name', 'none', 'To find it again'],
];
const COMPARED_MAX = 4;
const ENDED = {failed: 'bad', cancelled: 'warn'};

/** Draws into `root`; `ended(runs)` is called when a command that this page has seen running has saved its runs. Returns what ends it. */
export function trialPanel(root, ended) {
  const form = new Form(root);
  const ends = [on('form', data => form.offer(data)), on('job', job => form.follow(job, ended)), onConnection(() => form.tick())];
  return () => { for (const end of ends) end(); };
}

/** Where a command's runs are shown: one, or the best side by side. */
export const addressOfRuns = runs => (runs.length === 1 ? `/backtests?run=${runs[0]}` : `/backtests?compare=${runs.slice(0, COMPARED_MAX).join(',')}`);

class Form {
  constructor(root) {
    this.kind = 'run';
    this.inputs = new Map();
    this.tabs = KINDS.map(([kind, label]) => h('button', {type: 'button', 'data-kind': kind, onclick: () => this.choose(kind)}, label));
    this.names = h('datalist', {id: 'bt-instruments'});
    this.symbol = this.input('--symbol', {list: 'bt-instruments', required: true, placeholder: 'XRPUSDT'});
    this.from = h('select', {id: 'bt-source', onchange: () => this.say()}, h('option', {value: 'topic'}, 'the topic'), h('option', {value: 'file'}, 'an archive, or files'));
    this.file = this.input('--file', {placeholder: 'archive/trades'});
    this.objective = h('select', {id: 'bt-objective', onchange: () => this.say()});
    this.objective.dataset.option = '--objective';
    this.fileField = field('folder or file', this.file, 'On the machine of the dashboard');
    this.first = h('div', {class: 'bt-fields'}, field('instrument', this.symbol), field('trades of', this.from), this.fileField, BEFORE.map(each => this.made(each)));
    this.parameters = h('div', {class: 'bt-fields'});
    this.objectiveField = field('best by', this.objective);
    this.more = h('div', {class: 'bt-fields'}, this.objectiveField, AFTER.map(each => this.made(each)));
    this.shell = h('div', {});
    this.problem = h('div', {});
    this.start = h('button', {type: 'submit', class: 'btn primary'}, 'Start');
    this.stop = h('button', {type: 'button', class: 'btn', onclick: () => this.cancel()}, 'Cancel');
    this.bar = h('progress', {'aria-label': 'How far the backtest is'});
    this.how = h('p', {class: 'quiet'});
    this.running = h('div', {class: 'bt-running', hidden: true}, this.bar, h('p', {class: 'row'}, this.how, this.stop));
    this.result = h('div', {});
    const body = h('form', {class: 'pad bt', onsubmit: event => { event.preventDefault(); this.submit(); }, oninput: () => this.say()},
      this.names, this.first, this.parameters, h('details', {}, h('summary', {}, 'More'), this.more), this.problem, this.result, this.running, h('div', {class: 'bt-foot'}, this.shell, this.start));
    root.append(h('div', {class: 'ph'}, h('h2', {id: 'h-trial'}, 'New backtest'), h('div', {class: 'seg', role: 'group', 'aria-label': 'What is tried'}, this.tabs)), body);
    this.choose('run');
  }

  input(option, more) {
    const input = h('input', {id: `bt${option}`, 'data-option': option, autocomplete: 'off', spellcheck: 'false', ...more});
    this.inputs.set(option, input);
    return input;
  }

  made([option, label, placeholder, help, kind]) {
    const made = field(label, this.input(option, {placeholder}), help);
    if (kind) made.dataset.kind = kind;
    return made;
  }

  choose(kind) {
    this.kind = kind;
    for (const tab of this.tabs) tab.setAttribute('aria-pressed', String(tab.dataset.kind === kind));
    for (const only of this.more.querySelectorAll('[data-kind]')) only.hidden = only.dataset.kind !== kind;
    this.objectiveField.hidden = kind !== 'sweep';
    for (const each of this.fields || []) this.inputs.get(each.option).placeholder = this.kind === 'sweep' && each.swept ? (each.option === '--chunks' ? '3,5 or 1:9:2' : '0.001,0.002') : 'as live';
    this.say();
  }

  /** What can be chosen, as the server knows it. */
  offer(data) {
    show(this.names, data.instruments.map(key => h('option', {value: key})));
    if (this.fields) return;
    this.fields = data.fields;
    show(this.parameters, data.fields.map(each => field(each.label, this.input(each.option, {inputmode: 'text'}), each.help)));
    show(this.objective, data.objectives.map((name, i) => h('option', {value: i ? name : ''}, name)));
    if (!this.symbol.value) this.symbol.value = data.instruments[0] || '';
    this.choose(this.kind);
  }

  /** What is typed, by option, in the order in which the command has it. */
  options() {
    const found = {};
    if (this.from.value === 'topic') found['--topic'] = true;
    const order = ['--symbol', '--file', '--from', '--to', '--settings', ...(this.fields || []).map(each => each.option), '--random', '--seed', '--top', '--objective', '--train-until', '--engine', '--latency-ms', '--name'];
    const only = new Map([...AFTER.map(each => [each[0], each[4]]), ['--objective', 'sweep']]);
    for (const option of order) {
      const text = option === '--settings' ? (this.from.value === 'file' ? 'live' : '') : (option === '--objective' ? this.objective : this.inputs.get(option)).value.trim();
      const fits = !only.get(option) || only.get(option) === this.kind;
      if (text && fits && (option !== '--file' || this.from.value === 'file')) found[option] = text;
    }
    return found;
  }

  say() {
    this.fileField.hidden = this.from.value !== 'file';
    this.file.required = !this.fileField.hidden;
    const words = ['hedgehog', 'backtest', this.kind];
    for (const [option, value] of Object.entries(this.options())) {
      if (value === true) words.push(option);
      else if (value.startsWith('-')) words.push(quoted(`${option}=${value}`));
      else words.push(option, quoted(value));
    }
    const text = [...words, '--save'].join(' ');
    if (this.shell.dataset.text === text) return;
    this.shell.dataset.text = text;
    show(this.shell, command(text));
  }

  async submit() {
    this.start.disabled = true;
    try {
      await act('backtest', {kind: this.kind, options: this.options()});
      show(this.problem);
    } catch (error) {
      show(this.problem, banner('bad', error.message, error.hint));
    }
    this.tick();
  }

  async cancel() {
    this.stop.disabled = true;
    try {
      await act('cancel', {});
    } catch (error) {
      show(this.problem, banner('bad', error.message, error.hint));
    }
    this.stop.disabled = false;
  }

  /** What the server says of the command that runs, or ran last. */
  follow(job, ended) {
    const before = this.job;
    this.job = job;
    this.running.hidden = job.state !== 'running';
    if (job.total) {
      this.bar.max = job.total;
      this.bar.value = job.done;
    } else this.bar.removeAttribute('value');
    this.tick();
    const key = `${job.state} ${job.began_ms}`;
    if (this.told === key) return;
    this.told = key;
    if (job.state === 'running') show(this.result);
    else if (ENDED[job.state]) show(this.result, banner(ENDED[job.state], job.error || 'Cancelled; nothing was saved.', job.hint), command(job.command));
    else if (job.state === 'done') show(this.result, h('p', {class: 'quiet'}, `Saved after ${duration(job.ended_ms - job.began_ms)}: `, job.runs.slice(0, COMPARED_MAX).map((run, i) => [i ? ', ' : '', h('a', {class: 'link', href: `/backtests?run=${run}`}, `run ${run}`)]), job.runs.length > COMPARED_MAX ? ` and ${job.runs.length - COMPARED_MAX} more` : ''));
    if (before?.state === 'running' && job.state !== 'running') {
      said(`the backtest: ${job.state}`);
      if (job.state === 'done') ended(job.runs);
    }
  }

  /** What changes with the clock and the connection. */
  tick() {
    const job = this.job;
    const runs = job?.state === 'running';
    this.start.disabled = runs || !state.live;
    this.start.title = runs ? 'one runs already' : state.live ? '' : 'the dashboard is not connected';
    if (!runs) return;
    const took = Math.max(now() - job.began_ms, 0);
    const count = job.total ? `${grouped(String(job.done))} of ${grouped(String(job.total))} ${job.what}` : job.done ? `${grouped(String(job.done))} ${job.what}` : '';
    put(this.how, [job.doing.replace('…', ''), count].filter(Boolean).join(' ') + `; ${duration(took)} so far`);
  }
}

function field(label, input, help) {
  const more = help ? h('small', {id: `${input.id}-d`}, help) : null;
  if (more) input.setAttribute('aria-describedby', more.id);
  return h('div', {class: 'bt-field'}, h('label', {for: input.id}, label), input, more);
}

/** A word as a shell takes it. */
const quoted = text => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
