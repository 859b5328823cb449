# Many concurrent sessions: one snapshot per moment, one incident per cause, consecutive versions, no deadlock.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('concurrency', 'deadlock_timeout = 100ms');
fill_shop($node, 'shop');

# Each client takes the same thirty days in the same order.
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=30 -D day=0 shop',
	0, [qr/240\/240/], [qr/^$/],
	'eight sessions take the same snapshots',
	{   'take' => q{
		\set day :day + 1
		SELECT set_config('pulse.now', ('2016-03-01'::timestamptz + :day * interval '1 day')::text, false);
		SELECT pulse_take_snapshot('Valuable');
		}
	});
is( $node->safe_psql('shop', 'SELECT count(*), count(DISTINCT taken_at), min(size) = max(size) FROM pulse.snapshot'),
	'30|30|t', 'one row per moment');
is( $node->safe_psql('shop', 'SELECT count(*) FROM pulse.distribution'),
	$node->safe_psql('shop', 'SELECT 30 * count(*) FROM pulse.distribution WHERE snapshot_id = (SELECT min(id) FROM pulse.snapshot)'),
	'with its distributions once');

# The app's version changes; all sessions check for drift repeatedly.
$node->safe_psql('shop', q{UPDATE app.users SET app_version = 'android-2.0' WHERE app_version = 'android-1.0'});
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=5 shop',
	0, [qr/40\/40/], [qr/^$/],
	'eight sessions check the same drift',
	{   'check' => q{
		SELECT set_config('pulse.now', '2016-04-01', false);
		SELECT pulse_take_snapshots();
		SELECT count(*) FROM pulse_check_drift();
		}
	});
cmp_ok($node->safe_psql('shop', "SELECT count(*) FROM pulse.incident WHERE segment = 'Valuable'"), '>', 0, 'the change is found');
is($node->safe_psql('shop', 'SELECT count(*) FROM pulse.incident GROUP BY segment, detector, attribute HAVING count(*) > 1'),
	'', 'each incident once');
is( $node->safe_psql('shop', "SELECT count(*) FROM pulse.incident_event WHERE kind = 'opened' GROUP BY incident_id HAVING count(*) > 1"),
	'', 'opened once');

# Concurrent changes of a definition make one version each, without gaps.
$node->pgbench(
	'--no-vacuum --client=8 --jobs=2 --transactions=10 shop',
	0, [qr/80\/80/], [qr/^$/],
	'eight sessions change a definition',
	{   'update' => q{
		\set bound random(1, 1000000000)
		SELECT pulse_update_segment('Valuable', format('{"from": "app.users", "key": "user_id", "where": "ltv > %s"}', :bound)::jsonb);
		}
	});
is( $node->safe_psql('shop', q{SELECT count(*), max(v.version), s.version FROM pulse.segment_version AS v
	JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'Valuable' GROUP BY s.version}),
	'81|81|81', 'versions are consecutive');

# Everything concurrently, with a segment that is created and deleted: the only allowed error is that it does not exist.
$node->safe_psql('shop', q{SELECT pulse_update_segment('Valuable', '{"from": "app.users", "key": "user_id", "where": "ltv > 500"}')});
my %mixed = (
	'004_mixed_take@4' => q{
		\set minute random(1, 50)
		SELECT set_config('pulse.now', ('2016-05-01'::timestamptz + :minute * interval '1 minute')::text, false);
		SELECT pulse_take_snapshots();
		},
	'004_mixed_check@2' => q{
		SELECT set_config('pulse.now', '2016-05-02', false);
		SELECT count(*) FROM pulse_check_drift();
		},
	'004_mixed_update@2' => q{
		\set bound random(1, 1000)
		SELECT pulse_update_segment('Recent', description => :bound::text);
		},
	'004_mixed_come_and_go@1' => q{
		\set n random(1, 3)
		SELECT pulse_create_segment('Passing ' || :client_id || ' ' || :n, '{"from": "app.users", "key": "user_id", "where": "ltv < 100"}');
		SELECT pulse_take_snapshot('Passing ' || :client_id || ' ' || :n);
		SELECT pulse_delete_segment('Passing ' || :client_id || ' ' || :n, confirm => true);
		});
$node->pgbench('--no-vacuum --client=6 --jobs=2 --transactions=30 shop', 0, [qr/180\/180/], [qr/^$/], 'everything at once', \%mixed);
is($node->safe_psql('shop', 'SELECT count(*) FROM pulse.snapshot GROUP BY segment_id, taken_at HAVING count(*) > 1'), '', 'still one row per moment');
is($node->safe_psql('shop', "SELECT count(*) FROM pulse.segment WHERE name LIKE 'Passing%'"), '0', 'deleted segments left nothing');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/deadlock detected/, 'no deadlock');

done_testing();
