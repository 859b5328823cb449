# Tables monitored on a standby: the same results as here, no unexpected scans, no incidents for a source that is down, and
# background workers run due checks.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $primary = start_node('health_primary');
$primary->safe_psql('postgres', 'CREATE DATABASE home');
$primary->safe_psql('postgres', 'CREATE DATABASE shop');
my $shop = q{
	CREATE SCHEMA app;
	CREATE TABLE app.orders (id bigint PRIMARY KEY, status text, amount int, created_at timestamptz);
	INSERT INTO app.orders SELECT i, (ARRAY['new', 'paid'])[1 + i % 2], CASE WHEN i % 50 <> 0 THEN i % 100 END,
		now() - (60000 - i) * interval '1 minute' FROM generate_series(1, 60000) AS i;
	CREATE INDEX orders_created_at ON app.orders (created_at);
	CREATE TABLE app.users AS SELECT i AS id FROM generate_series(1, 100) AS i;
};
$primary->safe_psql('shop', "$shop VACUUM ANALYZE;");
$primary->safe_psql('home', "CREATE EXTENSION pulse; $shop VACUUM ANALYZE;");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('health_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
my $other = start_node('health_other');
$other->safe_psql('postgres', 'CREATE DATABASE shop');
$other->safe_psql('shop', "$shop VACUUM ANALYZE;");

sub source
{
	my ($name, $node, $more) = @_;
	my ($host, $port) = ($node->host, $node->port);
	$primary->safe_psql('home', qq{SELECT pulse_create_source('$name', '{"host": "$host", "port": $port, "dbname": "shop",
		"user": "postgres", "max_queries_per_minute": 100000 $more}')});
}
source('replica', $standby, '');
source('elsewhere', $other, ', "allow_primary": "true"');

my $checks = q{[{"type": "freshness", "max_age": "2 hours"}, {"type": "volume", "min": 1000}, {"type": "schema"},
	{"type": "null_rate", "column": "amount", "max": 0.05}, {"type": "unique", "columns": ["id"]},
	{"type": "accepted_values", "column": "status", "values": ["new"]}, {"type": "range", "column": "amount", "min": 0},
	{"type": "sql", "name": "recent", "query": "SELECT count(*) FROM app.orders WHERE created_at > pulse_now() - interval '1 day'", "min": 100}]};
$checks =~ s/'/''/g;
for my $where ('NULL', "'replica'", "'elsewhere'")
{
	$primary->safe_psql('home', "SELECT pulse_monitor_table('app.orders', $where, '$checks')");
}
$primary->safe_psql('home', "SELECT pulse_monitor_table('app.users', 'elsewhere', '[{\"type\": \"volume\", \"min\": 1}]')");
is(sqlstate($primary, 'home', "SELECT pulse_monitor_table('app.order', 'replica')"), '42P01', 'an unknown table of a source');
is(sqlstate($primary, 'home', "SELECT pulse_monitor_table('app.orders', 'replica', '[{\"type\": \"null_rate\", \"column\": \"amunt\"}]')"),
	'42703', 'an unknown column of a source');
is(sqlstate($primary, 'home', "SELECT pulse_monitor_table('app.orders', 'replica', '[{\"type\": \"sql\", \"query\": \"SELECT nothing\", \"min\": 1}]')"),
	'42703', 'a query that the source refuses');

# ---- The same results everywhere ----
my $look = q{SELECT "check", status, round(observed::numeric, 4) FROM pulse_check_tables('app.orders'%s) WHERE "check" !~ 'freshness' ORDER BY 1};
my $here = $primary->safe_psql('home', sprintf($look, ''));
like($here, qr/^accepted_values status\|bad\|0\.5000$/m, 'half of the rows are not accepted');
like($here, qr/^sql recent\|ok\|14\d\d/m, 'the query asks for the last day');
is($primary->safe_psql('home', sprintf($look, ", 'replica'")), $here, 'the standby gives the same');
is($primary->safe_psql('home', sprintf($look, ", 'elsewhere'")), $here, 'and so does a server without Pulse');
is($primary->safe_psql('home', "SELECT status FROM pulse_check_tables('app.orders', 'replica') WHERE \"check\" ~ 'freshness'"), 'ok', 'in time');
cmp_ok($primary->safe_psql('home', "SELECT count(*) FROM pulse.source_usage WHERE source = 'replica' AND purpose = 'health' AND status = 'ok'"),
	'>', 0, 'the usage is recorded');

# ---- Beyond the limit the standby is not scanned ----
$primary->safe_psql('home', "SET pulse.row_limit = 10000; SET pulse.sample_rows = 5000; SELECT pulse_check_tables('app.orders', 'replica')");
is( $primary->safe_psql('home', q{SELECT c.kind, r.sampled BETWEEN 0.05 AND 0.15 FROM pulse.check_result AS r JOIN pulse.monitor_check AS c ON c.id = r.check_id
		JOIN pulse.monitor AS m ON m.id = c.monitor_id WHERE m.source = 'replica' AND r.sampled IS NOT NULL ORDER BY 1}),
	"accepted_values|t\nnull_rate|t\nrange|t", 'columns are checked on a sample');
unlike($primary->safe_psql('home', q{SELECT string_agg(last_message, '; ') FROM pulse.monitor_check WHERE kind = 'unique'}), qr/sample/,
	'a unique index needs none');

# ---- A source that is down: skipped with the reason, no incident about the data, other sources are checked ----
$primary->safe_psql('home', 'DELETE FROM pulse.incident_record');
$standby->stop;
for (1 .. 3)
{
	is($primary->safe_psql('home', "SELECT DISTINCT status FROM pulse_check_tables('app.orders', 'replica')"), 'skipped', 'the replica is down');
}
is($primary->safe_psql('home', "SELECT count(*) FROM pulse.incident WHERE source = 'replica'"), 0, 'no incident is opened about the data');
like($primary->safe_psql('home', "SELECT unavailable FROM pulse.monitor WHERE source = 'replica'"), qr/\w/, 'the reason is stored');
is($primary->safe_psql('home', "SELECT status FROM pulse_check_tables('app.users', 'elsewhere')"), 'ok', 'other sources are checked');
$standby->start;
$primary->wait_for_catchup($standby);
$primary->poll_query_until('home', "SELECT bool_or(status = 'ok') FROM pulse_check_tables('app.orders', 'replica')");
is($primary->safe_psql('home', "SELECT unavailable IS NULL FROM pulse.monitor WHERE source = 'replica'"), 't', 'the replica is checked again');

# ---- A table that was dropped on the source is an incident ----
$other->safe_psql('shop', 'DROP TABLE app.users');
$primary->safe_psql('home', "SELECT pulse_check_tables('app.users', 'elsewhere')") for 1 .. 2;
like($primary->safe_psql('home', "SELECT summary FROM pulse.incident WHERE relation = 'app.users' AND source = 'elsewhere' AND status = 'open'"),
	qr/does not exist/, 'a dropped table is reported');

# ---- On a standby ----
is(sqlstate($standby, 'home', 'SELECT pulse_check_tables()'), '25006', 'a standby stores no results');
is(sqlstate($standby, 'home', "SELECT * FROM pulse.table_overview"), 'none', 'but shows them');

# ---- Workers run due checks ----
$primary->safe_psql('home', "SELECT pulse_monitor_table('app.orders', 'replica', every => '10 seconds'); SELECT pulse_monitor_table('app.users', every => '10 seconds')");
my $seen = $primary->safe_psql('home', 'SELECT max(id) FROM pulse.check_result');
$primary->safe_psql('home', 'SELECT pulse_start()');
ok( $primary->poll_query_until('home', "SELECT count(DISTINCT m.id) = 2 FROM pulse.check_result AS r JOIN pulse.monitor_check AS c ON c.id = r.check_id
		JOIN pulse.monitor AS m ON m.id = c.monitor_id WHERE r.id > $seen AND (m.source = 'replica' OR m.relation = 'app.users' AND m.source IS NULL) AND r.status <> 'skipped'"),
	'here and on the standby, without a call');
$primary->safe_psql('home', 'SELECT pulse_stop()');

done_testing();
