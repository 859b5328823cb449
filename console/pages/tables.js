// Tables and sources: which data is as it should be, one table with its checks over time, and the servers that are read.
import { html, useCallback, Part, Table, Tabs, Filters, Facts, Stat, Confirm, AsSql, Time, Name, Short, Badge, count, percent, figure, duration, link, route, literal, send, setQuery, useAddress, useState } from '../ui.js';
import { Chart } from '../chart.js';

const states = { green: 'good', yellow: 'medium', red: 'critical', unknown: 'quiet', ok: 'good', bad: 'high', error: 'critical', learning: 'accent', skipped: 'quiet', refused: 'medium', unreachable: 'critical', failed: 'critical', new: 'quiet', warning: 'medium' };
const State = ({ text }) => html`<${Badge} text=${text || 'not checked'} tone=${states[text] || 'quiet'} />`;
const words = text => text.replace(/_/g, ' ');
const Muted = ({ until }) => (until === 'infinity' ? 'until it is ended' : html`until <${Time} at=${until} />`);
const nameOf = row => row.table + (row.source ? ` on ${row.source}` : '');

const columns = [
  { title: 'Table', value: nameOf, cell: row => html`<a href=${link('tables', row.id)}><${Name} text=${row.table} /></a>${row.source ? html` <span class="soft">on <${Name} text=${row.source} /></span>` : null}` },
  { title: 'State', value: row => row.state, cell: row => html`<${State} text=${row.state} />` },
  { title: 'What', value: row => row.what || '', cell: row => (row.mutedUntil ? html`<span class="soft">Muted <${Muted} until=${row.mutedUntil} />.</span> <${Short} text=${row.what} />` : html`<${Short} text=${row.what} />`) },
  { title: 'Checks', number: true, value: row => row.checks }, { title: 'Owner', value: row => row.owner, cell: row => html`<${Short} text=${row.owner} />` },
  { title: 'Last check', value: row => row.lastCheck, cell: row => html`<${Time} at=${row.lastCheck} />` },
];

function List() {
  const { query: { state, q } } = useAddress();
  return html`<${Filters} filters=${[{ name: 'q', label: 'Table, source, owner or tag', type: 'search' }, { name: 'state', label: 'State', options: [['', 'All'], 'red', 'yellow', 'green', 'unknown'] }]} />
    <${Part} get=${route('/v1/tables', {}, { state, q })} rows="tables" next="after" live=${['incident']}
      sql=${`SELECT * FROM pulse.table_overview${state ? ` WHERE state = ${literal(state)}` : ''} ORDER BY "table", source NULLS FIRST LIMIT 50;`}
      none=${data => !data.tables.length} noneText=${state || q ? 'No table fits these filters.' : 'No table is monitored yet. “Monitor a table” adds one; Pulse then proposes its checks.'}>
      ${data => html`<div class="stats">${['red', 'yellow', 'green', 'unknown'].map(one => html`<${Stat} key=${one} label=${html`<${State} text=${one} />`} value=${count(data.states[one] || 0)} />`)}</div>
        <${Table} columns=${columns} rows=${data.tables} keyOf=${row => row.id} name="tables" caption="Monitored tables" />`}<//>`;
}

const sourceColumns = [
  { title: 'Source', value: row => row.name, cell: row => html`<a href=${link('tables', 'source', row.name)}><${Name} text=${row.name} /></a>` },
  { title: 'Last visit', value: row => row.status, cell: row => html`<${State} text=${row.status} />` },
  { title: 'Server', value: row => `${row.host || ''} ${row.database || ''}`, cell: row => html`<${Name} text=${[row.host, row.database].filter(Boolean).join(' / ')} /> <span class="soft">${row.standby === null ? '' : row.standby ? 'standby' : 'primary'}</span>` },
  { title: 'Lag', number: true, value: row => row.lagMs, cell: row => (row.lagMs === null ? '–' : html`${duration(row.lagMs / 1000)} <span class="soft">of ${row.maxLag}</span>`) },
  { title: 'Visits this minute', number: true, value: row => row.visitsOfMinute, cell: row => html`${count(row.visitsOfMinute)} <span class="soft">of ${count(row.maxVisitsOfMinute)}</span>` },
  { title: 'In the last hour', number: true, value: row => row.visits, cell: row => html`${count(row.visits)} <span class="soft">${row.refused} refused</span>` },
  { title: 'Last trouble', value: row => row.lastErrorAt, cell: row => (row.lastErrorAt ? html`<span><${Time} at=${row.lastErrorAt} /> <${Name} text=${row.lastError || 'The reason is for those who see people.'} /></span>` : '–') },
];

