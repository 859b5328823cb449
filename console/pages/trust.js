// Trust: how far data can be trusted, what the gate decided, which actions wait, what acts by itself, and the freeze.
import { html, useCallback, Part, Table, Filters, Tabs, Facts, Stat, Confirm, Badge, Time, Name, count, percent, duration, link, route, literal, send } from '../ui.js';
import { Chart } from '../chart.js';

const tones = { healthy: 'good', degraded: 'medium', unhealthy: 'critical', unknown: 'quiet', pass: 'good', hold: 'medium', block: 'critical', normal: 'good', limited: 'medium', cuts_only: 'high', frozen: 'critical',
  pending: 'accent', approved: 'accent', applying: 'accent', applied: 'good', failed: 'critical', paused: 'medium', active: 'good' };
const State = ({ text }) => html`<${Badge} text=${(text || '–').replace(/_/g, ' ')} tone=${tones[text]} />`;
const names = { emq: 'Event match quality', freshness: 'Freshness', variance: 'Platform against analytics', anomaly: 'Anomalies and incidents', cdp: 'Events of people' };
const List = ({ texts }) => (texts && texts.length ? html`<ul class="dots">${texts.map((text, place) => html`<li key=${place}><${Name} text=${text} /></li>`)}</ul>` : html`<span>–</span>`);
const Json = ({ value }) => html`<pre class="sql" tabindex="0"><code>${JSON.stringify(value, null, 1)}</code></pre>`;
const Short = ({ text }) => html`<span class="keep"><${Name} text=${text} /></span>`;
const points = value => (value === null || value === undefined ? '–' : String(Math.round(value * 10) / 10));

// ---- the score ----

function Freeze({ freeze, reload }) {
  if (freeze && freeze.frozen) return html`<div class="notice failed frozen" role="alert"><strong>Everything is frozen</strong> since <${Time} at=${freeze.at} />, by <${Name} text=${freeze.by} />${freeze.reason ? html`: <${Name} text=${freeze.reason} />` : null}
    <p>The gate passes nothing but pause_all and emergency_stop.</p>
    <${Confirm} label="Unfreeze" main text="The gate decides again by the score. Actions and syncs that waited go on where it lets them." sql=${() => 'SELECT pulse_unfreeze();'} run=${() => send('DELETE', '/v1/freeze')} said="No longer frozen" done=${reload} /></div>`;
  return html`<${Confirm} label="Freeze everything" danger text="Stops everything that acts by itself, from the next statement on: the gate passes nothing but pause_all and emergency_stop. Snapshots, checks and messages go on." fields=${[{ name: 'reason', label: 'Reason', required: true }]}
    sql=${values => `SELECT pulse_freeze(${literal(values.reason)});`} run=${values => send('POST', '/v1/freeze', values)} said="Everything is frozen" done=${reload} />`;
}

const scoreSql = scope => `SELECT score, status, computed, assumed, issues, parts FROM pulse_signal_health(${literal(scope)});\nSELECT mode, frozen, allowed, restricted, held, blocked FROM pulse_trust_status(${literal(scope)});`;

function Head({ scope }) {
  return html`<${Part} className="head" get=${route('/v1/trust/overview', {}, { scope })} live=${['incident']} sql=${scoreSql(scope)}>
    ${({ health, status, freeze, settings }, { reload }) => html`<div class="page-head"><div class="stats">
        <${Stat} label=${scope === 'all' ? 'Score of everything' : 'Score'} value=${points(health.score)} note=${health.score === health.computed ? `healthy from ${settings.healthy}` : `by itself ${points(health.computed)}: it rises one step at a time`} />
        <${Stat} label="Status" value=${health.status} /><${Stat} label="What may be done" value=${status.mode.replace(/_/g, ' ')} />
        <${Stat} label="Held in 24 hours" value=${count(status.held)} /><${Stat} label="Blocked in 24 hours" value=${count(status.blocked)} /></div>
        ${freeze && freeze.frozen ? null : html`<div class="actions"><${Freeze} freeze=${freeze} reload=${reload} /></div>`}</div>
      ${freeze && freeze.frozen ? html`<${Freeze} freeze=${freeze} reload=${reload} />` : null}`}<//>`;
}

