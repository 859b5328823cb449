// Checks signatures with the libraries that receivers use.
//     node verify.mjs URL SECRET    URL gives the receiver's journal
// prints one line of JSON: how many requests both libraries verify, and how many of them they refuse when the body, the id or
// the secret is another.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.NODE_PATH, 'verify.js'));
const libraries = [require('standardwebhooks').Webhook, require('svix').Webhook];
const [url, secret] = process.argv.slice(2);
const journal = await (await fetch(url)).json();

const accepts = (Library, key, body, headers) => {
    try {
        new Library(key).verify(body, headers);
        return true;
    } catch {
        return false;
    }
};
const result = { requests: journal.length, verified: 0, body: 0, id: 0, secret: 0 };
for (const { body, headers } of journal) {
    const all = (check) => libraries.every(check);
    const other = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
    if (all((L) => accepts(L, secret, body, headers))) ++result.verified;
    if (all((L) => !accepts(L, secret, body.replace('incident', 'lncident').replace('pulse', 'puIse'), headers))) ++result.body;
    if (all((L) => !accepts(L, secret, body, { ...headers, 'webhook-id': headers['webhook-id'] + '1' }))) ++result.id;
    if (all((L) => !accepts(L, other, body, headers))) ++result.secret;
}
console.log(JSON.stringify(result));
