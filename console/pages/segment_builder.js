// The builder of segments: the rule as a form and as text, which are the same thing; whom it finds; creating and changing.
import { html, useEffect, useMemo, useRef, useState, useData, useId, Form, Failure, Spinner, Table, AsSql, Name, Confirm, count, link, route, literal, send, go, toast, useMayWrite } from '../ui.js';
import { readRule, printRule, asLiteral, operators } from '../rule_text.js';
import { Difference } from './segments.js';

// ---- the form ----

function Condition({ node, change, remove, names, wrong, listId }) {
  const type = (names.find(one => one.name === node.field) || {}).type;
  if (node.raw !== undefined) return html`<div class=${wrong ? 'condition wrong' : 'condition'}>
    <input class="raw" aria-label="Condition as text" value=${node.raw} aria-invalid=${wrong ? 'true' : undefined} onInput=${event => change({ raw: event.target.value })} />
    <button type="button" class="quiet" onClick=${remove} aria-label="Remove the condition">✕</button></div>`;
  const noValue = node.operator.endsWith('null');
  return html`<div class=${wrong ? 'condition wrong' : 'condition'}>
    <input aria-label="Name" list=${listId} value=${node.field} aria-invalid=${wrong ? 'true' : undefined} placeholder="name" onInput=${event => change({ ...node, field: event.target.value })} />
    <select aria-label="Operator" value=${node.operator} onChange=${event => change({ ...node, operator: event.target.value, value: event.target.value.endsWith('null') ? '' : asLiteral(node.value, event.target.value, type) })}>
      ${operators.map(one => html`<option key=${one} value=${one} selected=${one === node.operator}>${one.replace('_', ' ')}</option>`)}</select>
    ${noValue ? html`<span></span>` : html`<input aria-label="Value" value=${node.value} placeholder=${/last/.test(node.operator) ? '30d' : /in$/.test(node.operator) ? 'DE, FR' : 'value'}
      onInput=${event => change({ ...node, value: event.target.value })} onBlur=${event => { const value = asLiteral(event.target.value, node.operator, type); if (value !== node.value) change({ ...node, value }); }} />`}
    <button type="button" class="quiet" onClick=${remove} aria-label=${'Remove ' + (node.field || 'the condition')}>✕</button></div>`;
}

function Group({ node, change, remove, names, wrong, listId, top }) {
  const put = (place, part) => change({ ...node, parts: node.parts.map((old, other) => (other === place ? part : old)) });
  const drop = place => change({ ...node, parts: node.parts.filter((_, other) => other !== place) });
  return html`<fieldset class="group"><legend><select aria-label="How the conditions are joined" value=${node.all ? 'all' : 'any'} onChange=${event => change({ ...node, all: event.target.value === 'all' })}>
      <option value="all" selected=${node.all}>all of these hold</option><option value="any" selected=${!node.all}>any of these holds</option></select>
      ${top ? null : html`<button type="button" class="quiet" onClick=${remove} aria-label="Remove the group">✕</button>`}</legend>
    ${node.parts.map((part, place) => (part.parts
      ? html`<${Group} key=${place} node=${part} change=${next => put(place, next)} remove=${() => drop(place)} names=${names} wrong=${wrong} listId=${listId} />`
      : html`<${Condition} key=${place} node=${part} change=${next => put(place, next)} remove=${() => drop(place)} names=${names} wrong=${wrong === part} listId=${listId} />`))}
    ${node.parts.length ? null : html`<p class="hint">There is no condition.</p>`}
    <p class="buttons"><button type="button" onClick=${() => change({ ...node, parts: [...node.parts, { field: '', operator: '=', value: '' }] })}>Add a condition</button>
      <button type="button" onClick=${() => change({ ...node, parts: [...node.parts, { all: !node.all, parts: [{ field: '', operator: '=', value: '' }] }] })}>Add a group</button></p></fieldset>`;
}

// ---- the text, with what is wrong where ----

