# One segment on three servers: the union is what one server with all rows gives; servers that are down, late or refuse; keys on
# several servers; what a session, a worker, a dump and a cancel do.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $moment = '2016-03-01 02:00+00';

# The rows of a shop whose number leaves a remainder in a list.
sub shop
{
	my ($remainders) = @_;
	return qq{
	CREATE SCHEMA app;
	CREATE TABLE app.users (user_id bigint PRIMARY KEY, plan text, country text, ltv numeric, score float8, vip boolean,
		orders_30d int, last_active_at timestamptz);
	INSERT INTO app.users
	SELECT i, (ARRAY['free', 'pro', 'team', NULL])[1 + i % 4], 'country ' || i % 70, (i % 2000) / 7.0,
		CASE WHEN i % 50 = 0 THEN 'NaN' ELSE sin(i) * 1000 END, i % 3 = 0, i % 7,
		'2016-03-01'::timestamptz - (i % 40) * interval '1 day 1 microsecond'
	FROM generate_series(1, 30000) AS i WHERE i % 3 IN ($remainders);
	ANALYZE app.users;};
}
my $home = start_node('union_home', "shared_preload_libraries = 'pulse'", 'pulse.sketch_size = 1024', 'pulse.run_jobs = off', 'jit = off');
$home->safe_psql('postgres', 'CREATE EXTENSION pulse; CREATE SCHEMA bridge; CREATE EXTENSION pulse_bridge_test SCHEMA bridge;' . shop('0, 1, 2'));
my %shard;
for my $i (1 .. 3)
{
	my $node = $shard{$i} = start_node("union_shard_$i", 'jit = off');
	$node->safe_psql('postgres', 'CREATE DATABASE plain');
	$node->safe_psql('postgres', 'CREATE EXTENSION pulse;' . shop($i - 1));
	$node->safe_psql('plain', shop($i - 1));
	source("shard_$i", $node, 'postgres');
	source("plain_$i", $node, 'plain');
}

sub source
{
	my ($name, $node, $db) = @_;
	$home->safe_psql('postgres', "SELECT pulse_create_source('$name', jsonb_build_object('host', '" . $node->host . "', 'port', '" . $node->port
		  . "', 'dbname', '$db', 'user', 'postgres', 'allow_primary', true, 'connect_timeout', '5s', 'lock_timeout', '60s', 'max_queries_per_minute', 100000))");
}
sub home { return $home->safe_psql('postgres', "SET pulse.now = '$moment'; SET client_min_messages = error; $_[0]") }
sub failure { my ($sql) = @_; my ($s, $o, $err) = $home->psql('postgres', "SET pulse.now = '$moment'; $sql"); return $err }
sub create { my ($name, $body) = @_; return home("SELECT pulse_create_segment(\$\$$name\$\$, \$\${$body}\$\$)") }

my $definition = q{"from": "app.users", "where": "orders_30d > 0 && ltv < 250", "converted": "vip", "last_active": "last_active_at",
	"attributes": ["plan", "country", "ltv", "score", "vip", "orders_30d", "last_active_at"]};
my $shards = q{"source": ["shard_1", "shard_2", "shard_3"]};
create('whole', $definition);
create('union', "$shards, $definition");
create('plain', qq{"source": ["plain_1", "plain_2", "plain_3"], $definition});
create('mixed', qq{"source": ["plain_1", "shard_2", "plain_3"], $definition});
is(home(q{SELECT name, source FROM pulse.segment WHERE name = 'union'}), 'union|["shard_1", "shard_2", "shard_3"]', 'a segment on three servers');

# ---- The union is the whole ----
# All figures of the snapshots of a segment, except mean and deviation, which are compared apart.
sub figures
{
	my ($name, $moments) = @_;
	return home(qq{
		SELECT to_jsonb(s) - '{id,segment_id,source,duration_ms,plan_cost,recorded_at,coverage,overlap,overlap_error,sketch}'::text[], md5(s.sketch::text)
		FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = '$name' ORDER BY s.taken_at;
		SELECT to_jsonb(d) - '{snapshot_id,mean,stddev}'::text[], $moments FROM pulse.distribution AS d
		JOIN pulse.snapshot AS s ON s.id = d.snapshot_id JOIN pulse.segment AS g ON g.id = s.segment_id
		WHERE g.name = '$name' ORDER BY s.taken_at, d.attribute});
}
is(home(q{SELECT string_agg(segment || ' ' || status || coalesce(error, ''), ', ' ORDER BY segment) FROM pulse_take_snapshots()}),
	'mixed ok, plain ok, union ok, whole ok', 'all are measured');
