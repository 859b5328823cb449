# Two hundred segments on three sources, one of which accepts connections and never answers: it costs one time-out, and the
# others are measured.
use strict;
use warnings;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $primary = start_node('many_primary', "jit = off");
$primary->safe_psql('postgres', 'CREATE DATABASE home');
$primary->safe_psql('postgres', 'CREATE DATABASE shop');
$primary->safe_psql('home', 'CREATE EXTENSION pulse; CREATE SCHEMA bridge; CREATE EXTENSION pulse_bridge_test SCHEMA bridge;');
my $shop = "CREATE TABLE users AS SELECT i AS id, i % 200 AS part, 'p' || i % 3 AS plan FROM generate_series(1, 10000) AS i; ALTER TABLE users ADD PRIMARY KEY (id);";
$primary->safe_psql('shop', "CREATE EXTENSION pulse; $shop");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('many_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
my $plain = start_node('many_plain');
$plain->safe_psql('postgres', 'CREATE DATABASE shop');
$plain->safe_psql('shop', $shop);
my $mute = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1') or die;

my $common = '"dbname": "shop", "user": "postgres", "max_queries_per_minute": 100000, "allow_primary": "true", "connect_timeout": "2s"';
for ([ 'replica', $standby->host, $standby->port ], [ 'plain', $plain->host, $plain->port ], [ 'mute', '127.0.0.1', $mute->sockport ])
{
	my ($name, $host, $port) = @$_;
	$primary->safe_psql('home', qq{SELECT pulse_create_source('$name', '{"host": "$host", "port": $port, $common}')});
}
# A definition is checked when it is made, so those on the mute server are made elsewhere and moved.
$primary->safe_psql(
	'home', q{
	SELECT pulse_create_segment('s' || to_char(n, 'FM000'), jsonb_build_object('from', 'users', 'where', 'part = ' || n, 'attributes', '["plan"]'::jsonb,
		'source', CASE n % 3 WHEN 0 THEN 'replica' ELSE 'plain' END)) FROM generate_series(0, 199) AS n;
	UPDATE pulse.segment SET definition = definition || '{"source": "mute"}' WHERE id % 3 = 0;
	TRUNCATE pulse.source_usage;
});
$primary->safe_psql('home', 'SELECT bridge.take_due_apart()');
is($primary->safe_psql('home', 'SELECT g.source, o.status, count(*), min(o.size), max(o.size) FROM bridge.outcome AS o JOIN pulse.segment AS g ON g.name = o.segment GROUP BY 1, 2 ORDER BY 1'),
	"mute|skipped|66||\nplain|ok|67|50|50\nreplica|ok|67|50|50", 'what can be measured is');
is($primary->safe_psql('home', 'SELECT source, status, count(*) FROM pulse.source_usage GROUP BY 1, 2 ORDER BY 1'),
	"mute|unreachable|1\nplain|ok|67\nreplica|ok|67", 'the mute one is asked once');
cmp_ok($primary->safe_psql('home', "SELECT duration_ms FROM pulse.source_usage WHERE source = 'mute'"), '<', 10000, 'and costs one time-out');
is($primary->safe_psql('home', 'SELECT count(*), count(DISTINCT taken_at) FROM pulse.snapshot'), '134|1', 'all of them at one moment');
my $stay = $primary->safe_psql('home', "SELECT count(*) FROM pg_locks WHERE locktype = 'object'");
is($stay, '0', 'no lock stays');
# What was skipped stays due; what was measured is not measured twice.
$primary->safe_psql('home', "UPDATE pulse.segment SET definition = definition || '{\"source\": \"plain\"}' WHERE source = 'mute'; TRUNCATE bridge.outcome");
$primary->safe_psql('home', 'SELECT bridge.take_due_apart()');
is($primary->safe_psql('home', 'SELECT status, count(*), min(size) FROM bridge.outcome GROUP BY 1'), 'ok|66|50', 'the next run takes what is missing');

done_testing();
