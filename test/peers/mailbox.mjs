// A mail server that takes everything for a known user, made of smtp-server and mailparser.
//     node mailbox.mjs DIR    with localhost.key and localhost.pem in DIR, as receiver.mjs makes them
// prints one line of JSON with its ports on 127.0.0.1: starttls (login after STARTTLS), tls, plain (no encryption, no login) and
// http. GET /__mails gives what came, parsed; DELETE forgets it. User "pulse", password "pass word-ä". A receiver whose
// address begins with "nobody" is refused for good, one with "later" for now.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_PATH, 'mailbox.js'));
const { SMTPServer } = require('smtp-server');
const { simpleParser } = require('mailparser');

const directory = process.argv[2];
const key = readFileSync(join(directory, 'localhost.key')), cert = readFileSync(join(directory, 'localhost.pem'));
let mails = [];

const common = {
    key, cert, logger: false,
    onAuth(auth, session, callback) {
        if (auth.username === 'pulse' && auth.password === 'pass word-ä') return callback(null, { user: 'pulse' });
        const error = new Error('wrong user or password');
        error.responseCode = 535;
        callback(error);
    },
    onRcptTo(address, session, callback) {
        const refuse = (code) => callback(Object.assign(new Error('no such mailbox'), { responseCode: code }));
        if (address.address.startsWith('nobody')) return refuse(550);
        if (address.address.startsWith('later')) return refuse(450);
        callback();
    },
    onData(stream, session, callback) {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', async () => {
            const source = Buffer.concat(chunks);
            const mail = await simpleParser(source);
            mails.push({ source: source.toString('latin1'), secure: session.secure, user: session.user ?? null,
                envelope: [session.envelope.mailFrom.address, ...session.envelope.rcptTo.map((one) => one.address)],
                from: mail.from?.value, to: mail.to?.value, cc: mail.cc?.value ?? null, bcc: mail.bcc?.value ?? null,
                attachments: mail.attachments.map((one) => ({ name: one.filename, type: one.contentType, disposition: one.contentDisposition,
                    content: one.content.toString('base64') })),
                reply_to: mail.replyTo?.value ?? null, subject: mail.subject, text: mail.text, html: mail.html,
                date: mail.date, message_id: mail.messageId, in_reply_to: mail.inReplyTo ?? null, references: mail.references ?? null,
                headers: mail.headerLines.map((line) => line.key) });
            callback(null, 'taken');
        });
    },
};

function listen(server) {
    server.on('error', () => {});
    return new Promise((resolve) => {
        const inner = server.listen(0, '127.0.0.1', () => resolve((server.server ?? inner).address().port));
    });
}

const control = http.createServer((request, response) => {
    if (request.method === 'DELETE') mails = [];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(mails));
});
console.log(JSON.stringify({
    starttls: await listen(new SMTPServer({ ...common, secure: false })),
    tls: await listen(new SMTPServer({ ...common, secure: true })),
    plain: await listen(new SMTPServer({ ...common, secure: false, authOptional: true, disabledCommands: ['STARTTLS'] })),
    http: await listen(control),
}));
