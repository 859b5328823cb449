// Insight: people by value (RFM), by stage of life, through funnels, and who comes back.
import { html, useCallback, Part, Table, Tabs, Filters, Stat, Confirm, Time, Name, Short, Badge, count, percent, duration, route, literal, send, setQuery, useAddress } from '../ui.js';
import { Chart, color } from '../chart.js';

const words = text => (text ? text.replace(/_/g, ' ') : '–');
const few = value => (value === null || value === undefined ? 'few' : count(value));
const heat = (value, most) => (value ? 'h' + Math.max(1, Math.ceil(5 * value / (most || 1))) : 'h0');
// A table whose cells are shaded by their value; wide ones scroll within themselves.
const Heat = ({ caption, children }) => html`<div class="heat numbers" tabindex="0" role="region" aria-label=${caption}><table><caption class="hidden">${caption}</caption>${children}</table></div>`;

// ---- RFM ----

function Grid({ rows }) {
  const cells = new Map();
  for (const row of rows) {
    const key = row.value.slice(0, 2), cell = cells.get(key) || { people: 0, groups: new Map() };
    cell.people = cell.people === null || row.people === null ? null : cell.people + row.people;
    cell.groups.set(row.group, (cell.groups.get(row.group) || 0) + (row.people || 0));
    cells.set(key, cell);
  }
  const most = Math.max(...[...cells.values()].map(cell => cell.people || 0));
  const main = cell => [...cell.groups].sort((a, b) => b[1] - a[1])[0][0];
  return html`<${Heat} caption="People by recency and frequency"><thead><tr><th scope="col">Last purchase</th>${[1, 2, 3, 4, 5].map(f => html`<th key=${f} scope="col">${f === 1 ? 'rarely 1' : f === 5 ? 'often 5' : f}</th>`)}</tr></thead>
    <tbody>${[5, 4, 3, 2, 1].map(r => html`<tr key=${r}><th scope="row">${r === 5 ? '5 lately' : r === 1 ? '1 long ago' : r}</th>${[1, 2, 3, 4, 5].map(f => { const cell = cells.get(`${r}${f}`);
      return html`<td key=${f} class=${heat(cell && cell.people, most)}>${cell && cell.people !== 0 ? html`<strong>${few(cell.people)}</strong><small>${words(main(cell))}</small>` : html`<span class="soft">0</span>`}</td>`; })}</tr>`)}</tbody><//>`;
}

const SwitchOn = ({ what, text, fields, sql, run, reload }) => html`<p class="none">${text}</p><p><${Confirm} label=${`Switch ${what} on`} main text="Nothing is sent and nobody is changed; it can be switched off again." fields=${fields} sql=${sql} run=${run} said="It is on" done=${reload} /></p>`;

const Rfm = () => html`<${Part} title="Recency and frequency" get="/v1/rfm?by=code" sql="SELECT left(value, 1) AS recency, substr(value, 2, 1) AS frequency, sum(people) AS people\nFROM pulse_rfm('code') WHERE people > 0 GROUP BY 1, 2 ORDER BY 1 DESC, 2;">
    ${(data, { reload }) => (data.on ? html`<p class="soft">${words(data.event)}, <${Name} text=${data.property} />, of the last ${data.windowDays} days; ${data.cuts === 'quintiles' ? 'cut into fifths of the people' : 'fixed cuts'}.</p><${Grid} rows=${data.rows} />`
      : html`<${SwitchOn} what="RFM" reload=${reload} text="RFM is off. It scores everybody from 1 to 5 by the last purchase, their number and their value." fields=${[{ name: 'event', label: 'Event of a purchase', value: 'Purchase' }, { name: 'property', label: 'Property with the amount', value: 'total' }]}
          sql=${v => `SELECT pulse_enable_rfm(event => ${literal(v.event)}, property => ${literal(v.property)});`} run=${v => send('POST', '/v1/rfm', { event: v.event || null, property: v.property || null })} />`)}<//>
  <${Part} title="Groups" get="/v1/rfm?by=group" sql="SELECT value, people, share, purchases, revenue, revenue_share, advice FROM pulse_rfm('group');" none=${data => !data.rows.length} noneText="There are no groups while RFM is off, or nobody has purchases.">
    ${data => html`<${Table} name="groups" caption="Groups of RFM" rows=${data.rows} keyOf=${row => row.value} columns=${[{ title: 'Group', value: row => words(row.value) }, { title: 'People', number: true, value: row => row.people, cell: row => few(row.people) },
      { title: 'Share', number: true, value: row => row.share, cell: row => percent(row.share) }, { title: 'Purchases', number: true, value: row => row.purchases, cell: row => count(row.purchases) }, { title: 'Revenue', number: true, value: row => row.revenue, cell: row => count(row.revenue) },
      { title: 'of all revenue', number: true, value: row => row.revenueShare, cell: row => percent(row.revenueShare) }, { title: 'What to do', value: row => row.advice, cell: row => html`<${Short} text=${row.advice} />` }]} />`}<//>`;

