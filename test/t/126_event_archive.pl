# Months of events move to another server, and back: every question gets the same answer before and after. Late events, an archive that is down, roles,
# erasures of the month's partition, and a dump.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $archive = start_node('event_archive_there');
$archive->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE ROLE looker LOGIN');
$archive->safe_psql('postgres', 'CREATE DATABASE events OWNER keeper');
$archive->safe_psql('events', 'ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT USAGE ON SCHEMAS TO looker; ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT SELECT ON TABLES TO looker');
my $node = start_node('event_archive', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20');
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sub wait_for { my ($what, $name) = @_; return ok($node->poll_query_until('postgres', $what), $name) || diag(sql('TABLE pulse.event_archive')); }
sub there { return $archive->safe_psql('events', $_[0]); }
# The job looks at once at what would be due later.
sub now { sql(q{UPDATE pulse.event_archive SET next_try_at = NULL; SELECT pulse_schedule('archive_events', enabled => true)}); return; }
my $answers = q{
	SELECT count(*), sum(hashtextextended((to_jsonb(e) - 'archived')::text, 0)::numeric) FROM pulse.event AS e;
	SELECT id, time, name, properties FROM pulse_profile_events('u7', 1000) ORDER BY time, id;
	SELECT jsonb_array_length(pulse_export_profile('u7') -> 'events');
	SELECT name, count(*), count(DISTINCT profile_id), min(time), max(time) FROM pulse.event GROUP BY name ORDER BY name;
	SELECT pulse_profile('u9') -> 'events';
	SELECT count(*), min(first_seen_at), max(last_seen_at), sum(profiles) FROM pulse.person;
	SELECT pulse_profile('u7') -> 'traits'};

sql('CREATE EXTENSION pulse; CREATE EXTENSION postgres_fdw');
sql(q{SELECT pulse_unschedule('seal_audit'), pulse_unschedule('signal_health')});
sql(q{SELECT pulse_schedule('archive_events', '1 second', retry_delay => '1 second', max_retries => 100)});
sub make_server
{
	sql(sprintf("CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'events', connect_timeout '5')", $archive->host, $archive->port));
	sql(q{CREATE USER MAPPING FOR postgres SERVER archive OPTIONS (user 'keeper')});
	return;
}
make_server();
# 36,000 events of 500 people over three months that have ended, and some of today. Values that COPY and JSON must not change.
sql(q{
	SET pulse.evaluation = async;
	SELECT count(*) FROM pulse_import_events('SELECT ''u'' || i % 500 AS user_id, (ARRAY[''view'', ''purchase''])[1 + i % 2] AS event,
		jsonb_build_object(''note'', E''tab\\tline\\nback\\\\slash "quoted" \\u00e9'', ''total'', i * 1.10, ''none'', null) AS properties,
		date_trunc(''month'', now(), ''UTC'') - interval ''3 months'' + i * interval ''3 minutes 0.000001 seconds'' AS "timestamp" FROM generate_series(1, 36000) AS i');
	SELECT count(*) FROM pulse_import_events('SELECT ''u'' || i AS user_id, ''view'' AS event, now() - interval ''1 second'' AS "timestamp" FROM generate_series(0, 99) AS i');
	SELECT pulse_create_trait('total', 'events.purchase.sum(total)')});
sql('ANALYZE pulse.event');
my ($first, $second) = split /\|/, sql(q{SELECT to_char(m, 'YYYY-MM-DD'), to_char(m + interval '1 month', 'YYYY-MM-DD') FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') - interval '3 months' AS m) AS s});
my $partition = 'event_y' . substr($first, 0, 4) . 'm' . substr($first, 5, 2);
my $before = sql($answers);

# ---- a month moves ----
is(sql("SELECT pulse_archive_events('$first', 'archive')"), 'requested', 'a month is asked for');
wait_for("SELECT state = 'archived' FROM pulse.event_archive", 'and moves to the archive');
is(sql($answers), $before, 'all questions have the same answers');
my $counted = sql("SELECT count(*) FROM pulse.event WHERE archived");
cmp_ok($counted, '>', 10000, 'events are marked as archived');
is(sql("SELECT count(*) FROM ONLY pulse.${partition}_late"), '0', 'none of them is here');
is(sql('SELECT rows FROM pulse.event_archive'), $counted, 'their number is noted');
is(sql(q{SELECT count(*), sum(events) FROM pulse.archived_profile}), sql('SELECT count(DISTINCT profile_id), count(*) FROM pulse.event WHERE archived'), 'and whose they are');
is(sql(q{SELECT count(*) FROM pulse.archived_profile AS p JOIN (SELECT profile_id, min(time) AS a, max(time) AS b FROM pulse.event WHERE archived GROUP BY profile_id) AS e USING (profile_id) WHERE (first_at, last_at) IS DISTINCT FROM (a, b)}), '0', 'and when they happened');
unlike(sql(q{EXPLAIN SELECT count(*) FROM pulse.event WHERE profile_id = 7 AND NOT archived}), qr/Foreign/, 'who asks without the archive does not read it');
unlike(sql(q{EXPLAIN SELECT count(*) FROM pulse.event WHERE profile_id = 7 AND time > now() - interval '30 days'}), qr/Foreign Scan/, 'nor does a recent window');
like(sql(q{EXPLAIN (VERBOSE) SELECT e.id FROM pulse.profile AS p JOIN pulse.event AS e ON e.profile_id = p.id WHERE p.id = 7}), qr/Remote SQL: .*profile_id/, 'the archive is asked for the events of a person');
is(sql("SELECT count(*) FROM pg_trigger WHERE tgfoid = 'pulse.settle_archive_copy()'::regprocedure"), '0', 'no trigger is left');
is(sql("SELECT pulse_archive_events('$first', 'archive')"), 'archived', 'asked again, it says where it is');
is(sql('SELECT count(*) FROM pulse.event_archive WHERE next_try_at IS NULL'), '0', 'and does not begin again');
like(sql(q{SELECT string_agg(item || ' ' || state, ', ') FROM pulse_status() WHERE item = 'months on the archive'}), qr/^months on the archive ok$/, 'pulse_status() shows it');

# ---- late events ----
sub late { my ($user, $at) = @_; return sql(qq{SELECT accepted FROM pulse_import_events('SELECT ''$user'' AS user_id, ''late'' AS event, ''$first''::timestamptz + interval ''$at'' AS "timestamp"')}); }
is(late('u7', '5 days'), 1, 'an event arrives for the archived month');
is(late('newcomer', '6 days'), 1, 'and one of somebody new');
is(sql("SELECT count(*) FROM pulse.${partition}_late"), '2', 'they are here');
$before = sql($answers);
now();
wait_for("SELECT batch = 1 FROM pulse.event_archive", 'they move to the archive');
is(sql("SELECT count(*) FROM pulse.${partition}_late"), '0', 'away from here');
is(sql($answers), $before, 'all questions have the same answers');
is(sql(q{SELECT events FROM pulse.archived_profile JOIN pulse.identity AS i USING (profile_id) WHERE i.value = 'newcomer'}), '1', 'the newcomer is noted');

# ---- the archive is down ----
is(late('u8', '7 days'), 1, 'another one arrives');
$before = sql($answers);
$archive->stop;
is(late('u8', '8 days'), 1, 'without the archive events are accepted');
now();
wait_for('SELECT failures > 0 AND next_try_at > clock_timestamp() FROM pulse.event_archive', 'the job tries again later');
is(sql(q{SELECT state FROM pulse_status() WHERE item = 'archive failures'}), 'degraded', 'as pulse_status() says');
is(sql("SELECT count(*) FROM pulse.event WHERE name = 'late' AND NOT archived"), '2', 'who asks without the archive gets an answer');
isnt(($node->psql('postgres', 'SELECT count(*) FROM pulse.event'))[0], 0, 'who needs it gets an error');
my $recent = sql(q{SELECT now() - interval '1 day'});
is(sql("SELECT count(*) FROM pulse.event WHERE time >= '$recent'"), '100', 'a window after it does not need it');
$archive->start;
now();
wait_for('SELECT batch = 2 AND reason IS NULL FROM pulse.event_archive', 'when it is back, events move again');
sql(qq{DELETE FROM pulse.event WHERE false});
is(sql("SELECT count(*) FROM pulse.event WHERE name = 'late'"), '4', 'and nothing is lost');
$before = sql($answers);
now();
ok($archive->poll_query_until('events', "SELECT count(*) = 1 FROM pg_class WHERE relkind = 'v' AND relname LIKE 'event%'"), 'old views are dropped');
wait_for('SELECT next_try_at > clock_timestamp() FROM pulse.event_archive', 'then it rests');
# An event of a batch that is deleted here before readers see it there stays deleted.
late('u9', '9 days');
my $table = sql('SELECT remote_schema || chr(46) || remote_table FROM pulse.event_archive');
there("INSERT INTO $table SELECT id + 1000000, profile_id, time, received_at, name, type, properties, context, message_id, source, 3 FROM $table WHERE name = 'late' LIMIT 1");
is(sql("SELECT count(*) FROM pulse.event WHERE name = 'late'"), '5', 'what no batch shows yet is not seen');
now();
wait_for('SELECT batch = 3 FROM pulse.event_archive', 'and is replaced by the next batch');
is(sql("SELECT count(*) FROM pulse.event WHERE name = 'late'"), '5', 'each event is seen once');

# ---- readers meanwhile ----
# Each of many statements sees each event once, while batches move.
sql(q{CREATE PROCEDURE watch_late(name text, until int) LANGUAGE plpgsql AS $$ DECLARE seen int; BEGIN
	LOOP SELECT count(*) INTO seen FROM pulse.event AS e WHERE e.name = watch_late.name; COMMIT;
		IF seen <> 3000 THEN RAISE EXCEPTION 'saw % events', seen; END IF;
		EXIT WHEN (SELECT max(batch) >= until FROM pulse.event_archive); END LOOP; END $$});
is(sql(qq{SET pulse.evaluation = async; SELECT accepted FROM pulse_import_events('SELECT ''u'' || i % 500 AS user_id, ''moved'' AS event, ''$first''::timestamptz + i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 3000) AS i')}), 3000, 'many events arrive');
my ($in, $log) = ('', '');
my @watchers = map { IPC::Run::start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', q{CALL watch_late('moved', 5)} ], \$in, '>', \$log, '2>', \$log) } 1 .. 2;
now();
wait_for('SELECT batch = 5 FROM pulse.event_archive', 'they move in two batches');
$_->finish for @watchers;
is($log, '', 'who reads meanwhile sees each of them once');
# A transaction that has its snapshot.
late('u12', '11 days');
my $old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.segment');
now();
ok($archive->poll_query_until('events', "SELECT count(*) = 1 FROM $table WHERE batch = 6"), 'an event is on the archive');
is($old->query_safe(q{SELECT 'there are ' || count(*) FROM pulse.event WHERE name = 'late'}), 'there are 6', 'an older transaction sees it once');
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = 'late'}), '6', 'a younger one, too');
# One that began after the job's first look, and has its snapshot before the move.
my $younger = $node->background_psql('postgres');
$younger->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.segment');
$old->query_safe('COMMIT');
wait_for('SELECT batch = 6 OR next_try_at > clock_timestamp() FROM pulse.event_archive', 'the job goes on');
is($younger->query_safe(q{SELECT 'there are ' || count(*) FROM pulse.event WHERE name = 'late'}), 'there are 6', 'who began meanwhile sees it once');
$younger->query_safe('COMMIT');
$younger->quit;
wait_for('SELECT batch = 6 FROM pulse.event_archive', 'it moves when no such transaction is left');
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = 'late'}), '6', 'and is seen once');
$old->query_safe('BEGIN; SELECT 1');
$old->quit;

