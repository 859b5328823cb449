// Segment's library for servers: events as an application sends them, and what the library says of them.
//     {url, key, first, events, name, batch, pause}    all six calls if `first`, then numbered events with this name, in batches, with a pause
//     of so many milliseconds after each
import { finish, given, require } from './client.mjs';

const { Analytics } = require('@segment/analytics-node');
const { url, key, first, events = 0, name = 'Counted', batch = 15, pause = 0 } = given;
const analytics = new Analytics({ writeKey: key, host: url, flushAt: batch, flushInterval: 50 });
const errors = [];
let requests = 0, repeated = 0;
const statuses = {};
analytics.on('error', (error) => errors.push(`${error.code}: ${error.reason?.message ?? error.reason}`));
analytics.on('http_request', (request) => {
    ++requests;
    if (request.headers['X-Retry-Count']) ++repeated;
});
analytics.on('http_response', ({ status }) => (statuses[status] = (statuses[status] ?? 0) + 1));

const calls = [];
const called = (call) => calls.push(new Promise((resolve) => call((error, context) => resolve({ error: error ?? null, id: context?.event?.messageId }))));
if (first) {
    called((done) => analytics.identify({ userId: 'seg-1', traits: { plan: 'pro', email: 'seg1@example.com' } }, done));
    called((done) => analytics.track({ userId: 'seg-1', anonymousId: 'seg-anonymous', event: 'Order Completed', properties: { total: 12.5, name: 'Zoë – "x"' },
        timestamp: new Date('2024-03-01T10:00:00.123Z') }, done));
    called((done) => analytics.page({ userId: 'seg-1', category: 'Docs', name: 'Start', properties: { url: 'https://shop.example/' } }, done));
    called((done) => analytics.screen({ anonymousId: 'seg-anonymous', name: 'Home' }, done));
    called((done) => analytics.group({ userId: 'seg-1', groupId: 'seg-account', traits: { name: 'Acme' } }, done));
    called((done) => analytics.alias({ userId: 'seg-1', previousId: 'seg-old' }, done));
}
for (let i = 0; i < events; ++i) {
    called((done) => analytics.track({ userId: `seg-${i % 50}`, event: name, properties: { number: i } }, done));
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
}
const results = await Promise.all(calls);
await analytics.closeAndFlush();
finish({ called: calls.length, failed: results.filter((one) => one.error).length, ids: new Set(results.map((one) => one.id)).size, errors: errors.slice(0, 5), requests, repeated, statuses });
