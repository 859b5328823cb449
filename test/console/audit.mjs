import { test } from './lib.mjs';

await test('Audit', async t => {
    const key = t.given.chief;
    await t.everyWay('#/audit', 'Audit', { key });
    const page = await t.open('#/audit?action=api_key.created', { key });
    await t.is(async () => t.sql(await t.asSql(page, 'Who did what')).split('\n').length, () => page.locator('tbody tr').count(), 'as many rows as its SQL says');
    await t.ok(() => page.getByRole('row', { name: /an <i>old<\/i> key/ }).isVisible(), 'a hostile subject is shown as text');
    await page.getByLabel('Subject').fill('the chief');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    t.ok(true, 'filters hold together');
    await page.locator('td details summary').click();
    await t.ok(() => page.locator('td details .sql').isVisible(), 'a row has details');
    await t.sound(page, 'details');
    await page.goto(t.given.url + '#/audit');
    await t.ready(page);
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: 'Verify the chain' })), 'verifying is reached by keyboard');
    await page.keyboard.press('Enter');
    await page.getByText('Every row is as it was written.').waitFor();
    await t.is(async () => t.sql(`SELECT intact FROM (${(await t.asSql(page, 'Is it as it was written?')).replace(/;$/, '')}) AS v`), 't', 'it is intact, as its SQL says');
    await t.sound(page, 'verified');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
    const operator = await t.open('#/audit');
    await t.ok(() => operator.getByText('Not permitted').isVisible(), 'a key of a lower level is told so');
});
