// All pages, in the order of the navigation: one line each. `path` is the first part of the address behind #/, `load`
// brings the file when the page is opened, `key` opens it after g.
export const pages = [
  { group: 'Watch', path: '', title: 'Overview', key: 'o', load: () => import('./pages/overview.js') },
  { group: 'Watch', path: 'incidents', title: 'Incidents', key: 'i', load: () => import('./pages/incidents.js') },
  { group: 'Watch', path: 'segments', title: 'Segments', key: 's', load: () => import('./pages/segments.js') },
  { group: 'Watch', path: 'segment-builder', title: 'New segment', key: 'n', hidden: true, load: () => import('./pages/segment_builder.js') },
  { group: 'People', path: 'people', title: 'People', key: 'p', load: () => import('./pages/people.js') },
  { group: 'People', path: 'identity', title: 'Identity graph', hidden: true, load: () => import('./pages/identity.js') },
  { group: 'People', path: 'traits', title: 'Traits', key: 't', load: () => import('./pages/traits.js') },
  { group: 'People', path: 'flags', title: 'Flags', key: 'f', load: () => import('./pages/flags.js') },
  { group: 'People', path: 'experiments', title: 'Experiments', key: 'x', load: () => import('./pages/experiments.js') },
  { group: 'People', path: 'consent', title: 'Consent', key: 'c', load: () => import('./pages/consent.js') },
  { group: 'Act', path: 'audiences', title: 'Audiences', key: 'a', load: () => import('./pages/audiences.js') },
  { group: 'Act', path: 'trust', title: 'Trust', key: 'r', load: () => import('./pages/trust.js') },
  { group: 'Act', path: 'delivery', title: 'Delivery', key: 'd', load: () => import('./pages/delivery.js') },
  { group: 'Act', path: 'exports', title: 'Exports', key: 'e', load: () => import('./pages/exports.js') },
  { group: 'Operate', path: 'jobs', title: 'Jobs', key: 'j', load: () => import('./pages/jobs.js') },
  { group: 'Operate', path: 'keys', title: 'Keys', key: 'k', load: () => import('./pages/keys.js') },
  { group: 'Operate', path: 'settings', title: 'Settings', load: () => import('./pages/settings.js') },
  { group: 'Operate', path: 'audit', title: 'Audit', load: () => import('./pages/audit.js') },
];
