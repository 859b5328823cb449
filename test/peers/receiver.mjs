// Imitates the platforms that Pulse talks to, checks each request strictly, keeps a journal, and fails when told to.
//     node receiver.mjs DIR
// makes an authority and certificates in DIR (ca.pem) and prints one line of JSON with its ports on 127.0.0.1: http, https
// (its certificate is for localhost and 127.0.0.1), expired and other (a certificate of yesterday, and for other.example).
//     /slack/… /teams/… /resend/emails /pagerduty/v2/enqueue /webhook/… /plain/…    the platforms
//     GET /__journal[?path=/prefix]    what came; DELETE forgets it
//     GET /__summary[?path=/prefix]    how much of it, and how many keys
//     POST /__faults {path, mode, times, rate, seed, …}    fail from now on; DELETE stops that and answers what is held
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { forget, judge, keyOf } from './receiver_rules.mjs';

const directory = process.argv[2];
let journal = [];
let faults = [];
let held = [];

// ---- certificates ----

function openssl(...args) {
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

function makeAuthority() {
    writeFileSync(join(directory, 'ca.cnf'), `[ca]
default_ca = own
[own]
database = ${directory}/index.txt
new_certs_dir = ${directory}
rand_serial = yes
default_md = sha256
policy = any
email_in_dn = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
`);
    writeFileSync(join(directory, 'index.txt'), '');
    openssl('req', '-x509', '-config', 'ca.cnf', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', '/CN=Pulse test authority', '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', 'ca.key', '-out', 'ca.pem');
}

function makeCertificate(name, names, from, to) {
    openssl('req', '-config', 'ca.cnf', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`,
        '-addext', `subjectAltName=${names}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-startdate', from, '-enddate', to,
        '-in', `${name}.csr`, '-out', `${name}.pem`);
    return { key: readFileSync(join(directory, `${name}.key`)), cert: readFileSync(join(directory, `${name}.pem`)) };
}

const day = (days) => new Date(Date.now() + days * 86400000).toISOString().replace(/[-:T]|\.\d+/g, '');

// ---- faults ----

// A repeatable sequence of numbers from 0 to 1.
function random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), state | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

function faultFor(path) {
    for (const fault of faults) {
        if (!path.startsWith(fault.path) || fault.times === 0) continue;
        if (fault.rate !== undefined && fault.random() >= fault.rate) continue;
        if (fault.times > 0) --fault.times;
        return fault;
    }
    return null;
}

const modes = {
    status(fault, response) {
        response.writeHead(fault.status ?? 500, { 'content-type': 'text/plain', ...fault.headers });
        response.end(fault.body ?? `fault ${fault.status ?? 500}`);
    },
    // Too often: `seconds` to wait, as a number or as a date.
    busy(fault, response) {
        const seconds = fault.seconds ?? 1;
        const value = fault.date ? new Date(Date.now() + seconds * 1000).toUTCString() : String(seconds);
        response.writeHead(429, { 'retry-after': value, 'content-type': 'text/plain' });
        response.end('ratelimited');
    },
    redirect(fault, response) {
        response.writeHead(fault.status ?? 302, { location: fault.location });
        response.end();
    },
    silence() {},
    reset(fault, response) {
        response.socket.resetAndDestroy();
    },
    close(fault, response) {
        response.socket.destroy();
    },
    half(fault, response) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"half": "of an answer', () => response.socket.destroy());
    },
    garbage(fault, response) {
        response.socket.end('\x16\x03\x01 this is no HTTP\r\n\r\n');
    },
    endless(fault, response) {
        response.writeHead(fault.status ?? 200, { 'content-type': 'text/plain' });
        const more = () => {
            while (!response.destroyed && response.write('x'.repeat(65536))) continue;
        };
        response.on('drain', more);
        more();
    },
    headers(fault, response) {
        const socket = response.socket;
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = () => {
            while (!socket.destroyed && socket.write(`x-endless: ${'x'.repeat(4000)}\r\n`)) continue;
        };
        socket.on('drain', more);
        more();
    },
    // One byte at a time, for ever.
    drip(fault, response) {
        response.writeHead(200, { 'content-type': 'text/plain' });
        const timer = setInterval(() => response.write('.'), fault.milliseconds ?? 100);
        response.on('close', () => clearInterval(timer));
    },
    // The right answer, when the faults are deleted.
    hold(fault, response, send) {
        held.push(send);
    },
};

// ---- requests ----

function control(request, response, url, body) {
    const send = (value, status = 200) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
    };
    const chosen = journal.filter((entry) => entry.path.startsWith(url.searchParams.get('path') ?? '/'));
    if (url.pathname === '/__faults' && request.method === 'POST') {
        const fault = JSON.parse(body);
        if (!modes[fault.mode] || !fault.path) return send({ error: `mode is one of ${Object.keys(modes)}` }, 400);
        faults.push({ times: -1, ...fault, random: random(fault.seed ?? 1) });
        return send({});
    }
    if (url.pathname === '/__faults' && request.method === 'DELETE') {
        for (const answer of held) answer();
        held = [];
        return send((faults = []));
    }
    if (url.pathname === '/__journal' && request.method === 'DELETE') {
        forget();
        return send((journal = []));
    }
    if (url.pathname === '/__journal') return send(chosen);
    if (url.pathname !== '/__summary') return send({ error: 'unknown' }, 404);
    const delivered = chosen.filter((entry) => entry.status >= 200 && entry.status < 300);
    const bodies = new Map();
    let changed = 0;
    for (const entry of chosen) {
        if (entry.key === null) continue;
        if (bodies.has(entry.key) && bodies.get(entry.key) !== entry.body) ++changed;
        bodies.set(entry.key, entry.body);
    }
    return send({ requests: chosen.length, delivered: delivered.length, violations: chosen.filter((e) => e.bad.length > 0).length,
        keys: bodies.size, delivered_keys: new Set(delivered.map((entry) => entry.key).filter((key) => key !== null)).size, changed });
}

function serve(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const url = new URL(request.url, 'http://receiver');
        if (url.pathname.startsWith('/__')) return control(request, response, url, body);
        const asked = { method: request.method, path: url.pathname, headers: request.headers, body };
        const answer = judge(asked);
        const fault = faultFor(url.pathname);
        const entry = { ...asked, query: url.search, at: Date.now(), key: keyOf(asked), bad: answer.bad, status: null,
            fault: fault?.mode ?? null, port: request.socket.remotePort };
        journal.push(entry);
        const send = () => {
            entry.status = answer.status;
            response.writeHead(answer.status, answer.type ? { 'content-type': answer.type } : {});
            response.end(answer.body);
        };
        if (fault) modes[fault.mode](fault, response, send);
        else send();
    });
}

function listen(server) {
    // Connections are kept as long as clients like, so that no test depends on when one is closed.
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    server.on('clientError', (error, socket) => socket.destroy());
    server.on('tlsClientError', () => {});
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

makeAuthority();
const names = 'DNS:localhost,IP:127.0.0.1';
const ports = {
    http: await listen(http.createServer(serve)),
    https: await listen(https.createServer(makeCertificate('localhost', names, day(-1), day(1)), serve)),
    expired: await listen(https.createServer(makeCertificate('expired', names, day(-3), day(-2)), serve)),
    other: await listen(https.createServer(makeCertificate('other.example', 'DNS:other.example', day(-1), day(1)), serve)),
};
console.log(JSON.stringify(ports));
