// Traits: all of them, and one with its versions, its values and what uses it; writing and trying an expression.
import { html, useCallback, useState, useData, useId, Part, Table, Facts, Form, Confirm, Failure, Time, Name, Spinner, Badge, count, percent, link, route, literal, send, go, toast, useMayWrite } from '../ui.js';
import { Chart } from '../chart.js';
import { RuleText, useValidation } from './segment_builder.js';
import { Steps, Value } from './people.js';

const columns = [
  { title: 'Trait', value: row => row.key, cell: row => html`<a href=${link('traits', row.key)}><${Name} text=${row.key} /></a>` }, { title: 'Type', value: row => row.type },
  { title: 'Expression', value: row => row.expression, sort: false, cell: row => html`<code><${Value} value=${row.expression} /></code>` }, { title: 'Description', value: row => row.description, cell: row => html`<${Value} value=${row.description} />` },
  { title: 'Used by', number: true, value: row => row.usedBy }, { title: 'Version', number: true, value: row => row.version }, { title: 'Changed', value: row => row.updatedAt, cell: row => html`<${Time} at=${row.updatedAt} />` },
];

const List = () => html`<div class="page-head"><h1>Traits</h1><div class="actions"><a class="button main" href="#/traits?new=1">New trait</a></div></div>
  <${Part} get="/v1/traits" sql="SELECT key, type, expression, description, version, updated_at FROM pulse.trait ORDER BY key;" none=${data => !data.traits.length} noneText="There is no trait yet.">
    ${data => html`<${Table} columns=${columns} rows=${data.traits} keyOf=${row => row.key} name="traits" caption="Traits" />`}<//>`;

// ---- trying an expression for a person ----

export function TryIt({ expression, disabled }) {
  const [asked, setAsked] = useState({});
  const [user, setUser] = useState('');
  const id = useId();
  const run = async event => {
    event.preventDefault();
    try { setAsked({ expression, user, ...(await send('POST', '/v1/expressions/test', { expression, userId: user })) }); } catch (error) { setAsked({ error }); }
  };
  const same = asked.expression === expression && asked.user === user;
  return html`<section class="part"><header><h2>For one person</h2></header><form class="ask" onSubmit=${run}><div class="field"><label for=${id}>Person</label><input id=${id} value=${user} required placeholder="user id, kind:value or profile:42" onInput=${event => setUser(event.target.value)} /></div>
      <button type="submit" disabled=${disabled || !user.trim()}>Test</button></form>
    ${asked.error ? html`<${Failure} error=${asked.error} />` : asked.data ? html`<div class=${same ? '' : 'stale'}><${Steps} steps=${asked.data.parts} name="tested" /></div>
      <footer><span>As of <${Time} at=${asked.asOf} /> · ${Math.max(1, Math.round(asked.ms))} ms</span></footer><details class="as-sql"><summary>As SQL</summary><pre class="sql" tabindex="0"><code>${`SELECT * FROM pulse_test_expression(${literal(asked.expression)}, ${literal(asked.user)});`}</code></pre></details>` : html`<p class="none">Name a person to see the value, part by part.</p>`}</section>`;
}

// ---- writing one ----

// Types as traits have them; the server says those of PostgreSQL.
const types = { numeric: 'number', timestamptz: 'timestamp', 'timestamp with time zone': 'timestamp', jsonb: 'json' };