export function RuleText({ text, change, problem, rows = 4, label = 'The rule as text', valid = 'The rule is valid.', nothing = 'Without a rule, all rows of the table are in. A segment of people needs one.' }) {
  const box = useRef();
  const id = useId();
  const at = problem && problem.at ? problem.at - 1 : -1;
  const show = () => { box.current.focus(); box.current.setSelectionRange(at, Math.min(text.length, at + 1)); };
  return html`<div class="field"><label for=${id}>${label}</label>
    <textarea id=${id} ref=${box} rows=${rows} spellcheck="false" value=${text} aria-invalid=${problem ? 'true' : undefined} aria-describedby=${id + '-says'} onInput=${event => change(event.target.value)}></textarea>
    <div id=${id + '-says'} role="status">${problem ? html`<div class="notice failed"><strong>${problem.message}</strong>${problem.detail ? html`<p>${problem.detail}</p>` : null}
      ${at >= 0 && at < text.length ? html`<pre class="pointer"><code>${text.slice(Math.max(0, at - 40), at)}<mark>${text[at]}</mark>${text.slice(at + 1, at + 40)}</code></pre><button type="button" onClick=${show}>Go there</button>` : null}</div>` : html`<p class="hint">${text.trim() ? valid : nothing}</p>`}</div></div>`;
}

// What the server says of a rule a moment after the last change: {problem: {message, detail, at}, valid, sql}.
export function useValidation(text, from) {
  const [said, setSaid] = useState({});
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(async () => {
      if (!text.trim()) return setSaid({ text, valid: true });
      try {
        const { data } = await send('POST', '/v1/rules/validate', { rule: text, ...(from ? { from } : {}) }, { signal: control.signal });
        setSaid({ text, valid: true, ...data });
      } catch (error) {
        if (error.name !== 'AbortError') setSaid({ text, valid: false, problem: { message: error.message, detail: error.detail, at: +(/position (\d+)/.exec(error.message) || [])[1] || 0 } });
      }
      return undefined;
    }, 300);
    return () => { clearTimeout(timer); control.abort(); };
  }, [text, from]);
  return said;
}

// ---- whom it finds ----

function Preview({ definition, ready }) {
  const key = JSON.stringify(definition);
  const [state, setState] = useState({});
  const control = useRef(null);
  const run = async () => {
    if (control.current) control.current.abort();
    const mine = control.current = new AbortController();
    setState(old => ({ ...old, busy: true }));
    try {
      const answer = await send('POST', '/v1/segments/preview', { definition, sample: 10 }, { signal: mine.signal });
      setState({ key, ...answer });
    } catch (error) {
      if (error.name !== 'AbortError') setState({ key, error });
    }
  };
  // By itself while it is quick; else when asked.
  const quick = !state.ms || state.ms < 2000;
  useEffect(() => {
    if (!ready || !quick) return undefined;
    const timer = setTimeout(run, 400);
    return () => clearTimeout(timer);
  }, [key, ready]);
  const parts = state.data ? state.data.parts : [];
  const of = name => parts.filter(part => part.part === name);
  const size = of('size')[0];
  return html`<section class="part" aria-busy=${String(!!state.busy)}><header><h2>Whom it finds</h2><div class="actions">${quick ? null : html`<button type="button" onClick=${run} disabled=${!ready}>Preview</button>`}</div></header>
    ${state.error ? html`<${Failure} error=${state.error} again=${run} />` : !state.data ? html`<p class="none">${ready ? 'Measuring…' : 'The preview comes when the rule is valid.'}</p>` : html`
      <div class=${state.key === key ? 'stats' : 'stats stale'}><div class="stat"><span>Members</span><strong>${count(size && size.members)}</strong></div>
        ${of('converted').map(part => html`<div class="stat"><span>Converted</span><strong>${part.share}</strong></div>`)}</div>
      ${of('attribute').length ? html`<h3>Values</h3><ul class="bars-of">${of('attribute').slice(0, 24).map((part, place) => html`<li key=${place}><span><${Name} text=${part.item + ': ' + part.value} /></span>
        <meter min="0" max="100" value=${parseFloat(part.share) || 0} aria-label=${part.item + ' ' + part.value}></meter><span class="soft">${part.share}</span></li>`)}</ul>` : null}
      ${of('member').length ? html`<h3>Some of them</h3><${Table} name="sample" csv=${false} caption="Some members" keyOf=${row => row.item} rows=${of('member')} columns=${[{ title: 'Member', value: row => row.item, sort: false }, { title: 'Values', value: row => row.value, sort: false }]} />` : null}
      <footer><span>${state.key === key ? '' : 'Of the rule before the last change. '}${Math.round(state.ms)} ms</span><${AsSql} sql=${`SELECT * FROM pulse_preview_segment(${literal(definition)});`} /></footer>`}</section>`;
}

