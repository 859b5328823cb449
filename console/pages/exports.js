// Exports: files with people, made in the database and kept for a day.
import { html, useState, useContext, Session, Part, Table, Confirm, Badge, Time, Name, copy, toast, count, route, literal, send } from '../ui.js';

const words = text => text.split(',').map(one => one.trim()).filter(Boolean);
const optionsOf = values => ({ ...(values.columns.trim() ? { columns: words(values.columns) } : {}), ...(values.events ? { events: true } : {}), ...(values.hashed ? { hashed: true } : {}), ...(values.consent.trim() ? { consent: values.consent.trim() } : {}) });
const bytes = value => (value < 1000 ? `${value} B` : value < 1e6 ? `${(value / 1000).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`);
const fields = [
  { name: 'segment', label: 'Segment over people', help: 'Empty: everybody.' }, { name: 'format', label: 'Format', type: 'select', options: [['csv', 'CSV'], ['jsonl', 'JSON lines']], value: 'csv' },
  { name: 'columns', label: 'Columns', help: 'With commas, such as external_id, identity.email, profile.plan, trait.ltv. Empty: ids, first and last seen, events, since when.' },
  { name: 'consent', label: 'Only with consent for', help: 'A purpose, such as ads. Empty: all members.' }, { name: 'hashed', label: 'Ids as SHA-256', type: 'checkbox' }, { name: 'events', label: 'With the newest events of 30 days', type: 'checkbox' }];
// The gateway's own address, also behind a path prefix.
const address = path => new URL('../..' + path, import.meta.url).href;

function Link({ made, close }) {
  return html`<div class="notice" role="status"><strong>A link to <${Name} text=${made.filename} /></strong>: everybody who has it can load the file, without a key, until <${Time} at=${made.expiresAt} />.
    <pre class="sql" tabindex="0"><code>${made.href}</code></pre><p class="actions"><a class="button main" href=${made.href} download=${made.filename}>Load the file</a> <button onClick=${() => copy(made.href)}>Copy the link</button> <button onClick=${close}>Close</button></p></div>`;
}

export default function Exports() {
  const [made, setMade] = useState(null);
  const [turn, setTurn] = useState(0);
  const mayRead = (useContext(Session) || {}).seesPeople !== false;
  const show = answer => setMade({ filename: answer.data.filename, expiresAt: answer.data.expiresAt, href: address(answer.data.path || '/v1/export/download/' + answer.data.downloadUrl.split('/').pop()) });
  const ask = async id => { try { show(await send('POST', route('/v1/exports/{id}/link', { id }))); } catch (error) { toast(error.message, 'failed'); } };
  return html`<div class="page-head"><h1>Exports</h1><div class="actions"><${Confirm} label="New export" main disabled=${!mayRead} text="Writes a file with people as they are now, which is kept for a day. It is recorded in the audit log. A large one is written by the job exports." fields=${fields}
      sql=${values => `SELECT id, filename, users, state FROM pulse_export_audience(${literal(values.segment.trim() || null)}, ${literal(values.format)}, ${literal(optionsOf(values))});`}
      run=${values => send('POST', '/v1/exports', { segment: values.segment.trim() || null, format: values.format, options: optionsOf(values) })} said=${answer => (answer.data.state === 'queued' ? 'Queued: the job exports writes it' : 'Written')} done=${answer => { if (answer.data.state !== 'queued') show(answer); setTurn(turn + 1); }} /></div></div>
    ${made ? html`<${Link} made=${made} close=${() => setMade(null)} />` : null}
    <${Part} key=${turn} get="/v1/exports" rows="exports" next="before" none=${data => !data.exports.length} noneText="There is no file. Files are deleted after pulse.export_retention."
      sql=${'SELECT id, filename, segment, users, bytes, state, created_by, created_at, kept_until FROM pulse_list_exports() ORDER BY id DESC LIMIT 50;'}>
      ${(data, { reload }) => html`<${Table} name="exports" keyOf=${row => row.id} rows=${data.exports} caption="Files, the newest first" columns=${[
        { title: 'File', value: row => row.filename }, { title: 'Segment', value: row => row.segment, cell: row => html`<${Name} text=${row.segment || 'everybody'} />` },
        { title: 'State', value: row => row.state, cell: row => html`<span><${Badge} text=${row.state} tone=${{ ready: 'good', queued: 'accent', failed: 'critical' }[row.state]} /> ${row.error ? html`<${Name} text=${row.error} />` : null}</span>` },
        { title: 'People', number: true, value: row => row.users, cell: row => count(row.users) }, { title: 'Size', number: true, value: row => row.bytes, cell: row => bytes(row.bytes) }, { title: 'As of', value: row => row.peopleAsOf, cell: row => html`<${Time} at=${row.peopleAsOf} />` },
        { title: 'By', value: row => row.createdBy }, { title: 'Kept until', value: row => row.keptUntil, cell: row => (row.keptUntil ? html`<${Time} at=${row.keptUntil} />` : 'it is deleted') },
        { title: '', sort: false, cell: row => html`<span class="actions">${row.state === 'ready' ? html`<button onClick=${() => ask(row.id)} aria-label=${'Link to ' + row.filename}>Link</button>` : null}
          <${Confirm} label="Delete" danger title=${`Delete ${row.filename}`} text="Deletes the file; its links end." sql=${() => `SELECT pulse_delete_export(${row.id});`} run=${() => send('DELETE', route('/v1/exports/{id}', { id: row.id }))} said="Deleted" done=${() => { setMade(null); reload(); }} /></span>` }]} />`}<//>`;
}
