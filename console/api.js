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
  if (answer.status === 401) window.dispatchEvent(new CustomEvent('pulse-signed-out'));
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
let stream = null, again = null;

function tell(changes, reset) { for (const listener of listeners) listener(changes, reset); }

export function connect() {
  if (stream || !listeners.size) return;
  stream = new EventSource(withBase('/v1/changes'));
  stream.addEventListener('changes', event => tell(JSON.parse(event.data), false));
  stream.addEventListener('reset', () => tell([], true));
  stream.addEventListener('end', () => { disconnect(); window.dispatchEvent(new CustomEvent('pulse-signed-out')); });
  // The browser connects again by itself, and goes on where it was, unless the server refused.
  stream.onerror = () => {
    if (!stream || stream.readyState !== EventSource.CLOSED) return;
    disconnect();
    again = setTimeout(connect, 10000);
  };
}

export function disconnect() {
  clearTimeout(again);
  if (stream) stream.close();
  stream = null;
}

// Hear of changes: listener([{kind, id}], reset). Returns what ends it.
export function listen(listener) {
  listeners.add(listener);
  connect();
  return () => { listeners.delete(listener); if (!listeners.size) disconnect(); };
}
