// What is wrong now, and how all segments are.
import { html, Part, Table, Time, Name, Badge, Stat, count, figure, percent, signed, duration, link, route } from '../ui.js';
import { Sparkline } from '../chart.js';

const about = incident => incident.segment || incident.relation || incident.event;

// Incidents with one cause are one row: the first of them, with the worst severity.
const severities = ['critical', 'high', 'medium', 'low'];
function grouped(incidents) {
  const groups = new Map();
  for (const incident of incidents) {
    const key = incident.group || incident.id;
    groups.set(key, [...(groups.get(key) || []), incident]);
  }
  return [...groups.values()].map(list => {
    const first = list.reduce((a, b) => (+b.id < +a.id ? b : a));
    return { ...first, severity: severities.find(one => list.some(incident => incident.severity === one)), others: list.length - 1 };
  }).sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || b.id - a.id).slice(0, 8);
}

const incidentColumns = [
  { title: 'Severity', value: row => severities.indexOf(row.severity), cell: row => html`<${Badge} text=${row.severity} />` },
  { title: 'What', value: row => row.summary || row.detector, cell: row => html`<span><strong><${Name} text=${about(row)} /></strong> <a href=${link('incidents', row.id)}><${Name} text=${row.summary || row.detector.replace(/_/g, ' ')} /></a>
    ${row.others ? html`<span class="soft"> and ${row.others} more with it</span>` : null}</span>` },
  { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} day=${true} />` },
];

const segmentColumns = [
  { title: 'Segment', value: row => row.name, cell: row => html`<a href=${link('segments', row.name)}><${Name} text=${row.name} /></a>` },
  { title: 'State', value: row => row.state, cell: row => html`<${Badge} text=${row.incidents ? row.worst : row.state} />` },
  { title: 'Size', number: true, value: row => row.size, cell: row => count(row.size) },
  { title: 'Change', number: true, value: row => row.change, cell: row => signed(row.change) },
  { title: 'Newest sizes', sort: false, cell: row => html`<${Sparkline} points=${row.sizes} bad=${row.incidents > 0} />` },
];

const share = (part, all) => (all ? percent(part / all, 0) : '–');
const tones = { healthy: 'good', fair: 'good', degraded: 'medium', critical: 'critical' };

const troubled = items => items.filter(item => !['ok', 'running', 'idle', 'info', ''].includes(item.state || ''));

export default function Overview() {
  return html`<div class="page-head"><h1>Overview</h1></div>
    <div class="grid">
      <${Part} title="At a glance" get="/v1/mission" sql="SELECT * FROM pulse.mission;" live=${['incident', 'segment']}>
        ${data => html`<div class="stats">
          <${Stat} label="Open incidents" value=${count(data.open)} href="#/incidents?status=open" note=${['critical', 'high', 'medium', 'low'].filter(one => data.bySeverity[one]).map(one => `${data.bySeverity[one]} ${one}`).join(', ') || 'none'} />
          <${Stat} label="Acknowledged" value=${count(data.acknowledged)} href="#/incidents?status=acknowledged" />
          <${Stat} label="Segments monitored" value=${data.monitoredShare === null ? '–' : percent(data.monitoredShare, 0)} note=${`${count(data.monitored)} of ${count(data.segments)} active`} href="#/segments" />
          <${Stat} label="Found after" value=${data.medianLeadSeconds === 0 ? 'at once' : duration(data.medianLeadSeconds)} note="median, from the start of a drift" />
        </div>`}<//>
      <${Part} title="What is wrong now" className="two-thirds" get=${route('/v1/incidents', {}, { status: 'live', limit: 100 })} live=${['incident']}
        sql="SELECT id, severity, segment, summary, since\nFROM pulse.incident WHERE status IN ('open', 'acknowledged') ORDER BY id DESC LIMIT 100;"
        none=${data => !data.incidents.length} noneText="No incident is open. Everything that is measured is as usual." actions=${html`<a href="#/incidents?status=live">All open</a>`}>
        ${data => html`<${Table} columns=${incidentColumns} rows=${grouped(data.incidents)} keyOf=${row => row.id} name="wrong" csv=${false} caption="Open incidents, the worst first" />`}<//>
      <${Part} title="Pulse itself" className="third" get="/v1/status" sql="SELECT * FROM pulse_status();" live=${['job']}>
        ${data => { const [first, ...rest] = data.items; const bad = troubled(rest); return html`<p><${Badge} text=${first.state} /></p>
          ${bad.length ? html`<ul class="dots">${bad.slice(0, 8).map(item => html`<li key=${item.item}><strong><${Name} text=${item.item} /></strong>: <${Name} text=${[item.state, item.value, item.detail].filter(Boolean).join(', ')} /></li>`)}</ul>` : html`<p class="soft">Workers, jobs and sources have no trouble.</p>`}`; }}<//>
      <${Part} title="Segments" get=${route('/v1/segments', {}, { limit: 20 })} rows="segments" next="after" live=${['segment', 'snapshot']}
        sql="SELECT segment, state, size, change, trend, incidents, worst\nFROM pulse.segment_overview ORDER BY segment;"
        none=${data => !data.segments.length} noneText=${html`There is no segment yet. <a href="#/segment-builder">Make the first one</a>.`} actions=${html`<a href="#/segments">All segments</a>`}>
        ${data => html`<${Table} columns=${segmentColumns} rows=${data.segments} keyOf=${row => row.id} name="segments" caption="Segments at a glance" />`}<//>
      <${Part} title="Trust" className="third" get="/v1/trust/status" sql="SELECT * FROM pulse_trust_status();" live=${['incident']}>
        ${data => html`<div class="stats"><${Stat} label="Score" value=${data.score === null ? '–' : data.score} note=${data.status} />
          <${Stat} label="Mode" value=${data.frozen ? 'frozen' : data.mode} note=${data.frozen ? data.frozen_because : `${count(data.held)} actions held`} /></div>
          ${data.issues.length ? html`<ul class="dots">${data.issues.slice(0, 3).map((issue, place) => html`<li key=${place}><${Name} text=${issue} /></li>`)}</ul>` : null}`}<//>
      <${Part} title="People" className="third" get="/api/v1/cdp/profiles/statistics" sql="SELECT * FROM pulse_people_statistics();"
        none=${data => !data.people || !data.people.value} noneText="No person is known yet: people come with events.">
        ${data => html`<div class="stats"><${Stat} label="People" value=${count(data.people.value)} note=${`${count(data.new_last_week.value)} new in 7 days`} />
          <${Stat} label="Active, 30 days" value=${count(data.active_last_month.value)} note=${share(data.active_last_month.value, data.people.value)} /></div>
          <p class="soft">E-mail addresses: ${count(data['ids:email'].value)} (${share(data['ids:email'].value, data.people.value)}); telephone numbers: ${count(data['ids:phone'].value)} (${share(data['ids:phone'].value, data.people.value)}) of all people at most.</p>`}<//>
      <${Part} title="Events" className="third" get="/api/v1/cdp/anomalies/summary" sql="SELECT * FROM pulse_event_anomaly_summary();"
        none=${data => !data.last_7_days && !data.previous_7_days} noneText="No event has come in the last two weeks.">
        ${data => html`<div class="stats"><${Stat} label="In 7 days" value=${count(data.last_7_days)} note=${`${signed(data.change)} against the 7 before`} />
          <${Stat} label="Quality" value=${data.quality ? figure(data.quality.score) : '–'} note=${html`<${Badge} text=${data.quality ? data.quality.band : 'not measured'} tone=${data.quality ? tones[data.quality.health] : 'quiet'} />`} /></div>
          ${data.quality && ['degraded', 'critical'].includes(data.quality.health) ? html`<p class="notice failed" role="alert">Data quality is ${data.quality.band}: what is decided by these events may be wrong.</p>` : null}`}<//>
    </div>`;
}
