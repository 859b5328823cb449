# A closed month is put into the order of people while events arrive for it and people are erased: killed at every step, beside a transaction with
# an old snapshot, in a dump that is taken meanwhile. No event is lost, doubled or comes back.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('event_order_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20');
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sub setting { sql("ALTER SYSTEM SET pulse.event_order_after = '$_[0]'"); sql('SELECT pg_reload_conf()'); sql(q{SELECT pulse_schedule('order_events', enabled => true)}); return; }
sub wait_for { my ($what, $name) = @_; return ok($node->poll_query_until('postgres', $what), $name); }
my $state = q{SELECT coalesce(string_agg(state, ','), '') FROM pulse.event_month WHERE state NOT IN ('frozen')};

sql('CREATE EXTENSION pulse');
sql(q{SELECT pulse_unschedule('seal_audit'), pulse_unschedule('signal_health')});
sql(q{SELECT pulse_schedule('order_events', '1 second', retry_delay => '1 second', max_retries => 100)});
# 41,000 events of 1,000 people, who take turns, in the month before the last one, and some in the last one.
sql(q{
	SET pulse.evaluation = async;
	SELECT count(*) FROM pulse_import_events('SELECT ''u'' || i % 1000 AS user_id, (ARRAY[''view'', ''purchase''])[1 + i % 2] AS event,
		jsonb_build_object(''note'', repeat(''x'', 150), ''total'', i) AS properties,
		date_trunc(''month'', now(), ''UTC'') - interval ''2 months'' + i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 41000 - 1000) AS i');
	SELECT count(*) FROM pulse_import_events('SELECT ''u'' || i AS user_id, ''view'' AS event, date_trunc(''month'', now(), ''UTC'') - interval ''1 month'' + i * interval ''1 minute'' AS "timestamp"
		FROM generate_series(0, 999) AS i');
	ANALYZE pulse.event});
my $month = sql(q{SELECT to_char(date_trunc('month', now(), 'UTC') - interval '2 months', '"event_y"YYYY"m"MM')});
my $copy = $month =~ s/event_/event_copy_/r;
sub digest { return sql('SELECT count(*), sum(hash_record_extended(e, 0)::numeric) FROM pulse.event AS e'); }
sub correlation { return sql("ANALYZE pulse.event; SELECT correlation FROM pg_stats WHERE tablename = '$month' AND attname = 'profile_id'"); }
sub late { my ($user) = @_; return sql(qq{SELECT accepted FROM pulse_import_events('SELECT ''$user'' AS user_id, ''late'' AS event, date_trunc(''month'', now(), ''UTC'') - interval ''40 days'' AS "timestamp"')}); }
my $digest = digest();
cmp_ok(correlation(), '<', 0.5, 'the events of a person are all over the month');
my $file = sql("SELECT pg_relation_filenode('pulse.$month')");

# ---- killed at every step ----
# The job stops where a row of this table says.
sql(q{
	CREATE TABLE stop (at text PRIMARY KEY);
	CREATE FUNCTION stop_there() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog AS $$ BEGIN
		IF EXISTS (SELECT FROM stop WHERE at = concat_ws(' ', TG_OP, OLD.state, NEW.state)) THEN PERFORM pg_sleep(600); END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER stop_there BEFORE INSERT OR UPDATE ON pulse.event_month FOR EACH ROW EXECUTE FUNCTION stop_there();
});
my $stopped = q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pulse%' AND wait_event = 'PgSleep'};
sub kill_at
{
	my ($at, $meanwhile) = @_;
	sql("DELETE FROM stop; INSERT INTO stop VALUES ('$at')");
	setting('1min');
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($stopped) AS s"), "the job is at: $at") or diag(sql('TABLE pulse.event_month'));
	$meanwhile->() if $meanwhile;
	my $log_end = -s $node->logfile;
	PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', (split /\n/, $node->safe_psql('postgres', $stopped))[0]);
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
	wait_until_back($node);
	is(digest(), $digest, 'killed there, nothing is lost');
	return;
}
kill_at('INSERT copying');
is(sql("SELECT to_regclass('pulse.$copy') IS NULL"), 't', 'and nothing is begun');
kill_at('UPDATE copying copying');
kill_at('UPDATE copying comparing', sub { is(late('u7'), 1, 'an event of the month is accepted while the job is copying'); $digest = digest(); });
is(sql("SELECT count(*) > 0 FROM pulse.$copy"), 't', 'what was copied before the crash is still there');
kill_at('UPDATE comparing swapping');
kill_at('UPDATE swapping swapping');

# ---- people who are erased meanwhile are not in the copy ----
sql(q{DELETE FROM stop; INSERT INTO stop VALUES ('UPDATE swapping ordered')});
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'the job is about to swap');
# The job that begins after the crash would stop there again, with its locks.
sql(q{SELECT pulse_schedule('order_events', enabled => false); DELETE FROM stop});
my $log_end = -s $node->logfile;
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', (split /\n/, $node->safe_psql('postgres', $stopped))[0]);
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
wait_until_back($node);
is(digest(), $digest, 'killed in the swap, nothing is lost');
is(sql("SELECT pg_relation_filenode('pulse.$month') = $file"), 't', 'and the month is the old one');
my $profile = sql(q{SELECT profile_id FROM pulse.identity WHERE value = 'u5'});
is(sql("SELECT count(*) > 0 FROM pulse.$copy WHERE profile_id = $profile"), 't', 'the copy has the events of a person');
sql(q{SELECT pulse_erase_profile('u5', 'ticket')});
wait_for(q{SELECT bool_and(state = 'done' AND vacuumed_at IS NOT NULL) FROM pulse.erasure}, 'who is erased');
is(sql("SELECT count(*) FROM pulse.$copy WHERE profile_id = $profile"), '0', 'and then it has not');
is(sql("SELECT touched @> ARRAY['$month', '$copy'] FROM pulse.erasure"), 't', 'and is vacuumed, too');
is(late('u8'), 1, 'an event arrives');
$digest = digest();

