import { test } from './lib.mjs';

const sqlOf = (page, pattern) => page.locator('.part > footer .sql').allTextContents().then(all => all.find(text => pattern.test(text)));
const column = (page, table, place) => page.getByRole('table', { name: table }).locator(`tbody td:nth-child(${place})`).allTextContents();
const press = async (page, label) => {
    await page.getByRole('button', { name: label, exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: label, exact: true }).click();
};
const done = page => page.getByRole('dialog').waitFor({ state: 'detached' });
const one = name => '#/campaigns/' + encodeURIComponent(name);
const hostile = 'power <script>window.hacked = 10</script>';

await test('Campaigns', async t => {
    await t.everyWay('#/campaigns', 'Campaigns');
    await t.everyWay(one('autumn sale'), 'autumn sale');
    const page = await t.open('#/campaigns');
    await t.ok(() => page.getByRole('link', { name: hostile }).isVisible(), 'a hostile name is shown as text');
    await t.is(async () => (await column(page, /^Campaigns/, 1)).join(), async () => t.sql(await sqlOf(page, /campaign_overview/)).split('\n').map(line => line.split('|')[0]).join(), 'the campaigns are those of its SQL, in the same order');

    await page.goto(t.given.url + one(hostile));
    await t.ready(page);
    await press(page, 'Can I send now?');
    await done(page);
    await page.getByText(/^The answer is (no|hold)/).waitFor();
    await page.getByRole('heading', { name: 'Why' }).waitFor();
    const shown = t.sql(`SELECT unnest(reasons || advice) FROM pulse.campaign_overview WHERE name = '${hostile}'`).split('\n');
    await t.is(async () => (await page.locator('ul.sentences li').allTextContents()).join('\n'), shown.join('\n'), 'it says why not, and what to do');
    t.ok(shown.some(line => /^Incident/.test(line)), '... because of an incident');
    page.refusals = true;
    await press(page, 'Launch');
    await page.getByText('It was not launched: the answer is not yes.').waitFor();
    t.is(t.sql(`SELECT status FROM pulse.campaign WHERE name = '${hostile}'`), 'warned', 'what holds is not launched');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel', exact: true }).click();
    await t.ready(page);
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    await t.is(async () => (await column(page, /^Checks/, 2)).length, async () => t.sql(await sqlOf(page, /campaign_check/)).split('\n').length, 'both checks are in its history');
    await t.sound(page, 'a campaign that holds');

    await page.goto(t.given.url + one('autumn sale'));
    await t.ready(page);
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: 'Launch' })), 'launching is reached by keyboard');
    await page.keyboard.press('Enter');
    await t.is(() => page.getByRole('dialog').locator('.sql').textContent(), "SELECT * FROM pulse_launch_campaign('autumn sale');", 'the dialog shows its SQL');
    await page.getByRole('dialog').getByRole('button', { name: 'Launch' }).click();
    await done(page);
    await page.getByText('Answer at the launch').waitFor();
    t.is(t.sql("SELECT status, launch_answer FROM pulse.campaign WHERE name = 'autumn sale'"), 'launched|yes', 'it is launched');
    await page.getByRole('button', { name: 'Record the result' }).click();
    await page.getByLabel('People reached').fill('1100');
    await page.getByLabel('of them converted').fill('40');
    await page.getByRole('dialog').getByRole('button', { name: 'Record the result' }).click();
    await done(page);
    await page.getByText('fell short').waitFor();
    t.is(t.sql("SELECT reached, conversions, status FROM pulse.campaign WHERE name = 'autumn sale'"), '1100|40|fell_short', 'its result is recorded');
    await t.is(() => page.getByRole('button', { name: 'Launch' }).count(), 0, 'it cannot be launched again');

    await page.goto(t.given.url + one('vain'));
    await t.ready(page);
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.getByLabel('Reason').fill('no "budget" 🦔');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
    await done(page);
    await page.getByText('no "budget" 🦔').waitFor();
    t.is(t.sql("SELECT status, cancel_reason FROM pulse.campaign WHERE name = 'vain'"), 'cancelled|no "budget" 🦔', 'it is cancelled, with the reason');

    await page.goto(t.given.url + '#/campaigns');
    await page.getByRole('button', { name: 'Plan a campaign' }).click();
    for (const [label, text] of [['Name', 'winter'], ['Segment', 'All app users'], ['People it should reach', '1500'], ['At', '2026-12-01T09:00'], ['Description', "it's cold"]]) await page.getByRole('dialog').getByLabel(label, { exact: true }).fill(text);
    const statement = await page.getByRole('dialog').locator('.sql').textContent();
    await page.getByRole('dialog').getByRole('button', { name: 'Plan a campaign' }).click();
    await done(page);
    await page.getByRole('link', { name: 'winter' }).waitFor();
    t.is(t.sql("SELECT expected_reach, at AT TIME ZONE 'UTC', description FROM pulse.campaign WHERE name = 'winter'"), "1500|2026-12-01 09:00:00|it's cold", 'a campaign is planned');
    t.sql("SELECT pulse_delete_campaign('winter')");
    t.sql(statement);
    t.is(t.sql("SELECT expected_reach, at AT TIME ZONE 'UTC', description FROM pulse.campaign WHERE name = 'winter'"), "1500|2026-12-01 09:00:00|it's cold", '... as the SQL of the dialog does');

    // Changing: what differs is sent, what is left stays.
    await page.goto(t.given.url + '#/campaigns/winter');
    await t.ready(page);
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    for (const [label, text] of [['Name', 'winter "25"'], ['People it should reach', '1400'], ['Description', '']]) await page.getByRole('dialog').getByLabel(label, { exact: true }).fill(text);
    const change = await page.getByRole('dialog').locator('.sql').textContent();
    t.is(change, `SELECT pulse_update_campaign('winter', expected_reach => 1400, options => '{"description":null}', new_name => 'winter "25"');`, 'changing shows what changes');
    await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
    await done(page);
    await page.getByRole('heading', { level: 1, name: 'winter "25"' }).waitFor();
    const changed = () => t.sql(`SELECT c.name, s.name, c.expected_reach, c.at AT TIME ZONE 'UTC', c.channel, c.description IS NULL FROM pulse.campaign AS c JOIN pulse.segment AS s ON s.id = c.segment_id WHERE c.name = 'winter "25"'`);
    t.is(changed(), 'winter "25"|All app users|1400|2026-12-01 09:00:00|email|t', 'a campaign is changed');
    t.sql(`SELECT pulse_update_campaign('winter "25"', expected_reach => 1, options => '{"description": "x"}', new_name => 'winter')`);
    t.sql(change);
    t.is(changed(), 'winter "25"|All app users|1400|2026-12-01 09:00:00|email|t', '... as its SQL does');
    await t.ready(page);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await done(page);
    await page.getByRole('heading', { level: 1, name: 'Campaigns' }).waitFor();
    t.is(changed(), '', 'a campaign is deleted');
    await t.ready(page);
    await page.getByRole('combobox', { name: 'Status' }).selectOption('cancelled');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing hostile ran');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const reader = await t.open(one(hostile), { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Launch' }).isDisabled(), 'a reader cannot launch it');
    await t.is(() => reader.evaluate(() => fetch('api/v1/campaigns/vain/check', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses it');
    const figures = await t.open(one(hostile), { key: t.sql("SELECT pulse_create_api_key('figures of campaigns', 'read', 'figures')") });
    await t.ok(() => figures.getByText('The reasons are for those who see people.').isVisible(), 'who sees no people is told so');
});
