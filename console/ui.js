// What pages are made of. doc/console.md, "How to add a page", shows them in use.
import { html, render, createContext, useState, useEffect, useLayoutEffect, useRef, useMemo, useContext, useCallback, useErrorBoundary } from './vendor/preact.js';
import { setQuery, useAddress } from './address.js';
import { get, send, listen, route } from './api.js';

export { get, send, route };
export { go, link, setQuery, useAddress } from './address.js';
export { html, render, useState, useEffect, useLayoutEffect, useRef, useMemo, useContext, useCallback };

// Who is signed in, for pages: useContext(Session).
export const Session = createContext(null);
// Whether the key may change things; the server decides, this only greys buttons out.
export const useMayWrite = () => (useContext(Session) || {}).kind === 'admin';

// ---- texts ----

const numbers = new Intl.NumberFormat('en');
export const count = value => (value === null || value === undefined ? '–' : numbers.format(value));
export const percent = (value, digits = 1) => (value === null || value === undefined ? '–' : (100 * value).toFixed(digits) + ' %');
export const signed = value => (value === null || value === undefined ? '–' : (value > 0 ? '+' : value < 0 ? '−' : '±') + percent(Math.abs(value)));
// A number that has digits behind the point: as many as it needs, four at most.
export const figure = value => (value === null || value === undefined ? '–' : Number.isInteger(value) ? count(value) : String(+value.toFixed(4)));

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const utc = date => date.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC');

// A moment in the viewer's zone; its title is in UTC.
export function Time({ at, day = false }) {
  if (!at) return html`<span>–</span>`;
  const date = new Date(at);
  if (isNaN(date)) return html`<span>${String(at)}</span>`;
  return html`<time datetime=${date.toISOString()} title=${utc(date)}>${(day ? days : moments).format(date)}</time>`;
}

const spans = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const [unit, size] = spans.find(([, length]) => Math.abs(seconds) >= length) || spans[3];
  const number = Math.round(seconds / size);
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}
// How long before another moment: "3 days".
export const ago = (at, now) => duration((new Date(now) - new Date(at)) / 1000);

// A name that somebody gave, in whatever script.
export const Name = ({ text }) => html`<bdi class="given">${text === null || text === undefined || text === '' ? '–' : String(text)}</bdi>`;
// The same, cut where the cell of a table ends.
export const Short = ({ text }) => html`<span class="clip"><${Name} text=${text} /></span>`;

const severities = { critical: 'critical', high: 'high', medium: 'medium', low: 'low' };
const tones = { ok: 'good', watched: 'good', resolved: 'good', active: 'good', done: 'good', failed: 'critical', failing: 'critical', down: 'critical', open: 'high',
  error: 'critical', degraded: 'medium', warning: 'medium', partial: 'medium', acknowledged: 'medium', running: 'accent', ...severities };
// A state as a word with a colour; tone is good, low, medium, high, critical, accent or quiet.
export const Badge = ({ text, tone }) => html`<span class=${'badge ' + (tone || tones[text] || 'quiet')}>${text}</span>`;