# ---- a dump has the copy; where it is restored, the job drops it ----
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
command_ok([ 'pg_dump', '-Fc', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'a dump is taken meanwhile');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-d', 'restored', $dump ], 'and restored');
$node->safe_psql('restored', q{SET client_min_messages = warning; SELECT pulse_schedule('order_events', enabled => true)});
my $brought = "FROM pulse.event_month WHERE partition = '$copy' AND reason = 'A restored dump brought this copy.'";
ok($node->poll_query_until('restored', "SELECT next_try_at > clock_timestamp() + interval '23 hours' $brought"), 'where the job lets the restore end');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_inherits WHERE inhparent = 'pulse.event_copy'::regclass"), '1', 'and leaves the copy alone');
$node->safe_psql('restored', qq{SET client_min_messages = warning; UPDATE pulse.event_month SET next_try_at = clock_timestamp(); SELECT pulse_schedule('order_events', enabled => true)});
ok($node->poll_query_until('restored', q{SELECT count(*) = 0 FROM pg_inherits WHERE inhparent = 'pulse.event_copy'::regclass}), 'until a day later, when it drops the copy');
ok($node->poll_query_until('restored', q{SELECT count(*) = 0 FROM pg_trigger WHERE tgfoid = 'pulse.settle_event_copy()'::regprocedure OR tgname LIKE 'pulse_follow%'}), 'and the triggers');
is($node->safe_psql('restored', 'SELECT count(*), sum(hash_record_extended(e, 0)::numeric) FROM pulse.event AS e'), $digest, 'and all events are there');
$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');

# ---- a transaction with an old snapshot sees the month as it was ----
my $old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.segment');
sql(q{SELECT pulse_schedule('order_events', enabled => true)});
wait_for(q{SELECT next_try_at > clock_timestamp() FROM pulse.event_month WHERE state = 'swapping'}, 'the swap waits for a transaction that began before the last event was copied');
like($old->query_safe("SELECT 'there are ' || count(*) FROM pulse.event"), qr/there are (\d{5})/, 'which sees all events');
$old->query_safe('COMMIT');
$old->quit;
sql(q{UPDATE pulse.event_month SET next_try_at = NULL WHERE state = 'swapping'});
wait_for(qq{SELECT state = 'ordered' FROM pulse.event_month WHERE partition = '$month'}, 'the month is ordered');
is(digest(), $digest, 'with all its events');
is(sql("SELECT pg_relation_filenode('pulse.$month') <> $file"), 't', 'in another file');
cmp_ok(correlation(), '>', 0.9, 'in the order of people');
is(sql(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'pulse.event_copy'::regclass}), '', 'no copy is left');
is(sql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pulse.$month'::regclass"), '0', 'no trigger');
is(sql('SELECT count(*) FROM pulse.event_late'), '0', 'nor anything late');
is(sql("SELECT string_agg(i.indexrelid::regclass::text, ' '), (SELECT relreplident::text || coalesce(reloptions::text, '') || relchecks FROM pg_class WHERE oid = 'pulse.$month'::regclass) FROM pg_index AS i WHERE i.indrelid = 'pulse.$month'::regclass"),
	"pulse.${month}_profile|f0", 'the month is like any other');
is(sql("SELECT age(c.relfrozenxid) < age(m.written::xid) FROM pg_class AS c JOIN pulse.event_month AS m ON m.partition = c.relname WHERE c.oid = 'pulse.$month'::regclass"), 't', 'its events are frozen');
is(sql("SELECT state || ': ' || reason FROM pulse.event_month WHERE partition <> '$month'"), 'frozen: It is small.', 'a small month is only frozen');
is(late('u9'), 1, 'late events are stored as ever');
is(sql(qq{SELECT count(*) FROM pulse.$month WHERE name = 'late'}), '3', 'in the month');
is(sql("SELECT count(*) FROM pulse.event WHERE profile_id = $profile"), '0', 'who was erased has not come back');

# ---- what makes it give up ----
sub again
{
	my ($stop) = @_;
	sql("DELETE FROM stop");
	sql("INSERT INTO stop VALUES ('$stop')") if $stop;
	# Rows all over the month again.
	sql("SELECT pulse_schedule('order_events', enabled => false)");
	wait_for(q{SELECT count(*) = 0 FROM pulse.job WHERE name = 'order_events' AND running_since IS NOT NULL}, 'the job is not running');
	sql("DELETE FROM pulse.event_month;
		CREATE TABLE shuffled AS SELECT * FROM pulse.$month; TRUNCATE pulse.$month; INSERT INTO pulse.event SELECT * FROM shuffled ORDER BY random(); DROP TABLE shuffled; ANALYZE pulse.event");
	sql(q{SELECT pulse_schedule('order_events', enabled => true)});
	return;
}
my $reason = "SELECT reason FROM pulse.event_month WHERE partition = '$month' AND state IN ('failed', 'frozen')";
again('UPDATE copying comparing');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'the month is copied again');
my $deleting = $node->background_psql('postgres', on_error_stop => 0);
$deleting->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.event");
sql("DELETE FROM stop; SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT count(*) = 0 FROM ($stopped) AS s", 'it goes on');
wait_for(q{SELECT bool_or(state IN ('comparing', 'swapping')) FROM pulse.event_month}, 'to its end');
$deleting->query_safe("DELETE FROM pulse.event WHERE name = 'late'; COMMIT");
$deleting->quit;
wait_for("SELECT EXISTS ($reason)", 'a deletion with an old snapshot ends it');
is(sql($reason), 'Too much of it changed while it was copied.', 'for this reason');
is(sql('SELECT count(*) FROM pulse.event_late') . sql(q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'pulse.event_copy'::regclass}), '00', 'nothing is left of it');

