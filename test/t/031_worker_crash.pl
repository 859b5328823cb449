# After any kill at any time: nothing is lost, nothing is done twice, no job stays "running".
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseTest;

my $node = start_node('worker_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'synchronous_commit = on');
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE DATABASE shop');
$node->safe_psql(
	'shop', q{
	CREATE EXTENSION pulse;
	SELECT pulse_unschedule('seal_audit');  -- scheduling is recorded: it would run beside the jobs of the test
	SELECT pulse_grant('alice', 'operator');
	CREATE TABLE done (job text, scheduled timestamptz, at timestamptz DEFAULT clock_timestamp());
	CREATE TABLE gate (open boolean); INSERT INTO gate VALUES (false);
	GRANT INSERT, SELECT ON done, gate TO alice;
	CREATE TABLE users AS SELECT i AS user_id FROM generate_series(1, 10) AS i; ALTER TABLE users ADD PRIMARY KEY (user_id);
	SELECT pulse_create_segment('Everyone', '{"from": "users", "key": "user_id"}');
});

sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub alive { wait_until_back($node); }
sub shop { return $node->safe_psql('shop', $_[0]); }
sub pid_of { return shop("SELECT pid FROM pg_stat_activity WHERE backend_type = '$_[0]' ORDER BY backend_start DESC LIMIT 1"); }
my $runs = q{FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id};

# A job that waits after its first change until the gate opens.
$node->safe_psql('shop', q{
	SELECT pulse_schedule('gated', '1 day', $$INSERT INTO done (job) VALUES ('gated'); DO 'BEGIN WHILE NOT (SELECT open FROM gate) LOOP PERFORM pg_sleep(0.02); END LOOP; END'$$,
		retry_delay => '1 second', max_retries => 20)}, extra_params => [ '-U', 'alice' ]);
my $poke = q{SELECT pulse_schedule('drift', '1 day');};
my $waiting = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND wait_event = 'PgSleep'};

