// RudderStack's library for servers.
//     {url, key, first, events, name}    all six calls if `first`, one of them with an event that Pulse must reject, then numbered events
import { finish, given, require } from './client.mjs';

const Rudder = require('@rudderstack/rudder-sdk-node');
const { url, key, first, events = 0, name = 'Counted' } = given;
const client = new Rudder(key, { dataPlaneUrl: url, flushInterval: 100, retryCount: 20, logLevel: 'error' });
const results = [];
const called = (type, event) => results.push(new Promise((resolve) => client[type](event, (error) => resolve(error ? String(error) : null))));
if (first) {
    called('identify', { userId: 'rs-1', traits: { plan: 'team' } });
    called('track', { userId: 'rs-1', event: 'Signed Up', properties: { from: 'ad' }, timestamp: new Date('2024-03-01T10:00:00Z') });
    called('track', { userId: 'rs-1', event: 'Rejected '.repeat(200) });
    called('page', { userId: 'rs-1', name: 'Start' });
    called('screen', { anonymousId: 'rs-anonymous', name: 'Home' });
    called('group', { userId: 'rs-1', groupId: 'rs-account', traits: { name: 'Acme' } });
    called('alias', { previousId: 'rs-old', userId: 'rs-1' });
}
for (let i = 0; i < events; ++i) called('track', { userId: `rs-${i % 50}`, event: name, properties: { number: i } });
// The library sends a part at a time, and the rest after its interval.
finish({ errors: (await Promise.all(results)).filter(Boolean), called: results.length });
