# Months of events are on another server, which is down, hangs and comes back: events, merges and definitions never wait for it, people whose
# traits depend on archived events keep them meanwhile, and in the end everything is as in a database where nothing was archived.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $archive = start_node('event_archive');
my $node = start_node('event_archive_live', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20');
$node->safe_psql('postgres', 'CREATE DATABASE home; CREATE DATABASE twin');
sub sql { my ($db, $text) = @_; return $node->safe_psql($db, "SET client_min_messages = warning; $text"); }
sub home { return sql('home', $_[0]); }
# In both, and promptly: what waits for the archive fails.
sub both { my ($text) = @_; sql($_, "SET statement_timeout = '20s'; $text") for qw(home twin); return; }
sub wait_for { my ($what, $name) = @_; return ok($node->poll_query_until('home', $what), $name) || diag(home('SELECT * FROM pulse.archive_wait LIMIT 5'), home(q{SELECT j.name, r.status, r.error FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id ORDER BY r.id DESC LIMIT 5})); }

# ---- the same people, events and definitions in both ----
both(q{
	CREATE EXTENSION pulse;
	SELECT pulse_unschedule('seal_audit'), pulse_unschedule('signal_health');
	CREATE TABLE clock AS SELECT date_trunc('hour', now()) - interval '17 minutes' AS at;
	-- Whatever is random is so by the number alone.
	CREATE FUNCTION dice(i bigint, what text, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (abs(hashtextextended(what, i)) % sides)::int $$;
	CREATE FUNCTION events(first int, last int, hours int) RETURNS TABLE (user_id text, anonymous_id text, event text, properties jsonb, "timestamp" timestamptz, message_id text)
	LANGUAGE sql STABLE AS $$
		SELECT CASE WHEN dice(i, 'known', 5) > 0 THEN 'u' || dice(i, 'user', 60) END, CASE WHEN dice(i, 'known', 5) = 0 THEN 'a' || dice(i, 'user', 60) END,
			(ARRAY['buy', 'view', 'open', 'return'])[1 + dice(i, 'event', 4)],
			jsonb_build_object('amount', dice(i, 'amount', 100), 'kind', 'k' || dice(i, 'kind', 6)),
			(SELECT at FROM clock) - dice(i, 'hours', hours) * interval '1 hour' - i * interval '1 second', 'm' || i
		FROM generate_series(first, last) AS i $$;
});
my %traits = (
	buys => 'events.buy.count', total => 'events.buy.sum(amount)', mean => 'events.buy.avg(amount)', least => 'events.buy.min(amount)', most => 'events.buy.max(amount)', middle => 'events.buy.p50(amount)',
	high => 'events.buy.p95(amount)', kinds => 'events.buy.distinct(kind)', all_kinds => 'events.view.list(kind)', first_kind => 'events.buy.first(kind)', last_kind => 'events.return.last(kind)',
	usual => 'events.open.mode(kind)', days => 'events.open.unique_days', since => 'events.*.first_seen', seen => 'events.return.last_seen', recent => 'events.buy.count(30d)',
	dear => 'events.buy{amount > 50}.sum(amount, 200d)', once => 'events.buy{kind == "k1"}.exists', path => 'sequence(events.view -> events.buy{kind == $.kind})',
	back => 'sequence(events.buy -> within 10d events.return)', stayed => 'sequence(events.buy -> within 30d no events.return)', lately => 'sequence(events.view -> events.buy, in 20d)');
both("SELECT pulse_create_trait('$_', '$traits{$_}')") for sort keys %traits;
my %segments = (
	spenders => 'events.buy.sum(amount) > 400', varied => 'events.buy.distinct(kind) >= 4', fresh => 'events.buy.count(30d) >= 1', mixed => 'events.buy.distinct(kind) >= 3 && events.view.count(60d) >= 1',
	returners => 'sequence(events.buy -> events.return)', quiet => 'events.*.count(60d) == 0', first_k2 => 'events.buy.first(kind) == "k2"');
for (sort keys %segments)
{
	my $rule = $segments{$_} =~ s/"/\\"/gr;
	both(qq{SELECT pulse_create_segment('$_', '{"where": "$rule"}')});
}
both(q{SELECT accepted FROM pulse_import_events('SELECT * FROM events(1, 4000, 10000)')});
sub settled { my ($db) = @_; return $node->poll_query_until($db, q{SELECT NOT EXISTS (SELECT FROM pulse.dirty) AND NOT EXISTS (SELECT FROM pulse.archive_wait) AND NOT EXISTS (SELECT FROM pulse.build)}); }
# What is stored, by names: nothing is evaluated for the question.
sub stored
{
	my ($db) = @_;
	settled($db) or diag("$db does not settle");
	sql($db, 'SELECT pulse_run_pipeline()');
	return sql($db, q{
		WITH who AS (SELECT p.canonical_id AS id, min(i.kind || ':' || i.value COLLATE "C") AS name FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id GROUP BY 1)
		SELECT w.name, 'member', s.name, '' FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id JOIN who AS w ON w.id = m.profile_id
		UNION ALL SELECT w.name, 'metric', m.text, e.value ->> 0 FROM pulse.profile_state AS s CROSS JOIN LATERAL jsonb_each(s.metrics) AS e JOIN pulse.metric AS m ON m.id = e.key::bigint
			JOIN who AS w ON w.id = s.profile_id
		ORDER BY 1, 2, 3});
}
sub asked
{
	my ($db) = @_;
	return sql($db, q{
		WITH who AS (SELECT p.canonical_id AS id, min(i.kind || ':' || i.value COLLATE "C") AS name FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id GROUP BY 1)
		SELECT w.name, t.key, t.value FROM who AS w CROSS JOIN LATERAL pulse.evaluate_traits(w.id) AS t
		UNION ALL SELECT w.name, m.segment, '1' FROM pulse.membership AS m JOIN who AS w ON w.id = m.profile_id ORDER BY 1, 2});
}
sub same { my ($name) = @_; is(stored('home'), stored('twin'), "$name: what is stored is the same"); is(asked('home'), asked('twin'), "$name: and what is asked for"); return; }
same('before anything is archived');

# ---- eight months go to the archive ----
my ($host, $port, $user) = ($archive->host, $archive->port, home('SELECT current_user'));
home(qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER attic FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres', connect_timeout '2');
	CREATE USER MAPPING FOR CURRENT_USER SERVER attic OPTIONS (user '$user', password_required 'false')});
home(q{SELECT pulse_schedule('archive_events', '1 second', retry_delay => '1 second', max_retries => 100)});
home(q{SELECT pulse_archive_events(m::date, 'attic') FROM generate_series(date_trunc('month', now(), 'UTC') - interval '12 months', date_trunc('month', now(), 'UTC') - interval '5 months', interval '1 month') AS m});
wait_for(q{SELECT count(*) = 8 FROM pulse.event_archive WHERE state = 'archived'}, 'eight months move to the archive') or diag(home('TABLE pulse.event_archive'));
cmp_ok(home('SELECT count(*) FROM pulse.event WHERE archived'), '>', 1000, 'events are on the archive');
same('archived');

# ---- the archive is down ----
$archive->stop('immediate');
my $changes = home('SELECT coalesce(max(id), 0) FROM pulse.membership_change');
# New events, late ones for archived months, many people in one call and one in each; merges by events and by hand; all of it by the clock of the twin.
both(q{SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(to_jsonb(e) - 'user_id' - 'anonymous_id' - 'message_id' || jsonb_strip_nulls(jsonb_build_object('userId', e.user_id, 'anonymousId', e.anonymous_id, 'messageId', e.message_id, 'type', 'track')))
	FROM events(5001, 5400, 24) AS e))});
