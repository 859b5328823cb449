// Audiences: people of segments on other platforms. All of them, and one: whom it sends, its syncs, its destination.
import { html, useState, useCallback, Part, Table, Facts, Stat, Confirm, Badge, Time, Name, go, count, duration, percent, link, route, literal, send } from '../ui.js';
import { Chart } from '../chart.js';

const rate = (low, high) => (high === null || high === undefined ? '–' : low === high || low === null ? percent(high) : `${percent(low, 0)} to ${percent(high, 0)}`);
const size = row => (row.platform_size.high === null ? '–' : row.platform_size.low === row.platform_size.high ? count(row.platform_size.high) : `${count(row.platform_size.low)} to ${count(row.platform_size.high)}`);
const tone = { active: 'good', completed: 'good', paused: 'medium', partial: 'medium', held: 'medium', stale: 'high', stopped: 'critical', failed: 'critical', processing: 'accent', pending: 'accent' };
const every = text => { const parts = /^(\d+):(\d+):(\d+)$/.exec(text); return parts ? duration(+parts[1] * 3600 + +parts[2] * 60 + +parts[3]) : text; };
const State = ({ text }) => html`<${Badge} text=${text} tone=${tone[text]} />`;

const columns = [
  { title: 'Audience', value: row => row.name, cell: row => html`<a href=${link('audiences', row.name)}><${Name} text=${row.name} /></a>` },
  { title: 'State', value: row => row.status, cell: row => html`<${State} text=${row.status} />` },
  { title: 'Segment', value: row => row.segment, cell: row => html`<a href=${link('segments', row.segment)}><${Name} text=${row.segment} /></a>` },
  { title: 'Destination', value: row => row.destination },
  { title: 'People sent', number: true, value: row => row.people, cell: row => count(row.people) },
  { title: 'Waiting', number: true, value: row => row.adding + row.removing, cell: row => (row.adding + row.removing >= 10000 ? 'over 10,000' : count(row.adding + row.removing)) },
  { title: 'Match rate', number: true, value: row => row.match_rate.high, cell: row => rate(row.match_rate.low, row.match_rate.high) },
  { title: 'Last sync', value: row => row.last_sync_at, cell: row => html`<span>${row.last_sync_status ? html`<${State} text=${row.last_sync_status} /> ` : null}<${Time} at=${row.last_sync_at} /></span>` },
];

const health = { ok: 'good', busy: 'accent', 'login ends': 'medium', 'login ended': 'critical', blocked: 'critical' };

const ask = name => async () => {
  const answer = await send('POST', route('/v1/destinations/{name}/test', { name }));
  if (answer.data.status !== 'ok') throw Object.assign(new Error(`The platform's answer: ${answer.data.status}${answer.data.answerStatus ? ` (${answer.data.answerStatus})` : ''}.`), { detail: answer.data.hint || answer.data.answer });
  return answer;
};

function Destinations({ only, title = 'Destinations' }) {
  return html`<${Part} title=${title} get=${route('/v1/destinations', {}, { limit: 500 })} rows="destinations" next="after"
    sql=${`SELECT name, platform, state, login_expires_at, advice, last_ok_at, last_error_at, last_error FROM pulse.destination${only ? ` WHERE name = ${literal(only)}` : ''} ORDER BY name;`}
    none=${data => !data.destinations.some(one => !only || one.name === only)} noneText="There is no destination yet. pulse_create_destination() makes one in SQL, where its secrets stay.">
    ${(data, { reload }) => html`<${Table} name="destinations" keyOf=${one => one.name} csv=${!only} rows=${data.destinations.filter(one => !only || one.name === only)} columns=${[
      { title: 'Destination', value: one => one.name }, { title: 'Platform', value: one => one.platform },
      { title: 'State', value: one => one.state, cell: one => html`<${Badge} text=${one.state} tone=${health[one.state]} />` },
      { title: 'Login until', value: one => one.loginExpiresAt, cell: one => (one.loginExpiresAt ? html`<${Time} at=${one.loginExpiresAt} />` : one.loginFailedAt ? html`<span>refused since <${Time} at=${one.loginFailedAt} /></span>` : 'not known') },
      { title: 'What to do', value: one => one.advice }, { title: 'Last ok', value: one => one.lastOkAt, cell: one => html`<${Time} at=${one.lastOkAt} />` },
      { title: 'Last error', value: one => one.lastError, cell: one => (one.lastErrorAt ? html`<span><${Time} at=${one.lastErrorAt} /> <${Name} text=${one.lastError} /></span>` : '–') },
      { title: '', sort: false, cell: one => html`<${Confirm} label="Test" title=${`Test ${one.name}`} text="Asks the platform something that changes nothing there. A login that works again is used again."
        sql=${() => `SELECT * FROM pulse_test_destination(${literal(one.name)});`} run=${ask(one.name)} said="The platform answers" done=${reload} />` }]} />`}<//>`;
}

