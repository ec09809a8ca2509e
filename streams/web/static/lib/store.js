// What the server says, by panel, and the stream that it comes by.
//
// A frame is {now, boot, whole, panels: {name: shown}}; a whole one replaces all that was known. The browser connects
// again by itself and gets a whole frame. Three seconds without any frame are an outage: the server sends one a second.

const SILENT_MS = 3000;

const panels = new Map();
const listeners = new Map();
const watchers = new Set();
let source = null;
let address = '';
let heardAt = 0;
let offset = 0;
let boot = '';
let retryAt = 0;

export const state = {live: false, ever: false, since: 0, age: 0};

/** The server's clock, in milliseconds. */
export const now = () => Date.now() + offset;

/** Calls `show(data)` for what is known of a panel and for whatever comes; returns what ends that. */
export function on(name, show) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(show);
  if (panels.has(name)) show(panels.get(name));
  return () => {
    listeners.get(name)?.delete(show);
    if (!listeners.get(name)?.size) listeners.delete(name);
  };
}

/** Calls `show(state)` when the connection comes or goes, and once a second. */
export function onConnection(show) {
  watchers.add(show);
  show(state);
  return () => watchers.delete(show);
}

export const known = name => panels.get(name);

/** Takes a frame; the first one is in the page itself. */
export function take(frame) {
  offset = frame.now - Date.now();
  if (boot && frame.boot !== boot) dispatchEvent(new CustomEvent('hedgehog-boot'));
  boot = frame.boot;
  if (frame.whole) {
    for (const name of [...panels.keys()]) if (!(name in frame.panels)) panels.delete(name);
  }
  for (const [name, data] of Object.entries(frame.panels)) {
    panels.set(name, data);
    for (const show of listeners.get(name) || []) {
      try {
        show(data);
      } catch (error) {
        console.error(name, error);
        dispatchEvent(new CustomEvent('hedgehog-fault', {detail: {name, error: String(error)}}));
      }
    }
  }
  if (frame.whole) dispatchEvent(new CustomEvent('hedgehog-whole'));
}

function heard() {
  heardAt = performance.now();
  const was = state.live;
  state.live = state.ever = true;
  state.age = Math.max(0, now() - Date.now() - offset);
  if (!was) tell();
}

function lost() {
  if (!state.live) return;
  state.live = false;
  state.since = now() - (performance.now() - heardAt);
  tell();
}

function tell() {
  for (const show of watchers) show(state);
}

/** Listens to what a view shows: the name of the view, and what its address says. */
export function connect(view, parameters) {
  const query = new URLSearchParams({view, ...parameters});
  const wanted = `/events?${query}`;
  if (wanted === address && source && source.readyState !== EventSource.CLOSED) return;
  address = wanted;
  open();
}

/** Connects again at once. */
export function open() {
  source?.close();
  retryAt = performance.now();
  source = new EventSource(address);
  const mine = source;
  mine.onmessage = event => {
    if (mine !== source) return;
    heard();
    take(JSON.parse(event.data));
  };
  mine.onerror = () => { if (mine === source && mine.readyState === EventSource.CLOSED) lost(); };
}

setInterval(() => {
  if (!source) return;
  const silent = performance.now() - heardAt;
  if (silent > SILENT_MS) lost();
  // a browser gives up on some answers: then it is tried here
  const dead = source.readyState === EventSource.CLOSED || silent > 4 * SILENT_MS;
  if (dead && performance.now() - retryAt > 2000) open();
  tell();
}, 500);
