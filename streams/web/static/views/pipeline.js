import {h} from '../lib/dom.js';
export const title = 'pipeline';
export function mount(root) { root.append(h('h1', {}, 'pipeline')); }
