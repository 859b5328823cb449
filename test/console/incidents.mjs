import { test } from './lib.mjs';

await test('Incidents', async t => {
    await t.everyWay('#/incidents', 'Incidents');
    await t.everyWay('#/incidents/1', 'Incident 1');
    const page = await t.open('#/incidents?status=live&severity=critical');
    await t.is(() => page.getByLabel('Severity').inputValue(), 'critical', 'filters are in the address');
    await t.ok(async () => await page.locator('tbody tr').count() >= 1, '... and hold');
    const one = await t.open('#/incidents/1');
    await one.getByText('Likely causes').waitFor();
    await t.ok(() => one.getByText(/2026\.3/).first().isVisible(), 'the cause names the new value');
    await t.ok(() => one.getByRole('img', { name: /Shares of values in (the change of size|what changed places)/ }).count(), 'its evidence is a chart');
    await one.getByRole('button', { name: 'Acknowledge' }).click();
    await one.getByLabel('Note').fill("it's being looked at");
    await t.ok(() => one.getByText("SELECT pulse_acknowledge_incident(1, note => 'it''s being looked at');").isVisible(), 'the dialog shows its SQL');
    await t.sound(one, 'dialog');
    await one.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
    await one.getByText('Acknowledged', { exact: true }).waitFor();
    await t.ok(() => one.locator('.badge', { hasText: 'acknowledged' }).first().isVisible(), 'it is acknowledged');
});
