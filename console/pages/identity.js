// The ids of a person as a graph and as a table, merging two people and undoing a merge.
import { html, useMemo, Part, Table, Filters, Facts, Confirm, Time, Name, Badge, count, percent, link, route, literal, send, setQuery } from '../ui.js';
import { SeePeople } from './people.js';

// Positions of nodes: they push each other away, links pull them together. Always the same for the same graph.
function layout(nodes, edges, width, height) {
  const at = nodes.map((_, i) => ({ x: width / 2 + Math.cos(i * 2.4) * (10 + 14 * Math.sqrt(i)), y: height / 2 + Math.sin(i * 2.4) * (10 + 14 * Math.sqrt(i)) }));
  const want = Math.min(110, 0.8 * Math.sqrt(width * height / Math.max(1, nodes.length)));
  for (let round = 0, heat = 24; round < 220; round++, heat *= 0.982) {
    const push = at.map(() => ({ x: 0, y: 0 }));
    for (let i = 0; i < at.length; i++) for (let j = i + 1; j < at.length; j++) {
      const x = at[i].x - at[j].x || 0.1, y = at[i].y - at[j].y || 0.1, force = want * want / (x * x + y * y);
      push[i].x += x * force; push[i].y += y * force; push[j].x -= x * force; push[j].y -= y * force;
    }
    for (const { from, to } of edges) {
      const x = at[from].x - at[to].x, y = at[from].y - at[to].y, force = Math.hypot(x, y) / want;
      push[from].x -= x * force; push[from].y -= y * force; push[to].x += x * force; push[to].y += y * force;
    }
    at.forEach((point, i) => {
      const x = push[i].x + (width / 2 - point.x) * 0.08, y = push[i].y + (height / 2 - point.y) * 0.12, length = Math.hypot(x, y) || 1, step = Math.min(length, heat);
      point.x = Math.min(width - 60, Math.max(60, point.x + x / length * step));
      point.y = Math.min(height - 30, Math.max(22, point.y + y / length * step));
    });
  }
  return at;
}

const short = text => (text.length > 22 ? text.slice(0, 20) + '…' : text);

function Drawing({ graph, name }) {
  const kinds = [...new Set(graph.nodes.map(node => node.kind))];
  const size = window.innerWidth < 720 ? [340, Math.min(640, 260 + 12 * graph.nodes.length)] : graph.nodes.length > 40 ? [1000, 720] : [760, graph.nodes.length > 12 ? 460 : 320];
  const at = useMemo(() => layout(graph.nodes, graph.edges, ...size), [graph]);
  return html`<figure><figcaption>Each point is an id, each line what linked two of them; merges are dashed, and the fainter a line, the less certain it is.</figcaption>
    <div class="chart-legend">${kinds.map((kind, place) => html`<span key=${kind}><i class=${'c' + (place % 8 + 1)} aria-hidden="true"></i>${kind.replace('_', ' ')}</span>`)}</div>
    <svg class="graph" viewBox=${`0 0 ${size[0]} ${size[1]}`} role="img" aria-label=${`The ${graph.nodes.length} ids of ${name} and the ${graph.edges.length} links between them; the table below has the same`}>
      ${graph.edges.map((edge, place) => html`<line key=${place} x1=${at[edge.from].x} y1=${at[edge.from].y} x2=${at[edge.to].x} y2=${at[edge.to].y} stroke-opacity=${0.25 + 0.75 * (edge.confidence ?? 1)} stroke-dasharray=${/merge|manual/.test(edge.kind) ? '5 4' : undefined} />`)}
      ${graph.nodes.map((node, place) => html`<g key=${place} class=${'k' + (kinds.indexOf(node.kind) % 8 + 1)}><title>${node.kind + ' ' + node.value}</title><circle cx=${at[place].x} cy=${at[place].y} r=${node.primary ? 9 : 6} /><text x=${at[place].x} y=${at[place].y + 20} text-anchor="middle">${short(node.value)}</text></g>`)}
    </svg></figure>`;
}

const idOf = node => html`<span><span class="soft">${node.kind.replace('_', ' ')}</span> <${Name} text=${node.value} /></span>`;

const Graph = ({ user }) => html`<${Part} title="Ids and links" get=${route('/v1/users/{user}/identity-graph', { user })} sql=${`SELECT jsonb_pretty(pulse_identity_graph(${literal(user)}));`} none=${data => !data.nodes.length} noneText="This person has no id any more.">
  ${graph => html`<${Drawing} graph=${graph} name=${user} />${graph.left_out ? html`<p class="hint">${count(graph.left_out)} ids are further away and not shown.</p>` : null}
    ${graph.edges.length ? html`<h3>Links</h3><${Table} name="links" caption="Links between ids" rows=${graph.edges} columns=${[
      { title: 'From', value: row => graph.nodes[row.from].kind + ':' + graph.nodes[row.from].value, cell: row => idOf(graph.nodes[row.from]) }, { title: 'To', value: row => graph.nodes[row.to].kind + ':' + graph.nodes[row.to].value, cell: row => idOf(graph.nodes[row.to]) },
      { title: 'Linked by', value: row => row.kind.replace('_', ' ') }, { title: 'Confidence', number: true, value: row => row.confidence, cell: row => percent(row.confidence, 0) }, { title: 'When', value: row => row.linked_at, cell: row => html`<${Time} at=${row.linked_at} />` }]} />` : null}
    <h3>Ids</h3><${Table} name="ids" caption="Ids" rows=${graph.nodes} keyOf=${row => row.kind + ':' + row.value} columns=${[{ title: 'Kind', value: row => row.kind.replace('_', ' ') }, { title: 'Id', value: row => row.value, cell: row => html`<span><${Name} text=${row.value} />${row.primary ? html` <${Badge} text="primary" tone="accent" />` : null}</span>` },
      { title: 'Priority', number: true, value: row => row.priority }, { title: 'Profile', value: row => String(row.profile_id) }, { title: 'First seen', value: row => row.first_seen_at, cell: row => html`<${Time} at=${row.first_seen_at} />` }]} />`}<//>`;

