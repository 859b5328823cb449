// Jobs: what runs in the background, when, and what came of it.
import { html, useState, Part, Table, Tabs, Facts, Confirm, Badge, Time, Name, count, duration, link, route, literal, send } from '../ui.js';

const tones = { ok: 'good', running: 'accent', failed: 'critical', 'timed out': 'critical', crashed: 'critical', cancelled: 'medium', skipped: 'quiet' };
const State = ({ text }) => html`<${Badge} text=${text || 'not yet'} tone=${tones[text]} />`;
const took = seconds => (seconds === null ? '–' : seconds < 1 ? `${Math.round(seconds * 1000)} ms` : duration(seconds));

const Actions = ({ job, done }) => html`<span class="actions">
  <${Confirm} label="Run now" title=${`Run ${job.name} now`} text="Runs it once, in the transaction of this request; its schedule does not change. Jobs that wait for the network run in their worker only." sql=${() => `SELECT * FROM pulse_run_job(${literal(job.name)});`}
    run=${async () => { const answer = await send('POST', route('/v1/jobs/{name}/run', { name: job.name })); if (answer.data.status !== 'ok') throw Object.assign(new Error(`It ended: ${answer.data.status}.`), { detail: answer.data.error || answer.data.message }); return answer; }} said=${answer => `It ran: ${answer.data.status}${answer.data.message ? `, ${answer.data.message}` : ''}`} done=${done} />
  <${Confirm} label=${job.enabled ? 'Switch off' : 'Switch on'} title=${`${job.enabled ? 'Switch off' : 'Switch on'} ${job.name}`} text=${job.enabled ? 'It does not run any more until it is switched on. A run under way ends by itself.' : 'It runs again by its schedule.'} sql=${() => `SELECT pulse_schedule(${literal(job.name)}, enabled => ${!job.enabled});`}
    run=${() => send('PATCH', route('/v1/jobs/{name}', { name: job.name }), { enabled: !job.enabled })} said=${job.enabled ? 'Switched off' : 'Switched on'} done=${done} /></span>`;

const List = () => html`<${Part} title="Jobs" get="/v1/jobs" rows="jobs" next="after" live=${['job']} none=${data => !data.jobs.length} noneText="There is no job."
  sql=${'SELECT name, enabled, schedule, last_status, last_run_at, next_run, running_since, description FROM pulse.job ORDER BY name LIMIT 100;'}>
  ${(data, { reload }) => html`<${Table} name="jobs" keyOf=${row => row.name} rows=${data.jobs} columns=${[
    { title: 'Job', value: row => row.name, cell: row => html`<a class="keep" href=${link('jobs', row.name)}><${Name} text=${row.name} /></a>` }, { title: 'What it does', value: row => row.description || row.command },
    { title: 'Last run', value: row => row.lastStatus, cell: row => html`<span><${State} text=${row.runningSince ? 'running' : row.lastStatus} /> ${row.lastRunAt ? html`<${Time} at=${row.lastRunAt} />` : null}</span>` },
    { title: 'Schedule', value: row => row.schedule, cell: row => (row.enabled ? (row.onDemand ? html`<span class="keep">when needed</span>` : row.schedule) : html`<${Badge} text="off" />`) }, { title: 'Next run', value: row => row.nextRun, cell: row => (row.enabled ? html`<${Time} at=${row.nextRun} />` : '–') },
    { title: '', sort: false, cell: row => html`<${Actions} job=${row} done=${reload} />` }]} />`}<//>`;

