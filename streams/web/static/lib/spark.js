// A line that shows the shape of something, without axes.

import {s} from './dom.js';

/** An empty spark line of this size. */
export function spark(width, height, kind = 'spark') {
  return s('svg', {class: kind, viewBox: `0 0 ${width} ${height}`, width, height, 'aria-hidden': 'true', 'data-w': width, 'data-h': height},
    s('polygon', {}), s('polyline', {}), s('circle', {r: 2.2}));
}

/** Draws heights from 0 to 1000; `fit` lets any numbers be heights. */
export function draw(line, points, fit = false) {
  const width = Number(line.dataset.w), height = Number(line.dataset.h);
  if (points.length < 2) {
    for (const part of line.children) part.removeAttribute('points');
    line.lastElementChild.setAttribute('visibility', 'hidden');
    return;
  }
  let heights = points;
  if (fit) {
    const low = Math.min(...points), high = Math.max(...points);
    heights = points.map(point => (high > low ? (point - low) / (high - low) * 1000 : 500));
  }
  const pad = 3;
  const places = heights.map((point, i) => [(i * width / (heights.length - 1)).toFixed(1), (height - pad - point * (height - 2 * pad) / 1000).toFixed(1)]);
  const path = places.map(place => place.join(',')).join(' ');
  line.children[0].setAttribute('points', `0,${height} ${path} ${width},${height}`);
  line.children[1].setAttribute('points', path);
  const dot = line.lastElementChild;
  dot.setAttribute('visibility', 'visible');
  dot.setAttribute('cx', places.at(-1)[0]);
  dot.setAttribute('cy', places.at(-1)[1]);
}
