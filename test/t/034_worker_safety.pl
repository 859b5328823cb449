# Other roles' settings, locks and changes give no rights, start no endless processes and lose no work.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseTest;

my $node = start_node('worker_safety', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'log_min_messages = debug1');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE DATABASE shop; CREATE DATABASE evil OWNER mallory');
my $poke = q{SELECT pulse_schedule('drift', '1 day');};

sub wait_until { my ($db, $sql, $what) = @_; ok($node->poll_query_until($db, $sql), $what); }
sub as { my ($role, $sql) = @_; return $node->safe_psql('shop', $sql, extra_params => [ '-U', $role ]); }
sub shop { return $node->safe_psql('shop', $_[0]); }
sub last_run { return "(SELECT r FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = '$_[0]' AND r.status <> 'running' ORDER BY r.id DESC LIMIT 1)"; }

# ---- a database whose search_path begins with user-defined operators ----
$node->safe_psql('evil', q{CREATE EXTENSION pulse; SELECT pulse_grant('mallory', 'operator')});
$node->safe_psql('evil', q{
	CREATE SCHEMA evil;
	CREATE TABLE evil.seen (who name, session name);
	GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT INSERT ON evil.seen TO PUBLIC;
	DO $do$
	DECLARE
		t text;
	BEGIN
		FOREACH t IN ARRAY '{name,text,int8,int4,oid,bool,timestamptz}'::text[] LOOP
			EXECUTE format('CREATE FUNCTION evil.eq(%1$s, %1$s) RETURNS bool LANGUAGE plpgsql AS '
				'$f$BEGIN INSERT INTO evil.seen VALUES (current_user, session_user); RETURN pg_catalog.%1$seq($1, $2); END$f$',
				CASE t WHEN 'bool' THEN 'bool' ELSE t END);
			EXECUTE format('CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = %1$s, RIGHTARG = %1$s)', t);
		END LOOP;
	END $do$;
	ALTER DATABASE evil SET search_path = evil, pg_catalog, public;
}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('evil', q{SELECT pulse_schedule('own', '1 second', 'SELECT name ''a'' OPERATOR(evil.=) name ''a'', name ''b'' = name ''b''')}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('evil', qq{SET search_path = public; UPDATE pulse.job SET next_run = now() WHERE name IN ('retention', 'snapshots'); $poke});
wait_until('evil', q{SELECT count(*) > 2 FROM pulse.job WHERE last_status LIKE 'ok'}, 'jobs run in a database with user-defined operators');
is($node->safe_psql('evil', q{SET search_path = public; SELECT DISTINCT who, session FROM evil.seen}), 'mallory|mallory', 'and only jobs of their owner call them');
$node->safe_psql('evil', q{SET search_path = public; SELECT pulse_schedule(name, enabled => false) FROM pulse.job});

# ---- a due job whose row another session has locked ----
my $started = sub { return scalar(() = slurp_file($node->logfile) =~ /starting background worker process "pulse worker"/g) };
$node->safe_psql('shop', q{CREATE EXTENSION pulse; SELECT pulse_unschedule('seal_audit'); SELECT pulse_grant('alice', 'operator'); CREATE TABLE done (job text); GRANT INSERT, SELECT ON done TO alice});
as('alice', q{SELECT pulse_schedule('held', '1 day', 'INSERT INTO done VALUES (''held'')')});
as('alice', q{SELECT pulse_schedule('odd', '1 day', 'SELECT 1')});
wait_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pulse worker'}, 'nothing is due');
my %holds = (
	'run by hand' => q{SELECT * FROM pulse_run_job('held')},
	'being changed' => q{SELECT pulse_schedule('held', max_retries => 1)},
	'of a role that cannot log in' => q{SELECT * FROM pulse_run_job('odd')});
for my $how (sort keys %holds)
{
	my $name = $how =~ /role/ ? 'odd' : 'held';
	shop(q{UPDATE pulse.job SET runs_as = 'nobody' WHERE name = 'odd'}) if $name eq 'odd';
	my $holder = $node->background_psql('shop', on_error_stop => 1);
	shop(qq{UPDATE pulse.job SET next_run = now() + interval '1 second' WHERE name = '$name'});
	$holder->query_safe("BEGIN; $holds{$how}");
	my ($before, $offset) = ($started->(), -s $node->logfile);
	shop($poke);
	my $begin = time;
	ok($node->wait_for_log(qr/starting background worker process "pulse worker"/, $offset), "workers look while a job is $how");
	# Real time has to pass.
	$node->safe_psql('postgres', 'SELECT pg_sleep(3)');
	cmp_ok(($started->() - $before) / (time - $begin), '<', 4, 'but not endlessly');
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	wait_until('shop', qq{SELECT next_run > now() + interval '1 minute' OR last_status = 'failed' FROM pulse.job WHERE name = '$name'}, 'then it runs');
}
shop(q{DELETE FROM pulse.job WHERE name = 'odd'});

# ---- intervals of the health job that PostgreSQL parses differently, or not at all ----
for my $schedule ('5 min 5 min', '10 SECONDS', 'nonsense')
{
	shop(qq{UPDATE pulse.job SET schedule = '$schedule', attempt = 0, next_run = 'infinity' WHERE name = 'health'; UPDATE pulse.job SET next_run = now() WHERE name = 'held'});
	my $runs = shop(q{SELECT count(*) FROM done});
	shop($poke);
	wait_until('shop', "SELECT count(*) > $runs FROM done", "with health every '$schedule' others run");
}
shop(q{SELECT pulse_monitor_table('done', checks => '[{"type": "volume", "min": 0}]', every => '10 s'); SELECT pulse_schedule('health', '10 SECONDS');
	UPDATE pulse.job SET last_run_at = now(), next_run = 'infinity' WHERE name = 'health'; UPDATE pulse.monitor_check SET next_check_at = now();});
shop($poke);
wait_until('shop', q{SELECT next_run = last_run_at + interval '10 seconds' FROM pulse.job WHERE name = 'health'}, 'a unit in capitals is a valid shortest interval, too');
shop(q{SELECT pulse_unmonitor_table('done'); SELECT pulse_schedule('health', enabled => false)});

# ---- timeout and cancel while another server reads ----
my ($host, $port) = ($node->host, $node->port);
$node->safe_psql('postgres', 'CREATE DATABASE far');
shop(qq{SELECT pulse_create_source('far', '{"host": "$host", "port": $port, "dbname": "far", "user": "postgres", "allow_primary": "true"}');
	SELECT pulse_create_segment('Slow', '{"source": "far", "query": "SELECT i FROM generate_series(1, 3) AS i WHERE pg_sleep(20) IS NOT NULL", "key": "i", "attributes": []}')});
shop(q{SELECT pulse_schedule('snapshots', '1 day', timeout => '1 second', max_retries => 0); UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'});
shop($poke);
wait_until('shop', q{SELECT (} . last_run('snapshots') . q{).status = 'timed out'}, 'a job that waits for another server is ended in time')
  or diag(shop(q{SELECT * FROM } . last_run('snapshots') . ' AS r'));
shop(q{SELECT pulse_schedule('snapshots', timeout => '1 hour'); UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'});
shop($poke);
wait_until('shop', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'far' AND wait_event = 'PgSleep'}, 'it reads again');
shop(q{SELECT pg_cancel_backend(pid) FROM pulse.job_run WHERE status = 'running'});
wait_until('shop', q{SELECT (} . last_run('snapshots') . q{).status = 'cancelled'}, 'and can be cancelled')
  or diag(shop(q{SELECT * FROM } . last_run('snapshots') . ' AS r'));

# ---- a command, or a definition, that releases the locks of its session ----
shop(q{SELECT pulse_schedule(name, enabled => false) FROM pulse.job});
as('alice', q{SELECT pulse_schedule('unlocks', '1 day', 'SELECT pg_advisory_unlock_all(); SELECT pg_sleep(600)')});
shop(q{SELECT pulse_archive_segment('Slow'); CREATE TABLE app_users AS SELECT 1 AS i; DELETE FROM pulse.snapshot;
	SELECT pulse_create_segment('Unlocks', '{"query": "SELECT i FROM app_users WHERE pg_advisory_unlock_all() IS NOT NULL AND pg_sleep(600) IS NOT NULL", "key": "i", "attributes": []}');
	SET pulse.statement_timeout = 0;});
shop(q{SELECT pulse_schedule('snapshots', '1 day', enabled => true); UPDATE pulse.job SET next_run = now() WHERE name IN ('snapshots', 'unlocks')});
shop($poke);
wait_until('shop', q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND wait_event = 'PgSleep'}, 'both run');
shop(q{UPDATE pulse.job SET next_run = now() WHERE name IN ('snapshots', 'unlocks')});
shop($poke);
wait_until('shop', q{SELECT count(DISTINCT j.id) = 2 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE r.status = 'skipped' AND j.name IN ('snapshots', 'unlocks')}, 'a second run of each is skipped');
is(shop(q{SELECT count(*) FILTER (WHERE status = 'running'), count(*) FILTER (WHERE status = 'crashed') FROM pulse.job_run}), '2|0', 'and they do not count as crashed');
is(sqlstate($node, 'shop', q{SELECT pulse_unschedule('unlocks')}), '55P03', 'or as done');
shop(q{SELECT pg_cancel_backend(pid) FROM pulse.job_run WHERE status = 'running'});
wait_until('shop', q{SELECT count(*) = 0 FROM pulse.job WHERE running_since IS NOT NULL}, 'both end');
is(shop(q{SELECT count(*) FROM pulse.job_run WHERE status = 'cancelled' AND finished_at > now() - interval '20 s'}) >= 2, 1, 'as requested');
shop(q{SELECT pulse_schedule('snapshots', enabled => false); SELECT pulse_unschedule('unlocks')});

# ---- another session has locked the job's row when the job ends ----
as('alice', q{SELECT pulse_schedule('kept', '1 day', 'INSERT INTO done VALUES (''kept'');
	DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM done WHERE job = ''go on'') LOOP PERFORM pg_sleep(0.1); END LOOP; END $$')});
shop(q{UPDATE pulse.job SET next_run = now() WHERE name = 'kept'});
shop($poke);
wait_until('shop', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND wait_event = 'PgSleep'}, 'it runs');
my $holder = $node->background_psql('shop', on_error_stop => 1);
$holder->query_safe(q{BEGIN; SELECT FROM pulse.job WHERE name = 'kept' FOR UPDATE});
shop(q{INSERT INTO done VALUES ('go on')});
wait_until('shop', q{SELECT (} . last_run('kept') . q{).status = 'ok'}, 'its changes and its run are stored while the row is locked');
is(shop(q{SELECT count(*) FROM done WHERE job = 'kept'}), 1, 'the changes are there');
wait_until('shop', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND usename = 'alice'}, 'its process gives up');
is(shop(q{SELECT running_since IS NULL FROM pulse.job WHERE name = 'kept'}), 'f', 'before the job is updated');
$holder->query_safe('ROLLBACK');
$holder->quit;
wait_until('shop', q{SELECT running_since IS NULL AND last_status = 'ok' AND attempt = 0 AND next_run > now() + interval '1 hour' FROM pulse.job WHERE name = 'kept'}, 'which happens later');
is(shop(q{SELECT string_agg(status, ',') FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'kept'}), 'ok', 'without another run');

$node->stop;
done_testing();
