# The erasure of a person with many events by the job: killed in the middle, with events of the same person coming meanwhile, beside an open
# transaction of hers, and with a merge. Nothing is left in any table.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('erasure_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'pulse.run_jobs = off',
	"pulse.lock_timeout = '1s'");
sub sql { return $node->safe_psql('postgres', "SET client_min_messages = warning; $_[0]"); }
sub run_jobs { sql("ALTER SYSTEM SET pulse.run_jobs = $_[0]"); sql('SELECT pg_reload_conf()'); return; }
sql('CREATE EXTENSION pulse');
sql(q{
	SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count >= 1"}');
	SELECT * FROM pulse_import_events('SELECT ''whale-user'' AS user_id, ''purchase'' AS event, ''m-'' || i AS message_id, jsonb_build_object(''total'', i, ''note'', ''whale-note-'' || i % 7) AS properties,
		now() - i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 100000) AS i');
	SELECT pulse_identify('whale-user', '{"email": "whale@example.com"}');
	SELECT count(pulse_track('other-' || i, 'purchase', '{"total": 1}')) FROM generate_series(1, 100) AS i});
my $whale = sql(q{SELECT profile_id FROM pulse.identity WHERE value = 'whale-user'});
my $count = "SELECT count(*) FROM pulse.event WHERE profile_id = $whale";
is(sql($count), '100001', 'a person with many events');

# Every table, row by row as text, for the ids in clear and hashed.
sub remains
{
	my (@needles) = @_;
	my $list = join ', ', map { "'$_'" } @needles;
	my $tables = sql(q{SELECT string_agg(c.oid::regclass::text, ' ' ORDER BY c.relname) FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind = 'r'});
	my $query = join ' UNION ALL ', map {
		"SELECT '$_' FROM $_ AS x, unnest(ARRAY[$list]) AS n WHERE x::text ILIKE '%' || n || '%' OR x::text LIKE '%' || encode(convert_to(n, 'UTF8'), 'hex') || '%' OR x::text LIKE '%' || encode(sha256(convert_to(n, 'UTF8')), 'hex') || '%'"
	} split / /, $tables;
	return sql("SELECT coalesce(string_agg(DISTINCT t.name, ' '), '') FROM ($query) AS t (name)");
}
like(remains('whale-user', 'whale@example.com'), qr/pulse\.identity/, 'the search finds what is there');

# A transaction that has used her id and is open, and one that uses it after the call, with a snapshot from before.
my $open = $node->background_psql('postgres');
$open->query_safe(q{BEGIN; SELECT pulse_track('whale-user', 'view')});
my $old = $node->background_psql('postgres');
$old->query_safe(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pulse_track('other-2', 'view')});
sql(q{SELECT pulse_erase_profile('whale-user', 'ticket 1')});
is(sql(q{SELECT state FROM pulse.erasure}), 'requested', 'the call does not wait for transactions of others');
is(sql(q{SELECT count(*) FROM pulse.identity WHERE value LIKE 'whale%'}), '0', 'her ids are gone at once');
is(sqlstate($node, 'postgres', q{SELECT pulse_track('whale-user', 'late')}), '22023', 'her events are refused at once');
my $late = q{SELECT 'is ' || reason FROM pulse_ingest('[{"type": "track", "event": "view", "userId": "whale-user"}]'::jsonb)};
like($_->query_safe($late), qr/^is erased$/m, 'also in a transaction that began before') for $open, $old;
$old->query_safe('COMMIT');
$old->quit;

# The events of others go on, hers are refused, from many sessions.
my @writers = map {
	my $writer = $_;
	my $log = '';
	my $in = '';
	IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "DO \$\$ BEGIN FOR i IN 1..500 LOOP PERFORM pulse_ingest(jsonb_build_array(jsonb_build_object('type', 'track', 'event', 'busy', 'userId', 'other-' || i % 100),
			jsonb_build_object('type', 'track', 'event', 'busy', 'userId', 'whale-user'), jsonb_build_object('type', 'identify', 'userId', 'fresh-$writer-' || i, 'traits', jsonb_build_object('email', 'whale\@example.com')))); COMMIT; END LOOP; END \$\$" ],
		\$in, '>', \$log, '2>', \$log)
} 1 .. 3;
run_jobs('on');
select undef, undef, undef, 1;
is(sql(q{SELECT state FROM pulse.erasure}), 'requested', 'the job waits for whoever began before');
$open->query_safe('COMMIT');
$open->quit;

