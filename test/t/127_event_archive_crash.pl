# A month moves to an archive and back while events arrive for it and are deleted from it: killed at every step, before and after what the archive has done.
# No event is lost, doubled or comes back.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $archive = start_node('archive_crash_there');
$archive->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE DATABASE events OWNER keeper');
my $node = start_node('event_archive_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20');
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sub wait_for { my ($what, $name) = @_; return ok($node->poll_query_until('postgres', $what), $name) || diag(sql('TABLE pulse.event_archive')); }
sub digest { return sql("SELECT count(*), sum(hashtextextended((to_jsonb(e) - 'archived')::text, 0)::numeric) FROM pulse.event AS e"); }

sql('CREATE EXTENSION pulse; CREATE EXTENSION postgres_fdw');
sql(q{SELECT pulse_unschedule('seal_audit'), pulse_unschedule('signal_health')});
sql(q{SELECT pulse_schedule('archive_events', '1 second', retry_delay => '1 second', max_retries => 100)});
sql(sprintf("CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'events')", $archive->host, $archive->port));
sql(q{CREATE USER MAPPING FOR postgres SERVER archive OPTIONS (user 'keeper')});
# More than one batch of everything.
sql(q{
	SET pulse.evaluation = async;
	SELECT count(*) FROM pulse_import_events('SELECT ''u'' || i % 1000 AS user_id, (ARRAY[''view'', ''purchase''])[1 + i % 2] AS event, jsonb_build_object(''total'', i) AS properties,
		date_trunc(''month'', now(), ''UTC'') - interval ''2 months'' + i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 25000) AS i');
	ANALYZE pulse.event});
my $month = sql(q{SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '2 months', 'YYYY-MM-DD')});
my $partition = 'event_y' . substr($month, 0, 4) . 'm' . substr($month, 5, 2);
my $number = 0;
# Events arrive, an earlier one is deleted.
sub meanwhile
{
	my $user = 'u' . (++$number * 37);
	is(sql(qq{SET pulse.evaluation = async; SELECT accepted FROM pulse_import_events('SELECT ''$user'' AS user_id, ''late'' AS event, ''$month''::timestamptz + interval ''$number hours'' AS "timestamp"')}), 1, 'an event of the month is accepted');
	return;
}
sub forget
{
	my $kind = sql("SELECT relkind FROM pg_class WHERE oid = 'pulse.$partition'::regclass");
	sql(qq{DELETE FROM pulse.$partition WHERE id = (SELECT max(id) FROM pulse.$partition WHERE name = 'view')}) if $kind eq 'r';
	return;
}

# The job stops where a row of this table says.
sql(q{
	CREATE TABLE stop (at text PRIMARY KEY);
	CREATE FUNCTION stop_there() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$ BEGIN
		IF EXISTS (SELECT FROM stop WHERE at = concat_ws(' ', OLD.state, NEW.state, CASE WHEN NEW.state = OLD.state THEN 'batch ' || NEW.batch END)) THEN PERFORM pg_sleep(600); END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER stop_there BEFORE UPDATE ON pulse.event_archive FOR EACH ROW EXECUTE FUNCTION stop_there();
});
my $stopped = q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pulse%' AND wait_event = 'PgSleep'};
sub kill_at
{
	my ($at, $begin) = @_;
	sql("DELETE FROM stop; INSERT INTO stop VALUES ('$at')");
	$begin->() if $begin;
	sql(q{UPDATE pulse.event_archive SET next_try_at = '-infinity' WHERE next_try_at > clock_timestamp(); SELECT pulse_schedule('archive_events', enabled => true)});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($stopped) AS s"), "the job is at: $at") or diag(sql('TABLE pulse.event_archive'));
	# The transaction that begins has the month locked, that of the swap all events.
	my $locked = sql("SELECT EXISTS (SELECT FROM pg_locks WHERE relation IN ('pulse.event'::regclass, to_regclass('pulse.$partition'), to_regclass('pulse.${partition}_archived')) AND mode IN ('ExclusiveLock', 'AccessExclusiveLock'))") eq 't';
	unless ($locked) { meanwhile(); forget(); }
	my $digest = $locked ? undef : digest();
	my $log_end = -s $node->logfile;
	PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', (split /\n/, $node->safe_psql('postgres', $stopped))[0]);
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
	wait_until_back($node);
	is(digest(), $digest, 'killed there, nothing is lost') if $digest;
	return;
}

