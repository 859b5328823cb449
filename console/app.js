// The frame of the console: sign-in, navigation, the page that the address names.
import { html, render, useState, useEffect, useRef, useAddress, Toasts, Form, Spinner, Failure, Guard, go, toast, Session } from './ui.js';
import { whoAmI, signIn, signOut, listen } from './api.js';
import { Palette, useHotkeys } from './palette.js';
import { pages } from './pages.js';

function SignIn({ done }) {
  const submit = async ({ key }) => { await signIn(key.trim()); done(); };
  return html`<main class="sign-in" id="main">
    <div class="card">
      <h1><span class="logo" aria-hidden="true"></span>Pulse</h1>
      <p>Sign in with an API key of kind read, write or admin. You see and do what the key's role may.</p>
      <${Form} fields=${[{ name: 'key', label: 'API key', type: 'password', required: true, autofocus: true, autocomplete: 'off' }]}
        submit=${submit} label="Sign in" />
      <p class="hint">No key yet? In <code>psql</code>:</p>
      <pre class="sql"><code>SELECT pulse_create_api_key('me', 'read', 'my_role');</code></pre>
    </div></main>`;
}

function Navigation({ here, session, leave }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [here]);
  const groups = [...new Set(pages.map(page => page.group))];
  return html`<header class=${open ? 'side open' : 'side'}>
    <div class="brand"><a href="#/" aria-label="Pulse, overview"><span class="logo" aria-hidden="true"></span>Pulse</a>
      <button class="quiet menu" aria-expanded=${String(open)} aria-controls="nav" onClick=${() => setOpen(!open)}>Menu</button></div>
    <div class="folds" id="nav">
      <button class="search" onClick=${() => window.dispatchEvent(new CustomEvent('pulse-palette'))}>Search or go to… <kbd>/</kbd></button>
      <nav aria-label="Pages">${groups.map(group => html`<section key=${group}><h2>${group}</h2><ul>
        ${pages.filter(page => page.group === group && !page.hidden).map(page => html`<li key=${page.path}>
          <a href=${'#/' + page.path} aria-current=${page.path === here ? 'page' : undefined}>${page.title}</a></li>`)}</ul></section>`)}</nav>
      <div class="who"><bdi title=${'Key ' + session.key + ', kind ' + session.kind}>${session.key}</bdi>
        <span>${session.role} in ${session.database}${session.standby ? ', a standby' : ''}</span>
        <button class="quiet" onClick=${leave}>Sign out</button></div>
    </div></header>`;
}

// A page's file, brought when it is first opened.
function PageOf({ page, address }) {
  const [state, setState] = useState({});
  const load = () => page.load().then(file => setState({ page, Body: file.default }), error => setState({ page, error }));
  useEffect(() => { load(); }, [page]);
  if (state.page !== page) return html`<${Spinner} />`;
  if (state.error) return html`<h1>${page.title}</h1><${Failure} error=${state.error} again=${load} />`;
  return html`<${Guard} key=${address.page + '/' + address.params.join('/')}><${state.Body} ...${address} /><//>`;
}

function Missing() {
  return html`<h1>Nothing here</h1><p>The console has no such page. <a href="#/">Go to the overview</a>.</p>`;
}

function Console({ session, leave }) {
  const address = useAddress();
  const main = useRef();
  const page = pages.find(one => one.path === address.page);
  const place = address.page + '/' + address.params.join('/');
  const first = useRef(true);
  useHotkeys(pages);
  // The stream stays open while the console is open, whatever the page shows.
  useEffect(() => listen(() => {}), []);
  useEffect(() => {
    document.title = [address.params[0], page ? page.title : 'Nothing here', 'Pulse'].filter(Boolean).join(' · ');
    if (first.current) { first.current = false; return; }
    window.scrollTo(0, 0);
    if (main.current) main.current.focus({ preventScroll: true });
  }, [place]);
  return html`<a class="skip" href="#main" onClick=${event => { event.preventDefault(); main.current.focus(); }}>Skip to the page</a>
    <${Session.Provider} value=${session}>
      <${Navigation} here=${page ? page.path : null} session=${session} leave=${leave} />
      <main id="main" tabindex="-1" ref=${main}>${page ? html`<${PageOf} page=${page} address=${address} />` : html`<${Missing} />`}</main>
      <${Palette} pages=${pages} /></${Session.Provider}>`;
}

function App() {
  const [session, setSession] = useState(undefined);
  const [error, setError] = useState(null);
  const begin = () => whoAmI().then(found => { setError(null); setSession(found); },
    problem => { if (problem.status === 401) { setError(null); setSession(null); } else setError(problem); });
  useEffect(() => {
    begin();
    const out = () => setSession(null);
    window.addEventListener('pulse-signed-out', out);
    return () => window.removeEventListener('pulse-signed-out', out);
  }, []);
  // Only the server can take the cookie away: a person who is still signed in is told.
  const leave = async () => {
    try { await signOut(); } catch (problem) { toast(`You are still signed in. ${[problem.message, problem.detail].filter(Boolean).join(' ')}`, 'failed'); return; }
    go('/'); setSession(null);
  };
  let body;
  if (error) body = html`<main class="sign-in"><div class="card"><h1>Pulse</h1><${Failure} error=${error} again=${begin} /></div></main>`;
  else if (session === undefined) body = html`<main class="sign-in"><${Spinner} /></main>`;
  else if (!session) body = html`<${SignIn} done=${begin} />`;
  else body = html`<${Console} session=${session} leave=${leave} />`;
  return html`${body}<${Toasts} />`;
}

render(html`<${App} />`, document.getElementById('app'));