my $remove = 'DELETE FROM app.users WHERE user_id % 20 < 3; UPDATE app.users SET ltv = ltv * 1.1, orders_30d = orders_30d + 1 WHERE user_id % 9 = 4';
$home->safe_psql('postgres', $remove);
for my $i (1 .. 3) { $shard{$i}->safe_psql($_, $remove) for qw(postgres plain) }
$moment = '2016-03-02 02:00+00';
home('SELECT count(*) FROM pulse_take_snapshots()');
my $whole = figures('whole', 'd.mean, d.stddev');
like($whole, qr/"size": \d{5}.*"entered": \d+/s, 'the whole is measured');
is(figures('union', 'd.mean, d.stddev'), $whole, 'three servers give the same, to the bit');
my $rough = figures('whole', '1');
is(figures($_, '1'), $rough, "$_: servers without Pulse give the same counts and sketches") for qw(plain mixed);
for my $name (qw(plain mixed))
{
	is(home(qq{SELECT count(*), count(*) FILTER (WHERE abs(a.mean - b.mean) > 1e-12 * abs(b.mean) OR abs(a.stddev - b.stddev) > 1e-12 * b.stddev)
		FROM pulse.distribution AS a JOIN pulse.snapshot AS s ON s.id = a.snapshot_id JOIN pulse.segment AS g ON g.id = s.segment_id AND g.name = '$name'
		JOIN pulse.snapshot AS t ON t.taken_at = s.taken_at JOIN pulse.segment AS h ON h.id = t.segment_id AND h.name = 'whole'
		JOIN pulse.distribution AS b ON b.snapshot_id = t.id AND b.attribute = a.attribute WHERE b.mean IS NOT NULL}),
		'8|0', "$name: and the same moments");
}
is(home(q{SELECT s.source, coverage, overlap, overlap_error > 0 FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'union' ORDER BY taken_at DESC LIMIT 1}),
	'shard_1, shard_2, shard_3|1|0|t', 'nothing is missing, and no key is on two servers');
is(home(q{SELECT count(*), sum(x.size) = max(s.size), bool_and(x.error IS NULL) FROM pulse.snapshot_source AS x JOIN pulse.snapshot AS s ON s.id = x.snapshot_id
	JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'union' AND s.taken_at = '2016-03-02 02:00+00'}), '3|t|t', 'sizes by server');
is(home(q{SELECT source, count(*) FROM pulse.source_usage WHERE purpose = 'snapshot' AND object = 'union' AND status = 'ok' GROUP BY 1 ORDER BY 1}),
	"shard_1|2\nshard_2|2\nshard_3|2", 'each visit is recorded');
like(home(q{SELECT item || ' ' || value FROM pulse_explain_segment('union')}), qr/source shard_1, shard_2, shard_3.*plan on shard_1 about.*plan on shard_3 about/s,
	'the explanation shows all servers');

