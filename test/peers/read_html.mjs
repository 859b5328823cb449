// Reads an HTML file as a browser does, with parse5, and prints what is in it as one line of JSON: errors of the parser, elements by
// name, attributes that name something elsewhere, attributes that run script, charts without a role or title, and all text.
//     node read_html.mjs FILE
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.NODE_PATH, 'read_html.js'));
const { parse } = await import(pathToFileURL(require.resolve('parse5')));

const html = readFileSync(process.argv[2], 'utf8');
const errors = [], elements = {}, references = [], handlers = [], charts = [], ids = new Set(), anchors = [], doubled = [];
let text = '', style = '';
const document = parse(html, { onParseError: (error) => errors.push(`${error.code} in line ${error.startLine}`) });

function walk(node, inside) {
    if (node.nodeName === '#text') {
        if (inside === 'style') style += node.value;
        else text += node.value;
        return;
    }
    if (node.tagName) {
        elements[node.tagName] = (elements[node.tagName] ?? 0) + 1;
        for (const { name, value } of node.attrs) {
            if (name.startsWith('on')) handlers.push(name);
            if (['href', 'src', 'srcset', 'action', 'data', 'poster', 'xlink:href', 'background', 'formaction'].includes(name)) {
                if (value.startsWith('#')) anchors.push(value.slice(1));
                else references.push(value);
            }
            if (name === 'id') {
                if (ids.has(value)) doubled.push(value);
                ids.add(value);
            }
        }
        if (node.tagName === 'svg') {
            const role = node.attrs.find(({ name }) => name === 'role')?.value;
            const title = node.childNodes.find((child) => child.tagName === 'title')?.childNodes[0]?.value;
            charts.push({ role, title });
        }
    }
    for (const child of node.childNodes ?? []) walk(child, node.tagName ?? inside);
}
walk(document, '');
console.log(JSON.stringify({ errors, elements, references, handlers, charts, text, doubled,
    lost: anchors.filter((anchor) => !ids.has(anchor)), style_references: style.match(/url\(|@import|expression\(/gi) ?? [] }));
