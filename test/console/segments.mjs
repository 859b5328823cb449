import { test } from './lib.mjs';

await test('Segments', async t => {
    await t.everyWay('#/segments', 'Segments');
    await t.everyWay('#/segments/Mobile%20App%20Power%20Users', 'Mobile App Power Users');

    const page = await t.open('#/segments');
    await t.ok(() => page.getByText('<img src=x onerror="window.hacked = 1">').isVisible(), 'a hostile name is shown as text');
    await t.ok(() => page.getByText('مستخدمو الهاتف 🦔').isVisible(), '... so is one that reads from right to left');
    await t.ok(async () => await page.getByRole('row', { name: /مستخدمو/ }).evaluate(row => row.getBoundingClientRect().height < 120), '... and an owner of 10,000 characters takes one row');
    await page.getByLabel('Name, owner or tag').fill('mobile');
    await page.waitForURL(/q=mobile/);
    await t.ready(page);
    await page.getByRole('row', { name: /All app users/ }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Mobile App Power Users/ }).waitFor();
    await t.is(() => page.locator('tbody tr').count(), 1, 'the filter is in the address, and holds');

    await page.goto(t.given.url + '#/segments/' + encodeURIComponent('<img src=x onerror="window.hacked = 1">'));
    await t.ready(page);
    await t.ok(() => page.getByRole('heading', { level: 1 }).getByText('<img').isVisible(), 'one segment with a hostile name');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing of it ran');
    t.is(page.trouble.join(), '', 'nor did the browser complain');

    await page.goto(t.given.url + '#/segments/' + encodeURIComponent('مستخدمو الهاتف 🦔'));
    await t.ready(page);
    await t.sound(page, 'a name from right to left, a description of 10,000 characters');

    const one = await t.open('#/segments/Mobile%20App%20Power%20Users');
    await t.ok(() => one.getByRole('img', { name: /^Size of Mobile/ }).count(), 'its size is a chart with a name');
    await one.getByText('Show the numbers').first().click();
    await one.locator('.numbers').getByRole('cell', { name: '1,160' }).first().waitFor();
    t.ok(true, '... with its numbers as a table');
    for (const [tab, pattern] of [['Values', /Share of the members/], ['Versions', /Version 1/], ['Definition', /app_version IN|app_version in/i]]) {
        await one.getByRole('tab', { name: tab }).click();
        await one.locator('[role=tabpanel]').getByText(pattern).first().waitFor();
        await t.sound(one, tab);
    }
    // 10,000 snapshots are drawn as what one sees of them, and none of their peaks is lost; the table comes in pages.
    const long = await t.open('#/segments/Mobile%20App%20Power%20Users?points=10000');
    await t.is(() => long.locator('.notice.failed').count(), 0, 'the last 10,000 snapshots are asked for, and come');
    await long.route(/\/history\?limit=10000/, async route => {
        const { asOf } = (await (await route.fetch()).json());
        const points = Array.from({ length: 10000 }, (_, n) => ({ id: String(n), at: new Date(Date.UTC(2025, 0, 1, n)).toISOString(), size: n === 7777 ? 9000 : 1000 + n % 97, entered: null, exited: null, conversion: null, status: 'ok', version: 1, expected: 1050, low: 900, high: 1200 }));
        await route.fulfill({ json: { asOf, points } });
    });
    await long.reload();
    await t.ready(long);
    const drawn = await long.locator('[aria-label^="Size of"] [stroke="var(--c1)"] path, path[stroke="var(--c1)"]').first().evaluate(path => path.getAttribute('d').split(/[ML]/).slice(1).map(pair => +pair.split(',')[1]));
    t.ok(drawn.length > 500 && drawn.length < 4000, `the line has as many points as one can see: ${drawn.length}`);
    t.ok(Math.min(...drawn) < 60 && drawn.filter(y => y < 100).length === 1, 'and the one peak');
    await long.getByText('Show the numbers').first().click();
    await long.getByText('200 of 10,000 rows').waitFor();
    await long.getByRole('button', { name: 'Show more rows' }).click();
    await long.getByText('400 of 10,000 rows').waitFor();
    await t.sound(long, 'a long table');
    const kept = await long.evaluate(async () => {
        const { thin } = await import('./chart.js');
        const points = Array.from({ length: 5000 }, (_, n) => ({ at: n, value: n % 10 === 3 ? null : Math.sin(n) })), peak = points[1234] = { at: 1234, value: 99 }, pit = points[4321] = { at: 4321, value: -99 };
        const few = thin(points, 200, one => one.at, [one => one.value]);
        return [few.length <= 800, few.includes(peak), few.includes(pit), few[0] === points[0], few[few.length - 1] === points[4999], few.every((one, n) => !n || one.at > few[n - 1].at), thin(points.slice(0, 300), 200, one => one.at, []).length].join(' ');
    });
    t.is(kept, 'true true true true true true 300', 'what is kept of many points');
    // A list of members is as long as it is: what differs is found without comparing each line with each other one.
    const found = await one.evaluate(async () => {
        const { differences } = await import('./pages/segments.js');
        const members = Array.from({ length: 20000 }, (_, n) => 'm' + n);
        const count = (before, after) => differences(before, after).filter(([sign]) => sign !== ' ').length;
        return [count(members, [...members.slice(0, 9000), 'new', ...members.slice(9001)]), count(members, [...members].reverse()) > 19000, count({ a: 1 }, { a: 1 })].join(' ');
    });
    t.is(found, '2 true 0', 'definitions with 20,000 members are compared');
    // Pinning one snapshot as what it is compared with.
    await one.goto(t.given.url + '#/segments/All%20app%20users');
    await t.ready(one);
    await one.getByRole('button', { name: 'Pin the baseline' }).click();
    await one.getByRole('dialog').getByRole('button', { name: 'Pin the baseline' }).click();
    await one.getByRole('button', { name: 'Compare with the history' }).waitFor();
    const pin = "SELECT s.pinned_snapshot = (SELECT p.id FROM pulse.snapshot AS p WHERE p.segment_id = s.id ORDER BY p.taken_at DESC LIMIT 1) FROM pulse.segment AS s WHERE s.name = 'All app users'";
    t.is(t.sql(pin), 't', 'the newest snapshot is pinned');
    await t.ok(() => one.getByText(/^snapshot \d+,/).isVisible(), '... and the page says so');
    await one.getByRole('button', { name: 'Compare with the history' }).click();
    await one.getByRole('dialog').getByRole('button', { name: 'Compare with the history' }).click();
    await one.getByRole('button', { name: 'Pin the baseline' }).waitFor();
    t.is(t.sql(pin), '', 'the pin is gone');
    const read = await t.open('#/segments/Mobile%20App%20Power%20Users', { key: t.given.reader });
    await t.ok(() => read.getByRole('button', { name: 'Pause' }).isDisabled(), 'a reader cannot pause it');
    const answer = await read.evaluate(() => fetch('api/api/segments/1', { method: 'PUT', body: '{"isActive": false}', headers: { 'x-pulse-console': '1' } }).then(a => a.status));
    t.is(answer, 403, '... and the server refuses it');
});
