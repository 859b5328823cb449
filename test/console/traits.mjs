import { test } from './lib.mjs';
import { psql, sqlOf, confirm } from './people_lib.mjs';

await test('Traits', async t => {
    await t.everyWay('#/traits', 'Traits');
    await t.everyWay('#/traits/spent', 'spent');
    const list = await t.open('#/traits');
    await t.is(() => list.locator('tbody tr').count(), async () => psql(await sqlOf(list.locator('.part').first())).split('\n').length, 'the list is that of its SQL');
    await t.ok(() => list.getByText('<img src=x onerror="window.hacked = 1">').first().isVisible(), 'a hostile description is text');

    const page = await t.open('#/traits?new=1');
    page.refusals = true;    // what is not valid yet is answered 400
    const text = page.getByLabel('Expression');
    await text.fill('events.purchase.count(30d) + nothing');
    await page.locator('.notice.failed strong').waitFor();
    await t.like(() => page.locator('.notice.failed strong').textContent(), /position 30/, 'what is wrong is said with its position');
    await page.getByRole('button', { name: 'Go there' }).click();
    await t.is(() => text.evaluate(box => box.selectionStart), 29, '... and the cursor goes there');
    await t.ok(() => page.getByRole('button', { name: 'Create' }).isDisabled(), 'it cannot be created');
    await t.sound(page, 'an error');
    await text.fill('events.purchase.count(90d)');
    await page.getByText('The expression is valid: number.').waitFor();
    await page.getByLabel('Person').fill('shopper-2');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByRole('table', { name: 'Explanation' }).waitFor();
    await t.is(() => page.getByRole('table', { name: 'Explanation' }).locator('tbody tr').first().locator('td').nth(1).textContent(), async () => psql(await sqlOfTest(page)).split('\n')[0].split('|')[2], 'its value for a person, as its SQL says');
    await page.getByLabel('Name', { exact: true }).fill('purchases');
    await page.getByLabel('Description').fill('Purchases <b>of</b> 90 days 🦔');
    await t.ok(async () => (await page.locator('form .as-sql pre').last().textContent()).includes("SELECT pulse_create_trait('purchases', 'events.purchase.count(90d)', 'Purchases <b>of</b> 90 days 🦔');"), 'it shows its SQL');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name: 'purchases' }).waitFor();
    t.is(psql(`SELECT expression, type FROM pulse.trait WHERE key = 'purchases'`), 'events.purchase.count(90d)|number', 'the trait is there');
    await t.ready(page);
    await page.getByText('Show the numbers').click();
    await page.locator('.numbers tbody tr').first().waitFor();
    const numbers = page.locator('.numbers tbody tr');
    await t.is(async () => (await numbers.locator('td:nth-child(2)').allTextContents()).reduce((sum, one) => sum + +one, 0), 200, 'values of 200 people');
    await page.getByRole('link', { name: 'Edit' }).click();
    await text.fill('events.purchase.count(60d)');
    await page.getByText('The expression is valid: number.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('table', { name: 'Versions' }).waitFor();
    t.is(psql(`SELECT version, expression FROM pulse.trait WHERE key = 'purchases'`), '2|events.purchase.count(60d)', 'it was changed');
    await confirm(page, 'Delete');
    await page.getByRole('heading', { level: 1, name: 'Traits' }).waitFor();
    t.is(psql(`SELECT count(*) FROM pulse.trait WHERE key = 'purchases'`), '0', 'it was deleted');

    const used = await t.open('#/traits/big_spender');
    used.refusals = true;
    await used.getByRole('button', { name: 'Delete' }).click();
    await t.ok(() => used.getByRole('dialog').getByText(/while something uses the trait: segment Big spenders/).isVisible(), 'deleting names what uses it');
    await used.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await used.getByRole('dialog').locator('.notice.failed').waitFor();
    t.is(psql(`SELECT count(*) FROM pulse.trait WHERE key = 'big_spender'`), '1', '... and it stays');
    const reader = await t.open('#/traits/spent', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Delete' }).isDisabled(), 'a reader cannot delete');
    await t.is(() => reader.evaluate(() => fetch('api/v1/admin/traits/spent', { method: 'DELETE', headers: { 'x-pulse-console': '1' } }).then(a => a.status)), 403, '... and the server refuses it');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});

function sqlOfTest(page) { return page.locator('.part', { hasText: 'For one person' }).last().locator('.as-sql pre').last().textContent(); }
