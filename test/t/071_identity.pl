# Identity resolution with concurrent sessions: overlapping ids and merges in opposite directions never deadlock and give the same result as
# one session; a session that waited reads again; dump and restore, standby.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('identity', 'deadlock_timeout = 50ms', 'pulse.max_linked = 10000', 'wal_level = replica');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
sub sql { return $node->safe_psql('shop', @_) }
sql('CREATE EXTENSION pulse');

# ---- eight sessions, ids in any order ----
# Each event links an anonymous id and a device: the resulting people depend only on the links, not on their order.
my $links = q{
	SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'link', 'anonymousId', 'a' || a, 'context',
		jsonb_build_object('device', jsonb_build_object('id', 'd' || d)), 'properties', jsonb_build_object('a', a, 'd', d)) ORDER BY random())
		FROM (SELECT 1 + floor(random() * :most)::int AS a, 1 + floor(random() * :most)::int AS d FROM generate_series(1, :count)) AS r));
};
# Each connected component is one person: the oracle propagates the smallest number along the links until nothing changes.
my $oracle = q{
	CREATE TEMPORARY TABLE node AS SELECT DISTINCT kind, n, 0 AS root FROM (SELECT 'anonymous_id' AS kind, (properties ->> 'a')::int AS n FROM pulse.event WHERE name = 'link'
		UNION SELECT 'device_id', (properties ->> 'd')::int FROM pulse.event WHERE name = 'link') AS v;
	UPDATE node SET root = CASE kind WHEN 'anonymous_id' THEN n ELSE 1000000 + n END;
	CREATE TEMPORARY TABLE link AS SELECT DISTINCT (properties ->> 'a')::int AS a, (properties ->> 'd')::int AS d FROM pulse.event WHERE name = 'link';
	DO $$
	DECLARE changed bigint;
	BEGIN
		LOOP
			UPDATE node AS t SET root = m.root FROM (SELECT x.kind, x.n, min(y.root) AS root FROM node AS x JOIN link AS l ON x.n = CASE x.kind WHEN 'anonymous_id' THEN l.a ELSE l.d END
				JOIN node AS y ON y.kind <> x.kind AND y.n = CASE y.kind WHEN 'anonymous_id' THEN l.a ELSE l.d END GROUP BY x.kind, x.n) AS m
			WHERE t.kind = m.kind AND t.n = m.n AND m.root < t.root;
			GET DIAGNOSTICS changed = ROW_COUNT;
			EXIT WHEN changed = 0;
		END LOOP;
	END $$;
	SELECT count(DISTINCT n.root), count(DISTINCT p.canonical_id), count(DISTINCT (n.root, p.canonical_id))
	FROM node AS n JOIN pulse.identity AS i ON i.kind = n.kind AND i.value = left(n.kind, 1) || n.n JOIN pulse.profile AS p ON p.id = i.profile_id;
};
my %kinds = (few => [ 6, 3 ], many => [ 400, 4 ]);
for my $evaluation ('sync', 'async')
{
	for my $kind (sort keys %kinds)
	{
		my ($most, $count) = @{ $kinds{$kind} };
		sql('TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.event');
		(my $script = $links) =~ s/:most/$most/g;
		$script =~ s/:count/$count/g;
		$node->pgbench(
			'--no-vacuum --client=8 --jobs=2 --transactions=40 shop',
			0, [qr/320\/320/], [qr/^$/],
			"eight sessions link $kind ids ($evaluation)",
			{ "links_${kind}_$evaluation" => "SET pulse.evaluation = '$evaluation';\n$script" });
		my ($expected, $people, $pairs) = split /\|/, sql($oracle);
		is("$people $pairs", "$expected $expected", "each component is one person: $expected");
		is(sql('SELECT count(*) FROM pulse.profile AS p JOIN pulse.profile AS c ON c.id = p.canonical_id WHERE c.canonical_id <> c.id'), 0, 'no chains');
		is(sql('SELECT (SELECT count(*) FROM pulse.event) = 320 * ' . $count), 't', 'every event is stored');
		is( sql(q{SELECT count(*) FROM pulse.event AS e JOIN pulse.identity AS i ON i.kind = 'device_id' AND i.value = 'd' || (e.properties ->> 'd') WHERE e.profile_id <> i.profile_id}),
			0, 'each event has the profile of its id with the highest priority');
		is(sql('SELECT count(*) FROM pulse.merge_history') + sql('SELECT count(*) FROM pulse.profile WHERE id = canonical_id'), sql('SELECT count(*) FROM pulse.profile'),
			'there is one merge for each merged profile');
	}
}