# Killed in the middle.
ok($node->poll_query_until('postgres', "SELECT ($count) BETWEEN 1 AND 90000"), 'a part of the events is deleted');
my $log_end = -s $node->logfile;
my $worker = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND query = 'pulse: erasing people' LIMIT 1});
SKIP:
{
	skip 'the job was faster', 1 unless $worker;
	PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', $worker);
	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
	pass('its process is killed');
}
$_->finish for @writers;
wait_until_back($node);
ok($node->poll_query_until('postgres', q{SELECT state = 'done' AND vacuumed_at IS NOT NULL FROM pulse.erasure}), 'the next run ends it');
is(sql($count), '0', 'no event is left');
is(sql(q{SELECT (rows ->> 'event')::bigint, findings FROM pulse.erasure}), '100002|[]', 'each event is counted once, also the one that was written meanwhile, and nothing was found');
is(remains('whale-user', 'whale@example.com', 'whale-note-'), '', 'nothing is left in any table');
is(sql(q{SELECT count(*) FROM pulse.message_seen}), '0', 'nor are the ids of her messages');
is(sql(q{SELECT bool_or(examples::text LIKE '%whale%') FROM pulse.event_property}), 'f', 'nor examples of values');
ok($node->poll_query_until('postgres', q{SELECT bool_and(s.last_vacuum IS NOT NULL) FROM pulse.erasure AS e CROSS JOIN unnest(e.touched) AS t (name) JOIN pg_stat_user_tables AS s ON s.schemaname = 'pulse' AND s.relname = t.name WHERE t.name <> 'message_seen'}),
	'the tables are vacuumed');
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = 'purchase'}), '100', 'events of others are left');
is(sql(q{SELECT count(*) FROM pulse.membership WHERE segment = 'buyers'}), '100', 'segments are right');
is(sql(q{SELECT count(*) FROM pulse.event AS e LEFT JOIN pulse.profile AS p ON p.id = e.profile_id WHERE p.id IS NULL}), '0', 'no event is without a person');

# Two requests and a merge of the same person at once: one erasure, whoever comes first.
for my $round (1 .. 5)
{
	sql("SELECT pulse_track('twin-a-$round', 'x'), pulse_track('twin-b-$round', 'x')");
	my @logs;
	my @sessions = map {
		my ($in, $log) = ('', '');
		push @logs, \$log;
		IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-c', $_ ], \$in, '>', \$log, '2>', \$log)
	} "SELECT pulse_erase_profile('twin-a-$round', 'ticket 2')", "SELECT pulse_erase_profile('twin-a-$round', 'ticket 3')", "SELECT pulse_merge('twin-a-$round', 'twin-b-$round', 'the same')";
	$_->finish for @sessions;
	my ($one, $other) = map { ${ $logs[$_] } =~ /^(\d+)$/m ? $1 : ${ $logs[$_] } } 0, 1;
	is($one, $other, "round $round: one erasure");
}
ok($node->poll_query_until('postgres', q{SELECT bool_and(state = 'done' AND vacuumed_at IS NOT NULL) FROM pulse.erasure}), 'all end');
is(remains('twin-a-'), '', 'nothing is left of them');
is(sql(q{SELECT count(*) FILTER (WHERE findings <> '[]') FROM pulse.erasure}), '0', 'and nothing was found');

# One that fails does not stop others; a second request tries again at once.
sql(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE unique_violation USING MESSAGE = 'refused'; END $$;
	SELECT pulse_track('fail-user', 'x'), pulse_track('fine-user', 'y');
	CREATE TRIGGER refuse BEFORE DELETE ON pulse.exposure FOR EACH ROW EXECUTE FUNCTION refuse();
	INSERT INTO pulse.exposure SELECT '2026-01-01', 1, 'fail-user', 'on', 1, profile_id, now() FROM pulse.identity WHERE value = 'fail-user';
	SELECT pulse_erase_profile('fail-user', 'ticket 5'), pulse_erase_profile('fine-user', 'ticket 6')});
ok($node->poll_query_until('postgres', q{SELECT string_agg(concat_ws(' ', reason, state, error), ', ' ORDER BY id) = 'ticket 5 failed 23505, ticket 6 done' FROM pulse.erasure WHERE reason IN ('ticket 5', 'ticket 6')}), 'one fails, the other ends');
is(sql(q{SELECT state FROM pulse_status() WHERE item = 'failing erasures'}), 'degraded', 'the status says so');
sql(q{DROP TRIGGER refuse ON pulse.exposure; SELECT pulse_erase_profile('fail-user', 'ticket 7')});
ok($node->poll_query_until('postgres', q{SELECT state = 'done' AND error IS NULL AND findings = '[]' FROM pulse.erasure WHERE reason = 'ticket 5'}), 'the next run ends it');

# Cancelled: the next run goes on.
sql(q{SELECT * FROM pulse_import_events('SELECT ''cancel-user'' AS user_id, ''purchase'' AS event, now() - i * interval ''1 minute'' AS "timestamp" FROM generate_series(1, 30000) AS i')});
my $cancelled = sql(q{SELECT profile_id FROM pulse.identity WHERE value = 'cancel-user'});
sql(q{SELECT pulse_erase_profile('cancel-user', 'ticket 4')});
$node->poll_query_until('postgres', "SELECT count(*) < 30000 FROM pulse.event WHERE profile_id = $cancelled");
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'pulse: erasing people'});
ok($node->poll_query_until('postgres', q{SELECT bool_and(state = 'done') FROM pulse.erasure}), 'a cancelled run is repeated');
is(sql("SELECT count(*) FROM pulse.event WHERE profile_id = $cancelled"), '0', 'and ends');

done_testing();
