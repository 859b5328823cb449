// Keys: who reaches Pulse over HTTP, and what they used. The text of a key is shown once, when it is made.
import { html, useState, useCallback, Part, Table, Facts, Confirm, Badge, Time, Name, copy, count, link, route, literal, send } from '../ui.js';
import { Chart } from '../chart.js';

const tones = { live: 'good', revoked: 'quiet', expired: 'medium', unusable: 'critical' };
const State = ({ text }) => html`<${Badge} text=${text} tone=${tones[text]} />`;
const words = text => text.split(',').map(one => one.trim()).filter(Boolean);
const ends = values => (values.expires ? new Date(Date.now() + values.expires * 86400000).toISOString() : null);
const fields = [
  { name: 'name', label: 'Name', required: true, help: 'The audit log shows it. It stays taken for good.' },
  { name: 'kind', label: 'For', type: 'select', options: [['read', 'reading: dashboards, reports'], ['write', 'servers that send events'], ['admin', 'tools that change things'], ['public', 'browsers: everybody can read it']], value: 'read' },
  { name: 'role', label: 'Role', help: 'Whose rights it has. Empty: the role of your key. Choose the lowest level that does.' }, { name: 'expires', label: 'Ends after days', type: 'number', min: 1, help: 'Empty: never.' },
  { name: 'origins', label: 'Origins of web pages', help: 'With commas, such as https://shop.example. Empty: all.' }, { name: 'rate', label: 'Most requests a minute', type: 'number', min: 1 }];

// What is shown this once; it is nowhere but in this part of the page.
const Once = ({ made, close }) => html`<div class="notice" role="status"><strong>The key <${Name} text=${made.name} /></strong>, shown this once: <pre class="sql" tabindex="0"><code>${made.text}</code></pre>
  <p><button onClick=${() => copy(made.text)}>Copy</button> <button onClick=${close}>I have it</button></p></div>`;

const Actions = ({ row, done, made }) => (row.status === 'revoked' ? null : html`<span class="actions">
  <${Confirm} label="New text" title=${`A new text for ${row.name}`} text="The new text is shown once. The old one works until it ends." fields=${[{ name: 'keep', label: 'The old text ends', type: 'select', options: [['1 day', 'in a day'], ['1 hour', 'in an hour'], ['7 days', 'in a week'], ['0', 'at once']], value: '1 day' }]}
    sql=${values => `SELECT pulse_rotate_api_key(${literal(row.name)}, ${literal(values.keep)});`} run=${values => send('POST', route('/v1/keys/{name}/rotate', { name: row.name }), values)} said="It has a new text" done=${answer => { made({ name: row.name, text: answer.data.key }); done(); }} />
  <${Confirm} label="Revoke" danger title=${`Revoke ${row.name}`} text="Ends the key for good, from the next request on, with all sessions of the console that it opened." sql=${() => `SELECT pulse_revoke_api_key(${literal(row.name)});`} run=${() => send('POST', route('/v1/keys/{name}/revoke', { name: row.name }))} said="Revoked" done=${done} /></span>`);

const list = 'SELECT name, status, kind, role, prefixes, expires_at, last_used_at, requests, refusals\nFROM pulse_list_api_keys()';

