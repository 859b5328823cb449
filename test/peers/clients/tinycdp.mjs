// TinyCDP's package was never published, so this is a client of our own, written to what is known of it: its queue sends one request for each
// event, 20 at once; what fails is sent again up to 3 times, then all events of the flush go back into the queue; pages that close send beacons.
//     {url, write, read, events, name, times, lose}    numbered events, with times of their own if `times`; if `lose`, the answers
//     to some are lost once, and those to one of a flush as often as it tries
import { finish, given } from './client.mjs';

const { url, write, read, events = 0, name = 'Counted', times, lose, decisions = [], beacons = 0 } = given;
let duplicates = 0, requeued = 0, most = 0, open = 0;
const statuses = {};

const losses = {};
function lost(number) {
    losses[number] = (losses[number] ?? 0) + 1;
    return losses[number] <= (number % 20 === 3 ? 3 : number % 5 === 0 ? 1 : 0);
}

async function request(method, path, key, body) {
    most = Math.max(most, ++open);
    try {
        const response = await fetch(url + path, { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json',
            authorization: `Bearer ${key}`, 'user-agent': 'TinyCDP-SDK/1.0.0' } });
        const answer = await response.json();
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
        if (answer.duplicate && path === '/v1/track') ++duplicates;
        // The request has arrived, but the client does not hear of it.
        if (lose && path === '/v1/track' && lost(body.props.number)) throw new Error('connection lost');
        return { status: response.status, answer };
    } finally {
        --open;
    }
}

async function withRetry(send) {
    for (let attempt = 1; ; ++attempt) {
        try {
            const { status, answer } = await send();
            if (status < 500 && status !== 429) return { status, answer };
            throw new Error(`status ${status}`);
        } catch (error) {
            if (attempt === 3) throw error;
            await new Promise((resolve) => setTimeout(resolve, 20 * 2 ** attempt * (0.5 + Math.random())));
        }
    }
}

const queue = Array.from({ length: events }, (_, i) => ({ tries: 0, body: { userId: `tiny-${i % 7}`, event: name, props: { number: i },
    ...(times ? { ts: new Date(Date.now() - 1000 * i).toISOString() } : {}) } }));
const failed = [];
while (queue.length > 0) {
    const flush = queue.splice(0, 20);
    const results = await Promise.allSettled(flush.map(({ body }) => withRetry(() => request('POST', '/v1/track', write, body))));
    if (results.every((one) => one.status === 'fulfilled')) continue;
    requeued += flush.length;
    for (const event of flush) (++event.tries > 3 ? failed : queue).push(event);
}

const identified = await withRetry(() => request('POST', '/v1/identify', write, { deviceId: 'tiny-device', userId: 'tiny user/ä&=+', traits: { plan: 'pro' } }));
const decided = [];
for (const [user, flag] of decisions)
    decided.push(await withRetry(() => request('GET', `/v1/decide?userId=${encodeURIComponent(user)}&flag=${encodeURIComponent(flag)}`, read)));

// A page of another origin: the preflight of a request with a key, then beacons, which have no headers of their own.
const origin = 'https://shop.example';
const preflight = await fetch(`${url}/v1/track`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type' } });
const allowed = Object.fromEntries(['origin', 'methods', 'headers'].map((what) => [what, preflight.headers.get(`access-control-allow-${what}`)]));
const beaconed = [];
for (let i = 0; i < beacons; ++i) {
    const response = await fetch(`${url}/v1/track?apiKey=${write}`, { method: 'POST', headers: { origin, 'content-type': 'text/plain;charset=UTF-8' },
        body: JSON.stringify({ userId: 'tiny-1', event: 'Page Left', props: { number: i } }) });
    beaconed.push([response.status, response.headers.get('content-type'), response.headers.get('access-control-allow-origin'), (await response.json()).success]);
}
finish({ failed: failed.length, duplicates, requeued, most, statuses, identified, decided, preflight: { status: preflight.status, allowed }, beaconed });