// A value as SQL: for "as SQL". Texts get quotes, objects become jsonb.
export function literal(value) {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.length ? `ARRAY[${value.map(literal).join(', ')}]` : "'{}'";
  if (typeof value === 'object') return literal(JSON.stringify(value));
  const text = String(value).replace(/'/g, "''");
  return text.includes('\\') ? `E'${text.replace(/\\/g, '\\\\')}'` : `'${text}'`;
}

// ---- small things ----

export const Spinner = ({ text = 'Loading' }) => html`<p class="spinner" role="status">${text}…</p>`;

export function Failure({ error, again }) {
  const forbidden = error.state === 'forbidden';
  return html`<div class=${forbidden ? 'notice forbidden' : 'notice failed'} role="alert">
    <strong>${forbidden ? 'Not permitted' : 'Not loaded'}</strong> <span>${error.message}</span>
    ${error.detail ? html`<p>${error.detail}</p>` : null}
    ${error.id ? html`<p class="hint">Request <code>${error.id}</code>: the server's log has more.</p>` : null}
    ${again && !forbidden ? html`<button onClick=${again}>Try again</button>` : null}</div>`;
}

// What is within it fails alone, also when the answer is one that the page did not expect. It is drawn again when `data` are other ones; `again`
// loads them.
export function Guard({ data, again, children }) {
  const [error, reset] = useErrorBoundary();
  useEffect(() => { if (error) reset(); }, [data]);
  if (!error) return children;
  return html`<${Failure} error=${{ state: 'failed', message: 'This part cannot be shown.', detail: String(error.message || error) }} again=${again || reset} />`;
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); toast('Copied'); } catch { toast('The browser does not let pages copy here: select the text and copy it.', 'failed'); }
}

// The SQL that does the same, to copy.
export function AsSql({ sql, open = false }) {
  if (!sql) return null;
  return html`<details class="as-sql" open=${open}><summary>As SQL</summary>
    <div><pre class="sql" tabindex="0"><code>${sql}</code></pre><button class="quiet" onClick=${() => copy(sql)}>Copy</button></div></details>`;
}

// ---- toasts: what happened, also read aloud ----

let showToast = () => {};
export function toast(text, tone = 'good') { showToast({ text, tone, id: Math.random() }); }

export function Toasts() {
  const [list, setList] = useState([]);
  useEffect(() => {
    showToast = one => {
      setList(old => [...old.slice(-3), one]);
      setTimeout(() => setList(old => old.filter(other => other.id !== one.id)), 8000);
    };
    return () => { showToast = () => {}; };
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">${list.map(one => html`<p key=${one.id} class=${'toast ' + one.tone}>${one.text}</p>`)}</div>`;
}

// ---- what changed while one looks ----

// A page that stays open for days counts no further.
const mostChanges = 1000;

// How many things of these kinds (segment, snapshot, incident, job, flag) changed since seen() was called.
export function useChanges(kinds) {
  const [ids, setIds] = useState(new Set());
  const wanted = (kinds || []).join(' ');
  useEffect(() => {
    if (!wanted) return undefined;
    return listen((changes, reset) => {
      const mine = reset ? ['everything'] : changes.filter(one => wanted.split(' ').includes(one.kind)).map(one => one.kind + ' ' + one.id);
      if (mine.length) setIds(old => (old.size < mostChanges ? new Set([...old, ...mine]) : old));
    });
  }, [wanted]);
  return { ids, seen: () => setIds(new Set()) };
}

function ChangedNote({ ids, show }) {
  if (!ids.size) return null;
  const kinds = {};
  for (const id of ids) { const kind = id.split(' ')[0]; kinds[kind] = (kinds[kind] || 0) + 1; }
  const text = kinds.everything || ids.size >= mostChanges ? 'Much changed' : Object.entries(kinds).map(([kind, n]) => `${n} ${kind}${n === 1 ? '' : 's'}`).join(', ') + ' changed';
  return html`<p class="changed" role="status">${text}. <button class="quiet" onClick=${show}>Show</button></p>`;
}

// ---- data ----

// Load a route and keep its state: {state: loading | ready | failed | forbidden, data, asOf, ms, error, reload, more, cancel}.
// With `rows` and `next`, more() adds the next page: `rows` names the list in the answer, `next` the query parameter.
export function useData(path, { rows, next } = {}) {
  const [value, setValue] = useState({ state: 'loading' });
  const running = useRef(null);
  const run = useCallback(async (from, keep) => {
    if (running.current) running.current.abort();
    const control = running.current = new AbortController();
    if (!keep) setValue(old => ({ ...old, state: old.data && old.path === path ? 'ready' : 'loading', busy: true, data: old.path === path ? old.data : undefined }));
    else setValue(old => ({ ...old, busy: true }));
    try {
      const answer = await get(from, { signal: control.signal });
      if (keep) answer.data = { ...answer.data, [rows]: [...keep[rows], ...answer.data[rows]] };
      setValue({ state: 'ready', path, ...answer });
    } catch (error) {
      if (error.name === 'AbortError') { if (running.current === control) setValue({ state: 'failed', path, error: { message: 'Cancelled.' } }); return; }
      setValue(old => (keep ? { ...old, busy: false, moreError: error } : { state: error.state || 'failed', path, error }));
    }
  }, [path]);
  useEffect(() => {
    if (path) run(path);
    return () => { const control = running.current; running.current = null; if (control) control.abort(); };
  }, [path]);
  const nextKey = rows && value.data && value.data.next;
  return { ...value, reload: () => run(path), cancel: () => running.current && running.current.abort(),
    more: nextKey ? () => run(path + (path.includes('?') ? '&' : '?') + next + '=' + encodeURIComponent(value.data.next), value.data) : null };
}

function Waiting({ cancel }) {
  const [late, setLate] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setLate(seconds => seconds + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="waiting" role="status"><span class="bars" aria-hidden="true"><i></i><i></i><i></i></span>
    <span>${late ? `Loading for ${late} s` : 'Loading'}…</span>${late ? html`<button class="quiet" onClick=${cancel}>Cancel</button>` : null}</div>`;
}

const Painted = ({ paint, data, tools }) => paint(data, tools);

// One part of a page: it loads and fails alone, and says as of when it is, how long it took, and its SQL.
//   get     the path of the route           sql      the SQL that answers the same
//   none    data => true if there is nothing; noneText says what that means
//   live    kinds whose changes concern it   rows, next   paging by key, as in useData
//   bare    true: without "as of", where the part around it says the same
//   actions what stands beside the title     children data => what it shows; with a second argument, {reload}
export function Part({ title, get: path, sql, none, noneText = 'There is nothing yet.', live, rows, next, actions, className = '', level = 2, bare, children }) {
  const data = useData(path, { rows, next });
  const { ids, seen } = useChanges(live);
  const show = () => { seen(); data.reload(); };
  const paint = Array.isArray(children) ? children.find(child => typeof child === 'function') : children;
  const Heading = 'h' + level;
  let body;
  if (data.state === 'loading') body = html`<${Waiting} cancel=${data.cancel} />`;
  else if (data.state !== 'ready') body = html`<${Failure} error=${data.error} again=${data.reload} />`;
  else if (none && none(data.data)) body = html`<p class="none">${noneText}</p>`;
  else body = html`<${Guard} data=${data.data} again=${data.reload}><${Painted} paint=${paint} data=${data.data} tools=${{ reload: data.reload, asOf: data.asOf }} /><//>`;
  return html`<section class=${'part ' + className} aria-busy=${String(data.state === 'loading')}>
    ${title || actions ? html`<header>${title ? html`<${Heading}>${title}<//>` : null}<div class="actions">${actions}</div></header>` : null}
    <${ChangedNote} ids=${ids} show=${show} />
    ${body}
    ${data.more ? html`<p class="more"><button onClick=${data.more} disabled=${data.busy}>Show more</button>${data.moreError ? ' ' + data.moreError.message : ''}</p>` : null}
    ${data.state === 'ready' && !bare ? html`<footer><span>As of <${Time} at=${data.asOf} /> · ${Math.max(1, Math.round(data.ms))} ms</span>
      <button class="quiet" onClick=${show} aria-label=${'Load again' + (title ? ': ' + title : '')}>Load again</button><${AsSql} sql=${sql} /></footer>` : null}
  </section>`;
}

// ---- tables ----

// A cell of a spreadsheet that begins with one of these would be a formula.
const cellOf = value => {
  let text = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = "'" + text;
  return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
};
export const toCsv = (columns, rows) => [columns.map(column => cellOf(column.title)), ...rows.map(row => columns.map(column => cellOf(column.value(row))))]
  .map(line => line.join(',')).join('\r\n') + '\r\n';

export function download(name, text, type = 'text/csv;charset=utf-8') {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const anchor = document.createElement('a');
  anchor.href = url; anchor.download = name;
  document.body.append(anchor); anchor.click(); anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const order = (a, b) => (a === b ? 0 : a === null || a === undefined ? 1 : b === null || b === undefined ? -1
  : typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b)));

// A table of rows that are there.
//   columns  [{title, value: row => plain value, cell: row => what is shown (else the value), number, sort: false}]
//   keyOf    row => what tells rows apart        name   of the table: the file name of its CSV, and its sort in the address
//   page     so many rows are shown at first, and so many more when asked; the CSV has all
export function Table({ columns, rows, keyOf, name = 'table', caption, csv = true, page = Infinity }) {
  const [pages, setPages] = useState(1);
  const { query } = useAddress();
  const [column, direction] = (query[name + '.sort'] || '').split('.');
  const named = column ? columns[+column] : null;    // anybody can write an address
  const by = named && named.value && named.sort !== false ? named : null;
  const shown = useMemo(() => (by ? [...rows].sort((a, b) => order(by.value(a), by.value(b)) * (direction === 'down' ? -1 : 1)) : rows), [rows, column, direction]);
  const turn = index => setQuery({ [name + '.sort']: String(index) === column ? (direction === 'down' ? '' : index + '.down') : String(index) });
  return html`<div class="table">
    <table><caption class="hidden">${caption || name}</caption><thead><tr>${columns.map((one, index) => html`<th key=${index} scope="col" class=${one.number ? 'number' : ''}
        aria-sort=${by === one ? (direction === 'down' ? 'descending' : 'ascending') : undefined}>
        ${one.sort === false || !one.title ? html`<span class=${one.title ? '' : 'hidden'}>${one.title || 'Actions'}</span>` : html`<button onClick=${() => turn(index)}>${one.title}<i aria-hidden="true">${by === one ? (direction === 'down' ? '↓' : '↑') : ''}</i></button>`}</th>`)}</tr></thead>
      <tbody>${(page < shown.length ? shown.slice(0, pages * page) : shown).map((row, place) => html`<tr key=${keyOf ? keyOf(row) : place}>${columns.map((one, index) => html`<td key=${index} data-label=${one.title} class=${one.number ? 'number' : ''}>${one.cell ? one.cell(row) : one.number ? figure(one.value(row)) : html`<${Name} text=${one.value(row)} />`}</td>`)}</tr>`)}</tbody></table>
    ${rows.length > pages * page ? html`<p class="more">${count(pages * page)} of ${count(rows.length)} rows. <button onClick=${() => setPages(pages + 1)}>Show more rows</button></p>` : null}
    ${csv && rows.length ? html`<p class="csv"><button class="quiet" onClick=${() => download(name + '.csv', toCsv(columns.filter(one => one.value), shown))}>CSV</button></p>` : null}</div>`;
}

// ---- forms ----

let ids = 0;
export function useId() { const id = useRef(null); if (!id.current) id.current = 'f' + ++ids; return id.current; }

function Field({ field, value, set, disabled, error }) {
  const id = useId();
  const common = { id, name: field.name, disabled, required: field.required, 'aria-describedby': field.help || error ? id + '-help' : undefined,
    'aria-invalid': error ? 'true' : undefined, autofocus: field.autofocus };
  let control;
  if (field.type === 'select') control = html`<select ...${common} value=${value} onChange=${event => set(event.target.value)}>
      ${field.options.map(one => { const [key, text] = Array.isArray(one) ? one : [one, one]; return html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`; })}</select>`;
  else if (field.type === 'checkbox') control = html`<input ...${common} type="checkbox" checked=${!!value} onChange=${event => set(event.target.checked)} />`;
  else if (field.type === 'textarea') control = html`<textarea ...${common} rows=${field.rows || 4} value=${value} onInput=${event => set(event.target.value)} spellcheck="false"></textarea>`;
  else control = html`<input ...${common} type=${field.type || 'text'} value=${value} placeholder=${field.placeholder} autocomplete=${field.autocomplete || 'off'} min=${field.min} max=${field.max} step=${field.step}
      onInput=${event => set(field.type === 'number' && event.target.value !== '' ? +event.target.value : event.target.value)} />`;
  return html`<div class=${field.type === 'checkbox' ? 'field check' : 'field'}><label for=${id}>${field.label}</label>${control}
    ${field.help || error ? html`<p class=${error ? 'hint wrong' : 'hint'} id=${id + '-help'}>${error || field.help}</p>` : null}</div>`;
}

// A form. fields: [{name, label, type: text | password | number | checkbox | select | textarea | datetime-local, options, help, required, value}];
// submit(values) may throw ApiError, which is shown; sql(values) is its SQL.
export function Form({ fields, submit, label, sql, danger, cancel, disabled }) {
  const [values, setValues] = useState(() => Object.fromEntries(fields.map(field => [field.name, field.value ?? (field.type === 'checkbox' ? false : '')])));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const form = useRef();
  useEffect(() => { const first = form.current && form.current.querySelector('[autofocus]'); if (first) first.focus(); }, []);
  const onSubmit = async event => {
    event.preventDefault();
    setBusy(true); setError(null);
    try { await submit(values); } catch (problem) { setError(problem); }
    setBusy(false);
  };
  return html`<form ref=${form} onSubmit=${onSubmit}>
    ${fields.map(field => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} disabled=${busy || disabled} set=${value => setValues(old => ({ ...old, [field.name]: value }))} />`)}
    ${error ? html`<div class="notice failed" role="alert"><span>${error.message}</span>${error.detail ? html`<p>${error.detail}</p>` : null}</div>` : null}
    ${sql ? html`<${AsSql} sql=${sql(values)} open=${true} />` : null}
    <p class="buttons"><button type="submit" class=${danger ? 'main danger' : 'main'} disabled=${busy || disabled}>${busy ? 'Working…' : label}</button>
      ${cancel ? html`<button type="button" onClick=${cancel}>Cancel</button>` : null}</p></form>`;
}