function List() {
  const [made, setMade] = useState(null);
  const [turn, setTurn] = useState(0);
  const again = () => setTurn(turn + 1);
  return html`<div class="page-head"><h1>Keys</h1><div class="actions"><${Confirm} label="New key" main text="Its text is shown once: Pulse keeps only what recognises it. Needs the level admin, and membership in the role." fields=${fields}
      sql=${values => `SELECT pulse_create_api_key(${literal(values.name)}, ${literal(values.kind)}, ${values.role ? literal(values.role) : 'current_user::text'}${values.expires ? `, expires => ${literal(ends(values))}` : ''}${values.origins ? `, origins => ${literal(words(values.origins))}` : ''}${values.rate ? `, rate => ${values.rate}` : ''});`}
      run=${values => send('POST', '/v1/keys', { name: values.name, kind: values.kind, role: values.role || null, expires: ends(values), origins: values.origins ? words(values.origins) : null, rate: values.rate || null })} said="Created" done=${answer => { setMade({ name: answer.data.name, text: answer.data.key }); again(); }} /></div></div>
    ${made ? html`<${Once} made=${made} close=${() => setMade(null)} />` : null}
    <${Part} key=${turn} get="/v1/keys" rows="keys" next="after" none=${data => !data.keys.length} noneText="There is no key." sql=${list + ' ORDER BY name COLLATE "C" LIMIT 100;'}>
      ${data => html`<${Table} name="keys" keyOf=${row => row.name} rows=${data.keys} columns=${[
        { title: 'Key', value: row => row.name, cell: row => html`<a href=${link('keys', row.name)}><${Name} text=${row.name} /></a>` }, { title: 'State', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Kind', value: row => row.kind }, { title: 'Role', value: row => row.role },
        { title: 'Begins with', value: row => (row.prefixes || []).join(', '), cell: row => html`<code>${(row.prefixes || []).join(', ')}</code>` }, { title: 'Ends', value: row => row.expiresAt, cell: row => (row.expiresAt ? html`<${Time} at=${row.expiresAt} />` : 'never') }, { title: 'Last used', value: row => row.lastUsedAt, cell: row => html`<${Time} at=${row.lastUsedAt} />` },
        { title: 'Requests', number: true, value: row => row.requests, cell: row => count(row.requests) }, { title: 'Refused', number: true, value: row => row.refusals, cell: row => count(row.refusals) }, { title: '', sort: false, cell: row => html`<${Actions} row=${row} done=${again} made=${setMade} />` }]} />`}<//>`;
}

function Days({ list: days }) {
  const draw = useCallback(Plot => { const shown = days.map(row => ({ ...row, date: new Date(row.day) }));
    return { y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'utc' }, marks: [Plot.ruleY([0], { stroke: 'var(--line)' }), Plot.lineY(shown, { x: 'date', y: 'requests', stroke: 'var(--c1)' }), Plot.lineY(shown, { x: 'date', y: 'refusals', stroke: 'var(--c5)' }), Plot.dot(shown, { x: 'date', y: 'requests', r: 2, fill: 'var(--c1)' })] }; }, [days]);
  return html`<${Chart} title="Requests by day" draw=${draw} height=${150} legend=${[['requests', 'c1'], ['refused', 'c5']]} />`;
}

function One({ name }) {
  const [made, setMade] = useState(null);
  return html`<p class="crumbs"><a href="#/keys">Keys</a></p><h1><${Name} text=${name} /></h1>${made ? html`<${Once} made=${made} close=${() => setMade(null)} />` : null}
    <${Part} className="head" get=${route('/v1/keys/{name}', { name })} sql=${`SELECT * FROM pulse_list_api_keys() WHERE name = ${literal(name)};`}>
      ${({ key }, { reload }) => html`<div class="page-head"><p><${State} text=${key.status} /></p><${Actions} row=${key} done=${reload} made=${setMade} /></div>
        <${Facts} facts=${[['Kind', key.kind], ['Role', html`<${Name} text=${key.role} />`], key.source && ['Source', html`<${Name} text=${key.source} />`], ['Begins with', html`<code>${(key.prefixes || []).join(', ')}</code>`], ['Origins', html`<${Name} text=${(key.origins || ['all']).join(', ')} />`], ['Most requests a minute', key.rate === null ? 'no limit' : count(key.rate)],
          ['Created', html`<${Time} at=${key.createdAt} />`], ['By', html`<${Name} text=${key.createdBy} />`], key.rotatedAt && ['New text since', html`<${Time} at=${key.rotatedAt} />`], ['Ends', key.expiresAt ? html`<${Time} at=${key.expiresAt} />` : 'never'], key.revokedAt && ['Revoked', html`<${Time} at=${key.revokedAt} />`], ['Last used', html`<${Time} at=${key.lastUsedAt} />`]]} />`}<//>
    <${Part} title="Usage" get=${route('/v1/keys/{name}/usage', { name })} rows="days" next="before" none=${data => !data.days.length} noneText="It has not been used, as far as is kept. Requests are counted once a minute."
      sql=${`SELECT u.day, u.requests, u.refusals FROM pulse.api_key_usage AS u JOIN pulse.api_key AS k ON k.id = u.key_id\nWHERE k.name = ${literal(name)} ORDER BY u.day DESC LIMIT 30;`}>
      ${data => html`${data.days.length > 2 ? html`<${Days} list=${data.days} />` : null}<${Table} name="usage" keyOf=${row => row.day} rows=${data.days} columns=${[{ title: 'Day, UTC', value: row => row.day }, { title: 'Requests', number: true, value: row => row.requests, cell: row => count(row.requests) }, { title: 'Refused', number: true, value: row => row.refusals, cell: row => count(row.refusals) }, { title: 'Last used', value: row => row.lastUsedAt, cell: row => html`<${Time} at=${row.lastUsedAt} />` }]} />`}<//>`;
}

export default ({ params }) => (params[0] ? html`<${One} name=${params[0]} key=${params[0]} />` : html`<${List} />`);
