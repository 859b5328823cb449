// The text of a rule as a tree of conditions, and back. Only the shape is read here (and, or, parentheses); what a condition means is the server's.

// Where texts, lists and parentheses are, so that what is inside of them is left alone.
function* open(text) {
  let depth = 0, quote = '';
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quote) {
      if (c === '\\' && quote !== '`') at++; else if (c === quote) quote = '';
    } else if (c === '"' || c === "'" || c === '`') quote = c;
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth = Math.max(0, depth - 1);
    else if (depth === 0) yield at;
  }
}

const wordAt = (text, at) => (/\w/.test(text[at - 1] || '') ? '' : (/^[a-z_]+/i.exec(text.slice(at)) || [''])[0].toLowerCase());

// The parts between "&&" or "and" ("||" or "or") outside of parentheses; the "and" of "between … and" is none.
function parts(text, sign, word) {
  const found = [];
  let from = 0, between = false;
  for (const at of open(text)) {
    if (at < from) continue;
    const here = wordAt(text, at);
    if (here === 'between') between = true;
    let length = text.startsWith(sign, at) ? sign.length : here === word ? word.length : 0;
    if (here === 'and' && between) { between = false; length = 0; }
    if (length) { found.push(text.slice(from, at)); from = at + length; }
  }
  return [...found, text.slice(from)];
}

function unwrap(text) {
  const inner = text.trim();
  if (!inner.startsWith('(') || !inner.endsWith(')')) return null;
  for (const at of open(inner)) if (at > 0) return null;
  // "(a) (b)" leaves nothing open between them but is two.
  let depth = 0, quote = '';
  for (let at = 0; at < inner.length - 1; at++) {
    const c = inner[at];
    if (quote) { if (c === '\\' && quote !== '`') at++; else if (c === quote) quote = ''; } else if ('"\'`'.includes(c)) quote = c;
    else if (c === '(') depth++; else if (c === ')' && --depth === 0) return null;
  }
  return inner.slice(1, -1);
}

const words = ['is not null', 'is null', 'not within last', 'within last', 'not before last', 'before last', 'not contains_any', 'contains_any', 'not contains_all', 'contains_all',
  'not contains', 'contains', 'not starts_with', 'starts_with', 'not ends_with', 'ends_with', 'not between', 'between', 'not matches', 'matches', 'not in', 'in'];
const signs = ['==', '!=', '<>', '<=', '>=', '=', '<', '>'];
export const operators = ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'between', 'contains', 'not contains', 'starts_with', 'ends_with', 'matches', 'within last', 'before last', 'is null', 'is not null'];
const same = { '==': '=', '<>': '!=' };

// A condition as {field, operator, value}, or {raw} if it has another form.
export function readCondition(text) {
  const plain = text.trim();
  if (!plain) return { field: '', operator: '=', value: '' };
  for (const at of open(plain)) {
    const rest = plain.slice(at);
    const found = signs.find(sign => rest.startsWith(sign)) || (/\s/.test(plain[at - 1] || '') && words.find(word => new RegExp('^' + word.replace(/ /g, '\\s+') + '(?![\\w])', 'i').test(rest)));
    if (!found) continue;
    const length = signs.includes(found) ? found.length : new RegExp('^' + found.replace(/ /g, '\\s+'), 'i').exec(rest)[0].length;
    const operator = same[found] || found;
    if (!operators.includes(operator) || at === 0) return { raw: plain };
    return { field: plain.slice(0, at).trim(), operator, value: rest.slice(length).trim() };
  }
  return { raw: plain };
}

export const printCondition = one => (one.raw !== undefined ? one.raw : one.operator.endsWith('null') ? `${one.field} ${one.operator}` : one.field || one.value ? `${one.field} ${one.operator} ${one.value}` : '');

// The tree: {all: true | false, parts: [tree or condition]}; the top is always a group.
export function readRule(text) {
  const node = read(text);
  return node.parts ? node : { all: true, parts: text.trim() ? [node] : [] };
}
function read(text) {
  const inner = unwrap(text);
  if (inner !== null) return read(inner);
  for (const [all, sign, word] of [[false, '||', 'or'], [true, '&&', 'and']]) {
    const found = parts(text, sign, word);
    if (found.length > 1) return { all, parts: found.map(read) };
  }
  return readCondition(text);
}

// The text of a tree, and where each condition is in it: {text, places: [[from, to, condition], …]}.
export function printRule(tree) {
  const places = [];
  let text = '';
  const write = (node, top) => {
    if (!node.parts) {
      const from = text.length;
      text += printCondition(node);
      places.push([from, text.length, node]);
      return;
    }
    if (!top) text += '(';
    node.parts.forEach((part, place) => { if (place) text += node.all ? ' && ' : ' || '; write(part, false); });
    if (!top) text += ')';
  };
  write(tree, true);
  return { text, places };
}

// A value as a rule writes it: a text gets quotes, a list brackets. What is already written so stays.
export function asLiteral(value, operator, type) {
  const plain = value.trim();
  if (!plain || /last$|matches$/.test(operator) && /^["']/.test(plain) || /within last|before last|between/.test(operator)) return plain;
  const text = one => {
    const part = one.trim();
    if (/^(["'`[({]|now\b|true$|false$|null$|-?\d+(\.\d+)?$)/.test(part) && !(type === 'text' && /^-?\d/.test(part))) return part;
    return /[("]/.test(part) || /^[\w.]+\(/.test(part) ? part : JSON.stringify(part);
  };
  if (/in$|contains_a/.test(operator) && operator !== 'contains') return plain.startsWith('[') || /^[\w.]+$/.test(plain) && type === 'list' ? plain : '[' + plain.split(',').filter(one => one.trim()).map(text).join(', ') + ']';
  return text(plain);
}
