// Flags: all of them, and one: its rules and how far it is rolled out, who gets what and why, who saw it; the kill switch.
import { html, useCallback, useState, useId, Part, Table, Tabs, Facts, Confirm, Dialog, AsSql, Failure, Time, Name, Badge, count, figure, link, route, literal, get, send, go, toast, useMayWrite } from '../ui.js';
import { Chart, color } from '../chart.js';
import { JsonError, placeOfError, placesOf } from '../json_text.js';
import { Difference } from './segments.js';
import { RuleText } from './segment_builder.js';
import { SeePeople, Steps, Value } from './people.js';

const tones = { live: 'good', off: 'critical', stale: 'medium', archived: 'quiet' };
const State = ({ status }) => html`<${Badge} text=${status} tone=${tones[status]} />`;

const columns = [
  { title: 'Flag', value: row => row.key, cell: row => html`<a href=${link('flags', row.key)}><${Name} text=${row.key} /></a>` }, { title: 'State', value: row => row.status, cell: row => html`<${State} status=${row.status} />` },
  { title: 'Variants', value: row => row.variants.join(', '), cell: row => html`<${Value} value=${row.variants.join(', ')} />` }, { title: 'Description', value: row => row.description, cell: row => html`<${Value} value=${row.description} />` }, { title: 'Version', number: true, value: row => row.version },
  { title: 'Last seen by somebody', value: row => row.lastExposure, cell: row => html`<${Time} at=${row.lastExposure} />` }, { title: 'Changed', value: row => row.updatedAt, cell: row => html`<${Time} at=${row.updatedAt} />` },
];

const List = () => html`<div class="page-head"><h1>Flags</h1><div class="actions"><a class="button main" href="#/flags?new=1">New flag</a></div></div>
  <${Part} get="/v1/flags" live=${['flag']} sql="SELECT key, status, description, version, last_exposure_at, updated_at FROM pulse_list_flags();" none=${data => !data.flags.length} noneText="There is no flag yet.">
    ${data => html`<${Table} columns=${columns} rows=${data.flags} keyOf=${row => row.key} name="flags" caption="Flags" />`}<//>`;

// ---- writing one ----

const isJson = text => text.trim().startsWith('{');
// What is wrong with the JSON, which nobody has to be asked for.
function problemOf(text) {
  if (!isJson(text)) return null;
  try { placesOf(text); return null; } catch (error) { return error instanceof JsonError ? { message: error.message, at: error.at } : null; }
}

// A rule, or the whole definition as JSON, with what is wrong where. `save` may throw an ApiError, whose place is shown.
function Editor({ start, fields, save, label, sql, help, cancel }) {
  const [text, setText] = useState(start.definition || '');
  const [values, setValues] = useState(start);
  const [refused, setRefused] = useState(null);
  const [busy, setBusy] = useState(false);
  const mayWrite = useMayWrite();
  const base = useId();
  const all = { ...values, definition: text };
  const problem = problemOf(text) || refused;
  const submit = async event => {
    event.preventDefault();
    setBusy(true); setRefused(null);
    try { await save(all); } catch (error) {
      setRefused({ message: error.message, detail: error.detail, at: isJson(text) ? placeOfError(text, error.message) : +(/position (\d+)/.exec(error.message) || [])[1] || 0 });
    }
    setBusy(false);
  };
  return html`<form onSubmit=${submit}>${fields.map(field => html`<div class="field" key=${field.name}><label for=${base + field.name}>${field.label}</label>
      <input id=${base + field.name} value=${values[field.name] || ''} required=${field.required} autocomplete="off" aria-describedby=${field.help ? base + field.name + '-help' : undefined} onInput=${event => setValues({ ...values, [field.name]: event.target.value })} />
      ${field.help ? html`<p class="hint" id=${base + field.name + '-help'}>${field.help}</p>` : null}</div>`)}
    <${RuleText} label=${start.label} text=${text} rows=${start.rows} change=${next => { setText(next); setRefused(null); }} problem=${problem} valid=${help} nothing=${help} />
    <${AsSql} sql=${sql(all)} open=${true} />
    <p class="buttons"><button type="submit" class="main" disabled=${busy || !mayWrite || !text.trim() || !!problemOf(text)}>${busy ? 'Working…' : label}</button>${cancel ? html`<button type="button" onClick=${cancel}>Cancel</button>` : null}</p></form>`;
}

