# Segments over people whose cells have people of their own: measured over all cells, the result is that of one database which has everybody.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my ($home, $other, $one) = map { start_node($_, "shared_preload_libraries = 'pulse'", 'pulse.run_jobs = off') } qw(cell_home cell_other everybody);
my $definitions = q{
	SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 30d)');
	SELECT pulse_create_segment('rich', '{"where": "spent > 100 and profile.plan != \"none\""}')};
my $people = q{SET pulse.now = '2026-03-01'; SET pulse.build_at_once = 100000;
	SELECT count(*) FROM pulse_import_events($$SELECT 'user-' || i AS user_id, 'identify' AS type, NULL::text AS event, jsonb_build_object('plan', (ARRAY['free', 'pro', 'max'])[1 + i % 3], 'age', i % 70) AS properties,
		timestamptz '2026-01-10' + i * interval '1 minute' AS "timestamp" FROM generate_series(1, 600) AS i WHERE WHERE_IT_IS
		UNION ALL SELECT 'user-' || i, 'track', (ARRAY['purchase', 'view'])[1 + i * k % 2], jsonb_build_object('total', i % 90 * k), timestamptz '2026-02-28' - i * k * interval '1 hour'
		FROM generate_series(1, 600) AS i, generate_series(1, 4) AS k WHERE WHERE_IT_IS$$)};
my %where = ($home => 'i % 2 = 0', $other => 'i % 2 = 1', $one => 'true');
for my $node ($home, $other, $one)
{
	(my $sql = $people) =~ s/WHERE_IT_IS/$where{$node}/g;
	$node->safe_psql('postgres', 'CREATE EXTENSION pulse');
	$node->safe_psql('postgres', $definitions);
	$node->safe_psql('postgres', $sql);
	$node->safe_psql('postgres', q{CREATE ROLE watcher LOGIN; SELECT pulse_grant('watcher', 'people_reader')});
}
sub source
{
	my ($name, $node, $user) = @_;
	$home->safe_psql('postgres', sprintf(q{SELECT pulse_create_source('%s', '{"host": "%s", "port": %d, "dbname": "postgres", "user": "%s", "allow_primary": true, "max_queries_per_minute": 100000}')},
		$name, $node->host, $node->port, $user));
}
source('here', $home, 'watcher');
source('there', $other, 'watcher');
my $rich = q{"where": "segment(\"rich\") or events.view.count_30d >= 2", "attributes": ["plan", "age"], "converted": "events.purchase.count_30d >= 1"};
$home->safe_psql('postgres', qq{SELECT pulse_create_segment('all cells', '{$rich, "source": ["here", "there"]}')});
$one->safe_psql('postgres', qq{SELECT pulse_create_segment('all cells', '{$rich}')});
my $taken = q{SET pulse.now = '2026-03-01'; SELECT pulse_take_snapshot('all cells') > 0};
for my $node ($home, $one) { is($node->safe_psql('postgres', $taken), 't', 'measured') }
my $result = q{SELECT s.size, s.converted, s.inactive, s.clauses, (SELECT jsonb_agg(to_jsonb(d) - '{snapshot_id,sketch}'::text[] ORDER BY d.attribute) FROM pulse.distribution AS d WHERE d.snapshot_id = s.id)
	FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'all cells' ORDER BY s.taken_at DESC LIMIT 1};
my $expected = $one->safe_psql('postgres', $result);
like($expected, qr/^\d\d+\|\d+\|\d+\|.*plan/, 'one database with everybody has a result');
is($home->safe_psql('postgres', $result), $expected, 'both cells together have the same');
is($home->safe_psql('postgres', q{SELECT string_agg(x.source || ' ' || (x.size BETWEEN 1 AND s.size - 1), ', ' ORDER BY x.source), s.overlap, s.coverage FROM pulse.snapshot AS s JOIN pulse.snapshot_source AS x ON x.snapshot_id = s.id GROUP BY s.id}),
	'here true, there true|0|1', 'each has a part, and nobody is in both');
is($home->safe_psql('postgres', q{SET pulse.now = '2026-03-01'; SELECT count(*) > 0, bool_and(profile_id IN (SELECT id FROM pulse.profile)) FROM pulse.membership WHERE segment = 'all cells'}), 't|t',
	'its members here are the people here');

# Somebody whose events went to both cells counts twice, and overlap says so.
$other->safe_psql('postgres', q{SET pulse.now = '2026-03-01'; SELECT pulse_track('user-2', 'view', '{}', at => '2026-02-20'), pulse_track('user-2', 'view', '{}', at => '2026-02-21')});
is($home->safe_psql('postgres', q{SET pulse.now = '2026-03-01 00:01'; SELECT pulse_track('user-2', 'view', '{}'), pulse_track('user-2', 'view', '{}')}) ne '', 1, 'a person in both');
$home->safe_psql('postgres', q{SET pulse.now = '2026-03-01 00:02'; SELECT pulse_take_snapshot('all cells')});
is($home->safe_psql('postgres', q{SELECT overlap, overlap_error FROM pulse.snapshot ORDER BY taken_at DESC LIMIT 1}), '1|0', 'is counted twice, which overlap says');

# What cannot be measured elsewhere is refused; a cell without the rights is named.
is(sqlstate($home, 'postgres', q{SELECT pulse_create_segment('x', '{"static": true, "source": ["here", "there"]}')}), '22023', 'a static segment has no source');
$home->safe_psql('postgres', q{SELECT pulse_create_segment('by hand', '{"static": true}')});
is(sqlstate($home, 'postgres', q{SELECT pulse_create_segment('x', '{"where": "segment(\"by hand\")", "source": ["here", "there"]}')}), '22023', 'nor has a rule that uses one');
is(sqlstate($home, 'postgres', q{SELECT pulse_create_segment('x', '{"where": "true", "source": ["here", "nowhere"]}')}), '42704', 'a source must exist');
$other->safe_psql('postgres', q{SELECT pulse_revoke('watcher')});
my (undef, undef, $error) = $home->psql('postgres', q{SET pulse.now = '2026-03-02'; SELECT pulse_take_snapshot('all cells')});
like($error, qr/permission denied .*there|there.*permission denied/s, 'a cell where the role may not read people is named');
# Definitions can be changed while a cell is down: it is not asked.
$other->stop;
is($home->safe_psql('postgres', qq{SELECT pulse_update_segment('all cells', '{$rich, "source": ["here", "there"], "allow_incomplete": true}')}), '2', 'nobody waits for a cell when a definition is changed');
is($home->safe_psql('postgres', q{SET pulse.now = '2026-03-03'; SET client_min_messages = error; SELECT pulse_take_snapshot('all cells') > 0; SELECT status, coverage > 0.4 AND coverage < 0.6 FROM pulse.snapshot ORDER BY taken_at DESC LIMIT 1}), "t\nincomplete|t",
	'and without it the snapshot says what is missing');
done_testing();
