import { test } from './lib.mjs';
import { psql, sqlOf, confirm } from './people_lib.mjs';

await test('Flags', async t => {
    await t.everyWay('#/flags', 'Flags');
    await t.everyWay('#/flags/checkout', 'checkout');
    const list = await t.open('#/flags');
    await t.is(() => list.locator('tbody tr').count(), async () => psql(await sqlOf(list.locator('.part').first())).split('\n').length, 'the list is that of its SQL');
    await t.ok(() => list.getByText('"><script>window.hacked = 5</script>').isVisible(), 'a hostile description is text');

    const page = await t.open('#/flags/checkout');
    await t.ok(() => page.getByText('50 % control, 50 % new').isVisible(), 'what its rule gives');
    await page.getByText('Show the numbers').click();
    await page.locator('.numbers tbody tr').first().waitFor();
    const exposures = page.locator('.part', { has: page.getByRole('heading', { name: 'Exposures' }) });
    const rows = await exposures.locator('.numbers tbody tr').evaluateAll(list => list.map(row => [...row.cells].map(cell => cell.textContent).join('|')));
    await t.is(rows.reverse().join('\n'), async () => psql(await sqlOf(exposures)), 'exposures are those of its SQL');

    await page.getByLabel('Person').fill('shopper-2');
    await page.getByRole('button', { name: 'Decide' }).click();
    await page.getByRole('table', { name: 'Explanation' }).waitFor();
    const variant = psql(`SELECT variant FROM pulse_decide('shopper-2', 'checkout')`);
    await t.ok(() => page.getByText('Variant ' + variant).isVisible(), 'what a person gets');
    await t.is(() => page.getByRole('table', { name: 'Explanation' }).locator('tbody tr').count(), async () => psql(await page.locator('.part', { hasText: 'What one person gets' }).last().locator('.as-sql pre').last().textContent()).split('\n').length, '... with every step, as its SQL says');
    await t.sound(page, 'a decision');

    // The kill switch, by keyboard alone.
    const off = page.getByRole('button', { name: 'Switch off' });
    await page.locator('main').focus();
    await t.ok(() => t.tabTo(page, off), 'the kill switch is reached by keyboard');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('everybody gets control').waitFor();
    await t.ok(() => t.tabTo(page, dialog.getByRole('button', { name: 'Switch off' })), '... so is what confirms it');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Switch on' }).waitFor();
    t.is(psql(`SELECT enabled FROM pulse.flag WHERE key = 'checkout'`), 'f', 'the flag is off');
    t.is(psql(`SELECT variant FROM pulse_decide('shopper-2', 'checkout')`), 'control', '... for everybody');
    await t.sound(page, 'off');
    await confirm(page, 'Switch on');
    await page.getByRole('button', { name: 'Switch off' }).waitFor();
    t.is(psql(`SELECT enabled FROM pulse.flag WHERE key = 'checkout'`), 't', 'the flag is on again');

    const made = await t.open('#/flags?new=1');
    made.refusals = true;
    await made.getByLabel('Name', { exact: true }).fill('made.here');
    await made.getByLabel('Rule or definition').fill('segment("nobody knows")');
    await made.getByRole('button', { name: 'Create' }).click();
    await made.locator('.notice.failed').waitFor();
    t.ok(true, 'a rule that is not valid is refused');
    await made.getByLabel('Rule or definition').fill('profile.plan == "pro"');
    await made.getByRole('button', { name: 'Create' }).click();
    await made.getByRole('heading', { level: 1, name: 'made.here' }).waitFor();
    t.is(psql(`SELECT variant FROM pulse_decide('anna', 'made.here')`), 'on', 'a flag is made');
    // What is wrong is shown where it is: in the JSON, and in a rule within it.
    await made.getByRole('button', { name: 'Edit' }).click();
    const editor = made.getByRole('dialog').getByLabel('Definition', { exact: true });
    const broken = async (text, says, place) => {
        await editor.fill(text);
        if (await made.getByRole('dialog').getByRole('button', { name: 'Edit' }).isEnabled()) await made.getByRole('dialog').getByRole('button', { name: 'Edit' }).click();
        await made.getByRole('dialog').locator('.notice.failed').getByText(says).waitFor();
        await made.getByRole('button', { name: 'Go there' }).click();
        await t.is(async () => await editor.evaluate(box => [document.activeElement === box, box.selectionStart].join()), `true,${place}`, `the cursor is at what is wrong: ${text}`);
    };
    await broken('{"rules": [{"when": "true",]}', 'A name in double quotes is missing here.', 27);
    const wrong = '{"rules": [{"when": "true"}, {"when": "profile.plan == \\"a\\" &&& x"}]}';
    await broken(wrong, /rules\[1\]/, wrong.indexOf('& x'));
    await broken('{"rules": [{"when": "true", "variant": "nope"}]}', /unknown variant/, 39);
    await t.sound(made, 'the editor of a flag with an error');
    await made.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    const definition = JSON.parse(psql(`SELECT definition FROM pulse.flag WHERE key = 'made.here'`));
    definition.rules[0].percentage = 12.5;
    await confirm(made, 'Edit', { Definition: JSON.stringify(definition) });
    await made.getByText('12.5 %').waitFor();
    t.is(psql(`SELECT version, definition #>> '{rules,0,percentage}' FROM pulse.flag WHERE key = 'made.here'`), '2|12.5', 'it is changed');
    await made.getByRole('tab', { name: 'Versions' }).click();
    await made.locator('.diff ins').first().waitFor();
    await t.sound(made, 'versions');
    await confirm(made, 'Delete');
    await made.getByRole('heading', { level: 1, name: 'Flags' }).waitFor();
    t.is(psql(`SELECT count(*) FROM pulse.flag WHERE key = 'made.here'`), '0', 'it is deleted');

    const offer = await t.open('#/flags/offer');
    await t.ok(() => offer.getByText('<b>best</b>').isVisible(), 'a hostile name of a rule is text');
    await t.is(() => offer.evaluate(() => window.hacked), undefined, '... and does not run');
    const reader = await t.open('#/flags/checkout', { key: t.given.reader });
    await t.ok(() => reader.getByRole('button', { name: 'Switch off' }).isDisabled(), 'a reader cannot switch it off');
    await t.is(() => reader.evaluate(() => fetch('api/v1/admin/flags/checkout', { method: 'PUT', body: '{"enabled": false}', headers: { 'x-pulse-console': '1' } }).then(a => a.status)), 403, '... and the server refuses it');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});
