# Reading a streaming standby: guard rails refuse visits, waits can be cancelled, nothing is left behind.
use strict;
use warnings;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseTest;

my $secret = 'geheim-4711';
my $primary = start_node('source_primary', "listen_addresses = '127.0.0.1'", "max_connections = 40", 'log_statement = none',
	"shared_preload_libraries = 'pg_stat_statements'");
my $hba = $primary->data_dir . '/pg_hba.conf';
my $rules = slurp_file($hba);
open my $file, '>', $hba or die;
print $file "host all scram_reader 127.0.0.1/32 scram-sha-256\nhost all trust_reader 127.0.0.1/32 trust\n$rules";
close $file;
$primary->reload;
$primary->safe_psql('postgres', 'CREATE DATABASE home');
$primary->safe_psql('postgres', 'CREATE DATABASE shop');
# Pulse is in one database, the data in another one, because the transaction of an ordinary session is visible in its own database.
$primary->safe_psql(
	'home', qq{
	SET password_encryption = 'scram-sha-256';
	CREATE ROLE scram_reader LOGIN PASSWORD '$secret';
	CREATE ROLE trust_reader LOGIN PASSWORD '$secret';
	CREATE ROLE maker LOGIN;
	CREATE EXTENSION pulse;
	CREATE EXTENSION pg_stat_statements;
	CREATE SCHEMA bridge;
	CREATE EXTENSION pulse_bridge_test SCHEMA bridge;
	GRANT USAGE ON SCHEMA bridge TO maker;
	SELECT pulse_grant('maker', 'operator');
});
$primary->safe_psql(
	'shop', qq{
	CREATE EXTENSION pulse;
	CREATE TABLE users AS SELECT i AS id, 'plan ' || i % 3 AS plan FROM generate_series(1, 1000) AS i;
	CREATE TABLE churned AS SELECT 0 AS id FROM generate_series(1, 100);
	GRANT SELECT ON users TO scram_reader, trust_reader;
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('source_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "$_\n")
  for 'max_standby_streaming_delay = 50ms', 'hot_standby_feedback = off', 'wal_receiver_status_interval = 1s';
$standby->start;
$primary->wait_for_catchup($standby);

sub source
{
	my ($name, $host, $port, %more) = @_;
	my $options = join ', ', map { "\"$_\": \"$more{$_}\"" } sort keys %more;
	$primary->safe_psql('home',
		qq{SELECT pulse_create_source('$name', '{"$host": "@{[ $host eq 'host' ? $primary->host : '127.0.0.1' ]}", "port": $port, "dbname": "shop"}'::jsonb || '{$options}')});
}

sub set_option
{
	my ($server, $option) = @_;
	$primary->safe_psql('home', "ALTER SERVER $server OPTIONS ($option)");
}

# Runs SQL with the bridge's functions in the search_path; returns its output and its error.
sub ask
{
	my ($sql, %more) = @_;
	my ($status, $out, $err) = $primary->psql('home', "SET search_path = bridge, public; \\set VERBOSITY verbose\n$sql",
		extra_params => [ $more{as} ? ('-U', $more{as}) : () ]);
	return ($out, $err);
}
sub answer { return (ask(@_))[0] }
sub failure { return (ask(@_))[1] }

# The same in the background.
sub begin
{
	my ($sql) = @_;
	my %session = (out => '', err => '');
	$session{handle} = IPC::Run::start(
		[ 'psql', '-X', '-A', '-t', '-q', '-d', $primary->connstr('home'), '-c', "SET search_path = bridge, public", '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub wait_for { my ($node, $sql, $what) = @_; $node->poll_query_until('shop', $sql) or die "never: $what" }
sub nobody_left
{
	my ($node) = @_;
	return $node->poll_query_until('shop', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pulse'");
}

# ---- Reading ----
source('replica', 'host', $standby->port, user => 'postgres', password => $secret, max_queries_per_minute => 1000000);
source('main', 'host', $primary->port, user => 'postgres', max_queries_per_minute => 1000000);
is(answer(q{SELECT visit('replica', 'SELECT count(*) FROM users', 'SHOW transaction_read_only', 'SHOW timezone')}),
	'1000 on UTC', 'a standby is read');
is( answer(q{SELECT visit('replica', 'SELECT current_setting(name) FROM (VALUES (''application_name''), (''statement_timeout''),
	(''lock_timeout''), (''client_connection_check_interval''), (''transaction_isolation'')) AS v(name)')}),
	'pulse 5min 1s 1s repeatable read',
	'the options of the source apply');
is(answer(q{SELECT describe('replica', 'SELECT id, plan FROM users')}), 'id integer integer; plan text text; 1', 'a query is described');
my $test = answer(q{SELECT item || '=' || verdict FROM pulse_test_source('replica')});
like($test, qr/reachable=ok\n.*role=ok\nreplay lag=ok\n.*read only=ok/s, 'pulse_test_source() reports no problem');
like($test, qr/rights=warning/, 'except the rights of its role');
is(answer(q{SELECT status, in_recovery FROM pulse.source WHERE name = 'replica'}), 'ok|t', 'pulse.source shows it as a standby');
my @pids = split /\n/, answer(
	q{BEGIN; SELECT visit('replica', 'SELECT pg_backend_pid()'); SELECT visit('replica', 'SELECT pg_backend_pid()'); COMMIT;});
is($pids[0], $pids[1], 'a transaction uses one connection');
ok(nobody_left($standby), 'the connection is closed at the end of the transaction');

# ---- A worker reads without a transaction, with one connection and constant memory ----
is(answer(q{SELECT start_worker('replica', 2000)}), 't', 'a worker starts');
$primary->poll_query_until('home', 'SELECT count(*) = 1 FROM bridge.worker_report') or die 'the worker did not report';
is(answer(q{SELECT visits, connections FROM bridge.worker_report}), '2000|1', 'it uses one connection for all visits');
cmp_ok(answer(q{SELECT pages_grown FROM bridge.worker_report}), '<', 64, 'its memory stays flat');
is(answer(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'bridge worker'}), '1', 'it is still running');
ok(nobody_left($standby), 'its connection is closed when it is idle');
is( answer(q{SELECT count(*) FROM pulse.source_usage WHERE status = 'ok'}) >= 2000 ? 'kept' : 'lost', 'kept', 'each visit is recorded');
my $stop = q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'bridge worker'};
is(answer($stop), 't', 'it is stopped');
# A worker that is stopped between two of its transactions, while it reads.
is(answer(q{SELECT start_worker('replica', 1000000000)}), 't', 'another one starts');
$primary->poll_query_until('home', 'SELECT count(*) > 3000 FROM pulse.source_usage') or die 'the worker does not visit';
is(answer($stop), 't', 'it is stopped during a visit');
$primary->poll_query_until('home', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'bridge worker'}) or die 'it stays';
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'the source is free at once');
ok(nobody_left($standby), 'no session is left on the standby');

# ---- Only read-only statements ----
like(failure(q{SELECT visit('replica', 'SELECT 1; COMMIT')}), qr/42601: source "replica": cannot insert multiple commands/, 'two statements are rejected');
like(failure(q{SELECT visit('replica', 'COMMIT')}), qr/42601: a source accepts only read-only statements/, 'a statement that does not read is rejected');
like(failure(q{SELECT visit('replica', 'SELECT nope FROM users')}), qr/42703: source "replica": column "nope" does not exist/, 'SQLSTATE and message are those of the source');
like(failure(q{SELECT visit('replica', 'SELECT repeat(''x'', 1000000) FROM generate_series(1, 100)')}), qr/54000: source "replica": the result is larger than 64 MB/, 'large results are refused');

# ---- Primary ----
like(failure(q{SELECT visit('main', 'SELECT 1')}), qr/55000: source "main" was not read: it is a primary, but allow_primary is off/, 'a primary is refused');
set_option('main', "ADD allow_primary 'true'");
is(answer(q{SELECT visit('main', 'SELECT 1')}), '1', 'allow_primary permits it');
like(failure(q{SELECT visit('main', 'WITH d AS (DELETE FROM users RETURNING 1) SELECT * FROM d')}), qr/25006/, 'a primary is never written');

# ---- Lag ----
set_option('replica', "ADD max_replay_lag '200ms'");
$standby->safe_psql('shop', 'SELECT pg_wal_replay_pause()');
wait_for($standby, "SELECT pg_get_wal_replay_pause_state() = 'paused'", 'replay paused');
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'a standby that has replayed everything received has no lag');
$primary->safe_psql('shop', 'INSERT INTO users VALUES (0)');
wait_for($standby, 'SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()
	AND clock_timestamp() - pg_last_xact_replay_timestamp() > interval $$300ms$$', 'lag');
like(failure(q{SELECT visit('replica', 'SELECT 1')}),
	qr/55000: source "replica" was not read: replay lag [\d.]+ m?s exceeds max_replay_lag 200 ms \(replay is paused\)/, 'a lagging standby is refused');
like(answer(q{SELECT value FROM pulse_test_source('replica') WHERE verdict = 'refused'}), qr/^replay lag .* exceeds/, 'pulse_test_source() reports the lag');
$standby->safe_psql('shop', 'SELECT pg_wal_replay_resume()');
wait_for($standby, 'SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()', 'caught up');
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'it is read again after it has caught up');
set_option('replica', "SET max_replay_lag '30s'");

# ---- Load ----
set_option('replica', "ADD max_active_sessions '0'");
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'an idle server is read');
my $busy = IPC::Run::start([ 'psql', '-X', '-d', $standby->connstr('shop'), '-c', 'SELECT pg_sleep(600)' ], '>', \my $x, '2>', \my $y);
wait_for($standby, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 'busy');
like(failure(q{SELECT visit('replica', 'SELECT 1')}), qr/55000: source "replica" was not read: 1 active session exceeds max_active_sessions 0/, 'a busy one is refused');
$standby->safe_psql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
$busy->finish;
set_option('replica', 'DROP max_active_sessions');

# ---- Cost ----
set_option('replica', "ADD max_cost '5'");
like(failure(q{SELECT visit('replica', 'SELECT count(*) FROM users')}), qr/55000: source "replica" was not read: estimated cost \d+ exceeds max_cost 5/, 'an expensive statement is refused');
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'a cheap one runs');
is(answer(q{SELECT plan_cost > 0 FROM pulse.source_usage ORDER BY id DESC LIMIT 1}), 't', 'the estimate is recorded');
set_option('replica', 'DROP max_cost');

# ---- Time ----
set_option('replica', "ADD statement_timeout '200ms'");
like(failure(q{SELECT visit('replica', 'SELECT pg_sleep(600)')}), qr/57014: source "replica": canceling statement due to statement timeout.*The limit is 200 ms/s, 'the server cancels a long statement');
set_option('replica', "SET statement_timeout '5min'");
like(failure(q{SELECT visit('replica', ARRAY['SELECT pg_sleep(600)'], 200, false)}), qr/57014/, 'the limit of the caller applies, too');

# ---- Visits within a minute ----
my $visits = answer(q{SELECT count(*) FROM pulse.source_usage WHERE source = 'replica' AND queries > 0 AND at > now() - interval '1 minute'});
set_option('replica', "SET max_queries_per_minute '1'");
# Some of them may be older than a minute by now.
my $too_many = failure(q{SELECT visit('replica', 'SELECT 1')});
my ($counted) = $too_many =~ /55000: source "replica" was not read: (\d+) visits? within a minute reach(?:es)? max_queries_per_minute 1/;
ok(defined $counted && $counted > 0 && $counted <= $visits, 'visits beyond the limit are refused') or diag("$visits visits: $too_many");
set_option('replica', "SET max_queries_per_minute '1000000'");

# ---- One visit at a time; a cancel reaches the source ----
for my $how ('cancel', 'terminate')
{
	my $long = begin("SELECT visit('replica', 'SELECT pg_sleep(600)')");
	wait_for($standby, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pulse' AND wait_event = 'PgSleep'", 'long visit');
	like(failure(q{SET pulse.lock_timeout = '100ms'; SELECT visit('replica', 'SELECT 1')}),
		qr/55P03: source "replica" was not read: another session has been reading it for 100 ms/, 'a second visit waits and is refused');
	is(answer(q{SELECT visit('main', 'SELECT 1')}), '1', 'another source is not blocked');
	like(answer(q{SELECT value FROM pulse_test_source('replica') WHERE item = 'one at a time'}), qr/another session/, 'pulse_test_source() reports the other session');
	my $begin = time;
	$primary->safe_psql('shop', "SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT visit(%pg_sleep%' AND pid <> pg_backend_pid()");
	$long->{handle}->finish;
	like($long->{err}, $how eq 'cancel' ? qr/canceling statement due to user request/ : qr/terminating connection/, "$how ends the visit");
	soon($begin, 'soon');
	ok(nobody_left($standby), 'the remote statement ends, too');
}
like(failure(q{SET statement_timeout = '300ms'; SELECT visit('replica', 'SELECT pg_sleep(600)')}), qr/57014: canceling statement due to statement timeout/, 'the local statement_timeout cancels the visit');
ok(nobody_left($standby), 'no session is left on the standby after the timeout');

# ---- Conflict with recovery ----
sub conflict
{
	my $slow = begin("SELECT visit('replica', ARRAY['SELECT count(*) FROM users', 'SELECT ''slept'' || pg_sleep(6)'], 0, true)");
	wait_for($standby, "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'pulse' AND wait_event = 'PgSleep'", 'slow visit');
	$primary->safe_psql('shop', 'DELETE FROM churned WHERE ctid IN (SELECT ctid FROM churned LIMIT 10)');
	$primary->safe_psql('shop', 'VACUUM churned');
	$slow->{handle}->finish;
	return $slow->{out};
}
is(conflict(), "1001 slept\n", 'after a conflict with recovery the visit is retried');
is(answer(q{SELECT status, queries FROM pulse.source_usage ORDER BY id DESC LIMIT 1}), 'ok|6', 'from its beginning');
set_option('replica', "ADD conflict_retries '0'");
like(conflict(), qr/^refused: source "replica" was not read: conflict with recovery, 1 time$/, 'not more often than conflict_retries');
set_option('replica', 'DROP conflict_retries');

# ---- Rights ----
source('guarded', 'hostaddr', $standby->port, max_queries_per_minute => 1000000, max_active_sessions => 5);
my $visit = q{SELECT visit('guarded', 'SELECT count(*) FROM users')};
my %maker = (as => 'maker');
like(failure($visit, %maker), qr/42501: permission denied for source "guarded".*HINT:  GRANT USAGE ON FOREIGN SERVER guarded TO maker;/s, 'a source needs USAGE');
$primary->safe_psql('home', 'GRANT USAGE ON FOREIGN SERVER guarded TO maker');
like(failure($visit, %maker), qr/42704: role "maker" has no user mapping for source "guarded".*HINT:  CREATE USER MAPPING FOR maker SERVER guarded/s, 'and a user mapping');
$primary->safe_psql('home', "CREATE USER MAPPING FOR maker SERVER guarded OPTIONS (user 'trust_reader')", extra_params => [ '-U', 'maker' ]);
like(failure($visit, %maker), qr/2F003: role "maker" needs a password/, 'with a password');
$primary->safe_psql('home', "ALTER USER MAPPING FOR maker SERVER guarded OPTIONS (ADD password '$secret')");
like(failure($visit, %maker), qr/2F003: source "guarded" did not ask role "maker" for a password/, 'the server must request the password');
$primary->safe_psql('home', "ALTER USER MAPPING FOR maker SERVER guarded OPTIONS (SET user 'scram_reader')");
like(failure($visit, %maker), qr/55000: source "guarded" was not read: its active sessions cannot be counted.*HINT:  GRANT pg_read_all_stats/s, 'a source is refused if its load cannot be counted');
$primary->safe_psql('shop', 'GRANT pg_read_all_stats TO scram_reader');
$primary->wait_for_catchup($standby);
is(answer($visit, %maker), '1001', 'a role without own rights reads with those of its user mapping');
like(answer(q{SELECT verdict || ' ' || value FROM pulse_test_source('guarded') WHERE item = 'rights'}, %maker), qr/^ok scram_reader cannot write to any table/, 'pulse_test_source() shows these rights');
$primary->safe_psql('home', "ALTER USER MAPPING FOR maker SERVER guarded OPTIONS (SET password 'wrong-$secret')");
my $refused = failure($visit, %maker);
like($refused, qr/08001: source "guarded" was not read: .*password authentication failed/, 'a wrong password is reported');
unlike($refused, qr/\Q$secret\E/, 'the password is not shown');
unlike(answer(q{SELECT to_jsonb(s) FROM pulse.source AS s; SELECT to_jsonb(u) FROM pulse.source_usage AS u}), qr/\Q$secret\E/, 'the password is not stored');

# ---- A server that accepts connections and never answers ----
my $mute = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') or die;
source('mute', 'hostaddr', $mute->sockport, user => 'postgres', connect_timeout => '1h', max_queries_per_minute => 1000000);
for my $how ('cancel', 'terminate')
{
	my $stalled = begin("SELECT visit('mute', 'SELECT 1')");
	wait_for($primary, "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT visit(''mute%' AND wait_event_type = 'Extension'", 'stalled');
	my $begin = time;
	$primary->safe_psql('shop', "SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT visit(''mute%'");
	$stalled->{handle}->finish;
	like($stalled->{err}, $how eq 'cancel' ? qr/canceling statement due to user request/ : qr/terminating connection/, "$how ends a wait for a mute peer");
	soon($begin, 'at once');
}
my $begin = time;
like(failure(q{SET statement_timeout = '300ms'; SELECT visit('mute', 'SELECT 1')}), qr/57014/, 'statement_timeout ends the wait');
set_option('mute', "SET connect_timeout '300ms'");
like(failure(q{SELECT visit('mute', 'SELECT 1')}), qr/08006: source "mute" was not read: no answer within 300 ms/, 'connect_timeout ends the wait');
is(answer(q{SELECT verdict FROM pulse_test_source('mute') WHERE item = 'reachable'}), 'refused', 'pulse_test_source() reports it without an error');
soon($begin, 'all waits end soon');
close $mute;

# ---- A server that falls silent in the middle of a statement ----
# Long enough for a slow machine to stop the session before its server ends the statement.
set_option('replica', "SET statement_timeout '4s'");
my $silent = begin("SELECT visit('replica', ARRAY['SELECT pg_sleep(600)'], 0, true)");
my $asleep = "FROM pg_stat_activity WHERE application_name = 'pulse' AND wait_event = 'PgSleep'";
wait_for($standby, "SELECT count(*) = 1 $asleep", 'silent visit');
my $pid = $standby->safe_psql('shop', "SELECT pid $asleep");
kill 'STOP', $pid;
$begin = time;
$silent->{handle}->finish;
kill 'CONT', $pid;
is($silent->{out}, qq{unreachable: source "replica" was not read: no answer within 6000 ms\n}, 'a silent server is given up after its own limit');
soon($begin, 'soon');
ok(nobody_left($standby), 'no session is left on the standby after that');
set_option('replica', "SET statement_timeout '5min'");

# ---- Secrets ----
like(failure(qq{SELECT pulse_create_source('main', '{"host": "x", "password": "$secret"}')}), qr/42710/, 'a failing pulse_create_source()');
like(failure(qq{CREATE USER MAPPING FOR maker SERVER main OPTIONS (passwd '$secret')}), qr/HV00D/, 'a misspelt option');
is(answer(qq{SELECT count(*) FILTER (WHERE query LIKE '%pulse_create_source%') > 0, count(*) FILTER (WHERE query LIKE '%pulse_create_source%$secret%')
	FROM pg_stat_statements}), 't|0', 'pg_stat_statements shows no password');

# ---- Stopped and promoted standbys ----
$standby->stop;
is( answer(q{SELECT visit('replica', ARRAY['SELECT 1'], 0, true) ~ '^unreachable: source "replica" was not read: connection to server';
	SELECT visit('main', 'SELECT 1')}), "t\n1", 'an unreachable source is reported, another one is read');
is(answer(q{SELECT status, last_error ~ 'was not read', last_ok_at IS NOT NULL FROM pulse.source WHERE name = 'replica'}), 'unreachable|t|t', 'pulse.source shows it as unreachable');
$standby->start;
is(answer(q{SELECT visit('replica', 'SELECT 1')}), '1', 'it is read again after a restart');
$standby->promote;
like(failure(q{SELECT visit('replica', 'SELECT 1')}), qr/55000: source "replica" was not read: it was promoted and is a primary now, but allow_primary is off/, 'a promotion is noticed');

for my $node ($primary, $standby)
{
	my $log = slurp_file($node->logfile);
	unlike($log, qr/\Q$secret\E/, 'no log shows the password');
}
$standby->stop;
$primary->stop;
done_testing();