# ---- to the archive ----
kill_at('requested copying', sub { is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'the month is asked for') });
kill_at('copying copying batch 0');
kill_at('copying comparing');
kill_at('comparing comparing batch 0');
kill_at('comparing swapping');
kill_at('swapping archived');
my $digest = digest();
sql('DELETE FROM stop');
wait_for("SELECT state = 'archived' FROM pulse.event_archive", 'the month is on the archive');
is(digest(), $digest, 'with all its events');
is(sql('SELECT count(*) FROM pulse.event WHERE NOT archived'), '0', 'all of them there');
is(sql('SELECT sum(events) FROM pulse.archived_profile'), sql('SELECT count(*) FROM pulse.event'), 'and noted');
is(sql(q{SELECT count(*) FROM (SELECT profile_id, count(*), min(time), max(time) FROM pulse.event GROUP BY 1 EXCEPT SELECT profile_id, events, first_at, last_at FROM pulse.archived_profile) AS s}), '0', 'person by person');
is(sql('SELECT count(*) FROM pulse.event_archive_change'), '0', 'no change is left');

# ---- late events ----
meanwhile() for 1 .. 3;
$digest = digest();
kill_at('archived archived batch 1');
is(digest(), $digest, 'killed before readers see the late events there, each is seen once');
sql("DELETE FROM stop; UPDATE pulse.event_archive SET next_try_at = '-infinity'; SELECT pulse_schedule('archive_events', enabled => true)");
wait_for("SELECT batch = 1 FROM pulse.event_archive", 'they move');
is(digest(), $digest, 'and each is seen once');
# One that is deleted before it moves does not come back.
sql('DELETE FROM stop');
meanwhile();
sql("INSERT INTO stop VALUES ('archived archived batch 2'); UPDATE pulse.event_archive SET next_try_at = '-infinity'");
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'the job is about to move another one');
my $log_end = -s $node->logfile;
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', (split /\n/, $node->safe_psql('postgres', $stopped))[0]);
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
wait_until_back($node);
sql("DELETE FROM pulse.${partition}_late");
meanwhile();
$digest = digest();
sql("DELETE FROM stop; UPDATE pulse.event_archive SET next_try_at = '-infinity'; SELECT pulse_schedule('archive_events', enabled => true)");
wait_for("SELECT batch = 2 FROM pulse.event_archive", 'the one that came after it moves');
is(digest(), $digest, 'the deleted one does not come back');

# ---- back ----
kill_at('restoring restoring batch 2', sub { is(sql("SELECT pulse_restore_events('$month')"), 'restoring', 'the month is asked back'); sql("DELETE FROM stop; INSERT INTO stop VALUES ('restoring restoring batch 2')") });
kill_at('restoring checking');
kill_at('checking checking batch 2');
kill_at('checking returning');
kill_at('returning dropping');
$digest = digest();
sub a_day_later { sql(q{UPDATE pulse.event_archive SET done_to = '0', next_try_at = '-infinity' WHERE state = 'dropping'}); return; }
sql("DELETE FROM stop; SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT state = 'dropping' AND next_try_at > clock_timestamp() FROM pulse.event_archive", 'the month is back');
kill_at('dropping restored', \&a_day_later);
sql("DELETE FROM stop");
wait_for("SELECT state = 'restored' FROM pulse.event_archive", 'the month is back');
is(sql("SELECT count(*) FROM pulse.$partition WHERE NOT archived"), sql('SELECT count(*) FROM pulse.event'), 'all of it is here');
is(sql('SELECT count(*) FROM pulse.archived_profile'), '0', 'nobody has events on the archive');
is($archive->safe_psql('events', "SELECT count(*) FROM pg_class WHERE relname LIKE 'event%'"), '0', 'nothing is left there');

