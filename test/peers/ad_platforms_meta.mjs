// Meta's custom audiences, as strict as its documentation.
import { change, isHash, isMobileId, isObject, makeAudience, now, onlyKeys, parse, state } from './ad_platforms_state.mjs';

const columns = ['EXTERN_ID', 'EMAIL', 'PHONE', 'GEN', 'DOBY', 'DOBM', 'DOBD', 'LN', 'FN', 'FI', 'CT', 'ST', 'ZIP', 'MADID', 'COUNTRY'];
const strong = ['EXTERN_ID', 'EMAIL', 'PHONE', 'MADID'];
const sessionLife = 90 * 60 * 1000;

const ok = (body) => ({ status: 200, body });
export function fail(code, subcode, message, status = 400, headers = {}) {
    return { status, headers, body: { error: { message, type: 'OAuthException', code, ...(subcode ? { error_subcode: subcode } : {}), fbtrace_id: 'x' } } };
}
const violated = (bad) => ({ ...fail(100, 0, bad.join('; ')), bad });

function identifiersOf(schema, row) {
    const cells = schema.map((name, i) => [name, row[i]]).filter(([, value]) => value !== '');
    const found = cells.filter(([name]) => strong.includes(name)).map(([name, value]) => `${name}:${value}`);
    // Names and places find somebody only together, and only when nothing else does.
    return found.length > 0 ? found : [`TOGETHER:${cells.map((cell) => cell.join('=')).sort().join('|')}`];
}

function checkPayload(bad, payload) {
    onlyKeys(bad, 'payload', payload, ['schema', 'data', 'is_raw', 'data_processing_options', 'data_processing_options_country', 'data_processing_options_state']);
    if (!isObject(payload)) return;
    const { schema, data } = payload;
    if (!Array.isArray(schema) || schema.length === 0) return void bad.push('schema is no list');
    for (const name of schema) if (!columns.includes(name)) bad.push(`schema: ${name}`);
    if (new Set(schema).size !== schema.length) bad.push('schema: a name twice');
    if (!Array.isArray(data) || data.length === 0) return void bad.push('data is no list');
    if (data.length > 10000) bad.push(`${data.length} rows, at most 10000`);
    data.forEach((row, i) => {
        if (!Array.isArray(row) || row.length !== schema.length) return void bad.push(`data[${i}]: ${row?.length} cells, ${schema.length} columns`);
        if (row.every((cell) => cell === '')) bad.push(`data[${i}]: an empty row`);
        row.forEach((cell, j) => {
            if (cell === '') return;
            const name = schema[j];
            const good = name === 'MADID' ? isMobileId(cell) : name === 'EXTERN_ID' ? typeof cell === 'string' : isHash(cell);
            if (!good) bad.push(`data[${i}]: ${name} ${cell}`);
        });
    });
    if (bad.length > 5) bad.length = 5;
}

// A session: its number is made by the sender; batches follow each other, the first is never sent twice.
function enterSession(bad, audience, place, kind, schema) {
    onlyKeys(bad, 'session', place, ['session_id', 'batch_seq', 'last_batch_flag', 'estimated_num_total']);
    if (!isObject(place)) return null;
    const { session_id: id, batch_seq: batch, last_batch_flag: last } = place;
    if (!Number.isSafeInteger(id) || id <= 0) bad.push(`session_id ${id}`);
    if (!Number.isSafeInteger(batch) || batch < 1) bad.push(`batch_seq ${batch}`);
    if (typeof last !== 'boolean') bad.push('last_batch_flag');
    if (bad.length > 0) return null;
    let session = state.sessions.get(id);
    if (batch === 1) {
        if (session) return void bad.push(`batch 1 of session ${id} came twice`) ?? null;
        session = { id, audience: audience.id, kind, schema: schema.join(), begun: now(), batches: 0, closed: false, received: 0, members: new Map() };
        state.sessions.set(id, session);
    }
    if (!session) return { error: fail(2650, 1870147, 'the first batch of the session is missing') };
    if (session.audience !== audience.id || session.kind !== kind) bad.push(`session ${id} is of another audience or method`);
    if (session.schema !== schema.join()) bad.push(`session ${id} had another schema`);
    if (session.lost || now() - session.begun > sessionLife) return { error: fail(2650, 1870158, 'the session has timed out') };
    if (session.closed) return { error: fail(2650, 1870159, 'the session is finished') };
    if (batch > session.batches + 1) bad.push(`batch ${batch} of session ${id} after batch ${session.batches}`);
    return { session, again: batch <= session.batches, batch, last };
}

