// Delivery: channels, routes, messages and subscriptions.
import { html, useState, Part, Table, Filters, Tabs, Facts, Confirm, Badge, Time, Name, copy, count, duration, link, route, literal, send } from '../ui.js';

const tones = { ok: 'good', resting: 'medium', disabled: 'critical', incomplete: 'high', sent: 'good', pending: 'accent', waiting: 'accent', sending: 'accent', dead: 'critical', cancelled: 'quiet', folded: 'quiet' };
const State = ({ text }) => html`<${Badge} text=${text} tone=${tones[text]} />`;
const cut = text => (text && text.length > 240 ? text.slice(0, 240) + '…' : text);
const list = values => (values && values.length ? values.join(', ') : 'all');

const test = name => async () => {
  const answer = await send('POST', route('/v1/channels/{name}/test', { name }));
  if (answer.data.status !== 'ok') throw Object.assign(new Error(`The answer: ${answer.data.status}${answer.data.answerStatus ? ` (${answer.data.answerStatus})` : ''}.`), { detail: answer.data.hint || answer.data.answer });
  return answer;
};

const Channels = () => html`<${Part} title="Channels" get="/v1/channels" rows="channels" next="after" none=${data => !data.channels.length} noneText="There is no channel yet. pulse_create_channel() makes one in SQL, where its secrets stay."
  sql=${'SELECT name, kind, state, waiting, sent_day, failed_day, last_ok_at, last_error_at, last_error FROM pulse.channel ORDER BY name LIMIT 100;'}>
  ${(data, { reload }) => html`<${Table} name="channels" keyOf=${row => row.name} rows=${data.channels} columns=${[
    { title: 'Channel', value: row => row.name, cell: row => html`<a href=${'#/delivery?tab=messages&channel=' + encodeURIComponent(row.name)}><${Name} text=${row.name} /></a>` }, { title: 'Kind', value: row => row.kind, cell: row => (row.subscription ? `${row.kind}, a subscription` : row.kind) },
    { title: 'State', value: row => row.state, cell: row => html`<span><${State} text=${row.state} /> ${row.restingUntil && row.state === 'resting' ? html`until <${Time} at=${row.restingUntil} />` : null}</span>` },
    { title: 'Waiting', number: true, value: row => row.waiting }, { title: 'Sent, a day', number: true, value: row => row.sentDay }, { title: 'Failed, a day', number: true, value: row => row.failedDay },
    { title: 'Last ok', value: row => row.lastOkAt, cell: row => html`<${Time} at=${row.lastOkAt} />` }, { title: 'Last error', value: row => row.lastError, cell: row => (row.lastErrorAt ? html`<span><${Time} at=${row.lastErrorAt} /> <${Name} text=${cut(row.lastError)} /></span>` : '–') },
    { title: '', sort: false, cell: row => html`<span class="actions"><${Confirm} label="Test" title=${`Test ${row.name}`} text="Sends a message marked as a test, now. An answer that is good switches a channel on again that rests or is disabled." sql=${() => `SELECT * FROM pulse_test_channel(${literal(row.name)});`} run=${test(row.name)} said="The test was received" done=${reload} />
      ${row.waiting || row.failedDay ? html`<${Confirm} label="Send again" title=${`Send what waits for ${row.name} again`} text="Sends all of its messages again that are dead or wait for another attempt, with the same keys, and ends its rest." sql=${() => `SELECT pulse_retry_message(${literal(row.name)}::text);`} run=${() => send('POST', route('/v1/channels/{name}/retry', { name: row.name }))} said=${answer => `${count(answer.data.messages)} messages are sent again`} done=${reload} />` : null}</span>` }]} />`}<//>`;

const Routes = () => html`<${Part} title="Routes" get="/v1/routes" rows="routes" next="after" none=${data => !data.routes.length} noneText="There is no route: every incident goes to every channel. pulse_create_route() makes one."
  sql=${'SELECT name, enabled, channels, min_severity, segments, tables, owners, tags, detectors, events, digest FROM pulse.route ORDER BY name LIMIT 100;'}>
  ${(data, { reload }) => html`<${Table} name="routes" keyOf=${row => row.name} rows=${data.routes} columns=${[
    { title: 'Route', value: row => row.name }, { title: 'State', value: row => row.enabled, cell: row => html`<${Badge} text=${row.enabled ? 'on' : 'off'} tone=${row.enabled ? 'good' : 'quiet'} />` }, { title: 'To', value: row => list(row.channels) }, { title: 'From', value: row => row.minSeverity },
    { title: 'Of', value: row => list([...(row.segments || []), ...(row.tables || []), ...(row.owners || []).map(one => 'owner ' + one), ...(row.tags || []).map(one => 'tag ' + one), ...(row.detectors || [])]) }, { title: 'Events', value: row => row.events.join(', ') },
    { title: 'When', value: row => [row.digest && `${row.digest} digest`, row.quietFrom && `quiet ${row.quietFrom.slice(0, 5)} to ${row.quietUntil.slice(0, 5)} ${row.timeZone}`, row.coolDown && `cool down ${row.coolDown}`, row.escalateAfter && `to ${list(row.escalateTo)} after ${row.escalateAfter}`].filter(Boolean).join('; ') || 'at once' },
    { title: '', sort: false, cell: row => html`<${Confirm} label=${row.enabled ? 'Switch off' : 'Switch on'} title=${`${row.enabled ? 'Switch off' : 'Switch on'} ${row.name}`} text=${row.enabled ? 'Sends nothing more by this route, and cancels its messages that wait. Other routes go on.' : 'Sends new incidents by this route.'}
      sql=${() => `SELECT pulse_update_route(${literal(row.name)}, enabled => ${!row.enabled});`} run=${() => send('PATCH', route('/v1/routes/{name}', { name: row.name }), { enabled: !row.enabled })} said=${row.enabled ? 'Switched off' : 'Switched on'} done=${reload} />` }]} />`}<//>`;

