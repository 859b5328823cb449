// Requests to Pulse. Each answer says as of when it is and how long it took; what went wrong is an ApiError.
// All routes are below /console/api, where the browser sends the cookie of the session.

const base = new URL('.', import.meta.url);

export class ApiError extends Error {
  constructor(status, message, detail, id) {
    super(message);
    this.status = status;
    this.detail = detail || '';
    this.id = id || '';
  }
  // One of the four states of a part of a page; the others are loading, empty and ready.
  get state() { return this.status === 403 ? 'forbidden' : 'failed'; }
}

// The address of a route; values are encoded: route('/v1/segments/{name}', {name}, {limit: 10}).
export function route(template, values = {}, query = {}) {
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return path + (given.length ? '?' + new URLSearchParams(given) : '');
}

const withBase = path => new URL((path.startsWith('/console/') ? path.slice('/console/'.length) : 'api' + path), base);

async function failure(answer) {
  let said = {};
  try { said = await answer.json(); } catch { /* it has no words */ }
  const message = said.error || said.message || said.errorDetails || (said.detail ? '' : `The server answered ${answer.status}.`);
  const error = new ApiError(answer.status, message || said.detail, message ? said.detail || said.details : '', answer.headers.get('x-request-id'));
  if (answer.status === 401) signedOut();
  return error;
}

// Send a request. Returns {data, asOf, ms}; throws ApiError.
export async function send(method, path, body, { signal } = {}) {
  const began = performance.now();
  const headers = { accept: 'application/json', 'x-pulse-console': '1' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(withBase(path), { method, headers, signal, credentials: 'same-origin', cache: 'no-store',
      body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'Pulse cannot be reached.', 'The network is down, or the gateway is not running.');
  }
  if (!answer.ok) throw await failure(answer);
  const text = await answer.text();
  const json = (answer.headers.get('content-type') || '').includes('json');
  const data = json && text ? JSON.parse(text) : text;
  return { data, asOf: (data && data.asOf) || new Date().toISOString(), ms: performance.now() - began };
}

export const get = (path, options) => send('GET', path, undefined, options);

// Who is signed in: {key, kind, role, seesPeople, standby, database, version}.
export const whoAmI = async () => (await get('/console/session')).data;
export const signIn = key => send('POST', '/console/session', { key });
export const signOut = () => send('DELETE', '/console/session');

// ---- what changes: one stream for the page, which carries ids only ----

const listeners = new Set();
let stream = null;      // what ends the stream that is open
let position = '';      // where to go on: nothing is missed while the network is away, or the page is not looked at
let rest = null;

const tell = (changes, reset) => { for (const listener of listeners) listener(changes, reset); };
const signedOut = () => window.dispatchEvent(new CustomEvent('pulse-signed-out'));

// One event: lines "name: value". Returns false at the end of the stream.
function take(block) {
  const fields = {};
  for (const line of block.split('\n')) { const colon = line.indexOf(': '); if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2); }
  if (fields.id) position = fields.id;
  if (fields.event === 'changes') tell(JSON.parse(fields.data), false);
  if (fields.event === 'reset') tell([], true);
  return fields.event !== 'end';
}

async function readStream(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return true;
    const blocks = (text + value).split('\n\n');
    text = blocks.pop();
    for (const block of blocks) if (!take(block)) return false;
  }
}

// Not by EventSource, which tells neither why it failed nor where it was.
export async function connect() {
  if (stream || !listeners.size) return;
  const mine = stream = new AbortController();
  for (let wait = 3000; stream === mine; wait = Math.min(2 * wait, 60000)) {
    try {
      const answer = await fetch(withBase('/v1/changes'), { signal: mine.signal, credentials: 'same-origin', cache: 'no-store', headers: position ? { 'last-event-id': position } : {} });
      if (answer.status === 401 || answer.ok && !await readStream(answer)) { disconnect(); signedOut(); return; }
      if (answer.ok) wait = 1500; else if (answer.status === 400) position = '';
    } catch { /* it is tried again */ }
    await new Promise(resolve => { setTimeout(resolve, wait); });
  }
}

export function disconnect() {
  if (stream) stream.abort();
  stream = null;
}

// A browser has six connections to a server for all its tabs: one that nobody looks at keeps none.
document.addEventListener('visibilitychange', () => {
  clearTimeout(rest);
  if (document.hidden) rest = setTimeout(disconnect, 30000); else connect();
});

// Hear of changes: listener([{kind, id}], reset). Returns what ends it.
export function listen(listener) {
  listeners.add(listener);
  connect();
  return () => { listeners.delete(listener); if (!listeners.size) disconnect(); };
}
