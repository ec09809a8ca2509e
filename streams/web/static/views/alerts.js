// The history of alerts.

import {h} from '../lib/dom.js';
import {alertsPanel} from '../parts/alerts.js';

export const title = 'Alerts';

export function mount(root) {
  const panel = h('section', {class: 'panel', 'aria-labelledby': 'h-alerts'});
  root.append(panel);
  return {close: alertsPanel(panel, 'history', 'h1')};
}