// ---- dialogs ----

export function Dialog({ title, close, children }) {
  const box = useRef();
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => { if (before && before.isConnected) before.focus(); };
  }, []);
  return html`<dialog ref=${box} aria-labelledby=${id} onCancel=${event => { event.preventDefault(); close(); }}
      onClick=${event => { if (event.target === box.current) close(); }}>
    <div class="box"><header><h2 id=${id}>${title}</h2><button class="quiet" onClick=${close} aria-label="Close">✕</button></header>${children}</div></dialog>`;
}

// A button that says what it will do, with its SQL, before it does it.
//   label, title (of the dialog), text (what will happen), fields (as in Form), sql(values), run(values), done(answer), said (the toast)
export function Confirm({ label, title, text, fields = [], sql, run, done, said, danger, main, disabled }) {
  const [open, setOpen] = useState(false);
  const mayWrite = useMayWrite();
  const off = disabled === undefined ? !mayWrite : disabled;
  const submit = async values => {
    const answer = await run(values);
    setOpen(false);
    toast(typeof said === 'function' ? said(answer) : said || 'Done');
    if (done) done(answer);
  };
  return html`<button class=${danger ? 'danger' : main ? 'main' : ''} disabled=${off} title=${off ? 'This needs a key of kind admin.' : undefined} onClick=${() => setOpen(true)}>${label}</button>
    ${open ? html`<${Dialog} title=${title || label} close=${() => setOpen(false)}><p>${text}</p>
      <${Form} fields=${fields} submit=${submit} label=${label} danger=${danger} sql=${sql} cancel=${() => setOpen(false)} /><//>` : null}`;
}