function Editor({ trait }) {
  const [text, setText] = useState(trait ? trait.expression : '');
  const said = useValidation(text);
  const names = useData('/v1/rules/names');
  const mayWrite = useMayWrite();
  const current = said.text === text;
  const ready = current && said.valid && text.trim() !== '';
  const save = async values => {
    if (trait) await send('PUT', route('/v1/admin/traits/{key}', { key: trait.key }), { expression: text, description: values.description });
    else await send('POST', '/v1/admin/traits', { key: values.key, expression: text, description: values.description || null });
    toast(trait ? 'Saved' : 'Created'); go(link('traits', trait ? trait.key : values.key));
  };
  return html`<div class="builder"><div><section class="part"><header><h2>What it is</h2></header>
      <${RuleText} text=${text} change=${setText} problem=${current ? said.problem : null} label="Expression" valid=${'The expression is valid' + (current && said.type ? `: ${types[said.type] || said.type}.` : '.')} nothing="Such as events.purchase.sum(total, 90d), or last_seen_days_ago < 7." />
      <details class="long"><summary>Names to use</summary><p><code>${((names.data && names.data.names) || []).map(one => one.name).join('  ')}</code></p></details></section>
    <section class="part"><header><h2>${trait ? 'Save' : 'Create'}</h2></header>${mayWrite ? null : html`<p class="notice forbidden">Creating and changing needs a key of kind admin.</p>`}
      <${Form} fields=${[...(trait ? [] : [{ name: 'key', label: 'Name', required: true, help: 'Letters, digits and underscores: rules use it as it is.' }]), { name: 'description', label: 'Description', value: trait ? trait.description || '' : '' }]}
        submit=${save} label=${trait ? 'Save' : 'Create'} disabled=${!mayWrite || !ready}
        sql=${values => `SELECT pulse_${trait ? 'update' : 'create'}_trait(${literal(trait ? trait.key : values.key)}, ${literal(text)}${values.description ? `, ${literal(values.description)}` : ''});`} /></section></div>
    <${TryIt} expression=${text} disabled=${!ready} /></div>`;
}

function Change({ name }) {
  const found = useData(route('/v1/traits/{key}', { key: name }));
  if (found.state === 'loading') return html`<${Spinner} />`;
  return found.state === 'ready' ? html`<${Editor} trait=${found.data} />` : html`<${Failure} error=${found.error} again=${found.reload} />`;
}

// ---- one trait ----

// Bars: of numbers intervals, else the most frequent values.
function barsOf(values, type) {
  const text = value => (value === null ? 'no value' : typeof value === 'string' ? value : JSON.stringify(value));
  const numbers = values.filter(one => typeof one.value === 'number');
  if (type === 'number' && numbers.length > 12) {
    const low = Math.min(...numbers.map(one => one.value)), high = Math.max(...numbers.map(one => one.value)), step = (high - low) / 10;
    const bars = Array.from({ length: 10 }, (_, place) => ({ label: `${+(low + place * step).toPrecision(3)} to ${+(low + (place + 1) * step).toPrecision(3)}`, people: 0 }));
    for (const one of numbers) bars[Math.min(9, Math.floor((one.value - low) / step))].people += one.people;
    const rest = values.filter(one => typeof one.value !== 'number').reduce((sum, one) => sum + one.people, 0);
    return rest ? [...bars, { label: 'no value', people: rest }] : bars;
  }
  const sorted = type === 'number' ? [...values].sort((a, b) => (a.value === null ? 1 : b.value === null ? -1 : a.value - b.value)) : values;
  const bars = sorted.slice(0, 15).map(one => ({ label: text(one.value).slice(0, 60), people: one.people }));
  const rest = sorted.slice(15).reduce((sum, one) => sum + one.people, 0);
  return rest ? [...bars, { label: 'all others', people: rest }] : bars;
}

function Bars({ data, trait }) {
  const bars = barsOf(data.values, trait.type);
  const draw = useCallback(Plot => ({ marginLeft: 130, x: { label: null, grid: true, tickFormat: 'd' }, y: { label: null, domain: bars.map(bar => bar.label), tickFormat: label => (label.length > 18 ? label.slice(0, 17) + '…' : label) },
    marks: [Plot.barX(bars, { x: 'people', y: 'label', fill: 'var(--c1)' }), Plot.ruleX([0], { stroke: 'var(--soft)' })] }), [data]);
  return html`<${Chart} title=${`Values of ${trait.key} among the ${data.people} people who were active last`} caption=${`Of the ${count(data.people)} people who were active last`} draw=${draw} height=${60 + 24 * bars.length} rows=${bars} columns=${[{ title: 'Value', value: row => row.label }, { title: 'People', number: true, value: row => row.people },
    { title: 'Share', number: true, value: row => row.people / data.people, cell: row => percent(row.people / data.people) }]} />`;
}

const pageOf = { trait: 'traits', segment: 'segments', flag: 'flags' };
const Uses = ({ list, none }) => (list.length ? html`<ul class="dots">${list.map(one => html`<li key=${one.kind + one.name}>${one.kind} ${pageOf[one.kind] ? html`<a class="in-text" href=${link(pageOf[one.kind], one.name)}><${Name} text=${one.name} /></a>` : html`<${Name} text=${one.name} />`}</li>`)}</ul>` : html`<p class="none">${none}</p>`);

