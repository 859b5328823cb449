// Consent: how many people gave it for each purpose, what was said last, the purposes.
import { html, useCallback, useState, Part, Table, Confirm, Time, Name, Badge, count, percent, link, literal, send, useData } from '../ui.js';
import { Chart } from '../chart.js';
import { SetConsent, consentTone } from './people.js';

const parts = [['granted', 'c3'], ['refused', 'c2'], ['expired', 'c7'], ['unknown', 'c8']];

function Coverage({ purposes }) {
  const rows = purposes.flatMap(one => parts.map(([part]) => ({ purpose: one.purpose, part, people: one[part] })));
  const draw = useCallback(Plot => ({ marginLeft: 130, x: { label: null, percent: true, grid: true }, y: { label: null, domain: purposes.map(one => one.purpose), tickFormat: name => (name.length > 18 ? name.slice(0, 17) + '…' : name) },
    color: { domain: parts.map(([part]) => part), range: parts.map(([, name]) => `var(--${name})`) },
    marks: [Plot.barX(rows, Plot.stackX({ offset: 'normalize', order: parts.map(([part]) => part) }, { x: 'people', y: 'purpose', fill: 'part', insetTop: 3, insetBottom: 3 }))] }), [purposes]);
  return html`<${Chart} title="Share of people who gave consent, by purpose" caption="Share of all people, %" draw=${draw} legend=${parts} height=${50 + 30 * purposes.length} />
    <${Table} name="coverage" caption="Coverage" rows=${purposes} keyOf=${row => row.purpose} columns=${[{ title: 'Purpose', value: row => row.purpose }, ...['granted', 'refused', 'expired', 'unknown', 'people'].map(name => ({ title: name[0].toUpperCase() + name.slice(1), number: true, value: row => row[name], cell: row => (row.exact ? '' : '≈ ') + count(row[name]) })),
      { title: 'Share', number: true, value: row => row.share, cell: row => percent(row.share) }]} />`;
}

const recordColumns = [
  { title: 'Recorded', value: row => row.recordedAt, cell: row => html`<${Time} at=${row.recordedAt} />` }, { title: 'Person', value: row => 'profile:' + row.profileId, cell: row => html`<a href=${link('people', 'profile:' + row.profileId) + '?tab=consent'}>profile:${row.profileId}</a>` },
  { title: 'Purpose', value: row => row.purpose }, { title: 'Said', value: row => row.status, cell: row => html`<${Badge} text=${row.status} tone=${consentTone(row)} />` }, { title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` },
  { title: 'Until', value: row => row.expiresAt, cell: row => html`<${Time} at=${row.expiresAt} />` }, { title: 'Source', value: row => row.source }, { title: 'By', value: row => row.recordedBy },
];

const AddPurpose = ({ done }) => html`<${Confirm} label="Set a purpose" title="Create or change a purpose" text="A purpose is what people agree to. Signals of consent managers come to it by its categories." fields=${[{ name: 'purpose', label: 'Name', required: true }, { name: 'categories', label: 'Categories', help: 'Words with commas between them.' }, { name: 'granted', label: 'Granted where nothing was said', type: 'checkbox' }]}
  sql=${values => `SELECT pulse_set_consent_purpose(${literal(values.purpose)}, ${values.categories ? literal(values.categories.split(',').map(one => one.trim())) : 'NULL'}, ${values.granted});`}
  run=${values => send('POST', '/v1/consent/purposes', { purpose: values.purpose, categories: values.categories ? values.categories.split(',').map(one => one.trim()) : null, grantedByDefault: values.granted })} said="Saved" done=${done} />`;

export default function Consent() {
  const purposes = useData('/v1/consent/purposes');
  const [said, setSaid] = useState(0);
  const names = purposes.data ? purposes.data.purposes.map(one => one.purpose) : [];
  return html`<div class="page-head"><h1>Consent</h1><div class="actions">${names.length ? html`<${SetConsent} purposes=${names} done=${() => setSaid(said + 1)} />` : null}</div></div>
    <${Part} title="Coverage" key=${'coverage' + said} get="/v1/consent" sql="SELECT * FROM pulse_consent_coverage();" none=${data => !data.purposes.length} noneText="There is no purpose yet.">${data => html`<${Coverage} purposes=${data.purposes} />`}<//>
    <${Part} title="Purposes" get="/v1/consent/purposes" sql="SELECT purpose, categories, granted_by_default FROM pulse.consent_purpose ORDER BY purpose;" none=${data => !data.purposes.length} noneText="There is no purpose yet.">
      ${(data, { reload }) => html`<${Table} name="purposes" caption="Purposes" rows=${data.purposes} keyOf=${row => row.purpose} columns=${[{ title: 'Purpose', value: row => row.purpose }, { title: 'Categories', value: row => (row.categories || []).join(', ') },
        { title: 'Where nothing was said', value: row => (row.grantedByDefault ? 'granted' : 'refused') }]} /><p class="buttons"><${AddPurpose} done=${reload} /></p>`}<//>
    <${Part} title="What was said last" key=${'records' + said} get="/v1/consent/records" rows="records" next="before" none=${data => !data.records.length} noneText="Nobody has said anything yet."
      sql="SELECT recorded_at, profile_id, purpose, status, at, expires_at, source, recorded_by FROM pulse.consent_record ORDER BY id DESC LIMIT 50;">${data => html`<${Table} name="records" caption="Records" rows=${data.records} keyOf=${row => row.id} columns=${recordColumns} />`}<//>`;
}
