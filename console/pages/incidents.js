// Incidents: all of them, and one: what changed, why, what to do next.
import { html, useCallback, Part, Table, Filters, Facts, Confirm, AsSql, Time, Name, Badge, count, figure, percent, signed, link, route, literal, send } from '../ui.js';
import { Chart } from '../chart.js';
import { SizeChart } from '../size_chart.js';

export const aboutOf = row => row.segment || row.relation || row.event || '–';
const words = detector => detector.replace(/_/g, ' ');

const columns = [
  { title: 'Incident', number: false, value: row => +row.id, cell: row => html`<a href=${link('incidents', row.id)}>${row.id}</a>` },
  { title: 'Severity', value: row => row.severity, cell: row => html`<${Badge} text=${row.severity} />` },
  { title: 'Status', value: row => row.status, cell: row => html`<${Badge} text=${row.status} />` },
  { title: 'What', value: row => row.summary || words(row.detector), cell: row => html`<span><strong><${Name} text=${aboutOf(row)} /></strong> <a href=${link('incidents', row.id)}><${Name} text=${row.summary || words(row.detector)} /></a></span>` },
  { title: 'Change', number: true, value: row => row.change, cell: row => signed(row.change) },
  { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` },
];

function List({ query }) {
  const { status, severity, about, segment, detector } = query;
  const where = [status === 'live' ? "status IN ('open', 'acknowledged')" : status && `status = ${literal(status)}`, severity && `severity = ${literal(severity)}`,
    segment && `segment = ${literal(segment)}`, detector && `detector = ${literal(detector)}`].filter(Boolean).join(' AND ');
  return html`<div class="page-head"><h1>Incidents</h1></div>
    <${Filters} filters=${[
      { name: 'status', label: 'Status', options: [['', 'All'], ['live', 'Open or acknowledged'], 'open', 'acknowledged', 'resolved', 'ignored'] },
      { name: 'severity', label: 'Severity', options: [['', 'All'], 'critical', 'high', 'medium', 'low'] },
      { name: 'about', label: 'About', options: [['', 'Everything'], ['segment', 'Segments'], ['table', 'Tables'], ['event', 'Events']] },
      { name: 'segment', label: 'Segment', type: 'search' }]} />
    <${Part} get=${route('/v1/incidents', {}, { status, severity, about, segment, detector })} rows="incidents" next="before" live=${['incident']}
      sql=${`SELECT id, severity, status, segment, summary, change, since\nFROM pulse.incident${where ? ' WHERE ' + where : ''} ORDER BY id DESC LIMIT 50;`}
      none=${data => !data.incidents.length} noneText=${where || about ? 'No incident fits these filters.' : 'There has been no incident.'}>
      ${data => html`<${Table} columns=${columns} rows=${data.incidents} keyOf=${row => row.id} name="incidents" caption="Incidents, the newest first" />`}<//>`;
}

const note = { name: 'note', label: 'Note', help: 'It stays in the history of the incident.' };

function Actions({ incident, reload }) {
  const { id, status } = incident;
  const live = status === 'open' || status === 'acknowledged';
  const post = what => values => send('POST', route(`/v1/incidents/{id}/${what}`, { id }), values);
  return html`<div class="actions">
    ${status === 'open' ? html`<${Confirm} label="Acknowledge" title=${`Acknowledge incident ${id}`} text="Says that a person works on it. It stays open until it is resolved, or until the drift is gone." fields=${[note]}
      sql=${values => `SELECT pulse_acknowledge_incident(${id}${values.note ? `, note => ${literal(values.note)}` : ''});`}
      run=${values => post('acknowledge')({ note: values.note || null })} said="Acknowledged" done=${reload} />` : null}
    ${live ? html`<${Confirm} label="Resolve" main title=${`Resolve incident ${id}`} text="Closes it. If the drift persists, the next check opens it again." fields=${[note]}
      sql=${values => `SELECT pulse_resolve_incident(${id}${values.note ? `, note => ${literal(values.note)}` : ''});`}
      run=${values => post('resolve')({ note: values.note || null })} said="Resolved" done=${reload} />
    <${Confirm} label="This is the new normal" title=${`Accept incident ${id} as the new normal`} text=${`Closes it, and compares ${aboutOf(incident)} from now on with what it has been since the incident began. What came before does not count any more.`} fields=${[note]}
      sql=${values => `SELECT pulse_resolve_incident(${id}${values.note ? `, note => ${literal(values.note)}` : ''}, new_normal => true);`}
      run=${values => post('resolve')({ note: values.note || null, newNormal: true })} said="Resolved as the new normal" done=${reload} />
    <${Confirm} label="Ignore" title=${`Ignore incident ${id}`} text="Mutes it: meanwhile nothing opens for the same segment, detector and attribute."
      fields=${[{ name: 'until', label: 'For how long', type: 'select', options: [['1 day', 'a day'], ['3 days', '3 days'], ['7 days', 'a week'], ['30 days', '30 days'], ['', 'for good']], value: '3 days' }, { name: 'reason', label: 'Reason' }]}
      sql=${values => `SELECT pulse_ignore_incident(${id}, ${values.until ? literal(values.until) + '::text' : 'NULL::text'}${values.reason ? `, ${literal(values.reason)}` : ''});`}
      run=${values => post('ignore')({ until: values.until || null, reason: values.reason || null })} said="Ignored" done=${reload} />` : null}</div>`;
}

const likely = confidence => (confidence >= 0.9 ? 'very likely' : confidence >= 0.6 ? 'likely' : confidence >= 0.3 ? 'possible' : 'unlikely');

function Attribution({ parts, of }) {
  const shown = parts.slice(0, 12);
  const draw = useCallback((Plot, width) => ({
    height: undefined, marginLeft: Math.min(190, width / 2.6), x: { label: 'Share of the change, %', grid: true }, y: { label: null, domain: shown.map(part => `${part.attribute}: ${part.value}`) },
    marks: [Plot.barX(shown, { x: part => part.share * 100, y: part => `${part.attribute}: ${part.value}`, fill: 'var(--c1)', inset: 1 }), Plot.ruleX([0], { stroke: 'var(--soft)' })],
  }), [JSON.stringify(shown)]);
  return html`<${Chart} title=${`Shares of values in ${of || 'the change'}`} draw=${draw} height=${40 + 24 * shown.length}
    columns=${[{ title: 'Attribute', value: row => row.attribute }, { title: 'Value', value: row => row.value }, { title: 'Before', number: true, value: row => row.before },
      { title: 'After', number: true, value: row => row.after }, { title: 'Share of the change', number: true, value: row => row.share, cell: row => percent(row.share) }]} rows=${parts} />`;
}

function Diagnosis({ id }) {
  return html`<${Part} title="What, why, what next" get=${route('/v1/incidents/{id}/diagnosis', { id })} sql=${`SELECT pulse_explain_incident(${id});`}>
    ${({ diagnosis }) => html`
      <h3>What changed</h3><ul class="dots sentences">${diagnosis.what_changed.map((line, place) => html`<li key=${place}><${Name} text=${line} /></li>`)}</ul>
      <h3>Likely causes</h3>${diagnosis.hypotheses.length ? diagnosis.hypotheses.map((cause, place) => html`<div class="cause" key=${place}><strong>${percent(cause.confidence, 0)}</strong>
        <div><${Name} text=${cause.sentence} /> <span class="soft">${likely(cause.confidence)}; evidence ${cause.evidence.join(', ')}</span></div></div>`) : html`<p class="none">No cause is known.</p>`}
      ${diagnosis.attribution.length ? html`<h3>Where it lies</h3><${Attribution} parts=${diagnosis.attribution} of=${diagnosis.attribution_of} />` : null}
      <h3>What to do</h3>${diagnosis.recommendations.length ? html`<ol class="sentences">${diagnosis.recommendations.map((advice, place) => html`<li key=${place}><${Name} text=${advice.action} /> <span class="soft"><${Name} text=${advice.reason} /></span>
        ${advice.sql ? html`<${AsSql} sql=${advice.sql} />` : null}</li>`)}</ol>` : html`<p class="none">Nothing is recommended.</p>`}
      <h3>Evidence</h3><ul class="sentences">${diagnosis.evidence.map(fact => html`<li key=${fact.id}><span class="soft">${fact.id}</span> <${Name} text=${fact.sentence} /></li>`)}</ul>`}<//>`;
}

function Investigations({ id }) {
  return html`<${Part} title="Investigations by a model" get=${route('/v1/incidents/{id}/investigations', { id })}
    sql=${`SELECT * FROM pulse.investigation WHERE incident_id = ${id} ORDER BY id DESC;`} none=${data => !data.investigations.length}
    noneText="No model has looked at it. pulse_create_model() adds one; none is needed.">
    ${data => data.investigations.map(one => html`<div key=${one.id}>
      <p><${Badge} text=${one.status} /> <${Name} text=${one.model} />, asked by <${Name} text=${one.requestedBy} />, ${one.steps} steps, ${count(one.inputTokens + one.outputTokens)} tokens. ${one.reason ? html`<${Name} text=${one.reason} />` : null}</p>
      ${one.result ? html`<ul class="dots sentences">${[...(one.result.what_changed || []), ...(one.result.hypotheses || [])].map((line, place) => html`<li key=${place}><${Name} text=${typeof line === 'string' ? line : line.sentence || line.text} /></li>`)}</ul>` : null}
      <details><summary class="soft">${one.log.length} steps</summary><ol class="sentences">${one.log.map((step, place) => html`<li key=${place}><strong>${step.kind}</strong> <${Name} text=${step.name} />
        ${step.error ? html` <span class="soft"><${Name} text=${step.error} /></span>` : null}
        ${['sent', 'answered'].map(part => step[part] ? html`<pre class="sql" tabindex="0" key=${part}><code>${JSON.stringify(step[part], null, 1)}</code></pre>` : null)}</li>`)}</ol></details></div>`)}<//>`;
}

function One({ id }) {
  return html`<p class="crumbs"><a href="#/incidents">Incidents</a></p><h1>Incident ${id}</h1>
    <${Part} className="head" get=${route('/v1/incidents/{id}', { id })} sql=${`SELECT * FROM pulse.incident WHERE id = ${/^\d+$/.test(id) ? id : 'NULL'};`} live=${['incident']}>
      ${({ incident }, { reload }) => html`<div class="page-head"><p class="headline"><${Name} text=${incident.summary || `${aboutOf(incident)}: ${words(incident.detector)}`} /></p><${Actions} incident=${incident} reload=${reload} /></div>
        <p><${Badge} text=${incident.severity} /> <${Badge} text=${incident.status} /></p>
        <${Facts} facts=${[
          [incident.segment ? 'Segment' : incident.relation ? 'Table' : 'Event', incident.segment ? html`<a href=${link('segments', incident.segment)}><${Name} text=${incident.segment} /></a>` : html`<${Name} text=${aboutOf(incident)} />`],
          ['Detector', words(incident.detector) + (incident.attribute ? `, ${incident.attribute}` : '')],
          ['Expected', figure(incident.baseline)], ['Observed', figure(incident.observed)], ['Change', signed(incident.change)],
          ['Since', html`<${Time} at=${incident.since} />`], ['Opened', html`<${Time} at=${incident.openedAt} />`], ['Last seen', html`<${Time} at=${incident.lastSeenAt} />`],
          incident.closedAt && ['Closed', html`<${Time} at=${incident.closedAt} />`], incident.resolvedBy && ['Closed by', html`<${Name} text=${incident.resolvedBy} />`],
          incident.ignoredUntil && ['Ignored until', incident.ignoredUntil === 'infinity' ? 'for good' : html`<${Time} at=${incident.ignoredUntil} />`],
          incident.pValue !== null && ['Probability by chance', String(incident.pValue)]]} />
        ${incident.segment ? html`<${SizeChart} name=${incident.segment} marks=${[incident]} bare=${true} />` : null}`}<//>
    <${Diagnosis} id=${id} /><${Investigations} id=${id} />`;
}

export default function Incidents({ params, query }) {
  return params[0] ? html`<${One} id=${params[0]} key=${params[0]} />` : html`<${List} query=${query} />`;
}
