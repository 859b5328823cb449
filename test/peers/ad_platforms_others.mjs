// Google's Data Manager, TikTok, Snapchat and signed webhooks, as strict as their documentation.
import { createHmac } from 'node:crypto';
import { change, isHash, isMobileId, isObject, makeAudience, now, onlyKeys, parse, state } from './ad_platforms_state.mjs';

const ok = (body, status = 200) => ({ status, body });
const bearer = (request, platform) => state.tokens[platform].has(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]);
const first = (bad) => bad.slice(0, 5).join('; ');

// ---- Google ----

export function googleError(code, status, message, details = []) {
    return { status: code, body: { error: { code, status, message, details } } };
}
const googleViolated = (bad) => ({ ...googleError(400, 'INVALID_ARGUMENT', first(bad), [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'INVALID_ARGUMENT' }]), bad });

function checkAccount(bad, where, account) {
    onlyKeys(bad, where, account, ['accountType', 'accountId']);
    if (account?.accountType !== 'GOOGLE_ADS' || typeof account?.accountId !== 'string' || !/^\d+$/.test(account.accountId)) bad.push(where);
}

function googleIdentifiers(bad, where, member) {
    const kinds = Object.keys(member ?? {});
    if (kinds.length !== 1) return void bad.push(`${where}: ${kinds.join(', ')} together`) ?? [];
    if (kinds[0] === 'mobileData') {
        const ids = member.mobileData.mobileIds;
        if (!Array.isArray(ids) || ids.length < 1 || ids.length > 10 || !ids.every((id) => isMobileId(id, true))) bad.push(`${where}: mobileIds`);
        return (ids ?? []).map((id) => `mobile:${id}`);
    }
    if (kinds[0] === 'userIdData') {
        if (typeof member.userIdData.userId !== 'string' || member.userIdData.userId === '') bad.push(`${where}: userId`);
        return [`user:${member.userIdData.userId}`];
    }
    const identifiers = member.userData?.userIdentifiers;
    if (kinds[0] !== 'userData' || !Array.isArray(identifiers) || identifiers.length < 1 || identifiers.length > 10)
        return void bad.push(`${where}: 1 to 10 userIdentifiers`) ?? [];
    return identifiers.map((each) => {
        const [kind] = Object.keys(each);
        if (Object.keys(each).length !== 1) bad.push(`${where}: an identifier of ${Object.keys(each)}`);
        if (kind === 'emailAddress' || kind === 'phoneNumber') {
            if (!isHash(each[kind])) bad.push(`${where}: ${kind} ${each[kind]}`);
            return `${kind}:${each[kind]}`;
        }
        const { givenName, familyName, regionCode, postalCode } = each.address ?? {};
        onlyKeys(bad, `${where}.address`, each.address, ['givenName', 'familyName', 'regionCode', 'postalCode']);
        if (!isHash(givenName) || !isHash(familyName) || !/^[A-Z]{2}$/.test(regionCode ?? '') || typeof postalCode !== 'string' || postalCode === '')
            bad.push(`${where}: an address that is not complete`);
        return `address:${givenName}|${familyName}|${regionCode}|${postalCode}`;
    });
}

