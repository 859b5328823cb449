// Takes the pictures of the documentation.    node console-pictures.mjs URL KEY DIRECTORY
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_PATH, 'x.js'));
const { chromium } = require('playwright-core');
const [url, key, directory] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.PULSE_CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const first = await browser.newContext();
const signed = await first.request.post(url + 'session', { data: { key }, headers: { 'x-pulse-console': '1', origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' } });
if (!signed.ok()) throw new Error(`sign-in: ${signed.status()} ${await signed.text()}`);
const cookies = await first.cookies();
const found = await (await first.request.get(url + 'api/v1/incidents?segment=Mobile%20App%20Power%20Users&detector=size_change')).json();
const pages = [['overview', '#/'], ['segment', '#/segments/Customers%20of%20the%20week'], ['incident', '#/incidents/' + found.incidents[0].id], ['builder', '#/segment-builder/Mobile%20App%20Power%20Users']];
for (const [name, hash] of pages)
    for (const [suffix, width, height, scheme] of [['', 1440, 1000, 'light'], ['-narrow', 360, 740, name === 'incident' ? 'dark' : 'light']]) {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, timezoneId: 'UTC', reducedMotion: 'reduce' });
        await context.addCookies(cookies);
        const page = await context.newPage();
        await page.goto(url + hash);
        await page.waitForFunction(() => document.querySelector('main .part') && !document.querySelector('.waiting, .spinner') && [...document.querySelectorAll('.chart-box')].every(box => box.firstChild));
        await page.waitForTimeout(name === 'builder' ? 2500 : 300);
        await page.screenshot({ path: join(directory, `console-${name}${suffix}.png`) });
        await context.close();
    }
await browser.close();