const description = { name: 'description', label: 'Description' };

function New() {
  const mayWrite = useMayWrite();
  const create = async values => {
    await send('POST', '/v1/admin/flags', { key: values.key, rule: values.definition, description: values.description || null });
    toast('Created'); go(link('flags', values.key));
  };
  return html`<p class="crumbs"><a href="#/flags">Flags</a></p><h1>A new flag</h1><section class="part">${mayWrite ? null : html`<p class="notice forbidden">Creating and changing needs a key of kind admin.</p>`}
    <${Editor} start=${{ label: 'Rule or definition', rows: 8 }} fields=${[{ name: 'key', label: 'Name', required: true, help: 'Letters, digits, dots, underscores and hyphens.' }, description]} label="Create" save=${create}
      help=${'A rule over people, such as segment("testers"): on for them, off for the others. Or the whole definition as JSON: {"variants": …, "rules": …}.'}
      sql=${values => `SELECT pulse_create_flag(${literal(values.key || '')}, ${literal(values.definition)}${values.description ? `, ${literal(values.description)}` : ''});`} /></section>`;
}

function Edit({ flag, reload }) {
  const [open, setOpen] = useState(false);
  const mayWrite = useMayWrite();
  const { key } = flag;
  const save = async values => {
    await send('PUT', route('/v1/admin/flags/{key}', { key }), { rule: values.definition, description: values.description || null });
    setOpen(false); toast('Saved'); reload();
  };
  return html`<button disabled=${!mayWrite} title=${mayWrite ? undefined : 'This needs a key of kind admin.'} onClick=${() => setOpen(true)}>Edit</button>
    ${open ? html`<${Dialog} title=${'Change ' + key} close=${() => setOpen(false)}><p>Makes a new version, which decides from the next statement on. People stay in their buckets.</p>
      <${Editor} start=${{ label: 'Definition', rows: 16, definition: JSON.stringify(flag.definition, null, 2), description: flag.description || '' }} fields=${[description]} label="Edit" save=${save} cancel=${() => setOpen(false)} help="It is checked when it is saved."
        sql=${values => `SELECT pulse_update_flag(${literal(key)}, ${literal(values.definition)}${values.description ? `, ${literal(values.description)}` : ''});`} /><//>` : null}`;
}

// ---- one flag ----

// What a rule gives, in words.
function served(rule) {
  if (rule.variant) return rule.variant;
  const weights = Object.entries(rule.variants || {}).sort(), sum = weights.reduce((total, [, weight]) => total + weight, 0);
  return weights.length ? weights.map(([variant, weight]) => `${figure(100 * weight / sum)} % ${variant}`).join(', ') : 'by the weights of the variants';
}
const rolledOut = (rule, now) => {
  const step = rule.ramp && rule.ramp.filter(one => new Date(one.at) <= new Date(now)).pop();
  return rule.ramp ? (step ? step.percentage : 0) : rule.percentage ?? 100;
};

function Rules({ flag, asOf }) {
  const { definition } = flag;
  const variants = Object.entries(definition.variants || {}).sort();
  return html`${variants.length ? html`<h2 class="sub">Variants</h2><${Table} name="variants" caption="Variants" csv=${false} rows=${variants} keyOf=${row => row[0]} columns=${[{ title: 'Variant', value: row => row[0], cell: row => html`<span><${Name} text=${row[0]} />${row[0] === definition.off ? html` <${Badge} text="when off" />` : null}${row[0] === definition.default ? html` <${Badge} text="where no rule matches" />` : null}</span>` },
      { title: 'Value', value: row => JSON.stringify(row[1]), cell: row => html`<${Value} value=${row[1] && typeof row[1] === 'object' && 'value' in row[1] ? row[1].value : row[1]} />` }, { title: 'Weight', number: true, value: row => (row[1] && row[1].weight) ?? null }]} />` : null}
    <h2 class="sub">Rules, the first that matches wins</h2>${(definition.rules || []).length ? html`<${Table} name="rules" caption="Rules" csv=${false} rows=${definition.rules.map((rule, place) => ({ ...rule, place: place + 1 }))} keyOf=${row => row.place} columns=${[{ title: 'Rule', value: row => row.name || String(row.place), sort: false },
      { title: 'Who', value: row => row.when, sort: false, cell: row => html`<code><${Value} value=${row.when || 'everybody'} /></code>` }, { title: 'Gets', value: row => served(row), sort: false }, { title: 'Rolled out to', number: true, sort: false, value: row => rolledOut(row, asOf), cell: row => html`<span class="rollout"><meter min="0" max="100" value=${rolledOut(row, asOf)} aria-label=${`Rule ${row.place}: rolled out`}></meter> ${figure(rolledOut(row, asOf))} %</span>` }]} />` : html`<p class="none">It has no rule.</p>`}
    ${['overrides', 'prerequisites', 'holdout', 'schedule'].filter(name => definition[name] && Object.keys(definition[name]).length).map(name => html`<h2 class="sub" key=${name}>${name[0].toUpperCase() + name.slice(1)}</h2><p><${Value} value=${definition[name]} /></p>`)}`;
}