function googleMembers(request, verb, half) {
    const bad = [];
    const body = parse(bad, request);
    const ingests = verb === 'ingest', all = verb === 'removeAll';
    onlyKeys(bad, 'body', body, ['destinations', 'validateOnly', ...(all ? ['removeAsOfTime'] : ['audienceMembers', 'encoding']),
        ...(ingests ? ['consent', 'termsOfService'] : [])]);
    if (!Array.isArray(body.destinations) || body.destinations.length !== 1) return googleViolated([...bad, 'destinations']);
    const [place] = body.destinations;
    onlyKeys(bad, 'destination', place, ['operatingAccount', 'loginAccount', 'productDestinationId']);
    checkAccount(bad, 'operatingAccount', place.operatingAccount);
    if ('loginAccount' in place) checkAccount(bad, 'loginAccount', place.loginAccount);
    const audience = state.audiences.google.get(place.productDestinationId);
    if (!audience && bad.length === 0) return googleError(404, 'NOT_FOUND', 'user list not found', [{ reason: 'INVALID_USER_LIST_ID' }]);
    if (all) {
        const time = 'removeAsOfTime' in body ? Date.parse(body.removeAsOfTime) : now();
        if (Number.isNaN(time)) bad.push('removeAsOfTime');
        if (bad.length > 0) return googleViolated(bad);
        return accepted(half, () => { for (const [each, at] of audience.members) if (at < time) audience.members.delete(each); }, 0);
    }
    const members = Array.isArray(body.audienceMembers) ? body.audienceMembers : [];
    if (members.length < 1 || members.length > 10000) bad.push(`${members.length} members`);
    const identifiers = members.map((member, i) => googleIdentifiers(bad, `audienceMembers[${i}]`, member));
    const kinds = new Set(members.map((member) => Object.keys(member ?? {})[0]));
    if (kinds.size > 1) bad.push(`MULTIPLE_DATA_TYPES_NOT_ALLOWED: ${[...kinds]}`);
    if (kinds.has('userData') && body.encoding !== 'HEX') bad.push('encoding');
    if (ingests && kinds.has('userData') && body.termsOfService?.customerMatchTermsOfServiceStatus !== 'ACCEPTED') bad.push('termsOfService');
    if ('consent' in body) {
        onlyKeys(bad, 'consent', body.consent, ['adUserData', 'adPersonalization']);
        for (const value of Object.values(body.consent)) if (value !== 'CONSENT_GRANTED') bad.push(`consent ${value}`);
    }
    if (bad.length > 0) return googleViolated(bad);
    if (body.validateOnly) return ok({});
    return accepted(half, () => change(audience, ingests ? 'add' : 'remove', identifiers.flat()), members.length);
}

// Taken now; done when it is asked for. `half`: it fails later.
function accepted(half, apply, count) {
    const id = `request-${state.next++}`;
    state.requests.set(id, { count, failed: half, looks: state.settings.google_pending });
    if (!half) apply();
    return ok({ requestId: id });
}

function googleStatus(request) {
    const known = state.requests.get(request.query.get('requestId'));
    if (!known) return googleError(404, 'NOT_FOUND', 'request not found');
    // Documents spell a failure in two ways.
    const status = known.looks-- > 0 ? 'PROCESSING' : known.failed ? (known.count % 2 ? 'FAILED' : 'FAILURE') : 'SUCCESS';
    return ok({ requestStatusPerDestination: [{ requestStatus: status,
        ...(known.failed && known.looks < 0 ? { errorInfo: { errorCounts: [{ recordCount: String(known.count), reason: 'PROCESSING_ERROR_REASON_INTERNAL_ERROR' }] } } : {}),
        ...(status === 'SUCCESS' ? { audienceMembersIngestionStatus: { userDataIngestionStatus: { recordCount: String(known.count),
            uploadMatchRateRange: 'MATCH_RATE_RANGE_71_TO_80' } } } : {}) }] });
}

function googleLists(request, id) {
    const bad = [];
    if (!/^accountTypes\/GOOGLE_ADS\/accounts\/\d+$/.test(request.headers['login-account'] ?? '')) return googleViolated(['login-account header']);
    const show = (list) => ({ id: list.id, displayName: list.name, membershipStatus: 'OPEN',
        sizeInfo: { displayNetworkMembersCount: String(list.members.size), searchNetworkMembersCount: String(list.members.size) },
        ingestedUserListInfo: { contactIdInfo: { matchRatePercentage: Math.round(state.settings.match * 100) } } });
    if (!id && request.method === 'GET') return ok({ userLists: [...state.audiences.google.values()].map(show) });
    if (!id && request.method === 'POST') {
        const body = parse(bad, request);
        onlyKeys(bad, 'body', body, ['displayName', 'description', 'membershipDuration', 'ingestedUserListInfo']);
        if (typeof body.displayName !== 'string' || body.displayName === '') bad.push('displayName');
        const seconds = /^(\d+)s$/.exec(body.membershipDuration ?? '')?.[1];
        if (!seconds || seconds % 86400 !== 0 || seconds > 540 * 86400) bad.push(`membershipDuration ${body.membershipDuration}`);
        const keys = body.ingestedUserListInfo?.uploadKeyTypes;
        if (!Array.isArray(keys) || keys.length < 1 || !keys.every((key) => ['CONTACT_ID', 'MOBILE_ID', 'USER_ID'].includes(key))) bad.push('uploadKeyTypes');
        // Of a name an account has one list.
        if (bad.length === 0 && [...state.audiences.google.values()].some((each) => each.name === body.displayName))
            return googleError(400, 'INVALID_ARGUMENT', 'a list of this name exists', [{ reason: 'NAME_ALREADY_USED' }]);
        return bad.length > 0 ? googleViolated(bad) : ok(show(makeAudience('google', body.displayName)));
    }
    const list = state.audiences.google.get(id);
    if (!list) return googleError(404, 'NOT_FOUND', 'user list not found');
    if (request.method === 'DELETE') state.audiences.google.delete(id);
    return request.method === 'DELETE' ? ok({}) : request.method === 'GET' ? ok(show(list)) : googleViolated([request.method]);
}

