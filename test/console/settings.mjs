import { test } from './lib.mjs';

await test('Settings', async t => {
    await t.everyWay('#/settings', 'Settings');
    const page = await t.open('#/settings');
    const row = page.getByRole('row', { name: /pulse\.sketch_size/ });
    await t.ok(() => row.getByText('128', { exact: true }).isVisible(), 'what differs from the default');
    await t.ok(() => row.getByText('ALTER ROLE').first().isVisible(), '... and who set it');
    await row.getByText('As SQL').click();
    const [set] = (await row.locator('.sql').textContent()).split('\n');
    t.sql(set);
    t.like(t.sql("SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = 'shop')"), /sketch_size/, 'the SQL to change it runs');
    t.sql('ALTER DATABASE shop RESET pulse.sketch_size');
    const defaults = await page.locator('tbody tr').count();
    await page.getByLabel('Settings').selectOption('all');
    await page.getByRole('row', { name: /pulse\.max_exports/ }).waitFor();
    await t.is(async () => String(await page.locator('tbody tr').count()), async () => t.sql((await t.asSql(page))).split('\n').filter(line => line.startsWith('pulse.')).length.toString(), 'all of them, as its SQL says');
    t.ok(defaults < 20, 'few differ');
    await t.sound(page, 'all settings');
    await page.getByLabel('Name or description').fill('number of exported');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    t.ok(true, 'they are found by what they are');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});
