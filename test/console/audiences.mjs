import { test } from './lib.mjs';

await test('Audiences', async t => {
    await t.everyWay('#/audiences', 'Audiences');
    await t.everyWay('#/audiences/Gold%20buyers', 'Gold buyers');
    const hostile = await t.open('#/audiences/' + encodeURIComponent('<img src=x onerror="window.hacked = 4">'));
    await t.ok(() => hostile.getByRole('heading', { level: 1 }).getByText('<img').isVisible(), 'a hostile name is shown as text');
    await t.is(() => hostile.evaluate(() => window.hacked), undefined, '... and does nothing');

    const page = await t.open('#/audiences');
    await t.is(() => page.getByRole('row', { name: /Gold buyers/ }).locator('td').nth(4).textContent(), t.sql("SELECT sent FROM pulse.audience_overview WHERE name = 'Gold buyers'"), 'people sent, as the database says');
    await t.is(async () => t.sql(await t.asSql(page)).split('\n').length, () => page.locator('.part').first().locator('tbody tr').count(), 'its SQL gives as many rows');
    await t.ok(() => page.getByRole('row', { name: /^crm file/ }).isVisible(), 'the destination with its platform');
    await page.getByRole('button', { name: 'New audience' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill("buyers' list");
    await dialog.getByLabel('Segment over people').fill('gold people');
    await dialog.getByLabel('Destination').fill('crm');
    await dialog.getByLabel('How often').selectOption('manual');
    await dialog.getByLabel('Ids that are sent').fill('email');
    await t.ok(async () => (await dialog.locator('.sql').textContent()).startsWith("SELECT pulse_create_audience('buyers'' list', 'gold people', 'crm', '{"), 'the dialog shows its SQL');
    await t.sound(page, 'a new audience');
    await dialog.getByRole('button', { name: 'New audience' }).click();
    await page.getByRole('heading', { level: 1, name: "buyers' list" }).waitFor();
    t.is(t.sql("SELECT segment || ' ' || destination FROM pulse.audience_overview WHERE name = 'buyers'' list'"), 'gold people crm', 'it is created');

    await page.getByRole('button', { name: 'Show whom it would send' }).click();
    await page.getByText('The first request', { exact: false }).waitFor();
    await t.is(() => page.locator('.part', { has: page.getByRole('heading', { name: 'Preview' }) }).getByRole('row', { name: /would be added/ }).locator('td.number').textContent(), '8', 'the preview: who would be sent');
    await t.is(() => page.locator('.part', { has: page.getByRole('heading', { name: 'Preview' }) }).getByRole('row', { name: /no consent/ }).locator('td.number').textContent(), '2', '... and who is left out');
    await t.is(async () => t.sql(`SELECT people FROM (${(await t.asSql(page, 'Preview')).replace(/;$/, '')}) AS p WHERE item = 'no_consent'`), '2', '... as its SQL says');
    await t.sound(page, 'preview');
    await page.getByRole('button', { name: 'Sync now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sync now' }).click();
    await page.getByText('Queued', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Cancel the sync' }).waitFor();
    const run = "FROM pulse.sync_run WHERE audience = 'buyers'' list' ORDER BY id DESC LIMIT 1";
    t.is(t.sql(`SELECT status ${run}`), 'pending', 'a sync is queued');
    await page.getByRole('button', { name: 'Cancel the sync' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the sync' }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    t.is(t.sql(`SELECT status ${run}`), 'cancelled', '... and cancelled');
    // By keyboard alone.
    await page.keyboard.press('Escape');
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: 'Pause' })), 'Pause is reached by keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await t.ok(() => t.tabTo(page, page.getByRole('dialog').getByLabel('Reason')), '... its reason, too');
    await page.keyboard.type('holidays');
    await page.keyboard.press('Enter');
    await page.getByText('Paused', { exact: true }).waitFor();
    t.is(t.sql("SELECT status || ' ' || status_reason FROM pulse.audience_overview WHERE name = 'buyers'' list'"), 'paused holidays', 'it is paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Resumed', { exact: true }).waitFor();
    t.is(t.sql("SELECT status FROM pulse.audience_overview WHERE name = 'buyers'' list'"), 'active', '... and resumed');
    await page.goto(t.given.url + '#/audiences');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Test' }).click();
    await page.getByText('The platform answers').waitFor();
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const reader = await t.open('#/audiences/Gold%20buyers', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Sync now' }).isDisabled(), 'a reader cannot synchronise');
    await t.is(() => reader.evaluate(() => fetch('api/v1/audiences/Gold%20buyers/pause', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses it');
});
