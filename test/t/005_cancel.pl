# A long snapshot can be canceled, timed out and terminated at once, and leaves nothing half done.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseTest;

my $node = start_node('cancel');
fill_shop($node, 'shop');
$node->safe_psql(
	'shop', q{SELECT pulse_create_segment('Sleeping', '{"query": "SELECT i AS id FROM generate_series(1, 3) AS i, LATERAL (SELECT pg_sleep(600)) AS z",
	"key": "id", "attributes": []}');
	SELECT pulse_create_segment('Busy', '{"query": "SELECT i AS id FROM generate_series(1, 100000000000) AS i", "key": "id", "attributes": []}')});

# A canceled session continues to work.
my $session = $node->background_psql('shop', on_error_stop => 0);
for my $segment ('Sleeping', 'Busy')
{
	$session->query_until(qr/started/, qq{\\echo started\nSET pulse.now = '2016-01-01';\nSELECT pulse_take_snapshot('$segment');\n});
	$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%$segment%' AND pid <> pg_backend_pid()")
	  or die "the snapshot of $segment never started";
	my $canceled = time;
	$node->safe_psql('shop', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%take_snapshot(''$segment%' AND pid <> pg_backend_pid()");
	like($session->query("SELECT 'alive', current_user, current_setting('search_path')"), qr/alive\|\S+\|"\$user", public/, "canceled during $segment, the session is alive");
	soon($canceled, 'canceled at once');
	like($session->{stderr}, qr/canceling statement due to user request/, 'with the reason');
	$session->{stderr} = '';
}
$session->quit;
is($node->safe_psql('shop', 'SELECT count(*) FROM pulse.snapshot'), 0, 'nothing was written');

# statement_timeout.
for my $segment ('Sleeping', 'Busy')
{
	my $start = time;
	is(sqlstate($node, 'shop', "SET statement_timeout = '300ms'; SELECT pulse_take_snapshot('$segment')"), '57014', "statement_timeout ends $segment");
	soon($start, 'in time');
}
is($node->safe_psql('shop', 'SELECT count(*) FROM pulse.snapshot'), 0, 'nothing was written');

# Pulse's own limit fails only the segment: its snapshot keeps the error, and the other segments continue.
$node->safe_psql('shop', "SET pulse.now = '2016-01-01'; SET pulse.statement_timeout = '300ms'; SELECT pulse_take_snapshots()");
is( $node->safe_psql('shop', 'SELECT s.name, n.status, n.error_state FROM pulse.snapshot AS n JOIN pulse.segment AS s ON s.id = n.segment_id ORDER BY 1'),
	"Busy|failed|57014\nRecent|ok|\nSleeping|failed|57014\nValuable|ok|", 'the slow ones failed, the others did not');
like($node->safe_psql('shop', "SELECT error FROM pulse.snapshot WHERE status = 'failed' LIMIT 1"), qr/pulse\.statement_timeout/, 'with a reason that names the setting');

# A terminated session ends at once.
my ($in, $out, $err) = ('', '', '');
my $victim = IPC::Run::start(
	[ 'psql', '-X', '-d', $node->connstr('shop'), '-c', "SELECT pulse_take_snapshot('Busy')" ], '<', \$in, '>', \$out, '2>', \$err);
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%Busy%' AND state = 'active' AND pid <> pg_backend_pid()")
  or die 'the snapshot never started';
my $terminated = time;
$node->safe_psql('shop', "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE '%Busy%' AND pid <> pg_backend_pid()");
$victim->finish;
soon($terminated, 'terminated at once');
like($err, qr/terminating connection due to administrator command/, 'with a message');

# A function that catches every cancel cannot outlive the limit: the connection ends.
$node->safe_psql(
	'shop', q{CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
	LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$;
	SELECT pulse_create_segment('Stubborn', '{"query": "SELECT stubborn() AS id", "key": "id", "attributes": []}')});
$node->psql('shop', "\\set VERBOSITY verbose\nSET pulse.statement_timeout = '100ms'; SELECT pulse_take_snapshot('Stubborn')", stderr => \$err);
like($err, qr/^\S*\s*FATAL:\s+57P01/m, 'a definition that catches its cancels ends with its connection');
like($err, qr/DETAIL:  A statement of a definition or job went on after its time limit/, 'and the client learns why');
is($node->safe_psql('shop', "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%Stubborn%' AND pid <> pg_backend_pid()"), 0, 'nothing of it goes on');

done_testing();