# ---- a copy that differs is not used ----
sql("INSERT INTO stop VALUES ('copying comparing')");
is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'it is asked for again');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'and copied');
my $table = sql('SELECT remote_schema || chr(46) || remote_table FROM pulse.event_archive');
$digest = digest();
$archive->safe_psql('events', qq{UPDATE $table SET properties = '{}' WHERE id = (SELECT max(id) FROM $table WHERE name = 'view')});
sql("DELETE FROM stop; SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT state = 'failed' AND reason = 'Its copy differed from it.' FROM pulse.event_archive", 'a copy that differs ends it');
is(digest(), $digest, 'the month stays as it was');
is(sql('SELECT count(*) FROM pulse.archived_profile') . sql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pulse.$partition'::regclass") . $archive->safe_psql('events', "SELECT count(*) FROM pg_class WHERE relname LIKE 'event%'"), '000', 'nothing is left of it');

# ---- who is erased while a month comes back is not in it; what empties a month makes the copy begin again ----
sub resume { sql("DELETE FROM stop; SELECT pg_cancel_backend(pid) FROM ($stopped) AS s"); return; }
is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'once more');
sql("INSERT INTO stop VALUES ('copying comparing')");
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'all is copied');
# A dump has the trigger; where it is restored, the job drops it.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
command_ok([ 'pg_dump', '-Fc', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'a dump is taken meanwhile');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-d', 'restored', $dump ], 'and restored');
$node->safe_psql('restored', q{SET client_min_messages = warning; DROP TRIGGER IF EXISTS stop_there ON pulse.event_archive; SELECT pulse_schedule('archive_events', enabled => true)});
ok($node->poll_query_until('restored', q{SELECT count(*) = 0 FROM pg_trigger WHERE tgfoid = 'pulse.settle_archive_copy()'::regprocedure}), 'where the job drops the triggers');
is($node->safe_psql('restored', "SELECT count(*), sum(hashtextextended((to_jsonb(e) - 'archived')::text, 0)::numeric) FROM pulse.event AS e"), digest(), 'and all events are there');
is($node->safe_psql('restored', "SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'where the month can go to a table of its own');
ok($node->poll_query_until('restored', "SELECT state = 'archived' FROM pulse.event_archive"), 'as it does');
$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');
sql("CREATE TABLE kept AS SELECT * FROM pulse.$partition; TRUNCATE pulse.$partition; INSERT INTO pulse.event SELECT * FROM kept WHERE id NOT IN (SELECT max(id) FROM kept); DROP TABLE kept");
# What changes while the copy begins anew: a writer that has written before, and one whose snapshot shows that all has to be copied again.
my $open = $node->background_psql('postgres');
$open->query_safe("BEGIN; UPDATE pulse.$partition SET properties = '{\"total\": 0}' WHERE id = (SELECT min(id) FROM pulse.$partition)");
my $snapshot = $node->background_psql('postgres');
$snapshot->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.event_archive_change');
sql("DELETE FROM stop; INSERT INTO stop VALUES ('comparing swapping'); SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT state = 'comparing' AND next_try_at > clock_timestamp() FROM pulse.event_archive", 'an open writer is waited for');
$open->query_safe('COMMIT');
$open->quit;
sql(q{UPDATE pulse.event_archive SET next_try_at = '-infinity'; SELECT pulse_schedule('archive_events', enabled => true)});
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'and all is copied and compared again');
$snapshot->query_safe("UPDATE pulse.$partition SET properties = '{\"total\": 1}' WHERE id = (SELECT max(id) FROM pulse.$partition)");
$snapshot->query_safe('COMMIT');
$snapshot->quit;
# More than is told at once, to profiles that come before: each event is told by where it is now.
sql("UPDATE pulse.$partition SET profile_id = (SELECT min(profile_id) FROM pulse.$partition) WHERE profile_id > (SELECT max(profile_id) - 200 FROM pulse.$partition)");
cmp_ok(sql('SELECT count(*) FROM pulse.event_archive_change'), '>', 5000, 'events change their profiles');
$digest = digest();
resume();
wait_for("SELECT state = 'archived' FROM pulse.event_archive", 'and again after TRUNCATE');
is(digest(), $digest, 'with what is in the month now');
sql("INSERT INTO stop VALUES ('restoring checking')");
is(sql("SELECT pulse_restore_events('$month')"), 'restoring', 'it is asked back');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'all has come back');
my $person = sql(q{SELECT profile_id FROM pulse.identity WHERE value = 'u5'});
my $copy = $partition =~ s/event_/event_copy_/r;
is(sql("SELECT count(*) > 0 FROM pulse.event WHERE profile_id = $person"), 't', 'with the events of a person');
$table = sql('SELECT remote_schema || chr(46) || remote_table FROM pulse.event_archive');
# What the erasure does there; it waits for what is here.
$archive->safe_psql('events', "DELETE FROM $table WHERE profile_id = $person");
sql(q{SELECT pulse_erase_profile('u5', 'ticket')});
resume();
sql(qq{UPDATE pulse.event_archive SET next_try_at = '-infinity'});
sql(qq{CREATE FUNCTION ended() RETURNS boolean LANGUAGE sql AS \$\$
	UPDATE pulse.event_archive SET next_try_at = NULL, done_to = CASE WHEN state = 'dropping' THEN '0' ELSE done_to END WHERE next_try_at > clock_timestamp();
	SELECT pulse_schedule('archive_events', enabled => true);
	SELECT EXISTS (SELECT FROM pulse.event_archive WHERE state = 'restored') AND EXISTS (SELECT FROM pulse.erasure WHERE state = 'done') \$\$});
wait_for('SELECT ended()', 'the month is back, the person erased');
is(sql("SELECT count(*) FROM pulse.event WHERE profile_id = $person"), '0', 'without these events');

# ---- between the comparison and the swap ----
sql(q{
	CREATE TABLE hold (at text);
	CREATE TABLE step (at text);
	CREATE FUNCTION hold_there() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$ DECLARE now_at text := OLD.state || ' ' || NEW.state; BEGIN
		IF now_at = 'comparing swapping' THEN INSERT INTO step VALUES (now_at); END IF;
		-- As if the archive were another server from now on.
		IF now_at = 'comparing swapping' AND (SELECT count(*) = 2 FROM step) THEN NEW.done_to := '{"there": "another"}'; END IF;
		WHILE EXISTS (SELECT FROM hold WHERE at = now_at) LOOP PERFORM pg_sleep(0.02); END LOOP;
		RETURN NEW; END $$;
	CREATE TRIGGER hold_there BEFORE UPDATE ON pulse.event_archive FOR EACH ROW EXECUTE FUNCTION hold_there();
	INSERT INTO hold VALUES ('comparing swapping');
});
is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'and once more');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'all is compared');
$table = sql('SELECT remote_schema || chr(46) || remote_table FROM pulse.event_archive');
$archive->safe_psql('events', qq{UPDATE $table SET properties = '{}' WHERE id = (SELECT min(id) FROM $table)});
sql("UPDATE pulse.$partition SET properties = properties || '{\"more\": 1}' WHERE id = (SELECT max(id) FROM pulse.$partition WHERE profile_id = (SELECT profile_id FROM pulse.$partition ORDER BY id LIMIT 1))");
$digest = digest();
sql('DELETE FROM hold');
wait_for("SELECT state = 'failed' AND reason = 'Its copy differed from it.' FROM pulse.event_archive", 'who changes later is compared, too');
is(digest(), $digest, 'and the month stays as it was');
sql("INSERT INTO hold VALUES ('swapping archived')");

