// What the tests of the pages about people share.
import { execFileSync } from 'node:child_process';

const { psql: conninfo } = JSON.parse(process.argv[2]);

// What psql prints for a statement, as somebody who types it: rows as lines, columns with | between them.
export const psql = sql => execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', conninfo, '-c', sql], { encoding: 'utf8' }).trim();

// The SQL that a part of a page shows.
export const sqlOf = async part => (await part.locator('.as-sql pre').last().textContent()).trim();

// A key of another role.
export const keyOf = (name, kind, role) => psql(`SELECT pulse_create_api_key('${name}', '${kind}', '${role}')`);

// Press a button with a dialog, fill the fields in, and confirm. Returns the SQL that the dialog showed.
export async function confirm(page, label, fields = {}, scope = page) {
    await scope.getByRole('button', { name: label, exact: true }).first().click();
    const dialog = page.getByRole('dialog');
    for (const [name, value] of Object.entries(fields)) {
        const field = dialog.getByLabel(name, { exact: true });
        if (await field.evaluate(element => element.tagName) === 'SELECT') await field.selectOption(value); else await field.fill(value);
    }
    const sql = await dialog.locator('.as-sql pre').textContent();
    await dialog.getByRole('button', { name: label, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    return sql;
}
