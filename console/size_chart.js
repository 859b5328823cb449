// The size of a segment over time, with its expected range and its incidents.
import { html, useCallback, useMemo, Part, Time, count, percent, route, literal } from './ui.js';
import { Chart, thin } from './chart.js';

const columns = [
  { title: 'Measured', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` },
  { title: 'Size', number: true, value: row => row.size }, { title: 'Expected', number: true, value: row => row.expected, cell: row => count(row.expected) },
  { title: 'Lowest expected', number: true, value: row => row.low, cell: row => count(row.low === null ? null : Math.round(row.low)) },
  { title: 'Highest expected', number: true, value: row => row.high, cell: row => count(row.high === null ? null : Math.round(row.high)) },
  { title: 'Entered', number: true, value: row => row.entered }, { title: 'Left', number: true, value: row => row.exited },
  { title: 'Conversion', number: true, value: row => row.conversion, cell: row => percent(row.conversion) },
];

function Lines({ points, marks, name }) {
  const good = useMemo(() => points.filter(point => point.status === 'ok').map(point => ({ ...point, date: new Date(point.at) })), [points]);
  const from = good.length ? good[0].date : null;
  const shown = marks.filter(mark => from && new Date(mark.since) >= from).map(mark => ({ ...mark, date: new Date(mark.since) }));
  const draw = useCallback((Plot, width) => ({
    y: { label: null, grid: true, nice: true, tickFormat: 's' }, x: { label: null, type: 'time' },
    marks: [
      Plot.areaY(thin(good.filter(point => point.low !== null), width / 2, point => point.date, [point => point.low, point => point.high]), { x: 'date', y1: 'low', y2: 'high', fill: 'var(--band)', fillOpacity: 0.14 }),
      Plot.ruleX(shown, { x: 'date', stroke: 'var(--high)', strokeDasharray: '3 3' }),
      Plot.lineY(thin(good, width / 2, point => point.date, [point => point.size]), { x: 'date', y: 'size', stroke: 'var(--c1)', strokeWidth: 1.8 }),
      Plot.dot(shown, { x: 'date', y: mark => (good.find(point => point.date >= mark.date) || {}).size, r: 4, fill: 'var(--high)' }),
    ],
  }), [points, JSON.stringify(marks.map(mark => mark.id))]);
  return html`<${Chart} title=${`Size of ${name} over time, with its expected range and its incidents`} caption="Size" draw=${draw} columns=${columns} rows=${[...points].reverse()}
    legend=${[['size', 'c1'], ['expected range', 'c1 faint'], ...(shown.length ? [['incident', 'dot-high']] : [])]} />`;
}

// marks: incidents of the segment, shown where they began.
export function SizeChart({ name, marks = [], limit = 200, bare = false }) {
  return html`<${Part} className="plain" bare=${bare} get=${route('/v1/segments/{name}/history', { name }, { limit })} live=${['snapshot']}
    sql=${`SELECT * FROM pulse_expected_sizes(${literal(name)}, ${limit});`}
    none=${data => data.points.length < 2} noneText="It has not been measured twice yet: there is nothing to draw.">
    ${data => html`<${Lines} points=${data.points} marks=${marks} name=${name} />`}<//>`;
}