// ---- what is expected: the baseline as a form and as text, which are the same thing ----

// A part of the form: its path in the baseline.
const ranges = [['expectedSize', 'min', 'Least members expected'], ['expectedSize', 'max', 'Most members expected'], ['expectedConversionRate', 'min', 'Least conversion expected (0 to 1)'], ['expectedConversionRate', 'max', 'Most conversion expected (0 to 1)']];
const read = text => { if (!text.trim()) return {}; try { const value = JSON.parse(text); return value && typeof value === 'object' && !Array.isArray(value) ? value : null; } catch { return null; } };
const write = baseline => (Object.keys(baseline).length ? JSON.stringify(baseline, null, 2) : '');

// A copy with another value; what is undefined is left out, and so is an object that has nothing left.
function changed(object, [key, ...rest], value) {
  const next = { ...object };
  const inner = rest.length ? changed(next[key] || {}, rest, value) : value;
  if (inner === undefined || rest.length && !Object.keys(inner).length) delete next[key]; else next[key] = inner;
  return next;
}

export function Expected({ text, change, names }) {
  const baseline = read(text);
  const ids = [useId(), useId(), useId(), useId(), useId(), useId(), useId()];
  const put = (path, value) => change(write(changed(baseline, path, value)));
  return html`<section class="part"><header><h2>What is expected</h2></header>
    <p class="hint">Pulse learns what is usual by itself. What you give here holds besides: outside of it there is an incident at once.</p>
    ${baseline ? html`<div class="pairs">${ranges.map(([key, end, label], place) => html`<div class="field" key=${label}><label for=${ids[place]}>${label}</label>
        <input id=${ids[place]} type="number" min="0" step="any" value=${(baseline[key] || {})[end] ?? ''} onInput=${event => put([key, end], event.target.value === '' ? undefined : +event.target.value)} /></div>`)}</div>
      <fieldset class="checks"><legend>Attributes whose values must not change</legend>${names.length ? names.map(name => html`<label key=${name}><input type="checkbox" checked=${(baseline.criticalAttributes || []).includes(name)}
          onChange=${event => { const list = (baseline.criticalAttributes || []).filter(one => one !== name).concat(event.target.checked ? [name] : []); put(['criticalAttributes'], list.length ? list : undefined); }} /> <bdi>${name}</bdi></label>`) : html`<span class="hint">Name attributes to watch first.</span>`}</fieldset>
      <div class="field check"><label for=${ids[4]}>Check it for drift</label><input id=${ids[4]} type="checkbox" checked=${baseline.monitoringEnabled !== false} onChange=${event => put(['monitoringEnabled'], event.target.checked ? undefined : false)} /></div>` : null}
    <div class="field"><label for=${ids[5]}>The same as text</label><textarea id=${ids[5]} rows="4" spellcheck="false" value=${text} aria-invalid=${baseline ? undefined : 'true'} aria-describedby=${ids[6]} placeholder=${'{"expectedSize": {"min": 8000, "max": 12000}}'} onInput=${event => change(event.target.value)}></textarea>
      <p class=${baseline ? 'hint' : 'hint wrong'} id=${ids[6]} role="status">${baseline ? 'Also alertThresholds, which override the settings for this segment.' : 'This is not a JSON object.'}</p></div></section>`;
}
export const readBaseline = read;

