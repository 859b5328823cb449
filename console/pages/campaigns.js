// Campaigns: what is planned, whether it can be sent now and why not, what it reached.
import { html, useState, Part, Table, Filters, Facts, Stat, Confirm, Time, Name, Short, Badge, count, percent, link, route, literal, send, go, useAddress } from '../ui.js';

const tones = { planned: 'accent', warned: 'high', launched: 'good', done: 'good', fell_short: 'critical', cancelled: 'quiet', yes: 'good', hold: 'medium', no: 'critical', pass: 'good', block: 'critical' };
const State = ({ text }) => html`<${Badge} text=${(text || 'not checked').replace(/_/g, ' ')} tone=${tones[text] || 'quiet'} />`;
const statuses = ['planned', 'warned', 'launched', 'done', 'fell_short', 'cancelled'].map(one => [one, one.replace(/_/g, ' ')]);
const channels = ['email', 'sms', 'push', 'ads', 'other'];
const said = answer => `The answer is ${answer.data.answer}`;
const moment = value => (value ? new Date(value).toISOString() : null);

const columns = [
  { title: 'Campaign', value: row => row.name, cell: row => html`<a href=${link('campaigns', row.name)}><${Short} text=${row.name} /></a>` },
  { title: 'Status', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Can I send now?', value: row => row.answer, cell: row => html`<${State} text=${row.answer} />` },
  { title: 'At', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Segment', value: row => row.segment, cell: row => (row.segment ? html`<a href=${link('segments', row.segment)}><${Short} text=${row.segment} /></a>` : html`<span class="soft">deleted</span>`) },
  { title: 'By', value: row => row.channel }, { title: 'Planned', number: true, value: row => row.planned, cell: row => count(row.planned) },
  { title: 'Can be reached', number: true, value: row => row.reach, cell: row => html`${count(row.reach)} <span class="soft">${row.share === null ? '' : percent(row.share, 0)}</span>` },
  { title: 'Reached', number: true, value: row => row.reached, cell: row => html`${count(row.reached)} <span class="soft">${row.reachedShare === null ? '' : percent(row.reachedShare, 0)}</span>` },
];

const planFields = [{ name: 'name', label: 'Name', required: true, autofocus: true }, { name: 'segment', label: 'Segment', required: true }, { name: 'reach', label: 'People it should reach', type: 'number', required: true, min: 1 },
  { name: 'at', label: 'At', type: 'datetime-local', required: true, help: 'In your time zone.' }, { name: 'channel', label: 'By', type: 'select', options: channels, value: 'email' }, { name: 'description', label: 'Description' }];
const optionsOf = v => (v.description ? { description: v.description } : {});

function List() {
  const { query: { status } } = useAddress();
  const [made, setMade] = useState(0);
  return html`<div class="page-head"><h1>Campaigns</h1><div class="actions"><${Confirm} label="Plan a campaign" main text="Pulse does not send it. It says in time whether it can be sent: a day and an hour before, and when you ask." fields=${planFields}
      sql=${v => `SELECT pulse_create_campaign(${literal(v.name)}, ${literal(v.segment)}, ${v.reach || 'NULL'}, ${literal(moment(v.at))}, ${literal(v.channel)}${v.description ? `, ${literal(optionsOf(v))}` : ''});`}
      run=${v => send('POST', '/v1/campaigns', { name: v.name, segment: v.segment, expectedReach: v.reach, at: moment(v.at), channel: v.channel, options: optionsOf(v) })} said="Planned" done=${() => setMade(made + 1)} /></div></div>
    <${Filters} filters=${[{ name: 'status', label: 'Status', options: [['', 'All'], ...statuses] }]} />
    <${Part} key=${made} get=${route('/v1/campaigns', {}, { status, limit: 50 })} rows="campaigns" next="after" live=${['incident']} sql=${`SELECT name, status, answer, at, segment, channel, planned, reach, reached\nFROM pulse.campaign_overview${status ? ` WHERE status = ${literal(status)}` : ''} ORDER BY at DESC, name LIMIT 50;`}
      none=${data => !data.campaigns.length} noneText=${status ? 'No campaign has this status.' : 'No campaign is planned yet.'}>
      ${data => html`<${Table} name="campaigns" caption="Campaigns, the latest first" rows=${data.campaigns} keyOf=${row => row.name} columns=${columns} />`}<//>`;
}

// ---- one campaign ----

// A moment as a field of a form has it, in the zone of who looks.
const localTime = at => { const date = new Date(at); return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16); };

// What is different from what it is; the rest stays.
function changesOf(campaign, v) {
  const given = { segment: v.segment, expectedReach: v.reach, at: moment(v.at), channel: v.channel, options: { description: v.description || null }, newName: v.name };
  const now = { segment: campaign.segment, expectedReach: campaign.planned, at: moment(localTime(campaign.at)), channel: campaign.channel, options: { description: campaign.description || null }, newName: campaign.name };
  return Object.fromEntries(Object.entries(given).filter(([key, value]) => value !== '' && value !== null && JSON.stringify(value) !== JSON.stringify(now[key])));
}
const parameterOf = { expectedReach: 'expected_reach', newName: 'new_name' };

function Change({ campaign, reload }) {
  const { name } = campaign;
  const values = { name, segment: campaign.segment || '', reach: campaign.planned, at: localTime(campaign.at), channel: campaign.channel, description: campaign.description || '' };
  return html`<${Confirm} label="Change" title=${`Change ${name}`} text="What you leave as it is stays. It is checked anew before it can be launched." fields=${planFields.map(field => ({ ...field, value: values[field.name] }))}
    sql=${v => `SELECT pulse_update_campaign(${[literal(name), ...Object.entries(changesOf(campaign, v)).map(([key, value]) => `${parameterOf[key] || key} => ${literal(value)}`)].join(', ')});`}
    run=${async v => { const changes = changesOf(campaign, v); await send('PATCH', route('/v1/campaigns/{name}', { name }), changes); return changes; }} said="Changed"
    done=${changes => (changes.newName ? go(link('campaigns', changes.newName)) : reload())} />`;
}

function Actions({ campaign, reload }) {
  const { name, status } = campaign;
  const open = status === 'planned' || status === 'warned', subject = literal(name);
  const post = (what, body) => send('POST', route(`/v1/campaigns/{name}/${what}`, { name }), body);
  return html`<div class="actions">${open ? html`
    <${Confirm} label="Can I send now?" main title=${`Check ${name}`} text="Counts who can be reached, looks at open incidents of what the segment is made of, and asks the gate. The answer is kept; channels hear of it when it is another one than before." sql=${() => `SELECT * FROM pulse_check_campaign(${subject});`}
      run=${() => post('check')} said=${said} done=${reload} />
    <${Confirm} label="Launch" title=${`Launch ${name}`} text="Checks it again and marks it as launched if the answer is yes: send it then, and only then. Pulse sends nothing itself." sql=${() => `SELECT * FROM pulse_launch_campaign(${subject});`}
      run=${async () => { try { return await post('launch'); } catch (problem) { if (problem.status !== 409) throw problem; reload(); throw Object.assign(problem, { message: 'It was not launched: the answer is not yes.', detail: 'The reasons are on the page.' }); } }} said="Launched" done=${reload} />
    <${Confirm} label="Cancel it" danger title=${`Cancel ${name}`} text="It is not checked any more and cannot be launched." fields=${[{ name: 'reason', label: 'Reason' }]} sql=${v => `SELECT pulse_cancel_campaign(${subject}${v.reason ? `, ${literal(v.reason)}` : ''});`}
      run=${v => post('cancel', { reason: v.reason || null })} said="Cancelled" done=${reload} />
    <${Change} key=${JSON.stringify([campaign.at, campaign.planned, campaign.segment, campaign.channel, campaign.description])} campaign=${campaign} reload=${reload} />` : null}
    ${status !== 'cancelled' ? html`<${Confirm} label="Record the result" title=${`Result of ${name}`} text="Records how many people it reached; it replaces what Pulse found itself." fields=${[{ name: 'reached', label: 'People reached', type: 'number', required: true, min: 0, autofocus: true }, { name: 'conversions', label: 'of them converted', type: 'number', min: 0 }]}
      sql=${v => `SELECT pulse_record_campaign_result(${subject}, ${v.reached === '' ? 'NULL' : v.reached}${v.conversions === '' ? '' : `, ${v.conversions}`});`} run=${v => post('result', { reached: v.reached, conversions: v.conversions === '' ? null : v.conversions })} said="Recorded" done=${reload} />` : null}
    <${Confirm} label="Delete" danger title=${`Delete ${name}`} text="Deletes the campaign with its checks. The figures of what Pulse saved no longer count it. To keep them, cancel it." sql=${() => `SELECT pulse_delete_campaign(${subject});`}
      run=${() => send('DELETE', route('/v1/campaigns/{name}', { name }))} said="Deleted" done=${() => go('/campaigns')} /></div>`;
}

const Checks = ({ name }) => html`<${Part} title="Checks" get=${route('/v1/campaigns/{name}/checks', { name }, { limit: 50 })}
    sql=${`SELECT k.at, k.answer, k.checked_by, k.planned, k.reach, k.reachable, cardinality(k.incidents) AS incidents, k.gate, k.score\nFROM pulse.campaign_check AS k JOIN pulse.campaign AS c ON c.id = k.campaign_id\nWHERE c.name = ${literal(name)} ORDER BY k.at DESC, k.id DESC LIMIT 50;`}
    none=${data => !data.checks.length} noneText="It was not checked yet.">
    ${data => html`<${Table} name="checks" caption="Checks of the campaign, the newest first" rows=${data.checks} columns=${[{ title: 'At', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Answer', value: row => row.answer, cell: row => html`<${State} text=${row.answer} />` }, { title: 'Asked by', value: row => row.checkedBy, cell: row => html`<${Short} text=${row.checkedBy} />` },
      { title: 'Members', number: true, value: row => row.reach, cell: row => count(row.reach) }, { title: 'Can be reached', number: true, value: row => row.reachable, cell: row => count(row.reachable) }, { title: 'Incidents', number: true, value: row => row.incidents },
      { title: 'Gate', value: row => row.gate, cell: row => html`<${State} text=${row.gate} />` }, { title: 'Score', number: true, value: row => row.score }]} />`}<//>`;

function Answer({ campaign }) {
  if (!campaign.checkedAt) return html`<p class="none">It was not checked yet: “Can I send now?” does.</p>`;
  return html`<p><${State} text=${campaign.answer} /> <span class="soft">as of <${Time} at=${campaign.checkedAt} /></span></p>
    ${campaign.reasons ? html`${campaign.reasons.length ? html`<h3>Why</h3><ul class="dots sentences">${campaign.reasons.map((one, place) => html`<li key=${place}><${Name} text=${one} /></li>`)}</ul>` : null}
      ${campaign.advice.length ? html`<h3>What to do</h3><ul class="dots sentences">${campaign.advice.map((one, place) => html`<li key=${place}><${Name} text=${one} /></li>`)}</ul>` : null}`
      : html`<p class="notice forbidden"><strong>Not permitted</strong> The reasons are for those who see people.</p>`}`;
}

function One({ name }) {
  const [asked, setAsked] = useState(0);
  return html`<p class="crumbs"><a href="#/campaigns">Campaigns</a></p><h1><${Name} text=${name} /></h1>
    <${Part} className="plain" get=${route('/v1/campaigns/{name}', { name })} live=${['incident']} sql=${`SELECT status, answer, planned, reach, reasons, advice, reached FROM pulse.campaign_overview WHERE name = ${literal(name)};`}>
      ${(campaign, { reload }) => html`<section class="part head"><div class="page-head"><p class="lead">${campaign.description ? html`<${Name} text=${campaign.description} />` : null}</p><${Actions} campaign=${campaign} reload=${() => { reload(); setAsked(asked + 1); }} /></div>
          <div class="stats"><${Stat} label="Status" value=${html`<${State} text=${campaign.status} />`} note=${campaign.cancelReason || (campaign.saved ? 'saved by a warning' : null)} /><${Stat} label="Planned" value=${count(campaign.planned)} />
            <${Stat} label="Can be reached" value=${count(campaign.reach)} note=${campaign.share === null ? null : percent(campaign.share, 0)} /><${Stat} label="Reached" value=${count(campaign.reached)} note=${campaign.reachedShare === null ? null : percent(campaign.reachedShare, 0)} />
            ${campaign.conversions === null ? null : html`<${Stat} label="Converted" value=${count(campaign.conversions)} />`}</div>
          <${Facts} facts=${[['At', html`<${Time} at=${campaign.at} />`], ['Segment', campaign.segment ? html`<a href=${link('segments', campaign.segment)}><${Name} text=${campaign.segment} /></a>` : 'deleted'], ['By', campaign.channel], ['Purpose', campaign.purpose], ['Next check', campaign.nextCheckAt && html`<${Time} at=${campaign.nextCheckAt} />`],
            ['Warned', campaign.warnedAt && html`<${Time} at=${campaign.warnedAt} />`], ['Launched', campaign.launchedAt && html`<${Time} at=${campaign.launchedAt} />`], ['Launched by', campaign.launchedBy && html`<${Name} text=${campaign.launchedBy} />`], ['Answer at the launch', campaign.launchAnswer],
            ['Result known by', campaign.resultBy], ['Planned by', html`<${Name} text=${campaign.createdBy} />`]]} /></section>
        <section class="part"><header><h2>Can I send now?</h2></header><${Answer} campaign=${campaign} /></section><${Checks} key=${asked} name=${name} />`}<//>`;
}

export default function Campaigns({ params }) {
  return params[0] ? html`<${One} name=${params[0]} key=${params[0]} />` : html`<${List} />`;
}