const listed = ids => Object.entries(ids || {}).map(([kind, values]) => values.map(value => kind.replace('_', ' ') + ' ' + value).join(', ')).join(', ');

const events = number => (number === 1 ? 'one event' : count(number) + ' events');

function Effect({ user, other, done }) {
  return html`<${Part} className="plain" get=${route('/v1/users/{user}/merge-preview', { user }, { other })} sql=${`SELECT jsonb_pretty(pulse_simulate_merge(${literal(user)}, ${literal(other)}));`}>
    ${data => { const conflicts = Object.entries(data.attributes.conflicts), filled = Object.keys(data.attributes.filled); return html`
      <ul class="dots"><li>Profile ${data.survivor} remains, with ${events(data.events.survivor)} and the ids <${Name} text=${listed(data.identities.survivor)} />.</li>
        <li>Profile ${data.merged} becomes part of it, with ${events(data.events.merged)} and the ids <${Name} text=${listed(data.identities.merged)} />.</li>
        <li>${filled.length ? html`It takes over the attributes <${Name} text=${filled.join(', ')} />.` : 'It takes over no attribute.'}</li>
        ${conflicts.map(([key, values]) => html`<li key=${key}><${Name} text=${key} /> stays <${Name} text=${JSON.stringify(values.kept)} />; <${Name} text=${JSON.stringify(values.lost)} /> is not used any more.</li>`)}
        ${data.refused ? html`<li>Events would not merge them: <${Name} text=${data.refused} /></li>` : null}</ul>
      <p class="buttons"><${Confirm} label="Merge" danger main title="Merge two people" text=${`Profile ${data.merged} becomes part of profile ${data.survivor}. It can be undone here.`} fields=${[{ name: 'reason', label: 'Reason', required: true }]}
        sql=${values => `SELECT pulse_merge(${literal(user)}, ${literal(other)}, ${literal(values.reason)});`} run=${values => send('POST', route('/v1/users/{user}/merges', { user }), { other, reason: values.reason })} said=${answer => `Merged: number ${answer.data.merge}`} done=${done} /></p>`; }}<//>`;
}

export const Merges = ({ user }) => html`<${Part} title="Merges" get=${route('/v1/users/{user}/merges', { user })} rows="merges" next="before" sql=${`SELECT * FROM pulse_merge_history(${literal(user)});`} none=${data => !data.merges.length} noneText="This person was never merged with another.">
  ${data => html`<${Table} name="merges" caption="Merges" rows=${data.merges} keyOf=${row => row.merge} columns=${[{ title: 'Number', value: row => row.merge }, { title: 'When', value: row => row.at, cell: row => html`<${Time} at=${row.at} />` },
    { title: 'What', value: row => `${row.merged} into ${row.survivor}` }, { title: 'Reason', value: row => row.reason }, { title: 'By', value: row => row.doneBy },
    { title: 'Undone', value: row => row.undoneAt, cell: row => (row.undoneAt ? html`<span><${Time} at=${row.undoneAt} />, <${Name} text=${row.undoReason} /></span>` : 'no') },
    { title: '', sort: false, cell: row => (row.undoneAt ? null : html`<${Confirm} label="Undo" title=${'Undo merge ' + row.merge} fields=${[{ name: 'reason', label: 'Reason', required: true }]}
      text=${`Restores the person of profile ${row.merged} with ${row.profiles.length === 1 ? 'its profile' : `its ${row.profiles.length} profiles`}, ids and events${Object.keys(row.filled).length ? `; ${Object.keys(row.filled).join(', ')} goes back where it did not change since` : ''}. Events do not merge the two again.`}
      sql=${values => `SELECT pulse_unmerge(${row.merge}, ${literal(values.reason)});`} run=${values => send('POST', route('/v1/merges/{merge}/undo', { merge: row.merge }), { reason: values.reason })}
      said=${answer => `Profile ${answer.data.restored} is a person of its own again`} done=${() => setQuery({ again: Date.now() })} />`) }]} />`}<//>`;

function One({ user, query }) {
  const done = () => setQuery({ with: '', again: Date.now() });
  return html`<p class="crumbs"><a href="#/people">People</a> / <a href=${link('people', user)}><${Name} text=${user} /></a></p><h1>Identity graph</h1>
    <${Graph} user=${user} key=${'graph' + query.again} />
    <section class="part"><header><h2>Merge with another person</h2></header>
      <${Filters} filters=${[{ name: 'with', label: 'The other person: a user id, an anonymous id, kind:value or profile:42', type: 'search' }]} />
      ${query.with ? html`<${Effect} user=${user} other=${query.with} key=${query.with} done=${done} />` : html`<p class="none">Name the other person to see what a merge would do.</p>`}</section>
    <${Merges} user=${user} key=${'merges' + query.again} />`;
}

const Nobody = () => html`<h1>Identity graph</h1><p class="none">Open a person first: <a href="#/people">People</a>.</p>`;

export default ({ params, query }) => html`<${SeePeople} title="Identity graph">${params[0] ? html`<${One} user=${params[0]} query=${query} key=${params[0]} />` : html`<${Nobody} />`}<//>`;
