# Definitions change while sessions read: no session reads freed memory, and an older snapshot still gets its own results.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('definitions', "shared_preload_libraries = 'pulse'", 'pulse.run_jobs = off');
$node->safe_psql('postgres', 'CREATE EXTENSION pulse');
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sql(<<'SQL');
SELECT pulse_track('u' || n, 'purchase', jsonb_build_object('total', n), at => now() - interval '1 day') FROM generate_series(1, 60) AS n;
SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 1"}');
SELECT pulse_create_segment('never', '{"where": "events.purchase.sum(total, 60d) > 1000 && events.refund.count_30d == 0"}');
SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 90d)');
SELECT pulse_create_trait('spent' || n, format('events.purchase.sum(total, %sd)', n)) FROM generate_series(40, 51) AS n;
SQL

# ---- reading while definitions are recreated ----
my @handles;
my $reads = "SELECT 'wrong' FROM pulse.membership HAVING count(*) <> 60; SELECT 'wrong' FROM pulse.trait_value HAVING count(value) <> 780;\n";
for my $who ("SELECT set_config('pulse.now', (now() - interval '1 hour')::text, false) IS NULL;\n" . $reads x 200, "SELECT pulse_refresh_definitions();\n" x 1500)
{
	# From a file, because IPC::Run feeds standard input to one session at a time.
	my ($out, $err, $file) = ('', '', $node->basedir . '/session' . @handles . '.sql');
	append_to_file($file, $who);
	push @handles, [ IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ], '>', \$out, '2>', \$err), \$err, \$out ];
}
$_->[0]->finish for @handles;
is(join('', map { ${ $_->[1] } } @handles), '', 'one session reads while another recreates definitions');
unlike(${ $handles[0]->[2] }, qr/wrong/, 'it gets complete results');

# ---- an older snapshot ----
my $old = $node->background_psql('postgres', on_error_stop => 1);
$old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pulse_trait('u5', 'spent')");
sql(q{SELECT pulse_update_trait('spent', 'events.purchase.sum(total, 91d) + 1'); SELECT pulse_create_trait('bought', 'events.purchase.count(80d)');
	SELECT pulse_create_segment('late', '{"where": "events.purchase.count(70d) >= 1"}')});
is($old->query_safe("SELECT pulse_trait('u5', 'spent'), pulse_trait('u5', 'bought'), pulse_in_segment('u5', 'late')"), '6|1|t',
	'values that an older snapshot does not see are read from the events');
my ($out, $err);
is($old->query_safe("SELECT count(*) FROM pulse.membership WHERE segment = 'buyers'"), '60', 'members are those of the older snapshot');
$old->quit;

# ---- a transaction with one snapshot can neither change definitions nor evaluate by changed ones ----
(undef, undef, $err) = $node->psql('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pulse_create_trait('x', 'events.a.count')", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/25001.*only in READ COMMITTED/s, 'a definition needs READ COMMITTED');
(undef, undef, $err) = $node->psql('postgres', "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pulse_build_step(10)", extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/25001/, 'a step of building, too');
my $writer = $node->background_psql('postgres', on_error_stop => 0);
$writer->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.event");
sql(q{SELECT pulse_create_segment('later', '{"where": "events.purchase.count(71d) >= 2"}')});
$writer->query("SELECT pulse_track('u1', 'purchase')");
like($writer->{stderr}, qr/definitions over people have changed since this transaction began/, 'events that would be evaluated against outdated states are rejected');
$writer->quit;

# ---- while a segment is built for the first time, all functions evaluate it from the events ----
sql("ALTER SYSTEM SET pulse.build_at_once = 0; SELECT pg_reload_conf()");
$node->restart;
sql(q{SELECT pulse_create_segment('slow', '{"where": "events.purchase.sum(total, 33d) > 50"}')});
is(sql("SELECT count(*) FROM pulse.live_segment WHERE status = 'building'"), '1', 'it is being built');
sub agree
{
	return sql(q{SELECT (SELECT count(*) FROM pulse.membership WHERE segment = 'slow'), count(*) FILTER (WHERE pulse_in_segment('u' || n, 'slow')),
		count(*) FILTER (WHERE EXISTS (SELECT FROM pulse_segments_of('u' || n) AS s WHERE s.segment = 'slow')) FROM generate_series(1, 60) AS n});
}
is(agree(), '10|10|10', 'membership, pulse_in_segment() and pulse_segments_of() agree');

# ---- a rolled-back step builds nothing ----
sql(q{BEGIN; SELECT pulse_build_step(40); ROLLBACK; SELECT pulse_track('u20', 'purchase', '{"total": 100}'); SELECT pulse_track('u55', 'other')});
is(agree(), '11|11|11', 'they agree after a step that was rolled back');
sql('CALL pulse_build(7)');
is(sql("SELECT count(*) FROM pulse.live_segment WHERE status = 'building'"), '0', 'the build is complete');
is(agree(), '11|11|11', 'they agree when it is live');
is(sql("SELECT count(*) FROM pulse.member JOIN pulse.segment AS s ON s.id = segment_id WHERE name = 'slow'"), '11', 'the stored members agree');

done_testing();
