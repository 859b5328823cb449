import { test } from './lib.mjs';

const press = async (page, label) => {
    await page.getByRole('button', { name: label }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: label }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
};

const sqlOf = page => page.locator('.part > footer .sql').first().textContent();

await test('Tables and sources', async t => {
    const id = t.sql("SELECT id FROM pulse.monitor WHERE relation = 'public.shop_order'");
    await t.everyWay('#/tables', 'Tables and sources');
    await t.everyWay('#/tables?tab=sources', 'Tables and sources');
    await t.everyWay('#/tables/' + id, 'Table ' + id);
    await t.everyWay('#/tables/source/crm_replica', 'crm_replica');

    const page = await t.open('#/tables');
    await t.ok(() => page.getByText('public."<svg onload=window.hacked=4> طلبات 🦔"').isVisible(), 'a hostile name is shown as text');
    const lines = t.sql(await sqlOf(page)).split('\n');
    await t.is(lines.length, () => page.locator('tbody tr').count(), 'as many tables as its SQL says');
    await t.is(lines.map(line => line.split('|')[2]).join(), async () => (await page.locator('tbody td:nth-child(2)').allTextContents()).join(), '... in the same states');
    await page.getByRole('combobox', { name: 'State' }).selectOption('red');
    await page.getByRole('row', { name: /shop_customer/ }).waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /shop_order/ }).waitFor();
    await t.ok(async () => /state=red/.test(page.url()) && await page.getByRole('row', { name: /shop_order/ }).count() === 1, 'the filter is in the address, and holds');

    await page.goto(t.given.url + '#/tables/' + id);
    await t.ready(page);
    await t.ok(() => page.getByText('public.shop_order.status is null in 288 rows (20 %); allowed: 1 %').first().isVisible(), 'one table says what is wrong');
    await t.ok(() => page.getByRole('img', { name: /null rate of status/ }).isVisible(), 'its bad check is a chart');
    const checks = t.sql((await page.locator('.part > footer .sql').allTextContents()).find(text => /check_overview/.test(text))).split('\n').map(line => line.split('|'));
    await t.is(checks.map(line => line[2]).join(), async () => (await page.getByRole('table', { name: 'Checks of the table' }).locator('tbody td:nth-child(2)').allTextContents()).join(), 'the states of its checks are those of its SQL');
    await page.getByText('Show the numbers').click();
    await page.locator('.numbers tbody tr').first().waitFor();
    const results = t.sql((await page.locator('.part > footer .sql').allTextContents()).find(text => /check_result/.test(text))).split('\n');
    await t.is(() => page.getByRole('table', { name: /Results of the check/ }).locator('tbody tr').count(), results.length, '... and so are the results');
    await t.ok(() => page.getByRole('row', { name: 'status text possible null rate' }).count(), 'columns say what they are checked for');
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: 'volume', exact: true })), 'another check is reached by keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Over time: volume' }).waitFor();
    t.ok(/check=/.test(page.url()), '... and is in the address');

    await press(page, 'Mute');
    await page.getByText(/^Muted until/).first().waitFor();
    t.is(t.sql("SELECT until - since FROM pulse.mute WHERE name = 'public.shop_order' ORDER BY id DESC LIMIT 1"), '02:00:00', 'it is muted');
    await press(page, 'End maintenance');
    await page.getByRole('button', { name: 'Mute', exact: true }).waitFor();
    t.is(t.sql("SELECT count(*) FROM pulse.table_overview WHERE muted_until IS NOT NULL"), '0', '... and the maintenance has ended');
    t.sql("UPDATE pulse.monitor_check SET next_check_at = '2027-01-01'");
    await press(page, 'Check now');
    t.is(t.sql(`SELECT bool_and(next_check_at < '2027-01-01') FROM pulse.monitor_check WHERE monitor_id = ${id}`), 't', 'its checks are due now');

    t.sql('GRANT SELECT ON app_user TO manager');
    await page.goto(t.given.url + '#/tables');
    await page.getByRole('button', { name: 'Monitor a table' }).click();
    await page.getByLabel('Table', { exact: true }).fill('app_user');
    await t.like(() => page.getByRole('dialog').locator('.sql').textContent(), /^SELECT pulse_monitor_table\('app_user', every => '5 minutes'\);$/, 'the dialog shows its SQL');
    await page.getByRole('dialog').getByRole('button', { name: 'Monitor a table' }).click();
    await page.getByRole('link', { name: 'public.app_user' }).click();
    await t.ready(page);
    t.ok(+t.sql("SELECT checks FROM pulse.table_overview WHERE \"table\" = 'public.app_user'") > 0, 'a table is monitored, with checks that were proposed');
    await press(page, 'Stop monitoring');
    await page.waitForURL(/#\/tables$/);
    t.is(t.sql("SELECT count(*) FROM pulse.table_overview WHERE \"table\" = 'public.app_user'"), '0', '... and is not any more');

    await page.goto(t.given.url + '#/tables?tab=sources');
    await t.ready(page);
    await t.ok(() => page.getByRole('row', { name: /crm_replica/ }).getByText(/replay lag 1 min 35 s exceeds/).isVisible(), 'a source says what refused the last visit');
    await page.goto(t.given.url + '#/tables/source/crm_replica');
    await t.ready(page);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 100);
    await page.getByRole('combobox', { name: 'Visits' }).selectOption('troubled');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 13);
    await t.is(async () => t.sql(await sqlOf(page)).split('\n').length, 13, 'the refused visits are those of its SQL');
    t.sql("GRANT USAGE ON FOREIGN SERVER crm_replica TO manager; CREATE USER MAPPING FOR manager SERVER crm_replica OPTIONS (user 'reader', password 'p')");
    await press(page, 'Test');
    await page.getByRole('heading', { name: 'Test' }).waitFor();
    t.ok(+t.sql("SELECT count(*) FROM pulse.source_usage WHERE purpose = 'test'") > 0, 'a test is a visit');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing hostile ran');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const reader = await t.open('#/tables/' + id, { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Mute' }).isDisabled(), 'a reader cannot mute it');
    await t.is(() => reader.evaluate(one => fetch(`api/v1/tables/${one}/mute`, { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status), id), 403, '... and the server refuses it');
    const figures = await t.open('#/tables/source/crm_replica', { key: t.sql("SELECT pulse_create_api_key('figures of tables', 'read', 'figures')") });
    await t.ok(() => figures.getByText('Not permitted').isVisible(), 'who sees no people does not see what refused a visit');
});
