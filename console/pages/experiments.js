// Experiments: flags whose variants people saw, and what people did after it.
import { html, useCallback, useData, useId, useState, Part, Table, Facts, Time, Name, Badge, count, figure, percent, signed, link, route, literal, setQuery } from '../ui.js';
import { Chart } from '../chart.js';
import { Exposures } from './flags.js';
import { SeePeople } from './people.js';

const List = () => html`<div class="page-head"><h1>Experiments</h1></div><p class="lead">Flags with several variants. Pulse compares what people did after they saw one.</p>
  <${Part} get="/v1/flags" live=${['flag']} sql="SELECT key, status, definition -> 'variants' AS variants, last_exposure_at FROM pulse_list_flags();" none=${data => !data.flags.length} noneText="There is no flag yet.">
    ${data => html`<${Table} name="experiments" caption="Experiments" rows=${[...data.flags].sort((a, b) => String(b.lastExposure || '').localeCompare(String(a.lastExposure || '')))} keyOf=${row => row.key} columns=${[
      { title: 'Flag', value: row => row.key, cell: row => html`<a href=${link('experiments', row.key)}><${Name} text=${row.key} /></a>` }, { title: 'Variants', value: row => row.variants.join(', ') }, { title: 'State', value: row => row.status },
      { title: 'Last seen by somebody', value: row => row.lastExposure, cell: row => (row.lastExposure ? html`<${Time} at=${row.lastExposure} />` : 'never') }]} />`}<//>`;

const verdicts = { better: 'good', worse: 'critical', unclear: 'quiet', unknown: 'quiet' };
const range = (interval, show) => (interval ? `${show(interval[0])} to ${show(interval[1])}` : '–');

function Intervals({ metric }) {
  const rows = metric.variants.filter(one => one.lift && one.lift.sequential_interval).map(one => ({ variant: one.variant, low: 100 * one.lift.sequential_interval[0], high: 100 * one.lift.sequential_interval[1], lift: 100 * one.lift.value }));
  const draw = useCallback(Plot => ({ marginLeft: 120, x: { label: null, grid: true, nice: true }, y: { label: null, tickFormat: name => (name.length > 16 ? name.slice(0, 15) + '…' : name) },
    marks: [Plot.ruleX([0], { stroke: 'var(--soft)' }), Plot.ruleY(rows, { y: 'variant', x1: 'low', x2: 'high', stroke: 'var(--c1)', strokeWidth: 5, strokeOpacity: 0.35 }), Plot.dot(rows, { x: 'lift', y: 'variant', fill: 'var(--c1)', r: 5 })] }), [metric]);
  return rows.length ? html`<${Chart} title=${`Lift of ${metric.name} against the control, with the interval that holds however often you look`} caption="Lift against the control, %, with the interval that holds however often you look" draw=${draw} height=${60 + 34 * rows.length} />` : null;
}

function Metric({ metric }) {
  const rate = metric.variants.some(one => one.converted !== undefined && one.converted !== null);
  const show = value => (rate ? percent(value) : figure(value));
  return html`<h3><${Name} text=${metric.name} /></h3><${Intervals} metric=${metric} />
    <${Table} name="result" caption=${`Result: ${metric.name}`} rows=${metric.variants} keyOf=${row => row.variant} columns=${[{ title: 'Variant', value: row => row.variant, cell: row => html`<span><${Name} text=${row.variant} />${row.control ? html` <${Badge} text="control" />` : null}</span>` },
      { title: 'People', number: true, value: row => row.people, cell: row => count(row.people) }, ...(rate ? [{ title: 'Converted', number: true, value: row => row.converted, cell: row => count(row.converted) }] : []), { title: 'Value', number: true, value: row => row.value, cell: row => show(row.value) },
      { title: 'Lift', number: true, value: row => row.lift && row.lift.value, cell: row => (row.lift ? signed(row.lift.value) : '–') }, { title: 'Interval', sort: false, value: row => row.lift && range(row.lift.sequential_interval, signed) },
      { title: 'Verdict', value: row => row.verdict, cell: row => (row.verdict ? html`<${Badge} text=${row.verdict} tone=${verdicts[row.verdict]} />` : '–') }, { title: 'Note', value: row => row.note }]} />`;
}

function Ask({ metric }) {
  const names = useData('/v1/rules/names');
  const events = ((names.data && names.data.names) || []).map(one => /^events(?:\.(\w+)|\["(.*)"\])\.count_30d$/.exec(one.name)).filter(Boolean).map(found => found[1] || found[2]);
  const ids = [useId(), useId()];
  const [text, setText] = useState(metric || '');
  return html`<form class="ask" onSubmit=${event => { event.preventDefault(); setQuery({ metric: text.trim() }); }}><div class="field"><label for=${ids[0]}>Metric</label><input id=${ids[0]} list=${ids[1]} value=${text} required placeholder='purchase, or {"event": "purchase", "sum": "amount"}' onInput=${event => setText(event.target.value)} />
    <datalist id=${ids[1]}>${events.map(name => html`<option key=${name} value=${name} />`)}</datalist></div><button type="submit">Compare</button></form>`;
}

function One({ flag, query }) {
  const { metric } = query;
  return html`<p class="crumbs"><a href="#/experiments">Experiments</a></p><h1><${Name} text=${flag} /></h1>
    <section class="part"><header><h2>What to compare</h2></header><${Ask} metric=${metric} /><p class="hint">The name of an event: the share of people who have one after they saw the variant. Or a metric as JSON.</p></section>
    ${metric ? html`<${Part} title="Result" get=${route('/v1/experiments/{flag}', { flag }, { metric })} sql=${`SELECT jsonb_pretty(pulse_experiment(${literal(flag)}, ${literal(metric)}));`} none=${data => !data.people} noneText="Nobody was recorded to have seen a variant.">
      ${data => html`<${Facts} facts=${[...data.variants.map(one => [one.variant, `${count(one.people)} people, ${percent(one.share)}`]), ['Saw several variants, left out', count(data.excluded && data.excluded.several_variants)],
          ['Shares of the variants', html`<${Badge} text=${data.sample_ratio.status} tone=${data.sample_ratio.status === 'mismatch' ? 'critical' : data.sample_ratio.status === 'ok' ? 'good' : 'quiet'} />`]]} />
        ${data.sample_ratio.status === 'mismatch' ? html`<p class="notice failed"><strong>Do not trust this.</strong> The variants do not have the shares that the flag gives them: people of one get lost somewhere.</p>` : data.sample_ratio.note ? html`<p class="hint">${data.sample_ratio.note}</p>` : null}
        ${data.metrics.map(one => html`<${Metric} key=${one.name} metric=${one} />`)}`}<//>` : null}
    <${Exposures} flag=${flag} days=${200} /><p><a class="in-text" href=${link('flags', flag)}>The flag with its rules</a></p>`;
}

export default ({ params, query }) => html`<${SeePeople} title="Experiments">${params[0] ? html`<${One} flag=${params[0]} query=${query} key=${params[0]} />` : html`<${List} />`}<//>`;