// ---- lifecycle ----

const stages = ['anonymous', 'known', 'customer', 'churned'];
const kinds = { won_back: 'good', progress: 'good', new: 'accent', lost: 'high', regress: 'medium' };

function Flows({ moves }) {
  const of = (from, to) => moves.find(move => (move.from || 'new') === from && (move.to || 'gone') === to);
  const most = Math.max(1, ...moves.map(move => move.changes || 0));
  return html`<${Heat} caption="Moves between stages in the last 30 days"><thead><tr><th scope="col">from</th>${stages.map(to => html`<th key=${to} scope="col">to ${to}</th>`)}</tr></thead>
    <tbody>${['new', ...stages].map(from => html`<tr key=${from}><th scope="row">${from}</th>${stages.map(to => { const move = of(from, to);
      return html`<td key=${to} class=${from === to ? 'void' : heat(move && move.changes, most)}>${from === to ? html`<span class="hidden">no move</span>` : move ? html`<strong>${few(move.changes)}</strong><small>${move.before === null ? '' : `before: ${count(move.before)}`}</small>` : html`<span class="soft">0</span>`}</td>`; })}</tr>`)}</tbody><//>`;
}

function Weeks({ weeks }) {
  const rows = weeks.filter(week => week.changes !== null).map(week => ({ ...week, date: new Date(week.week), move: `${week.from || 'new'} → ${week.to || 'gone'}` }));
  const names = [...new Set(rows.map(row => row.move))].sort();
  const draw = useCallback(Plot => ({ y: { label: null, grid: true, tickFormat: 's' }, x: { label: null, type: 'utc' }, color: { domain: names, range: names.map((_, place) => color(place)) },
    marks: [Plot.rectY(rows, Plot.stackY({ order: names }, { x: 'date', y: 'changes', interval: 'monday', fill: 'move', inset: 0.5 })), Plot.ruleY([0], { stroke: 'var(--soft)' })] }), [weeks]);
  return html`<${Chart} title="Moves between stages of each week" caption="Moves of each week" draw=${draw} legend=${names.map((name, place) => [name, `c${place % 8 + 1}`])} height=${180} rows=${[...rows].reverse()}
    columns=${[{ title: 'Week of', value: row => row.week }, { title: 'Move', value: row => row.move }, { title: 'People', number: true, value: row => row.changes }]} />`;
}

const Lifecycle = () => html`<${Part} title="Lifecycle" get="/v1/lifecycle" sql="SELECT from_stage, to_stage, kind, changes, changes_before, trend FROM pulse_lifecycle();">
    ${(data, { reload }) => (data.on ? html`<div class="stats">${data.stages.map(one => html`<${Stat} key=${one.stage} label=${one.stage} value=${few(one.people)} note=${percent(one.share)} />`)}</div>
      <p class="soft">A customer has one of ${data.purchaseEvents.join(', ')}; churned is who had no event for ${data.inactiveDays} days.</p><h3>Moves in the last 30 days</h3>
      ${data.moves.length ? html`<${Flows} moves=${data.moves} /><ul class="dots">${data.moves.filter(move => move.changes > 0 && move.trend).map(move => html`<li key=${move.from + ' ' + move.to}><${Badge} text=${words(move.kind)} tone=${kinds[move.kind]} /> ${move.from || 'new'} → ${move.to || 'gone'}: ${move.trend}</li>`)}</ul>` : html`<p class="none">Nobody moved.</p>`}
      ${data.weeks.some(week => week.changes) ? html`<${Weeks} weeks=${data.weeks} />` : null}`
      : html`<${SwitchOn} what="lifecycle stages" reload=${reload} text="Lifecycle stages are off. They sort everybody into anonymous, known, customer and churned, and keep every move." fields=${[{ name: 'event', label: 'Event of a purchase', value: 'Purchase' }, { name: 'days', label: 'Churned after … days without an event', type: 'number', value: 90, min: 1, max: 3650 }]}
          sql=${v => `SELECT pulse_enable_lifecycle(purchase_events => ${literal([v.event])}, inactive_days => ${v.days});`} run=${v => send('POST', '/v1/lifecycle', { purchaseEvents: [v.event], inactiveDays: v.days })} />`)}<//>`;

// ---- funnels ----

