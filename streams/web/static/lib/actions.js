// What changes something: asked first, in numbers, with the shell command that does the same; then sent with the token.

import {h, mark, show} from './dom.js';
import {state} from './store.js';

const token = document.querySelector('meta[name=hedgehog-token]').content;
const dialog = document.getElementById('dialog');

/** Asks the server something; throws an Error whose message says why it has no answer. */
export async function ask(path) {
  return answer(await fetch(path, {headers: {Accept: 'application/json'}}));
}

/** Has something done; throws an Error whose message says why it was not done. */
export async function act(name, values) {
  const body = JSON.stringify(values);
  const headers = {'Content-Type': 'application/json', 'X-Hedgehog-Token': token};
  return answer(await fetch(`/do/${name}`, {method: 'POST', headers, body, credentials: 'same-origin'}));
}

async function answer(response) {
  let found = null;
  try { found = await response.json(); } catch { /* an answer of something else */ }
  if (response.ok && found !== null) return found;
  const error = new Error(found?.error || `the dashboard answered ${response.status}`);
  error.hint = found?.hint || '';
  throw error;
}

/** The command of the shell that does the same, and a button that copies it. */
export function command(text) {
  const button = h('button', {type: 'button', onclick: () => copy(text, button)}, 'Copy');
  return h('p', {class: 'cmd'}, h('code', {tabindex: '0'}, text), button);
}

export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    said('copied: ' + text);
    if (button) {
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    }
  } catch {
    said('the browser does not let this page copy');
  }
}

let lastSaid = 0;

/** Says something to those who listen to the page, a sentence in ten seconds at most unless `now`. */
export function said(text, now = true) {
  if (!now && performance.now() - lastSaid < 10e3) return;
  lastSaid = performance.now();
  document.getElementById('say').textContent = text;
}

const pending = new Map();

/** What was sent has come back: its control need not wait any longer. */
export const arrived = (action, name = '') => pending.delete(`${action} ${name}`);

/**
 * Brings a button up to date with a control of the server's: {action, label, question, text, confirm, command, reason,
 * danger}. It says why it does nothing where it does nothing, and "sent" until what was asked for shows; `done` is called
 * when it was sent.
 */
export function control(button, spec, values = {}, done = () => {}) {
  const id = `${spec.action} ${values.instrument || values.id || ''}`;
  if (spec.reason) pending.delete(id);
  const sent = pending.has(id) && performance.now() - pending.get(id) < 15e3;
  const reason = state.live || !state.ever ? (sent ? 'sent; its effect is waited for' : spec.reason) : 'the dashboard is not connected';
  button.textContent = sent ? `${spec.label}…` : spec.label;
  button.setAttribute('aria-disabled', reason ? 'true' : 'false');
  button.title = reason || spec.text;
  button.className = `btn${spec.danger ? ' danger-ghost' : ''}`;
  button.dataset.action = spec.action;
  button.onclick = () => (reason ? inform(spec.label, reason, spec.command) : confirm(spec, values, () => { pending.set(id, performance.now()); done(); }));
  return button;
}

function inform(title, text, commandText) {
  open([h('h2', {id: 'dialog-title'}, title), h('p', {}, `Not now: ${text}.`), command(commandText), row(closer('Close'))]);
}

/** Asks back, and does it if that is wanted. */
export function confirm(spec, values, done = () => {}) {
  const problem = h('div', {});
  const go = h('button', {type: 'button', class: spec.danger ? 'btn danger' : 'btn', 'data-confirm': spec.action}, spec.confirm);
  go.onclick = async () => {
    go.disabled = true;
    try {
      await act(spec.action, values);
      done();
      said(`${spec.label}: sent`);
      dialog.close();
    } catch (error) {
      go.disabled = false;
      show(problem, banner('bad', error.message, error.hint));
    }
  };
  open([
    h('h2', {id: 'dialog-title'}, spec.question), h('p', {}, spec.text), problem, command(spec.command),
    row(closer('Keep as it is', true), go),
  ]);
}

const row = (...buttons) => h('p', {class: 'row'}, buttons);
const closer = (text, focus) => h('button', {type: 'button', class: 'btn', autofocus: focus, onclick: () => dialog.close()}, text);

/** Opens the dialog with these contents. */
export function open(contents) {
  show(dialog, h('div', {class: 'dialog'}, contents));
  if (!dialog.open) dialog.showModal();
}

export function help(title, contents) {
  open([h('h2', {id: 'dialog-title'}, title), contents, row(closer('Close', true))]);
}

dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });

/** A box that says what is wrong, and what to do. */
export function banner(kind, text, hint, button) {
  const role = kind === 'bad' ? 'alert' : 'status';
  return h('div', {class: `banner ${kind}`, role}, mark(kind === 'bad' ? 'circle' : 'warn'), h('p', {}, h('b', {}, text), hint ? ` ${hint}` : null), button);
}

/** Nothing is there yet: what is missing, and the next step. */
export function empty(title, text, ...next) {
  return h('div', {class: 'empty'}, h('p', {}, h('b', {}, title)), text ? h('p', {}, text) : null, next.length ? h('p', {}, next) : null);
}

/** A place that is being filled; it shows after a moment only. */
export function loading(what) {
  return h('div', {class: 'skel', role: 'status'}, h('span', {class: 'vh'}, `loading ${what}`), h('i', {class: 'w40'}), h('i', {class: 'w70'}), h('i', {class: 'w100'}), h('i', {class: 'w55'}));
}
