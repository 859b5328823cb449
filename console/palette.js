// The keyboard: the palette (Ctrl-K or /), which goes to what it finds, and the keys of pages.
import { html, useState, useEffect, useContext, Dialog, Session, get, go, link, route } from './ui.js';

const typing = element => element && (element.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName));

// g and a page's key opens it.
export function useHotkeys(pages) {
  useEffect(() => {
    let waits = 0;
    const pressed = event => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k' || plain && event.key === '/' && !typing(document.activeElement)) {
        event.preventDefault();
        window.dispatchEvent(new CustomEvent('pulse-palette'));
      } else if (plain && !typing(document.activeElement)) {
        const page = Date.now() - waits < 1500 && pages.find(one => one.key === event.key);
        if (page) go('/' + page.path);
        waits = event.key === 'g' ? Date.now() : 0;
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, []);
}

// From so many letters on, people are looked for: fewer fit too many.
const lettersOfPeople = 3;
const nameOfPerson = one => one.user_id || one.email || Object.values(one.identities || {}).flat()[0] || 'profile:' + one.profile_id;

export function Palette({ pages }) {
  const session = useContext(Session);
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [found, setFound] = useState([]);
  const [place, setPlace] = useState(0);
  useEffect(() => {
    const show = () => { setText(''); setFound([]); setPlace(0); setOpen(true); };
    window.addEventListener('pulse-palette', show);
    return () => window.removeEventListener('pulse-palette', show);
  }, []);
  useEffect(() => {
    if (!open || !text.trim()) { setFound([]); return undefined; }
    const control = new AbortController(), { signal } = control;
    const q = text.trim();
    const look = (path, itemsOf) => get(path, { signal }).then(({ data }) => { if (!signal.aborted) setFound(old => [...old, ...itemsOf(data)]); }, () => {});
    const timer = setTimeout(() => {
      setFound([]);
      look(route('/v1/segments', {}, { q, limit: 8 }), data => data.segments.map(one => ({ title: one.name, note: 'segment', href: link('segments', one.name) })));
      if (session && session.seesPeople && q.length >= lettersOfPeople)
        look(route('/v1/users', {}, { q, limit: 5 }), data => data.people.map(one => ({ title: nameOfPerson(one), note: 'person', href: link('people', 'profile:' + one.profile_id) })));
    }, 200);
    return () => { clearTimeout(timer); control.abort(); };
  }, [text, open]);
  if (!open) return null;
  const words = text.trim().toLowerCase();
  const number = /^#?(\d+)$/.exec(words);
  const items = [...pages.filter(page => page.title.toLowerCase().includes(words)).map(page => ({ title: page.title, note: 'page', href: '#/' + page.path })),
    ...(number ? [{ title: 'Incident ' + number[1], note: 'incident', href: link('incidents', number[1]) }] : []), ...found];
  const choose = item => { setOpen(false); if (item) go(item.href); };
  const keys = event => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setPlace((place + (event.key === 'ArrowDown' ? 1 : -1) + items.length) % Math.max(1, items.length));
    } else if (event.key === 'Enter') { event.preventDefault(); choose(items[place]); }
  };
  return html`<${Dialog} title="Search or go to" close=${() => setOpen(false)}>
    <input class="palette" role="combobox" aria-expanded="true" aria-controls="found" aria-label=${session && session.seesPeople ? 'Page, segment, person or number of an incident' : 'Page, segment or number of an incident'} autocomplete="off"
      aria-activedescendant=${items.length ? 'found-' + place : undefined} value=${text} onInput=${event => { setText(event.target.value); setPlace(0); }} onKeyDown=${keys} ref=${input => input && input.focus()} />
    <ul id="found" role="listbox" aria-label="Found">${items.map((item, index) => html`<li key=${item.href} id=${'found-' + index} role="option" aria-selected=${String(index === place)}
      onClick=${() => choose(item)} onMouseMove=${() => setPlace(index)}><bdi>${item.title}</bdi><span>${item.note}</span></li>`)}</ul>
    ${items.length ? null : html`<p class="none">Nothing has this name.</p>`}<//>`;
}
