// JSON as text, with the place of each value: to show an error where it is.

export class JsonError extends Error {
  constructor(message, at) { super(message); this.at = at; }    // from 1, as the server counts
}

// A map from paths, such as rules[0].when, to where the value begins. Throws JsonError where the text is not JSON.
export function placesOf(text) {
  let at = 0;
  const places = new Map();
  const fail = message => { throw new JsonError(message, Math.min(at, Math.max(0, text.length - 1)) + 1); };
  const blank = () => { while (/[ \t\r\n]/.test(text[at] || '')) at++; };
  const take = (sign, message) => { blank(); if (text[at] !== sign) fail(message); at++; };
  function string() {
    const begin = at++;
    while (at < text.length && text[at] !== '"') {
      if (text[at] < ' ') fail('A text ends on the line where it begins.');
      at += text[at] === '\\' ? 2 : 1;
    }
    if (at >= text.length) { at = begin; fail('This text does not end: a quote is missing.'); }
    at++;
    try { return JSON.parse(text.slice(begin, at)); } catch { at = begin; return fail('This text has an escape that JSON does not know.'); }
  }
  function list(path) {
    at++; blank();
    if (text[at] === ']') { at++; return; }
    for (let item = 0; ; item++) {
      read(`${path}[${item}]`); blank();
      if (text[at] === ']') { at++; return; }
      take(',', 'A comma or ] is missing here.');
    }
  }
  function object(path) {
    at++; blank();
    if (text[at] === '}') { at++; return; }
    for (;;) {
      blank();
      if (text[at] !== '"') fail('A name in double quotes is missing here.');
      const name = string();
      take(':', 'A colon is missing here.');
      read(path ? `${path}.${name}` : name); blank();
      if (text[at] === '}') { at++; return; }
      take(',', 'A comma or } is missing here.');
    }
  }
  function read(path) {
    blank();
    places.set(path, at);
    if (text[at] === '{') object(path);
    else if (text[at] === '[') list(path);
    else if (text[at] === '"') string();
    else {
      const word = /^[-+.\w]*/.exec(text.slice(at))[0];
      try { JSON.parse(word); } catch { fail('A value is missing here: a text in double quotes, a number, true, false, null, a list or an object.'); }
      at += word.length;
    }
  }
  read('');
  blank();
  if (at < text.length) fail('Nothing can follow here.');
  return places;
}

// Where the character so many behind the first of a text within the JSON stands; begin is that of its quote.
function within(text, begin, offset) {
  let at = begin + 1;
  for (; offset > 0 && text[at] !== '"'; offset--) {
    const size = text[at] !== '\\' ? (text.codePointAt(at) > 0xffff ? 2 : 1) : text[at + 1] === 'u' ? 6 : 2;
    at += size;
  }
  return at;
}

// From 1: where in the text the server found what it complains about, by the path and the position that its message names; 0 if it names none.
export function placeOfError(text, message) {
  const position = +(/position (\d+)/.exec(message) || [])[1] || 0;
  let places;
  try { places = placesOf(text); } catch { return position; }
  const paths = [...places.keys()].filter(path => path && message.includes(path)).sort((a, b) => b.length - a.length);
  if (!paths.length) return 0;
  const begin = places.get(paths[0]);
  return (position && text[begin] === '"' ? within(text, begin, position - 1) : begin) + 1;
}
