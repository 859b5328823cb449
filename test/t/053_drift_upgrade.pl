# What an earlier version left - incidents that were open for months, pins, maintenance windows - is restored into this one, in tables
# that had no column for what settles: what lasts settles, everything else stays as it was.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('drift_upgrade');
my $dir = PostgreSQL::Test::Utils::tempdir();

# 70 days as the earlier version knew them. Each incident is as it left one after the same days.
$node->safe_psql('postgres', 'CREATE DATABASE earlier');
$node->safe_psql('earlier', q{
	CREATE EXTENSION pulse;
	ALTER TABLE pulse.incident_record DROP COLUMN settled, DROP COLUMN steady_count, DROP COLUMN worst_change;
	SET timezone = 'UTC';
	SET pulse.now = '2016-01-01';
	CREATE SCHEMA app;
	CREATE TABLE app.users (id bigint PRIMARY KEY, plan text);
	-- The size and the conversion rate of a segment from a day on, and the share of its members with the plan free.
	CREATE TABLE app.level (segment text, day int, size float8, rate float8 DEFAULT 0.15, free float8 DEFAULT 0.5);
	INSERT INTO app.level (segment, day, size) VALUES
		('fell', 1, 10000), ('fell', 10, 6000), ('outlived', 1, 10000), ('outlived', 10, 6000), ('acknowledged', 1, 10000), ('acknowledged', 30, 6000), ('rose', 1, 10000), ('eroded long ago', 1, 10000), ('eroded long ago', 10, 8000), ('rose', 30, 15000),
		('ignored', 1, 10000), ('ignored', 10, 6000), ('ignored until summer', 1, 10000), ('ignored until summer', 10, 6000),
		('passed', 1, 10000), ('passed', 20, 6000), ('passed', 25, 10000), ('new normal', 1, 10000), ('new normal', 20, 6000),
		('resolved by a person', 1, 10000), ('resolved by a person', 20, 6000), ('resolved by a person', 25, 10000),
		('pinned', 1, 10000), ('pinned', 10, 6000), ('pinned and quiet', 1, 10000), ('mended', 1, 10000), ('mended', 20, 6000), ('mended', 25, 10000),
		('muted', 1, 10000), ('muted', 66, 6000), ('empty', 1, 10000), ('empty', 50, 0), ('too small', 1, 6000), ('over', 1, 10000), ('over', 30, 6000), ('over', 70, 10000);
	INSERT INTO app.level VALUES ('converts', 1, 10000, 0.15, 0.5), ('converts', 20, 10000, 0.08, 0.5), ('shifted', 1, 10000, 0.15, 0.5), ('shifted', 20, 10000, 0.15, 0.2);
	INSERT INTO app.level (segment, day, size) SELECT 'eroded', d, 10000 - 2500 * greatest(0, d - 30) / 30 FROM generate_series(1, 60) AS d;
	INSERT INTO app.level (segment, day, size) SELECT 'quiet ' || i, 1, 10 ^ (2 + i % 4) FROM generate_series(1, 20) AS i;
	SELECT pulse_create_segment(segment, '{"from": "app.users", "key": "id", "attributes": ["plan"]}',
		baseline => CASE segment WHEN 'too small' THEN '{"expectedSize": {"min": 8000}}' END::jsonb) FROM (SELECT DISTINCT segment FROM app.level ORDER BY 1) AS s;
	-- Snapshots of the days as they would be measured: a little noise; some segments have weekends, some grow.
	CREATE FUNCTION app.measure(first int, last int) RETURNS void LANGUAGE sql AS $$
		WITH day AS (
			SELECT g.id, d, l.rate, l.free, round(l.size * (1 + 0.02 * sin(d * d * 1.7 + g.id)) * CASE WHEN g.name LIKE 'quiet %1' AND d % 7 IN (2, 3) THEN 0.6 ELSE 1 END
				* CASE WHEN g.name LIKE 'quiet %2' THEN 1.005 ^ d ELSE 1 END)::bigint AS size
			FROM pulse.segment AS g CROSS JOIN generate_series(first, last) AS d
			CROSS JOIN LATERAL (SELECT * FROM app.level WHERE segment = g.name AND day <= d ORDER BY day DESC LIMIT 1) AS l),
		s AS (INSERT INTO pulse.snapshot (segment_id, taken_at, version, size, converted, entered, exited)
			SELECT id, '2015-12-31 02:00+00'::timestamptz + d * interval '1 day', 1, size, round(size * rate), size / 20, size / 20 FROM day RETURNING id, segment_id, taken_at)
		INSERT INTO pulse.distribution (snapshot_id, attribute, kind, total, nulls, labels, counts)
		SELECT s.id, 'plan', 'categorical', size, 0, '{free,paid}', ARRAY[round(size * free)::bigint, size - round(size * free)::bigint]
		FROM s JOIN day ON day.id = s.segment_id AND s.taken_at = '2015-12-31 02:00+00'::timestamptz + d * interval '1 day';
	$$;
	SELECT app.measure(1, 70);
	CREATE FUNCTION app.at(day int) RETURNS timestamptz LANGUAGE sql AS $$SELECT '2015-12-31 02:00+00'::timestamptz + day * interval '1 day'$$;
	CREATE FUNCTION app.snapshot_at(segment bigint, day int) RETURNS bigint LANGUAGE sql AS $$SELECT id FROM pulse.snapshot WHERE segment_id = segment AND taken_at = app.at(day)$$;
	UPDATE pulse.segment SET checked_at = app.at(70);
	UPDATE pulse.segment SET pinned_snapshot = app.snapshot_at(id, 3) WHERE name LIKE 'pinned%';
	UPDATE pulse.segment SET baseline_from = app.at(20) WHERE name = 'new normal';
	INSERT INTO pulse.mute (kind, name, since, until, muted_by) VALUES ('segment', 'mended', app.at(19), app.at(25), 'ann'), ('segment', 'muted', app.at(65), NULL, 'ann');
	INSERT INTO pulse.incident_record (segment_id, detector, attribute, severity, status, direction, baseline, observed, change, threshold, p_value, baseline_kind, summary,
		group_id, since, opened_at, last_seen_at, detected_at, closed_at, ignored_until, normal_count, baseline_snapshot, snapshot, resolved_by, new_normal)
	SELECT g.id, detector, attribute, severity, i.status, CASE WHEN observed < i.baseline THEN 'down' ELSE 'up' END, i.baseline, observed, change, threshold, p, i.kind, detector || ' as it was',
		1, app.at(since), app.at(since), app.at(seen), app.at(since), app.at(closed), ignored_until::timestamptz, normal, app.snapshot_at(g.id, since - 1), app.snapshot_at(g.id, seen),
		resolved_by, new_normal
	FROM (VALUES
		('fell', 'size_change', '', 'high', 'open', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 10, 70, NULL, NULL, 0, NULL, false),
		('acknowledged', 'size_change', '', 'high', 'acknowledged', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 30, 70, NULL, NULL, 0, NULL, false),
		('outlived', 'size_change', '', 'high', 'open', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 10, 70, NULL, NULL, 0, NULL, false),
		('rose', 'size_change', '', 'critical', 'open', 10000, 15000, 0.5, 0.15, 1e-9, 'rolling', 30, 70, NULL, NULL, 0, NULL, false),
		('ignored', 'size_change', '', 'high', 'ignored', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 10, 70, NULL, NULL, 0, NULL, false),
		('ignored until summer', 'size_change', '', 'high', 'ignored', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 10, 70, NULL, '2016-07-01', 0, NULL, false),
		('passed', 'size_change', '', 'high', 'resolved', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 20, 24, 26, NULL, 2, 'pulse', false),
		('new normal', 'size_change', '', 'high', 'resolved', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 20, 22, 22, NULL, 1, 'ann', true),
		('resolved by a person', 'size_change', '', 'high', 'resolved', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 20, 24, 24, NULL, 1, 'ann', false),
		('pinned', 'size_change', '', 'high', 'open', 10000, 6000, -0.4, 0.15, 1e-9, 'pinned', 10, 70, NULL, NULL, 0, NULL, false),
		('empty', 'size_change', '', 'critical', 'open', 10000, 0, -1, 0.15, 0, 'rolling', 50, 70, NULL, NULL, 0, NULL, false),
		('too small', 'expected_range', 'size', 'medium', 'open', 8000, 6000, -0.25, 0.15, NULL, 'expected', 1, 70, NULL, NULL, 0, NULL, false),
		('over', 'size_change', '', 'high', 'open', 10000, 6000, -0.4, 0.15, 1e-9, 'rolling', 30, 69, NULL, NULL, 1, NULL, false),
		('eroded', 'slow_erosion', '', 'medium', 'open', 8597, 7010, -0.185, 0.1, 8e-10, 'rolling', 31, 70, NULL, NULL, 0, NULL, false),
		('eroded long ago', 'slow_erosion', '', 'medium', 'open', 10000, 8000, -0.2, 0.1, 8e-10, 'rolling', 10, 70, NULL, NULL, 0, NULL, false),
		('converts', 'conversion_anomaly', '', 'medium', 'open', 0.15, 0.08, -0.47, 0.25, 1e-9, 'rolling', 20, 70, NULL, NULL, 0, NULL, false),
		('shifted', 'distribution_shift', 'plan', 'medium', 'open', NULL, NULL, 0.3, 0.2, 1e-9, 'rolling', 20, 70, NULL, NULL, 0, NULL, false))
		AS i (segment, detector, attribute, severity, status, baseline, observed, change, threshold, p, kind, since, seen, closed, ignored_until, normal, resolved_by, new_normal)
	JOIN pulse.segment AS g ON g.name = i.segment;
	INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity, note) SELECT id, opened_at, 'opened', 'pulse', severity, summary FROM pulse.incident_record;
	-- Retention has left the one before its incident only.
	DELETE FROM pulse.snapshot WHERE segment_id = (SELECT id FROM pulse.segment WHERE name = 'outlived') AND taken_at < app.at(31) AND taken_at <> app.at(9);
});
$node->command_ok([ 'pg_dump', '-f', "$dir/earlier.sql", $node->connstr('earlier') ], 'dump');