# Merges in opposite directions and undoing: some are refused, none deadlock.
sql('TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.event');
sql(q{SELECT count(*) FROM generate_series(1, 5) AS i, LATERAL (SELECT pulse_identify('u' || i, jsonb_build_object('k' || i, i))) AS made; CREATE TABLE refused (state text, message text)});
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=30 shop',
	0, [qr/240\/240/], [qr/^$/],
	'eight sessions merge and take apart',
	{   'merges' => q{
		\set a random(1, 5)
		\set b random(1, 5)
		DO $$ BEGIN PERFORM pulse_merge('u:a', 'u:b', 'test'); EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;
		DO $$ BEGIN PERFORM pulse_unmerge((SELECT id FROM pulse.merge_history WHERE undone_at IS NULL ORDER BY random() LIMIT 1), 'test');
			EXCEPTION WHEN object_not_in_prerequisite_state OR null_value_not_allowed OR invalid_parameter_value THEN NULL; END $$;
		}
	});
# After undoing all remaining merges, everybody is as in the beginning.
sql(q{DO $$ DECLARE m bigint; BEGIN LOOP
	SELECT max(id) INTO m FROM pulse.merge_history WHERE undone_at IS NULL; EXIT WHEN m IS NULL; PERFORM pulse_unmerge(m, 'test'); END LOOP; END $$});
is(sql(q{SELECT string_agg(i.value || ' ' || p.attributes, ', ' ORDER BY i.value) FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id WHERE p.canonical_id = p.id}),
	join(', ', map { qq(u$_ {"k$_": $_}) } 1 .. 5), 'after undoing all merges, everybody has their own attributes');

# ---- a session that waited reads again ----
my $holder = $node->background_psql('shop');
# Runs `held` in an open transaction and `waiting` in another session, which must wait; then ends the first and returns the output of the second.
sub collide
{
	my ($held, $waiting, $end, $options) = @_;
	$holder->query_safe("BEGIN; $held");
	my ($in, $out, $err) = ('', '', '');
	local $ENV{PGOPTIONS} = "$ENV{PGOPTIONS} " . ($options // '');
	my $session = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('shop') . ' application_name=waiting', '-c', $waiting ], '<', \$in, '>', \$out, '2>', \$err);
	ok($node->poll_query_until('shop', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'waiting' AND wait_event_type = 'Lock')}), 'the second waits');
	$holder->query_safe($end);
	$session->finish;
	return $out . $err;
}
sub ids { my ($id) = @_; return join(', ', map { qq("$_": "$id->{$_}") } sort keys %$id); }
sub event { my ($id) = @_; return sprintf(q|SELECT status FROM pulse_ingest('{"type": "track", "event": "e", %s}')|, ids($id)); }
sub device { my ($anonymous, $device) = @_; return qq{SELECT status FROM pulse_ingest('{"type": "track", "event": "e", "anonymousId": "$anonymous", "context": {"device": {"id": "$device"}}}')}; }
sub person { my ($id) = @_; return sql("SELECT pulse_profile('$id') ->> 'profile_id'"); }

sql(event({ userId => 'p1' }));
sql(event({ anonymousId => 'p2' }));
is(collide(event({ userId => 'p1', anonymousId => 'p2' }), device('p2', 'p9'), 'COMMIT'), "accepted\n", 'an id is attached to a person that was just merged');
is(person('p9'), person('p1'), 'the id belongs to the survivor');
is(collide(event({ anonymousId => 'n1' }), event({ anonymousId => 'n1', userId => 'n2' }), 'COMMIT'), "accepted\n", 'two sessions create the same id');
is(person('n1'), person('n2'), 'both ids belong to one person');
is(sql(q{SELECT count(*) FROM pulse.merge_history WHERE merged_id IN (SELECT profile_id FROM pulse.identity WHERE value IN ('n1', 'n2'))}), 0, 'no merge was needed');
is(collide(event({ anonymousId => 'n3' }), event({ anonymousId => 'n3', userId => 'n4' }), 'ROLLBACK'), "accepted\n", 'the first session is rolled back');
is(sql(q{SELECT bucketing_id FROM pulse.person WHERE user_id = 'n4'}), 'n4', 'the second creates the person, with the user id for buckets');
sql(event({ userId => "q$_" })) for 1 .. 3;
sql(event({ anonymousId => "r$_" })) for 1 .. 3;
is(collide("SELECT pulse_merge('r1', 'r2', 'test')", "SELECT pulse_merge('r2', 'r3', 'test') IS NOT NULL", 'COMMIT'), "t\n", 'two sessions merge a chain of people');
is(sql(q{SELECT count(DISTINCT p.canonical_id) FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id WHERE i.value LIKE 'r_'}), 1, 'the chain is one person');
is(sql('SELECT count(*) FROM pulse.profile AS p JOIN pulse.profile AS c ON c.id = p.canonical_id WHERE c.canonical_id <> c.id'), 0, 'canonical ids do not form chains');
like(collide(event({ anonymousId => 'n5' }), event({ anonymousId => 'n5', userId => 'n6' }), 'COMMIT', '-c default_transaction_isolation=repeatable\ read'),
	qr/could not serialize access/, 'a transaction that cannot read newer data fails');
like(collide("SELECT pulse_merge('q1', 'q2', 'test')", "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pulse_merge('q2', 'q3', 'test'); COMMIT", 'COMMIT'),
	qr/could not serialize access/, 'pulse_merge() fails likewise');
