# On a standby no job runs and the status says so; after promotion the jobs run there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $primary = start_node('worker_primary', "shared_preload_libraries = 'pulse'");
$primary->safe_psql('postgres', 'CREATE ROLE alice LOGIN');
$primary->safe_psql(
	'postgres', q{CREATE EXTENSION pulse; SELECT pulse_unschedule('seal_audit'); SELECT pulse_grant('alice', 'operator');
	CREATE TABLE done (at timestamptz DEFAULT clock_timestamp(), standby boolean DEFAULT pg_is_in_recovery()); GRANT INSERT ON done TO alice});
$primary->safe_psql('postgres', q{SELECT pulse_schedule('tick', '1 second', 'INSERT INTO done DEFAULT VALUES')}, extra_params => [ '-U', 'alice' ]);
$primary->poll_query_until('postgres', 'SELECT count(*) > 1 FROM done') or die 'no jobs';
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('worker_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pulse%'}), 0, 'no process of Pulse runs on a standby');
is($standby->safe_psql('postgres', q{SELECT state, value, detail FROM pulse_status() WHERE item = 'launcher'}), 'ok|standby|jobs run on the primary', 'and the status says so');
is($standby->safe_psql('postgres', 'SELECT item, state FROM pulse_status() LIMIT 1'), 'pulse|ok', 'which is not an error');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pulse_preview_schedule('@daily')}), 5, 'read-only functions work');
for my $call ('pulse_start()', 'pulse_stop()', q{pulse_schedule('x', '1 minute', 'SELECT 1')}, q{pulse_unschedule('tick')}, q{pulse_run_job('tick')})
{
	is(sqlstate($standby, 'postgres', "SELECT $call"), '25006', "$call does not");
}

$primary->stop('immediate');
$standby->promote;
my $before = $standby->safe_psql('postgres', 'SELECT count(*) FROM done');
ok($standby->poll_query_until('postgres', "SELECT count(*) > $before + 2 FROM done"), 'after promotion the jobs run');
is($standby->safe_psql('postgres', 'SELECT bool_or(standby) FROM done'), 'f', 'none ran in recovery');
ok($standby->poll_query_until('postgres', q{SELECT state = 'ok' AND value = 'running' FROM pulse_status() WHERE item = 'launcher'}), 'the launcher runs');
ok($standby->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pulse.job_run WHERE status = 'running' AND started_at < now() - interval '2 s'}), 'runs that were active when the primary died are recorded as crashed');
$standby->stop;
done_testing();
