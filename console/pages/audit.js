// Audit: who did what, and whether the log is as it was written.
import { html, useState, Part, Table, Filters, Facts, Badge, Time, Name, count, route, literal } from '../ui.js';

const Json = ({ value }) => html`<pre class="sql" tabindex="0"><code>${JSON.stringify(value, null, 1)}</code></pre>`;
// What a row is about, in a line: its plain values.
const brief = row => Object.entries({ ...row.details, ...row.personal }).filter(([, value]) => value !== null && typeof value !== 'object').map(([name, value]) => `${name.replace(/_/g, ' ')} ${value}`).join(', ').slice(0, 100) || 'show';
const filled = value => value && Object.keys(value).length > 0;

// It reads the whole log: only when somebody asks.
function Verify() {
  const [turn, setTurn] = useState(0);
  const button = html`<button onClick=${() => setTurn(turn + 1)}>${turn ? 'Verify again' : 'Verify the chain'}</button>`;
  if (!turn) return html`<section class="part"><header><h2>Is it as it was written?</h2><div class="actions">${button}</div></header><p class="soft">Reads the log from its beginning, and compares each row with the chain. A long log takes a while.</p></section>`;
  return html`<${Part} title="Is it as it was written?" key=${turn} get="/v1/audit/verify" sql="SELECT * FROM pulse_verify_audit();" actions=${button}>
    ${data => html`<p class="headline">${data.intact ? html`<${Badge} text="intact" tone="good" /> Every row is as it was written.` : html`<${Badge} text=${data.kind} tone="critical" /> <${Name} text=${data.detail} />`}</p>
      <${Facts} facts=${[['Rows verified', count(data.verified)], ['Not sealed yet', count(data.unsealed)], ['Personal parts erased', count(data.erased)], ['Checkpoints', count(data.checkpoints)], data.seq !== null && ['At link', count(data.seq)], data.audit_id !== null && ['At row', count(data.audit_id)], ['Head', count(data.head_seq)], ['Hash of the head', html`<code>${data.head_hash || '–'}</code>`]]} />
      <p class="hint">Keep seq and hash of pulse_checkpoint_audit() where nobody who administers this server can change them: only they show that the whole chain was not written anew.</p>`}<//>`;
}

export default function Audit({ query: { actor, action, subject } }) {
  const named = [action && `only_action => ${literal(action)}`, actor && `only_actor => ${literal(actor)}`, subject && `only_subject => ${literal(subject)}`].filter(Boolean);
  return html`<div class="page-head"><h1>Audit</h1></div><${Verify} />
    <${Filters} filters=${[{ name: 'actor', label: 'Actor', type: 'search' }, { name: 'action', label: 'Action', type: 'search' }, { name: 'subject', label: 'Subject', type: 'search' }]} />
    <${Part} title="Who did what" get=${route('/v1/audit', {}, { actor, action, subject, limit: 50 })} rows="audit" next="before" none=${data => !data.audit.length} noneText=${named.length ? 'No row has exactly these names.' : 'Nothing has been recorded yet.'}
      sql=${`SELECT id, at, actor, action, subject, details, seq FROM pulse_list_audit(${['max => 50', ...named].join(', ')});`}>
      ${data => html`<${Table} name="audit" keyOf=${row => row.id} rows=${data.audit} caption="The audit log, the newest first" columns=${[
        { title: 'Row', value: row => row.id, cell: row => count(row.id) }, { title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` },
        { title: 'Actor', value: row => row.actor, cell: row => html`<span><${Name} text=${row.actor} />${row.actor_kind === 'key' ? html` <span class="soft">key, as ${row.login}</span>` : row.login !== row.actor ? html` <span class="soft">as ${row.login}</span>` : null}</span>` },
        { title: 'Action', value: row => row.action, cell: row => html`<span class="keep">${row.action}</span>` }, { title: 'Subject', value: row => row.subject },
        { title: 'Details', value: row => row.details, cell: row => (filled(row.details) || filled(row.personal) ? html`<details><summary><${Name} text=${brief(row)} /></summary><${Json} value=${row.details} />${filled(row.personal) ? html`<p class="soft">Personal, until the person is erased</p><${Json} value=${row.personal} />` : null}</details>` : '–') },
        { title: 'Sealed', value: row => row.seq, cell: row => (row.seq === null ? html`<${Badge} text="not yet" />` : html`<span>link ${count(row.seq)}</span>`) }]} />`}<//>`;
}
