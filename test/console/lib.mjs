// What the tests of the console share. A page's test is a file here that calls test() with what it does:
//     import { test } from './lib.mjs';
//     await test('Segments', async t => {
//         await t.everyWay('#/segments', 'Segments');          // demo, empty, failing; light and dark, wide and narrow
//         const page = await t.open('#/segments');
//         await t.ok(() => page.getByRole('link', { name: 'All app users' }).isVisible(), 'a segment is listed');
//     });
// test/t/120_console.pl runs each with one JSON object: {url, empty, key, reader, writes}: the addresses of the consoles of two databases,
// with data and without, and keys of both kinds. It prints one line "ok - …" or "not ok - …" for each check.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_PATH, 'console.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const given = JSON.parse(process.argv[2]);

const flags = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const wide = { width: 1440, height: 900 }, narrow = { width: 360, height: 740 };

export async function test(title, work) {
    let failed = 0;
    // Ends the test when nothing was checked for that long; how long all of it takes depends on the machine.
    const watch = setTimeout(() => { console.log(`not ok - ${title}: nothing was checked for too long`); process.exit(1); }, 150000);
    const report = (good, name, told) => {
        failed += !good;
        watch.refresh();
        console.log(`${good ? 'ok' : 'not ok'} - ${title}: ${name}`);
        if (!good && told) console.log('#   ' + told);
        return good;
    };
    // Checks take values, or functions for what a page may show only in a moment: these are asked until they are right, at most a minute.
    const check = (right, tell) => (...values) => {
        const name = values.pop();
        return values.some(value => typeof value === 'function') ? until(right, tell, values, name) : report(right(...values), name, tell(...values));
    };
    async function until(right, tell, asked, name) {
        for (const end = Date.now() + 60000; ; await new Promise(resolve => setTimeout(resolve, 50))) {
            let values = [], trouble;
            try { values = await Promise.all(asked.map(value => typeof value === 'function' ? value() : value)); } catch (error) { trouble = error; }
            const good = !trouble && right(...values);
            if (good || Date.now() > end) return report(good, name, trouble ? trouble.stack.replace(/\n/g, '\n#   ') : tell(...values));
        }
    }
    const ok = check(condition => !!condition, () => '');
    const is = check((got, expected) => got === expected, (got, expected) => `got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
    const like = check((got, pattern) => pattern.test(got), (got, pattern) => `got ${JSON.stringify(got)}, expected ${pattern}`);
    const browser = await chromium.launch({ executablePath: process.env.PULSE_CHROMIUM, args: flags });

    // One sign-in for each key: a minute has ten at most.
    const signedIn = new Map();
    async function cookiesOf(context, url, key) {
        if (!signedIn.has(url + key)) {
            const ask = () => context.request.post(url + 'session', { data: { key }, headers: { 'x-pulse-console': '1', origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' } });
            let answer = await ask();
            while (answer.status() === 429) {
                await new Promise(resolve => setTimeout(resolve, 1000 * answer.headers()['retry-after']));
                answer = await ask();
            }
            if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
            signedIn.set(url + key, await context.cookies());
        }
        return signedIn.get(url + key);
    }

    // A page that is signed in. Options: hash first; size, scheme (light or dark), key (a text, or null: not signed in), empty (the database without
    // data), zone, base (the address of another console). Its `trouble` is a list of what a browser complains about.
    async function open(hash = '#/', { size = wide, scheme = 'light', key = given.key, empty = false, zone = 'UTC', base } = {}) {
        const url = base || (empty ? given.empty : given.url);
        const context = await browser.newContext({ viewport: size, colorScheme: scheme, timezoneId: zone, reducedMotion: 'reduce', acceptDownloads: true });
        if (key !== null) await context.addCookies(await cookiesOf(context, url, empty && key === given.key ? given.emptyKey : empty && key === given.chief ? given.emptyChief : key));
        const page = await context.newPage();
        page.setDefaultTimeout(60000);
        page.trouble = [];
        // What is asked and not answered yet; the stream of changes never ends.
        page.asked = new Set();
        page.on('request', request => { if (/\/console\/api\/(?!v1\/changes)/.test(request.url())) page.asked.add(request); });
        for (const end of ['requestfinished', 'requestfailed']) page.on(end, request => page.asked.delete(request));
        page.on('pageerror', error => page.trouble.push(String(error)));
        page.on('console', message => {
            // What a broken or refusing server answers is logged by the browser itself.
            if (message.type() === 'error' && !((empty || key === null || page.refusals) && /Failed to load resource/.test(message.text()))) page.trouble.push(message.text());
        });
        page.on('request', request => { const { origin, protocol } = new URL(request.url()); if (origin !== new URL(url).origin && !['data:', 'blob:'].includes(protocol)) page.trouble.push('another origin: ' + request.url()); });
        await page.addInitScript(() => addEventListener('securitypolicyviolation', event => console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI)));
        page.changes = page.waitForResponse(/v1\/changes/).catch(() => null);    // an answer begins with where the stream stands
        await page.goto(url + hash);
        await ready(page);
        return page;
    }

    // Until everything that the page asks is answered and drawn. A part may ask without saying that it waits: two frames let it ask, or draw the answer.
    async function ready(page) {
        do {
            await drawn(page);
            await page.evaluate(() => new Promise(done => { requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))); }));
        } while (page.asked.size);
        await drawn(page);
    }
    async function drawn(page) {
        await page.waitForFunction(() => document.querySelector('main h1, main .part, main .notice') && !document.querySelector('.waiting, .spinner')
            && [...document.querySelectorAll('.chart-box')].every(box => box.firstChild || !box.offsetParent));
    }

    // axe finds nothing, and the page is no wider than the window.
    async function sound(page, name) {
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        is(violations.map(one => `${one.id}: ${one.nodes.map(node => node.target + ' ' + node.failureSummary).join('; ')}`).join('\n#   '), '', `${name}: axe finds nothing`);
        const over = await page.evaluate(() => [...document.querySelectorAll('main *')].filter(element => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.sql, .numbers, .diff, svg, .hidden, caption, thead'))
            .slice(0, 3).map(element => element.tagName + '.' + element.className));
        is(over.join(' '), '', `${name}: nothing is wider than the window`);
        is(page.trouble.join('\n#   '), '', `${name}: the browser has nothing to complain about`);
    }

    // A page as everybody may meet it: with data at both widths, light and dark; with a server that fails; without data.
    async function everyWay(hash, heading, { key = given.key } = {}) {
        const page = await open(hash, { key });
        for (const [size, scheme] of [[wide, 'light'], [wide, 'dark'], [narrow, 'dark'], [narrow, 'light']]) {
            await page.emulateMedia({ colorScheme: scheme });
            if (page.viewportSize().width !== size.width) {
                await page.setViewportSize(size);
                await page.reload();
            }
            await ready(page);
            const name = `${hash} ${size.width} ${scheme}`;
            if (heading) await ok(() => page.getByRole('heading', { level: 1, name: heading }).count(), `${name}: its heading`);
            await is(() => page.locator('.notice.failed').count(), 0, `${name}: every part loads`);
            await sound(page, name);
        }
        page.refusals = true;
        await page.route(/\/console\/api\/(?!v1\/changes)/, route => route.fulfill({ status: 500, contentType: 'application/json', body: '{"error": "internal error"}' }));
        await page.reload();
        await ready(page);
        await ok(() => page.getByText('Not loaded').count(), `${hash} failing server: it says that it did not load`);
        await sound(page, `${hash} failing server`);
        await page.context().close();
        const empty = await open(hash, { empty: true, key });
        is(empty.trouble.join('\n#   '), '', `${hash} empty database: the browser has nothing to complain about`);
        await empty.context().close();
    }

    // What psql answers in the database with data: rows as lines, columns with | between them.
    const sql = text => execFileSync('psql', ['-XAtqd', given.psql, '-v', 'ON_ERROR_STOP=1', '-c', text], { encoding: 'utf8' }).trim();
    // The statements that a part of a page shows, by its title; without one those of the first part.
    const asSql = (page, title) => (title ? page.locator('.part', { has: page.getByRole('heading', { name: title }) }) : page.locator('.part')).first().locator('> footer .sql').textContent();

    // Press keys until this has the focus; false if it never gets it.
    async function tabTo(page, locator, most = 80) {
        for (let i = 0; i < most; i++) {
            if (await locator.evaluate(element => element === document.activeElement)) return true;
            await page.keyboard.press('Tab');
        }
        return false;
    }

    try {
        await work({ ok, is, like, open, ready, sound, everyWay, sql, asSql, tabTo, given, wide, narrow, browser });
    } catch (error) {
        ok(false, `it does not end well: ${error.stack}`.replace(/\n/g, '\n#   '));
    }
    await browser.close();
    process.exit(failed ? 1 : 0);
}