# Limits apply although neither session sees the other's new address.
sql(event({ userId => 'lim' }));
sql(qq{SELECT pulse_identify('lim', '{"email": "lim$_\@example.com"}')}) for 1 .. 4;
like(collide(q{SELECT pulse_identify('lim', '{"email": "lim5@example.com"}')}, q{SELECT detail FROM pulse_ingest('{"type": "identify", "userId": "lim", "traits": {"email": "lim6@example.com"}}')}, 'COMMIT'),
	qr/email lim6\@example.com was not added: email allows 5 values/, 'the sixth address is not added');
# Two people are unmerged while another session waits to change one of them.
sql(q{SELECT pulse_identify('s1', '{"k": 1}'); SELECT pulse_identify('s2', '{"k": 2}'); SELECT pulse_merge('s1', 's2', 'test')});
my $merge = sql('SELECT max(id) FROM pulse.merge_history');
is(collide("SELECT pulse_unmerge($merge, 'test')", q{SELECT status FROM pulse_ingest('[{"type": "identify", "userId": "s2", "traits": {"secret": 2}}]')}, 'COMMIT'), "accepted\n",
	'two people are unmerged while a session waits for one of them');
is(sql(q{SELECT string_agg(pulse_profile(u) ->> 'attributes', ' ' ORDER BY u) FROM (VALUES ('s1'), ('s2')) AS v (u)}), '{"k": 1} {"k": 2, "secret": 2}', 'the change affects only one of them');
# Joining an account and changing it wait for each other.
sql(q{SELECT pulse_group('t0', 'team', '{"plan": "free"}')});
collide(q{SELECT pulse_group('t1', 'team')}, q{SELECT pulse_group('t2', 'team', '{"plan": "enterprise"}')}, 'COMMIT');
is(sql(q{SELECT count(*) FROM pulse.profile AS p JOIN pulse.account AS a ON a.id = p.account_id WHERE a.key = 'team' AND a.attributes ->> 'plan' = 'enterprise'}), 3, 'the change sees the new member');
# A partition that another session created after the snapshot.
$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pulse.event');
sql(q{SELECT pulse_track('x1', 'e', at => '2004-02-01')});
like($holder->query_safe(q{SELECT pulse_track('x2', 'e', at => '2004-02-02') > 0; COMMIT}), qr/^t/, 'the new partition is found despite the old snapshot');
$holder->quit;

unlike(slurp_file($node->logfile), qr/deadlock detected/, 'there was no deadlock');

# ---- a dump ----
sql(q{SELECT pulse_set_identity_kind('email', max_values => 7); SELECT pulse_set_identity_kind('card', 'lower')});
my $whole = q{SELECT string_agg(pulse_profile('profile:' || p.id)::text, E'\n' ORDER BY p.id) FROM pulse.profile AS p WHERE p.canonical_id = p.id};
my $before = sql("SET pulse.now = '2100-01-01'; $whole");
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-f', "$dir/shop.sql", 'shop' ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/shop.sql", 'copy' ], 'restore');
is($node->safe_psql('copy', "SET pulse.now = '2100-01-01'; $whole"), $before, 'all people are restored');
is($node->safe_psql('copy', q{SELECT string_agg(kind || ' ' || max_values, ', ' ORDER BY priority DESC, kind) FROM pulse.identity_kind}),
	'user_id 1, email 7, phone 5, card 0, device_id 0, anonymous_id 0', 'changed kinds of ids are restored');
$node->safe_psql('copy', q{SELECT pulse_unmerge(max(id), 'in the copy') FROM pulse.merge_history WHERE undone_at IS NULL;
	SELECT pulse_identify('new one'); SELECT pulse_merge('new one', 'p1', 'in the copy')});
is($node->safe_psql('copy', q{SELECT reason FROM pulse.merge_history ORDER BY id DESC LIMIT 1}), 'in the copy', 'merging continues in the copy');

# ---- a standby ----
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('identity_standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
is($standby->safe_psql('shop', "SET pulse.now = '2100-01-01'; $whole"), $before, 'a standby returns the same');
is($standby->safe_psql('shop', q{SELECT count(*) > 0 FROM pulse_search_profiles('p')}), 't', 'a standby finds people');
like($standby->safe_psql('shop', q{SELECT pulse_simulate_merge('p1', 'q3') ->> 'refused'}), qr/user_id allows 1 value/, 'a standby simulates merges');
is(sqlstate($standby, 'shop', q{SELECT pulse_merge('p1', 'q3', 'test')}), '25006', 'a standby refuses merges');
sql(event({ anonymousId => 'p2', userId => 'p1' }));
sql(q{SELECT pulse_merge('p1', 'q3', 'test'); SELECT pulse_set_identity_kind('user_id', 'trim', priority => 200)});
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', q{SELECT pulse_profile('q3') ->> 'profile_id' = pulse_profile('p2') ->> 'profile_id'}), 't', 'a standby replays merges');

done_testing();