const may = row => ['dead', 'cancelled', 'pending', 'waiting'].includes(row.status);

const MessageActions = ({ row, reload }) => html`<span class="actions">${may(row) ? html`<${Confirm} label="Send again" title=${`Send message ${row.id} again`} text="Sends the same message with the same key: a receiver that has it keeps it once." sql=${() => `SELECT pulse_retry_message(${row.id}::bigint);`} run=${() => send('POST', route('/v1/messages/{id}/retry', { id: row.id }))} said="It is sent again" done=${reload} />` : null}
  ${['pending', 'waiting'].includes(row.status) ? html`<${Confirm} label="Cancel it" title=${`Cancel message ${row.id}`} text="It is not sent." fields=${[{ name: 'reason', label: 'Reason' }]} sql=${values => `SELECT pulse_cancel_message(${row.id}${values.reason ? `, ${literal(values.reason)}` : ''});`} run=${values => send('POST', route('/v1/messages/{id}/cancel', { id: row.id }), { reason: values.reason || null })} said="Cancelled" done=${reload} />` : null}</span>`;

const Messages = ({ query: { status, channel } }) => html`<${Filters} filters=${[{ name: 'status', label: 'State', options: [['', 'All'], ['dead', 'Failed for good']] }, { name: 'channel', label: 'Channel', type: 'search' }]} />
  <${Part} title="Messages" get=${route('/v1/messages', {}, { status, channel })} rows="messages" next="before" none=${data => !data.messages.length} noneText=${status || channel ? 'No message fits these filters.' : 'Nothing has been sent yet.'}
    sql=${`SELECT id, status, channel, event, subject, attempts, error, created_at, sent_at FROM pulse.message${status || channel ? '\nWHERE ' + [status && `status = ${literal(status)}`, channel && `channel = ${literal(channel)}`].filter(Boolean).join(' AND ') : ''} ORDER BY id DESC LIMIT 50;`}>
    ${(data, { reload }) => html`<${Table} name="messages" keyOf=${row => row.id} rows=${data.messages} caption="Messages, the newest first" columns=${[
      { title: 'Message', value: row => +row.id, cell: row => html`<a href=${link('delivery', 'messages', row.id)}>${row.id}</a>` }, { title: 'State', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Channel', value: row => row.channel },
      { title: 'Event', value: row => row.event }, { title: 'About', value: row => row.subject, cell: row => (row.incident ? html`<a href=${link('incidents', row.incident)}><${Name} text=${row.subject || 'incident ' + row.incident} /></a>` : html`<${Name} text=${row.subject} />`) },
      { title: 'Attempts', number: true, value: row => row.attempts }, { title: 'Answer', value: row => row.error, cell: row => html`<${Name} text=${cut([row.answerStatus, row.error].filter(Boolean).join(' '))} />` }, { title: 'Made', value: row => row.createdAt, cell: row => html`<${Time} at=${row.createdAt} />` },
      { title: 'Sent or next try', value: row => row.sentAt || row.nextTryAt, cell: row => html`<${Time} at=${row.sentAt || row.nextTryAt} />` }, { title: '', sort: false, cell: row => html`<${MessageActions} row=${row} reload=${reload} />` }]} />`}<//>`;

const OneMessage = ({ id }) => html`<p class="crumbs"><a href="#/delivery?tab=messages">Delivery</a></p><h1>Message ${id}</h1>
  <${Part} className="head" get=${route('/v1/messages/{id}', { id })} sql=${`SELECT * FROM pulse.message WHERE id = ${/^\d+$/.test(id) ? id : 'NULL'};`}>
    ${({ message }, { reload }) => html`<div class="page-head"><p class="headline">${message.event} to <${Name} text=${message.channel} /></p><${MessageActions} row=${message} reload=${reload} /></div>
      <p><${State} text=${message.status} /> ${message.error ? html`<${Name} text=${cut(message.error)} />` : null}</p>${message.error && message.error.length > 240 ? html`<pre class="sql" tabindex="0"><code>${message.error}</code></pre>` : null}
      <${Facts} facts=${[['About', message.incident ? html`<a href=${link('incidents', message.incident)}><${Name} text=${message.subject || 'incident ' + message.incident} /></a>` : html`<${Name} text=${message.subject} />`], ['Kind', message.kind], ['Attempts', count(message.attempts)], ['Made', html`<${Time} at=${message.createdAt} />`],
        message.sentAt && ['Sent', html`<${Time} at=${message.sentAt} />`], message.latencyMs !== null && ['Took', duration(message.latencyMs / 1000)], message.nextTryAt && ['Next try', html`<${Time} at=${message.nextTryAt} />`], message.answerStatus !== null && ['Status of the answer', message.answerStatus], message.foldedInto && ['Part of', html`<a href=${link('delivery', 'messages', message.foldedInto)}>message ${message.foldedInto}</a>`], ['Key', html`<${Name} text=${message.key} />`]]} />
      ${message.payload ? html`<h2 class="sub">What is sent</h2><pre class="sql" tabindex="0"><code>${JSON.stringify(message.payload, null, 1)}</code></pre>` : null}${message.answer ? html`<h2 class="sub">The answer</h2><pre class="sql" tabindex="0"><code>${message.answer}</code></pre>` : null}`}<//>`;

function Subscriptions() {
  const [secret, setSecret] = useState(null);
  return html`${secret ? html`<div class="notice" role="status"><strong>The new secret of <${Name} text=${secret.name} /></strong>, shown this once: <pre class="sql" tabindex="0"><code>${secret.text}</code></pre>
      <p><button onClick=${() => copy(secret.text)}>Copy</button> <button onClick=${() => setSecret(null)}>I have it</button></p></div>` : null}
    <${Part} title="Subscriptions" get="/v1/subscriptions" rows="subscriptions" next="after" none=${data => !data.subscriptions.length} noneText="No program receives events. pulse_subscribe() adds one."
      sql=${'SELECT s.channel, s.events, s.segments, s.created_by, s.created_at, s.rotated_at, t.disabled_at, t.last_ok_at\nFROM pulse.subscription AS s LEFT JOIN pulse.channel_state AS t ON t.channel = s.channel ORDER BY s.channel LIMIT 100;'}>
      ${(data, { reload }) => html`<${Table} name="subscriptions" keyOf=${row => row.name} rows=${data.subscriptions} columns=${[
        { title: 'Subscription', value: row => row.name }, { title: 'State', value: row => row.disabledAt, cell: row => html`<${Badge} text=${row.disabledAt ? 'off' : row.failures ? 'failing' : 'on'} tone=${row.disabledAt ? 'quiet' : row.failures ? 'critical' : 'good'} />` },
        { title: 'Events', value: row => row.events.join(', ') }, { title: 'Segments', value: row => list(row.segments) }, { title: 'Last ok', value: row => row.lastOkAt, cell: row => html`<${Time} at=${row.lastOkAt} />` }, { title: 'Secret since', value: row => row.rotatedAt || row.createdAt, cell: row => html`<${Time} at=${row.rotatedAt || row.createdAt} />` },
        { title: '', sort: false, cell: row => html`<span class="actions"><${Confirm} label="New secret" title=${`A new secret for ${row.name}`} text="The new secret is shown once. Messages are signed with both until the old one ends. Needs the level admin." fields=${[{ name: 'keep', label: 'The old secret ends', type: 'select', options: [['1 day', 'in a day'], ['1 hour', 'in an hour'], ['7 days', 'in a week'], ['0', 'at once']], value: '1 day' }]}
            sql=${values => `SELECT pulse_rotate_subscription_secret(${literal(row.name)}, ${literal(values.keep)});`} run=${values => send('POST', route('/v1/subscriptions/{name}/secret', { name: row.name }), values)} said="It has a new secret" done=${answer => { setSecret({ name: row.name, text: answer.data.secret }); reload(); }} />
          <${Confirm} label=${row.disabledAt ? 'Switch on' : 'Switch off'} title=${`${row.disabledAt ? 'Switch on' : 'Switch off'} ${row.name}`} text=${row.disabledAt ? 'Its messages are sent again.' : 'Its messages wait until it is switched on.'} sql=${() => `SELECT pulse_update_subscription(${literal(row.name)}, enabled => ${!!row.disabledAt});`}
            run=${() => send('PATCH', route('/v1/subscriptions/{name}', { name: row.name }), { enabled: !!row.disabledAt })} said="Done" done=${reload} /></span>` }]} />`}<//>`;
}

export default function Delivery({ params, query }) {
  if (params[0] === 'messages' && params[1]) return html`<${OneMessage} id=${params[1]} key=${params[1]} />`;
  return html`<div class="page-head"><h1>Delivery</h1></div><${Tabs} tabs=${[{ id: 'channels', title: 'Channels', body: () => html`<${Channels} />` }, { id: 'routes', title: 'Routes', body: () => html`<${Routes} />` },
    { id: 'messages', title: 'Messages', body: () => html`<${Messages} query=${query} />` }, { id: 'subscriptions', title: 'Subscriptions', body: () => html`<${Subscriptions} />` }]} />`;
}
