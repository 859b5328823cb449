// Events: how many come and from where, what arrives now, what is known of each name, what was rejected and why, how good they are.
import { html, useCallback, useState, useEffect, Part, Table, Tabs, Filters, Facts, Stat, Confirm, Time, Name, Short, Badge, count, percent, signed, figure, link, route, literal, get, send, useAddress } from '../ui.js';
import { Chart, color } from '../chart.js';

const Values = ({ value }) => (value === null || value === undefined ? '–' : html`<details class="json"><summary>${Object.keys(value).length || 'no'} ${Object.keys(value).length === 1 ? 'value' : 'values'}</summary><pre class="sql" tabindex="0"><code>${JSON.stringify(value, null, 1)}</code></pre></details>`);
const EventLink = ({ event }) => html`<a href=${link('events', event)}><${Short} text=${event} /></a>`;

// ---- volume ----

function VolumeChart({ points, days }) {
  const sums = new Map();
  for (const point of points) sums.set(point.source, (sums.get(point.source) || 0) + point.events);
  const top = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 7).map(([source]) => source);
  const groups = sums.size > top.length ? [...top, 'all others'] : top;
  const shown = points.map(point => ({ ...point, date: new Date(point.day), group: top.includes(point.source) ? point.source : 'all others' }));
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'utc' }, color: { domain: groups, range: groups.map((_, place) => color(place)) },
    marks: [Plot.rectY(shown, Plot.stackY({ order: groups }, { x: 'date', y: 'events', interval: 'day', fill: 'group', inset: 0.5 })), Plot.ruleY([0], { stroke: 'var(--soft)' })] }), [points]);
  return html`<${Chart} title=${`Accepted events of each of the last ${days} days, by source`} caption="Accepted events, by day (UTC) and source" draw=${draw} legend=${groups.map((group, place) => [group, `c${place % 8 + 1}`])}
    rows=${[...points].reverse()} columns=${[{ title: 'Day', value: row => row.day }, { title: 'Source', value: row => row.source }, { title: 'Events', number: true, value: row => row.events }, { title: 'Late', number: true, value: row => row.late }]} />`;
}

const sourceColumns = [
  { title: 'Source', value: row => row.source }, { title: 'Accepted', number: true, value: row => row.accepted }, { title: 'Duplicates', number: true, value: row => row.duplicates },
  { title: 'Conflicting', number: true, value: row => row.conflicting }, { title: 'Rejected', number: true, value: row => row.rejected },
  { title: 'First', value: row => row.firstAt, cell: row => html`<${Time} at=${row.firstAt} />` }, { title: 'Last', value: row => row.lastAt, cell: row => html`<${Time} at=${row.lastAt} />` },
];

function Volume() {
  const { query } = useAddress();
  const days = ['7', '30', '90'].includes(query.days) ? query.days : '30';
  const event = query.event || '';
  return html`<${Part} title="Now" get="/v1/events/summary" sql="SELECT * FROM pulse.event_source ORDER BY source;" none=${data => !data.totals.total && !data.sources.length} noneText="No event has come yet.">
      ${({ summary, totals, sources }) => html`<div class="stats"><${Stat} label="Today" value=${count(summary.today)} note=${`${count(summary.same_time_last_week)} by this time a week ago`} />
        <${Stat} label="Last 7 days" value=${count(summary.last_7_days)} note=${`${signed(summary.change)}, ${summary.trend}`} /><${Stat} label="Ever" value=${count(totals.total)} /></div>
        <${Table} name="sources" caption="Sources of events" rows=${sources} keyOf=${row => row.source} columns=${sourceColumns} />`}<//>
    <${Filters} filters=${[{ name: 'days', label: 'Days', options: [['', '30'], '7', '90'] }, { name: 'event', label: 'Only events named', type: 'search' }]} />
    <${Part} title="Volume" get=${route('/v1/events/volume', {}, { days, event })}
      sql=${`SELECT (hour AT TIME ZONE 'UTC')::date AS day, source, sum(events) AS events\nFROM pulse.events_by_source_hour\nWHERE hour >= date_trunc('day', pulse_now(), 'UTC') - interval '${days - 1} days' AND hour <= pulse_now()${event ? ` AND event = ${literal(event)}` : ''}\nGROUP BY day, source ORDER BY day, source;`}
      none=${data => !data.points.length} noneText=${event ? 'No event of this name came in these days.' : 'No event came in these days.'}>${data => html`<${VolumeChart} points=${data.points} days=${days} />`}<//>`;
}

