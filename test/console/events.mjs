import { test } from './lib.mjs';

const sqlOf = (page, pattern) => page.locator('.part > footer .sql').allTextContents().then(all => all.find(text => pattern.test(text)));
const column = (page, table, place) => page.getByRole('table', { name: table }).locator(`tbody td:nth-child(${place})`).allTextContents();

await test('Events', async t => {
    for (const tab of ['', '?tab=live', '?tab=catalogue', '?tab=quality', '?tab=rejected']) await t.everyWay('#/events' + tab, 'Events');
    await t.everyWay('#/events/Purchase', 'Purchase');

    const page = await t.open('#/events?days=90');
    await t.ok(() => page.getByRole('img', { name: 'Accepted events of each of the last 90 days, by source' }).isVisible(), 'the volume is a chart with a name');
    await page.getByText('Show the numbers').click();
    await page.locator('.numbers tbody tr').first().waitFor();
    const volume = t.sql(await sqlOf(page, /events_by_source_hour/)).split('\n').map(line => line.split('|'));
    await t.is(async () => (await column(page, /Accepted events of/, 3)).reverse().join(), volume.map(line => line[2]).join(), '... with the numbers of its SQL');
    await t.is(async () => (await column(page, 'Sources of events', 2)).join(), t.sql('SELECT accepted FROM pulse.event_source ORDER BY source').split('\n').join(), 'what became of the events of each source');
    await page.getByLabel('Only events named').fill('Cart');
    await page.waitForURL(/event=Cart/);
    await t.ready(page);
    await t.is(async () => t.sql(await sqlOf(page, /events_by_source_hour/)).split('\n').length < volume.length, true, 'one event alone');

    await page.goto(t.given.url + '#/events?tab=live');
    await t.ready(page);
    await t.ok(() => page.getByText('<script>window.hacked = 6</script>').isVisible(), 'a hostile event is shown as text');
    const tail = t.sql(await sqlOf(page, /event_tail/)).split('\n').map(line => line.split('|'));
    await t.is(async () => (await column(page, 'The newest events', 3)).join(), tail.map(line => line[3]).join(), 'the newest events are those of its SQL, in the same order');
    t.is(tail.slice(0, 4).map(line => line[1]).join(), 'rejected,rejected,rejected,accepted', '... with their verdict');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 100);
    await t.is(async () => (await column(page, 'The newest events', 5)).join(), async () => t.sql((await sqlOf(page, /event_tail/)).replace('LIMIT 50', 'LIMIT 100')).split('\n').map(line => line.split('|')[5] || '–').join(), 'the next page goes on where the first ended');
    t.sql("SELECT pulse_track('buyer7', 'Fresh', '{}', source => 'app')");
    await page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await page.getByText('1 new event.').waitFor();
    await t.is(() => page.getByRole('cell', { name: 'Fresh' }).count(), 0, 'a new event is told, not shown under the hands');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByRole('cell', { name: 'Fresh' }).waitFor();
    await t.is(async () => (await column(page, 'The newest events', 3))[0], 'Fresh', '... and is the first when asked for');
    await page.getByRole('combobox', { name: 'Verdict' }).selectOption('rejected');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 3);

    await page.goto(t.given.url + '#/events?tab=catalogue');
    await t.ready(page);
    await t.is(async () => (await column(page, 'Names of events', 1)).join(), async () => t.sql(await sqlOf(page, /event_catalog/)).split('\n').map(line => line.split('|')[0]).join(), 'the catalogue is that of its SQL');
    await t.ok(() => t.tabTo(page, page.getByRole('link', { name: 'Purchase', exact: true })), 'an event is reached by keyboard');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Purchase', exact: true }).waitFor();
    await t.ready(page);
    await t.ok(() => page.getByText(/text \d+, number \d+/).isVisible(), 'a property of two types shows both');
    await page.goto(t.given.url + '#/events?tab=quality');
    await t.ready(page);
    await t.is(async () => (await column(page, 'Quality of events', 4)).join(), async () => t.sql(await sqlOf(page, /event_quality/)).split('\n').map(line => line.split('|')[3]).join(), 'the scores are those of its SQL');
    await t.ok(() => page.getByRole('row', { name: /`Purchase` from app fell 60.0 %/ }).getByText('All app users').isVisible(), 'an anomaly says who uses the event');

    await page.goto(t.given.url + '#/events?tab=rejected');
    await t.ready(page);
    await t.is(async () => (await column(page, 'Rejected events, the newest first', 4)).join(), async () => t.sql(await sqlOf(page, /rejected_event/)).split('\n').map(line => line.split('|')[4]).join(), 'rejected events say why, as their SQL does');
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await t.like(() => page.getByRole('dialog').locator('.sql').textContent(), /^SELECT \* FROM pulse_replay_rejected\('\{\d+\}'\);$/, 'the dialog shows its SQL');
    await page.getByRole('dialog').getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    t.is(t.sql('SELECT attempts FROM pulse.rejected_event ORDER BY id DESC LIMIT 1'), '2', 'it was tried again');
    await page.getByRole('button', { name: 'Try them again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Try them again' }).click();
    await page.getByText('0 accepted, 0 duplicates, 3 rejected again').waitFor();
    t.is(t.sql('SELECT sum(attempts) FROM pulse.rejected_event'), '7', 'all were tried again');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing hostile ran');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const reader = await t.open('#/events?tab=rejected', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Try them again' }).isDisabled(), 'a reader cannot try them again');
    await t.is(() => reader.evaluate(() => fetch('api/v1/events/rejected/replay', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses it');
    const key = t.sql("SELECT pulse_create_api_key('figures of events', 'read', 'figures')");
    for (const tab of ['live', 'rejected']) {
        const part = await t.open('#/events?tab=' + tab, { key });
        await t.ok(() => part.getByText('Not permitted').isVisible(), `who sees no people is told so: ${tab}`);
    }
    const figures = await t.open('#/events/Purchase', { key });
    await t.ok(() => figures.getByText('for those who see people').first().isVisible(), '... sees types without examples');
});