const One = ({ name }) => html`<p class="crumbs"><a href="#/traits">Traits</a></p><h1><${Name} text=${name} /></h1>
  <${Part} className="head" get=${route('/v1/traits/{key}', { key: name })} sql=${`SELECT t.*, v.version AS of_version, v.expression AS was, v.change, v.changed_by, v.changed_at\nFROM pulse.trait AS t JOIN pulse.trait_version AS v ON v.trait_id = t.id WHERE t.key = ${literal(name)} ORDER BY v.version DESC;`}>
    ${trait => html`<div class="page-head"><p class="lead">${trait.description ? html`<${Value} value=${trait.description} />` : null}</p><div class="actions"><a class="button" href=${link('traits', name) + '?edit=1'}>Edit</a>
        <${Confirm} label="Delete" danger title=${'Delete ' + name} text=${trait.usedBy.length ? `Pulse refuses this while something uses the trait: ${trait.usedBy.map(one => `${one.kind} ${one.name}`).join(', ')}.` : 'Deletes the trait with its versions. Nothing uses it.'} sql=${() => `SELECT pulse_delete_trait(${literal(name)});`}
          run=${() => send('DELETE', route('/v1/admin/traits/{key}', { key: name }))} said="Deleted" done=${() => go('/traits')} /></div></div>
      <pre class="sql" tabindex="0"><code>${trait.expression}</code></pre>
      <${Facts} facts=${[['Type', trait.type], ['Version', trait.version], ['Created', html`<${Time} at=${trait.createdAt} />`], ['Changed', html`<${Time} at=${trait.updatedAt} />`]]} />
      <div class="grid"><div class="half"><h2 class="sub">Used by</h2><${Uses} list=${trait.usedBy} none="Nothing uses it." /></div><div class="half"><h2 class="sub">Uses</h2><${Uses} list=${trait.uses} none="No other definition." /></div></div>
      <${Part} title="Values" className="plain" get=${route('/v1/traits/{key}/values', { key: name })}
        sql=${`SELECT pulse_trait('profile:' || w.profile_id, ${literal(name)}) AS value, count(*) AS people\nFROM (SELECT DISTINCT p.canonical_id AS profile_id FROM (SELECT profile_id FROM pulse.activity ORDER BY last_at DESC, profile_id DESC LIMIT 200) AS a\n      JOIN pulse.profile AS p ON p.id = a.profile_id) AS w GROUP BY 1 ORDER BY 2 DESC, 1;`} none=${data => !data.people} noneText="There are no people yet.">${data => html`<${Bars} data=${data} trait=${trait} />`}<//>
      <${TryIt} expression=${trait.expression} />
      <h2 class="sub">Versions</h2><${Table} name="versions" caption="Versions" rows=${trait.versions} keyOf=${row => row.version} columns=${[{ title: 'Version', number: true, value: row => row.version, cell: row => (row.version === trait.version ? html`<span>${row.version} <${Badge} text="now" tone="accent" /></span>` : row.version) },
        { title: 'Expression', value: row => row.expression, sort: false, cell: row => html`<code><${Value} value=${row.expression} /></code>` }, { title: 'Change', value: row => row.change, cell: row => html`<${Value} value=${row.change} />` }, { title: 'By', value: row => row.changedBy }, { title: 'When', value: row => row.changedAt, cell: row => html`<${Time} at=${row.changedAt} />` }]} />`}<//>`;

export default function Traits({ params, query }) {
  if (!params[0] && !query.new) return html`<${List} />`;
  if (params[0] && !query.edit) return html`<${One} name=${params[0]} key=${params[0]} />`;
  return html`<p class="crumbs"><a href="#/traits">Traits</a>${params[0] ? html` / <a href=${link('traits', params[0])}><${Name} text=${params[0]} /></a>` : null}</p><h1>${params[0] ? html`Change <${Name} text=${params[0]} />` : 'A new trait'}</h1>
    ${params[0] ? html`<${Change} name=${params[0]} key=${params[0]} />` : html`<${Editor} />`}`;
}