const filled = value => value && typeof value === 'object' && Object.keys(value).length > 0;

function Parts({ scope }) {
  return html`<${Part} title="Parts of the score" get=${route('/v1/trust/overview', {}, { scope })} live=${['incident']} sql=${scoreSql(scope)}>
    ${({ health, status }) => { const known = health.parts.flatMap(part => part.issues || []); const others = health.issues.filter(text => !known.includes(text)); return html`${others.length ? html`<${List} texts=${others} />` : null}
      <${Table} name="parts" keyOf=${part => part.part} rows=${health.parts} columns=${[
        { title: 'Part', value: part => names[part.part] || part.part, cell: part => html`<span class="keep">${names[part.part] || part.part}</span>` }, { title: 'Value', number: true, value: part => (part.applies ? part.value : null), cell: part => (part.applies ? points(part.value) : '–') },
        { title: 'Weight', number: true, value: part => part.weight, cell: part => (part.applies ? percent(part.weight, 0) : '–') },
        { title: 'Points', number: true, value: part => (part.applies ? part.value * part.weight : null), cell: part => (part.applies ? points(part.value * part.weight) : '–') },
        { title: 'Known', value: part => part.assumed, cell: part => (!part.applies ? 'does not apply' : part.assumed ? html`<${Badge} text="assumed" tone="medium" />` : part.age_seconds === null ? 'yes' : html`<span class="keep">${duration(part.age_seconds)} old</span>`) },
        { title: 'Evidence', value: part => part.evidence, cell: part => html`<div>${(part.issues || []).length ? html`<${List} texts=${part.issues} />` : null}${filled(part.evidence) ? html`<details><summary>Evidence</summary><${Json} value=${part.evidence} /></details>` : (part.issues || []).length ? null : '–'}</div>` }]} />
      <p><strong>Would not pass by the score:</strong> ${status.restricted.join(', ') || 'nothing'}.</p>
      <details><summary>${status.allowed.length} actions would pass</summary><p>${status.allowed.join(', ')}</p></details>
      ${scope === 'all' ? null : html`<p class="soft">It reads <${Name} text=${(health.reads || []).join(', ')} />.</p>`}`; }}<//>`;
}

