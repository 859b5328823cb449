// People: search, and one person: what they did, what follows from it, what they agreed to; export and erasure.
import { html, useState, useContext, Session, Part, Table, Tabs, Filters, Facts, Confirm, Time, Name, Badge, count, link, route, literal, get, send, download, toast } from '../ui.js';
import { Merges } from './identity.js';

// What a page shows to keys whose role does not see people.
export function SeePeople({ title, children }) {
  const session = useContext(Session);
  return session && session.seesPeople === false ? html`<h1>${title}</h1><div class="notice forbidden" role="alert"><strong>Not permitted</strong> The role of this key does not see people: it needs the level people_reader.</div>` : children;
}

// A value that may be long: its beginning, and all of it on demand.
export function Value({ value }) {
  const text = value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 160 ? html`<bdi class="given">${text}</bdi>` : html`<details class="long"><summary><bdi class="given">${text.slice(0, 120)}…</bdi></summary><pre class="sql" tabindex="0"><code>${text}</code></pre></details>`;
}

// The steps of an explanation, one below the other.
export const Steps = ({ steps, name = 'steps' }) => html`<${Table} name=${name} csv=${false} caption="Explanation" rows=${steps} columns=${[
  ...(steps.some(step => step.item) ? [{ title: 'Item', value: row => row.item, sort: false }] : []),
  { title: 'Part', value: row => row.part, sort: false, cell: row => html`<code class="step">${'\u2003'.repeat(row.depth || 0)}<bdi>${row.part}</bdi></code>` },
  { title: 'Value', value: row => row.value, sort: false, cell: row => html`<${Value} value=${row.value} />` }, { title: 'Note', value: row => row.note, sort: false, cell: row => html`<${Value} value=${row.note} />` }]} />`;

// A button that loads an explanation below it.
export function Why({ path, sql, of, rows }) {
  const [open, setOpen] = useState(false);
  return html`<button class="quiet" aria-expanded=${String(open)} aria-label=${(open ? 'Hide why: ' : 'Why: ') + of} onClick=${() => setOpen(!open)}>${open ? 'Hide' : 'Why'}</button>
    ${open ? html`<${Part} className="plain" get=${path} sql=${sql}>${data => html`<${Steps} steps=${data[rows]} name=${'why-' + of} />`}<//>` : null}`;
}

const nameOf = row => row.user_id || row.email || Object.values(row.identities || {}).flat()[0] || 'profile:' + row.profile_id;
const columns = [
  { title: 'Person', value: nameOf, cell: row => html`<a href=${link('people', 'profile:' + row.profile_id)}><${Name} text=${nameOf(row)} /></a>` },
  { title: 'Ids', value: row => Object.entries(row.identities || {}).map(([kind, values]) => values.map(value => kind + ':' + value).join(' ')).join(' '), sort: false,
    cell: row => html`<span class="soft">${Object.entries(row.identities || {}).map(([kind, values]) => html`<span key=${kind} class="id">${kind.replace('_', ' ')} <${Name} text=${values.slice(0, 3).join(', ')} />${values.length > 3 ? ` and ${values.length - 3} more` : ''}</span>`)}</span>` },
  { title: 'Events', number: true, value: row => row.events, cell: row => count(row.events) },
  { title: 'Segments', value: row => (row.segments || []).join(', '), sort: false },
  { title: 'First seen', value: row => row.first_seen_at, cell: row => html`<${Time} at=${row.first_seen_at} />` },
  { title: 'Last seen', value: row => row.last_seen_at, cell: row => html`<${Time} at=${row.last_seen_at} />` },
];