// ---- what arrives now ----

// How many events came since the newest one that is shown. It asks every ten seconds while the page is visible.
function Newer({ newest, filter, show }) {
  const [found, setFound] = useState(0);
  useEffect(() => {
    const look = async () => {
      if (document.hidden) return;
      try { setFound((await get(route('/v1/events/tail', {}, { ...filter, after: newest || '0..0', limit: 100 }))).data.events.length); } catch { /* the next time may do */ }
    };
    const timer = setInterval(look, 10000);
    window.addEventListener('focus', look);
    return () => { clearInterval(timer); window.removeEventListener('focus', look); };
  }, [newest]);
  return html`<div role="status">${found ? html`<p class="changed">${found === 100 ? '100 or more' : found} new ${found === 1 ? 'event' : 'events'}. <button class="quiet" onClick=${() => { setFound(0); show(); }}>Show</button></p>` : null}</div>`;
}

const tailColumns = [
  { title: 'Received', value: row => row.receivedAt, cell: row => html`<${Time} at=${row.receivedAt} />` },
  { title: 'Verdict', value: row => row.verdict, cell: row => html`<span><${Badge} text=${row.verdict} tone=${row.verdict === 'accepted' ? 'good' : 'high'} /> ${row.reason ? html`<span class="soft">${row.reason.replace(/_/g, ' ')}</span>` : null}</span>` },
  { title: 'Event', value: row => row.event, cell: row => (row.verdict === 'accepted' ? html`<${EventLink} event=${row.event} />` : html`<${Short} text=${row.event} />`) },
  { title: 'Source', value: row => row.source, cell: row => html`<${Short} text=${row.source} />` }, { title: 'Person', value: row => row.profileId },
  { title: 'Happened', value: row => row.time, cell: row => html`<${Time} at=${row.time} />` },
  { title: 'Properties', value: row => row.properties, cell: row => (row.detail ? html`<${Short} text=${row.detail} />` : html`<${Values} value=${row.properties} />`) },
];

function Tail() {
  const { query: { verdict, name, source } } = useAddress();
  const where = [verdict && `verdict = ${literal(verdict)}`, name && `event = ${literal(name)}`, source && `source = ${literal(source)}`].filter(Boolean).join(' AND ');
  return html`<${Filters} filters=${[{ name: 'verdict', label: 'Verdict', options: [['', 'All'], 'accepted', 'rejected'] }, { name: 'name', label: 'Event', type: 'search' }, { name: 'source', label: 'Source', type: 'search' }]} />
    <${Part} title="What arrives" get=${route('/v1/events/tail', {}, { verdict, event: name, source })} rows="events" next="before"
      sql=${`SELECT received_at, verdict, id, event, source, profile_id, reason\nFROM pulse.event_tail${where ? ' WHERE ' + where : ''} ORDER BY received_at DESC, verdict DESC, id DESC LIMIT 50;`}>
      ${(data, { reload }) => html`<${Newer} newest=${data.events.length ? data.events[0].key : ''} filter=${{ verdict, event: name, source }} show=${reload} />
        ${data.events.length ? html`<${Table} name="tail" caption="The newest events" rows=${data.events} keyOf=${row => row.key} columns=${tailColumns} />` : html`<p class="none">${where ? 'None of the newest events fits these filters.' : 'No event has come this month or the month before.'}</p>`}
        <p class="hint">The newest of this month and the month before, complete and in the order of arrival; duplicates are only counted.</p>`}<//>`;
}

// ---- rejected ones ----