function Steps({ steps, by }) {
  const rows = steps.map(row => ({ ...row, label: `${row.step}. ${row.name}` }));
  const values = [...new Set(rows.map(row => row.value))].slice(0, 8);
  const shown = rows.filter(row => values.includes(row.value) && row.people !== null).map(row => ({ ...row, group: row.value === null ? 'all' : row.value }));
  const height = 30 + shown.length * (by ? 17 : 34);
  const draw = useCallback((Plot, width) => ({ height, marginLeft: by ? 90 : Math.min(180, width / 3), x: { label: 'People', grid: true }, y: { label: null, axis: by ? null : 'left', domain: by ? undefined : shown.map(row => row.label) }, fy: by ? { label: null, domain: [...new Set(shown.map(row => row.label))] } : undefined,
    color: { domain: values.map(value => value === null ? 'all' : value), range: values.map((_, place) => color(place)) }, marks: [Plot.barX(shown, { x: 'people', y: by ? 'group' : 'label', fy: by ? 'label' : undefined, fill: 'group', inset: 1 }), Plot.ruleX([0], { stroke: 'var(--soft)' })] }), [JSON.stringify(shown)]);
  return html`<${Chart} title="People who reached each step" draw=${draw} height=${height} legend=${by ? values.map((value, place) => [value === null ? '–' : value, `c${place % 8 + 1}`]) : null} />`;
}

const personColumns = [{ title: 'Person', value: row => row.userId || row.profileId }, { title: 'Entered', value: row => row.enteredAt, cell: row => html`<${Time} at=${row.enteredAt} />` },
  { title: 'Last step', value: row => row.reachedAt, cell: row => html`<${Time} at=${row.reachedAt} />` }, { title: 'Steps taken', number: true, value: row => row.reached }];

const Dropped = ({ name, step, by, value }) => html`<${Part} title=${`Who went no further than step ${step}`} get=${route('/v1/funnels/{name}/people', { name }, { step, dropped: true, by, value })} rows="people" next="after" none=${data => !data.people.length} noneText="Nobody."
    sql=${`SELECT user_id, entered_at, reached_at, reached FROM pulse_funnel_people(${literal(name)}, ${step}, dropped => true${by ? `, by => ${literal(by)}` : ''}${value ? `, value => ${literal(value)}` : ''}, max => 50);`} actions=${html`<button class="quiet" onClick=${() => setQuery({ step: '', value: '' })}>Close</button>`}>
    ${data => html`<${Table} name="dropped" caption="People who went no further" rows=${data.people} keyOf=${row => row.profileId + row.enteredAt} columns=${personColumns} />`}<//>`;

function Funnel({ name, reload }) {
  const { query: { by, step, value } } = useAddress();
  const columns = [by && { title: 'Value', value: row => row.value, cell: row => html`<${Short} text=${row.value} />` }, { title: 'Step', value: row => `${row.step}. ${row.name}`, cell: row => html`<${Short} text=${`${row.step}. ${row.name}`} />` }, { title: 'People', number: true, value: row => row.people, cell: row => few(row.people) },
    { title: 'of all', number: true, value: row => row.rate, cell: row => percent(row.rate) }, { title: '95 % interval', sort: false, value: row => (row.low === null ? null : `${percent(row.low)} – ${percent(row.high)}`) }, { title: 'of the step before', number: true, value: row => row.stepRate, cell: row => percent(row.stepRate) },
    { title: 'Median time', number: true, value: row => row.medianSeconds, cell: row => duration(row.medianSeconds) }, { title: 'May go on', number: true, value: row => row.waiting },
    { title: 'Dropped off', number: true, value: row => row.dropped, cell: row => (row.dropped ? html`<button class="quiet link" aria-label=${`Show the ${row.dropped} who went no further than step ${row.step}${row.value ? `, ${row.value}` : ''}`} onClick=${() => setQuery({ step: row.step, value: row.value || '' })}>${count(row.dropped)}</button>` : few(row.dropped)) }].filter(Boolean);
  return html`<${Part} title=${name} get=${route('/v1/funnels/{name}', { name }, { by })} sql=${`SELECT value, step, name, people, rate, step_rate, median, dropped, waiting FROM pulse_funnel(${literal(name)}${by ? `, by => ${literal(by)}` : ''});`}
      none=${data => !data.steps.length} noneText="Nobody has begun.">
      ${data => html`<div class="page-head"><p class="soft">${data.description ? html`<${Short} text=${data.description} />` : null}</p><div class="actions"><${Confirm} label="Delete" danger title=${`Delete ${name}`} text="Deletes the funnel with its versions; events stay." sql=${() => `SELECT pulse_delete_funnel(${literal(name)});`}
          run=${() => send('DELETE', route('/api/v1/cdp/funnels/{id}', { id: data.id }))} said="Deleted" done=${() => { setQuery({ funnel: '', step: '' }); reload(); }} /></div></div>
        <${Steps} steps=${data.steps} by=${by} /><${Table} name="steps" caption="Steps of the funnel" rows=${data.steps} keyOf=${row => row.value + ' ' + row.step} columns=${columns} />`}<//>
    ${step ? html`<${Dropped} key=${step + value} name=${name} step=${+step} by=${by} value=${value} />` : null}`;
}

