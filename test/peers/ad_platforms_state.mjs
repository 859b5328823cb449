// What the ad platforms of the tests keep: audiences as sets of identifiers, upload sessions, requests, tokens.

export const state = {};

export function reset() {
    Object.assign(state, {
        audiences: { meta: new Map(), google: new Map(), tiktok: new Map(), snapchat: new Map(), webhook: new Map() },
        next: 1000,
        requests: new Map(),     // Google: request id -> { status, apply }
        sessions: new Map(),     // Meta: session id -> session
        violations: [],          // [platform, method, path, what]
        paths: {},               // what requests are for -> their number
        counts: {},              // platform -> { requests, faults }
        tokens: { meta: new Set(['meta-token']), google: new Set(), tiktok: new Set(['tiktok-token']), snapchat: new Set() },
        // The refresh tokens that are good: the newest, and the one before until the newest was used.
        refresh: { google: ['refresh-google-1'], snapchat: ['refresh-snapchat-1'] },
        refreshed: { google: 1, snapchat: 1 },
        webhooks: new Map(),     // webhook-id -> what was sent with it
        // login_seconds: how long Meta's token is good, refresh_seconds: how long a refresh token; null: for ever, and unsaid.
        settings: { rotate: true, ignore_repeats: true, google_pending: 0, match: 0.8, clock: null, token_seconds: 3600, login_seconds: null, refresh_seconds: null,
            most_audiences: 400 },
    });
}
reset();

// Now, or the time that a test has set.
export const now = () => state.settings.clock ?? Date.now();

export function makeAudience(platform, name) {
    const id = platform === 'snapchat'
        ? `00000000-0000-4000-8000-${String(state.next++).padStart(12, '0')}`
        : `238565940645${state.next++}`;
    const audience = { id, name, members: new Map(), flagged: false, changed: 0 };
    state.audiences[platform].set(id, audience);
    return audience;
}

// A member is an identifier as a text, with the time when it was sent last.
export function change(audience, operation, identifiers) {
    for (const identifier of identifiers)
        if (operation === 'add') audience.members.set(identifier, now());
        else audience.members.delete(identifier);
    ++audience.changed;
}

// A repeatable sequence of numbers from 0 to 1.
export function random(seed) {
    let value = seed >>> 0;
    return () => {
        value = (value + 0x6d2b79f5) >>> 0;
        let t = Math.imul(value ^ (value >>> 15), value | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

// ---- what every platform checks ----

export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
export const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) && value !== nothing;
export const isMobileId = (value, any = false) =>
    typeof value === 'string' && (any ? /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/ : /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/).test(value);

export function onlyKeys(bad, where, value, keys) {
    if (!isObject(value)) return void bad.push(`${where}: no object`);
    for (const key of Object.keys(value)) if (!keys.includes(key)) bad.push(`${where}: unknown field ${key}`);
}

// The JSON object of a request.
export function parse(bad, request) {
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) bad.push('content-type is not application/json');
    try {
        const value = JSON.parse(request.body);
        if (isObject(value)) return value;
        bad.push('the body is no JSON object');
    } catch {
        bad.push('the body is no JSON');
    }
    return {};
}