const optionsOf = values => Object.fromEntries(Object.entries({ interval: values.interval, max_share: values.max_share === '' ? undefined : values.max_share / 100, description: values.description || undefined,
  purposes: values.purposes ? values.purposes.split(',').map(text => text.trim()).filter(Boolean) : undefined, identifiers: values.identifiers ? values.identifiers.split(',').map(text => text.trim()).filter(Boolean) : undefined })
  .filter(([, value]) => value !== undefined));
const fields = [
  { name: 'name', label: 'Name', required: true }, { name: 'segment', label: 'Segment over people', required: true }, { name: 'destination', label: 'Destination', required: true },
  { name: 'interval', label: 'How often', type: 'select', options: [['1 day', 'every day'], ['1 hour', 'every hour'], ['7 days', 'every week'], ['change', 'soon after each change'], ['manual', 'only by hand']], value: '1 day' },
  { name: 'purposes', label: 'Purposes that people consented to', help: 'With commas. Empty: ads; for Google also ads_personalization.' }, { name: 'identifiers', label: 'Ids that are sent', help: 'Such as email, phone. Empty: all that the platform takes.' },
  { name: 'max_share', label: 'Most people that may move at once, %', type: 'number', min: 0, max: 100, value: 30, help: 'A sync that moves more waits for a person.' }, { name: 'description', label: 'Description' }];

function List() {
  return html`<div class="page-head"><h1>Audiences</h1><div class="actions"><${Confirm} label="New audience" main text="Nobody is sent at once: the first sync does it, when the gate lets it. See the preview first." fields=${fields}
      sql=${values => `SELECT pulse_create_audience(${literal(values.name)}, ${literal(values.segment)}, ${literal(values.destination)}, ${literal(optionsOf(values))});`}
      run=${values => send('POST', '/v1/audiences', { name: values.name, segment: values.segment, destination: values.destination, options: optionsOf(values) })}
      said="Created" done=${answer => go(link('audiences', answer.data.name))} /></div></div>
    <${Part} get=${route('/v1/audiences', {}, { limit: 100 })} rows="audiences" next="after" none=${data => !data.audiences.length} noneText="There is no audience yet."
      sql=${'SELECT name, status, segment, destination, sent, adding, removing, match_low, match_high, last_status, last_sync_at\nFROM pulse.audience_overview ORDER BY name LIMIT 100;'}>
      ${data => html`<${Table} columns=${columns} rows=${data.audiences} keyOf=${row => row.id} name="audiences" caption="Audiences by name" />`}<//>
    <${Destinations} />`;
}

const parts = { total: 'Members', add: 'would be added', keep: 'stay as they are', change: 'have other ids now', remove: 'would be removed', no_consent: 'no consent', refused: 'refused by the platform', no_identifier: 'no id that the platform takes', invalid_identifier: 'an id that is not valid' };