export function google(request, half) {
    if (!bearer(request, 'google')) return googleError(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials');
    const verb = /^\/v1\/audienceMembers:(ingest|remove|removeAll)$/.exec(request.path)?.[1];
    if (verb && request.method === 'POST') return googleMembers(request, verb, half);
    if (request.path === '/v1/requestStatus:retrieve' && request.method === 'GET') return googleStatus(request);
    const lists = /^\/v1\/accountTypes\/GOOGLE_ADS\/accounts\/\d+\/userLists(?:\/([^/]+))?$/.exec(request.path);
    return lists ? googleLists(request, lists[1]) : { ...googleError(404, 'NOT_FOUND', 'no such method'), bad: [`no ${request.method} ${request.path}`] };
}

// ---- TikTok ----

export const tiktokError = (code, message) => ok({ code, message, request_id: 'r', data: {} });
const tiktokOk = (data = {}) => ok({ code: 0, message: 'OK', request_id: 'r', data });
const tiktokViolated = (bad) => ({ ...tiktokError(40002, first(bad)), bad });
const schemas = ['EMAIL_SHA256', 'PHONE_SHA256', 'IDFA_SHA256', 'AAID_SHA256', 'IDFA_MD5', 'AAID_MD5'];

function tiktokMapping(request, half) {
    const bad = [];
    const body = parse(bad, request);
    onlyKeys(bad, 'body', body, ['advertiser_ids', 'action', 'id_schema', 'batch_data']);
    const { advertiser_ids: advertisers, action, id_schema: schema, batch_data: rows } = body;
    if (!Array.isArray(advertisers) || advertisers.length < 1 || !advertisers.every((id) => typeof id === 'string' && /^\d+$/.test(id))) bad.push('advertiser_ids are no texts');
    if (!['add', 'delete'].includes(action)) bad.push(`action ${action}`);
    if (!Array.isArray(schema) || schema.length < 1 || new Set(schema).size !== schema.length || !schema.every((name) => schemas.includes(name))) bad.push('id_schema');
    if (!Array.isArray(rows) || rows.length < 1 || rows.length > 1000) bad.push(`${rows?.length} rows, 1 to 1000`);
    if (bad.length > 0) return tiktokViolated(bad);
    const changes = [];
    rows.forEach((row, i) => {
        if (!Array.isArray(row) || row.length !== schema.length) return void bad.push(`batch_data[${i}]: ${row?.length} cells, ${schema.length} columns`);
        if (row.every((cell) => isObject(cell) && Object.keys(cell).length === 0)) bad.push(`batch_data[${i}]: an empty row`);
        row.forEach((cell, j) => {
            if (!isObject(cell)) return void bad.push(`batch_data[${i}]: a cell that is no object`);
            if (Object.keys(cell).length === 0) return;
            onlyKeys(bad, `batch_data[${i}]`, cell, ['id', 'audience_ids']);
            if (!isHash(cell.id)) bad.push(`batch_data[${i}]: ${cell.id}`);
            if (!Array.isArray(cell.audience_ids) || cell.audience_ids.length !== 1 || typeof cell.audience_ids[0] !== 'string') return void bad.push('audience_ids');
            changes.push([i, cell.audience_ids[0], `${schema[j]}:${cell.id}`]);
        });
    });
    if (bad.length > 0) return tiktokViolated(bad);
    if (changes.some(([, id]) => !state.audiences.tiktok.has(id))) return tiktokError(40002, 'Audience does not exist');
    for (const [row, id, identifier] of changes)
        if (!half || row < rows.length / 2) change(state.audiences.tiktok.get(id), action === 'add' ? 'add' : 'remove', [identifier]);
    return half ? tiktokError(20001, 'Partial success') : tiktokOk();
}

function tiktokAudience(request) {
    const bad = [];
    const body = parse(bad, request);
    onlyKeys(bad, 'body', body, ['advertiser_id', 'action', 'custom_audience_name', 'delete_audience_id']);
    if (typeof body.advertiser_id !== 'string') bad.push('advertiser_id');
    if (body.action === 'create' && (typeof body.custom_audience_name !== 'string' || body.custom_audience_name === '' || [...body.custom_audience_name].length > 70)) bad.push('custom_audience_name');
    if (!['create', 'delete'].includes(body.action)) bad.push(`action ${body.action}`);
    if (bad.length > 0) return tiktokViolated(bad);
    if (body.action === 'create' && state.audiences.tiktok.size >= state.settings.most_audiences) return tiktokError(40002, 'The number of audiences has reached the limit');
    if (body.action === 'create') return tiktokOk({ audience_id: makeAudience('tiktok', body.custom_audience_name).id });
    return state.audiences.tiktok.delete(body.delete_audience_id) ? tiktokOk() : tiktokError(40002, 'Audience does not exist');
}

export function tiktok(request, half) {
    const path = /^\/open_api\/v1\.3(\/.*\/)$/.exec(request.path)?.[1];
    if (!path) return { status: 404, type: 'text/html', body: '<html>404</html>', bad: [`no ${request.path}`] };
    if (request.headers.authorization) return tiktokViolated(['an Authorization header']);
    if (!request.headers['access-token']) return tiktokError(40104, 'Access token is empty');
    if (!state.tokens.tiktok.has(request.headers['access-token'])) return tiktokError(40105, 'Access token is incorrect or has been revoked');
    if (path === '/segment/mapping/' && request.method === 'POST') return tiktokMapping(request, half);
    if (path === '/segment/audience/' && request.method === 'POST') return tiktokAudience(request);
    if (request.method === 'GET' && /^\d+$/.test(request.query.get('advertiser_id') ?? '')) {
        const show = (each) => ({ audience_id: each.id, name: each.name, cover_num: each.members.size, is_valid: true, is_expiring: false });
        const all = [...state.audiences.tiktok.values()];
        if (path === '/dmp/custom_audience/list/') {
            const [page, size] = ['page', 'page_size'].map((name) => Number(request.query.get(name) ?? NaN));
            if (!(page >= 1) || !(size >= 1 && size <= 100)) return tiktokViolated([`page ${page} of ${size}`]);
            return tiktokOk({ list: all.slice((page - 1) * size, page * size).map(show),
                page_info: { page, page_size: size, total_page: Math.max(1, Math.ceil(all.length / size)), total_number: all.length } });
        }
        if (path === '/dmp/custom_audience/get/') {
            const ids = JSON.parse(request.query.get('custom_audience_ids') ?? '[]');
            return tiktokOk({ list: all.filter((each) => ids.includes(each.id)).map((each) => ({ audience_details: show(each) })) });
        }
    }
    return tiktokViolated([`no ${request.method} ${request.path}`]);
}

// ---- Snapchat ----

export const snapchatError = (status, code, message) => ({ status, body: { request_status: 'ERROR', display_message: message, debug_message: message, error_code: code } });
const snapchatViolated = (bad) => ({ ...snapchatError(400, 'E1001', first(bad)), bad });
const snapchatOk = (kind, name, value, sub = 'SUCCESS') => ok({ request_status: 'SUCCESS', request_id: 'r', [kind]: [{ sub_request_status: sub, [name]: value }] });

function snapchatUsers(request, segment, half) {
    const bad = [];
    const body = parse(bad, request);
    onlyKeys(bad, 'body', body, ['users']);
    const [users, ...more] = Array.isArray(body.users) ? body.users : [];
    if (!isObject(users) || more.length > 0) return snapchatViolated([...bad, 'users is not one']);
    onlyKeys(bad, 'users', users, ['id', 'schema', 'data']);
    if ('id' in users && users.id !== segment.id) bad.push('users.id');
    const kind = users.schema?.[0];
    if (users.schema?.length !== 1 || !['EMAIL_SHA256', 'PHONE_SHA256', 'MOBILE_AD_ID_SHA256'].includes(kind)) bad.push(`schema ${users.schema}`);
    const rows = Array.isArray(users.data) ? users.data : [];
    if (rows.length < 1 || rows.length > 100000) bad.push(`${rows.length} rows`);
    rows.forEach((row, i) => { if (!Array.isArray(row) || row.length !== 1 || !isHash(row[0])) bad.push(`data[${i}]`); });
    if (new Set(rows.map(String)).size !== rows.length) bad.push('an identifier twice');
    if (bad.length > 0) return snapchatViolated(bad);
    const done = half ? rows.slice(0, Math.ceil(rows.length / 2)) : rows;
    change(segment, request.method === 'DELETE' ? 'remove' : 'add', done.map(([hash]) => `${kind}:${hash}`));
    return snapchatOk('users', 'user', { number_uploaded_users: done.length }, half ? 'ERROR' : 'success');
}

export function snapchat(request, half) {
    if (!bearer(request, 'snapchat')) return { status: 401, type: 'text/plain', body: 'unauthorized' };
    const show = (each) => ({ id: each.id, name: each.name, approximate_number_users: each.members.size, upload_status: 'COMPLETE', targetable_status: each.members.size < 1000 ? 'TOO_FEW_USERS' : 'READY' });
    const account = /^\/v1\/adaccounts\/([^/]+)\/segments$/.exec(request.path)?.[1];
    if (account && request.method === 'GET')
        return ok({ request_status: 'SUCCESS', segments: [...state.audiences.snapchat.values()].map((each) => ({ sub_request_status: 'SUCCESS', segment: show(each) })) });
    if (account && request.method === 'POST') {
        const bad = [];
        const body = parse(bad, request);
        const segment = body.segments?.[0];
        onlyKeys(bad, 'segment', segment, ['name', 'description', 'source_type', 'retention_in_days', 'ad_account_id']);
        if (typeof segment?.name !== 'string' || segment.name.length < 1 || segment.name.length > 375) bad.push('name');
        if (segment?.source_type !== 'FIRST_PARTY') bad.push('source_type');
        if (!Number.isInteger(segment?.retention_in_days)) bad.push('retention_in_days');
        if (segment?.ad_account_id !== account) bad.push('ad_account_id');
        return bad.length > 0 ? snapchatViolated(bad) : snapchatOk('segments', 'segment', show(makeAudience('snapchat', segment.name)));
    }
    const [, id, users] = /^\/v1\/segments\/([^/]+)(\/users)?$/.exec(request.path) ?? [];
    if (!id) return snapchatViolated([`no ${request.method} ${request.path}`]);
    const segment = state.audiences.snapchat.get(id);
    if (!segment) return snapchatError(404, 'E2002', 'segment not found');
    if (users && ['POST', 'DELETE'].includes(request.method)) return snapchatUsers(request, segment, half);
    if (!users && request.method === 'GET') return snapchatOk('segments', 'segment', show(segment));
    if (users || request.method !== 'DELETE') return snapchatViolated([`no ${request.method} ${request.path}`]);
    state.audiences.snapchat.delete(id);
    return ok({ request_status: 'SUCCESS', request_id: 'r' });
}

// ---- webhooks ----

const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');

// Names and places find somebody only together, and only when nothing else does.
function webhookIdentifiers(person) {
    const strong = Object.entries(person).filter(([name]) => ['email', 'phone', 'mobile_ad_id', 'external_id'].includes(name));
    return strong.length > 0 ? strong.map((pair) => pair.join(':')) : [`together:${JSON.stringify(Object.entries(person).sort())}`];
}

export function webhook(request) {
    const bad = [];
    const body = parse(bad, request);
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers;
    const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${request.body}`).digest('base64');
    if (!id || id.includes('.')) bad.push('webhook-id');
    if (!/^\d+$/.test(timestamp ?? '')) bad.push('webhook-timestamp');
    if (!(signature ?? '').split(' ').includes(`v1,${expected}`)) bad.push('webhook-signature');
    onlyKeys(bad, 'body', body, ['type', 'timestamp', 'data']);
    const adds = body.type === 'audience.members_added';
    if (!adds && body.type !== 'audience.members_removed') bad.push(`type ${body.type}`);
    const people = body.data?.people;
    if (!Array.isArray(people) || people.length < 1 || !people.every((each) => isObject(each) && Object.keys(each).length > 0)) bad.push('people');
    const content = JSON.stringify([body.type, body.data]);
    if (state.webhooks.has(id) && state.webhooks.get(id) !== content) bad.push('the same webhook-id with another content');
    if (bad.length > 0) return { status: 400, body: { error: first(bad) }, bad };
    if (!state.webhooks.has(id)) {
        const name = body.data.audience;
        if (!state.audiences.webhook.has(name)) state.audiences.webhook.set(name, { id: name, name, members: new Map(), changed: 0 });
        change(state.audiences.webhook.get(name), adds ? 'add' : 'remove', people.flatMap(webhookIdentifiers));
    }
    state.webhooks.set(id, content);
    return ok({});
}