function Decide({ flag }) {
  const [asked, setAsked] = useState({});
  const ids = [useId(), useId()];
  const [user, setUser] = useState(''), [context, setContext] = useState('');
  const run = async event => {
    event.preventDefault();
    const given = context.trim() || '{}';
    try { setAsked({ user, given, ...(await get(route('/v1/flags/{key}/decision', { key: flag }, { userId: user, context: given }))) }); } catch (error) { setAsked({ error }); }
  };
  return html`<section class="part"><header><h2>What one person gets</h2></header><form class="ask" onSubmit=${run}><div class="field"><label for=${ids[0]}>Person</label><input id=${ids[0]} value=${user} required placeholder="user id, kind:value or profile:42" onInput=${event => setUser(event.target.value)} /></div>
      <div class="field"><label for=${ids[1]}>Context</label><input id=${ids[1]} value=${context} placeholder='{"country": "DE"}' onInput=${event => setContext(event.target.value)} /></div><button type="submit" disabled=${!user.trim()}>Decide</button></form>
    ${asked.error ? html`<${Failure} error=${asked.error} />` : asked.data ? html`<p class="headline">Variant <${Name} text=${asked.data.variant} />: <${Value} value=${JSON.stringify(asked.data.value)} /></p><p class="hint">${asked.data.reason.toLowerCase().replace(/_/g, ' ')}</p><${Steps} steps=${asked.data.steps} name="decision" />
      <footer><span>As of <${Time} at=${asked.asOf} /> · ${Math.max(1, Math.round(asked.ms))} ms</span></footer><details class="as-sql"><summary>As SQL</summary><pre class="sql" tabindex="0"><code>${`SELECT * FROM pulse_explain_decision(${literal(asked.user)}, ${literal(flag)}, ${literal(asked.given)});`}</code></pre></details>` : html`<p class="none">Name a person to see the variant, and every step to it. Nothing is recorded.</p>`}</section>`;
}

function ExposureChart({ data, flag }) {
  const variants = [...new Set(data.days.map(day => day.variant))].sort();
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 'd' }, x: { label: null, type: 'time' }, color: { domain: variants, range: variants.map((_, place) => color(place)) },
    marks: [Plot.rectY(data.days, { x: day => new Date(day.day + 'T12:00:00Z'), y: 'people', fill: 'variant', interval: 'day' }), Plot.ruleY([0], { stroke: 'var(--soft)' })] }), [data]);
  return html`<${Chart} title=${`How many people saw each variant of ${flag} by day`} caption="People who saw each variant, by day" draw=${draw} legend=${variants.map((variant, place) => [variant, `c${place % 8 + 1}`])} rows=${[...data.days].reverse()}
    columns=${[{ title: 'Day (UTC)', value: row => row.day }, { title: 'Variant', value: row => row.variant }, { title: 'People', number: true, value: row => row.people }]} />`;
}

export const Exposures = ({ flag, days = 60 }) => html`<${Part} title="Exposures" get=${route('/v1/flags/{key}/exposures', { key: flag }, { days })} none=${data => !data.days.length} noneText=${`Nobody was recorded in the last ${days} days: applications call pulse_expose(), and pulse.exposure_sample says for which share of people.`}
    sql=${`SELECT e.day, e.variant, count(*) AS people FROM pulse.exposure AS e JOIN pulse.flag AS f ON f.id = e.flag_id\nWHERE f.key = ${literal(flag)} AND e.first_at > pulse_now() - interval '${days} days' AND e.first_at <= pulse_now() GROUP BY e.day, e.variant ORDER BY e.day, e.variant;`}>
  ${data => html`<${ExposureChart} data=${data} flag=${flag} />${data.complete ? null : html`<p class="hint">Only the newest 200,000 are counted: the oldest days are not complete.</p>`}${data.sample < 1 ? html`<p class="hint">Now ${data.sample ? `${figure(100 * data.sample)} % of all people are` : 'nobody is'} recorded (pulse.exposure_sample).</p>` : null}`}<//>`;

