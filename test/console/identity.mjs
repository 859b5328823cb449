import { test } from './lib.mjs';
import { psql, sqlOf, confirm } from './people_lib.mjs';

await test('Identity graph', async t => {
    await t.everyWay('#/identity/anna', 'Identity graph');
    const page = await t.open('#/identity/anna');
    await t.ok(() => page.getByRole('img', { name: /ids of anna/ }).isVisible(), 'the graph has a name');
    const graph = JSON.parse(psql(await sqlOf(page.locator('.part').first())));
    await t.is(() => page.locator('svg.graph circle').count(), graph.nodes.length, 'as many points as its SQL has ids');
    await t.is(() => page.locator('svg.graph line').count(), graph.edges.length, '... as many lines as links');
    await t.is(() => page.getByRole('table', { name: 'Links between ids' }).locator('tbody tr').count(), graph.edges.length, '... and the same as a table');
    const places = await page.locator('svg.graph circle').evaluateAll(list => list.map(one => [+one.getAttribute('cx'), +one.getAttribute('cy')]));
    t.ok(places.every(([x, y], i) => places.every(([u, v], j) => i === j || Math.hypot(x - u, y - v) > 30)), 'no two points lie on each other');

    await page.getByLabel(/^The other person/).fill('anne');
    await page.getByText(/It takes over the attributes/).waitFor();
    await t.ok(() => page.getByText('city', { exact: true }).isVisible(), 'what a merge would do is said first');
    await t.ok(() => page.getByText('"free"').isVisible(), '... and what would be lost');
    await t.sound(page, 'a merge before it happens');
    t.is((await confirm(page, 'Merge', { Reason: 'told us' })).trim(), `SELECT pulse_merge('anna', 'anne', 'told us');`, 'its SQL');
    await page.getByRole('table', { name: 'Merges' }).waitFor();
    t.is(psql(`SELECT reason, done_by, undone_at IS NULL FROM pulse.merge_history`), 'told us|maria|t', 'they are merged');
    await t.ok(() => page.locator('svg.graph').getByText('anne').count(), 'the graph has the ids of both');
    await t.sound(page, 'merged');
    await confirm(page, 'Undo', { Reason: 'her sister' });
    await page.getByRole('cell', { name: /her sister/ }).waitFor();
    t.is(psql(`SELECT undo_reason, undone_by FROM pulse.merge_history`), 'her sister|maria', 'the merge is undone');
    t.is(psql(`SELECT user_id FROM pulse.person WHERE attributes ->> 'city' = 'Bonn'`), 'anne', '... with all attributes');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const hostile = await t.open('#/identity/' + encodeURIComponent('mallory@x.example'));
    await t.ok(() => hostile.getByRole('cell', { name: '<script>window.hacked = 6</script>' }).first().isVisible(), 'a hostile id is text');
    await t.is(() => hostile.evaluate(() => window.hacked), undefined, '... and does not run');
    const reader = await t.open('#/identity/anna?with=anne', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Merge', exact: true }).isDisabled(), 'a reader cannot merge');
    await t.is(() => reader.evaluate(() => fetch('api/v1/users/anna/merges', { method: 'POST', body: '{"other": "anne", "reason": "x"}', headers: { 'x-pulse-console': '1' } }).then(a => a.status)), 403, '... and the server refuses it');
});
