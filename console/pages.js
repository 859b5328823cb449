// All pages, in the order of the navigation: one line each. `path` is the first part of the address behind #/, `load`
// brings the file when the page is opened, `key` opens it after g.
export const pages = [
  { group: 'Watch', path: '', title: 'Overview', key: 'o', load: () => import('./pages/overview.js') },
  { group: 'Watch', path: 'incidents', title: 'Incidents', key: 'i', load: () => import('./pages/incidents.js') },
  { group: 'Watch', path: 'segments', title: 'Segments', key: 's', load: () => import('./pages/segments.js') },
  { group: 'Watch', path: 'segment-builder', title: 'New segment', key: 'n', hidden: true, load: () => import('./pages/segment_builder.js') },
  { group: 'Watch', path: 'tables', title: 'Tables and sources', key: 'b', load: () => import('./pages/tables.js') },
  { group: 'Watch', path: 'events', title: 'Events', key: 'e', load: () => import('./pages/events.js') },
  { group: 'People', path: 'insight', title: 'Insight', key: 'y', load: () => import('./pages/insight.js') },
  { group: 'Act', path: 'campaigns', title: 'Campaigns', key: 'c', load: () => import('./pages/campaigns.js') },
];