# ---- roles ----
sql(q{CREATE ROLE reader LOGIN; CREATE ROLE chief LOGIN; SELECT pulse_grant('reader', 'people_reader'), pulse_grant('chief', 'admin')});
isnt(($node->psql('postgres', 'SELECT count(*) FROM pulse.event', extra_params => [ '-U', 'reader' ]))[0], 0, 'a role without a user mapping cannot read the archive by itself');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM pulse.event WHERE NOT archived', extra_params => [ '-U', 'reader' ]), 't', 'but what is here');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM pulse_profile_events('u7', 1000)", extra_params => [ '-U', 'reader' ]), '>', 10, 'functions of Pulse read it with the rights of the owner');
sql(q{CREATE USER MAPPING FOR PUBLIC SERVER archive OPTIONS (user 'looker', password_required 'false')});
is($node->safe_psql('postgres', 'SELECT count(*) FROM pulse.event', extra_params => [ '-U', 'reader' ]), sql('SELECT count(*) FROM pulse.event'), 'with a mapping it reads all');
$before = sql($answers);
my ($result, $out, $err) = $node->psql('postgres', "SELECT pulse_archive_events('$second', 'archive')", extra_params => [ '-U', 'chief' ]);
like($err, qr/permission denied for foreign server "archive"/, 'an administrator needs to be allowed to use the server');
sql('GRANT USAGE ON FOREIGN SERVER archive TO chief');
is($node->safe_psql('postgres', "SELECT pulse_archive_events('$second', 'archive')", extra_params => [ '-U', 'chief' ]), 'requested', 'then may archive');
wait_for("SELECT bool_and(state = 'archived') AND count(*) = 2 FROM pulse.event_archive", 'a second month moves');
is(sql($answers), $before, 'all questions have the same answers');
is(sql(q{SELECT count(*) FROM pulse.audit WHERE action = 'events.archived'}), '2', 'both are in the audit log');