function List({ query }) {
  const { q } = query;
  return html`<div class="page-head"><h1>People</h1></div>
    <${Filters} filters=${[{ name: 'q', label: 'Part of an id or alias', type: 'search' }]} />
    <${Part} get=${route('/v1/users', {}, { q })} rows="people" next="after" sql=${`SELECT p ->> 'profile_id' AS profile_id, p ->> 'user_id' AS user_id, p -> 'identities' AS identities, p ->> 'events' AS events, p ->> 'last_seen_at' AS last_seen_at\nFROM jsonb_array_elements(pulse_find_profiles(${q ? literal(JSON.stringify({ query: q })) : ''}) -> 'people') AS p;`}
      none=${data => !data.people.length && !data.next} noneText=${q ? 'Nobody has such an id.' : 'Pulse knows nobody yet: people come with events.'}>
      ${data => html`${data.people.length ? html`<${Table} columns=${columns} rows=${data.people} keyOf=${row => row.profile_id} name="people" caption="People" />` : html`<p class="none">Nobody among the people looked at so far: show more.</p>`}
        ${data.complete === false ? html`<p class="hint">So many ids have this part that not all of them were searched: type more of it.</p>` : null}`}<//>`;
}

// ---- one person ----

const Events = ({ user, query }) => html`<${Filters} filters=${[{ name: 'event', label: 'Name of the event', type: 'search' }]} />
  <${Part} className="plain" get=${route('/v1/users/{user}/events', { user }, { event: query.event })} rows="events" next="before"
    sql=${`SELECT time, name, type, properties, source FROM pulse_profile_events(${literal(user)}, 50${query.event ? `, ${literal(query.event)}` : ''});`} none=${data => !data.events.length} noneText=${query.event ? 'There is no event of this name.' : 'There is no event of this person any more.'}>
    ${data => html`<${Table} name="events" caption="Events" rows=${data.events} keyOf=${row => row.id} columns=${[{ title: 'When', value: row => row.time, cell: row => html`<${Time} at=${row.time} />` }, { title: 'Event', value: row => row.name },
      { title: 'Type', value: row => row.type }, { title: 'Properties', value: row => JSON.stringify(row.properties), cell: row => html`<${Value} value=${row.properties} />` }, { title: 'Source', value: row => row.source }]} />`}<//>`;

const Traits = ({ user }) => html`<${Part} className="plain" get=${route('/v1/users/{user}/traits', { user })} sql=${`SELECT key, value, problem FROM pulse_traits(${literal(user)});`}
    none=${data => !data.traits.length} noneText="There is no trait yet.">
  ${data => html`<p class="hint">Computed when read, as of below.${data.nextChange ? html` Without another event, something can change at <${Time} at=${data.nextChange} />.` : ''}</p>
    <${Table} name="traits" caption="Traits" rows=${data.traits} keyOf=${row => row.key} columns=${[{ title: 'Trait', value: row => row.key, cell: row => html`<a href=${link('traits', row.key)}><${Name} text=${row.key} /></a>` },
      { title: 'Value', value: row => row.value, cell: row => (row.problem ? html`<span class="hint wrong">${row.problem}</span>` : html`<${Value} value=${row.value} />`) }, { title: 'Type', value: row => row.type },
      { title: 'Expression', value: row => row.expression, sort: false, cell: row => html`<code><${Value} value=${row.expression} /></code>` }]} />`}<//>`;