function Preview({ name }) {
  const [open, setOpen] = useState(false);
  if (!open) return html`<section class="part"><header><h2>Preview</h2></header><p class="soft">Looks at everybody in the segment, or at 20,000 of them if there are more, and sends nothing.</p><p><button onClick=${() => setOpen(true)}>Show whom it would send</button></p></section>`;
  return html`<${Part} title="Preview" get=${route('/v1/audiences/{name}/preview', { name }, { sample: 5 })} sql=${`SELECT part, item, people, value FROM pulse_preview_audience(${literal(name)}, 5, 20000);`}>
    ${({ preview }) => html`${preview.filter(row => row.part === 'examined').map(row => html`<p key="some" class="notice">The segment has more people than are looked at here: these are the numbers of ${count(row.people)}, of all ages. A sync looks at everybody.</p>`)}
      <${Table} name="preview" keyOf=${row => row.part + row.item} rows=${preview.filter(row => row.part !== 'request' && row.part !== 'examined')} columns=${[
      { title: 'Part', value: row => row.part.replace(/_/g, ' ') }, { title: 'What', value: row => row.item, cell: row => html`<${Name} text=${parts[row.item] || (row.item || '').replace(/_/g, ' ')} />` },
      { title: 'People', number: true, value: row => row.people, cell: row => count(row.people) }, { title: 'Such as', value: row => row.value, cell: row => (row.value ? html`<${Name} text=${row.value} />` : '–') }]} />
      ${preview.filter(row => row.part === 'request').map(row => html`<div key=${row.item}><h3>The first request: ${row.item}${row.people === null ? '' : `, ${count(row.people)} people`}</h3><pre class="sql" tabindex="0"><code>${row.value}</code></pre></div>`)}`}<//>`;
}

function SyncChart({ syncs }) {
  const ended = syncs.filter(one => one.finished_at).sort((a, b) => new Date(a.finished_at) - new Date(b.finished_at));
  const points = ended.flatMap(one => ['added', 'removed', 'failed'].map(kind => ({ date: new Date(one.finished_at), kind, people: one[kind] })));
  const rates = ended.filter(one => one.match_high !== null).map(one => ({ date: new Date(one.finished_at), low: one.match_low ?? one.match_high, high: one.match_high }));
  const sizes = ended.filter(one => one.people !== null && one.people !== undefined).map(one => ({ date: new Date(one.finished_at), people: one.people, low: one.size_low, high: one.size_high }));
  const drawSize = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'time' },
    marks: [Plot.areaY(sizes.filter(one => one.high !== null), { x: 'date', y1: 'low', y2: 'high', fill: 'var(--c6)', fillOpacity: 0.25 }), Plot.lineY(sizes, { x: 'date', y: 'people', stroke: 'var(--c1)' }), Plot.dot(sizes, { x: 'date', y: 'people', r: 2.5, fill: 'var(--c1)' })] }), [JSON.stringify(syncs)]);
  const colors = { added: 'var(--c1)', removed: 'var(--c2)', failed: 'var(--c5)' };
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'time' },
    marks: [Plot.lineY(points, { x: 'date', y: 'people', z: 'kind', stroke: point => colors[point.kind] }), Plot.dot(points, { x: 'date', y: 'people', r: 2.5, fill: point => colors[point.kind] }), Plot.ruleY([0], { stroke: 'var(--line)' })] }), [JSON.stringify(syncs)]);
  const drawRate = useCallback(Plot => ({ y: { label: null, grid: true, domain: [0, 1], tickFormat: '%' }, x: { label: null, type: 'time' },
    marks: [Plot.areaY(rates, { x: 'date', y1: 'low', y2: 'high', fill: 'var(--c3)', fillOpacity: 0.2 }), Plot.lineY(rates, { x: 'date', y: 'high', stroke: 'var(--c3)' }), Plot.dot(rates, { x: 'date', y: 'high', r: 2.5, fill: 'var(--c3)' })] }), [JSON.stringify(syncs)]);
  return html`${points.length > 3 ? html`<${Chart} title="People added, removed and failed by sync" draw=${draw} height=${150} legend=${[['added', 'c1'], ['removed', 'c2'], ['failed', 'c5']]} />` : null}
    ${sizes.length > 1 ? html`<${Chart} title="People at the platform after each sync" draw=${drawSize} height=${120} legend=${[['as sent', 'c1'], ['as the platform counts', 'c6']]} />` : null}
    ${rates.length > 1 ? html`<${Chart} title="Match rate by sync" draw=${drawRate} height=${120} />` : null}`;
}

