// Opens pages in Chromium and prints bytes, requests and times of each against the budgets.
//     node measure.mjs URL KEY
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_PATH, 'x.js'));
const { chromium } = require('playwright-core');
const [url, key] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.PULSE_CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];
const most = { kB: 250, requests: 40, 'first paint': 300 };
let failed = false;

// One sign-in for all: a minute has ten at most.
const first = await browser.newContext();
const signed = await first.request.post(url + 'session', { data: { key }, headers: { 'x-pulse-console': '1', origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' } });
if (!signed.ok()) throw new Error(`sign-in: ${signed.status()} ${await signed.text()}`);
const cookies = await first.cookies();

async function measure(name, hash) {
    const seen = [];
    for (let round = 0; round < 5; round++) {
        const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
        await context.addCookies(cookies);
        const page = await context.newPage();
        const session = await context.newCDPSession(page);
        await session.send('Network.enable');
        await session.send('Performance.enable');
        let bytes = 0, requests = 0;
        const files = new Set();
        session.on('Network.requestWillBeSent', one => { if (!one.request.url.includes('/console/api/')) files.add(one.requestId); });
        session.on('Network.loadingFinished', one => { bytes += files.has(one.requestId) ? one.encodedDataLength : 0; requests++; });
        const began = performance.now();
        await page.goto(url + hash);
        await page.waitForFunction(() => document.querySelector('main .part') && !document.querySelector('.waiting, .spinner') && [...document.querySelectorAll('.chart-box')].every(box => box.firstChild));
        const ready = performance.now() - began;
        const paint = await page.evaluate(() => performance.getEntriesByType('paint').find(one => one.name === 'first-contentful-paint').startTime);
        // What the page itself computed: scripts, styles, layout.
        const busy = 1000 * (await session.send('Performance.getMetrics')).metrics.find(one => one.name === 'TaskDuration').value;
        seen.push({ bytes, requests, paint, ready, busy });
        await context.close();
    }
    const row = { kB: Math.round(median(seen.map(one => one.bytes)) / 102.4) / 10, requests: median(seen.map(one => one.requests)), 'first paint': Math.round(median(seen.map(one => one.paint))), ready: Math.round(median(seen.map(one => one.ready))), busy: Math.round(median(seen.map(one => one.busy))) };
    for (const [what, limit] of Object.entries(most)) if (row[what] > limit) { failed = true; console.log(`${name}: ${what} is ${row[what]}, above ${limit}`); }
    console.log(`${name.padEnd(34)} ${String(row.kB).padStart(7)} kB of files ${String(row.requests).padStart(4)} requests   first paint ${String(row['first paint']).padStart(5)} ms   all there ${String(row.ready).padStart(6)} ms   busy ${String(row.busy).padStart(5)} ms`);
}

await measure('overview, 500 segments', '#/');
await measure('segments, 500', '#/segments');
await measure('a segment with 10,000 snapshots', '#/segments/Long%20history');
await measure('... all of them drawn', '#/segments/Long%20history?points=10000');
await measure('an incident with its charts', '#/incidents/1');
await browser.close();
process.exit(failed ? 1 : 0);