// ---- the page ----

const namesOf = list => (list || []).map(one => (typeof one === 'string' ? one : one.name)).join(', ');

function Builder({ start, segment, baseline: baselineNow }) {
  const [tree, setTree] = useState(() => readRule(start.where || ''));
  const [text, setText] = useState(start.where || '');
  const [from, setFrom] = useState(start.from || '');
  const [attributes, setAttributes] = useState(namesOf(start.attributes));
  const [change, setChange] = useState(null);
  const [expected, setExpected] = useState(() => write(baselineNow || {}));
  const relations = useData('/v1/relations');
  const known = useData(route('/v1/rules/names', {}, { from }));
  const names = (known.data && known.data.names) || [];
  const said = useValidation(text, from);
  const mayWrite = useMayWrite();
  const ids = [useId(), useId(), useId(), useId()];
  const fromForm = next => { setTree(next); setText(printRule(next).text); };
  const fromText = next => { setText(next); setTree(readRule(next)); };
  const current = said.text === text;
  const wrong = useMemo(() => {
    if (!said.problem || !said.problem.at || !current) return null;
    const printed = printRule(tree);
    if (printed.text !== text) return null;
    const place = printed.places.find(([begin, end]) => said.problem.at - 1 >= begin && said.problem.at - 1 <= end);
    return place ? place[2] : null;
  }, [said, tree, text]);
  const definition = useMemo(() => {
    const made = { ...start };
    for (const name of ['where', 'from', 'attributes', 'rules', 'groups', 'logicalOperator']) delete made[name];
    if (from) made.from = from;
    if (text.trim()) made.where = text;
    const list = attributes.split(',').map(one => one.trim()).filter(Boolean);
    if (list.length) made.attributes = list.map(name => (start.attributes || []).find(one => one.name === name) || name);
    return made;
  }, [text, from, attributes]);
  const baseline = read(expected);
  const ready = current && said.valid && baseline !== null && (from !== '' || text.trim() !== '');
  const sameExpected = JSON.stringify(baseline) === JSON.stringify(baselineNow || {});
  const before = useMemo(() => (sameExpected ? start : { ...start, baseline: baselineNow || {} }), [sameExpected]);
  const after = useMemo(() => (sameExpected ? definition : { ...definition, baseline }), [definition, expected]);
  const tryChange = async () => { try { setChange((await send('POST', route('/v1/segments/{name}/preview', { name: segment.name }), { definition })).data.changes); } catch (error) { toast(error.message, 'failed'); } };
  const create = async values => {
    await send('POST', '/api/segments', { name: values.name, definition, baseline: Object.keys(baseline).length ? baseline : null, owner: values.owner || null, description: values.description || null, tags: values.tags ? values.tags.split(',').map(one => one.trim()) : null });
    toast('Created'); go(link('segments', values.name));
  };
  return html`<div class="builder"><div>
    <section class="part"><header><h2>Of what</h2></header>
      ${relations.error ? html`<${Failure} error=${relations.error} again=${relations.reload} />` : null}
      <div class="field"><label for=${ids[0]}>Table or view</label><select id=${ids[0]} value=${from} onChange=${event => setFrom(event.target.value)}>
        <option value="" selected=${from === ''}>People, as Pulse knows them by events</option>${(relations.data ? relations.data.relations : []).concat(from && !(relations.data && relations.data.relations.includes(from)) ? [from] : []).map(one => html`<option key=${one} value=${one} selected=${one === from}>${one}</option>`)}</select></div></section>
    <section class="part"><header><h2>Who is in</h2></header>
      <datalist id=${ids[1]}>${names.map(one => html`<option key=${one.name} value=${one.name}>${one.type}</option>`)}</datalist>
      <${Group} node=${tree} change=${fromForm} names=${names} wrong=${wrong} listId=${ids[1]} top />
      <${RuleText} text=${text} change=${fromText} problem=${current ? said.problem : null} />
      <div class="field"><label for=${ids[2]}>Attributes to watch</label><input id=${ids[2]} value=${attributes} placeholder="platform, country" onInput=${event => setAttributes(event.target.value)} aria-describedby=${ids[3]} /><p class="hint" id=${ids[3]}>Their values are measured in each snapshot and compared.</p></div></section>
    <${Expected} text=${expected} change=${setExpected} names=${attributes.split(',').map(one => one.trim()).filter(Boolean)} /></div>
    <div><${Preview} definition=${definition} ready=${ready} />
      <section class="part"><header><h2>${segment ? 'Change the segment' : 'Create the segment'}</h2></header>
      ${mayWrite ? null : html`<p class="notice forbidden">Creating and changing needs a key of kind admin.</p>`}
      ${segment ? html`<${Difference} before=${before} after=${after} />
        ${change ? html`<${Table} name="change" csv=${false} caption="Who comes and goes" keyOf=${row => row.change} rows=${change} columns=${[{ title: 'Members', value: row => row.change, sort: false }, { title: 'How many', number: true, value: row => row.members, cell: row => count(row.members), sort: false }, { title: 'Such as', value: row => (row.sample || []).slice(0, 5).join(', '), sort: false }]} />` : null}
        <p class="buttons"><button type="button" disabled=${!ready} onClick=${tryChange}>Who comes and goes</button>
          <${Confirm} label="Save" main title=${'Change ' + segment.name} text="Makes a new version. The next snapshot follows the new rule; Pulse knows that the rule has changed." sql=${() => `SELECT pulse_update_segment(${literal(segment.name)}, ${literal(definition)}${sameExpected ? '' : `, baseline => ${literal(baseline)}`});`}
            disabled=${!mayWrite || !ready} run=${() => send('PUT', route('/api/segments/{id}', { id: segment.id }), sameExpected ? { definition } : { definition, baseline })} said="Saved" done=${() => go(link('segments', segment.name) + '?tab=versions')} /></p>`
      : html`<${Form} fields=${[{ name: 'name', label: 'Name', required: true }, { name: 'owner', label: 'Owner', help: 'Who is told when something is wrong.' }, { name: 'description', label: 'Description' }, { name: 'tags', label: 'Tags', help: 'Words with commas between them.' }]}
        submit=${create} label="Create" disabled=${!mayWrite || !ready}
        sql=${values => `SELECT pulse_create_segment(${literal(values.name)},\n    ${literal(definition)}${values.owner ? `,\n    owner => ${literal(values.owner)}` : ''}${values.description ? `,\n    description => ${literal(values.description)}` : ''}${baseline && Object.keys(baseline).length ? `,\n    baseline => ${literal(baseline)}` : ''}${values.tags ? `,\n    tags => ${literal(values.tags.split(',').map(one => one.trim()))}` : ''});`} />`}</section></div></div>`;
}

function Existing({ name }) {
  const found = useData(route('/v1/segments/{name}', { name }));
  if (found.state === 'loading') return html`<${Spinner} />`;
  if (found.state !== 'ready') return html`<${Failure} error=${found.error} again=${found.reload} />`;
  const { segment, definition, baseline } = found.data;
  if (definition.query || definition.static || definition.source) return html`<div class="notice"><p>This segment is ${definition.query ? 'defined by a query' : definition.static ? 'a list of members' : 'measured on another server'}: change it in psql.</p>
    <pre class="sql" tabindex="0"><code>${`SELECT pulse_update_segment(${literal(name)}, ${literal(definition)});`}</code></pre></div>`;
  return html`<${Builder} start=${definition} segment=${segment} baseline=${baseline} />`;
}

export default function SegmentBuilder({ params }) {
  return html`<p class="crumbs"><a href="#/segments">Segments</a></p><div class="page-head"><h1>${params[0] ? html`Change <${Name} text=${params[0]} />` : 'A new segment'}</h1></div>
    ${params[0] ? html`<${Existing} name=${params[0]} key=${params[0]} />` : html`<${Builder} start=${{}} />`}`;
}