# Each incident with its status and what a person did to it.
my $incidents = q{SELECT g.name, r.detector, r.status, r.resolved_by, r.new_normal, r.ignored_until, r.since, r.closed_at
	FROM pulse.incident_record AS r JOIN pulse.segment AS g ON g.id = r.segment_id WHERE g.name NOT IN ('over', 'eroded long ago') ORDER BY 1, 2};
my $kept = q{SELECT name, pinned_snapshot, baseline_from FROM pulse.segment WHERE pinned_snapshot IS NOT NULL OR baseline_from IS NOT NULL ORDER BY 1;
	SELECT * FROM pulse.mute ORDER BY id};
my $happened = q{SELECT g.name, e.kind, e.note FROM pulse.incident_event AS e JOIN pulse.incident_record AS r ON r.id = e.incident_id
	JOIN pulse.segment AS g ON g.id = r.segment_id WHERE e.at > app.at(70) AND e.kind NOT IN ('worsened', 'eased') ORDER BY 1, e.id};

# Measure the days and check: each day, or all of them in one check.
sub check
{
	my ($db, @days) = @_;
	my ($first, $last) = @days[ 0, -1 ];
	my ($out, $errors);
	my $status = $node->psql($db, qq{SELECT app.measure($first, $last); SELECT set_config('pulse.now', app.at($last)::text, false); SELECT count(*) FROM pulse_check_drift()},
		stdout => \$out, stderr => \$errors, on_error_stop => 1);
	is($status, 0, "$db: a check of day $last");
	unlike($errors, qr/ERROR|WARNING/, "$db: without an error");
}

