import { test } from './lib.mjs';

await test('Delivery', async t => {
    for (const tab of ['channels', 'routes', 'messages', 'subscriptions']) await t.everyWay('#/delivery?tab=' + tab, 'Delivery');
    await t.everyWay('#/delivery/messages/7', 'Message 7');

    const page = await t.open('#/delivery');
    await t.ok(() => page.getByRole('link', { name: 'ops <b>' }).isVisible(), 'a hostile name is shown as text');
    await t.is(async () => t.sql(await t.asSql(page, 'Channels')).split('\n').length, () => page.locator('tbody tr').count(), 'as many channels as its SQL says');
    await page.getByRole('row', { name: /ops <b>/ }).getByRole('button', { name: 'Test' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Test' }).click();
    await page.getByRole('dialog').getByText('The answer:').waitFor();
    t.ok(true, 'a test that fails says what was answered');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await t.sound(page, 'a test that failed');

    await page.goto(t.given.url + '#/delivery?tab=routes');
    await page.getByRole('button', { name: 'Switch off' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
    await page.getByText('Switched off', { exact: true }).waitFor();
    t.is(t.sql('SELECT enabled FROM pulse.route'), 'f', 'a route is switched off');
    await page.getByRole('button', { name: 'Switch on' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
    await page.getByText('Switched on', { exact: true }).waitFor();
    t.is(t.sql('SELECT enabled FROM pulse.route'), 't', '... and on');

    await page.goto(t.given.url + '#/delivery?tab=messages');
    await t.ready(page);
    const rows = page.locator('tbody tr');
    await t.is(() => rows.count(), 50, 'a page of messages');
    await t.is(async () => t.sql(await t.asSql(page, 'Messages')).split('\n')[0].split('|')[0], () => rows.first().locator('td').first().textContent(), '... beginning as its SQL does');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 50);
    await t.is(async () => String(await rows.count()), t.sql('SELECT count(*) FROM pulse.message'), '... and the next one');
    await page.getByLabel('State').selectOption('dead');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await t.is(async () => t.sql(await t.asSql(page, 'Messages')).split('|')[1], 'dead', 'those that failed');
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
    await page.getByText('It is sent again', { exact: true }).waitFor();
    t.is(t.sql("SELECT count(*) FROM pulse.message WHERE status = 'dead'"), '0', 'a message is sent again');
    await page.goto(t.given.url + '#/delivery/messages/7');
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('not needed');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    t.is(t.sql('SELECT status FROM pulse.message WHERE id = 7'), 'cancelled', '... or cancelled');
    await t.ok(() => page.getByText('<img src=x onerror=window.hacked=7>').first().isVisible(), 'what is sent is shown as text');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const chief = await t.open('#/delivery?tab=subscriptions', { key: t.given.chief });
    await chief.getByRole('button', { name: 'New secret' }).click();
    await chief.getByRole('dialog').getByRole('button', { name: 'New secret' }).click();
    await chief.getByText('shown this once', { exact: false }).waitFor();
    const secret = await chief.locator('.notice .sql').textContent();
    t.ok(/^whsec_/.test(secret), 'the new secret is shown once');
    t.is(t.sql("SELECT rotated_at IS NOT NULL FROM pulse.subscription WHERE channel = 'n8n'"), 't', 'the secret is rotated');
    await t.sound(chief, 'a new secret');
    await chief.getByRole('button', { name: 'I have it' }).click();
    await t.ok(async () => !(await chief.content()).includes(secret), '... and then nowhere in the page');
    await chief.getByRole('button', { name: 'Switch off' }).click();
    await chief.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
    await chief.getByRole('button', { name: 'Switch on' }).waitFor();
    t.is(t.sql("SELECT disabled_at IS NOT NULL FROM pulse.channel_state WHERE channel = 'n8n'"), 't', 'a subscription is switched off');
    for (const tab of ['channels', 'subscriptions']) {
        const text = await chief.evaluate(tab => fetch('api/v1/' + tab).then(a => a.text()), tab);
        t.ok(!/secret-url|whsec_/.test(text), `no secret in /v1/${tab}`);
    }
    const reader = await t.open('#/delivery', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Test' }).first().isDisabled(), 'a reader cannot test');
    await t.is(() => reader.evaluate(() => fetch('api/v1/messages/7/retry', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses it');
});