const Versions = ({ flag }) => flag.versions.map((version, place) => { const older = flag.versions[place + 1]; return html`<section key=${version.version}><h2 class="sub">Version ${version.version}</h2>
  <p class="soft"><${Time} at=${version.changedAt} />, <${Name} text=${version.changedBy} />: <${Name} text=${version.change} /></p>
  ${older ? html`<${Difference} before=${{ ...older.definition, enabled: older.enabled }} after=${{ ...version.definition, enabled: version.enabled }} />` : html`<pre class="sql" tabindex="0"><code>${JSON.stringify(version.definition, null, 2)}</code></pre>`}</section>`; });

function Actions({ flag, reload }) {
  const { key, enabled } = flag;
  return html`<div class="actions">
    <${Confirm} label=${enabled ? 'Switch off' : 'Switch on'} danger=${enabled} main=${!enabled} title=${(enabled ? 'Switch off ' : 'Switch on ') + key} text=${enabled ? `The kill switch: from the next statement on, everybody gets ${flag.definition.off}.` : 'The rules decide again, from the next statement on.'}
      sql=${() => `SELECT pulse_${enabled ? 'disable' : 'enable'}_flag(${literal(key)});`} run=${() => send('PUT', route('/v1/admin/flags/{key}', { key }), { enabled: !enabled })} said=${enabled ? 'Switched off' : 'Switched on'} done=${reload} />
    <${Edit} flag=${flag} reload=${reload} />
    <${Confirm} label="Delete" danger title=${'Delete ' + key} text=${flag.usedBy.length ? `Pulse refuses this while other flags require it: ${flag.usedBy.join(', ')}.` : 'Deletes the flag with its versions. Applications that ask for it get an error.'} sql=${() => `SELECT pulse_delete_flag(${literal(key)});`}
      run=${() => send('DELETE', route('/v1/admin/flags/{key}', { key }))} said="Deleted" done=${() => go('/flags')} /></div>`;
}

const One = ({ name }) => html`<p class="crumbs"><a href="#/flags">Flags</a></p><h1><${Name} text=${name} /></h1>
  <${Part} className="head" get=${route('/v1/flags/{key}', { key: name })} live=${['flag']} sql=${`SELECT f.key, f.enabled, jsonb_pretty(f.definition) AS definition, v.version, v.change, v.changed_by, v.changed_at\nFROM pulse.flag AS f JOIN pulse.flag_version AS v ON v.flag_id = f.id WHERE f.key = ${literal(name)} ORDER BY v.version DESC;`}>
    ${(flag, { reload, asOf }) => html`<div class="page-head"><p class="headline"><${State} status=${flag.archivedAt ? 'archived' : flag.enabled ? 'live' : 'off'} /> <span class="soft"><${Name} text=${flag.description || ''} /></span></p><${Actions} flag=${flag} reload=${reload} /></div>
      <${Facts} facts=${[['Version', flag.version], ['Changed', html`<${Time} at=${flag.updatedAt} />`], ['Made by', html`<${Name} text=${flag.createdBy} />`], ['Uses', [...flag.traits, ...flag.segments, ...flag.flags].length ? html`<${Name} text=${[...flag.traits, ...flag.segments, ...flag.flags].join(', ')} />` : null]]} />
      <${Tabs} tabs=${[{ id: 'rules', title: 'Rules', body: () => html`<${Rules} flag=${flag} asOf=${asOf} />` }, { id: 'versions', title: 'Versions', body: () => html`<${Versions} flag=${flag} />` }]} />`}<//>
  <${Decide} flag=${name} /><${Exposures} flag=${name} /><p><a class="in-text" href=${link('experiments', name)}>What people did after they saw it: experiment</a></p>`;

export default ({ params, query }) => html`<${SeePeople} title="Flags">${params[0] ? html`<${One} name=${params[0]} key=${params[0]} />` : query.new ? html`<${New} />` : html`<${List} />`}<//>`;
