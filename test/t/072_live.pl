# Memberships match an oracle in plain SQL at every instant checked: after random histories with late events, merges, edits and moving
# windows; and with eight concurrent sessions.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('live', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.run_jobs = off');
my $oracle = slurp_file("$FindBin::Bin/072_oracle.sql");
sub make_database
{
	my ($name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, "SET client_min_messages = warning; CREATE EXTENSION pulse; $oracle");
}

# ---- random histories ----
make_database('histories');
for my $case ([ 'sync', 0.1 ], [ 'sync', 0.2 ], [ 'sync', 0.3 ], [ 'async', 0.4 ])
{
	my ($evaluation, $seed) = @$case;
	my $found = $node->safe_psql('histories',
		"SET client_min_messages = warning; SET pulse.evaluation = $evaluation; BEGIN; SELECT * FROM history(80, $seed) LIMIT 20; ROLLBACK");
	is($found, 'looked true', "$evaluation, history $seed: what is kept is what the oracle says");
}

# ---- eight sessions ----
# They read files, because IPC::Run feeds standard input to one session at a time. None begins before all are connected.
my ($dir, $files) = (PostgreSQL::Test::Utils::tempdir(), 0);
sub busy
{
	my ($db, $evaluation, $sessions, $steps) = @_;
	my @handles;
	my $gate = $node->background_psql($db);
	$gate->query_safe('SELECT pg_advisory_lock(72)');
	for my $s (1 .. $sessions)
	{
		my $file = "$dir/busy" . $files++;
		append_to_file($file, "SET pulse.evaluation = $evaluation; SET client_min_messages = error; SELECT pg_advisory_lock_shared(72);\n" . join "\n", map {
			my $user = ($s * 7 + $_ * 3) % 10;
			my $kind = ($s + $_) % 4;
			$kind == 0   ? "SELECT pulse_identify('u$user', '{\"plan\": \"" . ($_ % 2 ? 'premium' : 'free') . "\"}');"
			  : $kind == 1 ? "SELECT pulse_track('u$user', 'app_open', '{\"session\": $s}');"
			  : "SELECT pulse_track('u$user', 'purchase', '{\"total\": " . ($_ % 60) . ", \"category\": \"a\", \"session\": $s}');"
		} 1 .. $steps);
		my ($out, $err) = ('', '');
		push @handles, [ IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', $file ], '<', \undef, '>', \$out, '2>', \$err), \$err ];
	}
	ok($node->poll_query_until($db, "SELECT count(*) = $sessions FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'all sessions wait to start together');
	$gate->quit;
	return @handles;
}
sub finish { my @errors; for my $h (@_) { $h->[0]->finish; push @errors, ${ $h->[1] } if ${ $h->[1] }; } return join '', @errors; }
my $wrong = "SELECT count(*) FROM (SELECT what, segment, profile_id FROM differences(false) UNION ALL SELECT what, segment_id::text, profile_id FROM replayed()) AS d";

make_database('many');
is(finish(busy('many', 'sync', 8, 60)), '', 'eight sessions, sync: none fails');
$node->safe_psql('many', 'SELECT pulse_run_pipeline()');
is($node->safe_psql('many', $wrong), '0', 'eight sessions, sync: the result matches the oracle');
is($node->safe_psql('many', "SELECT count(*) FROM pulse.event"), '480', 'every event is stored');
cmp_ok($node->safe_psql('many', q{SELECT count(*) FROM (SELECT session <> lag(session) OVER (ORDER BY xid) AS other
	FROM (SELECT properties ->> 'session' AS session, xmin::text::bigint AS xid FROM pulse.event WHERE properties ? 'session') AS e) AS t WHERE other}),
	'>', 8, 'transactions of the sessions interleaved');
cmp_ok($node->safe_psql('many', q{SELECT count(*) FROM pulse_take_changes('all', 100000, true)}), '>', 100, 'a consumer takes the changes');
is($node->safe_psql('many', 'SELECT * FROM disorder()'), '', 'the changes are in order of their occurrence');

# ---- plans made while the tables are empty ----
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty', q{SET client_min_messages = warning; CREATE EXTENSION pulse;
	SELECT pulse_create_segment('often', '{"where": "events.purchase.unique_days_14d >= 3"}');
	SELECT pulse_create_segment('sent back', '{"where": "sequence(events.purchase -> within 7d events.refund)"}')});
$node->safe_psql('empty', q{DO 'BEGIN FOR i IN 1 .. 600 LOOP PERFORM pulse_track(''p'' || i, ''purchase''); END LOOP; END'; SELECT pg_stat_force_next_flush()});
cmp_ok($node->safe_psql('empty', q{SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read) FROM pg_stat_all_tables WHERE relname ~ '^event_'}), '<', 600 * 10,
	'the cost of an event depends on its person\'s events, not on all events');

# ---- incremental updates give the same values as reading the events ----
$node->safe_psql('empty', q{SET client_min_messages = warning; SELECT pulse_create_trait('visits', 'events.visit.count'); SELECT pulse_create_trait('spent', 'events.visit.sum(total)')});
my $kept = q{SELECT pulse_trait('k', 'visits'), pulse_trait('k', 'spent')};
my $read = q{SELECT count(*), sum((properties ->> 'total')::int) FROM pulse.event WHERE name = 'visit'};
my $visit = q{SELECT pulse_track('k', 'visit', '{"total": 1}')};
$node->safe_psql('empty', q{SELECT pulse_track('k', 'visit', '{"total": 10}', at => now() - n * interval '40 days') FROM generate_series(0, 4) AS n});
is($node->safe_psql('empty', $kept), '5|50', 'five visits are counted');
$node->append_conf('postgresql.conf', "pulse.event_retention = '30d'");
$node->reload;
$node->poll_query_until('empty', q{SELECT current_setting('pulse.event_retention') = '30d'});
$node->safe_psql('empty', q{SELECT pulse_run_job('retention')});
cmp_ok($node->safe_psql('empty', q{SELECT count(*) FROM pulse.event WHERE name = 'visit'}), '<', 5, 'retention drops some of them');
$node->append_conf('postgresql.conf', 'pulse.event_retention = 0');
$node->reload;
$node->poll_query_until('empty', q{SELECT current_setting('pulse.event_retention') = '0'});
for my $n (1 .. 2)
{
	$node->safe_psql('empty', $visit);
	is($node->safe_psql('empty', $kept), $node->safe_psql('empty', $read), "the next visit counts what is there ($n)");
}
# A trigger evaluates people with an event before the listener reports it.
$node->safe_psql('empty', q{CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.pulse_run_pipeline(); RETURN NULL; END';
	CREATE TRIGGER look AFTER INSERT ON pulse.event FOR EACH ROW EXECUTE FUNCTION look()});
$node->safe_psql('empty', qq{BEGIN; INSERT INTO pulse.dirty (profile_id, event, account, everything, cause, quiet)
	SELECT profile_id, 'visit', false, false, 'event', false FROM pulse.identity WHERE value = 'k'; $visit; COMMIT});
is($node->safe_psql('empty', $kept), $node->safe_psql('empty', $read), 'no event counts twice');

done_testing();
