# Background jobs: built-in and user jobs, each as its role, with timeouts, retries, overlap policies and a limit on processes; an
# idle server runs no queries.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('worker', "shared_preload_libraries = 'pulse, pg_stat_statements'", 'max_worker_processes = 20',
	'pg_stat_statements.track = all');
fill_shop($node, 'shop');
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN;');
$node->safe_psql(
	'shop', q{
	SELECT pulse_grant(r, 'operator') FROM unnest('{alice,bob,carol}'::text[]) AS r;
	CREATE TABLE app.done (job text, who name DEFAULT current_user, session name DEFAULT session_user, path text DEFAULT current_setting('search_path'),
		application text DEFAULT current_setting('application_name'), pid int DEFAULT pg_backend_pid(), at timestamptz DEFAULT clock_timestamp());
	GRANT USAGE ON SCHEMA app TO PUBLIC;
	GRANT INSERT, SELECT ON app.done TO PUBLIC;
});

sub wait_until
{
	my ($sql, $what, $db) = @_;
	ok($node->poll_query_until($db // 'shop', $sql), $what);
}
sub as { my ($role, $sql) = @_; return $node->safe_psql('shop', $sql, extra_params => [ '-U', $role ]); }
sub shop { return $node->safe_psql('shop', $_[0]); }
sub last_run { return "(SELECT r FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = '$_[0]' AND r.status <> 'running' ORDER BY r.id DESC LIMIT 1)"; }

# ---- built-in jobs ----
# A job that became due while no worker ran is run once.
shop(q{SELECT pulse_schedule('snapshots', '1 day'); UPDATE pulse.job SET next_run = now() - interval '10 days' WHERE name = 'snapshots'; SELECT pulse_schedule('drift', '1 day')});
wait_until(q{SELECT count(*) = 1 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'snapshots' AND r.status = 'ok' AND r.rows = 2}, 'snapshots are taken');
is(shop('SELECT count(*) FROM pulse.snapshot'), 2, 'one of each segment');
is(shop("SELECT next_run > now() FROM pulse.job WHERE name = 'snapshots'"), 't', 'and the next run is planned');
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'drift'; SELECT pulse_schedule('retention', '1 day')});
wait_until(q{SELECT (} . last_run('drift') . q{).status = 'ok'}, 'drift is checked');
# A failing segment fails the run, and the retry takes only the missing snapshot.
shop(q{CREATE TABLE app.switch (i int)});
shop(q{INSERT INTO app.switch VALUES (1)});
shop(q{SELECT pulse_create_segment('Failing', '{"query": "SELECT user_id FROM app.users WHERE 1 / (SELECT count(*) FROM app.switch) = 1", "key": "user_id", "attributes": []}')});
shop(q{DELETE FROM app.switch});
shop(q{SELECT pulse_schedule('snapshots', retry_delay => '1 s', max_retries => 20); UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'; SELECT pulse_schedule('drift', jitter => '0')});
wait_until(q{SELECT (} . last_run('snapshots') . q{).error LIKE '1 of 1 segments were not measured: Failing (division by zero%'}, 'a failed segment is named');
shop(q{INSERT INTO app.switch VALUES (1)});
wait_until(q{SELECT (} . last_run('snapshots') . q{).status = 'ok' AND (} . last_run('snapshots') . q{).attempt > 1}, 'a retry takes it');
is(shop(q{SELECT (} . last_run('snapshots') . q{).rows}), 1, 'and only that one');
# Health runs when a monitor is due, and does not when there is none.
shop(q{SELECT pulse_unmonitor_table('app.users'); SELECT pulse_schedule('health', max_retries => 3, enabled => true)});
wait_until(q{SELECT next_run = 'infinity' FROM pulse.job WHERE name = 'health'}, 'nothing to check');
shop(q{SELECT pulse_monitor_table('app.users', checks => '[{"type": "volume", "min": 1}]', every => '10 s')});
shop(q{SELECT pulse_schedule('health', '1 second')});
wait_until(q{SELECT count(*) > 1 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'health' AND r.status = 'ok' AND r.rows > 0}, 'tables are checked');
shop(q{SELECT pulse_unmonitor_table('app.users'); SELECT pulse_schedule('health', '1 minute')});
wait_until(q{SELECT next_run = 'infinity' FROM pulse.job WHERE name = 'health'}, 'and then no longer');

# ---- user jobs ----
as('alice', q{SELECT pulse_schedule('a', '1 second', 'INSERT INTO app.done (job) VALUES (''a''); SET search_path = nowhere; SET application_name = ''x''; CREATE TEMP TABLE t (i int)')});
as('bob', q{SELECT pulse_schedule('b', '1 second', 'INSERT INTO app.done (job) VALUES (''b'')')});
wait_until(q{SELECT count(*) FILTER (WHERE job = 'a') > 2 AND count(*) FILTER (WHERE job = 'b') > 2 FROM app.done}, 'user jobs run');
is(shop(q{SELECT DISTINCT job, who, session, path, application FROM app.done ORDER BY 1}),
	qq{a|alice|alice|"\$user", public|pulse worker\nb|bob|bob|"\$user", public|pulse worker}, 'connected as their roles, each in a new session state');
is(shop(q{SELECT DISTINCT r.status FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.kind = 'sql'}), 'ok', 'without errors');
is(sqlstate($node, 'shop', "SELECT pulse_unschedule('a')", '-U', 'bob'), '42501', 'a role cannot change the job of another role');
# A job has exactly the rights of its role, even if it tries to change the role.
as('alice', q{SELECT pulse_schedule('a', command => 'RESET SESSION AUTHORIZATION; RESET ROLE; SELECT * FROM app.secret', max_retries => 0)});
wait_until(q{SELECT (} . last_run('a') . q{).error_state = '42501'}, 'a job cannot leave its role');
as('alice', q{SELECT pulse_schedule('a', command => 'SET ROLE postgres', max_retries => 0)});
wait_until(q{SELECT (} . last_run('a') . q{).error LIKE '%permission denied to set role%'}, 'or switch to another');
# Jobs run and are recorded whatever the role's settings are; a job that ends its own process does not affect others.
shop(q{ALTER ROLE bob SET default_transaction_read_only = on; ALTER ROLE bob SET default_transaction_isolation = 'serializable'; ALTER ROLE bob SET search_path = nowhere;
	GRANT alice TO bob; ALTER ROLE bob SET role = 'alice'});
as('alice', q{SELECT pulse_schedule('a', command => 'SELECT pg_terminate_backend(pg_backend_pid())', retry_delay => '0')});
shop(q{SELECT pulse_schedule('b', command => 'SELECT count(*) FROM app.done'); DELETE FROM pulse.job_run});
wait_until(q{SELECT count(*) FILTER (WHERE j.name = 'b' AND r.status = 'ok') > 4 AND count(*) FILTER (WHERE j.name = 'a' AND r.status = 'crashed') > 2
	FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id}, 'jobs of a role with odd settings run, beside one that ends its process');
is(shop(q{SELECT count(*) FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'b' AND r.status NOT IN ('ok', 'running')}), 0, 'without errors');
shop('ALTER ROLE bob RESET ALL');
as($_->[0], "SELECT pulse_unschedule('$_->[1]')") for [ 'alice', 'a' ], [ 'bob', 'b' ];

# Timeout, cancel, retries with back-off.
as('alice', q{SELECT pulse_schedule('slow', '1 day', 'SELECT pg_sleep(600)', timeout => '200 ms', max_retries => 2, retry_delay => '300 ms')});
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'slow'});
as('alice', q{SELECT pulse_schedule('other', '1 second', 'INSERT INTO app.done (job) VALUES (''other'')')});
wait_until(q{SELECT count(*) = 3 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'slow' AND r.status = 'timed out'}, 'a job that runs too long is ended and retried');
is(shop(q{SELECT string_agg(r.attempt::text, ',' ORDER BY r.id), count(DISTINCT r.scheduled_for), bool_and(r.finished_at - r.started_at < '2 s') FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'slow'}),
	'1,2,3|1|t', 'two runs for the same scheduled time');
