// Segments: all of them, and one over time.
import { html, useCallback, useMemo, Part, Table, Tabs, Filters, Facts, Confirm, Time, Name, Badge, Stat, count, percent, signed, link, route, literal, send, useAddress } from '../ui.js';
import { Chart, Sparkline, color } from '../chart.js';
import { SizeChart } from '../size_chart.js';

const columns = [
  { title: 'Segment', value: row => row.name, cell: row => html`<a href=${link('segments', row.name)}><${Name} text=${row.name} /></a>` },
  { title: 'State', value: row => row.state, cell: row => html`<${Badge} text=${row.state} />` },
  { title: 'Incidents', number: true, value: row => row.incidents, cell: row => (row.incidents ? html`<${Badge} text=${row.worst} /> ${row.incidents}` : '0') },
  { title: 'Size', number: true, value: row => row.size, cell: row => count(row.size) },
  { title: 'Change', number: true, value: row => row.change, cell: row => signed(row.change) },
  { title: 'Newest sizes', sort: false, cell: row => html`<${Sparkline} points=${row.sizes} bad=${row.incidents > 0} />` },
  { title: 'Owner', value: row => row.owner },
  { title: 'Measured', value: row => row.lastSnapshot, cell: row => html`<${Time} at=${row.lastSnapshot} />` },
];

function List({ query }) {
  const { q, state, incidents } = query;
  return html`<div class="page-head"><h1>Segments</h1><div class="actions"><a class="button main" href="#/segment-builder">New segment</a></div></div>
    <${Filters} filters=${[{ name: 'q', label: 'Name, owner or tag', type: 'search' },
      { name: 'state', label: 'State', options: [['', 'All'], 'watched', 'learning', 'too young', 'no snapshot', 'failing', 'partial', 'not monitored', 'draft', 'paused', 'archived'] },
      { name: 'incidents', label: 'Incidents', options: [['', 'With or without'], ['true', 'With open ones'], ['false', 'Without']] }]} />
    <${Part} get=${route('/v1/segments', {}, { q, state, incidents })} rows="segments" next="after" live=${['segment', 'snapshot', 'incident']}
      sql=${`SELECT * FROM pulse.segment_overview${state ? ` WHERE state = ${literal(state)}` : ''} ORDER BY segment LIMIT 50;`}
      none=${data => !data.segments.length} noneText=${q || state || incidents ? 'No segment fits these filters.' : 'There is no segment yet.'}>
      ${data => html`<${Table} columns=${columns} rows=${data.segments} keyOf=${row => row.id} name="segments" caption="Segments" />`}<//>`;
}

// ---- one segment ----

// Incidents are loaded for the marks; the chart does not wait for them.
function SizeWithIncidents({ name }) {
  const { query } = useAddress();
  const points = ['60', '200', '1000', '10000'].includes(query.points) ? +query.points : 200;
  return html`<${Part} title="Size and incidents" get=${route('/v1/incidents', {}, { segment: name, limit: 100 })} live=${['incident']}
    sql=${`SELECT * FROM pulse.incident WHERE segment = ${literal(name)} ORDER BY id DESC LIMIT 100;`}>
    ${data => html`<${Filters} filters=${[{ name: 'points', label: 'Snapshots', options: [['', 'the last 200'], ['60', 'the last 60'], ['1000', 'the last 1,000'], ['10000', 'the last 10,000']] }]} />
      <${SizeChart} name=${name} marks=${data.incidents} limit=${points} bare=${true} />
      ${data.incidents.length ? html`<h3>Incidents</h3><${Table} name="of-segment" caption="Incidents of the segment" rows=${data.incidents} keyOf=${row => row.id} columns=${[
        { title: 'Severity', value: row => row.severity, cell: row => html`<${Badge} text=${row.severity} />` }, { title: 'Status', value: row => row.status, cell: row => html`<${Badge} text=${row.status} />` },
        { title: 'What', value: row => row.summary || row.detector, cell: row => html`<a href=${link('incidents', row.id)}><${Name} text=${row.summary || row.detector.replace(/_/g, ' ')} /></a>` },
        { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` }]} />` : html`<p class="none">It has had no incident.</p>`}`}<//>`;
}

function Flows({ name }) {
  const paint = data => {
    const points = data.points.filter(point => point.entered !== null);
    return html`<${FlowChart} points=${points} name=${name} />`;
  };
  return html`<${Part} title="Entered and left" get=${route('/v1/segments/{name}/history', { name }, { limit: 120 })} live=${['snapshot']}
    sql=${`SELECT p.taken_at, p.entered, p.exited FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id\nWHERE s.name = ${literal(name)} ORDER BY p.taken_at DESC LIMIT 120;`}
    none=${data => !data.points.some(point => point.entered !== null)} noneText="It is not known who entered and left: the definition names no key, or there is one snapshot only.">${paint}<//>`;
}

