// The console below a path prefix, behind nginx, which ends TLS in some places and not here. Run by test/t/121_console_session.pl.
import { test } from '../lib.mjs';

await test('Prefix', async t => {
    const page = await t.open('#/', { key: null });
    await page.getByLabel('API key').fill(t.given.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await t.ready(page);
    t.is(await page.locator('.notice').count(), 0, 'everything loads');
    const [cookie] = await page.context().cookies();
    t.is(cookie.path, '/pulse/console', 'the cookie is that of the prefix');
    await page.goto(t.given.url + '#/segments');
    await t.ready(page);
    t.ok(await page.getByText('There is no segment yet.').isVisible(), 'another page');
    await page.goto(t.given.url.replace(/\/$/, ''));
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    t.is(page.url(), t.given.url, 'the way to it keeps the prefix');
    // What happens is told through the proxy, at once.
    const look = await t.open('#/segments');
    await look.waitForTimeout(1500);
    const made = await look.evaluate(() => fetch('api/api/segments', { method: 'POST', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'new here', definition: { query: 'SELECT 1 AS id', key: 'id' } }) }).then(answer => answer.status));
    t.is(made, 201, 'a request that changes something is taken');
    await look.getByText('1 segment changed.').waitFor();
    t.is([...page.trouble, ...look.trouble].join(), '', 'the browser has nothing to complain about');
});
