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
//     POST /__faults {path, mode, times, rate, seed, form, adds, skip, every, …}    fail from now on; DELETE stops that and answers what is held
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
    if (state.settings.refresh_seconds !== null) answer.refresh_token_expires_in = state.settings.refresh_seconds;
    if (state.settings.rotate) {
        answer.refresh_token = `refresh-${platform}-${++state.refreshed[platform]}`;
        state.refresh[platform] = [form.get('refresh_token'), answer.refresh_token];
    }
    return { status: 200, body: answer };
}

// ---- faults ----

const usage = (minutes) => ({ 'x-business-use-case-usage': `{"1":[{"type":"custom_audience","call_count":100,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":${minutes}}]}` });
const terms = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'TERMS_AND_CONDITIONS_NOT_SIGNED' }];

// How each platform says it: the documented forms, of which `form` chooses one.
const answers = {
    throttle: {
        meta: [() => fail(80003, 0, 'There have been too many calls', 400, usage(0)), () => fail(17, 2446079, 'User request limit reached', 429),
            () => fail(613, 1487742, 'Calls to this api have exceeded the rate limit', 400), () => fail(4, 0, 'Application request limit reached', 400), () => fail(32, 0, 'Page request limit reached', 403)],
        google: [() => googleError(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded')],
        tiktok: [40100, 40016, 40133, 40132].map((code) => () => tiktokError(code, 'Too many requests per second')),
        snapchat: [() => snapchatError(429, 'E1008', 'Too many requests'), () => ({ status: 429, type: 'text/plain', body: '' })],
        webhook: [() => ({ status: 429, headers: { 'retry-after': '1' }, body: {} }), () => ({ status: 429, type: 'text/plain', body: '' })],
    },
    token: {
        meta: [() => fail(190, 463, 'Error validating access token: the session has expired'), () => fail(190, 460, 'the password was changed')],
        google: [() => googleError(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials')],
        tiktok: [40102, 40104, 40105, 40106].map((code) => () => tiktokError(code, 'Access token is not valid')),
        snapchat: [() => ({ status: 401, type: 'text/plain', body: 'unauthorized' })],
        webhook: [() => ({ status: 401, body: {} }), () => ({ status: 403, body: {} })],
    },
    // A person must do something there.
    blocked: {
        meta: [() => fail(200, 1870090, 'The Custom Audience terms have not been accepted', 403), () => fail(200, 1870050, 'terms not accepted', 403), () => fail(294, 0, 'needs the extended permission ads_management', 403),
            () => fail(10, 0, 'Permission denied', 403), () => fail(368, 0, 'temporarily blocked for policies violations'), () => fail(2655, 0, 'messaging terms not accepted'), () => fail(1487301, 0, 'not shared')],
        google: [() => googleError(400, 'INVALID_ARGUMENT', 'terms', terms), () => googleError(403, 'PERMISSION_DENIED', 'The caller does not have permission'),
            () => googleError(403, 'PERMISSION_DENIED', 'not allowed', [{ reason: 'NOT_ALLOWLISTED' }]), () => googleError(400, 'FAILED_PRECONDITION', 'declare', [{ reason: 'EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED' }])],
        tiktok: [40001, 40118, 40119, 40125].map((code) => () => tiktokError(code, 'No permission')),
        snapchat: [() => snapchatError(403, 'E3002', 'Access denied')],
        webhook: [() => ({ status: 403, body: {} })],
    },
    // Somebody else is at it, or it rests.
    busy: {
        meta: [() => fail(2650, 1870145, 'a replacement of this audience is in progress'), () => fail(2, 0, 'An unexpected error has occurred', 500), () => fail(1, 0, 'unknown', 500), () => fail(341, 0, 'Application limit reached')],
        google: [() => googleError(409, 'ABORTED', 'concurrent change'), () => googleError(500, 'INTERNAL', 'internal'), () => googleError(503, 'UNAVAILABLE', 'unavailable'), () => googleError(504, 'DEADLINE_EXCEEDED', 'deadline')],
        tiktok: [[40202, 'write conflict'], [40201, 'not ready'], [40002, 'The audience is being updated'], [50000, 'system error'], [50002, 'error'], [51305, 'error'], [60001, 'maintenance']].map(([code, text]) => () => tiktokError(code, text)),
        snapchat: [() => ({ status: 500, type: 'text/plain', body: '' }), () => ({ status: 504, type: 'text/html', body: '<html>' })],
        webhook: [() => ({ status: 502, body: {} }), () => ({ status: 504, body: {} })],
    },
    // It will never be taken.
    refused: {
        meta: [() => fail(100, 0, 'Invalid parameter'), () => fail(105, 0, 'too many parameters'), () => fail(2650, 1870144, 'too big')],
        google: [() => googleError(400, 'INVALID_ARGUMENT', 'no such type', [{ reason: 'INVALID_USER_LIST_TYPE' }])],
        tiktok: [40000, 40002, 40007, 40011, 40300, 40301].map((code) => () => tiktokError(code, 'Invalid parameter')),
        snapchat: [() => snapchatError(400, 'E1001', 'invalid'), () => ({ status: 200, body: { request_status: 'ERROR', display_message: 'invalid', error_code: 'E1001' } })],
        webhook: [() => ({ status: 400, body: {} })],
    },
};
const inForm = (kind) => (call) => {
    const forms = answers[kind][call.platform];
    const form = call.fault.form ?? Math.floor(call.fault.random() * forms.length);
    call.answer(forms[form % forms.length]());
};

// Google refuses a whole request because of its first row.
function badRows(call) {
    if (call.platform !== 'google') return call.answer(call.judge(false));
    call.answer(googleError(400, 'INVALID_ARGUMENT', 'bad rows', [{ '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'audienceMembers[0].userData.userIdentifiers[0].emailAddress', reason: 'INVALID_SHA256_FORMAT' }] }]));
}

// TikTok took the request before, and says so.
function duplicate(call) {
    const answer = call.judge(false);
    call.answer(call.platform === 'tiktok' ? tiktokError(40050, 'Duplicate request') : answer);
}

const modes = {
    throttle: inForm('throttle'),
    token: inForm('token'),
    blocked: inForm('blocked'),
    busy: inForm('busy'),
    refused: inForm('refused'),
    bad_rows: badRows,
    duplicate,
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
    // Done at once, and answered later.
    late: (call) => {
        const answer = call.judge(false);
        setTimeout(() => call.answer(answer), call.fault.milliseconds ?? 300);
    },
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

// Whether a request adds people, on any platform.
const adds = (request, path) => request.method === 'POST' && (/\/users(replace)?$|:ingest$/.test(path) || /"action":"add"|members_added/.test(request.body));

function faultFor(request, path) {
    for (const fault of faults) {
        if (!path.startsWith(fault.path) || fault.times === 0 || (fault.adds && !adds(request, path))) continue;
        if (fault.skip > 0) {
            --fault.skip;
            continue;
        }
        if (fault.every && ++fault.seen % fault.every !== 0) continue;
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
        case '/__summary': return { status: 200, body: { platforms: state.counts, violations: state.violations, held: held.length, paths: state.paths,
            audiences: Object.fromEntries(Object.entries(state.audiences).map(([name, all]) => [name, all.size])) } };
        case '/__settings': return { status: 200, body: Object.assign(state.settings, posted) };
        case '/__expire': state.tokens[posted.platform].clear(); return { status: 200, body: {} };
        case '/__reset': reset(); faults = []; return { status: 200, body: {} };
        case '/__faults':
            if (request.method === 'DELETE') {
                faults = [];
                held.splice(0).forEach((answer) => answer());
            } else {
                if (!modes[posted.mode] || !posted.path) return { status: 400, body: { error: `mode is one of ${Object.keys(modes)}` } };
                faults.push({ times: -1, seen: 0, ...posted, random: random(posted.seed ?? 1) });
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
    if (url.pathname.endsWith('/usersreplace')) state.paths.replace = (state.paths.replace ?? 0) + 1;
    const most = platform === 'tiktok' ? 4e6 : platform === 'webhook' ? 1e6 : 8e6;
    if (body.length > most) state.violations.push(`${platform} ${request.method} ${url.pathname}: a body of ${body.length} characters`);
    const judge = (half) => {
        const answer = oauth ? renew(platform, asked) : platforms[platform]({ ...asked, path: rest ?? '/' }, half);
        if (answer.bad) {
            ++count.violations;
            state.violations.push(`${platform} ${request.method} ${url.pathname}: ${answer.bad.slice(0, 5).join('; ')}`);
        }
        return answer;
    };
    const fault = faultFor(asked, url.pathname);
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
