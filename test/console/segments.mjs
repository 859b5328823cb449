import { test } from './lib.mjs';

await test('Segments', async t => {
    await t.everyWay('#/segments', 'Segments');
    await t.everyWay('#/segments/Mobile%20App%20Power%20Users', 'Mobile App Power Users');

    const page = await t.open('#/segments');
    t.ok(await page.getByText('<img src=x onerror="window.hacked = 1">').isVisible(), 'a hostile name is shown as text');
    t.ok(await page.getByText('مستخدمو الهاتف 🦔').isVisible(), '... so is one that reads from right to left');
    t.ok(await page.getByRole('row', { name: /مستخدمو/ }).evaluate(row => row.getBoundingClientRect().height < 120), '... and an owner of 10,000 characters takes one row');
    await page.getByLabel('Name, owner or tag').fill('mobile');
    await page.waitForURL(/q=mobile/);
    await t.ready(page);
    await page.getByRole('row', { name: /All app users/ }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Mobile App Power Users/ }).waitFor();
    t.is(await page.locator('tbody tr').count(), 1, 'the filter is in the address, and holds');

    await page.goto(t.given.url + '#/segments/' + encodeURIComponent('<img src=x onerror="window.hacked = 1">'));
    await t.ready(page);
    t.ok(await page.getByRole('heading', { level: 1 }).getByText('<img').isVisible(), 'one segment with a hostile name');
    t.is(await page.evaluate(() => window.hacked), undefined, 'nothing of it ran');
    t.is(page.trouble.join(), '', 'nor did the browser complain');

    await page.goto(t.given.url + '#/segments/' + encodeURIComponent('مستخدمو الهاتف 🦔'));
    await t.ready(page);
    await t.sound(page, 'a name from right to left, a description of 10,000 characters');

    const one = await t.open('#/segments/Mobile%20App%20Power%20Users');
    t.ok(await one.getByRole('img', { name: /^Size of Mobile/ }).count(), 'its size is a chart with a name');
    await one.getByText('Show the numbers').first().click();
    t.ok(await one.getByRole('cell', { name: '1,160' }).first().isVisible(), '... with its numbers as a table');
    for (const [tab, pattern] of [['Values', /Share of the members/], ['Versions', /Version 1/], ['Definition', /app_version IN|app_version in/i]]) {
        await one.getByRole('tab', { name: tab }).click();
        await one.locator('[role=tabpanel]').getByText(pattern).first().waitFor();
        await t.sound(one, tab);
    }
    // A list of members is as long as it is: what differs is found without comparing each line with each other one.
    const found = await one.evaluate(async () => {
        const { differences } = await import('./pages/segments.js');
        const members = Array.from({ length: 20000 }, (_, n) => 'm' + n);
        const count = (before, after) => differences(before, after).filter(([sign]) => sign !== ' ').length;
        return [count(members, [...members.slice(0, 9000), 'new', ...members.slice(9001)]), count(members, [...members].reverse()) > 19000, count({ a: 1 }, { a: 1 })].join(' ');
    });
    t.is(found, '2 true 0', 'definitions with 20,000 members are compared');
    const read = await t.open('#/segments/Mobile%20App%20Power%20Users', { key: t.given.reader });
    t.ok(await read.getByRole('button', { name: 'Pause' }).isDisabled(), 'a reader cannot pause it');
    const answer = await read.evaluate(() => fetch('api/api/segments/1', { method: 'PUT', body: '{"isActive": false}', headers: { 'x-pulse-console': '1' } }).then(a => a.status));
    t.is(answer, 403, '... and the server refuses it');
});