is(shop(q{SELECT attempt, next_run > now() + interval '1 hour', running_since FROM pulse.job WHERE name = 'slow'}), '0|t|', 'then it waits for its next scheduled time');
cmp_ok(shop(q{SELECT count(*) FROM app.done WHERE job = 'other'}), '>', 0, 'the other jobs continued');
as('alice', q{SELECT pulse_schedule('slow', timeout => '0')});
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'slow'});
wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type = 'pulse worker' AND usename = 'alice'}, 'without a limit it keeps running');
is(sqlstate($node, 'shop', q{SELECT * FROM pulse_run_job('slow')}), '55P03', 'a second run cannot start meanwhile');
is(sqlstate($node, 'shop', q{SELECT pulse_unschedule('slow')}), '55P03', 'and it cannot be deleted');
as('alice', q{SELECT pg_cancel_backend(r.pid) FROM pulse.job_run AS r WHERE r.status = 'running' AND r.job_id = (SELECT id FROM pulse.job WHERE name = 'slow')});
wait_until(q{SELECT (} . last_run('slow') . q{).status = 'cancelled'}, 'its role can cancel it');
is(shop(q{SELECT attempt FROM pulse.job WHERE name = 'slow'}), 0, 'and the run is cancelled');

# Overlap policy: skip or queue.
as('bob', q{SELECT pulse_schedule('skips', '1 second', 'SELECT pg_sleep(2.5)'); SELECT pulse_schedule('queues', '1 second', 'SELECT pg_sleep(1.5)', overlap => 'queue')});
wait_until(q{SELECT count(*) FILTER (WHERE j.name = 'skips' AND r.status = 'skipped') > 0 AND count(*) FILTER (WHERE j.name = 'skips' AND r.status = 'ok') > 0
	AND count(*) FILTER (WHERE j.name = 'queues' AND r.status = 'ok') > 1 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id}, 'overlapping runs');
