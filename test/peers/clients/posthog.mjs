// PostHog's library for servers.
//     {url, key, events, name}
import { finish, given, require } from './client.mjs';

const { PostHog } = require('posthog-node');
const { url, key, events = 0, name = 'Counted' } = given;
const client = new PostHog(key, { host: url, flushAt: 20, flushInterval: 100 });
const errors = [];
client.on('error', (error) => errors.push(String(error)));
client.identify({ distinctId: 'ph-1', properties: { $set: { plan: 'pro' }, $set_once: { first_seen_in: 'Berlin', plan: 'never' } } });
client.capture({ distinctId: 'ph-1', event: 'Signed Up', properties: { via: 'ad' }, timestamp: new Date('2024-03-01T10:00:00Z') });
client.alias({ distinctId: 'ph-1', alias: 'ph-alias' });
client.groupIdentify({ groupType: 'company', groupKey: 'ph-account', properties: { name: 'Acme' } });
await client.flush();
client.identify({ distinctId: 'ph-1', properties: { $set: { plan: 'team' }, $set_once: { first_seen_in: 'Paris', second: 2 } } });
for (let i = 0; i < events; ++i) client.capture({ distinctId: `ph-${i % 50}`, event: name, properties: { number: i } });
await client.shutdown();
finish({ errors });