const Sources = () => html`<${Part} get="/v1/sources" sql="SELECT name, status, in_recovery, replay_lag_ms, visits, refused, last_error_at, last_error FROM pulse.source ORDER BY name;"
    none=${data => !data.sources.length} noneText="No other server is read. pulse_create_source() adds one.">
  ${data => html`<${Table} columns=${sourceColumns} rows=${data.sources} keyOf=${row => row.name} name="sources" caption="Sources" />`}<//>`;

const monitorFields = [{ name: 'table', label: 'Table', required: true, autofocus: true, placeholder: 'orders' }, { name: 'schema', label: 'Schema', placeholder: 'public' },
  { name: 'source', label: 'Source', help: 'A server that is read; empty for this database.' }, { name: 'minutes', label: 'Check every … minutes', type: 'number', value: 5, min: 1, max: 44640 }, { name: 'owner', label: 'Owner' }];
const monitorSql = v => `SELECT pulse_monitor_table(${literal(v.schema ? `${v.schema}.${v.table}` : v.table)}${v.source ? `, source => ${literal(v.source)}` : ''}, every => '${v.minutes || 5} minutes'${v.owner ? `, owner => ${literal(v.owner)}` : ''});`;

function All() {
  const { query } = useAddress();
  const [made, setMade] = useState(0);
  return html`<div class="page-head"><h1>Tables and sources</h1><div class="actions"><${Confirm} label="Monitor a table" main text="Pulse proposes checks from the catalog and the statistics of the table, and runs them. Reading it is bound by limits of cost and time." fields=${monitorFields}
      sql=${monitorSql} run=${v => send('POST', '/api/tables', { table_name: v.table, schema_name: v.schema || null, source: v.source || null, check_interval_minutes: v.minutes || 5, owner: v.owner || null })}
      said="It is monitored" done=${() => setMade(made + 1)} /></div></div>
    <${Tabs} key=${made} tabs=${[{ id: 'tables', title: 'Tables', body: () => html`<${List} query=${query} />` }, { id: 'sources', title: 'Sources', body: () => html`<${Sources} />` }]} />`;
}

// ---- one table ----

// A figure of a check in the unit that it has.
const inUnit = (kind, value) => (value === null || value === undefined ? '–' : ['freshness', 'replication_lag'].includes(kind) ? duration(value)
  : ['null_rate', 'unique', 'accepted_values', 'range', 'references'].includes(kind) ? percent(value, 2) : figure(value));
const usual = (kind, low, high) => (low === null && high === null ? '–' : low === null ? `at most ${inUnit(kind, high)}` : high === null ? `at least ${inUnit(kind, low)}` : `${inUnit(kind, low)} to ${inUnit(kind, high)}`);
const titleOf = check => words(check.kind) + (check.attribute ? ` of ${check.attribute}` : '');

function ResultChart({ check, points }) {
  const shown = points.filter(point => point.observed !== null).map(point => ({ ...point, date: new Date(point.at) }));
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, nice: true, tickFormat: value => inUnit(check.kind, value) }, x: { label: null, type: 'time' }, marginLeft: 76,
    marks: [Plot.areaY(shown.filter(p => p.high !== null), { x: 'date', y1: p => p.low ?? 0, y2: 'high', fill: 'var(--band)', fillOpacity: 0.14 }), Plot.lineY(shown, { x: 'date', y: 'observed', stroke: 'var(--c1)', strokeWidth: 1.6 }),
      Plot.dot(shown.filter(p => p.status === 'bad'), { x: 'date', y: 'observed', r: 3.5, fill: 'var(--high)' })] }), [points]);
  return html`<${Chart} title=${`Results of the check ${titleOf(check)} over time, with what is expected`} caption=${`What ${titleOf(check)} was`} draw=${draw} legend=${[['observed', 'c1'], ['expected', 'c1 faint'], ['bad', 'dot-high']]}
    rows=${[...points].reverse()} columns=${[{ title: 'At', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Status', value: row => row.status, cell: row => html`<${State} text=${row.status} />` },
      { title: 'Observed', number: true, value: row => row.observed, cell: row => inUnit(check.kind, row.observed) }, { title: 'Expected', value: row => usual(check.kind, row.low, row.high) },
      { title: 'Took, ms', number: true, value: row => row.durationMs, cell: row => figure(row.durationMs) }]} />`;
}