for my $case (
	[ "CREATE VIEW own AS SELECT * FROM pulse.$month", 'DROP VIEW own', 'It has views or other objects that depend on it of its own.' ],
	[ 'CREATE PUBLICATION everything FOR ALL TABLES', 'DROP PUBLICATION everything', 'A publication, a subscription or a logical slot has it.' ],
	[ 'CREATE PUBLICATION events FOR TABLE pulse.event', 'DROP PUBLICATION events', 'A publication, a subscription or a logical slot has it.' ],
	[ "CREATE INDEX own ON pulse.$month (received_at)", 'DROP INDEX pulse.own', 'It has indexes of its own.' ],
	[ "ALTER TABLE pulse.$month ALTER name SET STATISTICS 1000", "ALTER TABLE pulse.$month ALTER name SET STATISTICS -1", 'It has statistics of its own.' ],
	[ "ALTER TABLE pulse.$month SET (fillfactor = 90)", "ALTER TABLE pulse.$month RESET (fillfactor)", 'It has storage parameters of its own.' ],
	[ "ALTER SYSTEM SET pulse.event_order_size = '1MB'; SELECT pg_reload_conf()", 'ALTER SYSTEM RESET pulse.event_order_size; SELECT pg_reload_conf()', 'It is larger than pulse.event_order_size.' ])
{
	my ($do, $undo, $why) = @$case;
	sql($_) for split /; /, $do;
	again();
	wait_for("SELECT EXISTS ($reason AND state = 'frozen')", 'it is left where it is');
	is(sql($reason), $why, $why);
	sql($_) for split /; /, $undo;
}