my %kill = (
	'the worker' => sub { PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', pid_of('pulse worker')) },
	'the launcher' => sub { PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', pid_of('pulse launcher')) },
	'the postmaster' => sub { $node->kill9; });
for my $who ('the worker', 'the launcher', 'the postmaster')
{
	shop(q{DELETE FROM done; DELETE FROM pulse.job_run; UPDATE gate SET open = false; UPDATE pulse.job SET next_run = now() WHERE name = 'gated'});
	shop($poke);
	wait_until($waiting, "a job is at work when $who is killed");
	$kill{$who}->();
	if ($who eq 'the postmaster')
	{
		ok(start_again($node), 'the server starts again');
	}
	alive();
	wait_until("SELECT count(*) > 0 $runs WHERE j.name = 'gated' AND r.status = 'crashed' AND r.finished_at IS NOT NULL", "the run has crashed with $who");
	wait_until($waiting, 'the job is retried');
	is(shop("SELECT count(*) $runs WHERE r.status = 'running'"), 1, 'and only once at a time');
	is(shop('SELECT count(*) FROM done'), 0, 'the changes of the crashed run are rolled back');
	shop('UPDATE gate SET open = true');
	wait_until("SELECT count(*) = 1 $runs WHERE j.name = 'gated' AND r.status = 'ok'", 'it succeeds');
	wait_until(q{SELECT attempt = 0 AND running_since IS NULL AND next_run > now() + interval '1 hour' FROM pulse.job WHERE name = 'gated'}, 'and waits for its next scheduled time');
	is(shop('SELECT count(*) FROM done'), 1, 'its work is done exactly once');
	is(shop("SELECT count(DISTINCT r.scheduled_for), count(*) FILTER (WHERE r.status = 'ok') $runs WHERE j.name = 'gated'"), '1|1', 'all tries were for one scheduled time');
}

# kill -9 at random times while jobs run continuously.
shop(q{DELETE FROM done; DELETE FROM pulse.job_run});
$node->safe_psql('shop', qq{SELECT pulse_schedule('steady $_', '1 second', 'INSERT INTO done (job) VALUES (''steady $_'')', retry_delay => '100 ms')}, extra_params => [ '-U', 'alice' ]) for 1 .. 5;
for my $round (1 .. 5)
{
	wait_until("SELECT count(*) > $round * 10 FROM done", "jobs run, round $round");
	my $pid = pid_of($round % 2 ? 'pulse launcher' : 'pulse worker') || pid_of('pulse launcher');
	PostgreSQL::Test::Utils::run_log([ 'pg_ctl', 'kill', 'KILL', $pid ]);
	# The restart is complete when the process is no longer listed.
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die 'still there';
	alive();
}
shop(q{SELECT pulse_schedule(name, enabled => false) FROM pulse.job WHERE name LIKE 'steady%'});
wait_until('SELECT count(*) = 0 FROM pulse.job WHERE running_since IS NOT NULL', 'no job stays running');
is(shop("SELECT count(*) FROM pulse.job_run WHERE status = 'running'"), 0, 'nor does any run');
is(shop("SELECT count(*) $runs WHERE r.status = 'ok' AND j.name LIKE 'steady%'"), shop(q{SELECT count(*) FROM done WHERE job LIKE 'steady%'}), 'one successful run per change');
is(shop("SELECT count(*) FROM (SELECT FROM pulse.job_run WHERE status = 'ok' GROUP BY job_id, scheduled_for HAVING count(*) > 1) AS twice"), 0, 'no two for the same scheduled time');

# SIGTERM: a worker in the middle of a job, and the launcher, end at once.
shop(q{UPDATE gate SET open = false; UPDATE pulse.job SET next_run = now() WHERE name = 'gated'});
shop($poke);
wait_until($waiting, 'a job is running');
for my $type ('pulse worker', 'pulse launcher')
{
	my $pid = pid_of($type);
	my $begin = time;
	shop("SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('shop', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die "$type is still there";
	soon($begin, "$type ends at once");
}
wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pulse launcher'}, 'the launcher comes back');
wait_until($waiting, 'and the job runs again');

# A shutdown does not wait for a running job, which is retried afterwards.
my $begin = time;
$node->stop('fast');
soon($begin, 'a shutdown does not wait for a job');
$node->start;
wait_until($waiting, 'after the restart the job is retried');
shop('UPDATE gate SET open = true');
wait_until(q{SELECT attempt = 0 AND running_since IS NULL FROM pulse.job WHERE name = 'gated'}, 'and succeeds');

# A built-in job: an interrupted snapshot is taken exactly once.
shop(q{SELECT pulse_create_segment('Slow', '{"query": "SELECT user_id FROM users WHERE pg_sleep(CASE WHEN (SELECT open FROM gate) THEN 0 ELSE 60 END) IS NOT NULL", "key": "user_id", "attributes": []}')});
shop(q{UPDATE gate SET open = false; DELETE FROM pulse.snapshot; SELECT pulse_schedule('snapshots', '1 day', retry_delay => '1 s', max_retries => 20); UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'});
shop($poke);
wait_until($waiting, 'snapshots are being taken');
my $log_end = -s $node->logfile;
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', pid_of('pulse worker'));
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
my $killed = wait_until_back($node);
alive();
wait_until($waiting, 'and again after a crash');
shop('UPDATE gate SET open = true');
shop(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pulse worker'});
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'});
shop($poke);
wait_until(q{SELECT count(*) = 2 FROM pulse.snapshot WHERE status = 'ok'}, 'each segment has its snapshot');
wait_until('SELECT count(*) = 0 FROM pulse.job WHERE running_since IS NOT NULL', 'nothing stays running');
is(shop('SELECT count(*), count(DISTINCT segment_id) FROM pulse.snapshot'), '2|2', 'once');

$node->stop;
done_testing();
