// The settings of an instrument, and the form that changes them: with the same refusals as the command line.

import {act, banner, command, said} from '../lib/actions.js';
import {h, put, show} from '../lib/dom.js';
import {on} from '../lib/store.js';

/** Draws into `root`; returns what ends it. */
export function settingsPanel(root, key) {
  const problem = h('div', {}), fields = h('div', {class: 'fields'}), shell = h('div', {});
  const save = h('button', {type: 'submit', class: 'btn'}, 'Change');
  const streaming = h('button', {type: 'button', class: 'btn'}), watching = h('button', {type: 'button', class: 'btn'});
  const form = h('form', {onsubmit: event => { event.preventDefault(); submit(); }}, fields, problem, shell, h('p', {class: 'row'}, streaming, watching, save));
  root.append(h('details', {class: 'settings'}, h('summary', {class: 'ph'}, h('h2', {id: 'h-settings'}, 'Settings')), h('div', {class: 'pad'}, form)));
  const inputs = new Map();
  let now = null;

  const typed = () => Object.fromEntries([...inputs].filter(([name, input]) => input.value.trim() !== now.fields.find(field => field.field === name).value).map(([name, input]) => [name, input.value.trim()]));

  async function submit() {
    const changed = typed();
    if (!Object.keys(changed).length) {
      show(problem, banner('warn', 'Nothing to change: the values are as they were.'));
      return;
    }
    save.disabled = true;
    try {
      await act('settings', {instrument: key, fields: changed});
      show(problem);
      said('settings: sent');
    } catch (error) {
      show(problem, banner('bad', error.message, error.hint));
    }
    save.disabled = false;
  }

  function say() {
    const options = Object.entries(typed()).map(([name, value]) => `${now.fields.find(field => field.field === name).option} ${value}`);
    show(shell, options.length ? command([now.command, ...options].join(' ')) : []);
  }

  async function turn(button, name, on_) {
    button.disabled = true;
    try {
      await act(name, {instrument: key, on: on_});
      show(problem);
    } catch (error) {
      show(problem, banner('bad', error.message, error.hint));
    }
    button.disabled = false;
  }

  return on(`settings ${key}`, data => {
    const before = now;
    now = data;
    if (!inputs.size) {
      show(fields, data.fields.map(field => {
        const input = h('input', {id: `f-${field.field}`, name: field.field, inputmode: 'decimal', autocomplete: 'off', 'aria-describedby': `d-${field.field}`, oninput: say});
        inputs.set(field.field, input);
        input.value = field.value;
        return h('div', {class: 'field'}, h('label', {for: input.id}, field.label), input, h('small', {id: `d-${field.field}`}, field.help));
      }));
    }
    for (const field of data.fields) {
      const input = inputs.get(field.field), was = before?.fields.find(each => each.field === field.field)?.value;
      // what somebody is typing stays, unless it is what now holds
      if (input.value.trim() === was || input.value.trim() === field.value) input.value = field.value;
    }
    say();
    put(streaming, data.streaming ? 'Stop streaming' : 'Stream');
    streaming.onclick = () => turn(streaming, 'stream', !data.streaming);
    put(watching, data.watched ? 'Stop watching' : 'Watch');
    watching.onclick = () => turn(watching, 'watch', !data.watched);
    save.disabled = streaming.disabled = watching.disabled = !data.known;
  });
}
