// Imitates the platforms that audiences are sent to: checks each request strictly, keeps each audience as a set of identifiers,
// and fails on request.
//     node ad_platforms.mjs
// prints one line of JSON with its port on 127.0.0.1.
//     /meta/… /google/… /tiktok/… /snapchat/… /webhook/…    the platforms: base_url is http://127.0.0.1:PORT/meta
//     POST /oauth/google, /oauth/snapchat                   access tokens for refresh tokens, which rotate: token_url
//     GET /__audience?platform=&id= (or &name=)             its name, size and sorted identifiers; DELETE deletes it there
//     POST /__audience {platform, name, add, remove, flagged}    change it behind the sender's back
//     GET /__summary                                        requests, faults and violations by platform
//     POST /__settings {…}, /__expire {platform}, /__reset  see ad_platforms_state.mjs
//     POST /__faults {path, mode, times, rate, seed, …}     fail from now on; DELETE stops that and answers what is held
// Access tokens: meta-token, tiktok-token; the clients of OAuth are client and secret, with refresh-google-1 and
// refresh-snapchat-1. The secret of webhooks is whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
import http from 'node:http';
import { fail, meta } from './ad_platforms_meta.mjs';
import { google, googleError, snapchat, snapchatError, tiktok, tiktokError, webhook } from './ad_platforms_others.mjs';
import { makeAudience, now, random, reset, state } from './ad_platforms_state.mjs';

const platforms = { meta, google, tiktok, snapchat, webhook };
let faults = [];
let held = [];

// ---- OAuth ----