is(shop(q{SELECT count(*) FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'queues' AND r.status = 'skipped'}), 0, 'a queued run is not skipped');
is(shop(q{SELECT count(*) FROM pulse.job_run AS a JOIN pulse.job_run AS b ON a.job_id = b.job_id AND a.id < b.id AND a.status <> 'skipped' AND b.status <> 'skipped'
	AND b.started_at < coalesce(a.finished_at, 'infinity') AND a.attempt > 0}), 0, 'no job ever ran twice at once');
shop(q{SELECT pulse_schedule(name, enabled => false) FROM pulse.job WHERE kind = 'sql'});

# A failing job never stops another: errors, a dropped role, a role that cannot log in or connect, an unknown time zone.
wait_until(q{SELECT count(*) = 0 FROM pulse.job WHERE running_since IS NOT NULL}, 'all have ended');
$node->safe_psql('postgres', 'CREATE ROLE nologin LOGIN; CREATE ROLE outside LOGIN;');
shop(q{SELECT pulse_grant('nologin', 'operator'), pulse_grant('outside', 'operator')});
as($_, "SELECT pulse_schedule('of $_', '1 second', 'INSERT INTO app.done (job) VALUES (''$_'')', max_retries => 0)") for qw(nologin outside);
as('carol', q{SELECT pulse_schedule('bad 1', '1 second', 'SELECT 1/0', max_retries => 0); SELECT pulse_schedule('good', '1 second', 'INSERT INTO app.done (job) VALUES (''good'')');
	SELECT pulse_schedule('bad 2', '1 second', 'SELECT * FROM nowhere', max_retries => 0); SELECT pulse_schedule('bad zone', '1 second', 'SELECT 1')});
shop(q{ALTER ROLE nologin NOLOGIN; REVOKE CONNECT ON DATABASE shop FROM PUBLIC; GRANT CONNECT ON DATABASE shop TO alice, bob, carol; UPDATE pulse.job SET time_zone = 'Gone/Zone', schedule = '* * * * *' WHERE name = 'bad zone';
	UPDATE pulse.job SET runs_as = 'ghost', role_oid = NULL WHERE name = 'bad 2'; DELETE FROM app.done WHERE job = 'good'});