const History = ({ id, check }) => html`<${Part} title=${`Over time: ${titleOf(check)}`} get=${route('/v1/tables/{id}/checks/{check}/results', { id, check: check.id }, { limit: 300 })} live=${['incident']}
    sql=${`SELECT at, status, observed, expected_low, expected_high, duration_ms\nFROM pulse.check_result WHERE check_id = ${check.id} ORDER BY at DESC, id DESC LIMIT 300;`}
    none=${data => data.points.length < 2} noneText="It has not run twice yet: there is nothing to draw.">${data => html`<${ResultChart} check=${check} points=${data.points} />`}<//>`;

const checkColumns = chosen => [
  { title: 'Check', value: titleOf, cell: row => html`<button class="quiet link" aria-pressed=${String(row.id === chosen)} onClick=${() => setQuery({ check: row.id })}><bdi>${titleOf(row)}</bdi></button>` },
  { title: 'Status', value: row => row.status, cell: row => html`<${State} text=${row.status} />` },
  { title: 'Observed', number: true, value: row => row.observed, cell: row => inUnit(row.kind, row.observed) }, { title: 'Expected', value: row => usual(row.kind, row.low, row.high) },
  { title: 'What it says', value: row => row.message, cell: row => html`<${Short} text=${row.message} />` }, { title: 'Every', value: row => row.everySeconds, cell: row => duration(row.everySeconds) }, { title: 'Next', value: row => row.nextCheck, cell: row => html`<${Time} at=${row.nextCheck} />` },
];

function Actions({ table, mute, reload }) {
  const { id } = table;
  const subject = literal('table:' + table.table);
  return html`<div class="actions"><${Confirm} label="Check now" title=${`Check ${nameOf(table)}`} text="Makes all checks of the table due now; a worker runs them." sql=${() => `SELECT * FROM pulse_request_check(${literal(table.table)}${table.source ? `, ${literal(table.source)}` : ''});`}
      run=${() => send('POST', route('/api/tables/{id}/check', { id }))} said=${answer => (answer.data.state === 'no_worker' ? 'No worker runs: ' + answer.data.detail : 'Asked for')} done=${reload} />
    ${mute ? html`<${Confirm} label="End maintenance" text="Incidents open again." sql=${() => `SELECT pulse_unmute(${subject});`} run=${() => send('POST', route('/v1/tables/{id}/unmute', { id }))} said="The maintenance has ended" done=${reload} />`
      : html`<${Confirm} label="Mute" title=${`Mute ${nameOf(table)}`} text="A maintenance window: checks go on, but no incident opens, reopens or worsens." fields=${[{ name: 'until', label: 'For how long', type: 'select', value: '2 hours', options: [['1 hour', 'an hour'], ['2 hours', '2 hours'], ['1 day', 'a day'], ['7 days', 'a week'], ['', 'until I end it']] }, { name: 'reason', label: 'Reason' }]}
        sql=${v => `SELECT pulse_mute(${subject}, ${v.until ? literal(v.until) : 'NULL'}::text${v.reason ? `, ${literal(v.reason)}` : ''});`} run=${v => send('POST', route('/v1/tables/{id}/mute', { id }), { until: v.until || null, reason: v.reason || null })} said="Muted" done=${reload} />`}
    <${Confirm} label="Stop monitoring" danger title=${`Stop monitoring ${nameOf(table)}`} text="It is not checked any more, and its incidents are closed. Its results are kept." sql=${() => `SELECT pulse_unmonitor_table(${literal(table.table)}${table.source ? `, ${literal(table.source)}` : ''});`}
      run=${() => send('DELETE', route('/api/tables/{id}', { id }))} said="It is not monitored any more" done=${() => { location.hash = '#/tables'; }} /></div>`;
}