function renew(platform, request) {
    const bad = [];
    const form = new URLSearchParams(request.body);
    if (request.method !== 'POST' || request.headers['content-type'] !== 'application/x-www-form-urlencoded') bad.push('no form');
    if (form.get('grant_type') !== 'refresh_token') bad.push('grant_type');
    if (bad.length > 0) return { status: 400, body: { error: 'invalid_request', error_description: bad.join('; ') }, bad };
    if (form.get('client_id') !== 'client' || form.get('client_secret') !== 'secret') return { status: 401, body: { error: 'invalid_client' } };
    const good = state.refresh[platform];
    if (!good.includes(form.get('refresh_token'))) return { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' } };
    // The one before is good until the newest was used, so that an answer may be lost.
    if (form.get('refresh_token') === good.at(-1)) state.refresh[platform] = [good.at(-1)];
    const access = `access-${platform}-${state.next++}`;
    state.tokens[platform].add(access);
    const answer = { access_token: access, token_type: 'Bearer', expires_in: state.settings.token_seconds };
    if (state.settings.rotate) {
        answer.refresh_token = `refresh-${platform}-${++state.refreshed[platform]}`;
        state.refresh[platform] = [form.get('refresh_token'), answer.refresh_token];
    }
    return { status: 200, body: answer };
}

// ---- faults ----

const throttled = {
    meta: () => fail(80003, 0, 'There have been too many calls', 400, { 'x-business-use-case-usage': '{"1":[{"type":"custom_audience","call_count":100,"estimated_time_to_regain_access":0}]}' }),
    google: () => googleError(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded'),
    tiktok: () => tiktokError(40100, 'Too many requests per second'),
    snapchat: () => snapchatError(429, 'E1008', 'Too many requests'),
    webhook: () => ({ status: 429, headers: { 'retry-after': '1' }, body: {} }),
};
const expired = {
    meta: () => fail(190, 463, 'Error validating access token: the session has expired'),
    google: () => googleError(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials'),
    tiktok: () => tiktokError(40102, 'Access token has expired'),
    snapchat: () => ({ status: 401, type: 'text/plain', body: 'unauthorized' }),
    webhook: () => ({ status: 401, body: {} }),
};

const modes = {
    throttle: (call) => call.answer(throttled[call.platform]()),
    token: (call) => call.answer(expired[call.platform]()),
    // One answer of the test's own.
    status: (call) => call.answer({ status: call.fault.status ?? 500, body: call.fault.body ?? {}, headers: call.fault.headers, type: call.fault.type }),
    server: (call) => call.answer({ status: 503, type: 'text/plain', body: 'unavailable' }),
    html: (call) => call.answer({ status: call.fault.status ?? 502, type: 'text/html', body: '<html><body>Bad gateway</body></html>' }),
    cut_before: (call) => call.response.socket.destroy(),
    cut_after: (call) => { call.judge(false); call.response.socket.destroy(); },
    half: (call) => {
        call.judge(false);
        call.response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        call.response.write('{"half": "of an answer', () => call.response.socket.destroy());
    },
    // A part of the rows is done.
    partial: (call) => call.answer(call.judge(true)),
    slow: (call) => { setTimeout(() => call.answer(call.judge(false)), call.fault.milliseconds ?? 300); },
    hang: () => {},
    // The right answer, when the faults are deleted.
    hold: (call) => { held.push(() => call.answer(call.judge(false))); },
    session_lost: (call) => {
        for (const session of state.sessions.values()) if (!session.closed) session.lost = true;
        call.answer(call.platform === 'meta' ? fail(2650, 1870158, 'the session has timed out') : call.judge(false));
    },
    // One of those after which sending again is right.
    any: (call) => {
        const choices = call.fault.choices ?? ['throttle', 'server', 'html', 'cut_before', 'cut_after', 'half', 'partial', 'session_lost'];
        modes[choices[Math.floor(call.fault.random() * choices.length)]](call);
    },
};

function faultFor(path) {
    for (const fault of faults) {
        if (!path.startsWith(fault.path) || fault.times === 0) continue;
        if (fault.rate !== undefined && fault.random() >= fault.rate) continue;
        if (fault.times > 0) --fault.times;
        return fault;
    }
    return null;
}

// ---- control ----

function findAudience({ platform, id, name }) {
    const all = state.audiences[platform];
    return all?.get(id) ?? [...(all?.values() ?? [])].find((each) => each.name === name);
}

function controlAudience(request) {
    const asked = request.method === 'POST' ? JSON.parse(request.body) : Object.fromEntries(request.query);
    let audience = findAudience(asked);
    if (request.method === 'POST') {
        audience ??= makeAudience(asked.platform, asked.name);
        for (const each of asked.add ?? []) audience.members.set(each, now());
        for (const each of asked.remove ?? []) audience.members.delete(each);
        if ('flagged' in asked) audience.flagged = asked.flagged;
    }
    if (request.method === 'DELETE' && audience) state.audiences[asked.platform].delete(audience.id);
    if (!audience) return { status: 404, body: { error: 'no such audience' } };
    return { status: 200, body: { id: audience.id, name: audience.name, size: audience.members.size, changes: audience.changed,
        identifiers: [...audience.members.keys()].sort() } };
}

function control(request) {
    const posted = request.method === 'POST' && request.body !== '' ? JSON.parse(request.body) : {};
    switch (request.path) {
        case '/__audience': return controlAudience(request);
        case '/__summary': return { status: 200, body: { platforms: state.counts, violations: state.violations } };
        case '/__settings': return { status: 200, body: Object.assign(state.settings, posted) };
        case '/__expire': state.tokens[posted.platform].clear(); return { status: 200, body: {} };
        case '/__reset': reset(); faults = []; return { status: 200, body: {} };
        case '/__faults':
            if (request.method === 'DELETE') {
                faults = [];
                held.splice(0).forEach((answer) => answer());
            } else {
                if (!modes[posted.mode] || !posted.path) return { status: 400, body: { error: `mode is one of ${Object.keys(modes)}` } };
                faults.push({ times: -1, ...posted, random: random(posted.seed ?? 1) });
            }
            return { status: 200, body: {} };
        default: return { status: 404, body: { error: 'unknown' } };
    }
}

// ---- requests ----

function send(response, { status, body, type, headers }) {
    if (response.destroyed) return;
    const text = typeof body === 'string';
    response.writeHead(status, { 'content-type': type ?? 'application/json', ...headers });
    response.end(text ? body : JSON.stringify(body));
}

function serve(request, response, body) {
    const url = new URL(request.url, 'http://platforms');
    const asked = { method: request.method, path: url.pathname, query: url.searchParams, headers: request.headers, body };
    if (url.pathname.startsWith('/__')) return send(response, control(asked));
    const [, part, rest] = /^\/(\w+)(\/.*)?$/.exec(url.pathname) ?? [];
    const oauth = part === 'oauth' ? rest?.slice(1) : null;
    const platform = oauth ?? part;
    if (!platforms[platform]) return send(response, { status: 404, body: { error: `no platform ${platform}` } });
    const count = (state.counts[platform] ??= { requests: 0, faults: 0, violations: 0 });
    ++count.requests;
    const judge = (half) => {
        const answer = oauth ? renew(platform, asked) : platforms[platform]({ ...asked, path: rest ?? '/' }, half);
        if (answer.bad) {
            ++count.violations;
            state.violations.push(`${platform} ${request.method} ${url.pathname}: ${answer.bad.slice(0, 5).join('; ')}`);
        }
        return answer;
    };
    const fault = faultFor(url.pathname);
    if (!fault) return send(response, judge(false));
    ++count.faults;
    modes[fault.mode]({ fault, platform, response, judge, answer: (value) => send(response, value) });
}

const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
        try {
            serve(request, response, Buffer.concat(chunks).toString());
        } catch (error) {
            state.violations.push(`the mock failed: ${error.stack}`);
            send(response, { status: 500, type: 'text/plain', body: String(error) });
        }
    });
});
// Connections are kept as long as clients like, so that no test depends on when one is closed.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.on('clientError', (error, socket) => socket.destroy());
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
