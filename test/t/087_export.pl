# Exports of segments: canceled, at the same time, with constant memory, on a standby, and in a dump.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('export');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION pulse;
	SELECT pulse_create_segment('few', '{"where": "events.few.exists"}'), pulse_create_segment('many', '{"where": "events.many.exists"}');
	SELECT pulse_import_events($$SELECT name || i AS user_id, name AS event, '2020-01-01'::timestamptz AS timestamp, repeat('d', 200) || name || i AS device_id
		FROM (VALUES ('few', 100), ('many', 40000)) AS v (name, people), generate_series(1, people) AS i$$);
	ANALYZE});
my $files = q{SELECT (SELECT count(*) FROM pulse.export) || ' ' || (SELECT count(DISTINCT export_id) FROM pulse.export_chunk) || ' ' || (SELECT count(*) FROM pulse.export_secret)};
my $export = sub { return "SELECT users FROM pulse_export_segment('$_[0]');" };

# Wait until a session that runs an export waits for a lock.
sub wait_for_lock
{
	$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%export_segment%' AND pid <> pg_backend_pid()")
	  or die 'the export never waited';
	return;
}

# Canceled in the middle: nothing is left, and the session goes on.
my $holder = $node->background_psql('shop');
my $session = $node->background_psql('shop', on_error_stop => 0);
$holder->query('BEGIN; LOCK TABLE pulse.export_chunk IN SHARE MODE;');
$session->query_until(qr/started/, "\\echo started\n" . $export->('many') . "\n");
wait_for_lock();
$node->safe_psql('shop', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%export_segment%' AND pid <> pg_backend_pid()");
like($session->query("SELECT 'alive', current_user, current_setting('lock_timeout')"), qr/alive\|\S+\|0/, 'a canceled export leaves the session as it was');
like($session->{stderr}, qr/canceling statement due to user request/, 'with the reason');
$session->{stderr} = '';
$holder->query('ROLLBACK');
is($node->safe_psql('shop', $files), '0 0 0', 'and nothing of the file');

# Memory: 400 times the people need no more of it.
my $most = sub { return slurp_file("/proc/$_[0]/status") =~ /VmHWM:\s+(\d+) kB/ ? $1 : die 'no VmHWM' };
my $pid = $session->query('SELECT pg_backend_pid()');
is($session->query($export->('few')), 100, 'a small file');
my $before = $most->($pid);
is($session->query($export->('many')), 40000, 'a large one');
my $size = $session->query(q{SELECT max(bytes) FROM pulse.export});
cmp_ok($size, '>', 13_000_000, 'of more than 13 MB');
cmp_ok($most->($pid) - $before, '<', 9_000, 'written with constant memory');
is($node->safe_psql('shop', $files), '2 2 2', 'both are there');

# Two at the same time: both are written; whoever comes second waits only for the end, and counts the file of the first.
$node->append_conf('postgresql.conf', "pulse.max_exports = 4\n");
$node->reload;
$node->poll_query_until('shop', "SELECT pulse_now() IS NOT NULL AND current_setting('pulse.max_exports') = '4'") or die 'no reload';
my $second = $node->background_psql('shop', on_error_stop => 0);
$second->query('SELECT pulse_now()');
$session->query('BEGIN');
is($session->query($export->('few')), 100, 'an export in an open transaction');
is(sqlstate($node, 'shop', "SET pulse.lock_timeout = '50ms'; " . $export->('few')), '55P03', 'another one does not wait for ever');
is($node->safe_psql('shop', q{SELECT count(*) FROM pulse_list_exports()}), 2, 'files are listed meanwhile');
$node->safe_psql('shop', q{SELECT pulse_delete_export(min(id)) FROM pulse.export});
is($node->safe_psql('shop', $files), '1 1 1', 'and deleted');
$second->query_until(qr/started/, "\\echo started\n" . $export->('few') . "\n");
wait_for_lock();
$session->query('COMMIT');
is($second->query("SELECT 'done'"), "100\ndone", 'then the other one ends');
is($node->safe_psql('shop', $files), '3 3 3', 'with both files');
$session->query('BEGIN');
is($session->query($export->('few')), 100, 'the last file that the setting allows');
$second->query_until(qr/started/, "\\echo started\n" . $export->('few') . "\n");
wait_for_lock();
$session->query('COMMIT');
$second->query("SELECT 'done'");
like($second->{stderr}, qr/there are too many exports/, 'is the last one');
is($node->safe_psql('shop', $files), '4 4 4', 'and nothing is left of the other');
$session->quit;
$second->quit;
$holder->quit;

# A standby lists files, makes tokens and returns what they stand for; those of the primary are valid there.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('export_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $digest = q{SELECT encode(sha256(string_agg(p.data, '' ORDER BY i)), 'hex') = max(p.etag) FROM generate_series(1, (SELECT chunks FROM pulse.read_export('%1$s', 1))) AS i, pulse.read_export('%1$s', i) AS p};
my $list = q{SELECT token FROM pulse_list_exports() WHERE segment = 'many'};
for ([ 'primary', $node ], [ 'standby', $standby ])
{
	my $token = $_->[1]->safe_psql('shop', $list);
	is($standby->safe_psql('shop', sprintf $digest, $token), 't', "a standby reads a file by a token of the $_->[0]");
	is($node->safe_psql('shop', sprintf $digest, $token), 't', 'so does the primary');
}
is(sqlstate($standby, 'shop', $export->('few')), '25006', 'a standby writes no file');
is(sqlstate($standby, 'shop', 'SELECT pulse_delete_export(1)'), '25006', 'and deletes none');
$standby->stop;

# A dump has no files, and tokens are not valid in a restored copy, even for the same id.
my $token = $node->safe_psql('shop', $list);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/shop.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('shop') ], 'dump');
unlike(slurp_file($dump), qr/^COPY pulse\.export\w* \([^)]*\) FROM stdin;\n(?!\\\.)/m, 'without files and secrets');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'restore');
is($node->safe_psql('copy', $files), '0 0 0', 'the copy has no files');
is(sqlstate($node, 'copy', "SELECT pulse.read_export('$token', 1)"), '42501', 'a token is not valid there');
is($node->safe_psql('copy', $export->('many')), 40000, 'a new file can be made');
my ($id) = $token =~ /^(\d+)-/;
$node->safe_psql('copy', "SELECT setval('pulse.export_id_seq', $id, false)");
is($node->safe_psql('copy', "SELECT id FROM pulse_export_segment('few')"), $id, 'under the same id');
is(sqlstate($node, 'copy', "SELECT pulse.read_export('$token', 1)"), '42501', 'the token is still not valid');

done_testing();
