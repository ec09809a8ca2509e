// All bots: how each stands, and what can be done to it.

import {h} from '../lib/dom.js';
import {botsPanel} from '../parts/bots.js';

export const title = 'Bots';

export function mount(root) {
  const panel = h('section', {class: 'panel bots whole', 'aria-labelledby': 'h-bots'});
  root.append(panel);
  return {close: botsPanel(panel, true)};
}
