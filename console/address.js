// Addresses: #/page/param/param?name=value. What a page shows is in them, so that it can be sent to others.
import { useState, useEffect } from './vendor/preact.js';

function readAddress() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const decode = part => { try { return decodeURIComponent(part); } catch { return part; } };
  const [page = '', ...params] = path.split('/').map(decode);
  return { page, params: params.filter(part => part !== ''), query: Object.fromEntries(new URLSearchParams(query)) };
}

function addressOf(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return '#' + path + (given.length ? '?' + new URLSearchParams(given) : '');
}

// The address of a page with names in it: link('segments', name).
export const link = (...parts) => '#/' + parts.map(encodeURIComponent).join('/');
export const go = path => { location.hash = path.startsWith('#') ? path : '#' + path; };

export function useAddress() {
  const [address, setAddress] = useState(readAddress);
  useEffect(() => {
    const changed = () => setAddress(readAddress());
    window.addEventListener('hashchange', changed);
    window.addEventListener('pulse-address', changed);
    return () => { window.removeEventListener('hashchange', changed); window.removeEventListener('pulse-address', changed); };
  }, []);
  return address;
}

// Change filters in the address without a new entry in the history.
export function setQuery(changes) {
  const { query } = readAddress();
  const path = location.hash.replace(/^#/, '').split('?')[0] || '/';
  history.replaceState(null, '', addressOf(path, { ...query, ...changes }));
  window.dispatchEvent(new Event('pulse-address'));
}
