// Signing in and out, the navigation, the palette, live changes: all that is around the pages.
import { test } from './lib.mjs';

await test('Frame', async t => {
    const { given } = t;
    // By keyboard alone: sign in, go to an incident, acknowledge it.
    const page = await t.open('#/incidents?status=live', { key: null });
    await t.sound(page, 'sign-in');
    await t.ok(() => page.getByLabel('API key').evaluate(input => input === document.activeElement), 'the key is asked for');
    await page.keyboard.type('pulse_read_nothing');
    await page.keyboard.press('Enter');
    await page.getByText('the API key is unknown or has ended').waitFor();
    t.ok(true, 'a wrong key is refused');
    await page.getByLabel('API key').fill(given.key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Incidents' }).waitFor();
    t.like(page.url(), /#\/incidents\?status=live$/, 'after signing in, the page that was asked for is there');
    const [cookie] = await page.context().cookies();
    t.is(`${cookie.name} ${cookie.path} ${cookie.httpOnly} ${cookie.sameSite} ${cookie.secure}`, 'pulse_session /console true Strict false', 'the cookie');
    await t.is(() => page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), '00', 'no script sees it, and nothing is stored');

    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /Page, segment/ }).waitFor();
    await page.keyboard.type('all app');
    await page.getByRole('option', { name: /All app users/ }).waitFor();
    await t.sound(page, 'palette');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'All app users' }).waitFor();
    await t.is(() => page.evaluate(() => document.activeElement.id), 'main', 'the palette opens a segment, and the focus goes there');
    await t.like(() => page.title(), /^All app users · Segments · Pulse$/, 'so does the title');
    await page.keyboard.press('/');
    await page.getByRole('combobox', { name: /Page, segment/ }).waitFor();
    const asked = [];
    page.on('request', request => { if (/v1\/users/.test(request.url())) asked.push(new URL(request.url()).searchParams.get('q')); });
    await Promise.all([page.waitForResponse(/v1\/segments\?q=bu&/), page.keyboard.type('bu')]);
    t.is(asked.join(), '', 'two letters look for nobody');
    await page.keyboard.type('yer-7');
    await page.getByRole('option', { name: /buyer-7/ }).waitFor();
    t.is(asked.join(), 'buyer-7', 'more look for people, when one stops typing');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /buyer-7|profile:/ }).waitFor();
    t.like(page.url(), /#\/people\/profile%3A\d+$/, 'the palette opens a person');
    const blind = await t.open('#/', { key: t.sql("SELECT pulse_create_api_key('figures of the frame', 'read', 'figures')") });
    blind.on('request', request => { if (/v1\/users/.test(request.url())) blind.trouble.push(request.url()); });
    await blind.keyboard.press('/');
    await blind.getByRole('combobox', { name: /Page, segment/ }).waitFor();
    await Promise.all([blind.waitForResponse(/v1\/segments\?q=all/), blind.keyboard.type('all app')]);
    await blind.getByRole('option', { name: /All app users/ }).waitFor();
    t.is(blind.trouble.join(), '', 'who sees no people looks for none');
    await page.keyboard.press('/');
    await page.getByRole('combobox', { name: /Page, segment/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('combobox', { name: /Page, segment/ }).waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('i');
    await page.getByRole('heading', { level: 1, name: 'Incidents' }).waitFor();
    t.ok(true, '/ opens the palette, Escape closes it, g i goes to the incidents');
    await t.ready(page);
    await t.ok(() => t.tabTo(page, page.getByRole('link', { name: '2', exact: true })), 'tab reaches an incident');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Incident 2' }).waitFor();
    await t.ready(page);
    await t.ok(() => t.tabTo(page, page.getByRole('button', { name: 'Acknowledge' })), 'tab reaches what can be done');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await t.ok(() => t.tabTo(page, page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' })), '... and its dialog');
    await page.keyboard.press('Enter');
    await page.getByText('Acknowledged', { exact: true }).waitFor();
    t.ok(true, 'an incident is acknowledged by keyboard alone');

    // Times in the zone of who looks, with UTC as their title.
    const tokyo = await t.open('#/incidents/1', { zone: 'Asia/Tokyo' });
    const time = tokyo.locator('dd time').first();
    await t.like(() => time.textContent(), /Oct 21, 2026, 11:00/, 'a time in Tokyo');
    await t.is(() => time.getAttribute('title'), '2026-10-21 02:00:00 UTC', '... and in UTC');

    // What changes is told, not redrawn.
    const look = await t.open('#/incidents');
    const before = await look.locator('tbody').textContent();
    t.ok(await look.changes, 'the page listens to what changes');
    const answer = await fetch(new URL('../v1/incidents/3/acknowledge', given.url), { method: 'POST', headers: { authorization: `Bearer ${given.key}`, 'content-type': 'application/json' }, body: '{}' });
    t.is(answer.status, 200, 'somebody acknowledges an incident');
    await look.getByText('1 incident changed.').waitFor();
    await t.is(() => look.locator('tbody').textContent(), before, 'a change is told and not drawn');
    await look.getByRole('button', { name: 'Show', exact: true }).click();
    await look.getByRole('row', { name: /^3 / }).getByText('acknowledged').waitFor();
    t.ok(true, '... until one asks');

    // ... also if the page did not listen meanwhile.
    await look.evaluate(() => import('./api.js').then(api => api.disconnect()));
    await fetch(new URL('../v1/incidents/4/acknowledge', given.url), { method: 'POST', headers: { authorization: `Bearer ${given.key}`, 'content-type': 'application/json' }, body: '{}' });
    await look.evaluate(() => import('./api.js').then(api => { api.connect(); }));
    await look.getByText('1 incident changed.').waitFor();
    t.ok(true, 'what changed while the page did not listen is told when it does again');
    await look.getByRole('button', { name: 'Show', exact: true }).click();

    // A table as CSV: what a spreadsheet would take for a formula is a text.
    const { toCsv } = await look.evaluate(async () => ({ toCsv: (await import('./ui.js')).toCsv([{ title: 'a', value: row => row }], ['=1+1', '@x', 'a,"b"', '-5', null, '-x']) }));
    t.is(toCsv, `a\r\n'=1+1\r\n'@x\r\n"a,""b"""\r\n-5\r\n\r\n'-x\r\n`, 'formulas are texts in a CSV');
    const literals = await look.evaluate(async () => { const { literal } = await import('./ui.js'); return [`it's`, 'a\\b', [], ['a', 1], { a: "it's" }, null].map(literal).join(' '); });
    t.is(literals, `'it''s' E'a\\\\b' '{}' ARRAY['a', 1] '{"a":"it''s"}' NULL`, 'values in SQL');
    const [download] = await Promise.all([look.waitForEvent('download'), look.getByRole('button', { name: 'CSV' }).click()]);
    t.is(download.suggestedFilename(), 'incidents.csv', 'a table is downloaded');
    await look.getByRole('button', { name: 'Severity' }).click();
    t.like(look.url(), /incidents\.sort=1$/, 'how a table is sorted is in the address');
    await look.reload();
    await t.ready(look);
    await t.is(() => look.getByRole('columnheader', { name: 'Severity' }).getAttribute('aria-sort'), 'ascending', '... and holds');
    await look.goto(given.url + '#/segments?segments.sort=5');
    await look.getByRole('link', { name: 'All app users' }).first().waitFor();
    t.ok(true, 'an address that sorts by a picture sorts by nothing');

    look.refusals = true;
    // A page of another site cannot use the session; a page that does not exist; a slow answer; one that fails alone.
    await t.is(() => look.evaluate(() => fetch('api/v1/incidents/1/acknowledge', { method: 'POST' }).then(a => a.status)), 403, 'a form of another site would be refused');
    await look.goto(given.url + '#/no/such/page');
    await look.getByText('The console has no such page.').waitFor();
    const slow = await t.open('#/', {});
    slow.refusals = true;
    let release;
    const held = new Promise(resolve => { release = resolve; });
    await slow.route(/v1\/mission/, async route => { await held; await route.continue(); });
    await slow.route(/v1\/status/, route => route.fulfill({ status: 403, contentType: 'application/json', body: '{"error": "permission denied"}' }));
    slow.reload();
    await slow.getByText(/Loading for 2 s/).waitFor();
    await t.ok(() => slow.getByRole('button', { name: 'Cancel' }).isVisible(), 'what is slow says so and can be cancelled');
    await t.ok(() => slow.getByText('Not permitted').isVisible(), 'what is not permitted says so');
    await t.ok(() => slow.getByRole('link', { name: /size fell 41.5 %/ }).isVisible(), 'and the other parts are there');
    release();
    await slow.route(/v1\/mission/, route => route.fulfill({ contentType: 'application/json', body: '{"bySeverity": null}' }));
    await slow.reload();
    await slow.getByText('This part cannot be shown.').waitFor();
    await slow.getByRole('link', { name: /size fell 41.5 %/ }).waitFor();
    t.ok(true, 'an answer that nobody expects fails alone');
    await slow.unrouteAll({ behavior: 'ignoreErrors' });
    await slow.getByRole('button', { name: 'Try again' }).click();
    await slow.getByText('Open incidents', { exact: true }).waitFor();
    t.ok(true, '... and can be loaded again');
    await slow.unrouteAll({ behavior: 'ignoreErrors' });

    // Paper is white: what is printed is dark, also from a dark screen, and fits.
    const printed = await t.open('#/segments/Mobile%20App%20Power%20Users', { scheme: 'dark', size: { width: 718, height: 1000 } });
    const bright = () => printed.evaluate(() => [document.querySelector('h1'), document.querySelector('.part')].map(element => getComputedStyle(element)).map((style, place) => /\d+/.exec(place ? style.backgroundColor : style.color)[0] > 127).join());
    await t.is(() => bright(), 'true,false', 'a dark screen');
    await printed.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await t.is(() => bright(), 'false,true', 'a sheet of paper');
    await t.is(async () => await printed.evaluate(() => [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('svg, .hidden, caption, thead')).length), 0, '... on which nothing is cut');
    await t.is(() => printed.locator('.filters:visible, .actions:visible, .side:visible').count(), 0, '... without what only a screen can do');
    // Signing out, which can fail; and a session that ended elsewhere.
    const other = await t.open('#/segments');
    other.refusals = true;
    await other.route(/console\/session$/, route => (route.request().method() === 'DELETE' ? route.fulfill({ status: 503, contentType: 'application/json', body: '{"error": "this server is a standby"}' }) : route.continue()));
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByText('You are still signed in. this server is a standby').waitFor();
    await t.ok(() => other.getByRole('heading', { level: 1, name: 'Segments' }).isVisible(), 'whoever cannot sign out hears it');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    await t.is(async () => (await page.context().cookies()).length, 0, 'signing out takes the cookie away');
    await other.context().clearCookies();
    await other.getByRole('button', { name: 'Load again' }).first().click();
    await other.getByLabel('API key').waitFor();
    t.ok(true, 'a session that ended asks for the key');
    t.is([...page.trouble, ...look.trouble, ...other.trouble].join(), '', 'the browser has nothing to complain about');
});