# ---- a dump: the restored database reads the archive, and leaves it to the other one ----
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
command_ok([ 'pg_dump', '-Fc', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'a dump is taken');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-d', 'restored', $dump ], 'and restored');
$node->safe_psql('restored', q{SET client_min_messages = warning; UPDATE pulse.event_archive SET next_try_at = NULL; SELECT pulse_schedule('archive_events', enabled => true)});
is($node->safe_psql('restored', $answers), $before, 'there all questions have the same answers');
is($node->safe_psql('restored', q{SELECT state || value FROM pulse_status() WHERE item = 'months of another database'}), 'degraded2', 'pulse_status() says whose the months are');
like(($node->psql('restored', "SELECT pulse_restore_events('$first')"))[2], qr/another database keeps this month/, 'they cannot be moved there');
# Who is erased there has events on the archive until then.
my ($gone) = split /\|/, $node->safe_psql('restored', q{SELECT profile_id FROM pulse.identity WHERE value = 'u33'});
cmp_ok(there("SELECT count(*) FROM $table WHERE profile_id = $gone"), '>', 0, 'somebody has events there');
$node->safe_psql('restored', q{SELECT pulse_unschedule('seal_audit'), pulse_schedule('erase_archived', '1 second', enabled => true)});
$node->safe_psql('restored', q{SELECT pulse_erase_profile('u33', 'ticket 33')});
ok($node->poll_query_until('restored', q{SELECT count(*) = 2 AND bool_and(message LIKE '%pulse_archive_events%') FROM pulse.archive_erasure}), 'an erasure waits for months of another database');
ok($node->poll_query_until('restored', q{SELECT state = 'verifying' FROM pulse.erasure}), 'and does not end');
is($node->safe_psql('restored', "SELECT pulse_archive_events('$first')"), 'archived', 'until it takes one over');
is($node->safe_psql('restored', 'SELECT count(*) FROM pulse.event_archive AS a WHERE home = (SELECT home FROM pulse.event_archive WHERE month <> a.month)'), '0', 'only that');
is($node->safe_psql('restored', "SELECT pulse_archive_events('$second', 'archive')"), 'archived', 'then the other one');
ok($node->poll_query_until('restored', q{SELECT state = 'done' FROM pulse.erasure}), 'the erasure ends');
is(there("SELECT count(*) FROM $table WHERE profile_id = $gone"), '0', 'when the events are deleted there');
$node->safe_psql('postgres', 'DROP DATABASE restored WITH (FORCE)');

# ---- rows of a move that failed, and nothing moves any more ----
there("INSERT INTO $table SELECT id + 1000000, profile_id, time, received_at, name, type, properties, context, message_id, source, 1000 FROM $table WHERE name = 'late' LIMIT 1");
now();
ok($archive->poll_query_until('events', "SELECT count(*) = 0 FROM $table WHERE batch = 1000"), 'rows that are not shown are deleted');

# ---- much at once: more than is read, or sent, in one piece ----
is(sql(qq{SET pulse.evaluation = async; SELECT accepted FROM pulse_import_events('SELECT ''big'' AS user_id, ''big'' AS event, jsonb_build_object(''text'', repeat(''x'', 250000)) AS properties, ''$first''::timestamptz + i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 200) AS i')}), 200, 'large events arrive');
now();
wait_for("SELECT count(*) = 0 FROM pulse.${partition}_late", 'and move in several batches');
is(sql(q{SELECT count(*), sum(length(properties ->> 'text')) FROM pulse.event WHERE name = 'big' AND archived}), '200|50000000', 'none is lost');

# ---- back ----
late('u10', '9 days');
$before = sql($answers);
# Asked back while late events move: they come back, too.
$old = $node->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.segment');
now();
$table = sql("SELECT remote_schema || chr(46) || remote_table FROM pulse.event_archive WHERE month = '$first'");
my $shown = sql("SELECT batch FROM pulse.event_archive WHERE month = '$first'");
ok($archive->poll_query_until('events', "SELECT count(*) = 1 FROM $table WHERE batch > $shown"), 'a late event is on its way to the archive');
is(sql("SELECT pulse_restore_events('$first')"), 'restoring', 'the first month is asked back');
# What has the name of the month, and is not it, stays.
sql("ALTER TABLE pulse.event DETACH PARTITION pulse.$partition; ALTER TABLE pulse.$partition RENAME TO kept; CREATE TABLE pulse.$partition (LIKE pulse.event); ALTER TABLE pulse.event ATTACH PARTITION pulse.$partition FOR VALUES FROM ('$first 00:00+00') TO ('$second 00:00+00')");
$old->query_safe('COMMIT');
$old->quit;
wait_for("SELECT reason LIKE '%is not the archived month%' FROM pulse.event_archive WHERE month = '$first'", 'an ordinary table with the name of the month is not replaced');
is(sql("SELECT batch FROM pulse.event_archive WHERE month = '$first'"), $shown, 'the late event has not moved');
sql("DROP TABLE pulse.$partition; ALTER TABLE pulse.kept RENAME TO $partition; ALTER TABLE pulse.event ATTACH PARTITION pulse.$partition FOR VALUES FROM ('$first 00:00+00') TO ('$second 00:00+00')");
now();
wait_for("SELECT state = 'dropping' AND next_try_at > clock_timestamp() + interval '23 hours' FROM pulse.event_archive WHERE month = '$first'", 'and comes back');
is(sql($answers), $before, 'all questions have the same answers');
is(sql(qq{SELECT string_agg(relname || ' ' || relkind::text, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE '${partition}%' AND relkind IN ('r', 'p', 'f', 'i')}), "$partition r ${partition}_profile i", 'it is a table again');
is(sql("SELECT count(*) FROM pulse.archived_profile WHERE month = '$first'"), '0', 'nobody has events of it on the archive');
cmp_ok(there("SELECT count(*) FROM pg_class WHERE relname LIKE '${partition}%'"), '>', 0, 'where its table stays for a day');
# Also where the archive was down meanwhile.
sql(q{UPDATE pulse.event_archive SET done_to = to_jsonb((done_to #>> '{}')::bigint - 86400000000), reason = 'it was down', failures = 1 WHERE state = 'dropping'});
now();
wait_for("SELECT state = 'restored' AND reason IS NULL FROM pulse.event_archive WHERE month = '$first'", 'until it is dropped');
is(there("SELECT count(*) FROM pg_class WHERE relname LIKE '${partition}%'"), '0', 'with all that belongs to it');
is(late('u11', '10 days'), 1, 'events are stored as ever');
is(sql("SELECT count(*) FROM pulse.$partition WHERE name = 'late' AND NOT archived"), '8', 'in the month');

# ---- by the setting ----
sql(q{ALTER SYSTEM SET pulse.event_archive_server = 'archive'});
sql(q{ALTER SYSTEM SET pulse.event_archive_after = '1min'});
sql('SELECT pg_reload_conf()');
sql(q{SELECT pulse_schedule('archive_events', enabled => true)});
wait_for("SELECT count(*) = 2 AND bool_and(state = 'archived') FROM pulse.event_archive WHERE month <> '$first'", 'by the setting the other month moves');
is(sql("SELECT state FROM pulse.event_archive WHERE month = '$first'"), 'restored', 'one that was asked back stays');
is(sql('SELECT count(*) FROM pulse.event WHERE time > now() - interval \'2 hours\' AND archived'), '0', 'and what has not ended');
is(sql("SELECT pulse_archive_events('$second')"), 'archived', 'no server is named to ask how it is');
sql(q{ALTER SYSTEM RESET pulse.event_archive_server});
sql(q{ALTER SYSTEM RESET pulse.event_archive_after});
sql('SELECT pg_reload_conf()');
is(sql("SELECT pulse_archive_events('$second')"), 'archived', 'also without the setting');

# ---- the server of the archive is dropped, with its foreign tables, and made again ----
my $third = sql('SELECT max(month) FROM pulse.event_archive');
my $of_third = "SELECT count(*), sum(hashtextextended((to_jsonb(e) - 'archived')::text, 0)::numeric) FROM pulse.event AS e WHERE time >= '$third 00:00+00' AND time < date_trunc('month', now(), 'UTC')";
$before = sql($of_third);
sql('DROP SERVER archive CASCADE');
make_server();
is(sql("SELECT pulse_restore_events('$third')"), 'restoring', 'a month comes back without its foreign table');
now();
wait_for("SELECT state = 'dropping' FROM pulse.event_archive WHERE month = '$third'", 'as it was');
is(sql($of_third), $before, 'with all its events');

# ---- retention ----
sql(q{ALTER SYSTEM SET pulse.event_retention = '27d'});
sql('SELECT pg_reload_conf()');
sql('SELECT pulse_run_job(\'retention\')');
now();
wait_for("SELECT count(*) = 0 FROM pulse.event_archive WHERE month <= '$second'", 'what retention drops');
is(there("SELECT count(*) FROM pg_class WHERE relname ~ '${\ substr($second, 0, 4)}m${\ substr($second, 5, 2)}'"), '0', 'is dropped from the archive, too');

done_testing();
