import { test } from './lib.mjs';

const sqlOf = (page, pattern) => page.locator('.part > footer .sql').allTextContents().then(all => all.find(text => pattern.test(text)));
const rowsOf = text => text.split('\n').map(line => line.split('|'));
const column = (page, table, place) => page.getByRole('table', { name: table }).locator(`tbody td:nth-child(${place})`).allTextContents();

await test('Insight', async t => {
    for (const tab of ['', '?tab=lifecycle', '?tab=funnels&funnel=Checkout&by=properties.platform&step=2', '?tab=retention']) await t.everyWay('#/insight' + tab, 'Insight');

    const page = await t.open('#/insight');
    const grid = page.getByRole('table', { name: 'People by recency and frequency' });
    for (const [recency, frequency, people] of rowsOf(t.sql(await sqlOf(page, /recency/))))
        await t.is(() => grid.locator('tbody tr').nth(5 - recency).locator('td').nth(frequency - 1).locator('strong').textContent(), people, `recency ${recency}, frequency ${frequency}: as its SQL says`);
    await t.is(async () => (await column(page, 'Groups of RFM', 2)).join(), async () => rowsOf(t.sql(await sqlOf(page, /'group'/))).map(row => row[1]).join(), 'the groups, too');

    await page.getByRole('tab', { name: 'RFM' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('Moves in the last 30 days').waitFor();
    const flows = page.getByRole('table', { name: 'Moves between stages' }), stages = ['anonymous', 'known', 'customer', 'churned'];
    const moves = rowsOf(t.sql((await sqlOf(page, /pulse_lifecycle/)).replace(/;$/, '') + ' WHERE changes > 0 AND to_stage IS NOT NULL;'));
    t.ok(moves.length > 1, 'people moved');
    for (const [from, to, , changes] of moves) await t.is(() => flows.getByRole('row').filter({ has: page.getByRole('rowheader', { name: from || 'new', exact: true }) }).locator('td').nth(stages.indexOf(to)).locator('strong').textContent(), changes, `from ${from || 'new'} to ${to}: as its SQL says`);

    await page.goto(t.given.url + '#/insight?tab=funnels&funnel=Checkout');
    await t.ready(page);
    const steps = rowsOf(t.sql(await sqlOf(page, /pulse_funnel\(/)));
    await t.is(async () => (await column(page, 'Steps of the funnel', 2)).join(), steps.map(row => row[3]).join(), 'the steps of a funnel are those of its SQL');
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: /went no further than step 2/ })), 'who dropped off is reached by keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Who went no further than step 2' }).waitFor();
    await t.ready(page);
    await t.is(async () => (await column(page, 'People who went no further', 1)).join(), async () => rowsOf(t.sql(await sqlOf(page, /funnel_people/))).map(row => row[0]).join(), '... and they are those of its SQL');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByLabel('Divided by').fill('properties.platform');
    await page.waitForURL(/by=properties/);
    await page.getByRole('columnheader', { name: 'Value' }).waitFor();
    await t.is(async () => (await column(page, 'Steps of the funnel', 3)).join(), async () => rowsOf(t.sql(await sqlOf(page, /pulse_funnel\(/))).map(row => row[3]).join(), 'divided by a property, too');
    await page.goto(t.given.url + '#/insight?tab=funnels&funnel=Checkout&by=moon');
    await t.ready(page);
    await t.ok(() => page.getByText('Not loaded').isVisible(), 'a wrong division is an error of its part');

    await page.goto(t.given.url + '#/insight?tab=funnels');
    await page.getByRole('button', { name: 'New funnel' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('<svg onload=window.hacked=12>');
    await page.getByRole('dialog').getByLabel('Steps', { exact: true }).fill('View\nCart\n');
    const statement = await page.getByRole('dialog').locator('.sql').textContent();
    await page.getByRole('dialog').getByRole('button', { name: 'New funnel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const saved = () => t.sql("SELECT definition FROM pulse.funnel WHERE name LIKE '<svg%'");
    const made = saved();
    t.like(made, /"steps": \["View", "Cart"\]/, 'a funnel is saved');
    t.sql("SELECT pulse_delete_funnel(name) FROM pulse.funnel WHERE name LIKE '<svg%'");
    t.sql(statement);
    t.is(saved(), made, '... as the SQL of the dialog does');
    await page.goto(t.given.url + '#/insight?tab=funnels&funnel=' + encodeURIComponent('<svg onload=window.hacked=12>'));
    await t.ready(page);
    await t.ok(() => page.getByRole('heading', { name: '<svg onload=window.hacked=12>' }).isVisible(), 'a hostile name is shown as text');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    t.is(saved(), '', 'a funnel is deleted');

    await page.goto(t.given.url + '#/insight?tab=retention&first=View&again=Purchase');
    await t.ready(page);
    const cells = rowsOf(t.sql(await sqlOf(page, /pulse_retention/)));
    const shares = await page.getByRole('table', { name: 'Share of each cohort' }).locator('tbody td:not(.void)').allTextContents();
    t.is(shares.filter(text => /%/.test(text)).join(), cells.map(row => Math.round(100 * (row[3] / row[1])) + ' %' + (row[5] === 't' ? '' : ' so far')).join(), 'the shares are those of its SQL');
    await t.is(() => page.locator('td.incomplete').count(), cells.filter(row => row[5] === 'f').length, 'periods that are not over are marked');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing hostile ran');
    t.is(page.trouble.filter(line => !/400|422/.test(line)).join(), '', 'the browser has nothing to complain about');

    const key = t.sql("SELECT pulse_create_api_key('figures of insight', 'read', 'figures')");
    const figures = await t.open('#/insight?tab=funnels&funnel=Checkout&step=2', { key });
    await t.ok(() => figures.getByText('Not permitted').isVisible(), 'who sees no people does not see who dropped off');
    await t.ok(() => figures.getByRole('table', { name: 'Steps of the funnel' }).isVisible(), '... but the steps');
    const reader = await t.open('#/insight?tab=funnels', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'New funnel' }).isDisabled(), 'a reader cannot save one');
    await t.is(() => reader.evaluate(() => fetch('api/v1/rfm', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses what changes');
    const empty = await t.open('#/insight?tab=lifecycle', { empty: true });
    await t.ok(() => empty.getByText('Lifecycle stages are off.').isVisible(), 'what is off says so');
});