# ---- a copy that differs is not used ----
again('UPDATE copying comparing');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'the month is copied');
sql("DELETE FROM stop; INSERT INTO stop VALUES ('UPDATE comparing swapping'); SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'and compared');
sql("SELECT pulse_schedule('order_events', enabled => false); SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for("SELECT count(*) = 0 FROM ($stopped) AS s", 'until it is stopped');
sql("DELETE FROM stop; UPDATE pulse.$copy SET properties = '{}' WHERE ctid = '(1,1)'; SELECT pulse_schedule('order_events', enabled => true)");
wait_for("SELECT EXISTS ($reason)", 'a copy with another value ends it');
is(sql($reason), 'Its copy differed from it.', 'for this reason');

# ---- beside sessions that write and delete ----
sql('CREATE INDEX own_received ON pulse.event (received_at)');
again();
my @writers = map {
	my ($in, $log) = ('', '');
	IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', 'SET pulse.evaluation = async', '-c', "DO \$\$ BEGIN FOR i IN 1..300 LOOP
		PERFORM pulse_import_events(format('SELECT %L AS user_id, %L AS event, date_trunc(''month'', now(), ''UTC'') - interval ''2 months'' + interval ''%s hours'' AS \"timestamp\"', 'u' || i * $_ + 10, 'writer $_ ' || i, i));
		IF i % 3 = 0 THEN DELETE FROM pulse.event WHERE name = 'writer $_ ' || i - 2; END IF; COMMIT; END LOOP; END \$\$" ], \$in, '>', \$log, '2>', \$log)
} 1 .. 3;
$_->finish for @writers;
is(sql(q{SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM pulse.event WHERE name LIKE 'writer %' GROUP BY split_part(name, ' ', 2)) AS w}), '200 200 200', 'what sessions write and delete meanwhile');
$digest = digest();
# A swap that somebody was in the way of is tried again at once.
sql(qq{CREATE FUNCTION ended() RETURNS boolean LANGUAGE sql AS \$\$
	UPDATE pulse.event_month SET next_try_at = NULL WHERE state = 'swapping' AND next_try_at > clock_timestamp();
	SELECT pulse_schedule('order_events', enabled => true);
	SELECT EXISTS (SELECT FROM pulse.event_month WHERE partition = '$month' AND state IN ('ordered', 'failed')) \$\$});
wait_for('SELECT ended()', 'the job comes to an end');
is(sql("SELECT state FROM pulse.event_month WHERE partition = '$month'"), 'ordered', 'the month is ordered in the end');
is(digest(), $digest, 'with exactly that');
is(sql(q{SELECT indisvalid, (SELECT count(*) FROM pg_inherits WHERE inhparent = i.indexrelid) = (SELECT count(*) FROM pg_inherits WHERE inhparent = i.indrelid) FROM pg_index AS i WHERE indexrelid = 'pulse.own_received'::regclass}),
	't|t', 'an index of all months has a part there');
is(sql(qq{SET enable_seqscan = off; SELECT count(*) > 0 FROM pulse.$month WHERE received_at > '2000-01-01'}), 't', 'and can be used');

# ---- switched off, it cleans up ----
again('UPDATE copying comparing');
wait_for("SELECT count(*) = 1 FROM ($stopped) AS s", 'a copy is begun');
setting('0');
sql("DELETE FROM stop; SELECT pg_cancel_backend(pid) FROM ($stopped) AS s");
wait_for(q{SELECT count(*) = 0 FROM pg_inherits WHERE inhparent = 'pulse.event_copy'::regclass}, 'switched off, the job drops it');
is(sql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pulse.$month'::regclass") . sql("SELECT count(*) FROM pulse.event_month WHERE partition = '$month'"), '00', 'and forgets it');
sql('DROP EXTENSION pulse CASCADE');

done_testing();