const why = row => row.because || (row.held_by === 'gate' ? 'the gate holds it' : row.held_by === 'share' ? row.share_reason || 'it moves many people' : Object.entries(row.suppressed_by || {}).map(([reason, n]) => `${count(n)} ${parts[reason] || reason}`).join(', '));
const live = row => ['pending', 'processing', 'held'].includes(row.status);

function Syncs({ name, changed }) {
  const act = (id, what) => () => send('POST', route(`/v1/syncs/{id}/${what}`, { id }));
  return html`<${Part} title="Syncs" get=${route('/v1/audiences/{name}/syncs', { name }, { limit: 50 })} rows="syncs" next="before" none=${data => !data.syncs.length} noneText="It has not been synchronised yet."
    sql=${`SELECT r.id, r.operation, r.status, r.added, r.removed, r.failed, r.suppressed, r.suppressed_by, r.match_low, r.match_high, r.finished_at
FROM pulse.sync_run AS r JOIN pulse.audience AS a ON a.id = r.audience_id WHERE a.name = ${literal(name)} ORDER BY r.id DESC LIMIT 50;`}>
    ${(data, { reload }) => html`<${SyncChart} syncs=${data.syncs} /><${Table} name="syncs" caption="Syncs, the newest first" keyOf=${row => row.id} rows=${data.syncs} columns=${[
      { title: 'Sync', number: false, value: row => +row.id, cell: row => row.id }, { title: 'State', value: row => row.status, cell: row => html`<${State} text=${row.status} />` },
      { title: 'What', value: row => row.operation, cell: row => `${row.operation}, ${row.triggered_by}` }, { title: 'Ended', value: row => row.finished_at, cell: row => html`<${Time} at=${row.finished_at || row.started_at || row.created_at} />` },
      ...['added', 'removed', 'failed'].map(key => ({ title: key[0].toUpperCase() + key.slice(1), number: true, value: row => row[key], cell: row => count(row[key]) })),
      { title: 'Left out', number: true, value: row => row.suppressed, cell: row => count(row.suppressed) }, { title: 'Why', value: why, cell: row => html`<${Name} text=${why(row)} />` },
      { title: 'Match rate', number: true, value: row => row.match_high, cell: row => rate(row.match_low, row.match_high) },
      ...(data.syncs.some(live) ? [{ title: '', sort: false, cell: row => (live(row) ? html`<span class="actions">
        ${row.held_by === 'share' && row.action_id ? html`<a class="button main" href=${link('trust', 'actions', row.action_id)}>Action ${row.action_id} waits</a>` : null}
        ${row.held_by === 'gate' ? html`<${Confirm} label="Try now" title=${`Try sync ${row.id} now`} text="The gate decides again, at once." sql=${() => `SELECT pulse_retry_sync(${row.id});`} run=${act(row.id, 'retry')} said="It is tried again" done=${reload} />` : null}
        <${Confirm} label="Cancel the sync" title=${`Cancel sync ${row.id}`} text="Ends it after its request under way. What was sent stays; the next sync goes on." sql=${() => `SELECT pulse_cancel_sync(${row.id});`} run=${act(row.id, 'cancel')} said="Cancelled" done=${() => { reload(); changed(); }} /></span>` : null) }] : [])]} />`}<//>`;
}

