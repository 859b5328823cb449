# A background build whose process is killed continues where it stopped; nobody is left out or counted twice.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('build', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'pulse.build_at_once = 0');
my $pipeline = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse pipeline'};
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sql(q{
	CREATE EXTENSION pulse;
	SELECT * FROM pulse_import_events('SELECT ''u'' || i AS user_id, ''purchase'' AS event, jsonb_build_object(''total'', i) AS properties,
		now() - interval ''1 day'' AS "timestamp" FROM generate_series(1, 5000) AS i');
});

# A lock in the middle: the batches before it are committed, later ones are not.
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'u3500') FOR UPDATE});
sql(q{SELECT pulse_create_segment('buyers', '{"where": "events.purchase.sum(total, 30d) > 1000"}')});
ok($node->poll_query_until('postgres', q{SELECT bool_and(done >= 1000) AND count(*) > 0 FROM pulse.build}), 'a part is built');
my $stuck = q{SELECT min(built_to) FROM pulse.live_segment WHERE status = 'building'};
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pulse pipeline' AND cardinality(pg_blocking_pids(pid)) > 0)"),
	'the rest waits for a locked person');
my $built_to = sql($stuck);
cmp_ok($built_to, '>=', 1000, "up to $built_to");
cmp_ok($built_to, '<', 5000, 'the build is not complete');
is(sql(q{SELECT count(*) FROM pulse.membership WHERE segment = 'buyers'}), '4000', 'meanwhile reads return everybody');

my $killed = sql('SELECT clock_timestamp()');
my $log_end = -s $node->logfile;
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', (split /\n/, $node->safe_psql('postgres', $pipeline))[0]);
eval { $holder->quit };
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
wait_until_back($node);
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pulse.build}), 'after a crash the build completes');
is(sql(q{SELECT status FROM pulse.live_segment}), 'live', 'the segment is live');
is(sql("SELECT count(*) FROM pulse.profile_state WHERE profile_id <= $built_to AND as_of >= '$killed'"), '0', 'no person is built twice');
is(sql(q{SELECT count(*), count(DISTINCT profile_id) FROM pulse.member}), '4000|4000', 'each member is stored once');
is(sql(q{SELECT count(*), bool_and(quiet), string_agg(DISTINCT cause, ' ') FROM pulse.membership_change}), '4000|t|build', 'each member has one change');
is(sql(q{SELECT count(*) FROM pulse.next_member}), '0', 'no intermediate rows are left');
sql(q{SELECT pulse_track('u1', 'purchase', '{"total": 2000}')});
is(sql(q{SELECT pulse_in_segment('u1', 'buyers'), (SELECT count(*) FROM pulse.membership WHERE segment = 'buyers')}), 't|4001', 'the segment follows new events');

done_testing();
