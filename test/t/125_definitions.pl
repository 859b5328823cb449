# Definitions from staging to production, and cells: who has other definitions, who is down; nothing of this database is held
# while another one is asked.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $staging = start_node('definitions_staging');
my $production = start_node('definitions_production', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', "TimeZone = 'Asia/Tokyo'", "IntervalStyle = 'iso_8601'");
for my $node ($staging, $production)
{
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	$node->safe_psql('shop', q{CREATE EXTENSION pulse; CREATE SCHEMA app; CREATE TABLE app.users (id int PRIMARY KEY, plan text);
		SELECT pulse_unschedule(name) FROM pulse.job WHERE name IN ('seal_audit', 'signal_health')});
}
$staging->safe_psql('shop', q{
	SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 30d)');
	SELECT pulse_create_trait('a_rich', 'spent > 100');
	SELECT pulse_create_segment('z', '{"where": "a_rich"}');
	SELECT pulse_create_segment('b', '{"where": "segment(\"z\") and profile.plan = \"pro\""}', tags => '{x}');
	SELECT pulse_create_segment('users', '{"from": "app.users", "key": "id", "where": "plan = ''pro''"}');
	SELECT pulse_create_flag('beta', 'segment("b")');
	SELECT pulse_create_funnel('buy', '{"steps": ["view", "purchase"]}');
	SELECT pulse_monitor_table('app.users', checks => '[{"type": "volume", "min": 0}]');
});