// ---- tabs ----

// tabs: [{id, title, body: () => …}]; the open one is in the address as ?name=id.
export function Tabs({ tabs, name = 'tab' }) {
  const { query } = useAddress();
  const open = tabs.find(tab => tab.id === query[name]) || tabs[0];
  const list = useRef();
  const move = event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const place = (tabs.indexOf(open) + step + tabs.length) % tabs.length;
    setQuery({ [name]: tabs[place].id });
    list.current.children[place].focus();
  };
  return html`<div class="tabs"><div role="tablist" ref=${list} onKeyDown=${move}>${tabs.map(tab => html`<button key=${tab.id} role="tab" id=${name + '-' + tab.id}
      aria-selected=${String(tab === open)} aria-controls=${name + '-panel'} tabindex=${tab === open ? 0 : -1} onClick=${() => setQuery({ [name]: tab.id })}>${tab.title}</button>`)}</div>
    <div role="tabpanel" id=${name + '-panel'} aria-labelledby=${name + '-' + open.id} key=${open.id}>${open.body()}</div></div>`;
}

// Filters above a list, kept in the address: [{name, label, type: select | search, options}].
export function Filters({ filters }) {
  const { query } = useAddress();
  // What was typed a moment ago: of all fields, and not for the page after this one.
  const later = useRef({});
  useEffect(() => () => clearTimeout(later.current.timer), []);
  const set = (name, value, wait) => {
    clearTimeout(later.current.timer);
    const changes = { ...later.current.changes, [name]: value };
    later.current = { changes, timer: setTimeout(() => { later.current = {}; setQuery(changes); }, wait) };
  };
  return html`<form class="filters" role="search" onSubmit=${event => event.preventDefault()}>${filters.map(filter => html`<label key=${filter.name}><span>${filter.label}</span>
    ${filter.type === 'search' ? html`<input type="search" value=${query[filter.name] || ''} onInput=${event => set(filter.name, event.target.value, 250)} />`
      : html`<select value=${query[filter.name] || ''} onChange=${event => set(filter.name, event.target.value, 0)}>${filter.options.map(one => {
        const [key, text] = Array.isArray(one) ? one : [one, one];
        return html`<option key=${key} value=${key} selected=${key === (query[filter.name] || '')}>${text}</option>`; })}</select>`}</label>`)}</form>`;
}

// Names and values, one below the other: [[name, value], …]; what is null is left out.
export const Facts = ({ facts }) => html`<dl class="facts">${facts.filter(fact => fact && fact[1] !== null && fact[1] !== undefined).map(([name, value]) =>
  html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

// A number that is read first.
export const Stat = ({ label, value, note, href }) => html`<div class="stat"><span>${label}</span><strong>${href ? html`<a href=${href}>${value}</a>` : value}</strong>${note ? html`<small>${note}</small>` : null}</div>`;