const stepsOf = text => text.split('\n').map(line => line.trim()).filter(Boolean);
const Create = ({ reload }) => html`<${Confirm} label="New funnel" main text="A funnel follows people through steps. Only the definition is stored; figures are computed when you look." fields=${[{ name: 'name', label: 'Name', required: true, autofocus: true }, { name: 'steps', label: 'Steps', type: 'textarea', required: true, help: 'The names of events, one in each line.' }, { name: 'window', label: 'Time for all steps', value: '30 days' }]}
  sql=${v => `SELECT pulse_create_funnel(${literal(v.name)}, ${literal({ steps: stepsOf(v.steps), window: v.window })});`} run=${v => send('POST', '/api/v1/cdp/funnels', { name: v.name, definition: { steps: stepsOf(v.steps), window: v.window } })} said="Created" done=${reload} />`;

function Funnels() {
  const { query } = useAddress();
  return html`<${Part} className="plain" get="/v1/funnels" sql="SELECT name, version, description, definition FROM pulse_list_funnels();">
    ${(data, { reload }) => { const chosen = data.funnels.find(one => one.name === query.funnel) || data.funnels[0]; return html`<div class="page-head"><${Filters} filters=${[...(data.funnels.length ? [{ name: 'funnel', label: 'Funnel', options: data.funnels.map((one, place) => [place ? one.name : '', one.name]) }] : []), { name: 'by', label: 'Divided by', type: 'search' }]} />
        <div class="actions"><${Create} reload=${reload} /></div></div><p class="hint">A division is a name such as properties.platform, profile.plan or source.</p>
      ${chosen ? html`<${Funnel} key=${chosen.name} name=${chosen.name} reload=${reload} />` : html`<p class="none">No funnel is saved yet.</p>`}`; }}<//>`;
}

// ---- retention ----

function Retention() {
  const { query } = useAddress();
  const { first, again } = query, period = query.period || 'week';
  const most = { day: 14, week: 8, month: 12 }[period];
  return html`<${Filters} filters=${[{ name: 'first', label: 'Who did', type: 'search' }, { name: 'again', label: 'and again', type: 'search' }, { name: 'period', label: 'By', options: [['', 'week'], 'day', 'month'] }]} />
    <${Part} title="Who comes back" get=${route('/v1/retention', {}, { first, again, period, periods: most })} sql=${`SELECT cohort, people, after, returned, share, complete FROM pulse_retention(${literal(first || null)}, ${literal(again || null)}, ${literal(period)}, ${most});`}
      none=${data => !data.cohorts.length} noneText="Nobody began in these periods.">
      ${data => html`<p class="soft">Of those who did ${first ? html`<${Name} text=${first} />` : 'anything'} for the first time in a ${period}: the share who did ${again ? html`<${Name} text=${again} />` : first ? html`<${Name} text=${first} />` : 'anything'} so many ${period}s later. Hatched: the ${period} is not over yet.</p>
        <${Heat} caption="Share of each cohort that came back"><thead><tr><th scope="col">Began in the ${period} of</th><th scope="col">People</th>${Array.from({ length: most + 1 }, (_, n) => html`<th key=${n} scope="col">${n}</th>`)}</tr></thead>
        <tbody>${data.cohorts.map(cohort => html`<tr key=${cohort.cohort}><th scope="row">${cohort.cohort}</th><td>${few(cohort.people)}</td>${Array.from({ length: most + 1 }, (_, n) => { const cell = cohort.periods.find(one => one.after === n);
          return html`<td key=${n} class=${cell ? `${heat(cell.share, 1)}${cell.complete ? '' : ' incomplete'}` : 'void'} title=${cell ? `${few(cell.returned)} people${cell.complete ? '' : ', not over yet'}` : undefined}>${cell ? html`${cell.share === null ? 'few' : percent(cell.share, 0)}${cell.complete ? '' : html`<span class="hidden"> so far</span>`}` : html`<span class="hidden">not yet</span>`}</td>`; })}</tr>`)}</tbody><//>`}<//>`;
}

export default () => html`<div class="page-head"><h1>Insight</h1></div><${Tabs} tabs=${[{ id: 'rfm', title: 'RFM', body: () => html`<${Rfm} />` }, { id: 'lifecycle', title: 'Lifecycle', body: () => html`<${Lifecycle} />` },
  { id: 'funnels', title: 'Funnels', body: () => html`<${Funnels} />` }, { id: 'retention', title: 'Retention', body: () => html`<${Retention} />` }]} />`;
