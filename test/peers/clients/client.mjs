// What the clients here share: packages of test/peers, the arguments, and the result.
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const require = createRequire(join(process.env.NODE_PATH, 'client.js'));
export const given = JSON.parse(process.argv[2]);

// Print the result, and end even if a library still holds a timer or a connection.
export function finish(result) {
    process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0));
}
