import { test } from './lib.mjs';

await test('Trust', async t => {
    await t.everyWay('#/trust', 'Trust');
    for (const tab of ['actions', 'gate', 'automations', 'scopes']) await t.everyWay('#/trust?tab=' + tab, 'Trust');
    await t.everyWay('#/trust/actions/1', 'Action 1');
    await t.everyWay('#/trust?scope=segment:gold%20people', 'Trust: segment:gold people');

    const page = await t.open('#/trust?scope=' + encodeURIComponent('segment:gold people'));
    const score = t.sql("SELECT round(score::numeric, 1) FROM pulse_signal_health('segment:gold people')").replace(/\.0$/, '');
    await t.is(() => page.locator('.stat', { hasText: 'Score' }).locator('strong').textContent(), score, 'the score, as the database says');
    await t.ok(async () => t.sql((await t.asSql(page)).split(';')[0]).includes('|'), 'its SQL runs');
    await page.getByText('Evidence', { exact: true }).last().click();
    await t.ok(() => page.locator('details[open] .sql').first().isVisible(), 'a part has evidence');

    await page.goto(t.given.url + '#/trust');
    await t.ready(page);
    await t.ok(() => page.getByRole('img', { name: /Score and its parts/ }).count(), 'the score over time is a chart');
    await t.is(async () => t.sql(await t.asSql(page, 'Over time')).split('\n').length, 21, '... of the rows of its SQL');

    // Freeze and unfreeze, plainly visible.
    await page.getByRole('button', { name: 'Freeze everything' }).click();
    await page.getByLabel('Reason').fill('a bad release');
    await t.ok(() => page.getByText("SELECT pulse_freeze('a bad release');").isVisible(), 'the dialog shows its SQL');
    await t.sound(page, 'freeze');
    await page.getByRole('dialog').getByRole('button', { name: 'Freeze everything' }).click();
    await page.locator('.frozen').waitFor();
    await t.ok(() => page.locator('.frozen').getByText('a bad release').isVisible(), 'it says that everything is frozen, and why');
    t.is(t.sql('SELECT frozen, reason FROM pulse.freeze'), 't|a bad release', 'it is frozen');
    await t.sound(page, 'frozen');
    await page.getByRole('button', { name: 'Unfreeze' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unfreeze' }).click();
    await page.locator('.frozen').waitFor({ state: 'detached' });
    t.is(t.sql('SELECT frozen FROM pulse.freeze'), 'f', '... and no longer');

    // The queue of actions.
    await page.goto(t.given.url + '#/trust?tab=actions');
    await t.ready(page);
    const waiting = page.locator('.part', { has: page.getByRole('heading', { name: 'Actions' }) });
    await t.is(() => waiting.locator('tbody tr').count(), async () => t.sql(await t.asSql(page, 'Actions')).split('\n').length, 'as many actions wait as its SQL says');
    const row = text => waiting.getByRole('row', { name: text });
    await row(/All app users/).getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText('is not done', { exact: false }).waitFor();
    t.ok(true, 'the dialog says what it will do');
    await page.getByRole('dialog').getByLabel('Reason').fill('not now');
    await page.getByRole('dialog').getByRole('button', { name: 'Dismiss' }).click();
    await page.getByText('Dismissed', { exact: true }).waitFor();
    t.is(t.sql('SELECT state FROM pulse.action WHERE id = 1'), 'dismissed', 'it is dismissed');
    await row(/pause_audience/).getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page.getByText(/^Approved/).waitFor();
    t.is(t.sql('SELECT state FROM pulse.action WHERE id = 3'), 'approved', 'another is approved');
    t.sql('SELECT pulse_run_actions()');
    await page.goto(t.given.url + '#/trust/actions/3');
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByText(/Restores audience:Gold buyers/).waitFor();
    t.ok(true, 'rolling back says what it restores');
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('Rolled back', { exact: true }).waitFor();
    t.is(t.sql("SELECT a.state || ' ' || o.status FROM pulse.action AS a, pulse.audience_overview AS o WHERE a.id = 3 AND o.name = 'Gold buyers'"), 'rolled_back active', 'it is rolled back');

    // What exceeds a limit is confirmed with a reason, and what the gate holds is overridden by the level admin.
    t.sql("SELECT pulse_approve_action(2); SELECT pulse_run_actions(); SELECT pulse_create_enforcement_rule('seldom', '{run_function}', '{\"per_day\": 1}')");
    const propose = () => t.sql("SELECT id FROM pulse_propose_action('run_function', 'segment:gold people', '{\"function\": \"ring\"}')");
    const over = propose();
    t.is(t.sql(`SELECT needs FROM pulse.action WHERE id = ${over}`), 'confirmation', 'an action exceeds a limit');
    await page.goto(t.given.url + '#/trust/actions/' + over);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('agreed');
    await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Confirmed', { exact: true }).waitFor();
    t.is(t.sql(`SELECT confirmed_by FROM pulse.action WHERE id = ${over}`), 'maria', 'it is confirmed');
    t.sql("SELECT pulse_run_actions(); SELECT pulse_delete_enforcement_rule('seldom'); SELECT pulse_set_trust('{\"high\": 99, \"standard\": 99}')");
    const held = propose();
    t.is(t.sql(`SELECT verdict FROM pulse.action WHERE id = ${held}`), 'hold', 'the gate holds an action');
    const chief = await t.open('#/trust/actions/' + held, { key: t.given.chief });
    await chief.getByRole('button', { name: 'Override' }).click();
    await chief.getByRole('dialog').getByLabel('Reason').fill('it is known');
    await chief.getByRole('dialog').getByRole('button', { name: 'Override' }).click();
    await chief.getByText('Overridden', { exact: true }).waitFor();
    t.is(t.sql(`SELECT overridden_by FROM pulse.action WHERE id = ${held}`), 'the chief', 'the level admin overrides it');
    t.sql("SELECT pulse_set_trust('{\"high\": null, \"standard\": null}')");

    // The gate's log and automations.
    await page.goto(t.given.url + '#/trust?tab=gate&decision=refused');
    await t.ready(page);
    await t.ok(() => page.getByRole('row', { name: /<svg onload/ }).first().isVisible(), 'a hostile subject is shown as text');
    await t.ok(() => page.getByText('The job signal_health writes it', { exact: false }).first().isVisible(), 'the log says what would lift it');
    await t.is(() => page.evaluate(() => window.hacked), undefined, 'nothing of it ran');
    await page.goto(t.given.url + '#/trust?tab=automations');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    t.is(t.sql('SELECT status FROM pulse.automation'), 'paused', 'an automation is paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    t.is(t.sql('SELECT status FROM pulse.automation'), 'active', '... and resumed');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');

    const reader = await t.open('#/trust', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Freeze everything' }).isDisabled(), 'a reader cannot freeze');
    await t.is(() => reader.evaluate(() => fetch('api/v1/freeze', { method: 'POST', body: '{}', headers: { 'x-pulse-console': '1', 'content-type': 'application/json' } }).then(a => a.status)), 403, '... and the server refuses it');
});
