// What is wrong now, and how all segments are.
import { html, Part, Table, Time, Name, Badge, Stat, count, percent, signed, duration, link, route } from '../ui.js';
import { Sparkline } from '../chart.js';

const about = incident => incident.segment || incident.relation || incident.event;

const incidentColumns = [
  { title: 'Severity', value: row => row.severity, cell: row => html`<${Badge} text=${row.severity} />` },
  { title: 'What', value: row => row.summary || row.detector, cell: row => html`<span><strong><${Name} text=${about(row)} /></strong> <a href=${link('incidents', row.id)}><${Name} text=${row.summary || row.detector.replace(/_/g, ' ')} /></a></span>` },
  { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} day=${true} />` },
];

const segmentColumns = [
  { title: 'Segment', value: row => row.name, cell: row => html`<a href=${link('segments', row.name)}><${Name} text=${row.name} /></a>` },
  { title: 'State', value: row => row.state, cell: row => html`<${Badge} text=${row.incidents ? row.worst : row.state} />` },
  { title: 'Size', number: true, value: row => row.size, cell: row => count(row.size) },
  { title: 'Change', number: true, value: row => row.change, cell: row => signed(row.change) },
  { title: 'Newest sizes', sort: false, cell: row => html`<${Sparkline} points=${row.sizes} bad=${row.incidents > 0} />` },
];

const troubled = items => items.filter(item => !['ok', 'running', 'idle', 'info', ''].includes(item.state || ''));

export default function Overview() {
  return html`<div class="page-head"><h1>Overview</h1></div>
    <div class="grid">
      <${Part} title="At a glance" get="/v1/mission" sql="SELECT * FROM pulse.mission;" live=${['incident', 'segment']}>
        ${data => html`<div class="stats">
          <${Stat} label="Open incidents" value=${count(data.open)} href="#/incidents?status=open" note=${['critical', 'high', 'medium', 'low'].filter(one => data.bySeverity[one]).map(one => `${data.bySeverity[one]} ${one}`).join(', ') || 'none'} />
          <${Stat} label="Acknowledged" value=${count(data.acknowledged)} href="#/incidents?status=acknowledged" />
          <${Stat} label="Segments monitored" value=${data.monitoredShare === null ? '–' : percent(data.monitoredShare, 0)} note=${`${count(data.monitored)} of ${count(data.segments)} active`} href="#/segments" />
          <${Stat} label="Found after" value=${duration(data.medianLeadSeconds)} note="median, from the start of a drift" />
        </div>`}<//>
      <${Part} title="What is wrong now" className="two-thirds" get=${route('/v1/incidents', {}, { status: 'live', limit: 8 })} live=${['incident']}
        sql="SELECT id, severity, segment, summary, since\nFROM pulse.incident WHERE status IN ('open', 'acknowledged') ORDER BY id DESC LIMIT 8;"
        none=${data => !data.incidents.length} noneText="No incident is open. Everything that is measured is as usual." actions=${html`<a href="#/incidents?status=live">All open</a>`}>
        ${data => html`<${Table} columns=${incidentColumns} rows=${data.incidents} keyOf=${row => row.id} name="wrong" csv=${false} caption="Open incidents, the newest first" />`}<//>
      <${Part} title="Pulse itself" className="third" get="/v1/status" sql="SELECT * FROM pulse_status();" live=${['job']}>
        ${data => { const [first, ...rest] = data.items; const bad = troubled(rest); return html`<p><${Badge} text=${first.state} /> <${Name} text=${first.detail || first.value || ''} /></p>
          ${bad.length ? html`<ul class="dots">${bad.slice(0, 8).map(item => html`<li key=${item.item}><strong><${Name} text=${item.item} /></strong>: <${Name} text=${[item.state, item.value, item.detail].filter(Boolean).join(', ')} /></li>`)}</ul>` : html`<p class="soft">Workers, jobs and sources have no trouble.</p>`}`; }}<//>
      <${Part} title="Segments" get=${route('/v1/segments', {}, { limit: 20 })} rows="segments" next="after" live=${['segment', 'snapshot']}
        sql="SELECT segment, state, size, change, trend, incidents, worst\nFROM pulse.segment_overview ORDER BY segment;"
        none=${data => !data.segments.length} noneText=${html`There is no segment yet. <a href="#/segment-builder">Make the first one</a>.`} actions=${html`<a href="#/segments">All segments</a>`}>
        ${data => html`<${Table} columns=${segmentColumns} rows=${data.segments} keyOf=${row => row.id} name="segments" caption="Segments at a glance" />`}<//>
    </div>`;
}