function Rejected() {
  const { query: { reason, from } } = useAddress();
  const where = [reason && `reason = ${literal(reason)}`, from && `source = ${literal(from)}`].filter(Boolean).join(' AND ');
  return html`<${Filters} filters=${[{ name: 'reason', label: 'Reason', type: 'search' }, { name: 'from', label: 'Source', type: 'search' }]} />
    <${Part} title="Rejected events" get=${route('/v1/events/rejected', {}, { reason, source: from })} rows="events" next="before" sql=${`SELECT id, received_at, source, reason, detail, payload\nFROM pulse.rejected_event${where ? ' WHERE ' + where : ''} ORDER BY id DESC LIMIT 50;`}
      none=${data => !data.events.length && !data.next} noneText=${where ? 'No rejected event fits these filters.' : 'No event was rejected.'}>
      ${(data, { reload }) => html`<p><${Confirm} label="Try them again" title="Try rejected events again" text=${`Replays ${reason ? `the events with the reason ${reason}` : 'all rejected events'}, the oldest first, at most 1,000. They keep the time at which they were received.`} sql=${() => `SELECT * FROM pulse_replay_rejected(${reason ? `reason => ${literal(reason)}` : ''});`}
          run=${() => send('POST', '/v1/events/rejected/replay', { reason: reason || null })} said=${answer => `${answer.data.accepted} accepted, ${answer.data.duplicates} duplicates, ${answer.data.rejected} rejected again`} done=${reload} /></p>
        <${Table} name="rejected" caption="Rejected events, the newest first" rows=${data.events} keyOf=${row => row.id} columns=${[{ title: 'Received', value: row => row.receivedAt, cell: row => html`<${Time} at=${row.receivedAt} />` }, { title: 'Source', value: row => row.source, cell: row => html`<${Short} text=${row.source} />` },
          { title: 'Reason', value: row => row.reason, cell: row => html`<${Badge} text=${row.reason.replace(/_/g, ' ')} tone="high" />` }, { title: 'Why', value: row => row.detail, cell: row => html`<${Short} text=${row.detail} />` }, { title: 'Tried', number: true, value: row => row.attempts },
          { title: 'Event', value: row => row.payload, cell: row => html`<${Values} value=${row.payload} />` },
          { title: '', sort: false, cell: row => (row.replayedAt ? html`<${Badge} text="replayed" tone="good" />` : html`<${Confirm} label="Try again" title=${`Try event ${row.id} again`} text="Ingests it as if it came now, at the time at which it was received." sql=${() => `SELECT * FROM pulse_replay_rejected('{${row.id}}');`}
            run=${() => send('POST', '/v1/events/rejected/replay', { ids: [row.id] })} said=${answer => answer.data.results.map(one => one.detail || one.status).join()} done=${reload} />`) }]} />`}<//>`;
}

// ---- catalogue ----

function Catalogue() {
  const { query: { q } } = useAddress();
  return html`<${Filters} filters=${[{ name: 'q', label: 'Name', type: 'search' }]} />
    <${Part} title="Names of events" get=${route('/v1/events/catalogue', {}, { q })} rows="events" next="after" sql="SELECT * FROM pulse.event_catalog ORDER BY event LIMIT 100;" none=${data => !data.events.length} noneText=${q ? 'No event has such a name.' : 'No event has come yet.'}>
      ${data => html`<${Table} name="catalogue" caption="Names of events" rows=${data.events} keyOf=${row => row.event} columns=${[{ title: 'Event', value: row => row.event, cell: row => html`<${EventLink} event=${row.event} />` }, { title: 'Events', number: true, value: row => row.events },
        { title: 'First seen', value: row => row.firstSeenAt, cell: row => html`<${Time} at=${row.firstSeenAt} />` }, { title: 'Last seen', value: row => row.lastSeenAt, cell: row => html`<${Time} at=${row.lastSeenAt} />` }]} />`}<//>`;
}

const propertyColumns = [
  { title: 'Property', value: row => row.property, cell: row => html`<${Short} text=${row.property} />` },
  { title: 'Type', value: row => row.type, cell: row => html`<span>${row.type || '–'} ${Object.keys(row.types).length > 1 ? html`<${Badge} text=${Object.entries(row.types).map(([type, seen]) => `${type} ${count(seen)}`).join(', ')} tone="medium" />` : null}</span>` },
  { title: 'Without a value', number: true, value: row => row.nullRate, cell: row => percent(row.nullRate) },
  { title: 'Examples', value: row => row.examples, cell: row => (row.examples ? html`<${Short} text=${row.examples.map(one => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ')} />` : html`<span class="soft">for those who see people</span>`) },
  { title: 'Last seen', value: row => row.lastSeenAt, cell: row => html`<${Time} at=${row.lastSeenAt} />` },
];

