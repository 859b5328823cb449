# Signals, health and the gate: a dump keeps scores and the freeze; a standby never passes; decisions do not wait for each other; a freeze holds at once; the job keeps the history.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('trust', 'pulse.run_jobs = off', 'max_connections = 60');
my $sql = sub { $node->safe_psql($_[1] // 'postgres', $_[0]) };
my $gate = sub { my ($subject) = @_; "SELECT decision FROM pulse_evaluate_gate('sync_audience', '" . ($subject // 'all') . "')" };
$sql->(q{
	CREATE EXTENSION pulse;
	SELECT pulse_record_signal('spend', 100 + i % 3, 'shop', at => now() - i * interval '1 hour') FROM generate_series(0, 9) AS i;
	CREATE TABLE orders (id bigint PRIMARY KEY);
	INSERT INTO orders SELECT generate_series(1, 100);
	SELECT pulse_create_segment('orders', '{"from": "orders"}'), pulse_take_snapshot('orders')});

# A session that stays open: what a statement prints.
my $mark = 0;
sub open_session
{
	my %session = (in => '', out => '');
	$session{timer} = IPC::Run::timeout(120);
	$session{psql} = IPC::Run::start([ 'psql', '-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr('postgres') ], '<', \$session{in}, '>', \$session{out}, $session{timer});
	return \%session;
}
sub ask
{
	my ($session, $statement) = @_;
	$session->{out} = '';
	$session->{in} .= "$statement;\n\\echo mark" . ++$mark . "\n";
	$session->{psql}->pump until $session->{out} =~ /mark$mark\n/;
	(my $answer = $session->{out}) =~ s/\s*mark$mark\n//;
	return $answer;
}

# ---- the job ----
is($sql->($gate->()), 'block', 'no history: blocked');
is($sql->("SELECT status FROM pulse_run_job('signal_health')"), 'ok', 'the job runs');
is($sql->($gate->()), 'pass', 'with a history it passes');
is($sql->($gate->('segment:orders')), 'block', 'a scope that was never asked for has no history');
$sql->("SELECT pulse_run_job('signal_health')");
is($sql->($gate->('segment:orders')), 'pass', 'the job keeps what a decision has asked for');
is($sql->("SELECT schedule FROM pulse.job WHERE id = 13"), '1 minute', 'every minute');

# ---- decisions do not wait for each other ----
my $one = open_session();
ask($one, "BEGIN; UPDATE pulse.signal_health_state SET as_of = '2000-01-01' WHERE scope = 'all'");
ask($one, $gate->());
is($sql->("SET lock_timeout = '5s'; " . $gate->()), 'pass', 'while another transaction holds the state');
# ---- a freeze holds at the next statement, also in a transaction that has begun ----
my $two = open_session();
ask($two, 'BEGIN');
is(ask($two, $gate->()), 'pass', 'before');
$sql->("SELECT pulse_freeze('stop')");
is(ask($two, $gate->()), 'block', 'the next statement of an open transaction is blocked');
is(ask($two, "SELECT decision FROM pulse_evaluate_gate('pause_all')"), 'pass', 'what stops things is not');
ask($_, 'COMMIT') for $one, $two;
for ($one, $two) { $_->{in} .= "\\q\n"; $_->{psql}->finish }
is($sql->($gate->()), 'block', 'and so is everybody else');

# ---- at once from many sessions ----
$sql->('SELECT pulse_unfreeze()');
my $script = PostgreSQL::Test::Utils::tempdir() . '/gate.sql';
append_to_file($script, "\\set s random(1, 3)\nSELECT pulse_record_signal('spend', 100 + :s, 'shop');\nSELECT decision FROM pulse_evaluate_gate('sync_audience');\nSELECT pulse_update_signal_health();\n");
my $before = $sql->('SELECT count(*) FROM pulse.gate_decision');
$node->command_ok([ 'pgbench', '-n', '-c', '8', '-t', '40', '-f', $script, 'postgres' ], 'eight sessions record, decide and compute');
is($sql->("SELECT count(*) - $before FROM pulse.gate_decision"), '320', 'each decision is kept');
is($sql->("SELECT count(*) FROM pulse.audit WHERE action = 'gate.decided'"), $sql->('SELECT count(*) FROM pulse.gate_decision'), 'and audited');
is($sql->("SELECT signals FROM pulse.signal_series WHERE name = 'spend'"), '330', 'each signal counts');

# ---- a subscription hears of decisions and of states ----
is($sql->("SELECT count(*) FROM pulse_subscribe('https://hooks.example/trust', '{signal_health.status_changed,trust_gate.decision}', name => 'trust_hook')"), '1', 'subscribed');
$sql->($gate->());
$sql->("SELECT pulse_set_trust('{\"healthy\": 100, \"high\": 100, \"rise_margin\": 0}'); SELECT pulse_record_signal('emq', 1, 'meta', 'a'); SELECT pulse_update_signal_health()");
is($sql->("SELECT string_agg(event || ' ' || coalesce(payload #>> '{data,decision}', payload #>> '{data,to}'), ', ' ORDER BY id) FROM pulse.outbox WHERE channel = 'trust_hook'"),
	'trust_gate.decision pass, signal_health.status_changed degraded', 'two messages');
$sql->("SELECT pulse_unsubscribe('trust_hook'); SELECT pulse_set_trust('{\"healthy\": null, \"high\": null, \"rise_margin\": null}')");

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('trust_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $gate->()), 'block', 'a standby never passes');
is($standby->safe_psql('postgres', "SELECT decision FROM pulse_evaluate_gate('sync_audience', 'all', true)"), 'block', 'not even a dry run');
is($standby->safe_psql('postgres', "SELECT decision FROM pulse_evaluate_gate('pause_all')"), 'block', 'nor what stops things');
like($standby->safe_psql('postgres', "SELECT status FROM pulse_signal_health('segment:orders')"), qr/^healthy$/, 'it tells the health');
is($standby->safe_psql('postgres', 'SELECT frozen FROM pulse_trust_status()'), 'f', 'and the status');
is($sql->($gate->()), 'hold', 'the primary decides by its own score');

# ---- a dump ----
$sql->("SELECT pulse_set_action_type('send_coupons', 'high'), pulse_freeze('moving')");
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-f', "$dir/trust.sql", 'postgres' ], 'dump');
$sql->('CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/trust.sql", 'restored' ], 'restore');
for my $what ('SELECT count(*), max(id) FROM pulse.signal', 'SELECT * FROM pulse.signal_series ORDER BY 1, 2, 3', 'SELECT scope, score, status, level, as_of FROM pulse.signal_health_state ORDER BY scope',
	'SELECT count(*) FROM pulse.signal_health_history', 'SELECT count(*), max(id) FROM pulse.gate_decision', 'SELECT name, risk FROM pulse.action_type', 'SELECT frozen, reason FROM pulse.freeze', 'SELECT pulse_trust_settings()')
{
	is($sql->($what, 'restored'), $sql->($what), $what);
}
is($sql->($gate->(), 'restored'), 'block', 'what was frozen is frozen in the copy');

# ---- a crash loses no decision that was committed ----
$sql->("SELECT pulse_unfreeze()");
my $last = $sql->("SELECT id FROM pulse_evaluate_gate('sync_audience', 'segment:orders')");
$node->stop('immediate');
$node->start;
is($sql->("SELECT decision FROM pulse.gate_decision WHERE id = $last"), 'pass', 'kept');
is($sql->($gate->('segment:orders')), 'pass', 'and it passes again');
done_testing();
