// TLS in front of a PostgreSQL server, as a pooler ends it: records are as large as TLS allows, where the server itself
// writes smaller ones.
//   node tls_front.mjs PORT SOCKET KEY CERTIFICATE
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [port, path, key, certificate] = process.argv.slice(2);
const secureContext = tls.createSecureContext({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) });

net.createServer((client) => {
	client.on('error', () => {});
	client.once('data', () => { // the SSLRequest
		client.write('S');
		const secure = new tls.TLSSocket(client, { isServer: true, secureContext });
		const server = net.connect(path);
		secure.on('error', () => server.destroy());
		server.on('error', () => secure.destroy());
		secure.pipe(server);
		// Whole records: what is left of one waits for more, for 20 ms.
		let waiting = Buffer.alloc(0), timer;
		const flush = () => { if (waiting.length) { secure.write(waiting); waiting = Buffer.alloc(0); } };
		server.on('data', (data) => {
			waiting = Buffer.concat([waiting, data]);
			clearTimeout(timer);
			if (waiting.length >= 1 << 20) flush(); else timer = setTimeout(flush, 20);
		});
		server.on('end', () => { flush(); secure.end(); });
	});
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
