import { test } from './lib.mjs';
import { psql, sqlOf, keyOf, confirm } from './people_lib.mjs';

await test('Consent', async t => {
    await t.everyWay('#/consent', 'Consent');
    const page = await t.open('#/consent');
    const [coverage, records] = [page.locator('.part').nth(0), page.locator('.part').nth(2)];
    await t.ok(() => page.getByRole('img', { name: 'Share of people who gave consent, by purpose' }).isVisible(), 'coverage is a chart with a name');
    const shown = await coverage.locator('tbody tr').evaluateAll(list => list.map(row => [...row.cells].slice(0, 2).map(cell => cell.textContent.replace(',', '')).join('|')));
    await t.is(shown.join('\n'), async () => psql(`SELECT purpose, granted FROM (${(await sqlOf(coverage)).replace(';', '')}) AS c`), '... and a table, as its SQL says');
    await t.is(() => records.locator('tbody tr').count(), async () => psql(await sqlOf(records)).split('\n').length, 'what was said last');
    await records.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.part:last-of-type tbody tr').length > 50);
    await t.is(() => records.locator('tbody tr').count(), 100, '... page by page');
    const sql = await confirm(page, 'Record consent', { Person: 'anne', Purpose: 'sms', 'What they said': 'false', 'Where they said it': `'; <b>desk</b> 🦔` });
    t.is(sql.trim(), `SELECT pulse_set_consent('anne', 'sms', false, '{"source":"''; <b>desk</b> 🦔"}');`, 'its SQL');
    t.is(psql(`SELECT purpose, status, source FROM pulse_consent_history('anne')`), `sms|denied|'; <b>desk</b> 🦔`, 'it is in the database');

    const boss = await t.open('#/consent', { key: keyOf('boss of consent', 'admin', 'boss') });
    await confirm(boss, 'Set a purpose', { Name: 'newsletter', Categories: 'C0004, news' });
    await boss.getByRole('cell', { name: 'C0004, news' }).waitFor();
    t.is(psql(`SELECT categories FROM pulse.consent_purpose WHERE purpose = 'newsletter'`), '{C0004,news}', 'a purpose is made');
    const reader = await t.open('#/consent', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Record consent' }).isDisabled(), 'a reader cannot record consent');
    await t.is(() => reader.evaluate(() => fetch('api/v1/users/anne/consent', { method: 'POST', body: '{"purpose": "ads", "granted": true}', headers: { 'x-pulse-console': '1' } }).then(a => a.status)), 403, '... and the server refuses it');
    const outsider = await t.open('#/consent', { key: keyOf('outsider of consent', 'read', 'outsider') });
    await t.ok(() => outsider.getByText('Not permitted').isVisible(), 'who does not see people is told');
    await t.ok(() => outsider.getByRole('heading', { name: 'Coverage' }).isVisible(), '... and sees the coverage');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});
