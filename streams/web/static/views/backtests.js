import {h} from '../lib/dom.js';
export const title = 'backtests';
export function mount(root) { root.append(h('h1', {}, 'backtests')); }