function History({ scope, days }) {
  const columns = [{ title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Score', number: true, value: row => row.score, cell: row => points(row.score) },
    { title: 'Lowest', number: true, value: row => row.lowest, cell: row => points(row.lowest) }, { title: 'Status', value: row => row.status }];
  return html`<${Part} title="Over time" get=${route('/v1/trust/history', {}, { scope, days })} none=${data => data.points.length < 2} noneText="The score has not been kept for two hours yet: there is nothing to draw."
    sql=${+days > 31 ? `SELECT day, score, lowest, status FROM pulse.signal_health_day\nWHERE scope = ${literal(scope)} AND day > (pulse_now() AT TIME ZONE 'UTC')::date - ${+days} ORDER BY day;`
      : `SELECT hour, score, lowest, status FROM pulse.signal_health_history\nWHERE scope = ${literal(scope)} AND hour > pulse_now() - interval '${+days} days' AND hour <= pulse_now() ORDER BY hour;`}>
    ${data => html`<${Lines} list=${data.points} columns=${columns} />`}<//>`;
}

function Lines({ list, columns }) {
  const draw = useCallback(Plot => {
    const shown = list.map(point => ({ ...point, date: new Date(point.at) }));
    const parts = shown.flatMap(point => (point.parts || []).filter(part => part.applies).map(part => ({ date: point.date, part: part.part, value: part.value })));
    return { y: { label: null, domain: [0, 100], grid: true }, x: { label: null, type: 'time' }, color: { domain: Object.keys(names), range: ['var(--c2)', 'var(--c3)', 'var(--c4)', 'var(--c5)', 'var(--c6)'] },
      marks: [Plot.lineY(parts, { x: 'date', y: 'value', z: 'part', stroke: 'part', strokeOpacity: 0.7, strokeDasharray: '3 2' }), Plot.areaY(shown, { x: 'date', y1: 'lowest', y2: 'highest', fill: 'var(--band)', fillOpacity: 0.14 }), Plot.lineY(shown, { x: 'date', y: 'score', stroke: 'var(--c1)', strokeWidth: 2 })] };
  }, [list]);
  const used = new Set(list.flatMap(point => (point.parts || []).filter(part => part.applies).map(part => part.part)));
  return html`<${Chart} title="Score and its parts over time" caption="Score, with its lowest and highest of the hour" draw=${draw} height=${210} columns=${columns} rows=${[...list].reverse()}
    legend=${[['score', 'c1'], ...Object.keys(names).map((key, place) => [names[key], 'c' + (place + 2)]).filter((one, place) => used.has(Object.keys(names)[place]))]} />`;
}

const Scopes = () => html`<${Part} title="Scopes whose score is kept up" get=${route('/v1/trust/scopes', {}, { limit: 100 })} rows="scopes" next="after" none=${data => !data.scopes.length} noneText="No score has been kept yet: the job signal_health begins with what the gate is asked about."
  sql=${'SELECT scope, score, status, since, issues FROM pulse.signal_health_state ORDER BY scope LIMIT 100;'}>
  ${data => html`<${Table} name="scopes" keyOf=${row => row.scope} rows=${data.scopes} columns=${[{ title: 'Scope', value: row => row.scope, cell: row => html`<a href=${'#/trust?scope=' + encodeURIComponent(row.scope)}><${Name} text=${row.scope} /></a>` },
    { title: 'Status', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Score', number: true, value: row => row.score, cell: row => points(row.score) },
    { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` }, { title: 'Issues', value: row => row.issues.join(' '), cell: row => html`<${List} texts=${row.issues} />` }]} />`}<//>`;

// ---- decisions ----

const Decisions = ({ query }) => html`<${Filters} filters=${[{ name: 'decision', label: 'Decisions', options: [['', 'All'], ['refused', 'Held or blocked']] }, { name: 'subject', label: 'Subject', type: 'search' }]} />
  <${Part} title="Decisions of the gate" get=${route('/v1/trust/decisions', {}, { decision: query.decision, subject: query.subject })} rows="decisions" next="before" none=${data => !data.decisions.length} noneText=${query.decision || query.subject ? 'No decision fits these filters.' : 'The gate has not been asked yet.'}
    sql=${`SELECT id, at, action, subject, decision, score, threshold, reasons, lifts FROM pulse.gate_decision${query.decision || query.subject ? '\nWHERE ' + [query.decision && "decision <> 'pass'", query.subject && `subject = ${literal(query.subject)}`].filter(Boolean).join(' AND ') : ''}\nORDER BY at DESC, id DESC LIMIT 50;`}>
    ${data => html`<${Table} name="decisions" keyOf=${row => row.id} rows=${data.decisions} caption="Decisions of the gate, the newest first" columns=${[{ title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` },
      { title: 'Decision', value: row => row.decision, cell: row => html`<${State} text=${row.decision} />` }, { title: 'Action', value: row => row.action, cell: row => html`<${Short} text=${row.action} />` }, { title: 'Subject', value: row => row.subject, cell: row => html`<a href=${'#/trust?scope=' + encodeURIComponent(row.subject)}><${Name} text=${row.subject} /></a>` },
      { title: 'Score', number: true, value: row => row.score, cell: row => html`<span class="nowrap">${points(row.score)} of ${points(row.threshold)}</span>` }, { title: 'Reasons', value: row => row.reasons.join(' '), cell: row => html`<${List} texts=${row.reasons} />` },
      { title: 'What would lift it', value: row => row.lifts.join(' '), cell: row => html`<${List} texts=${row.lifts} />` }, { title: 'For', value: row => row.decidedFor, cell: row => html`<${Short} text=${row.decidedFor} />` }]} />`}<//>`;

// ---- actions ----

const what = row => `${row.action} on ${row.subject}`;
const waits = { approval: 'a person approves it', confirmation: 'a person confirms that limits are exceeded', health: 'the health rises', decision: 'a person decides: the gate blocks it' };

function Buttons({ row, reload }) {
  const post = (verb, body) => send('POST', route(`/v1/actions/{id}/${verb}`, { id: row.id }), body || {});
  const confirm = async values => {
    const { data } = await post('confirmation');
    return post('confirm', { token: data.token, reason: values.reason });
  };
  const reason = { name: 'reason', label: 'Reason' };
  return html`<span class="actions">
    ${row.state === 'pending' && row.needs !== 'confirmation' && !row.approvedBy ? html`<${Confirm} label="Approve" main title=${`Approve action ${row.id}`} text=${`Does ${what(row)}, as ${row.runsAs}. ${row.needs === 'decision' ? 'The gate blocks it now: it waits for better health, and is then done unless it has expired.' : 'The gate and the limits decide anew: what they hold waits until the health rises.'} ${row.channel ? `It leaves as a message to ${row.channel}.` : ''}`} fields=${[{ name: 'comment', label: 'Comment' }]}
      sql=${values => `SELECT * FROM pulse_approve_action(${row.id}${values.comment ? `, ${literal(values.comment)}` : ''});`} run=${values => post('approve', { comment: values.comment || null })} said=${answer => `Approved: ${answer.data.state}${answer.data.needs ? ', needs ' + answer.data.needs : ''}`} done=${reload} />` : null}
    ${row.state === 'pending' && row.needs === 'confirmation' ? html`<${Confirm} label="Confirm" main title=${`Confirm action ${row.id}`} text=${`Accepts that ${what(row)} exceeds limits: ${[...row.warnings, ...row.reasons].join(' ')} The gate decides as always.`} fields=${[{ ...reason, required: true }]}
      sql=${values => `SELECT c.* FROM pulse_request_confirmation(${row.id}) AS t, pulse_confirm_action(${row.id}, t.token, ${literal(values.reason)}) AS c;`} run=${confirm} said="Confirmed" done=${reload} />` : null}
    ${row.state === 'pending' && row.decision === 'hold' ? html`<${Confirm} label="Override" title=${`Override the gate for action ${row.id}`} text=${`Lets ${what(row)} pass once although the gate holds it, and approves it. A block is not overridden. It is recorded in the audit log. Needs the level admin.`} fields=${[{ ...reason, required: true }]} danger
      sql=${values => `SELECT * FROM pulse_override_action(${row.id}, ${literal(values.reason)});`} run=${values => post('override', values)} said=${answer => (answer.data.overridden ? 'Overridden' : 'Refused: the gate blocks it')} done=${reload} />` : null}
    ${['pending', 'approved'].includes(row.state) ? html`<${Confirm} label="Dismiss" title=${`Dismiss action ${row.id}`} text=${`Ends it: ${what(row)} is not done.`} fields=${[reason]}
      sql=${values => `SELECT pulse_dismiss_action(${row.id}${values.reason ? `, ${literal(values.reason)}` : ''});`} run=${values => post('dismiss', { reason: values.reason || null })} said="Dismissed" done=${reload} />` : null}
    ${row.state === 'applied' && row.before ? html`<${Confirm} label="Roll back" title=${`Roll back action ${row.id}`} text=${`Restores ${row.subject} as it was before: ${JSON.stringify(row.before)}`} fields=${[reason]}
      sql=${values => `SELECT pulse_rollback_action(${row.id}${values.reason ? `, ${literal(values.reason)}` : ''});`} run=${values => post('rollback', { reason: values.reason || null })} said="Rolled back" done=${reload} />` : null}</span>`;
}

const Actions = ({ query }) => html`<${Filters} filters=${[{ name: 'state', label: 'Actions', options: [['', 'Not ended'], ['ended', 'Ended'], ['all', 'All']] }]} />
  <${Part} title="Actions" get=${route('/v1/trust/actions', {}, { state: query.state === 'all' ? '' : query.state || 'live' })} rows="actions" next="before" none=${data => !data.actions.length} noneText=${query.state ? 'There has been no action.' : 'No action waits.'}
    sql=${`SELECT id, name, subject, state, needs, reasons, expires_at FROM pulse.action${query.state === 'all' ? '' : query.state === 'ended' ? '\nWHERE finished_at IS NOT NULL' : "\nWHERE state IN ('pending', 'approved', 'applying')"} ORDER BY id DESC LIMIT 50;`}>
    ${(data, { reload }) => html`<${Table} name="actions" keyOf=${row => row.id} rows=${data.actions} caption="Actions, the newest first" columns=${[{ title: 'Action', value: row => +row.id, cell: row => html`<a href=${link('trust', 'actions', row.id)}>${row.id}</a>` },
      { title: 'What', value: what, cell: row => html`<span><strong>${row.action}</strong> <${Name} text=${row.subject} /></span>` }, { title: 'State', value: row => row.state, cell: row => html`<span><${State} text=${row.state} /> ${row.needs ? html`<span class="soft">until ${waits[row.needs] || row.needs}</span>` : null}</span>` },
      { title: 'Why it waits', value: row => row.reasons.join(' '), cell: row => html`<${List} texts=${[...row.reasons, ...row.warnings]} />` }, { title: 'By', value: row => row.automation || row.createdBy, cell: row => html`<${Short} text=${row.automation || row.createdBy} />` },
      { title: 'Expires or ended', value: row => row.finishedAt || row.expiresAt, cell: row => html`<${Time} at=${row.finishedAt || row.expiresAt} />` }, { title: '', sort: false, cell: row => html`<${Buttons} row=${row} reload=${reload} />` }]} />`}<//>`;

const OneAction = ({ id }) => html`<p class="crumbs"><a href="#/trust?tab=actions">Trust</a></p><h1>Action ${id}</h1>
  <${Part} className="head" get=${route('/v1/trust/actions/{id}', { id })} sql=${`SELECT * FROM pulse.action_overview WHERE id = ${/^\d+$/.test(id) ? id : 'NULL'};\nSELECT at, event, state, needs, actor, note FROM pulse.action_history WHERE action_id = ${/^\d+$/.test(id) ? id : 'NULL'} ORDER BY id;`}>
    ${({ action, steps }, { reload }) => html`<div class="page-head"><p class="headline">${action.action} <${Name} text=${action.subject} /></p><div class="actions"><${Buttons} row=${action} reload=${reload} /></div></div>
      <p><${State} text=${action.state} /> ${action.needs ? `until ${waits[action.needs] || action.needs}` : null}</p>
      <${Facts} facts=${[['Risk', action.risk], ['Level', action.level], ['Gate', action.decision && html`<${State} text=${action.decision} />`], ['Score', points(action.score)], ['Proposed by', html`<${Name} text=${action.automation || action.createdBy} />`], ['Done as', html`<${Name} text=${action.runsAs} />`], ['Proposed', html`<${Time} at=${action.createdAt} />`],
        ['Expires', html`<${Time} at=${action.expiresAt} />`], action.approvedBy && ['Approved by', html`<${Name} text=${action.approvedBy} />`], action.confirmedBy && ['Confirmed by', html`<${Name} text=${action.confirmedBy} />`], action.overriddenBy && ['Overridden by', html`<${Name} text=${action.overriddenBy} />`], action.error && ['Error', html`<${Name} text=${action.error} />`], action.reason && ['Reason', html`<${Name} text=${action.reason} />`]]} />
      ${action.reasons.length ? html`<h2 class="sub">Why it waits</h2><${List} texts=${[...action.reasons, ...action.warnings]} />` : null}${action.lifts && action.lifts.length ? html`<h2 class="sub">What would lift it</h2><${List} texts=${action.lifts} />` : null}
      ${action.payload ? html`<h2 class="sub">What is done</h2><${Json} value=${action.payload} />` : null}${action.before ? html`<h2 class="sub">What was before</h2><${Json} value=${action.before} />` : null}${action.result ? html`<h2 class="sub">Result</h2><${Json} value=${action.result} />` : null}
      <h2 class="sub">Steps</h2><${Table} name="steps" rows=${steps} columns=${[{ title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Step', value: row => row.event.replace(/_/g, ' ') }, { title: 'State', value: row => row.state }, { title: 'Who', value: row => row.actor }, { title: 'Note', value: row => row.note }]} />`}<//>`;

const Automations = () => html`<${Part} title="Automations" get=${route('/v1/trust/automations', {}, { limit: 100 })} rows="automations" next="after" none=${data => !data.automations.length} noneText="There is no automation. pulse_create_automation() makes one."
  sql=${'SELECT name, status, cause, action, subject, level, applied_in_24_h, last_caused_at, last_result FROM pulse.automation_overview ORDER BY name LIMIT 100;'}>
  ${(data, { reload }) => html`<${Table} name="automations" keyOf=${row => row.name} rows=${data.automations} columns=${[{ title: 'Automation', value: row => row.name, cell: row => html`<details><summary><${Name} text=${row.name} /></summary><p><${Name} text=${row.description} /></p>${row.definition ? html`<${Json} value=${row.definition} />` : null}</details>` },
    { title: 'State', value: row => row.status, cell: row => html`<span><${State} text=${row.status} /> <${Name} text=${row.statusReason || ' '} /></span>` }, { title: 'Does', value: row => row.action, cell: row => html`<span>${row.action} <${Name} text=${row.subject} /></span>` }, { title: 'When', value: row => row.cause }, { title: 'Level', value: row => row.level },
    { title: 'Applied in 24 h', number: true, value: row => row.appliedIn24h }, { title: 'Last cause', value: row => row.lastCausedAt, cell: row => html`<span><${Time} at=${row.lastCausedAt} /> ${row.lastResult || ''} ${row.waitingAction ? html`<a href=${link('trust', 'actions', row.waitingAction)}>action ${row.waitingAction} waits</a>` : null}</span>` },
    { title: '', sort: false, cell: row => html`<${Confirm} label=${row.status === 'paused' ? 'Resume' : 'Pause'} title=${`${row.status === 'paused' ? 'Resume' : 'Pause'} ${row.name}`} fields=${[{ name: 'reason', label: 'Reason' }]} text=${row.status === 'paused' ? 'It acts again. What happened while it was paused does not cause it.' : 'Nothing causes it any more; its actions that wait are dismissed when they are due.'}
      sql=${values => `SELECT pulse_${row.status === 'paused' ? 'resume' : 'pause'}_automation(${literal(row.name)}${values.reason ? `, ${literal(values.reason)}` : ''});`} run=${values => send('POST', route(`/v1/automations/{name}/${row.status === 'paused' ? 'resume' : 'pause'}`, { name: row.name }), { reason: values.reason || null })} said="Done" done=${reload} />` }]} />`}<//>`;

export default function Trust({ params, query }) {
  if (params[0] === 'actions' && params[1]) return html`<${OneAction} id=${params[1]} key=${params[1]} />`;
  const scope = query.scope || 'all', days = ['1', '7', '31', '90', '366'].includes(query.days) ? query.days : '7';
  return html`<div class="page-head"><h1>${scope === 'all' ? 'Trust' : html`Trust: <${Name} text=${scope} />`}</h1>${scope === 'all' ? null : html`<a href="#/trust">All data</a>`}</div>
    <${Head} scope=${scope} />
    <${Tabs} tabs=${[{ id: 'score', title: 'Score', body: () => html`<${Parts} scope=${scope} /><${Filters} filters=${[{ name: 'days', label: 'Period', options: [['', '7 days'], ['1', 'a day'], ['31', '31 days'], ['90', '90 days'], ['366', 'a year']] }]} /><${History} scope=${scope} days=${days} />` },
      { id: 'actions', title: 'Actions', body: () => html`<${Actions} query=${query} />` }, { id: 'gate', title: 'Gate', body: () => html`<${Decisions} query=${query} />` },
      { id: 'automations', title: 'Automations', body: () => html`<${Automations} />` }, { id: 'scopes', title: 'Scopes', body: () => html`<${Scopes} />` }]} />`;
}