both(q{SELECT pulse_track('u' || i, 'buy', jsonb_build_object('amount', i, 'kind', 'k' || i % 6), at + i * interval '1 second') FROM clock, generate_series(1, 20) AS i});
both(q{SELECT accepted FROM pulse_import_events('SELECT * FROM events(6001, 6400, 10000)')});
both(q{SET pulse.evaluation = async; SELECT pulse_track('u' || i, 'view', jsonb_build_object('kind', 'k' || i % 6), at + i * interval '2 seconds') FROM clock, generate_series(10, 30) AS i});
both(qq{SELECT pulse_identify('u$_', '{}', 'a$_', at + interval '1 minute') FROM clock}) for 1 .. 15;
both("SELECT pulse_merge('u$_', 'u" . ($_ + 20) . "', 'the same person')") for 21 .. 26;
both(q{SELECT pulse_unmerge((SELECT max(merge) FROM pulse_merge_history('u22') WHERE undone_at IS NULL), 'not the same person')});
pass('events, merges and unmerges do not wait');
wait_for('SELECT count(*) > 20 FROM pulse.archive_wait', 'people wait for their archived events');
wait_for('SELECT count(*) > 0 FROM pulse.archive_wait WHERE attempts > 0 AND message IS NOT NULL', 'with the reason');
is(home("SELECT count(*) FROM pulse.membership_change AS c JOIN pulse.archive_wait AS w ON w.profile_id = c.profile_id JOIN pulse.segment AS s ON s.id = c.segment_id
	WHERE c.id > $changes AND c.change = 'exited' AND c.cause <> 'merge' AND s.name IN ('spenders', 'varied', 'returners')"), 0, 'nobody who waits has left a segment');
like(home(q{SELECT state || ' ' || value FROM pulse_status() WHERE item = 'people who wait for an archive'}), qr/^degraded [0-9]+$/, 'the status says so');
is(home(q{SET statement_timeout = '10s'; SELECT count(*) > 0 FROM pulse.archive_wait AS w CROSS JOIN LATERAL (SELECT FROM pulse.evaluate_segments(w.profile_id, false) UNION ALL SELECT) AS e}), 't', 'their current segments are answered without it');
my ($status, $out, $error) = $node->psql('home', q{SET statement_timeout = '20s'; SELECT count(*) FROM pulse.event});
isnt($status, 0, 'a question over all events fails while it is down');
like($error, qr/could not connect to server "attic"/, 'and says why');

# ---- a definition over all times ----
both(q{SELECT pulse_create_segment('loyal', '{"where": "events.buy.count >= 6 && events.buy.distinct(kind) >= 3"}')});
is(home(q{SELECT count(*) FROM pulse.build WHERE name = 'loyal'}), 1, 'a new segment over archived events is being built');
($status, $out, $error) = $node->psql('home', 'CALL pulse_build()');
like($error, qr/the build waits for an archive/, 'and cannot be completed by hand');
both(q{SELECT pulse_track('u' || i, 'buy', '{"amount": 1, "kind": "k0"}', at + interval '3 minutes' + i * interval '1 second') FROM clock, generate_series(1, 60) AS i});

# ---- it comes back ----
$archive->start;
wait_for('SELECT NOT EXISTS (SELECT FROM pulse.archive_wait) AND NOT EXISTS (SELECT FROM pulse.build)', 'when the archive is back, nobody waits');
is(home('SELECT count(*) FROM pulse.event_recalled'), 0, 'and nothing of it is left here');
same('after the outage');

# ---- it hangs ----
my $lock = $archive->background_psql('postgres');
$lock->query_safe('BEGIN; ' . join '; ', map { "LOCK TABLE $_" } split /\n/, $archive->safe_psql('postgres', q{SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'pulse%' AND c.relkind = 'r'}));
both(q{SELECT pulse_track('u' || i, 'buy', jsonb_build_object('amount', i, 'kind', 'k5'), at + interval '5 minutes' + i * interval '1 second') FROM clock, generate_series(1, 40) AS i});
ok($archive->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'the job waits for the archive');
is(home(q{SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE a.query LIKE '%archived events%' AND l.relation IN ('pulse.event'::regclass, 'pulse.definition'::regclass, 'pulse.profile'::regclass)}), 0,
	'without a lock that others need');
both(q{SELECT pulse_track('u' || i, 'return', jsonb_build_object('kind', 'k4'), at + interval '7 minutes' + i * interval '1 second') FROM clock, generate_series(1, 40) AS i});
both(q{SELECT pulse_merge('u3', 'u50', 'the same person')});
both(q{SELECT pulse_create_trait('returns', 'events.return.distinct(kind)')});
pass('and nobody waits with it');
$lock->query_safe('COMMIT');
$lock->quit;
same('after it hung');

# ---- people are erased while it is down ----
sub there { return $archive->safe_psql('postgres', $_[0]); }
my $tables = there(q{SELECT string_agg(format('SELECT profile_id FROM %I.%I', n.nspname, c.relname), ' UNION ALL ') FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname LIKE 'pulse%' AND c.relkind = 'r'});
my $profiles = home(q{SELECT string_agg(p.id::text, ',') FROM pulse.profile AS p WHERE p.canonical_id = (SELECT q.canonical_id FROM pulse.identity AS i JOIN pulse.profile AS q ON q.id = i.profile_id WHERE i.kind = 'user_id' AND i.value = 'u7')});
my $there = "SELECT count(*) FROM ($tables) AS e WHERE profile_id IN ($profiles)";
cmp_ok(there($there), '>', 0, 'somebody has events on the archive');
my $others = there("SELECT count(*) FROM ($tables) AS e WHERE profile_id NOT IN ($profiles)");
$archive->stop('immediate');
both(q{SELECT pulse_track('u7', 'buy', '{"amount": 5, "kind": "k5"}', at + interval '9 minutes') FROM clock});
both(q{SELECT pulse_erase_profile('u7', 'ticket 7')});
both(q{SELECT pulse_track('u8', 'buy', '{"amount": 5, "kind": "k5"}', at + interval '9 minutes') FROM clock});
wait_for(q{SELECT count(*) > 0 AND bool_and(message IS NOT NULL) FROM pulse.archive_erasure WHERE attempts > 0}, 'what is to be deleted there waits, with the reason');
wait_for(q{SELECT count(*) = 1 FROM pulse.erasure WHERE state = 'verifying'}, 'all else of the person is deleted');
is(home("SELECT count(*) FROM pulse.event WHERE NOT archived AND profile_id IN ($profiles)"), '0', 'all events here among it');
is(home("SELECT count(*) FROM pulse.archive_wait WHERE profile_id IN ($profiles)"), '0', 'who is erased does not wait');
like(home(q{SELECT state || ' ' || value FROM pulse_status() WHERE item = 'erasures on archives'}), qr/^degraded 1$/, 'the status says so');
$archive->start;
is(there($there), '0', 'it is deleted there') if wait_for(q{SELECT count(*) = 1 FROM pulse.erasure WHERE state = 'done'}, 'the erasure ends when the archive is back');
is(there("SELECT count(*) FROM ($tables) AS e WHERE profile_id NOT IN ($profiles)"), $others, 'and nothing of others');
is(home('SELECT count(*) FROM pulse.archive_erasure'), '0', 'nothing is left to delete');
is(home(q{SELECT findings FROM pulse.erasure}), '[]', 'and nothing is found');
is(home(q{SELECT sum(rows) FROM pulse.event_archive}), home('SELECT count(*) FROM pulse.event WHERE archived'), 'so does the archive');
$node->poll_query_until('twin', q{SELECT count(*) = 1 FROM pulse.erasure WHERE state = 'done'});
is(home(q{SELECT rows ->> 'event' FROM pulse.erasure}), sql('twin', q{SELECT rows ->> 'event' FROM pulse.erasure}), 'as many as where nothing is archived');
same('after the erasure');

# ---- a month comes back ----
home(q{SELECT pulse_restore_events((SELECT max(month) FROM pulse.event_archive))});
wait_for(q{SELECT count(*) = 7 FROM pulse.event_archive WHERE state = 'archived'}, 'a month comes back');
both(q{SELECT pulse_track('u' || i, 'open', jsonb_build_object('kind', 'k4'), at + interval '11 minutes' + i * interval '1 second') FROM clock, generate_series(8, 60) AS i});
same('after a month came back');
done_testing();
