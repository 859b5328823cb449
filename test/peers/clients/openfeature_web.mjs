// OpenFeature's library for browsers with its OFREP provider, which asks for all flags at once and keeps them.
//     {url, direct, key, origin, steps: [step, ...]}    a step has put: [path, key, body], a change to make, context: {...}, poll: true to let it ask
//     again twice, and flags: [[flag, default], ...] to evaluate. direct is where preflights go
// prints for each step what was evaluated, and all requests with their status and If-None-Match.
import { finish, given, require } from './client.mjs';

const { OpenFeature, ProviderEvents } = require('@openfeature/web-sdk');
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');
const { url, direct, key, origin, steps } = given;

const requests = [];
let arrived = () => {};
// A browser adds the page's origin, and sends nothing that the preflight does not allow.
const observed = async (request) => {
    const headers = new Headers(request.headers);
    const path = new URL(request.url).pathname;
    const preflight = await fetch(direct + path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST',
        'access-control-request-headers': [...headers.keys()].join(',') } });
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').split(/, */);
    const refused = [...headers.keys()].filter((name) => !allowed.includes(name) && name !== 'accept');
    headers.set('origin', origin);
    const response = await fetch(request.url, { method: request.method, headers, body: await request.text() });
    requests.push({ path, status: response.status, tag: headers.get('if-none-match'), etag: response.headers.get('etag'), refused,
        readable: response.headers.get('access-control-allow-origin'), exposed: response.headers.get('access-control-expose-headers') });
    arrived();
    return response;
};
const provider = new OFREPWebProvider({ baseUrl: url, pollInterval: 100, headers: key ? [['X-API-Key', key]] : [], fetchImplementation: observed, cacheMode: 'disabled' });
const calls = { boolean: 'getBooleanDetails', string: 'getStringDetails', number: 'getNumberDetails', object: 'getObjectDetails' };
const results = [];
let error = null;
try {
    await OpenFeature.setContext(steps[0].context);
    await OpenFeature.setProviderAndWait(provider);
} catch (thrown) {
    error = `${thrown.name} ${thrown.code ?? ''}`.trim() + `: ${thrown.cause?.name ?? thrown.message}`;
}
const client = OpenFeature.getClient();
for (const [i, step] of steps.entries()) {
    if (step.put) {
        const [path, admin, body] = step.put;
        const changed = await fetch(direct + path, { method: 'PUT', headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
        if (!changed.ok) throw new Error(`the change failed: ${await changed.text()}`);
    }
    if (i > 0 && step.context) await OpenFeature.setContext(step.context);
    if (step.poll) for (let n = 0; n < 2; ++n) await new Promise((resolve) => (arrived = resolve));
    results.push((step.flags ?? []).map(([flag, fallback]) => client[calls[typeof fallback]](flag, fallback)));
}
finish({ error, results, requests });