# ---- asked back while the swap ends: the month is not taken for one that is still here ----
is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'and once more');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'the swap is about to end');
my ($asked_in, $asked_log) = ('', '');
my $asked = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', '\set VERBOSITY verbose', '-c', "SELECT pulse_restore_events('$month')" ], \$asked_in, '>', \$asked_log, '2>', \$asked_log);
wait_for("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%pulse_restore_events%' AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'", 'somebody asks for it');
is(sql('SELECT count(*) FROM step'), '3', 'with another server all was compared again');
sql('DELETE FROM hold');
$asked->finish;
like($asked_log, qr/55P03/, 'and is told to ask again');
wait_for("SELECT state = 'archived' FROM pulse.event_archive", 'the month is on the archive');
sql('DROP TRIGGER hold_there ON pulse.event_archive');
$digest = digest();
cmp_ok(sql('SELECT count(*) FROM pulse.event WHERE archived'), '>', 20000, 'with its events');
is(sql("SELECT pulse_restore_events('$month')"), 'restoring', 'asked again, it comes back');
wait_for('SELECT ended()', 'and is back');
is(digest(), $digest, 'with all its events');

# ---- beside sessions that write and delete ----
is(sql("SELECT pulse_archive_events('$month', 'archive')"), 'requested', 'and once more');
my @writers = map {
	my ($in, $log) = ('', '');
	IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'SET pulse.evaluation = async', '-c', "DO \$\$ BEGIN FOR i IN 1..100 LOOP
		PERFORM pulse_import_events(format('SELECT %L AS user_id, %L AS event, ''$month''::timestamptz + interval ''%s hours'' AS \"timestamp\"', 'u' || i * $_ + 10, 'writer $_ ' || i, i));
		IF i % 3 = 0 THEN DELETE FROM pulse.event WHERE name = 'writer $_ ' || i - 2 AND NOT archived; END IF; COMMIT; END LOOP; END \$\$" ], \$in, '>', \$log, '2>', \$log)
} 1 .. 2;
wait_for("SELECT state = 'archived' FROM pulse.event_archive", 'the month moves');
$_->finish for @writers;
$digest = digest();
sql("UPDATE pulse.event_archive SET next_try_at = '-infinity'; SELECT pulse_schedule('archive_events', enabled => true)");
wait_for("SELECT NOT EXISTS (SELECT FROM pulse.${partition}_late)", 'with what came later');
is(digest(), $digest, 'with exactly what was written and not deleted');

done_testing();
