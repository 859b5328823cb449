# RFM and lifecycle stages: a dump restores their settings and answers the same; standbys answer; the job computes quintiles, and the pipeline records who churns
# by time alone.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('rfm_source', "shared_preload_libraries = 'pulse'", 'pulse.run_jobs = off');
sub sql { return $node->safe_psql('postgres', @_) }
# Quintiles of two days ago, stages of a day ago, and people who have churned since by time alone.
sql(q{
	CREATE EXTENSION pulse;
	SELECT count(pulse_track('u' || u, 'Purchase', jsonb_build_object('total', 10 * u), now() - make_interval(days => u))) FROM generate_series(3, 80) AS u;
	SELECT count(pulse_track('soon' || u, 'Purchase', '{"total": 5}', now() - interval '732 hours')) FROM generate_series(1, 12) AS u;
	BEGIN;
	SELECT set_config('pulse.now', (now() - interval '2 days')::text, true);
	SELECT pulse_enable_rfm(cuts => '"quintiles"');
	COMMIT;
	BEGIN;
	SELECT set_config('pulse.now', (now() - interval '24 hours')::text, true);
	SELECT pulse_enable_lifecycle(inactive_days => 30);
	SELECT pulse_create_segment('Champions', '{"where": "rfm.group == \"champions\""}');
	COMMIT});
my $answers = q{
	SELECT set_config('pulse.now', (max(at) + interval '1 hour')::text, false) FROM pulse.rfm_version;
	SELECT string_agg(value || ' ' || people || ' ' || revenue, ', ') FROM pulse_rfm();
	SELECT * FROM pulse_rfm_of('u5');
	SELECT string_agg(profile_id::text, ' ' ORDER BY profile_id) FROM pulse.membership WHERE segment = 'Champions';
	SELECT string_agg(stage || ' ' || people, ', ') FROM pulse_lifecycle_stages();
	SELECT string_agg(lifecycle, ' ' ORDER BY profile_id) FROM pulse.person;
	SELECT version, cuts, recency, frequency, monetary, shares FROM pulse.rfm_version;
	SELECT version, known, purchase_events, inactive_days, segments FROM pulse.lifecycle_version};
my $before = sql($answers);
like($before, qr/champions \d+.*churned \d+/s, 'there are groups and stages');

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('rfm_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $answers), $before, 'a standby answers the same');
$standby->stop;

# ---- a dump ----
my $target = start_node('rfm_target', 'pulse.run_jobs = off');
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-f', "$dir/people.sql", 'postgres' ], 'dump');
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/people.sql", 'postgres' ], 'restore');
is($target->safe_psql('postgres', $answers), $before, 'a restored database answers the same');
# Sessions at once: no version is lost or taken twice.
my @output = ('') x 4;
my @sessions = map {
	my $n = $_;
	IPC::Run::start([ 'psql', '-X', '-q', '-d', $target->connstr('postgres'), '-c', "SELECT pulse_enable_lifecycle(known => 'profile.n$n = 1')" ], '>', \$output[$n], '2>&1')
} 0 .. 3;
IPC::Run::finish($_) for @sessions;
is($target->safe_psql('postgres', q{SELECT count(*), max(version), count(DISTINCT known) FROM pulse.lifecycle_version}), '5|5|5', 'four sessions made four versions');
is($target->safe_psql('postgres', q{SELECT pulse_enable_rfm(cuts => '"fixed"'); SELECT pulse_disable_lifecycle()}), "2\n", 'and its settings can be changed');
$target->stop;

# ---- the workers ----
$node->append_conf('postgresql.conf', 'pulse.run_jobs = on');
$node->reload;
ok($node->poll_query_until('postgres', q{SELECT count(*) = 2 FROM pulse.rfm_version WHERE change IN ('changed', 'enabled', 'refreshed') AND cuts = 'quintiles'}), 'the job computes quintiles');
is(sql(q{SELECT change FROM pulse.rfm_version ORDER BY version DESC LIMIT 1}), 'refreshed', 'as a refresh');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 12 FROM pulse.lifecycle_change AS c JOIN pulse.person AS p USING (profile_id)
	WHERE p.user_id LIKE 'soon%' AND c.from_stage = 'customer' AND c.to_stage = 'churned' AND c.cause = 'time'}), 'the pipeline records who churns by time alone');
done_testing();
