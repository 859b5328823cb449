# Citus: tables of Pulse are refused, also by jobs in a worker; relations of users that it distributes are measured where their rows are. Most
# of it needs a server with Citus, and says so where there is none; test/sql/pg_citus.sql has a stand-in.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $probe = start_node('citus_probe', "shared_preload_libraries = 'pulse'");
my $has = $probe->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'");

# A worker refuses a job, and its run says why. The job is due and the table is distributed in the same instant, so that the worker does not run the job before.
$probe->safe_psql('postgres', q{SET allow_system_table_mods = on;
	BEGIN;
	CREATE EXTENSION pulse;
	CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL);
	INSERT INTO pg_catalog.pg_dist_partition VALUES ('pulse.message_seen', 'h');
	UPDATE pulse.job SET next_run = '2000-01-01' WHERE kind = 'retention';
	COMMIT});
ok($probe->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id
	WHERE j.kind = 'retention' AND r.status = 'failed' AND r.error LIKE 'pulse.message_seen cannot be distributed%'}), 'a job is refused in a worker');
$probe->stop;

if (!$has)
{
	SKIP: { skip('the server has no Citus: measuring on its shards was not tested', 13) }
	done_testing();
	exit 0;
}

my @conf = ("shared_preload_libraries = 'citus,pulse'", 'citus.shard_count = 4', 'wal_level = logical', 'log_statement = all');
my ($one, $two) = map { start_node("citus_$_", @conf) } qw(one two);
for my $node ($one, $two) { $node->safe_psql('postgres', sprintf(q{ALTER SYSTEM SET citus.local_hostname = '%s'}, $node->host)); $node->reload }
my $shop = q{CREATE TABLE member AS SELECT i AS id, CASE WHEN i % 9 > 0 THEN 'p' || i % 5 END AS plan, repeat('x', 190 + i % 20) AS note,
		(i % 3000 - 500) * 1.01 AS ltv, sin(i) * 1e5 AS score, i % 4 = 0 AS vip, timestamptz '2016-01-01' - i * interval '1 hour' AS seen
	FROM generate_series(1, 30000) AS i};
