// What each platform accepts, written down from its documentation. Every check returns the answer and the list of violations.

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isText = (value, most = Infinity) => typeof value === 'string' && value.length > 0 && value.length <= most;
const isUrl = (value, most = Infinity) => isText(value, most) && /^https?:\/\/[^\s]+$/.test(value);

function onlyKeys(bad, where, value, keys) {
    for (const key of Object.keys(value)) if (!keys.includes(key)) bad.push(`${where}: unknown field ${key}`);
}

function parse(bad, request) {
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

// ---- Slack: Block Kit of incoming webhooks ----

// In mrkdwn & < > stand only for themselves as entities; < may begin a link, never a mention.
function checkMrkdwn(bad, where, text) {
    if (/&(?!amp;|lt;|gt;)/.test(text)) bad.push(`${where}: & is not escaped`);
    const rest = text.replace(/<(?:https?:\/\/|mailto:)[^<>|\s]+(?:\|[^<>]*)?>/g, '').replace(/<!date\^[^<>]*>/g, '');
    // A quoted line begins with >.
    if (/</.test(rest)) bad.push(`${where}: < is not escaped`);
    if (/>/.test(rest.replace(/^>+/gm, ''))) bad.push(`${where}: > is not escaped`);
}

function checkSlackText(bad, where, text, most, kinds = ['plain_text', 'mrkdwn']) {
    if (!isObject(text)) return void bad.push(`${where}: no text object`);
    onlyKeys(bad, where, text, ['type', 'text', 'emoji', 'verbatim']);
    if (!kinds.includes(text.type)) bad.push(`${where}: type ${text.type}`);
    if (!isText(text.text, most)) bad.push(`${where}: text of 1 to ${most} characters, has ${text.text?.length}`);
    else if (text.type === 'mrkdwn') checkMrkdwn(bad, where, text.text);
    if (text.type === 'mrkdwn' && 'emoji' in text) bad.push(`${where}: emoji in mrkdwn`);
}

function checkSlackElement(bad, where, element) {
    if (element?.type !== 'button') return void bad.push(`${where}: element ${element?.type}`);
    onlyKeys(bad, where, element, ['type', 'text', 'url', 'value', 'action_id', 'style', 'accessibility_label']);
    checkSlackText(bad, where, element.text, 75, ['plain_text']);
    if ('url' in element && !isUrl(element.url, 3000)) bad.push(`${where}: url`);
    if ('value' in element && !isText(element.value, 2000)) bad.push(`${where}: value`);
    if ('action_id' in element && !isText(element.action_id, 255)) bad.push(`${where}: action_id`);
    if ('style' in element && !['primary', 'danger'].includes(element.style)) bad.push(`${where}: style`);
}

function checkSlackBlock(bad, where, block) {
    if (!isObject(block)) return void bad.push(`${where}: no object`);
    if ('block_id' in block && !isText(block.block_id, 255)) bad.push(`${where}: block_id`);
    const keys = { header: ['text'], section: ['text', 'fields', 'accessory'], context: ['elements'], actions: ['elements'],
        divider: [], image: ['image_url', 'alt_text', 'title'] }[block.type];
    if (!keys) return void bad.push(`${where}: type ${block.type}`);
    onlyKeys(bad, where, block, ['type', 'block_id', ...keys]);
    if (block.type === 'header') checkSlackText(bad, where, block.text, 150, ['plain_text']);
    if (block.type === 'section') {
        if (!('text' in block) && !('fields' in block)) bad.push(`${where}: neither text nor fields`);
        if ('text' in block) checkSlackText(bad, where, block.text, 3000);
        if ('fields' in block && !(Array.isArray(block.fields) && block.fields.length >= 1 && block.fields.length <= 10))
            bad.push(`${where}: 1 to 10 fields`);
        (block.fields ?? []).forEach?.((field, i) => checkSlackText(bad, `${where}.fields[${i}]`, field, 2000));
        if ('accessory' in block) checkSlackElement(bad, `${where}.accessory`, block.accessory);
    }
    if (block.type === 'context' || block.type === 'actions') {
        const most = block.type === 'context' ? 10 : 25;
        if (!Array.isArray(block.elements) || block.elements.length < 1 || block.elements.length > most)
            return void bad.push(`${where}: 1 to ${most} elements`);
        block.elements.forEach((element, i) => block.type === 'context'
            ? checkSlackText(bad, `${where}.elements[${i}]`, element, 2000)
            : checkSlackElement(bad, `${where}.elements[${i}]`, element));
    }
    if (block.type === 'image' && !(isUrl(block.image_url, 3000) && isText(block.alt_text, 2000))) bad.push(`${where}: image`);
}

function slack(request) {
    const bad = [];
    const message = parse(bad, request);
    onlyKeys(bad, 'message', message, ['text', 'blocks']);
    if (!isText(message.text, 40000)) bad.push('text is missing');
    else checkMrkdwn(bad, 'text', message.text);
    const blocks = message.blocks ?? [];
    if (!Array.isArray(blocks)) bad.push('blocks is no list');
    else {
        if (blocks.length > 50) bad.push(`${blocks.length} blocks, at most 50`);
        blocks.forEach((block, i) => checkSlackBlock(bad, `blocks[${i}]`, block));
        const ids = blocks.map((block) => block?.block_id).filter((id) => id !== undefined);
        if (new Set(ids).size !== ids.length) bad.push('a block_id is not unique');
        if (JSON.stringify(blocks).length > 20000) bad.push('msg_blocks_too_long');
    }
    return { bad, status: 200, type: 'text/html', body: 'ok', refusal: 'invalid_payload' };
}

// ---- Teams: an Adaptive Card for a Workflows webhook ----

function checkCardElement(bad, where, element) {
    const keys = { TextBlock: ['text'], FactSet: ['facts'], Container: ['items'], ColumnSet: ['columns'], Column: ['items'],
        Image: ['url'], ActionSet: ['actions'], RichTextBlock: ['inlines'] }[element?.type];
    if (!keys) return void bad.push(`${where}: type ${element?.type}`);
    for (const key of keys) if (!(key in element)) bad.push(`${where}: ${key} is missing`);
    if (element.type === 'TextBlock' && typeof element.text !== 'string') bad.push(`${where}: text`);
    (element.inlines ?? []).forEach?.((run, i) => {
        if (run?.type !== 'TextRun' || typeof run?.text !== 'string') bad.push(`${where}.inlines[${i}]`);
    });
    if (element.type === 'FactSet')
        (element.facts ?? []).forEach?.((fact, i) => {
            if (typeof fact?.title !== 'string' || typeof fact?.value !== 'string') bad.push(`${where}.facts[${i}]`);
        });
    for (const key of ['items', 'columns'])
        (element[key] ?? []).forEach?.((inner, i) => checkCardElement(bad, `${where}.${key}[${i}]`, inner));
    (element.actions ?? []).forEach?.((action, i) => checkCardAction(bad, `${where}.actions[${i}]`, action));
}

function checkCardAction(bad, where, action) {
    if (!['Action.OpenUrl', 'Action.ShowCard', 'Action.ToggleVisibility'].includes(action?.type))
        bad.push(`${where}: type ${action?.type}`);
    if (!isText(action?.title)) bad.push(`${where}: title`);
    if (action?.type === 'Action.OpenUrl' && !isUrl(action.url)) bad.push(`${where}: url`);
}

function teams(request) {
    const bad = [];
    const message = parse(bad, request);
    if (Buffer.byteLength(request.body) >= 28 * 1024) bad.push(`${Buffer.byteLength(request.body)} bytes, less than 28 KB`);
    onlyKeys(bad, 'message', message, ['type', 'attachments']);
    if (message.type !== 'message') bad.push('type is not message');
    const card = message.attachments?.[0]?.content ?? {};
    if (message.attachments?.length !== 1) bad.push('not one attachment');
    if (message.attachments?.[0]?.contentType !== 'application/vnd.microsoft.card.adaptive') bad.push('contentType');
    if ((message.attachments?.[0]?.contentUrl ?? null) !== null) bad.push('contentUrl is not null');
    if (card.type !== 'AdaptiveCard') bad.push('content.type is not AdaptiveCard');
    if (!/^1\.[0-4]$/.test(card.version ?? '')) bad.push(`version ${card.version}, at most 1.4`);
    onlyKeys(bad, 'content', card, ['$schema', 'type', 'version', 'body', 'actions', 'msteams', 'fallbackText', 'lang']);
    if (!Array.isArray(card.body) || card.body.length === 0) bad.push('body is missing');
    else card.body.forEach((element, i) => checkCardElement(bad, `body[${i}]`, element));
    (card.actions ?? []).forEach?.((action, i) => checkCardAction(bad, `actions[${i}]`, action));
    return { bad, status: 202, body: '' };
}

// ---- Resend ----

const mailbox = /^(?:[^<>\r\n]* <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/;
const seen = new Map();    // idempotency key -> [body, id]

function resendError(status, name, bad) {
    return { bad, status, type: 'application/json', body: JSON.stringify({ statusCode: status, name, message: bad.join('; ') }) };
}

function resend(request) {
    const bad = [];
    if (request.method !== 'POST' || request.path !== '/resend/emails')
        return resendError(404, 'not_found', [`no ${request.method} ${request.path}`]);
    const authorization = request.headers.authorization ?? '';
    if (!/^Bearer re_\S+$/.test(authorization)) return resendError(401, 'missing_api_key', ['no Authorization: Bearer re_…']);
    const key = request.headers['idempotency-key'] ?? '';
    if (key.length < 1 || key.length > 256) return resendError(400, 'invalid_idempotency_key', ['Idempotency-Key of 1 to 256 characters']);
    if (!request.headers['user-agent']) bad.push('no User-Agent');
    const mail = parse(bad, request);
    onlyKeys(bad, 'mail', mail, ['from', 'to', 'cc', 'bcc', 'subject', 'html', 'text', 'reply_to', 'headers', 'tags', 'attachments', 'scheduled_at']);
    if (!mailbox.test(mail.from ?? '')) bad.push(`from: ${mail.from}`);
    const to = Array.isArray(mail.to) ? mail.to : [mail.to];
    if (to.length < 1 || to.length > 50) bad.push('to: 1 to 50 receivers');
    for (const one of to) if (!mailbox.test(one ?? '')) bad.push(`to: ${one}`);
    if (!isText(mail.subject) || /[\r\n]/.test(mail.subject)) bad.push('subject');
    if (!isText(mail.html) && !isText(mail.text)) bad.push('neither html nor text');
    for (const [name, value] of Object.entries(mail.headers ?? {}))
        if (!/^[A-Za-z0-9-]+$/.test(name) || !isText(value) || /[\r\n]/.test(value)) bad.push(`headers: ${name}`);
    (mail.tags ?? []).forEach?.((tag) => {
        for (const part of [tag?.name, tag?.value]) if (!/^[A-Za-z0-9_-]{1,256}$/.test(part ?? '')) bad.push(`tag ${part}`);
    });
    if (bad.length > 0) return resendError(422, 'invalid_parameter', bad);
    const before = seen.get(key);
    if (before && before[0] !== request.body)
        return resendError(409, 'invalid_idempotent_request', ['the key was used with another body']);
    const id = before?.[1] ?? `00000000-0000-4000-8000-${String(seen.size + 1).padStart(12, '0')}`;
    seen.set(key, [request.body, id]);
    return { bad, status: 200, type: 'application/json', body: JSON.stringify({ id }) };
}

// ---- PagerDuty Events v2 ----

function pagerduty(request) {
    const bad = [];
    if (request.method !== 'POST' || request.path !== '/pagerduty/v2/enqueue') bad.push(`no ${request.method} ${request.path}`);
    const event = parse(bad, request);
    onlyKeys(bad, 'event', event, ['routing_key', 'event_action', 'dedup_key', 'payload', 'links', 'images', 'client', 'client_url']);
    if (!/^[A-Za-z0-9]{32}$/.test(event.routing_key ?? '')) bad.push('routing_key of 32 characters');
    if (!['trigger', 'acknowledge', 'resolve'].includes(event.event_action)) bad.push(`event_action ${event.event_action}`);
    if (!isText(event.dedup_key, 255)) bad.push('dedup_key of 1 to 255 characters');
    if (Buffer.byteLength(request.body) > 512 * 1024) bad.push('more than 512 KB');
    if (event.event_action === 'trigger') {
        const payload = event.payload ?? {};
        onlyKeys(bad, 'payload', payload, ['summary', 'source', 'severity', 'timestamp', 'component', 'group', 'class', 'custom_details']);
        if (!isText(payload.summary, 1024)) bad.push('summary of 1 to 1024 characters');
        if (!isText(payload.source)) bad.push('source');
        if (!['critical', 'error', 'warning', 'info'].includes(payload.severity)) bad.push(`severity ${payload.severity}`);
        if ('timestamp' in payload && Number.isNaN(Date.parse(payload.timestamp))) bad.push('timestamp');
    }
    for (const link of event.links ?? []) if (!isUrl(link?.href)) bad.push('link without href');
    const body = { status: 'success', message: 'Event processed', dedup_key: event.dedup_key };
    const refusal = JSON.stringify({ status: 'invalid event', message: 'Event object is invalid', errors: bad });
    return { bad, status: 202, type: 'application/json', body: JSON.stringify(body), refusal };
}

// ---- Standard Webhooks, and what takes anything ----

function webhook(request) {
    const bad = [];
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers;
    if (!isText(id) || id.includes('.')) bad.push('webhook-id');
    if (!/^\d+$/.test(timestamp ?? '') || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) bad.push('webhook-timestamp');
    if (!/^v1,[A-Za-z0-9+/]{43}=(?: v1,[A-Za-z0-9+/]{43}=)*$/.test(signature ?? '')) bad.push('webhook-signature');
    const event = parse(bad, request);
    if (!isText(event.type)) bad.push('type is missing');
    if (Number.isNaN(Date.parse(event.timestamp ?? ''))) bad.push('timestamp is missing');
    if (!isObject(event.data)) bad.push('data is missing');
    return { bad, status: 200, type: 'application/json', body: '{"message":"Workflow was started"}' };
}

function plain(request) {
    const echo = { method: request.method, path: request.path, headers: request.headers, bytes: Buffer.byteLength(request.body) };
    return { bad: [], status: 200, type: 'application/json', body: JSON.stringify(echo) };
}

const platforms = { slack, teams, resend, pagerduty, webhook, plain };

// What the platform that the path's first part names answers.
export function judge(request) {
    const platform = platforms[request.path.split('/')[1]];
    if (!platform) return { bad: [`no platform at ${request.path}`], status: 404, type: 'text/plain', body: 'not found' };
    const answer = platform(request);
    if (answer.bad.length === 0 || answer.status >= 400) return answer;
    return { ...answer, status: 400, type: answer.type ?? 'text/plain', body: answer.refusal ?? answer.bad.join('; ') };
}

// The key that stays the same in all tries of one message.
export function keyOf(request) {
    const { headers, body } = request;
    if (headers['webhook-id'] || headers['idempotency-key']) return headers['webhook-id'] ?? headers['idempotency-key'];
    return /"dedup_key":"([^"]*)"/.exec(body)?.[1] ?? null;
}

export function forget() {
    seen.clear();
}