# ---- Definitions ----
create('one', qq{"source": ["shard_2"], "from": "app.users"});
is(home(q{SELECT source FROM pulse.segment WHERE name = 'one'}), 'shard_2', 'a list of one is that one');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": [], "from": "app.users"}')}), qr/"source" must not be an empty list.*Give names/s, 'an empty list');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": ["shard_1", "shard_1"], "from": "app.users"}')}), qr/"shard_1" is named twice/, 'a server twice');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": ["shard_1", 2], "from": "app.users"}')}), qr/must be a list of names/, 'not a name');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": ["shard_1", "local"], "from": "app.users"}')}), qr/cannot have this database/, 'this database');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": ["shard_1", "shard_4"], "from": "app.users"}')}), qr/source "shard_4" does not exist/, 'an unknown server');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": ["shard_1", "shard_2"], "where": "country == \\"DE\\""}')}), qr/trait "country" does not exist.*needs its name: "from"/s, 'a rule without "from" is one over people');
like(failure(qq{SELECT pulse_create_segment('x', '{"source": "shard_1", "allow_incomplete": true, "from": "app.users"}')}), qr/only valid with several sources/, 'nothing to miss');
like(failure(qq{SELECT pulse_preview_segment('{$shards, "from": "app.users"}')}), qr/a preview reads one source/, 'no preview of several');
like(failure(qq{SELECT pulse_preview_segment_change('union', '{$shards, "from": "app.users"}')}), qr/a preview reads one source/, 'nor of a change');
like(failure(q{SELECT pulse_delete_source('shard_2')}), qr/segment "(one|union|mixed)"/, 'a source in use is not deleted');
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users RENAME plan TO tariff');
like(failure(qq{SELECT pulse_create_segment('x', '{$shards, "from": "app.users", "attributes": ["plan"]}')}), qr/source "shard_2": attribute "plan"/, 'a server without a column');
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users RENAME tariff TO plan; ALTER TABLE app.users ALTER ltv TYPE text');
like(failure(qq{SELECT pulse_create_segment('x', '{$shards, "from": "app.users", "attributes": ["ltv"]}')}), qr/source "shard_2": .*ltv/, 'a column of another type');
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users ALTER ltv TYPE numeric USING ltv::numeric');
is(home(q{SELECT count(*) FROM pulse.segment WHERE name = 'x'}), '0', 'nothing was created');
home(qq{SELECT pulse_update_segment('one', '{"source": ["shard_2", "shard_3"], "allow_incomplete": true, "from": "app.users"}')});
like(home(q{SELECT change FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'one' AND v.version = 2}),
	qr/source: "shard_2" → "shard_2, shard_3".*allow_incomplete/, 'a change of the servers is a version');
home(q{SELECT pulse_archive_segment('one')});

# ---- Rights ----
$home->safe_psql('postgres', q{CREATE ROLE analyst LOGIN; SELECT pulse_grant('analyst', 'operator'); GRANT USAGE ON FOREIGN SERVER shard_1, shard_3 TO analyst;
	CREATE USER MAPPING FOR analyst SERVER shard_1 OPTIONS (user 'postgres', password 'x'); CREATE USER MAPPING FOR analyst SERVER shard_2 OPTIONS (user 'postgres', password 'x')});
my $as_analyst = qq{SET ROLE analyst; SELECT pulse_create_segment('x', '{"source": ["%s", "%s"], "from": "app.users"}')};
# The servers here trust everybody, so they never ask for the password that somebody who is no superuser must give.
like(failure(sprintf $as_analyst, 'shard_1', 'shard_2'), qr/did not ask role "analyst" for a password/, 'each server asks for the password');
$home->safe_psql('postgres', q{UPDATE pulse.segment SET runs_as = 'analyst', role_oid = NULL WHERE name = 'mixed'});
like(failure(q{SET pulse.now = '2016-03-02 02:30+00'; SELECT pulse_take_snapshot('mixed')}), qr/permission denied for source "plain_1"/, 'the role of the definition needs each server');
$home->safe_psql('postgres', q{UPDATE pulse.segment SET runs_as = 'postgres', role_oid = NULL WHERE name = 'mixed'});
$home->safe_psql('postgres', q{CREATE ROLE watcher; SELECT pulse_grant('watcher', 'reader')});
is($home->safe_psql('postgres', q{SET ROLE watcher; SELECT count(*) > 0 FROM (SELECT source, size FROM pulse.snapshot_source) AS x}), 't', 'readers see sizes');
like(failure(q{SET ROLE watcher; SELECT error FROM pulse.snapshot_source}), qr/permission denied/, 'reasons may hold data');

# ---- Keys on several servers ----
create('shared', q{"source": ["shard_1", "shard_2"], "from": "app.users", "attributes": ["plan"]});
my ($one, $two) = map { $_->safe_psql('postgres', 'SELECT count(*) FROM app.users') } @shard{1, 2};
$shard{2}->safe_psql('postgres', q{INSERT INTO app.users SELECT i FROM generate_series(3, 3000, 3) AS i WHERE i % 20 >= 3});
my $more = $shard{2}->safe_psql('postgres', 'SELECT count(*) FROM app.users') - $two;
home(q{SELECT pulse_take_snapshot('shared')});
is(home(qq{SELECT s.size, abs(s.overlap - $more) < 4 * s.overlap_error, s.overlap_error BETWEEN 1 AND $more FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id
	WHERE g.name = 'shared'}), ($one + $two + $more) . '|t|t', 'each row counts, and the overlap is estimated');
