// OpenFeature's library for servers with its OFREP provider.
//     {url, key, context, flags: [[flag, default], ...]}    evaluates each flag, by the type of its default
// prints for each flag value, reason, variant, flagMetadata and errorCode.
import { finish, given, require } from './client.mjs';

const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const { url, key, context, flags, header = 'Authorization' } = given;

const value = header === 'Authorization' ? `Bearer ${key}` : key;
const requests = [];
const observed = async (...all) => {
    const response = await fetch(...all);
    requests.push([response.status, response.headers.get('retry-after')]);
    return response;
};
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers: key ? [[header, value]] : [], fetchImplementation: observed }));
const client = OpenFeature.getClient();
const calls = { boolean: 'getBooleanDetails', string: 'getStringDetails', number: 'getNumberDetails', object: 'getObjectDetails' };
const details = [];
for (const [flag, fallback, other] of flags) details.push(await client[calls[typeof fallback]](flag, fallback, other ?? context));
finish({ details, requests });
