// Elements from data. Text only ever becomes text: there is no way here to make markup of what comes from outside.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** An element of HTML; children are elements, texts, lists of them, and nothing. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An element of SVG. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Sets a text where it is another one. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces all that is in an element. */
export function show(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/**
 * Lets an element have one child for each item, in their order. `make(item)` gives a child, `change(child, item)`
 * brings one up to date; children are kept by `key(item)`, so what has the focus keeps it.
 */
export function each(parent, items, key, make, change) {
  const known = parent.hedgehogKeyed || new Map();
  const next = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    let child = known.get(name);
    if (!child) child = make(item);
    known.delete(name);
    next.set(name, child);
    if (change) change(child, item);
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of known.values()) gone.remove();
  while (place) {
    const after = place.nextSibling;
    if (![...next.values()].includes(place)) place.remove();
    place = after;
  }
  parent.hedgehogKeyed = next;
}

const MARKS = {
  up: () => s('svg', {class: 'tri', viewBox: '0 0 8 7', 'aria-hidden': 'true'}, s('path', {d: 'M4 0 8 7H0Z'})),
  down: () => s('svg', {class: 'tri', viewBox: '0 0 8 7', 'aria-hidden': 'true'}, s('path', {d: 'M4 7 0 0H8Z'})),
  done: () => s('svg', {class: 'tri', viewBox: '0 0 8 8', 'aria-hidden': 'true'}, s('path', {d: 'M0 4 3 7 8 0', class: 's'})),
  apart: () => s('svg', {class: 'tri', viewBox: '0 0 8 8', 'aria-hidden': 'true'}, s('path', {d: 'M0 2h8M0 6h8', class: 's'})),
  warn: () => s('svg', {class: 'tri', viewBox: '0 0 12 12', 'aria-hidden': 'true'}, s('path', {d: 'M6 1 11.5 11H.5Z'})),
  cross: () => s('svg', {viewBox: '0 0 12 12', 'aria-hidden': 'true'}, s('path', {d: 'M2 2l8 8M10 2l-8 8'})),
  tick: () => s('svg', {class: 'tick', viewBox: '0 0 14 14', 'aria-hidden': 'true'}, s('path', {d: 'M2.5 7.5 6 11l5.5-8'})),
  circle: () => s('svg', {viewBox: '0 0 12 12', 'aria-hidden': 'true'}, s('circle', {cx: 6, cy: 6, r: 5.2})),
};

/** A small picture that says what a word says; the word is there too, for those who do not see it. */
export function mark(name) {
  return MARKS[name]();
}

export const hidden = text => h('span', {class: 'vh'}, text);
