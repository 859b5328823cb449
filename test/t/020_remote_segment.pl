# Segments on other servers: a standby that has Pulse and a server that has not give what this database gives; what goes wrong
# with one source leaves the others alone; nothing of this database is held while a server reads.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $moment = '2016-03-01 02:00+00';

# The same shop twice: in a database of the primary, whose standby has Pulse, and on a server that never heard of it.
my $shop = q{
	CREATE SCHEMA app;
	CREATE TABLE app.users (user_id bigint PRIMARY KEY, plan text, country text, ltv numeric, score float8, vip boolean,
		orders_30d int, last_active_at timestamptz);
	INSERT INTO app.users
	SELECT i, (ARRAY['free', 'pro', 'team', NULL])[1 + i % 4], (ARRAY['DE', 'FR', '日本'])[1 + i % 3], (i % 2000) / 7.0,
		CASE WHEN i % 50 = 0 THEN 'NaN' ELSE sin(i) * 1000 END, i % 3 = 0, i % 7,
		'2016-03-01'::timestamptz - (i % 40) * interval '1 day 1 microsecond'
	FROM generate_series(1, 20000) AS i;
	ANALYZE app.users;
};
my $primary = start_node('segment_primary', "jit = off");
$primary->safe_psql('postgres', 'CREATE DATABASE home');
$primary->safe_psql('postgres', 'CREATE DATABASE shop');
$primary->safe_psql('shop', "CREATE EXTENSION pulse; $shop");
$primary->safe_psql('home', 'CREATE EXTENSION pulse; CREATE SCHEMA bridge; CREATE EXTENSION pulse_bridge_test SCHEMA bridge;');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('segment_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
my $plain = start_node('segment_plain');
$plain->safe_psql('postgres', 'CREATE DATABASE shop');
$plain->safe_psql('shop', $shop);

sub source
{
	my ($name, $host, $port, $more) = @_;
	$primary->safe_psql('home', qq{SELECT pulse_create_source('$name', '{"host": "$host", "port": $port, "dbname": "shop",
		"user": "postgres", "max_queries_per_minute": 100000 $more}')});
}
source('replica', $standby->host, $standby->port, '');
source('elsewhere', $plain->host, $plain->port, ', "allow_primary": "true", "lock_timeout": "1min"');
my $nobody = PostgreSQL::Test::Cluster::get_free_port();
source('dead', $standby->host, $nobody, '');

sub home { return $primary->safe_psql('home', "SET pulse.now = '$moment'; $_[0]") }

# ---- A connection that is kept carries nothing of one definition into the next ----
$plain->safe_psql('shop', q{CREATE FUNCTION app.leave() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('work_mem', '77MB', false), pg_advisory_lock(77); RETURN 'process ' || pg_backend_pid(); END $$;
	CREATE FUNCTION app.found() RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'process ' || pg_backend_pid() UNION ALL
	SELECT 'state ' || (current_setting('work_mem') = '77MB') || ' ' || (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) $$});
is(home(q{BEGIN;
	CREATE TEMPORARY TABLE seen AS SELECT item FROM pulse_preview_segment('{"query": "SELECT app.leave() AS id", "source": "elsewhere", "attributes": []}') WHERE part = 'member';
	INSERT INTO seen SELECT item FROM pulse_preview_segment('{"query": "SELECT id FROM app.found() AS id", "source": "elsewhere", "attributes": []}') WHERE part = 'member';
	SELECT count(DISTINCT item) FILTER (WHERE item ~ 'process'), count(*), string_agg(item, '') FILTER (WHERE item ~ 'state') FROM seen;
	COMMIT;}), '1|3|state false 0', 'a pooled connection has no state of earlier visits');

# ---- The same definition everywhere ----
my $definition = q{"from": "app.users", "where": "orders_30d > 0 && ltv < 250", "converted": "vip", "last_active": "last_active_at",
	"attributes": ["plan", "country", "ltv", "score", "vip", "orders_30d", "last_active_at"]};
my $query = q{"query": "SELECT user_id, plan, ltv FROM app.users WHERE last_active_at > pulse_now() - interval '20 days'", "attributes": ["plan", "ltv"]};
sub create { my ($node, $db, $name, $body) = @_; $node->safe_psql($db, "SELECT pulse_create_segment(\$\$$name\$\$, \$\${$body}\$\$)") }
create($primary, 'shop', 'users', $definition);
create($primary, 'shop', 'fresh', $query);
for my $where (qw(replica elsewhere))
{
	create($primary, 'home', "users $where", qq{"source": "$where", $definition});
	create($primary, 'home', "fresh $where", qq{"source": "$where", $query});
}
is(home('SELECT name, source FROM pulse.segment ORDER BY id'),
	"users replica|replica\nfresh replica|replica\nusers elsewhere|elsewhere\nfresh elsewhere|elsewhere", 'segments on servers are created');
my $explain = home("SELECT item, value FROM pulse_explain_segment('fresh elsewhere')");
like($explain, qr/^source\|elsewhere$/m, 'explain shows the source');
like($explain, qr/^plan\|about \d+ members/m, 'explain shows the plan of the server');
unlike($explain, qr/^error/m, 'explain works on a server without pulse_now()');
is( home("SELECT value FROM pulse_explain_segment('users replica') WHERE item = 'sql'"),
	$primary->safe_psql('shop', "SELECT value FROM pulse_explain_segment('users') WHERE item = 'sql'"), 'it compiles to the same query as here');
is( home("SELECT string_agg(part || item || value || members, ' ') FROM pulse_preview_segment('{\"source\": \"elsewhere\", \"from\": \"app.users\", \"attributes\": [\"country\"]}', 1)"),
	'size20000 attributecountryFR6667 attributecountry日本6667 attributecountryDE6666', 'a preview reads the server')
  or diag(home("SELECT * FROM pulse_preview_segment('{\"source\": \"elsewhere\", \"from\": \"app.users\", \"attributes\": [\"country\"]}', 1)"));

# All figures of a snapshot except source and times; mean and deviation to ten digits.
sub snapshot
{
	my ($db, $name) = @_;
	return $primary->safe_psql($db, qq{
		SELECT to_jsonb(s) - '{id,segment_id,source,duration_ms,plan_cost,recorded_at}'::text[]
		FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = '$name' ORDER BY s.taken_at;
		SELECT to_jsonb(d) - '{snapshot_id,mean,stddev}'::text[], mean::numeric(30, 10), stddev::numeric(30, 10) FROM pulse.distribution AS d
		JOIN pulse.snapshot AS s ON s.id = d.snapshot_id JOIN pulse.segment AS g ON g.id = s.segment_id
		WHERE g.name = '$name' ORDER BY s.taken_at, d.attribute});
}
$primary->safe_psql('shop', "SET pulse.now = '$moment'; SELECT pulse_take_snapshots()");
is(home('SELECT segment, status, error FROM pulse_take_snapshots() ORDER BY segment'),
	"fresh elsewhere|ok|\nfresh replica|ok|\nusers elsewhere|ok|\nusers replica|ok|", 'all segments are measured');
for my $what (qw(users fresh))
{
	my $here = snapshot('shop', $what);
	like($here, qr/"size": \d{4,}/, "$what: measured here");
	is(snapshot('home', "$what replica"), $here, "$what: a standby gives the same");
	is(snapshot('home', "$what elsewhere"), $here, "$what: a server without Pulse gives the same");
}
is(home("SELECT string_agg(DISTINCT source, ' ') FROM pulse.snapshot"), 'elsewhere replica', 'snapshots have their source');
is(home("SELECT source, count(*) FROM pulse.source_usage WHERE purpose = 'snapshot' AND status = 'ok' GROUP BY 1 ORDER BY 1"),
	"elsewhere|2\nreplica|2", 'visits are recorded by source');

# ---- Errors of a definition are the same as for this database ----
sub failure { my ($sql) = @_; my ($s, $o, $err) = $primary->psql('home', $sql); return $err }
like(failure(q{SELECT pulse_create_segment('x', '{"source": "elsewhere", "from": "app.user"}')}),
	qr/relation "app.user" does not exist\nHINT:  Did you mean app.users\?/, 'an unknown relation');
like(failure(q{SELECT pulse_create_segment('x', '{"source": "elsewhere", "from": "app.users", "where": "ltvv > 1"}')}),
	qr/ltvv.*\n.*Did you mean ltv\?/s, 'an unknown column');
like(failure(q{SELECT pulse_create_segment('x', '{"source": "elsewhere", "from": "app.users; DROP TABLE app.users"}')}),
	qr/is not the name of a relation/, 'an invalid name');
like(failure(q{SELECT pulse_create_segment('x', '{"source": "elsewhere", "query": "SELECT nothing FROM app.users"}')}),
	qr/column "nothing" does not exist/, 'an error of the query');
like(failure(q{SELECT pulse_create_segment('x', '{"source": "elsewhere", "query": "SELEC 1"}')}), qr/syntax error/, 'a syntax error');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": "dead", $definition}')}), qr/source "dead"/, 'a server that is down: create fails');
like(failure(q{SELECT pulse_update_segment('users replica', '{"source": "dead", "from": "app.users"}')}), qr/source "dead"/, 'update fails');
is(home("SELECT count(*), max(version) FROM pulse.segment"), '4|1', 'nothing was created or changed');
home("SELECT pulse_update_segment('fresh replica', \$\${\"source\": \"elsewhere\", $query}\$\$)");
is(home("SELECT change FROM pulse.segment_version WHERE version = 2"), 'source: "replica" → "elsewhere"', 'a change of the source creates a version');

# ---- A server whose text is not UTF-8: PostgreSQL refuses to send it, and nothing of it is stored ----
$plain->safe_psql('postgres', q{CREATE DATABASE raw TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'});
$plain->safe_psql('raw', q{CREATE TABLE place AS SELECT i AS id, CASE WHEN i < 9 THEN 'Lyon' ELSE E'Orl\\xe9ans' END AS city FROM generate_series(1, 20) AS i});
source('raw', $plain->host, $plain->port, ', "allow_primary": true, "dbname": "raw"');
create($primary, 'home', 'raw', q{"source": "raw", "from": "place", "key": "id", "attributes": ["city"]});
home(q{SELECT pulse_take_snapshots()});
is(home(q{SELECT s.status, s.error_state, s.error, (SELECT count(*) FROM pulse.distribution AS d WHERE d.snapshot_id = s.id) FROM pulse.snapshot AS s
	JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'raw'}), 'failed|22021|source "raw": invalid byte sequence for encoding "UTF8": 0xe9 0x61 0x6e|0', 'text that is not UTF-8 is not stored');
home(q{SELECT pulse_delete_segment('raw', confirm => true)});

# ---- A background worker holds nothing while a server reads ----
sub answer { return $primary->safe_psql('home', "SET search_path = bridge, public; $_[0]") }
create($primary, 'home', 'slow', q{"source": "elsewhere", "attributes": ["plan"],
	"query": "SELECT u.user_id, u.plan FROM pg_advisory_xact_lock_shared(7), app.users AS u"});
home(q{SELECT pulse_archive_segment(name) FROM pulse.segment WHERE name <> 'slow'});
my $blocker = $plain->background_psql('shop');
$blocker->query_safe('SELECT pg_advisory_lock(7)');
my $run = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-d', $primary->connstr('home'), '-c', 'SELECT bridge.take_due_apart()' ],
	'>', \my $out, '2>', \my $err);
$plain->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pulse' AND wait_event = 'advisory'")
  or die 'the server never reads';
is(answer("SELECT state, xact_start IS NULL, backend_xmin IS NULL FROM pg_stat_activity WHERE backend_type = 'snapshots apart'"),
	'idle|t|t', 'no transaction is open here while a server reads');
is(answer("SELECT count(*) FROM pg_locks WHERE pid = (SELECT pid FROM pg_stat_activity WHERE backend_type = 'snapshots apart') AND locktype = 'object' AND classid = 'pulse.segment'::regclass"),
	'1', 'the lock on the segment is held');
is(home("SELECT status, error FROM pulse_take_snapshots()"), 'skipped|another session is measuring it', 'no other session measures the segment');
$blocker->query_safe('SELECT pg_advisory_unlock(7)');
$run->finish;
is($err, '', 'the worker ends without error');
is(answer('SELECT segment, status, size FROM outcome'), 'slow|ok|20000', 'the snapshot is recorded');
is(answer("SELECT count(*) FROM pg_locks WHERE locktype = 'object'"), '0', 'no lock is left');
$blocker->quit;

# ---- An unreachable source does not affect the others, and costs one time-out ----
# The history counts as measured at its time: a job does not continue a replay.
home(q{UPDATE pulse.snapshot SET recorded_at = taken_at; SELECT pulse_resume_segment(name) FROM pulse.segment; SELECT pulse_archive_segment('slow');});
$primary->safe_psql('home', qq{SELECT pulse_create_segment('here', '{"query": "SELECT 1 AS id, pulse_now() AS at", "attributes": ["at"]}');
	SELECT pulse_create_segment('broken', '{"query": "SELECT 1 / n AS id FROM bridge.number"}') FROM (SELECT) AS x WHERE false;});
$primary->safe_psql('home', qq{CREATE TABLE bridge.number AS SELECT 1 AS n;
	SELECT pulse_create_segment('broken', '{"query": "SELECT 1 / n AS id FROM bridge.number", "attributes": []}'); UPDATE bridge.number SET n = 0;});
home("UPDATE pulse.segment SET definition = jsonb_set(definition, '{source}', '\"dead\"') WHERE name IN ('users replica', 'fresh replica')");
answer('TRUNCATE outcome; SELECT take_due_apart()');
my $told = answer("SELECT segment, status, size, error FROM outcome ORDER BY segment");
unlike(slurp_file($primary->logfile), qr/you don't own a lock/, 'a lock is held until the end, also after a failure');
like($told, qr/^broken\|failed\|\|division by zero$/m, 'a local failure is recorded');
like($told, qr/^fresh elsewhere\|ok\|\d+\|$/m, 'another source is read');
like($told, qr/^users elsewhere\|ok\|\d+\|$/m, 'all segments of that source are read');
like($told, qr/^here\|ok\|1\|$/m, 'this database is read');
like($told, qr/^fresh replica\|skipped\|\|source "dead"/m, 'the unreachable source is skipped with the reason');
like($told, qr/^users replica\|skipped\|\|not tried again in this run: source "dead"/m, 'it is not tried again in the same run');
is(answer("SELECT status, object, count(*) FROM pulse.source_usage WHERE source = 'dead' AND purpose = 'snapshot' GROUP BY 1, 2"),
	'unreachable|fresh replica|1', 'it was visited once');
is(answer("SELECT count(*) FROM pulse.snapshot WHERE source = 'dead'"), '0', 'it has no snapshot');
is(answer("SELECT d.maximum FROM pulse.distribution AS d WHERE d.attribute = 'at'"), '0', 'pulse_now() is the moment of the run');
like(home("BEGIN; SET LOCAL pulse.now = '2016-03-02 01:00+00';
	SELECT string_agg(status || coalesce(error, ''), ' ' ORDER BY segment) FROM pulse_take_snapshots() WHERE segment LIKE '% replica'; ROLLBACK"),
	qr/^skippedsource "dead".* skippednot tried again/, 'pulse_take_snapshots() does the same');
like(failure(q{SELECT pulse_take_snapshot('users replica')}), qr/source "dead"/, 'pulse_take_snapshot() raises an error');

# ---- A run of many segments waits to respect max_queries_per_minute ----
$primary->safe_psql('home', q{ALTER SERVER elsewhere OPTIONS (SET max_queries_per_minute '1'); TRUNCATE pulse.source_usage, bridge.outcome;
	INSERT INTO pulse.source_usage (source, at, purpose, status, queries, rows, duration_ms)
	VALUES ('elsewhere', clock_timestamp() - interval '57 s', 'test', 'ok', 1, 0, 0);
	SELECT pulse_archive_segment(name) FROM pulse.segment; SELECT pulse_resume_segment('users elsewhere');
	DELETE FROM pulse.snapshot USING pulse.segment AS g WHERE g.id = segment_id AND g.name = 'users elsewhere' AND taken_at > '2020-01-01';});
is(failure(q{SELECT pulse_take_snapshot('users elsewhere')}) =~ /max_queries_per_minute/ ? 'refused' : 'not', 'refused', 'a session is refused');
answer('SELECT take_due_apart()');
is(answer('SELECT segment, status, size FROM outcome'), 'users elsewhere|ok|15001', 'a worker waits')
  or diag(answer('SELECT * FROM outcome'));
$primary->safe_psql('home', "ALTER SERVER elsewhere OPTIONS (SET max_queries_per_minute '100000')");

# ---- A change of the schema on the server becomes an incident here ----
home(q{SELECT pulse_archive_segment(name) FROM pulse.segment WHERE name <> 'users elsewhere'});
$moment = '2016-03-02 02:00+00';
$plain->safe_psql('shop', 'ALTER TABLE app.users RENAME COLUMN ltv TO worth');
is(home("SELECT status FROM pulse_take_snapshots()"), 'failed', 'the snapshot fails without a column of the rule');
like(home("SELECT error FROM pulse.snapshot WHERE status = 'failed' AND taken_at = '$moment' AND source = 'elsewhere'"), qr/ltv/, 'the error names the column');
$plain->safe_psql('shop', 'ALTER TABLE app.users RENAME COLUMN worth TO ltv; ALTER TABLE app.users ALTER COLUMN vip TYPE text, DROP COLUMN score, ADD COLUMN score text');
$plain->safe_psql('shop', 'ALTER TABLE app.users ALTER COLUMN vip TYPE boolean USING vip::boolean; ALTER TABLE app.users RENAME orders_30d TO orders; ALTER TABLE app.users ADD COLUMN orders_30d int; UPDATE app.users SET orders_30d = orders; ALTER TABLE app.users DROP COLUMN score, ADD COLUMN score float8');
$moment = '2016-03-03 02:00+00';
is(home("SELECT status FROM pulse_take_snapshots()"), 'ok', 'it is measured again');
home('SELECT pulse_check_drift()');
my $incident = home("SELECT id, detector FROM pulse.incident WHERE detector = 'schema_change'");
like($incident, qr/^\d+\|schema_change$/, 'a new column is an incident');
my ($id) = $incident =~ /^(\d+)/;
like(home("SELECT pulse_explain_incident($id)"), qr/orders/, 'the diagnosis names the column');

# ---- A server without a column: the snapshot does without it; a server that loses people is one cause for all its segments ----
my $orders = 'CREATE TABLE app.orders AS SELECT i AS id, i % 5 AS kind FROM generate_series(1, 5000) AS i';
$plain->safe_psql('shop', $orders);
$primary->safe_psql('home', "CREATE SCHEMA app; $orders");
home(q{SELECT pulse_archive_segment(name) FROM pulse.segment WHERE status = 'active'});
create($primary, 'home', 'far users', q{"source": "elsewhere", "from": "app.users", "where": "user_id > 0", "converted": "vip", "attributes": ["country", "plan"]});
create($primary, 'home', 'far vip', q{"source": "elsewhere", "from": "app.users", "where": "vip = true", "attributes": ["country"]});
create($primary, 'home', 'far orders', q{"source": "elsewhere", "from": "app.orders", "key": "id", "attributes": []});
create($primary, 'home', "near orders $_", qq{"from": "app.orders", "key": "id", "where": "kind < $_", "attributes": []}) for 2 .. 5;
sub day { ($moment) = @_; return home('SELECT count(*) FROM pulse_take_snapshots(); SELECT count(*) FROM pulse_check_drift()') }
day("2016-04-0$_ 02:00+00") for 1 .. 9;

$plain->safe_psql('shop', 'DELETE FROM app.users WHERE user_id % 2 = 0; DELETE FROM app.orders WHERE id % 2 = 0');
day('2016-04-10 02:00+00');
is(home(q{SELECT count(DISTINCT segment), count(DISTINCT "group"), bool_and(segment LIKE 'far%') FROM pulse_diagnose_incidents() WHERE segment LIKE '%ar %'}),
	'3|1|t', 'segments of several tables of a server are one group');
is(home(q{SELECT DISTINCT r.diagnosis ->> 'shared_cause' FROM pulse.incident_record AS r JOIN pulse.incident AS i USING (id) WHERE i.segment = 'far orders'}),
	'server elsewhere', 'it has the name of the server');

$plain->safe_psql('shop', 'ALTER TABLE app.users RENAME COLUMN country TO land');
day('2016-04-11 02:00+00');
is(home(q{SELECT g.name, s.status, s.size, s.converted IS NOT NULL, s.missing, s.error FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id
	WHERE s.missing IS NOT NULL ORDER BY 1}),
	qq{far users|ok|10000|t|{"attribute country"}|attribute "country" is not a column\nfar vip|ok|3333|f|{"attribute country"}|attribute "country" is not a column},
	'everything else is measured');
is(home(q{SELECT count(*), count(DISTINCT "group"), min(cause), max(cause) FROM pulse_diagnose_incidents() JOIN pulse.incident AS i ON i.id = incident WHERE i.detector = 'schema_change' AND i.segment LIKE 'far%'}),
	'2|1|schema_change|schema_change', 'both segments have one cause');
home(q{SELECT id FROM pulse.incident WHERE detector = 'schema_change' AND segment = 'far users'}) =~ /(\d+)/;
my $explained = home("SELECT pulse_explain_incident($1)");
like($explained, qr/column country is now called land/, 'it is named');
like($explained, qr/"name":"land"/, 'and the statement with its new name');
$plain->safe_psql('shop', 'ALTER TABLE app.users RENAME COLUMN land TO country');
day("2016-04-$_ 02:00+00") for 12 .. 15;
is(home(q{SELECT status FROM pulse.incident WHERE detector = 'schema_change' AND segment = 'far users'}), 'resolved', 'it heals when the column is back');

done_testing();