is(home(qq{SET pulse.sketch_size = 1000000; SET pulse.now = '2016-03-02 03:00+00'; SELECT pulse_take_snapshot('shared') > 0;
	SELECT s.overlap, s.overlap_error FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'shared' ORDER BY s.taken_at DESC LIMIT 1}),
	"t\n$more|0", 'or counted, within the range of the sketch');
home(q{SELECT pulse_archive_segment('shared')});
$shard{2}->safe_psql('postgres', 'DELETE FROM app.users WHERE user_id % 3 = 0');

# ---- Servers at the same time; cancel ----
my $waiting = q{"query": "SELECT u.user_id, u.plan FROM pg_advisory_xact_lock_shared(7), app.users AS u", "attributes": ["plan"]};
create('slow', "$shards, $waiting");
my %blocker = map { $_ => $shard{$_}->background_psql('postgres') } 1 .. 3;
$blocker{$_}->query_safe('SELECT pg_advisory_lock(7)') for 1 .. 3;
my $held = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pulse' AND wait_event = 'advisory'};
sub take_slowly
{
	my ($out, $err) = @_;
	my $run = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-d', $home->connstr('postgres') . ' application_name=taker', '-c', "SET pulse.now = '$moment'",
			'-c', q{SELECT pulse_take_snapshot('slow') > 0} ], '>', $out, '2>', $err);
	$shard{$_}->poll_query_until('postgres', $held) or die "shard $_ never reads" for 1 .. 3;
	return $run;
}
my $run = take_slowly(\my $out, \my $err);
pass('all three are reading before one has answered');
$home->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'taker'});
$run->finish;
like($err, qr/canceling statement due to user request/, 'a cancel ends the wait');
for my $i (1 .. 3)
{
	ok($shard{$i}->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pulse'}), "and the statement on shard $i");
}
$run = take_slowly(\$out, \$err);
$blocker{$_}->query_safe('SELECT pg_advisory_unlock(7)') for 1 .. 3;
$run->finish;
like($out, qr/^t$/m, 'they end together');

# ---- Late ----
$home->safe_psql('postgres', q{ALTER SERVER shard_2 OPTIONS (ADD statement_timeout '200ms')});
$blocker{$_}->query_safe('SELECT pg_advisory_lock(7)') for 1 .. 3;
$moment = '2016-03-02 03:30+00';
like(failure(q{SELECT pulse_take_snapshot('slow')}), qr/ERROR:  source "shard_2": canceling statement due to statement timeout/, 'a server is late');
for my $i (1, 3)
{
	ok($shard{$i}->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pulse'}), "shard $i is left alone then");
}
$blocker{$_}->query_safe('SELECT pg_advisory_unlock(7)') for 1, 3;
home(qq{SELECT pulse_update_segment('slow', '{$shards, "allow_incomplete": true, $waiting}')});
$moment = '2016-03-02 04:00+00';
home(q{SELECT pulse_take_snapshot('slow')});
$blocker{2}->query_safe('SELECT pg_advisory_unlock(7)');
my $last = q{FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = '%s' ORDER BY s.taken_at DESC LIMIT 1};
sub last_of { my ($what, $name) = @_; return home("SELECT $what " . sprintf($last, $name)) }
my $known = $shard{2}->safe_psql('postgres', 'SELECT count(*) FROM app.users');
like(last_of(qq{s.status, round(s.coverage::numeric, 6) = round(s.size / (s.size + $known)::numeric, 6), s.error}, 'slow'),
	qr/^incomplete\|t\|source "shard_2": canceling statement due to statement timeout/, 'a server that is late is missing');
$_->quit for values %blocker;
$home->safe_psql('postgres', q{ALTER SERVER shard_2 OPTIONS (DROP statement_timeout)});
home(q{SELECT pulse_archive_segment(name) FROM pulse.segment WHERE name NOT IN ('whole', 'union')});

# ---- Down: by default there is no snapshot; an incomplete one is not compared ----
create('some', qq{$shards, "allow_incomplete": true, $definition});
for my $day (3 .. 9)
{
	$moment = "2016-03-0$day 02:00+00";
	home('SELECT count(*) FROM pulse_take_snapshots(); SELECT count(*) FROM pulse_check_drift()');
}
is(home('SELECT count(*) FROM pulse.incident'), '0', 'nothing has changed so far');
$shard{3}->stop;
$moment = '2016-03-10 02:00+00';
is(home(q{SELECT string_agg(segment || ' ' || status, ', ' ORDER BY segment) FROM pulse_take_snapshots()}), 'some ok, union skipped, whole ok', 'one is skipped, one incomplete');
like(failure(q{SELECT pulse_take_snapshot('union')}), qr/source "shard_3"/, 'pulse_take_snapshot() raises the error');
is(last_of(q{s.status, s.size = (SELECT sum(x.size) FROM pulse.snapshot_source AS x WHERE x.snapshot_id = s.id), s.coverage BETWEEN 0.6 AND 0.7, s.entered IS NULL, s.error ~ 'shard_3'}, 'some'), 'incomplete|t|t|t|t', 'the share that is missing is stated');
is(home(q{SELECT x.source, x.size IS NULL, x.error IS NOT NULL FROM pulse.snapshot_source AS x WHERE x.snapshot_id = (SELECT s.id } . sprintf($last, 'some') . ') ORDER BY 1'),
	"shard_1|f|f\nshard_2|f|f\nshard_3|t|t", 'by server');
home('SELECT count(*) FROM pulse_check_drift()');
is(home('SELECT count(*) FROM pulse.incident'), '0', 'a third less is no change of size');
is(home(q{SELECT state FROM pulse.segment_overview WHERE segment = 'some'}), 'incomplete', 'the overview says so');
like(failure(q{SELECT pulse_take_snapshot('some')}), qr/WARNING:.*is incomplete.*shard_3.*About 6\d %/s, 'a warning, too; the same moment is measured again');
is(home(q{SELECT count(*) FROM pulse.snapshot WHERE taken_at = '2016-03-10 02:00+00'}), '2', 'and replaced');

# A worker does the same.
my $apart = 'SET search_path = bridge, public;';
$home->safe_psql('postgres', "UPDATE pulse.snapshot SET recorded_at = taken_at; $apart TRUNCATE outcome; SELECT take_due_apart()");
my $outcome = $home->safe_psql('postgres', "$apart SELECT segment, status, error FROM outcome ORDER BY segment");
like($outcome, qr/^some\|ok\|source "shard_3".*\nunion\|skipped\|.*source "shard_3".*\nwhole\|ok\|$/, 'a worker does the same') or diag($outcome);
is($home->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'object'}), '0', 'no lock is left');
# It takes them as of now.
$home->safe_psql('postgres', q{DELETE FROM pulse.snapshot WHERE taken_at > '2020-01-01'});

# A guard rail; and all of them.
$home->safe_psql('postgres', q{ALTER SERVER shard_2 OPTIONS (SET max_queries_per_minute '0')});
$moment = '2016-03-12 02:00+00';
home(q{SELECT pulse_take_snapshot('some')});
like(last_of('s.status, s.error', 'some'), qr/^incomplete\|.*"shard_2".*max_queries_per_minute.*"shard_3"/, 'a refusal is missing, too');
$home->safe_psql('postgres', q{ALTER SERVER shard_1 OPTIONS (SET max_queries_per_minute '0')});
$moment = '2016-03-13 02:00+00';
like(failure(q{SELECT pulse_take_snapshot('some')}), qr/ERROR:.*source "shard_1"/, 'without any server there is no snapshot');
$home->safe_psql('postgres', qq{ALTER SERVER shard_$_ OPTIONS (SET max_queries_per_minute '100000')}) for 1, 2;
$shard{3}->start;
home(q{SELECT count(*) FROM pulse_take_snapshots()});
is(last_of('s.status, s.coverage, s.size = (SELECT w.size FROM pulse.snapshot AS w JOIN pulse.segment AS h ON h.id = w.segment_id WHERE h.name = $$whole$$ AND w.taken_at = s.taken_at)', $_),
	'ok|1|t', "$_ is whole again") for qw(some union);
home('SELECT count(*) FROM pulse_check_drift()');
is(home(q{SELECT count(*) FROM pulse.incident WHERE detector = 'size_change'}), '0', 'and equal to what it was');

# ---- One server changes ----
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users RENAME country TO land');
$moment = '2016-03-14 02:00+00';
home(q{SELECT pulse_take_snapshot('union')});
is(last_of('s.status, s.missing, s.error, s.columns ->> $$country$$, s.columns ->> $$land$$', 'union'),
	'ok|{"attribute country"}|attribute "country" is not a column (source "shard_2")|text (not on shard_2)|text (not on shard_1, shard_3)', 'what one server lacks is missing')
  or diag(last_of('s.status, s.missing, s.error, s.columns', 'union'));
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users RENAME land TO country; ALTER TABLE app.users RENAME orders_30d TO orders');
$moment = '2016-03-15 02:00+00';
like(home(q{SELECT string_agg(segment || ' ' || status || ' ' || error, E'\n' ORDER BY segment) FROM pulse_take_snapshots() WHERE segment <> 'whole'}),
	qr/^some failed source "shard_2": .*orders_30d.*\nunion failed source "shard_2": .*orders_30d/, 'an error of the definition fails, also where servers may be missing');
$shard{2}->safe_psql('postgres', 'ALTER TABLE app.users RENAME orders TO orders_30d');

$shard{2}->safe_psql('postgres', 'DELETE FROM app.users WHERE user_id % 10 > 0');
$moment = '2016-03-16 02:00+00';
home(q{SELECT pulse_take_snapshot('union'); SELECT count(*) FROM pulse_check_drift('union')});
my $incident = home(q{SELECT id FROM pulse.incident WHERE detector = 'size_change' AND segment = 'union'});
like($incident, qr/^\d+$/, 'one server that loses its members is an incident');
like(home("SELECT pulse_explain_incident($incident)"), qr/Only shard_2 fell: \d,\d\d\d → \d+ members.*pulse_test_source\('shard_2'\)/s, 'and the diagnosis names it')
  or diag(home("SELECT pulse_explain_incident($incident)"));
home(q{SELECT pulse_mute('source:shard_2', '1 day')});
$shard{2}->safe_psql('postgres', 'TRUNCATE app.users');
$moment = '2016-03-16 03:00+00';
home(q{SELECT pulse_take_snapshot('some'); SELECT count(*) FROM pulse_check_drift('some')});
is(home(q{SELECT count(*) FROM pulse.incident WHERE segment = 'some' AND detector = 'size_change'}), '0', 'maintenance of one server mutes the segment');

# ---- A server can answer anything ----
$shard{1}->safe_psql('postgres', 'CREATE DATABASE odd');
$shard{1}->safe_psql('odd', 'CREATE EXTENSION pulse;' . shop(0) . q{
	CREATE FUNCTION pulse.measure(text, bigint, boolean, timestamptz, text) RETURNS bytea LANGUAGE sql AS $$
		SELECT pulse.measure('{"moment": 0, "inactive_after": 0, "sketch_size": 1024, "kinds": []}', NULL::text, NULL::boolean, NULL::timestamptz) $$});
source('odd', $shard{1}, 'odd');
create('odd', '"source": "odd", "from": "app.users", "attributes": ["plan"]');
create('odd too', '"source": ["odd", "shard_1"], "from": "app.users", "attributes": ["plan"]');
like(failure("SELECT pulse_take_snapshot('$_')"), qr/other attributes were measured than were asked for/, "$_: what was not asked for is refused") for 'odd', 'odd too';

# ---- A dump ----
$home->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = $home->basedir . '/dump.sql';
system_or_bail('pg_dump', '-d', $home->connstr('postgres'), '-f', $dump);
system_or_bail('psql', '-X', '-q', '-o', "$dump.out", '-d', $home->connstr('copy'), '-f', $dump);
my $all = q{SELECT count(*), sum(size), count(error) FROM pulse.snapshot_source};
is($home->safe_psql('copy', $all), $home->safe_psql('postgres', $all), 'a copy has the servers of each snapshot');
is( $home->safe_psql('copy', q{SET pulse.now = '2016-03-17 02:00+00'; SELECT pulse_take_snapshot('union') > 0;
		SELECT s.status, s.coverage FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'union' ORDER BY taken_at DESC LIMIT 1}),
	"t\nok|1", 'and measures them');

$_->stop for values %shard;
$home->stop;
done_testing();
