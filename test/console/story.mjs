// The story of Pulse, without SQL: the 42 % erosion is seen on the overview, opened, understood, and resolved as the new normal.
import { test } from './lib.mjs';

await test('Story', async t => {
    const page = await t.open('#/', { size: t.narrow });
    const seen = page.getByRole('link', { name: /size fell 41\.5 %/ });
    await t.ok(() => seen.isVisible(), 'it is seen on the overview');
    await seen.click();
    await page.getByText('Likely causes').waitFor();
    await t.ready(page);
    await t.ok(() => page.getByText(/Values of app_version were renamed: 4\.1 and 4\.2 -> 2026\.3/).first().isVisible(), 'it is understood: values were renamed');
    await t.ok(() => page.getByText('Add the new values to the rule.').isVisible(), '... and what to do');
    const size = page.getByRole('img', { name: /^Size of Mobile App Power Users/ });
    await t.ok(() => size.count(), '... and seen in a chart');
    await page.getByRole('button', { name: 'This is the new normal' }).click();
    await page.getByRole('dialog').getByLabel('Note').fill('the release is right');
    await t.ok(() => page.getByText("SELECT pulse_resolve_incident(1, note => 'the release is right', new_normal => true);").isVisible(), 'the dialog says what it will do');
    await page.getByRole('dialog').getByRole('button', { name: 'This is the new normal' }).click();
    await page.getByText('Resolved as the new normal', { exact: true }).waitFor();
    await t.ok(() => page.locator('.badge', { hasText: 'resolved' }).first().isVisible(), 'it is resolved');
    await t.ok(() => page.getByText('maria', { exact: true }).first().count(), '... by the key that did it');
    await page.goto(t.given.url + '#/segments/Mobile%20App%20Power%20Users');
    await t.ready(page);
    await t.ok(() => page.getByText('Compared since').isVisible(), 'the segment is compared with the time since');
    await page.goto(t.given.url + '#/');
    await t.ready(page);
    await t.is(() => page.getByRole('link', { name: /size fell 41\.5 %/ }).count(), 0, 'the overview does not tell it any more');
    t.is(page.trouble.join(), '', 'the browser has nothing to complain about');
});
