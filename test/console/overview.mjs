import { test } from './lib.mjs';

await test('Overview', async t => {
    await t.everyWay('#/', 'Overview');
    const page = await t.open('#/');
    await t.ok(() => page.getByRole('link', { name: /size fell 41.5 %/ }).isVisible(), 'the erosion is seen');
    await t.is(() => page.getByRole('row', { name: /Mobile App Power Users/ }).getByRole('img').count(), 1, 'a segment has a sparkline');
    await t.ok(async () => await page.locator('.part > footer time').count() >= 4, 'each part says as of when it is');
    await page.getByText('As SQL').first().click();
    await t.ok(() => page.getByText('SELECT * FROM pulse.mission;').isVisible(), 'and its SQL');
});