function FlowChart({ points, name }) {
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'time' },
    marks: [Plot.ruleY([0], { stroke: 'var(--soft)' }), Plot.rectY(points, { x: point => new Date(point.at), y: 'entered', interval: 'day', fill: 'var(--c1)' }),
      Plot.rectY(points, { x: point => new Date(point.at), y: point => -point.exited, interval: 'day', fill: 'var(--c2)' })] }), [points]);
  return html`<${Chart} title=${`How many entered ${name} and left it`} caption="Members who entered (above) and left (below) since the snapshot before" draw=${draw} legend=${[['entered', 'c1'], ['left', 'c2']]} height=${180}
    columns=${[{ title: 'Measured', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Entered', number: true, value: row => row.entered }, { title: 'Left', number: true, value: row => row.exited }]} rows=${[...points].reverse()} />`;
}

const intervalName = (edges, place) => (place === 0 ? `below ${+edges[0].toPrecision(4)}` : place === edges.length ? `from ${+edges[place - 1].toPrecision(4)}` : `${+edges[place - 1].toPrecision(4)} to ${+edges[place].toPrecision(4)}`);

// Rows [{at, value, members}] of the labels or intervals of an attribute, with other and nulls.
function valuesOf(points) {
  const rows = [];
  for (const point of points) {
    const names = point.labels || (point.edges || []).concat(point.counts.length ? [0] : []).map((_, place) => intervalName(point.edges, place));
    point.counts.forEach((members, place) => rows.push({ at: point.at, value: names[place] ?? `interval ${place + 1}`, members, total: point.total }));
    if (point.other) rows.push({ at: point.at, value: 'other', members: point.other, total: point.total });
    if (point.nulls) rows.push({ at: point.at, value: 'no value', members: point.nulls, total: point.total });
  }
  return rows;
}

function Shares({ points, attribute }) {
  const rows = valuesOf(points);
  const sums = new Map();
  for (const row of rows) sums.set(row.value, (sums.get(row.value) || 0) + row.members);
  const numeric = points.length > 0 && points[0].edges;
  const order = numeric ? [...sums.keys()] : [...sums].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  const top = order.slice(0, 7);
  const shown = rows.map(row => ({ ...row, date: new Date(row.at), group: top.includes(row.value) ? row.value : 'all others' }));
  const groups = shown.some(row => row.group === 'all others') ? [...top, 'all others'] : top;
  // Intervals have an order: shades of one colour show it.
  const shade = place => (numeric ? `var(--s${Math.round(1 + place * 7 / Math.max(1, groups.length - 1))})` : color(place));
  const draw = useCallback(Plot => ({ y: { label: null, percent: true, grid: true }, x: { label: null, type: 'time' }, color: { domain: groups, range: groups.map((_, place) => shade(place)) },
    marks: [Plot.areaY(shown, Plot.stackY({ offset: 'normalize', order: groups }, Plot.groupX({ y: 'sum' }, { x: 'date', y: 'members', fill: 'group', fillOpacity: numeric ? 1 : 0.82, stroke: 'var(--card)', strokeWidth: 0.7 })))] }), [points]);
  return html`<${Chart} title=${`Values of ${attribute} over time, as shares of the members`} caption="Share of the members, %" draw=${draw} legend=${groups.map((group, place) => [group, shade(place).slice(6, -1)])}
    columns=${[{ title: 'Measured', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Value', value: row => row.value }, { title: 'Members', number: true, value: row => row.members },
      { title: 'Share', number: true, value: row => row.members / row.total, cell: row => percent(row.members / row.total) }]} rows=${[...rows].reverse()} />`;
}

function Distributions({ name }) {
  const { query } = useAddress();
  return html`<${Part} title="Values over time" bare=${true} get=${route('/v1/segments/{name}/distributions', { name })} sql=${`SELECT DISTINCT attribute FROM pulse.folded_distribution;`}
    none=${data => !data.attributes.length} noneText="The definition names no attributes, or nothing has been measured yet.">
    ${data => {
      const attribute = data.attributes.includes(query.attribute) ? query.attribute : data.attributes[0];
      return html`<${Filters} filters=${[{ name: 'attribute', label: 'Attribute', options: data.attributes }]} />
        <${Part} className="plain" get=${route('/v1/segments/{name}/distributions', { name }, { attribute, limit: 90 })} live=${['snapshot']}
          sql=${`SELECT p.taken_at, d.labels, d.edges, d.counts, d.other, d.nulls\nFROM pulse.folded_distribution AS d JOIN pulse.snapshot AS p ON p.id = d.snapshot_id JOIN pulse.segment AS s ON s.id = p.segment_id\nWHERE s.name = ${literal(name)} AND d.attribute = ${literal(attribute)} ORDER BY p.taken_at DESC LIMIT 90;`}
          none=${inner => !inner.points.length} noneText="Nothing has been measured yet.">${inner => html`<${Shares} points=${inner.points} attribute=${attribute} />`}<//>`;
    }}<//>`;
}