# What psql writes, psql reads.
sub export { return $_[0]->safe_psql($_[1] // 'shop', 'SELECT pulse_export_definitions()') }
my $document = export($staging);
sub apply
{
	my ($options) = @_;
	(my $literal = $document) =~ s/'/''/g;
	return $production->safe_psql('shop', "SELECT kind, name, change FROM pulse_apply_definitions('$literal' $options) WHERE change <> 'unchanged'");
}
my $difference = apply('');
like($difference, qr/^trait\|spent\|create$/m, 'the difference first');
is($production->safe_psql('shop', 'SELECT count(*) FROM pulse.trait'), '0', 'which changes nothing');
is(apply(', dry_run => false'), $difference, 'what was shown is done');
is(export($production), $document, 'the same definitions are the same document, in another cluster with other settings');
is(apply(', dry_run => false'), '', 'a second time nothing changes');

# ---- Cells: one that is there, one that is not, one that never answers ----
$production->safe_psql('shop', q{CREATE ROLE watcher LOGIN; SELECT pulse_grant('watcher', 'reader')});
$staging->safe_psql('shop', q{CREATE ROLE watcher LOGIN; SELECT pulse_grant('watcher', 'reader')});
sub add_cell
{
	my ($name, $host, $port) = @_;
	$production->safe_psql('shop', qq{SELECT pulse_create_source('$name', '{"host": "$host", "port": $port, "dbname": "shop", "user": "watcher",
		"allow_primary": "true", "connect_timeout": "20s", "max_queries_per_minute": 100000}'); SELECT pulse_add_cell('$name')});
}
my $cells = q{SELECT cell, state, definitions, differ, only_here, only_there, digest = digest_here, examples FROM pulse.cell ORDER BY cell};
add_cell('staging', $staging->host, $staging->port);
ok($production->poll_query_until('shop', q{SELECT state = 'equal' AND digest = digest_here FROM pulse.cell WHERE cell = 'staging'}), 'a worker compares a new cell: it has the same');
$staging->safe_psql('shop', q{SELECT pulse_update_trait('spent', 'events.purchase.sum(total, 60d)'); SELECT pulse_create_trait('new', 'events.view.count'); SELECT pulse_archive_flag('beta')});
add_cell('dead', '127.0.0.1', PostgreSQL::Test::Cluster::get_free_port());
$production->safe_psql('shop', 'SELECT pulse_compare_cells()');
like($production->safe_psql('shop', $cells), qr/^dead\|down\|\|\|\|\|\|\nstaging\|differs\|\d+\|1\|1\|1\|f\|\{"flag \\"beta\\"","trait \\"new\\"","trait \\"spent\\""\}$/,
	'who differs, in what; a cell that is down is a row');
like($production->safe_psql('shop', q{SELECT problem FROM pulse.cell WHERE cell = 'dead'}), qr/dead/, 'with the reason');
is($production->safe_psql('shop', q{SELECT cell, state, problem IS NULL FROM pulse.cell WHERE cell = 'dead'}, extra_params => [ '-U', 'watcher' ]), 'dead|down|t', 'which a reader does not see');
like($production->safe_psql('shop', q{SELECT state, detail FROM pulse_status() WHERE item = 'cells'}), qr/^degraded\|dead: down, staging: differs$/, 'pulse_status() says so');
# Back to equal, by the same way.
$document = export($staging);
apply(', dry_run => false, prune => true');
is(export($production), $document, 'production follows, what is only here is removed');
$production->safe_psql('shop', 'SELECT pulse_compare_cells()');
is($production->safe_psql('shop', q{SELECT state FROM pulse.cell WHERE cell = 'staging'}), 'equal', 'and is equal');
# A cell can answer anything: it is down, and the others are compared all the same.
$staging->safe_psql('postgres', 'CREATE DATABASE odd');
$staging->safe_psql('odd', q{CREATE EXTENSION pulse; SELECT pulse_grant('watcher', 'reader');
	CREATE OR REPLACE FUNCTION pulse.definition_digests() RETURNS TABLE (kind text, name text, digest text) LANGUAGE sql AS $$ SELECT NULL, 'x', 'y' $$});
$production->safe_psql('shop', sprintf(q{SELECT pulse_create_source('a_odd', jsonb_build_object('host', '%s', 'port', %d, 'dbname', 'odd', 'user', 'watcher',
	'allow_primary', true, 'max_queries_per_minute', 100000)); SELECT pulse_add_cell('a_odd'); SELECT pulse_compare_cells()}, $staging->host, $staging->port));
like($production->safe_psql('shop', q{SELECT cell, state, problem FROM pulse.cell WHERE cell <> 'dead' ORDER BY cell}), qr/^a_odd\|down\|.*nulls.*\nstaging\|equal\|$/, 'a cell that answers nulls is down');
$production->safe_psql('shop', q{SELECT pulse_remove_cell('a_odd'); SELECT pulse_delete_source('a_odd')});
# A cell that was there keeps what is known of it.
$staging->stop;
$production->safe_psql('shop', 'SELECT pulse_compare_cells()');
is($production->safe_psql('shop', q{SELECT state, definitions > 0, answered_at < checked_at FROM pulse.cell WHERE cell = 'staging'}), 'down|t|t', 'a cell that stopped');
$staging->start;

# A worker that waits for a cell holds nothing: definitions and cells can be locked meanwhile.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "cannot listen: $!";
$production->safe_psql('shop', q{SELECT pulse_schedule('cells', '1 second')});
add_cell('silent', '127.0.0.1', $silent->sockport);
ok(IO::Select->new($silent)->can_read(120), 'a worker asks the cell that never answers');
my $connection = $silent->accept;
is($production->safe_psql('shop', q{BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE pulse.cell_state, pulse.segment, pulse.trait, pulse.flag; COMMIT; SELECT 'locked'}), 'locked', 'and holds no lock');
is($production->safe_psql('shop', q{SELECT state FROM pulse.cell WHERE cell = 'silent'}), 'new', 'while it waits');
close $connection;
close $silent;
ok($production->poll_query_until('shop', q{SELECT state = 'down' FROM pulse.cell WHERE cell = 'silent'}), 'then it is down');
is(sqlstate($production, 'shop', q{SELECT pulse_delete_source('silent')}), '2BP01', 'a source that is a cell stays');
$production->safe_psql('shop', q{SELECT pulse_remove_cell('silent'); SELECT pulse_delete_source('silent')});

# ---- A dump has cells and definitions; the copy, on a server where no job runs meanwhile, exports the same ----
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$production->command_ok([ 'pg_dump', '-d', $production->connstr('shop'), '-f', $dump ], 'dump');
$staging->safe_psql('postgres', 'CREATE DATABASE copy');
$staging->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $staging->connstr('copy'), '-f', $dump ], 'restore');
is(export($staging, 'copy'), export($production), 'the same definitions');
is($staging->safe_psql('copy', q{SELECT string_agg(source || ' ' || runs_as || ' ' || (role_oid IS NOT NULL), ', ' ORDER BY source) FROM pulse.cell_state}), 'dead postgres true, staging postgres true', 'and cells');
$production->stop;
$staging->stop;
done_testing();