const Segments = ({ user }) => html`<${Part} className="plain" get=${route('/v1/users/{user}/segments', { user })} sql=${`SELECT * FROM pulse_segments_of(${literal(user)});`} none=${data => !data.segments.length} noneText="This person is in no segment.">
  ${data => html`<${Table} name="segments" caption="Segments" rows=${data.segments} keyOf=${row => row.segment} columns=${[{ title: 'Segment', value: row => row.segment, cell: row => html`<a href=${link('segments', row.segment)}><${Name} text=${row.segment} /></a>` },
    { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` }, { title: 'Until, without another event', value: row => row.until, cell: row => (row.until ? html`<${Time} at=${row.until} />` : 'no end') },
    { title: 'Why', sort: false, cell: row => html`<${Why} rows="items" of=${row.segment} path=${route('/v1/users/{user}/segments/{segment}', { user, segment: row.segment })} sql=${`SELECT * FROM pulse_explain_membership(${literal(user)}, ${literal(row.segment)});`} />` }]} />`}<//>`;

const Flags = ({ user }) => html`<${Part} className="plain" get=${route('/v1/users/{user}/flags', { user })} live=${['flag']} sql=${`SELECT flag, variant, value, reason FROM pulse_decide_all(${literal(user)});`} none=${data => !data.flags.length} noneText="There is no flag yet.">
  ${data => html`<${Table} name="flags" caption="Flags" rows=${data.flags} keyOf=${row => row.flag} columns=${[{ title: 'Flag', value: row => row.flag, cell: row => html`<a href=${link('flags', row.flag)}><${Name} text=${row.flag} /></a>` }, { title: 'Variant', value: row => row.variant },
    { title: 'Value', value: row => JSON.stringify(row.value), cell: row => html`<${Value} value=${row.value} />` }, { title: 'Reason', value: row => row.reason, cell: row => row.reason.toLowerCase().replace(/_/g, ' ') },
    { title: 'Why', sort: false, cell: row => html`<${Why} rows="steps" of=${row.flag} path=${route('/v1/flags/{flag}/decision', { flag: row.flag }, { userId: user })} sql=${`SELECT * FROM pulse_explain_decision(${literal(user)}, ${literal(row.flag)});`} />` }]} />`}<//>`;

// A button that records what a person said; without a person it asks for one, too.
export const SetConsent = ({ user, purposes, done }) => html`<${Confirm} label="Record consent" title="Record what a person said" text="Adds a record, which nobody can change. The newest counts; segments and audiences follow."
  fields=${[...(user ? [] : [{ name: 'user', label: 'Person', required: true, help: 'A user id, an anonymous id, kind:value or profile:42.' }]), { name: 'purpose', label: 'Purpose', type: 'select', options: purposes, value: purposes[0] },
    { name: 'granted', label: 'What they said', type: 'select', options: [['true', 'Yes'], ['false', 'No']], value: 'true' }, { name: 'source', label: 'Where they said it', value: 'console', required: true }]}
  sql=${values => `SELECT pulse_set_consent(${literal(user || values.user)}, ${literal(values.purpose)}, ${values.granted}, ${literal({ source: values.source })});`}
  run=${values => send('POST', route('/v1/users/{user}/consent', { user: user || values.user }), { purpose: values.purpose, granted: values.granted === 'true', evidence: { source: values.source } })} said="Recorded" done=${done} />`;

export const consentTone = row => (row.granted || row.status === 'granted' ? 'good' : !row.status || row.status === 'none' ? 'quiet' : 'medium');

function Consent({ user }) {
  const [said, setSaid] = useState(0);
  return html`<${Part} className="plain" get=${route('/v1/users/{user}/consent', { user })} sql=${`SELECT * FROM pulse_consents_of(${literal(user)});`} none=${data => !data.consents.length} noneText="There is no purpose.">
  ${(data, { reload }) => html`<div class="page-head"><p class="hint">What holds now.</p><div class="actions"><${SetConsent} user=${user} purposes=${data.consents.map(one => one.purpose)} done=${() => { reload(); setSaid(said + 1); }} /></div></div>
    <${Table} name="consent" caption="Consent" rows=${data.consents} keyOf=${row => row.purpose} columns=${[{ title: 'Purpose', value: row => row.purpose }, { title: 'Consent', value: row => row.status, cell: row => html`<${Badge} text=${row.status || 'none'} tone=${consentTone(row)} />` },
      { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` }, { title: 'Until', value: row => row.expiresAt, cell: row => html`<${Time} at=${row.expiresAt} />` }, { title: 'Source', value: row => row.source }, { title: 'Basis', value: row => row.basis }]} />`}<//>
  <${Part} title="History" className="plain" key=${said} get=${route('/v1/users/{user}/consent/history', { user }, { limit: 1000 })} sql=${`SELECT * FROM pulse_consent_history(${literal(user)}, 1000);`} none=${data => !data.records.length} noneText="This person has said nothing yet.">
    ${data => html`<${Table} name="said" caption="What the person said" rows=${data.records} keyOf=${row => row.record_id} columns=${[{ title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` }, { title: 'Purpose', value: row => row.purpose },
      { title: 'Said', value: row => row.status, cell: row => html`<${Badge} text=${row.status} tone=${consentTone(row)} />` }, { title: 'Source', value: row => row.source }, { title: 'Recorded by', value: row => row.recorded_by }, { title: 'Text', value: row => row.text_version }]} />`}<//>`;
}

const Attributes = ({ person }) => html`<h2 class="sub">Ids</h2><${Table} name="ids" caption="Ids" rows=${person.identities} keyOf=${row => row.kind + row.value} columns=${[{ title: 'Kind', value: row => row.kind.replace('_', ' ') }, { title: 'Id', value: row => row.value }, { title: 'Since', value: row => row.since, cell: row => html`<${Time} at=${row.since} />` }, { title: 'Profile', value: row => row.profileId }]} />
  <h2 class="sub">Attributes</h2>${Object.keys(person.attributes).length ? html`<${Table} name="attributes" caption="Attributes" rows=${Object.entries(person.attributes)} keyOf=${row => row[0]} columns=${[{ title: 'Attribute', value: row => row[0] }, { title: 'Value', value: row => row[1], cell: row => html`<${Value} value=${row[1]} />` }]} />` : html`<p class="none">None.</p>`}`;

async function exportPerson(user) {
  try { download(`person-${user.replace(/\W+/g, '-')}.json`, JSON.stringify((await get(route('/v1/users/{user}/export', { user }))).data, null, 2), 'application/json'); toast('Exported: the audit log has it'); } catch (error) { toast([error.message, error.detail].filter(Boolean).join(' '), 'failed'); }
}

function One({ user, query }) {
  return html`<p class="crumbs"><a href="#/people">People</a></p><h1><${Name} text=${user} /></h1>
    <${Part} className="head" get=${route('/v1/users/{user}', { user })} sql=${`SELECT p.* FROM pulse_canonical_identity(${literal(user)}) AS c JOIN pulse.person AS p ON p.profile_id = c.profile_id;`}>
      ${person => html`<div class="page-head"><p class="headline"><${Name} text=${person.primary.value} /> <span class="soft">${person.primary.kind.replace('_', ' ')}</span></p>
        <div class="actions"><a class="button" href=${link('identity', user)}>Identity graph</a><button onClick=${() => exportPerson(user)}>Export</button>
          <${Confirm} label="Erase" danger title="Erase this person" text=${`Deletes profile ${person.profileId}, its ${person.identities.length} ids, attributes, events and memberships, asks other platforms to delete, and refuses events with these ids from now on. It cannot be undone.`}
            fields=${[{ name: 'reason', label: 'Reason', required: true, help: 'Such as the number of a ticket; no id of the person.' }]} sql=${values => `SELECT pulse_erase_profile(${literal(user)}, ${literal(values.reason)});`}
            run=${values => send('DELETE', route('/v1/users/{user}', { user }, { reason: values.reason }))} said=${answer => `Erasure ${answer.data.id} began; the job erasures ends it`} done=${() => { location.hash = '#/people'; }} /></div></div>
        <${Facts} facts=${[['Profile', person.profileId], ['Stage', person.lifecycle], ['E-mail', person.email && html`<${Name} text=${person.email} />`], ['Account', person.account && html`<${Name} text=${person.account} />`], ['First seen', html`<${Time} at=${person.firstSeen} />`], ['Last seen', html`<${Time} at=${person.lastSeen} />`],
          ['Profiles merged into it', person.profiles > 1 ? person.profiles - 1 : null]]} />
        <details class="long"><summary>${person.identities.length === 1 ? 'One id' : person.identities.length + ' ids'} and ${Object.keys(person.attributes).length} attributes</summary><${Attributes} person=${person} /></details>`}<//>
    <${Tabs} tabs=${[{ id: 'events', title: 'Time line', body: () => html`<${Events} user=${user} query=${query} />` }, { id: 'traits', title: 'Traits', body: () => html`<${Traits} user=${user} />` },
      { id: 'segments', title: 'Segments', body: () => html`<${Segments} user=${user} />` }, { id: 'flags', title: 'Flags', body: () => html`<${Flags} user=${user} />` },
      { id: 'consent', title: 'Consent', body: () => html`<${Consent} user=${user} />` },
      { id: 'merges', title: 'Merges', body: () => html`<${Merges} user=${user} key=${'merges' + query.again} />` }]} />`;
}

export default ({ params, query }) => html`<${SeePeople} title="People">${params[0] ? html`<${One} user=${params[0]} query=${query} key=${params[0]} />` : html`<${List} query=${query} />`}<//>`;