// The lines of two definitions that differ, as longest common subsequence. It costs the product of their lengths: of long ones, such as a list of
// members, all that is between the same beginning and the same end counts as different.
const mostCompared = 1e6, mostLines = 1000;
export function differences(before, after) {
  let a = JSON.stringify(before, null, 2).split('\n'), b = JSON.stringify(after, null, 2).split('\n');
  let begin = 0, end = 0;
  while (begin < Math.min(a.length, b.length) && a[begin] === b[begin]) begin++;
  while (end < Math.min(a.length, b.length) - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = list => list.map(line => [' ', line]);
  const first = same(a.slice(0, begin)), last = same(a.slice(a.length - end));
  a = a.slice(begin, a.length - end); b = b.slice(begin, b.length - end);
  if (a.length * b.length > mostCompared) return [...first, ...a.map(line => ['-', line]), ...b.map(line => ['+', line]), ...last];
  const common = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const lines = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([' ', a[i]]); i++; j++; } else if (i < a.length && (j >= b.length || common[i + 1][j] >= common[i][j + 1])) lines.push(['-', a[i++]]);
    else lines.push(['+', b[j++]]);
  }
  return [...first, ...lines, ...last];
}

// Around what differs three lines are shown, and of all of them so many that a page can hold them.
function shownLines(lines) {
  const near = new Set();
  lines.forEach(([sign], place) => { if (sign !== ' ') for (let other = place - 3; other <= place + 3; other++) near.add(other); });
  const short = lines.length <= 200 || !near.size ? lines : lines.filter((_, place) => near.has(place) || place < 3);
  return { shown: short.slice(0, mostLines), more: lines.length - Math.min(short.length, mostLines) };
}

export function Difference({ before, after }) {
  const { shown, more } = useMemo(() => shownLines(differences(before, after)), [before, after]);
  return html`<div class="diff" tabindex="0" role="region" aria-label="Difference">${shown.map(([sign, line], place) =>
    (sign === '+' ? html`<ins key=${place}>+ ${line}</ins>` : sign === '-' ? html`<del key=${place}>− ${line}</del>` : html`<span key=${place}>  ${line}</span>`))}
    ${more ? html`<span>  … and ${count(more)} more lines</span>` : null}</div>`;
}

function Versions({ name }) {
  return html`<${Part} title="Versions" get=${route('/v1/segments/{name}/versions', { name })} rows="versions" next="before" live=${['segment']}
    sql=${`SELECT v.* FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id\nWHERE s.name = ${literal(name)} ORDER BY v.version DESC;`}>
    ${data => data.versions.map((version, place) => { const older = data.versions[place + 1]; return html`<section key=${version.version}>
      <h3>Version ${version.version}</h3><p class="soft"><${Time} at=${version.changedAt} />, <${Name} text=${version.changedBy} />: <${Name} text=${version.change} /></p>
      ${older ? html`<${Difference} before=${older.definition} after=${version.definition} />` : html`<pre class="sql" tabindex="0"><code>${JSON.stringify(version.definition, null, 2)}</code></pre>`}</section>`; })}<//>`;
}

function Explanation({ name }) {
  return html`<${Part} title="Definition" get=${route('/v1/segments/{name}/explanation', { name })} sql=${`SELECT * FROM pulse_explain_segment(${literal(name)});`}>
    ${data => html`<dl class="items">${data.items.map((item, place) => html`<div key=${place}><dt class="soft">${item.item}</dt>
      <dd>${['sql', 'rule', 'query'].includes(item.item) ? html`<pre class="sql" tabindex="0"><code>${item.value}</code></pre>` : html`<${Name} text=${item.value} />`}</dd></div>`)}</dl>`}<//>`;
}