for my $db (qw(shop guard))
{
	for my $node ($one, $two) { $node->safe_psql('postgres', "CREATE DATABASE $db"); $node->safe_psql($db, 'CREATE EXTENSION citus') }
	$one->safe_psql($db, sprintf(q{SELECT citus_set_coordinator_host('%s', %s); SELECT citus_add_node('%s', %s)}, $one->host, $one->port, $two->host, $two->port));
}
$one->safe_psql('shop', "$shop; CREATE TABLE local AS TABLE member; ANALYZE local; SELECT create_distributed_table('member', 'id')");
$one->safe_psql('postgres', 'CREATE DATABASE home');
$one->safe_psql('home', 'CREATE EXTENSION pulse');
$one->safe_psql('home', sprintf(q{SELECT pulse_create_source('citus', '{"host": "%s", "port": "%s", "dbname": "shop", "user": "postgres", "allow_primary": true,
	"max_queries_per_minute": 100000}')}, $one->host, $one->port));

# Both tables have the same rows: everything but mean and deviation is equal, and these to twelve digits.
sub differences
{
	my ($db, $source) = @_;
	return $one->safe_psql($db, qq{
		SET pulse.now = '2016-01-01';
		CREATE TEMP TABLE taken AS SELECT t, pulse_create_segment(t, jsonb_build_object('from', t, 'key', 'id', 'where', 'ltv > 0 && score < 90000',
			'converted', 'vip', 'last_active', 'seen', 'attributes', '["plan", "note", "vip", "ltv", "score", "seen"]'::jsonb) || '$source'),
			pulse_take_snapshot(t) AS id FROM unnest(ARRAY['member', 'local']) AS t;
		SELECT (SELECT count(DISTINCT to_jsonb(s) - '{id,segment_id,duration_ms,plan_cost,recorded_at}'::text[]) FROM pulse.snapshot AS s),
			(SELECT count(*) FROM (SELECT DISTINCT to_jsonb(d) - '{snapshot_id,mean,stddev}'::text[] FROM pulse.distribution AS d) AS d),
			(SELECT count(*) FROM pulse.distribution AS a JOIN pulse.distribution AS b USING (attribute) WHERE a.snapshot_id < b.snapshot_id
				AND (abs(a.mean - b.mean) > 1e-12 * (abs(a.mean) + a.stddev) OR abs(a.stddev - b.stddev) > 1e-12 * a.stddev))});
}
is(differences('home', '{"source": "citus"}'), '1|6|0', 'a Citus server without Pulse gives the same as a local copy of the rows');

# Pulse on the coordinator reaches the worker with CREATE EXTENSION: its shards aggregate, and the figures are the same to the bit.
$one->safe_psql('shop', 'CREATE EXTENSION pulse');
sub partial_aggregates { my ($offset) = @_; return () = slurp_file($two->logfile, $offset) =~ /worker_partial_agg\('pulse\.measure_distributed/g }
my $begin = -s $two->logfile;
is(differences('shop', '{}'), '1|6|0', 'Pulse on the coordinator and the worker gives the same, too');
is(partial_aggregates($begin), 4, 'each shard has aggregated its rows');
is($one->safe_psql('shop', 'SELECT count(*) FROM (SELECT DISTINCT d.attribute, d.mean, d.stddev FROM pulse.distribution AS d) AS d'), '6',
	'mean and deviation are the same to the bit');

# A role that has no level on the worker is measured in plain SQL; once it has one, by the aggregate.
$one->safe_psql('shop', q{CREATE ROLE maker LOGIN; SELECT pulse_grant('maker', 'operator'); GRANT SELECT ON member TO maker});
sub take
{
	my ($day) = @_;
	return $one->safe_psql('shop', qq{SET pulse.now = '2016-02-$day'; SET pulse.sketch_size = 256; SET ROLE maker;
		DO \$\$ BEGIN PERFORM pulse_take_snapshot('made'); END \$\$; SELECT size FROM pulse.snapshot ORDER BY id DESC LIMIT 1});
}
$one->safe_psql('shop', q{SET ROLE maker; SELECT pulse_create_segment('made', '{"from": "member", "key": "id", "where": "score < 90000", "attributes": ["plan"]}')});
$begin = -s $two->logfile;
my $plain = take('01');
is(partial_aggregates($begin), 0, 'without a level on the worker: plain SQL');
$two->safe_psql('shop', q{SET citus.enable_ddl_propagation = off; SELECT pulse_grant('maker', 'reader')});
$begin = -s $two->logfile;
is(take('02'), $plain, 'with a level: the same size');
is(partial_aggregates($begin), 4, 'by the aggregate');
is($one->safe_psql('shop', q{SELECT count(*), count(DISTINCT sketch::text) FROM pulse.snapshot JOIN pulse.segment AS s ON s.id = segment_id WHERE s.name = 'made'}),
	'2|1', 'and the same sketch');
$one->safe_psql('shop', 'DELETE FROM member WHERE id > 200');
$begin = -s $two->logfile;
my $left = take('03');
is(partial_aggregates($begin), 8, 'far fewer members than before: read again');
is($one->safe_psql('shop', 'SELECT pulse_sketch_cardinality(sketch), pulse_sketch_error(sketch) FROM pulse.snapshot ORDER BY id DESC LIMIT 1'), "$left|0", 'their sketch is exact');

# The guard.
$one->safe_psql('guard', 'CREATE EXTENSION pulse');
my (undef, undef, $error) = $one->psql('guard', q{SELECT create_distributed_table('pulse.event', 'profile_id')});
like($error, qr/pulse\.event cannot be distributed/, 'a table of Pulse cannot be distributed');
is($one->safe_psql('guard', 'SELECT count(*) FROM pg_dist_partition'), '0', 'nothing is left of the attempt');
is($one->safe_psql('guard', q{SELECT pulse_track('ann', 'login') IS NOT NULL}), 't', 'Pulse goes on');
done_testing();