wait_until(q{SELECT count(*) > 4 FROM app.done WHERE job = 'good'}, 'a valid job among failing ones runs');
wait_until(q{SELECT (} . last_run('of nologin') . q{).error = 'role "nologin" cannot log in' AND (} . last_run('bad 2') . q{).error = 'role "ghost" does not exist'
	AND (} . last_run('bad 1') . q{).error = 'division by zero'}, 'and failing ones record the reason');
wait_until(q{SELECT (} . last_run('of outside') . q{).error = 'role "outside" may not connect to this database'}, 'also for a role that cannot connect');
like(shop(q{SELECT state || detail FROM pulse_status() LIMIT 1}), qr/^degraded.*job bad 1: .*division by zero/, 'and in the status');
shop(q{DELETE FROM pulse.job WHERE kind = 'sql'});

# ---- a bounded number of processes ----
$node->safe_psql('postgres', "ALTER SYSTEM SET pulse.max_parallel_jobs = 2; SELECT pg_reload_conf()");
as('alice', qq{SELECT pulse_schedule('busy $_', '1 day', 'SELECT pg_sleep(0.5)')}) for 1 .. 6;
shop(q{UPDATE pulse.job SET next_run = now() WHERE kind = 'sql'; SELECT pulse_schedule('drift', jitter => '0')});
wait_until(q{SELECT count(*) = 6 FROM pulse.job WHERE kind = 'sql' AND last_status = 'ok'}, 'six jobs in two processes');
is( shop(q{SELECT max(n) FROM (SELECT (SELECT count(*) FROM pulse.job_run AS b WHERE b.job_id IN (SELECT id FROM pulse.job WHERE kind = 'sql')
	AND b.started_at <= a.started_at AND b.finished_at > a.started_at) AS n FROM pulse.job_run AS a WHERE a.job_id IN (SELECT id FROM pulse.job WHERE kind = 'sql')) AS c}),
	2, 'never more than two at once');
$node->safe_psql('postgres', "ALTER SYSTEM RESET pulse.max_parallel_jobs; SELECT pg_reload_conf()");
shop(q{DELETE FROM pulse.job WHERE kind = 'sql'});

# ---- pulse.run_jobs = off ----
as('alice', q{SELECT pulse_schedule('long', '1 day', 'SELECT pg_sleep(600)', max_retries => 0)});
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'long'; SELECT pulse_schedule('drift', jitter => '0')});
wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}, 'a long job runs');
$node->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()');
wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pulse worker'}, 'pulse.run_jobs = off ends it');
like(shop(q{SELECT detail FROM pulse_status() LIMIT 1}), qr/pulse.run_jobs is off/, 'the status says so');
is(sqlstate($node, 'shop', 'SELECT pulse_stop()'), '55000', 'a preloaded launcher is not stopped from a session');
is(shop('SELECT pulse_start()'), 'running', 'nor started');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pulse.run_jobs; SELECT pg_reload_conf()');
wait_until(q{SELECT (} . last_run('long') . q{).status = 'crashed' AND running_since IS NULL FROM pulse.job WHERE name = 'long'}, 'switched on again, the ended run is recorded');
shop(q{DELETE FROM pulse.job WHERE kind = 'sql'});

# ---- an idle server ----
# The one job that runs every minute.
shop(q{SELECT pulse_unschedule('signal_health')});
wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('pulse worker', 'pulse seal_audit')}, 'nothing is due');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
my $launcher = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse launcher'});
is($node->safe_psql('postgres', q{SELECT count(*), max(datname), max(backend_xmin::text), max(wait_event) FROM pg_stat_activity WHERE backend_type LIKE 'pulse%'}),
	$node->pg_version >= 17 ? '1|||PulseWait' : '1|||Extension', 'one process, in no database, without a snapshot, asleep');
my $switches = sub { my $status = slurp_file("/proc/$launcher/status"); return $status =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : -1 };
$node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
my $before = $switches->();
# Uses real time; waiting longer would not test more, because nothing here is periodic.
$node->safe_psql('postgres', 'SELECT pg_sleep(6)');
is($switches->(), $before, 'the launcher does not wake');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%pulse.%' OR query LIKE '%pg_extension%'}), 0, 'and no queries run');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no unexpected messages in the log');
done_testing();