function Actions({ segment, pinned, reload }) {
  const { name, status } = segment;
  const paused = status === 'paused' || status === 'archived';
  return html`<div class="actions"><a class="button" href=${link('segment-builder', name)}>Change the rule</a>
    ${status === 'active' ? html`<${Confirm} label="Measure now" title=${'Measure ' + name} text="Asks a worker for a snapshot and checks it for drift. It takes as long as the segment's query." sql=${() => `SELECT * FROM pulse_request_snapshot(${literal(name)}, check_drift => true);`}
      run=${() => send('POST', route('/v1/segments/{name}/snapshots', { name }), { checkDrift: true })} said=${answer => (answer.data.state === 'no_worker' ? 'No worker runs: ' + answer.data.detail : 'Asked for')} done=${reload} />` : null}
    <${Confirm} label=${paused ? 'Resume' : 'Pause'} title=${(paused ? 'Resume ' : 'Pause ') + name} text=${paused ? 'It is measured again.' : 'It is not measured and not checked until it is resumed. Its history stays.'}
      sql=${() => `SELECT pulse_${paused ? 'resume' : 'pause'}_segment(${literal(name)});`} run=${() => send('PUT', route('/api/segments/{id}', { id: segment.id }), { isActive: paused })} said=${paused ? 'Resumed' : 'Paused'} done=${reload} />
    ${segment.lastSnapshot ? html`<${Pin} name=${name} pinned=${pinned} reload=${reload} />` : null}</div>`;
}

// What the segment is compared with: its history, or one snapshot.
function Pin({ name, pinned, reload }) {
  const at = route('/v1/segments/{name}/pin', { name });
  return pinned ? html`<${Confirm} label="Compare with the history" title=${'Unpin the baseline of ' + name} text="From the next check on it is compared again with what its history lets expect, not with the pinned snapshot."
      sql=${() => `SELECT pulse_unpin_baseline(${literal(name)});`} run=${() => send('DELETE', at)} said="Unpinned" done=${reload} />`
    : html`<${Confirm} label="Pin the baseline" title=${'Pin the baseline of ' + name} text="From the next check on it is compared with one snapshot, however it develops: for a segment that is to stay as it is."
      fields=${[{ name: 'snapshot', label: 'Snapshot', help: 'Its number; empty: the newest.', type: 'number', min: 1 }]}
      sql=${v => `SELECT pulse_pin_baseline(${literal(name)}${v.snapshot ? `, ${v.snapshot}` : ''});`} run=${v => send('POST', at, v.snapshot ? { snapshot: String(v.snapshot) } : {})} said=${answer => `Snapshot ${answer.data.snapshot} is pinned`} done=${reload} />`;
}

function One({ name }) {
  return html`<p class="crumbs"><a href="#/segments">Segments</a></p><h1><${Name} text=${name} /></h1>
    <${Part} className="head" get=${route('/v1/segments/{name}', { name })} sql=${`SELECT * FROM pulse.segment_overview WHERE segment = ${literal(name)};`} live=${['segment', 'snapshot', 'incident']}>
      ${(data, { reload }) => { const { segment } = data; return html`<div class="page-head"><p class="lead">${segment.description ? html`<${Name} text=${segment.description} />` : null}</p><${Actions} segment=${segment} pinned=${data.pinned} reload=${reload} /></div>
        <div class="stats"><${Stat} label="Size" value=${count(segment.size)} note=${segment.members} />
          <${Stat} label="Change" value=${signed(segment.change)} note="against what is usual" />
          <${Stat} label="Open incidents" value=${count(segment.incidents)} note=${segment.worst || 'none'} />
          <${Stat} label="State" value=${segment.state} note=${segment.asExpected === null ? 'no expected range' : segment.asExpected ? 'within its expected range' : 'outside its expected range'} /></div>
        <${Facts} facts=${[['Owner', segment.owner && html`<${Name} text=${segment.owner} />`], ['Tags', segment.tags.length ? html`<${Name} text=${segment.tags.join(', ')} />` : null], ['Measured every', data.cadence], ['Last measured', html`<${Time} at=${segment.lastSnapshot} />`],
          ['Version', data.version], data.pinned && ['Compared with', html`snapshot ${data.pinned.snapshot}, <${Time} at=${data.pinned.at} />, ${count(data.pinned.size)} members`],
          data.baselineFrom && ['Compared since', html`<${Time} at=${data.baselineFrom} />`]]} />`; }}<//>
    <${Tabs} tabs=${[
      { id: 'size', title: 'Over time', body: () => html`<${SizeWithIncidents} name=${name} /><${Flows} name=${name} />` },
      { id: 'values', title: 'Values', body: () => html`<${Distributions} name=${name} />` },
      { id: 'versions', title: 'Versions', body: () => html`<${Versions} name=${name} />` },
      { id: 'definition', title: 'Definition', body: () => html`<${Explanation} name=${name} />` }]} />`;
}

export default function Segments({ params, query }) {
  return params[0] ? html`<${One} name=${params[0]} key=${params[0]} />` : html`<${List} query=${query} />`;
}
