import { readFileSync } from 'node:fs';
import { test } from './lib.mjs';
import { psql, sqlOf, keyOf, confirm } from './people_lib.mjs';

const hostile = '<script>window.hacked = 6</script>';

await test('People', async t => {
    await t.everyWay('#/people', 'People');
    await t.everyWay('#/people/' + encodeURIComponent('user_id:' + hostile));

    const page = await t.open('#/people?q=shopper-1');
    const found = page.locator('tbody tr');
    const first = await found.count();
    await t.is(async () => psql(await sqlOf(page.locator('.part').first())).split('\n').length, first, 'its SQL finds as many');
    t.is(first, 50, 'a page of people');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(n => document.querySelectorAll('tbody tr').length > n, first);
    await t.is(() => found.count(), 100, 'the next page is added');
    await page.getByLabel('Part of an id or alias').fill('mallory');
    await page.getByText(hostile).first().waitFor();
    await t.is(() => found.count(), 1, 'an alias finds a person, and the hostile id is text');
    await page.getByRole('link', { name: hostile }).click();
    await page.getByRole('tab', { name: 'Time line' }).waitFor();
    await t.ready(page);

    const one = page.locator('[role=tabpanel]');
    await t.is(() => one.locator('tbody tr').count(), 50, 'a page of events');
    await t.is(async () => psql(await sqlOf(one)).split('\n').filter(line => /^2026/.test(line)).length, 50, '... as its SQL says');
    for (const rows of [100, 123]) {
        await page.getByRole('button', { name: 'Show more' }).click();
        await page.waitForFunction(n => document.querySelectorAll('[role=tabpanel] tbody tr').length === n, rows);
    }
    await t.ok(() => one.getByText('<img src=x onerror="window.hacked = 8">').isVisible(), 'all events, by key; a hostile name is text');
    await t.ok(() => one.getByText('شراء 🦔').isVisible(), '... so is one that reads from right to left');
    await page.getByText(/^2 ids and/).click();
    await page.getByText('long long').first().click();
    await t.sound(page, 'all attributes, 10,000 characters');
    await page.getByLabel('Name of the event').fill('purchase');
    await page.waitForFunction(() => document.querySelectorAll('[role=tabpanel] tbody tr').length === 50);
    for (const [tab, pattern] of [['Traits', 'spent'], ['Segments', 'Big spenders'], ['Flags', 'offer'], ['Consent', 'ads'], ['Merges', 'This person was never merged']]) {
        await page.getByRole('tab', { name: tab }).click();
        await one.getByText(pattern).first().waitFor();
        await t.ready(page);
        await t.sound(page, tab);
    }
    await page.getByRole('tab', { name: 'Traits' }).click();
    await one.getByText('spent >= 40').waitFor();
    await t.ok(async () => psql(await sqlOf(one)).includes('spent|120'), 'values of traits are those of its SQL');
    await t.ok(() => one.getByRole('cell', { name: '120', exact: true }).isVisible(), '... on the page, too');
    await page.getByRole('tab', { name: 'Segments' }).click();
    await one.getByRole('button', { name: /^Why: Big spenders/ }).click();
    await one.getByText('verdict').waitFor();
    await t.ok(() => one.getByText('member', { exact: true }).count(), 'why in the segment');
    await t.ok(() => one.getByText(/2026|no end/).count(), '... and until when');
    await page.getByRole('tab', { name: 'Flags' }).click();
    await one.getByRole('button', { name: 'Why: offer' }).click();
    await one.getByRole('cell', { name: /bucket/ }).first().waitFor();
    await t.sound(page, 'explained');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing hostile ran');

    // Consent, by keyboard alone.
    await page.getByRole('tab', { name: 'Consent' }).click();
    const record = one.getByRole('button', { name: 'Record consent' });
    await record.waitFor();
    await t.ok(() => t.tabTo(page, record), 'the button is reached by keyboard');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Purpose').waitFor();
    await t.ok(() => t.tabTo(page, dialog.getByRole('button', { name: 'Record consent' })), '... so is what confirms it');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Recorded', { exact: true }).first().waitFor();
    t.is(psql(`SELECT status, recorded_by FROM pulse_consent_history('mallory@x.example')`), 'granted|maria', 'consent is in the database, with the name of the key');
    await one.getByRole('row', { name: /granted.*console/ }).first().waitFor();

    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    t.ok(JSON.parse(readFileSync(await (await download).path(), 'utf8')).identities.some(id => id.value === 'mallory@x.example'), 'everything held on the person as a file');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    // Erasing needs the level admin.
    const boss = await t.open('#/people/shopper-299', { key: keyOf('boss in the console', 'admin', 'boss') });
    const sql = await confirm(boss, 'Erase', { Reason: 'ticket 1' });
    t.is(sql.trim(), `SELECT pulse_erase_profile('shopper-299', 'ticket 1');`, 'erasing shows its SQL');
    await boss.getByRole('heading', { level: 1, name: 'People' }).waitFor();
    t.is(psql(`SELECT count(*), max(reason) FROM pulse.erasure`), '1|ticket 1', 'the person is being erased');
    t.is(psql(`SELECT count(*) FROM pulse.identity WHERE value = 'shopper-299'`), '0', '... the id is gone');

    const reader = await t.open('#/people/shopper-1', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Erase' }).isDisabled(), 'a reader cannot erase');
    await t.is(() => reader.evaluate(() => fetch('api/v1/users/shopper-1?reason=x', { method: 'DELETE', headers: { 'x-pulse-console': '1' } }).then(a => a.status)), 403, '... and the server refuses it');
    const outsider = await t.open('#/people', { key: keyOf('outsider in the console', 'read', 'outsider') });
    await t.ok(() => outsider.getByText('Not permitted').isVisible(), 'who does not see people is told');
    await t.sound(outsider, 'not permitted');
    const nobody = await t.open('#/people/nobody');
    await t.ok(() => nobody.getByText('no person with the id "nobody"').first().isVisible(), 'an unknown id');
});