# In thousands: what exactly was expected is the forecast's.
sub events
{
	my ($db) = @_;
	return $node->safe_psql($db, $happened) =~ s/settled: .*?, so the new values are normal now/settled/gr =~ s/(\d+),(\d{3})/sprintf('%.0f,000', "$1.$2")/ger;
}

my $expected = join "\n",
  'acknowledged|resolved|settled: 6,000, 10,000 before',
  'converts|resolved|settled: 8.0 %, 15.0 % before',
  'eroded|resolved|settled: 7,000, 9,000 before',
  'eroded long ago|resolved|settled: 8,000, 10,000 before',
  'fell|resolved|settled: 6,000, 10,000 before',
  'outlived|resolved|settled: 6,000, 10,000 before',
  'over|resolved|normal again for 2 snapshots in a row',
  'rose|resolved|settled: 15,000, 10,000 before',
  'shifted|resolved|settled';
my $live = q{SELECT segment, detector, status FROM pulse.incident WHERE status <> 'resolved' AND segment <> 'eroded' ORDER BY 1};
my $never = "empty|size_change|open\nignored|size_change|ignored\nignored until summer|size_change|ignored\npinned|size_change|open\ntoo small|expected_range|open";

for my $db (qw(daily at_once))
{
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/earlier.sql", $node->connstr($db) ], "$db: restore");
	if ($db eq 'daily')
	{
		check($db, 71);
		is($node->safe_psql($db, $incidents), $node->safe_psql('earlier', $incidents), 'the first check leaves incidents as they were');
		is(events($db), 'over|resolved|normal again for 2 snapshots in a row', 'but for one that is over');
		check($db, $_) for 72 .. 76;
		is($node->safe_psql($db, $incidents), $node->safe_psql('earlier', $incidents), 'and so do the next ones');
		check($db, 77);
		is($node->safe_psql($db, $live), $never, 'what lasts settles after pulse.settle_after snapshots');
		check($db, 78 .. 84);
	}
	else
	{
		check($db, 71 .. 84);
	}
	is(events($db), $expected, "$db: what lasts settles, and nothing opens or reopens");
	is($node->safe_psql($db, $kept), $node->safe_psql('earlier', $kept), "$db: pins, new normals and maintenance windows stay");
	is($node->safe_psql($db, $live), $never, "$db: what never settles is open, what is ignored is ignored");
}

done_testing();
