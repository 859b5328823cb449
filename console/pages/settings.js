// Settings: what differs from the default, and the SQL to change it. They are changed in SQL alone.
import { html, Part, Table, Filters, AsSql, Badge, Name, count, route, literal } from '../ui.js';

const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1], ['ms', 0.001]];
const seconds = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86400 };
// A value with its unit, a time in the largest unit that says it exactly.
function shown(value, unit) {
  if (value === null || value === undefined) return '–';
  if (value === '') return 'empty';
  if (!unit || !seconds[unit] || +value <= 0) return unit && +value > 0 ? `${value} ${unit}` : value;
  const [name, size] = units.find(([, length]) => Number.isInteger(+(+value * seconds[unit] / length).toFixed(6)));
  const number = Math.round(+value * seconds[unit] / size);
  return `${count(number)} ${name}${number === 1 || name === 'ms' ? '' : 's'}`;
}
const sources = { default: 'the default', 'configuration file': 'postgresql.conf', database: 'ALTER DATABASE', user: 'ALTER ROLE', 'database user': 'ALTER ROLE … IN DATABASE', session: 'this session', client: 'the connection', 'command line': 'the command line', 'environment variable': 'an environment variable' };
const identifier = text => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : '"' + text.replace(/"/g, '""') + '"');

// The statements that give a setting this value, and those that take it back.
function change(row, database) {
  const value = literal(row.default);
  if (row.context === 'postmaster') return `ALTER SYSTEM SET ${row.name} = ${value};    -- then restart the server\nALTER SYSTEM RESET ${row.name};`;
  if (row.context === 'sighup') return `ALTER SYSTEM SET ${row.name} = ${value};\nSELECT pg_reload_conf();\nALTER SYSTEM RESET ${row.name};\nSELECT pg_reload_conf();`;
  return `ALTER DATABASE ${identifier(database)} SET ${row.name} = ${value};    -- for new connections\nALTER DATABASE ${identifier(database)} RESET ${row.name};`;
}

export default function Settings({ query }) {
  const all = query.show === 'all', search = (query.q || '').toLowerCase();
  const find = data => data.settings.filter(row => !search || row.name.includes(search) || (row.description || '').toLowerCase().includes(search));
  return html`<h1>Settings</h1><p class="lead">As they hold for the connections of the gateway. They are changed in SQL.</p>
    <${Filters} filters=${[{ name: 'show', label: 'Settings', options: [['', 'That differ from the default'], ['all', 'All']] }, { name: 'q', label: 'Name or description', type: 'search' }]} />
    <${Part} get=${route('/v1/settings', {}, { all: all || undefined })} none=${data => !find(data).length} noneText=${search ? 'No setting fits.' : 'All settings have their default.'}
      sql=${`SELECT pulse_now();    -- brings the library into this session\nSELECT name, setting, unit, boot_val, source, short_desc FROM pg_settings\nWHERE name LIKE 'pulse.%'${all ? '' : ' AND setting IS DISTINCT FROM boot_val'} ORDER BY name;`}>
      ${data => html`<${Table} name="settings" keyOf=${row => row.name} rows=${find(data)} caption="Settings by name" columns=${[
        { title: 'Setting', value: row => row.name, cell: row => html`<code class="nowrap">${row.name}</code>` },
        { title: 'Value', value: row => row.value, cell: row => html`<span><strong><${Name} text=${shown(row.value, row.unit)} /></strong>${row.pendingRestart ? html` <${Badge} text="after a restart" tone="medium" />` : null}</span>` },
        { title: 'Default', value: row => row.default, cell: row => html`<${Name} text=${shown(row.default, row.unit)} />` },
        { title: 'Set by', value: row => row.source, cell: row => sources[row.source] || row.source }, { title: 'What it is', value: row => row.description },
        { title: 'To change it', sort: false, cell: row => html`<${AsSql} sql=${change(row, data.database)} />` }]} />
        <p class="hint">${find(data).length} of ${data.all} settings. The SQL sets the default: write the value that you want.</p>`}<//>`;
}