const One = ({ event }) => html`<p class="crumbs"><a href="#/events?tab=catalogue">Events</a></p><h1><${Name} text=${event} /></h1>
    <${Part} title="Properties" get=${route('/v1/events/catalogue/{event}', { event })} rows="properties" next="after" sql=${`SELECT property, type, types, null_rate, examples\nFROM pulse.property_catalog WHERE event = ${literal(event)} ORDER BY property LIMIT 100;`}>
      ${data => html`<${Facts} facts=${[['Events', count(data.events)], ['First seen', html`<${Time} at=${data.firstSeenAt} />`], ['Last seen', html`<${Time} at=${data.lastSeenAt} />`]]} />
        ${data.properties.length ? html`<${Table} name="properties" caption="Properties and what they were seen to be" rows=${data.properties} keyOf=${row => row.property} columns=${propertyColumns} />` : html`<p class="none">It has no properties.</p>`}`}<//>
    <${Part} title="Volume" get=${route('/v1/events/volume', {}, { days: 90, event })} sql=${`SELECT (hour AT TIME ZONE 'UTC')::date AS day, source, sum(events) AS events\nFROM pulse.events_by_source_hour\nWHERE hour >= date_trunc('day', pulse_now(), 'UTC') - interval '89 days' AND hour <= pulse_now() AND event = ${literal(event)}\nGROUP BY day, source ORDER BY day, source;`}
      none=${data => !data.points.length} noneText="None came in 90 days.">${data => html`<${VolumeChart} points=${data.points} days=${90} />`}<//>`;

// ---- quality and anomalies ----

const bands = { excellent: 'good', good: 'good', fair: 'medium', poor: 'high' };
const Quality = () => html`<${Part} title="Anomalies" get="/v1/events/anomalies" live=${['incident']} sql="SELECT incident, event_name, severity, status, change, began_at, summary, segments, traits, flags FROM pulse_event_anomalies();" none=${data => !data.anomalies.length} noneText="In the last 7 days events came as usual.">
    ${data => html`<${Table} name="anomalies" caption="Incidents of events" rows=${data.anomalies} keyOf=${row => row.incident} columns=${[{ title: 'Severity', value: row => row.severity, cell: row => html`<${Badge} text=${row.severity} />` }, { title: 'Status', value: row => row.status, cell: row => html`<${Badge} text=${row.status} />` },
      { title: 'What', value: row => row.summary, cell: row => html`<a href=${link('incidents', row.incident)}><${Short} text=${row.summary || `${row.event}: ${row.detector.replace(/_/g, ' ')}`} /></a>` }, { title: 'Change', number: true, value: row => row.change, cell: row => signed(row.change) },
      { title: 'Since', value: row => row.beganAt, cell: row => html`<${Time} at=${row.beganAt} />` }, { title: 'Used by', value: row => [...row.segments, ...row.traits, ...row.flags].join(', '), cell: row => html`<${Short} text=${[...row.segments, ...row.traits, ...row.flags].join(', ')} />` }]} />`}<//>
  <${Part} title="Quality" get="/v1/events/quality" sql="SELECT event, source, events, score, band, identifiers, properties, delay, context FROM pulse_event_quality();" none=${data => !data.rows.length} noneText="No event came in the last 7 days.">
    ${data => html`<p class="soft">How useful the events of the last 7 days are, from 0 to 100: who they are about, what they tell, how soon they come, and what is known of their surroundings.</p>
      <${Table} name="quality" caption="Quality of events" rows=${data.rows} keyOf=${row => row.event + ' ' + row.source} columns=${[{ title: 'Event', value: row => row.event, cell: row => html`<${EventLink} event=${row.event} />` }, { title: 'Source', value: row => row.source, cell: row => html`<${Short} text=${row.source} />` }, { title: 'Events', number: true, value: row => row.events },
        { title: 'Score', number: true, value: row => row.score, cell: row => figure(row.score) }, { title: 'Band', value: row => row.band, cell: row => (row.band ? html`<${Badge} text=${row.band} tone=${bands[row.band]} />` : '–') },
        { title: 'Who', number: true, value: row => row.identifiers }, { title: 'What', number: true, value: row => row.properties }, { title: 'When', number: true, value: row => row.delay }, { title: 'Where', number: true, value: row => row.context },
        { title: 'What would help', value: row => row.gains.map(gain => gain.advice).join(' '), cell: row => html`<${Short} text=${row.gains.length ? row.gains[0].advice : ''} />` }]} />`}<//>`;

export default function Events({ params }) {
  if (params[0]) return html`<${One} event=${params[0]} key=${params[0]} />`;
  return html`<div class="page-head"><h1>Events</h1></div><${Tabs} tabs=${[{ id: 'volume', title: 'Volume', body: () => html`<${Volume} />` }, { id: 'live', title: 'Live', body: () => html`<${Tail} />` },
    { id: 'catalogue', title: 'Catalogue', body: () => html`<${Catalogue} />` }, { id: 'quality', title: 'Quality', body: () => html`<${Quality} />` }, { id: 'rejected', title: 'Rejected', body: () => html`<${Rejected} />` }]} />`;
}