const runColumns = withJob => [{ title: 'Run', value: row => +row.id, cell: row => row.id }, ...(withJob ? [{ title: 'Job', value: row => row.job, cell: row => html`<a href=${link('jobs', row.job)}><${Name} text=${row.job} /></a>` }] : []),
  { title: 'State', value: row => row.status, cell: row => html`<${State} text=${row.status} />` }, { title: 'Began', value: row => row.startedAt, cell: row => html`<${Time} at=${row.startedAt} />` }, { title: 'Took', number: true, value: row => row.seconds, cell: row => took(row.seconds) },
  { title: 'Attempt', number: true, value: row => row.attempt }, { title: 'Rows', number: true, value: row => row.rows, cell: row => count(row.rows) }, { title: 'Result', value: row => row.error || row.message, cell: row => html`<span>${row.errorState ? html`<code>${row.errorState}</code> ` : null}${(row.error || row.message || '').length > 240 ? html`<details><summary><${Name} text=${(row.error || row.message).slice(0, 240) + '…'} /></summary><pre class="sql" tabindex="0"><code>${row.error || row.message}</code></pre></details>` : html`<${Name} text=${row.error || row.message} />`}</span>` }];

const Failures = () => html`<${Part} title="Runs that failed" get="/v1/job-failures" rows="runs" next="before" live=${['job']} none=${data => !data.runs.length} noneText="No run has failed."
  sql=${"SELECT r.id, j.name, r.status, r.started_at, r.attempt, r.error_state, r.error FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id\nWHERE r.status IN ('failed', 'timed out', 'crashed') ORDER BY r.id DESC LIMIT 50;"}>
  ${data => html`<${Table} name="failures" keyOf=${row => row.id} rows=${data.runs} columns=${runColumns(true)} />`}<//>`;

function One({ name }) {
  const [turn, setTurn] = useState(0);
  return html`<p class="crumbs"><a href="#/jobs">Jobs</a></p><h1><${Name} text=${name} /></h1>
    <${Part} className="head" key=${'j' + turn} get=${route('/v1/jobs/{name}', { name })} sql=${`SELECT * FROM pulse.job WHERE name = ${literal(name)};`} live=${['job']}>
      ${({ job }) => html`<div class="page-head"><p class="headline"><${Name} text=${job.description || job.command} /></p><${Actions} job=${job} done=${() => setTurn(turn + 1)} /></div>
        <p><${State} text=${job.runningSince ? 'running' : job.lastStatus} /> ${job.enabled ? null : html`<${Badge} text="off" />`}</p>
        <${Facts} facts=${[['Schedule', job.onDemand ? 'when there is something to do' : `${job.schedule} ${job.timeZone}`], ['Next run', job.enabled && !job.onDemand ? html`<${Time} at=${job.nextRun} />` : '–'], ['Last run', html`<${Time} at=${job.lastRunAt} />`], job.runningSince && ['Running since', html`<${Time} at=${job.runningSince} />`],
          ['Longest run', job.timeout], ['Retries', `${job.maxRetries}, the first after ${job.retryDelay}`], job.runsAs && ['Runs as', html`<${Name} text=${job.runsAs} />`]]} />
        ${job.command ? html`<pre class="sql" tabindex="0"><code>${job.command}</code></pre>` : null}`}<//>
    <${Part} title="Runs" key=${'r' + turn} get=${route('/v1/jobs/{name}/runs', { name })} rows="runs" next="before" none=${data => !data.runs.length} noneText="It has not run in its worker yet."
      sql=${`SELECT r.id, r.status, r.started_at, r.finished_at, r.attempt, r.rows, r.message, r.error_state, r.error FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id\nWHERE j.name = ${literal(name)} ORDER BY r.id DESC LIMIT 50;`}>
      ${data => html`<${Table} name="runs" keyOf=${row => row.id} rows=${data.runs} columns=${runColumns(false)} />`}<//>`;
}

export default ({ params }) => (params[0] ? html`<${One} name=${params[0]} key=${params[0]} />`
  : html`<div class="page-head"><h1>Jobs</h1></div><${Tabs} tabs=${[{ id: 'all', title: 'All', body: () => html`<${List} />` }, { id: 'failed', title: 'Failures', body: () => html`<${Failures} />` }]} />`);