function One({ id }) {
  const { query } = useAddress();
  const number = /^\d+$/.test(id) ? id : 'NULL';
  return html`<p class="crumbs"><a href="#/tables">Tables and sources</a></p><h1>Table ${id}</h1>
    <${Part} className="plain" get=${route('/v1/tables/{id}', { id })} live=${['incident']} sql=${`SELECT k.kind, k.attribute, k.status, k.observed, k.expected_low, k.expected_high, k.message\nFROM pulse.check_overview AS k JOIN pulse.monitor AS m ON m.relation = k."table" AND m.source IS NOT DISTINCT FROM k.source\nWHERE m.id = ${number} ORDER BY k.id;`}>
      ${({ table, mute, checks, columns: all }, { reload }) => { const chosen = checks.find(check => check.id === query.check) || checks.find(check => check.status === 'bad') || checks[0]; return html`
        <section class="part head"><div class="page-head"><p class="headline"><${Name} text=${nameOf(table)} /></p><${Actions} table=${table} mute=${mute} reload=${reload} /></div>
          <p><${State} text=${table.state} /> <${Name} text=${table.what || 'All checks are as expected.'} /></p>
          ${mute ? html`<p class="notice">Muted <${Muted} until=${mute.until || 'infinity'} /> by <${Name} text=${mute.by} />${mute.reason ? html`: <${Name} text=${mute.reason} />` : null}</p>` : null}
          <${Facts} facts=${[['Owner', table.owner && html`<${Short} text=${table.owner} />`], ['Tags', table.tags.length ? html`<${Name} text=${table.tags.join(', ')} />` : null], ['Checked every', duration(table.everySeconds)], ['Last check', html`<${Time} at=${table.lastCheck} />`], ['Read with the rights of', html`<${Name} text=${table.runsAs} />`],
            ['Open incidents', table.incidents ? html`<a href="#/incidents?status=live&about=table">${table.incidents}</a>` : '0']]} /></section>
        <section class="part"><header><h2>Checks</h2></header><${Table} columns=${checkColumns(chosen && chosen.id)} rows=${checks} keyOf=${row => row.id} name="checks" caption="Checks of the table" /></section>
        ${chosen ? html`<${History} key=${chosen.id} id=${id} check=${chosen} />` : null}
        <section class="part"><header><h2>Columns</h2></header>${all ? html`<${Table} name="columns" caption="Columns of the table" rows=${all} keyOf=${row => row.name} columns=${[{ title: 'Column', value: row => row.name }, { title: 'Type', value: row => row.type },
          { title: 'Null', value: row => (row.notNull ? 'never' : 'possible') }, { title: 'Checked for', value: row => row.checks.map(words).join(', ') }]} />` : html`<p class="none">The columns of a table on another server are not kept here.</p>`}</section>`; }}<//>`;
}

// ---- one source ----

const Found = ({ items }) => html`<${Table} name="test" caption="What the guard rails find" rows=${items} columns=${[{ title: 'What', value: row => row.item }, { title: 'Value', value: row => row.value }, { title: 'Verdict', value: row => row.verdict, cell: row => (row.verdict ? html`<${State} text=${row.verdict} />` : '–') }]} />`;

function Source({ name }) {
  const { query: { only } } = useAddress();
  const [found, setFound] = useState(null);
  return html`<p class="crumbs"><a href="#/tables?tab=sources">Tables and sources</a></p><div class="page-head"><h1><${Name} text=${name} /></h1>
      <div class="actions"><${Confirm} label="Test" title=${`Test ${name}`} text="Visits the server with your rights and says what each guard rail finds." sql=${() => `SELECT * FROM pulse_test_source(${literal(name)});`}
        run=${() => send('POST', route('/v1/sources/{name}/test', { name }))} said="Tested" done=${answer => setFound(answer.data.items)} /></div></div>
    ${found ? html`<section class="part"><header><h2>Test</h2></header><${Found} items=${found} /><${AsSql} sql=${`SELECT * FROM pulse_test_source(${literal(name)});`} /></section>` : null}
    <${Filters} filters=${[{ name: 'only', label: 'Visits', options: [['', 'All'], ['troubled', 'Refused or failed']] }]} />
    <${Part} title="Visits" get=${route('/v1/sources/{name}/visits', { name }, { troubled: only ? true : null })} rows="visits" next="before"
      sql=${`SELECT at, purpose, object, status, reason, queries, rows, duration_ms, replay_lag_ms\nFROM pulse.source_usage WHERE source = ${literal(name)}${only ? " AND status <> 'ok'" : ''} ORDER BY at DESC, id DESC LIMIT 50;`}
      none=${data => !data.visits.length} noneText=${only ? 'No visit was refused, and none failed.' : 'It was never visited.'}>
      ${data => html`<${Table} name="visits" caption="Visits to the source, the newest first" rows=${data.visits} keyOf=${row => row.id} columns=${[{ title: 'At', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'For', value: row => `${row.purpose}${row.object ? ` of ${row.object}` : ''}` },
        { title: 'Status', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Why', value: row => row.reason, cell: row => html`<${Short} text=${row.reason} />` }, { title: 'Statements', number: true, value: row => row.queries }, { title: 'Rows', number: true, value: row => row.rows },
        { title: 'Took, ms', number: true, value: row => row.durationMs }, { title: 'Lag, ms', number: true, value: row => row.lagMs }]} />`}<//>`;
}

export default function Tables({ params }) {
  if (params[0] === 'source' && params[1]) return html`<${Source} name=${params[1]} key=${params[1]} />`;
  return params[0] ? html`<${One} id=${params[0]} key=${params[0]} />` : html`<${All} />`;
}
