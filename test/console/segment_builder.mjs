import { test } from './lib.mjs';
import { readRule, printRule, asLiteral } from '../../console/rule_text.js';

await test('Builder', async t => {
    // The form and the text are the same thing.
    for (const [text, printed] of [['a = 1', 'a = 1'], ['(a=1) && (b=2)', 'a = 1 && b = 2'], ['', ''], ['not (a = 1 || b = 2)', 'not (a = 1 || b = 2)'], ['landing = 3 AND order = 4', 'landing = 3 && order = 4'],
        ['c = "DE" && (p in ["a,b && c"] || n > 4) and x between 1 and 9', 'c = "DE" && (p in ["a,b && c"] || n > 4) && x between 1 and 9'],
        ['events["Order && x"]{c == "d"}.count_30d >= 3 or segment("v and w")', 'events["Order && x"]{c == "d"}.count_30d >= 3 || segment("v and w")'],
        ['((a = 1 && b = 2) || c is not null)', '(a = 1 && b = 2) || c is not null'], ['name contains "it\\"s or" || a', 'name contains "it\\"s or" || a']])
        t.is(printRule(readRule(text)).text, printed, `a rule as a tree and back: ${text}`);
    t.is([asLiteral('DE, FR', 'in', 'text'), asLiteral('DE', '=', 'text'), asLiteral('5', '=', 'integer'), asLiteral('5', '=', 'text'), asLiteral('7d', 'within last')].join(' '), '["DE", "FR"] "DE" 5 "5" 7d', 'values as rules write them');

    await t.everyWay('#/segment-builder', 'A new segment');
    const page = await t.open('#/segment-builder');
    page.refusals = true;    // rules that are not valid yet are answered 400
    await page.getByLabel('Table or view').selectOption('public.app_user');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await page.getByLabel('Name', { exact: true }).first().fill('country');
    await page.getByLabel('Operator').selectOption('in');
    await page.getByRole('textbox', { name: 'Value', exact: true }).fill('DE, FR');
    await page.getByRole('button', { name: 'Add a group' }).click();
    await page.locator('fieldset fieldset').getByLabel('Name').fill('platform');
    await page.locator('fieldset fieldset').getByRole('textbox', { name: 'Value', exact: true }).fill('ios');
    await page.locator('fieldset fieldset').getByRole('button', { name: 'Add a condition' }).click();
    await page.locator('fieldset fieldset').getByLabel('Name').last().fill('sessions_last_week');
    await page.locator('fieldset fieldset').getByLabel('Operator').last().selectOption('>');
    await page.locator('fieldset fieldset').getByRole('textbox', { name: 'Value', exact: true }).last().fill('20');
    await page.keyboard.press('Tab');
    await t.is(() => page.getByLabel('The rule as text').inputValue(), 'country in ["DE", "FR"] && (platform = "ios" || sessions_last_week > 20)', 'the form writes the text');
    await page.getByText('The rule is valid.', { exact: true }).waitFor();
    await page.locator('.stats:not(.stale) strong', { hasText: /^\d/ }).first().waitFor();
    await t.ok(async () => +(await page.locator('.stats strong').first().textContent()).replace(',', '') > 0, 'it says how many there are');
    await t.sound(page, 'a rule with a group');

    await page.getByLabel('The rule as text').fill('country = "DE" && platfrom = "ios"');
    await page.getByText('unknown column platfrom in rule at position 19').waitFor();
    await t.is(() => page.locator('mark').textContent(), 'p', 'it shows the position');
    await t.is(() => page.locator('.condition.wrong').getByLabel('Name').inputValue(), 'platfrom', '... and the condition in the form');
    await page.getByRole('button', { name: 'Go there' }).click();
    await t.is(() => page.getByLabel('The rule as text').evaluate(box => box.selectionStart), 18, '... and puts the cursor there');
    await t.ok(() => page.getByRole('button', { name: 'Create' }).isDisabled(), 'a rule that is not valid makes no segment');
    await t.sound(page, 'an error');

    await page.getByLabel('The rule as text').fill('country = "DE" && platform = "ios"');
    await page.getByText('The rule is valid.', { exact: true }).waitFor();
    await t.is(() => page.locator('.condition').count(), 2, 'the text writes the form');
    // What is expected: the form and the text are the same thing, too.
    await page.getByLabel('Attributes to watch').fill('platform, app_version');
    await page.getByLabel('Least members expected').fill('10');
    await page.getByRole('checkbox', { name: 'platform' }).check();
    await t.is(async () => JSON.stringify(JSON.parse(await page.getByLabel('The same as text').inputValue())), '{"expectedSize":{"min":10},"criticalAttributes":["platform"]}', 'the form writes what is expected as text');
    await page.getByLabel('The same as text').fill('{"expectedSize": {"min": 10, "max": 900');
    await page.getByText('This is not a JSON object.').waitFor();
    await t.ok(() => page.getByRole('button', { name: 'Create' }).isDisabled(), 'a text that is no JSON makes no segment');
    await t.sound(page, 'a wrong text of what is expected');
    await page.getByLabel('The same as text').fill('{"expectedSize": {"min": 10, "max": 900}, "criticalAttributes": ["platform"]}');
    await t.is(() => page.getByLabel('Most members expected').inputValue(), '900', 'the text writes the form');
    const name = 'Built <b>here</b> 🦔';
    await page.getByRole('textbox', { name: 'Name', exact: true }).last().fill(name);
    await t.ok(async () => (await page.locator('.sql').last().textContent()).includes("SELECT pulse_create_segment('Built <b>here</b> 🦔',"), 'it shows its SQL');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    t.ok(true, 'the segment is there');
    await page.getByRole('link', { name: 'Change the rule' }).click();
    await page.getByLabel('The rule as text').waitFor();
    await t.is(() => page.getByLabel('The rule as text').inputValue(), 'country = "DE" && platform = "ios"', 'its rule can be changed');
    await page.getByLabel('The rule as text').fill('country = "DE"');
    await page.getByText('The rule is valid.', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Who comes and goes' }).click();
    await t.ok(() => page.getByRole('row', { name: /entering/ }).isVisible(), 'it says who would come and go');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Version 2').waitFor();
    await t.ok(() => page.locator('.diff del').count(), 'the new version is shown with what is different');
    t.is(t.sql(`SELECT s.baseline FROM pulse.segment AS s WHERE s.name = '${name}'`), '{"expectedSize": {"max": 900, "min": 10}, "criticalAttributes": ["platform"]}', 'what is expected is saved');
    // Changing what is expected alone.
    await page.getByRole('link', { name: 'Change the rule' }).click();
    await page.getByLabel('The same as text').waitFor();
    await t.is(() => page.getByLabel('Most members expected').inputValue(), '900', 'what is expected can be changed');
    await page.getByLabel('Check it for drift').uncheck();
    await page.getByLabel('Most members expected').fill('');
    await t.ok(() => page.locator('.diff del', { hasText: '"max": 900' }).count(), 'it says what changes');
    await page.getByText('The rule is valid.', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    const saving = await page.getByRole('dialog').locator('.sql').textContent();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    const saved = () => t.sql(`SELECT s.baseline FROM pulse.segment AS s WHERE s.name = '${name}'`);
    t.is(saved(), '{"expectedSize": {"min": 10}, "monitoringEnabled": false, "criticalAttributes": ["platform"]}', '... and is');
    t.sql(`SELECT pulse_update_segment('${name}', baseline => '{}')`);
    t.sql(saving);
    t.is(saved(), '{"expectedSize": {"min": 10}, "monitoringEnabled": false, "criticalAttributes": ["platform"]}', '... as its SQL does');
    const reader = await t.open('#/segment-builder', { key: t.given.reader });
    await t.ok(() => reader.getByText('needs a key of kind admin').isVisible(), 'a reader is told that it cannot');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});
