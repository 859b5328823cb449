# What the TAP tests share: a node, a small shop with a history, and the answers that history must give.
package PulseTest;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_node start_again wait_until_back soon fill_shop replay answers sqlstate);

# The library's poll_query_until() starts psql for each attempt: where several tests wait, that takes more of the processors than what they wait
# for. Here one session asks again and again; if it ends, with its server for example, the next one goes on.
my $one_by_one = \&PostgreSQL::Test::Cluster::poll_query_until;
sub poll_query_until
{
	my ($node, $db, $query, $expected) = @_;
	return $one_by_one->(@_) if !defined $query;
	local %ENV = $node->_get_env();
	local $SIG{PIPE} = 'IGNORE';
	$expected //= 't';
	my ($answer, $error, $end) = ('', '', time + $PostgreSQL::Test::Utils::timeout_default);
	while (time < $end)
	{
		my ($in, $out, $err) = ('', '', '');
		my $psql = IPC::Run::start([ $node->installed_command('psql'), '-XAt', '-d', $node->connstr($db), '-f', '-' ],
			'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($end - time));
		my $mark = qr/^end of answer\n/m;
		my $right = eval {
			for (;;)
			{
				($out, $err) = ('', '');
				$in = "$query\n;\n\\echo end of answer\n\\warn end of answer\n";
				$psql->pump until $out =~ $mark && $err =~ $mark;
				($answer, $error) = map { s/\n?$mark//r } $out, $err;
				return 1 if $answer eq $expected && $error eq '';
				return 0 if time > $end;
				sleep 0.1;
			}
		};
		$error .= $@ . $err if !defined $right;
		$in = "\\q\n";
		eval { $psql->finish; 1 } or eval { $psql->kill_kill };
		return 1 if $right;
		sleep 0.1;
	}
	diag("poll_query_until timed out: $query\nexpected: $expected\nanswer: $answer\nerror: $error");
	return 0;
}
{ no warnings 'redefine'; *PostgreSQL::Test::Cluster::poll_query_until = \&poll_query_until; }

# Start a node; options are lines for postgresql.conf. What tests compare results with has expensive plans over few rows, which are not worth
# compiling.
sub start_node
{
	my ($name, @conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "$_\n") for "timezone = 'UTC'", 'jit = off', @conf;
	$node->start;
	return $node;
}

# Start a node whose postmaster was killed: that fails until its children have noticed and ended by themselves. Whether it started.
sub start_again
{
	my ($node) = @_;
	for (1 .. 100)
	{
		$node->{_pid} = undef;    # what a start that failed leaves behind
		return 1 if $node->start(fail_ok => 1);
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Wait until a server that has crashed accepts connections. Without a statement: psql ends at once when it is refused, and writing to it would fail.
sub wait_until_back
{
	my ($node, $db) = @_;
	return $node->poll_query_until($db // 'postgres', undef, '') || die "the server does not come back\n";
}

# Assert that what began at a time (of Time::HiRes) has not waited for what it must not wait for, which takes minutes or does not end: not how fast
# the machine is.
sub soon
{
	my ($begin, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok(time - $begin, '<', 60, $name);
}

# Make the shop: 3,000 users and two segments over them, made by the role maker who owns nothing else.
sub fill_shop
{
	my ($node, $db) = @_;
	$node->safe_psql('postgres', 'CREATE ROLE maker LOGIN; CREATE ROLE watcher LOGIN;');
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql(
		$db, q{
		CREATE EXTENSION pulse;
		SELECT pulse_grant('maker', 'operator');
		SELECT pulse_grant('watcher', 'reader');
		CREATE SCHEMA app;
		CREATE TABLE app.users (user_id bigint PRIMARY KEY, ltv numeric, plan text, country text, app_version text,
			orders_30d int, last_active_at timestamptz);
		INSERT INTO app.users
		SELECT i, i % 2000, (ARRAY['free', 'pro', 'team'])[1 + i % 3], (ARRAY['DE', 'FR', 'GB', NULL])[1 + i % 4],
			CASE WHEN i % 5 < 2 THEN 'android-1.0' ELSE 'ios-1.0' END, i % 7, '2016-01-01'::timestamptz - (i % 40) * interval '1 day'
		FROM generate_series(1, 3000) AS i;
		ANALYZE app.users;
		GRANT USAGE ON SCHEMA app TO maker;
		GRANT SELECT ON app.users TO maker;
		CREATE TABLE app.secret AS SELECT 42 AS answer;
	});
	$node->safe_psql(
		$db, q{
		SELECT pulse_create_segment('Valuable', '{"from": "app.users", "key": "user_id",
			"where": "ltv > 500 && app_version in [\"android-1.0\", \"ios-1.0\"]",
			"attributes": ["plan", "country", "app_version", "ltv"], "converted": "orders_30d > 0", "last_active": "last_active_at"}',
			owner => 'growth-team', description => 'Those who pay', tags => '{a,b}');
		SELECT pulse_create_segment('Recent', '{"query":
			"SELECT user_id, plan FROM app.users WHERE last_active_at > pulse_now() - interval ''30 days''", "key": "user_id",
			"attributes": ["plan"]}');
		SET pulse.now = '2016-01-01';
		SELECT pulse_monitor_table('app.users', every => '12 hours', owner => 'data-team', checks => '[{"type": "schema"},
			{"type": "volume", "min": 1000}, {"type": "null_rate", "column": "country", "max": 0.1}]');
		SELECT pulse_mute('Recent', '2015-12-31'::timestamptz + interval '2 days', 'moving');
	}, extra_params => [ '-U', 'maker' ]);
}

# Take a snapshot of everything on each of the days and check it; on the last day the app's version has changed.
sub replay
{
	my ($node, $db, $first, $last, $broken) = @_;
	my $sql = '';
	for my $day ($first .. $last)
	{
		my $moment = sprintf('2016-01-%02d 02:00+00', $day);
		$sql .= "UPDATE app.users SET app_version = 'android-2.0' WHERE app_version = 'android-1.0';\n"
		  if $broken && $day == $last;
		$sql .= "UPDATE app.users SET orders_30d = (user_id + $day) % 7 WHERE user_id % 50 = $day;\n";
		$sql .= "SET pulse.now = '$moment'; SELECT pulse_take_snapshots(); SELECT pulse_check_drift(); SELECT pulse_check_tables();\n";
	}
	# What a diagnosis finds is kept with the incident; with it done, reading changes nothing any more.
	$sql .= "SELECT pulse_diagnose_incidents();\n";
	$node->safe_psql($db, $sql);
}

# Everything that history answers, as text: equal before and after whatever must not change it.
sub answers
{
	my ($node, $db) = @_;
	my @queries = (
		(   map { "SELECT '$_', to_jsonb(t) - 'recorded_at' - 'duration_ms' FROM pulse.$_ AS t ORDER BY to_jsonb(t)::text" }
			  qw(segment segment_version snapshot distribution incident_record incident_event incident segment_overview
			  job job_run monitor monitor_check check_result mute table_overview event_day event_hour event_source_hour event_property_day event_check event_quality_setting)
		),
		"SELECT c FROM (SELECT min(id) AS a, max(id) AS b FROM pulse.snapshot GROUP BY segment_id ORDER BY segment_id) AS s,
			LATERAL pulse_compare_snapshots(s.a, s.b) AS c",
		"SELECT pulse_explain_incident(id) FROM pulse.incident ORDER BY id");
	return $node->safe_psql($db, "SET pulse.now = '2016-02-01'; SET search_path = public;\n" . join(";\n", @queries) . ';');
}

# The SQLSTATE with which a statement fails, or 'none'.
sub sqlstate
{
	my ($node, $db, $sql, @params) = @_;
	my ($status, $out, $err) = $node->psql($db, "\\set VERBOSITY sqlstate\n$sql", extra_params => \@params);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err =~ /(FATAL.*|server closed.*)/ ? $1 : 'none';
}

1;