function One({ name }) {
  const [turn, setTurn] = useState(0);
  const post = (what, body) => send('POST', route(`/v1/audiences/{name}/${what}`, { name }), body || {});
  return html`<p class="crumbs"><a href="#/audiences">Audiences</a></p><h1><${Name} text=${name} /></h1>
    <${Part} className="head" key=${turn} get=${route('/v1/audiences/{name}', { name })} sql=${`SELECT * FROM pulse.audience_overview WHERE name = ${literal(name)};`}>
      ${(row, { reload }) => html`<div class="page-head"><p><${State} text=${row.status} /> ${row.status_reason ? html`<${Name} text=${row.status_reason} />` : null} ${row.last_sync_error ? html`<span class="soft"><${Name} text=${row.last_sync_error} /></span>` : null}</p><div class="actions">
        ${row.status === 'active' ? html`<${Confirm} label="Sync now" main title=${`Synchronise ${name}`} text="Queues a sync; the job audiences carries it out when the gate lets it. People who withdrew consent are removed."
          fields=${[{ name: 'operation', label: 'What', type: 'select', options: [['auto', 'what is due'], ['delta', 'those who changed'], ['full', 'compare everybody'], ['replace', 'send everybody again']], value: 'auto' }]}
          sql=${values => `SELECT pulse_sync_audience(${literal(name)}, ${literal(values.operation)});`} run=${values => post('sync', values)} said="Queued" done=${() => setTurn(turn + 1)} />
          <${Confirm} label="Pause" title=${`Pause ${name}`} text="Stops its syncs, and cancels the one that runs. People who are erased are still removed from the platform." fields=${[{ name: 'reason', label: 'Reason' }]}
          sql=${values => `SELECT pulse_pause_audience(${literal(name)}${values.reason ? `, ${literal(values.reason)}` : ''});`} run=${values => post('pause', { reason: values.reason || null })} said="Paused" done=${reload} />`
          : row.status === 'deleting' ? null : html`<${Confirm} label="Resume" main title=${`Resume ${name}`} text="The next sync begins at once, and compares everybody." sql=${() => `SELECT pulse_resume_audience(${literal(name)});`} run=${() => post('resume')} said="Resumed" done=${reload} />`}</div></div>
        <div class="stats"><${Stat} label="People at the platform, as sent" value=${count(row.people)} note=${row.refused ? `${count(row.refused)} refused` : null} />
          <${Stat} label="The platform counts" value=${size(row)} /><${Stat} label="Match rate" value=${rate(row.match_rate.low, row.match_rate.high)} note=${row.match_rate.source} />
          <${Stat} label="Members with consent and ids" value=${count(row.matchable)} note=${row.members === null ? 'after the first full sync' : `of ${count(row.members)}`} /></div>
        <${Facts} facts=${[['Segment', html`<a href=${link('segments', row.segment)}><${Name} text=${row.segment} /></a>`], ['Destination', html`<${Name} text=${row.destination} />`], ['Ids that are sent', row.identifiers.join(', ')], ['Purposes', row.purposes.join(', ')],
          ['How often', row.interval === 'change' ? 'soon after each change' : row.interval === 'manual' ? 'by hand' : `every ${every(row.interval)}`], ['Everybody compared', `every ${every(row.full_every)}`], ['Moves at once at most', percent(row.max_share, 0)],
          ['Next sync', html`<${Time} at=${row.next_sync_at} />`], ['Waiting', `${count(row.adding)} to add, ${count(row.removing)} to remove`], row.platform_id && ['Id at the platform', html`<${Name} text=${row.platform_id} />`], row.description && ['Description', html`<${Name} text=${row.description} />`]]} />
        ${row.warnings.length ? html`<ul class="dots">${row.warnings.map(text => html`<li key=${text}><${Name} text=${text} /></li>`)}</ul>` : null}
        <${Destinations} only=${row.destination} title="Its destination" />`}<//>
    <${Preview} name=${name} /><${Syncs} key=${'s' + turn} name=${name} changed=${() => setTurn(turn + 1)} />`;
}

export default ({ params }) => (params[0] ? html`<${One} name=${params[0]} key=${params[0]} />` : html`<${List} />`);