function users(request, audience, kind, half) {
    const bad = [];
    const body = parse(bad, request);
    onlyKeys(bad, 'body', body, ['session', 'payload']);
    checkPayload(bad, body.payload);
    if (bad.length > 0) return violated(bad);
    const entered = enterSession(bad, audience, body.session, kind, body.payload.schema);
    if (bad.length > 0) return violated(bad);
    if (entered.error) return entered.error;
    if (audience.flagged) return fail(100, 1713230, 'this audience was flagged');
    const open = [...state.sessions.values()].find((each) => each.kind === 'usersreplace' && each.audience === audience.id && !each.closed &&
        !each.lost && each !== entered.session && now() - each.begun <= sessionLife);
    if (open) {
        state.sessions.delete(entered.batch === 1 ? entered.session.id : null);
        return fail(2650, 1870145, 'a replacement of this audience is in progress');
    }
    const { session } = entered;
    // What comes again was there already: its rows, which may be others now, count for nothing.
    if (entered.again && kind === 'usersreplace' && state.settings.ignore_repeats && !entered.last)
        return ok({ audience_id: audience.id, session_id: String(session.id), num_received: session.received, num_invalid_entries: 0, invalid_entry_samples: {} });
    const rows = half ? body.payload.data.slice(0, Math.ceil(body.payload.data.length / 2)) : body.payload.data;
    const identifiers = rows.flatMap((row) => identifiersOf(body.payload.schema, row));
    if (kind === 'usersreplace') identifiers.forEach((each) => session.members.set(each, now()));
    else change(audience, kind === 'DELETE' ? 'remove' : 'add', identifiers);
    // A batch of which half was taken has come: the sender does not know, and goes on behind it.
    session.batches = Math.max(session.batches, entered.batch);
    if (half) return fail(2, 0, 'an unexpected error has occurred', 500);
    if (!entered.again) session.received += body.payload.data.length;
    if (entered.last) {
        session.closed = true;
        if (kind === 'usersreplace') audience.members = session.members;
    }
    return ok({ audience_id: audience.id, session_id: String(session.id), num_received: session.received, num_invalid_entries: 0, invalid_entry_samples: {} });
}

function oneAudience(request, audience) {
    if (request.method === 'DELETE') {
        state.audiences.meta.delete(audience.id);
        return ok({ success: true });
    }
    if (request.method !== 'GET') return violated([`no ${request.method} of an audience`]);
    if (!/operation_status/.test(request.query.get('fields') ?? '')) return violated(['fields is missing']);
    const status = audience.flagged ? { code: 471, description: 'Flagged' } : { code: 200, description: 'Normal' };
    return ok({ id: audience.id, name: audience.name, approximate_count_lower_bound: audience.members.size,
        approximate_count_upper_bound: audience.members.size, operation_status: status, delivery_status: { code: 200, description: 'ready' },
        time_updated: Math.floor(now() / 1000) });
}

// What a token is good for; it may ask about itself.
function debugToken(request) {
    if (!request.query.get('input_token')) return violated(['input_token is missing']);
    const good = state.tokens.meta.has(request.query.get('input_token'));
    const { login_seconds: seconds } = state.settings;
    return ok({ data: { app_id: '1', type: 'SYSTEM_USER', is_valid: good, scopes: ['ads_management'], issued_at: 1700000000, data_access_expires_at: 0,
        expires_at: seconds === null ? 0 : Math.floor(now() / 1000) + seconds } });
}

function account(request) {
    if (request.method === 'GET')
        return ok({ data: [...state.audiences.meta.values()].map(({ id, name }) => ({ id, name })) });
    const bad = [];
    const body = parse(bad, request);
    onlyKeys(bad, 'body', body, ['name', 'subtype', 'description', 'customer_file_source']);
    if (request.method !== 'POST') bad.push(request.method);
    if (typeof body.name !== 'string' || body.name === '') bad.push('name');
    if (body.subtype !== 'CUSTOM') bad.push('subtype');
    if (!['USER_PROVIDED_ONLY', 'PARTNER_PROVIDED_ONLY', 'BOTH_USER_AND_PARTNER_PROVIDED'].includes(body.customer_file_source)) bad.push('customer_file_source');
    if (bad.length === 0 && state.audiences.meta.size >= state.settings.most_audiences) return fail(2656, 1870034, 'the ad account has too many custom audiences');
    return bad.length > 0 ? violated(bad) : ok({ id: makeAudience('meta', body.name).id });
}

// `half`: only a part of the rows is done.
export function meta(request, half) {
    const path = /^\/v(\d+)\.0(\/.*)$/.exec(request.path);
    if (!path) return violated([`no version in ${request.path}`]);
    if (request.query.has('method') || request.headers['x-http-method-override']) return violated(['the method is overridden']);
    if (!state.tokens.meta.has(request.query.get('access_token'))) return fail(190, 463, 'the session has expired');
    if (request.method === 'GET' && request.body !== '') return violated(['a GET with a body']);
    if (path[2] === '/debug_token' && request.method === 'GET') return debugToken(request);
    if (/^\/act_\d+\/customaudiences$/.test(path[2])) return account(request);
    const [, id, , call] = /^\/([^/]+)(\/(\w+))?$/.exec(path[2]) ?? [];
    const audience = state.audiences.meta.get(id);
    if (!audience) return fail(100, 33, 'Unsupported request. Object does not exist');
    if (!call) return oneAudience(request, audience);
    if (call === 'users' && ['POST', 'DELETE'].includes(request.method)) return users(request, audience, request.method, half);
    if (call === 'usersreplace' && request.method === 'POST') return users(request, audience, 'usersreplace', half);
    if (call === 'sessions' && request.method === 'GET') {
        const session = state.sessions.get(Number(request.query.get('session_id')));
        const row = session && { session_id: String(session.id), num_received: String(session.received), num_invalid_entries: '0',
            num_matched: String(Math.floor(session.received * state.settings.match)), progress: '100', stage: session.closed ? 'completed' : 'uploading' };
        return ok({ data: row ? [row] : [] });
    }
    return violated([`no ${request.method} ${request.path}`]);
}
