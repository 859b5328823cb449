# Actions with workers: webhooks are signed, carry a token that no table contains, and are sent only while the gate lets them pass; sessions
# that decide at once; a kill while an action is being carried out.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;
use PulsePeers;

my $receiver = start_receiver();
my $node = start_node('trust_action_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');

sub shop { return $node->safe_psql('shop', $_[0]) }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what) }
sub journal { return get_json("$receiver->{url}/__journal?path=/plain/hook") }
sub sending { my ($on) = @_; $node->append_conf('postgresql.conf', "pulse.send_messages = $on"); $node->reload; $node->poll_query_until('shop', "SELECT current_setting('pulse.send_messages') = '$on'") }
sub propose
{
	my ($action, $subject, $payload) = @_;
	return shop("SELECT id FROM pulse_propose_action('$action', '$subject', '$payload', level => 'guarded'" . ($action eq 'run_function' ? '' : ", channel => 'hook'") . ')');
}
sub state { return shop("SELECT state || coalesce(' ' || needs, '') FROM pulse.action WHERE id = $_[0]") }

my $lenient = q('{"degraded": 1, "healthy": 2, "hold": 0, "high": 1, "standard": 1, "conservative": 1}');
shop(qq{
	CREATE EXTENSION pulse;
	CREATE SERVER hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook', timeout '5s');
	CREATE USER MAPPING FOR CURRENT_USER SERVER hook OPTIONS (url '$receiver->{url}/plain/hook', secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
	SELECT pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', now() - (10 - i) * interval '1 day')) FROM generate_series(0, 9) AS i));
	SELECT pulse_set_trust($lenient);
	SELECT pulse_update_signal_health();
	SELECT pulse_schedule('automations', schedule => '1 second', retry_delay => '1 second');
	CREATE TABLE done (action bigint); CREATE TABLE slow (seconds int); INSERT INTO slow VALUES (0);
	CREATE FUNCTION act(p jsonb) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN
		INSERT INTO public.done VALUES ((p ->> 'action')::bigint); PERFORM pg_sleep(seconds) FROM public.slow; END \$\$;
});

# ---- a webhook, and its outcome ----
my $id = propose('reduce_budget', 'ad_campaign:a', '{"before": 100, "after": 90}');
ok($node->poll_query_until('shop', "SELECT status = 'sent' FROM pulse.outbox WHERE kind = 'action'"), 'the job applies it, the delivery sends it');
is(state($id), 'applying', 'the action waits for its outcome');
my ($message) = @{ journal() };
my $body = JSON::PP::decode_json($message->{body});
is($body->{type}, 'action.requested', 'the type of the message');
is_deeply([ @{ $body->{data} }{qw(action name subject attempt)} ], [ $id, 'reduce_budget', 'ad_campaign:a', 1 ], 'the action');
is_deeply($body->{data}{payload}, { before => 100, after => 90 }, 'its payload');
like($message->{headers}{'webhook-signature'} // '', qr/^v1,/, 'it is signed');
my $token = $body->{data}{token};
like($token, qr/^act_[0-9a-f]{64}$/, 'a token');
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('shop') ]);
cmp_ok(length $dump, '>', 10_000, 'there is a dump');
unlike($dump, qr/\Q$token\E/, 'without the token');
is(shop("SELECT count(*) FROM pulse.outbox WHERE payload IS NOT NULL"), 0, 'nor is it in the outbox');
is(shop("SELECT state FROM pulse_confirm_action($id, '$token', NULL, 'applied', '{\"ref\": 7}')"), 'applied', 'the receiver reports');
is(shop("SELECT result FROM pulse.action WHERE id = $id"), '{"ref": 7}', 'with a result');
is(sqlstate($node, 'shop', "SELECT * FROM pulse_confirm_action('$token', 'applied')"), '42501', 'the token is used up');

# ---- an answer that was lost: both messages of the attempt have valid tokens ----
delete_json("$receiver->{url}/__journal");
post_json("$receiver->{url}/__faults", { path => '/plain/hook', mode => 'status', status => 500, times => 1 });
$id = propose('reduce_budget', 'ad_campaign:a', '{"before": 90, "after": 80}');
wait_until("SELECT count(*) = 1 FROM pulse.outbox WHERE order_key = 'action:$id:1' AND attempts = 1 AND status = 'pending'", 'the first attempt fails');
shop(q{SELECT pulse_retry_message('hook')});
wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE order_key = 'action:$id:1'", 'the second one arrives');
my @tokens = map { JSON::PP::decode_json($_->{body})->{data}{token} } @{ journal() };
is(scalar @tokens, 2, 'two messages');
isnt($tokens[0], $tokens[1], 'with different tokens');
is(shop("SELECT state FROM pulse_confirm_action('$tokens[0]', 'failed')"), 'failed', 'the first one is valid');
is(sqlstate($node, 'shop', "SELECT * FROM pulse_confirm_action('$tokens[1]', 'applied')"), '42501', 'and the only one that counts');

# ---- a receiver that refuses ----
delete_json("$receiver->{url}/__faults");
post_json("$receiver->{url}/__faults", { path => '/plain/hook', mode => 'status', status => 400, times => 1 });
$id = propose('reduce_budget', 'ad_campaign:a', '{"before": 80, "after": 70}');
wait_until("SELECT state = 'failed' FROM pulse.action WHERE id = $id", 'a message that is refused ends its action');
delete_json("$receiver->{url}/__faults");

# ---- the gate is asked again just before the message leaves ----
delete_json("$receiver->{url}/__journal");
sending('off');
$id = propose('reduce_budget', 'ad_campaign:a', '{"before": 80, "after": 70}');
wait_until("SELECT state = 'applying' FROM pulse.action WHERE id = $id", 'a message waits to be sent');
shop(q{SELECT pulse_record_signal('spend', 1e9, 'shop'); SELECT pulse_set_trust('{"degraded": 40, "healthy": 70, "hold": 95, "high": 95, "standard": 95, "conservative": 95}')});
sending('on');
wait_until("SELECT state = 'pending' AND needs = 'decision' FROM pulse.action WHERE id = $id", 'the gate has fallen: it is not sent');
is(shop("SELECT status FROM pulse.outbox WHERE order_key = 'action:$id:1'"), 'cancelled', 'its message is cancelled');
is(scalar @{ journal() }, 0, 'the receiver got nothing');
shop("SELECT pulse_set_trust($lenient); SELECT pulse_approve_action($id)");
wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE order_key = 'action:$id:2'", 'approved, it leaves as another attempt');
shop("SELECT pulse_dismiss_action($id)");

# ---- frozen: what waits to be sent goes back, and leaves after the end of the freeze ----
delete_json("$receiver->{url}/__journal");
sending('off');
$id = propose('reduce_budget', 'ad_campaign:a', '{"before": 80, "after": 70}');
wait_until("SELECT state = 'applying' FROM pulse.action WHERE id = $id", 'a message waits to be sent');
shop(q{SELECT pulse_freeze('stop')});
sending('on');
wait_until("SELECT state = 'approved' FROM pulse.action WHERE id = $id", 'frozen: it is not sent');
is(scalar @{ journal() }, 0, 'the receiver got nothing');
shop(q{SELECT pulse_unfreeze()});
shop(q{SELECT pulse_run_actions()});
wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE order_key = 'action:$id:2'", 'it leaves after the freeze');
shop("SELECT pulse_dismiss_action($id)");

# ---- sessions that decide at once ----
my $first = $node->background_psql('shop', on_error_stop => 0);
my $decide = sub {
	my ($one, $other) = @_;
	my $action = shop(q{SELECT id FROM pulse_propose_action('run_function', 'account:1', '{"function": "act"}')});
	$first->query_safe("BEGIN; SELECT * FROM $one($action)");
	my $waiting = IPC::Run::start([ 'psql', '-X', '-At', '-d', $node->connstr('shop'), '-c', "\\set VERBOSITY sqlstate", '-c', "SELECT * FROM $other($action)" ], '>', \my $out, '2>', \my $err);
	$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%$other($action)%' AND pid <> pg_backend_pid()");
	$first->query_safe('COMMIT');
	$waiting->finish;
	return ($action, $err =~ /ERROR:\s+(\w{5})/ ? $1 : 'none');
};
my ($action, $error) = $decide->('pulse_dismiss_action', 'pulse_approve_action');
is("$error " . state($action), '55000 dismissed', 'who is dismissed first cannot be approved');
($action, $error) = $decide->('pulse_approve_action', 'pulse_approve_action');
is($error, '55000', 'the second approval is refused');
wait_until("SELECT state = 'applied' FROM pulse.action WHERE id = $action", 'and it is carried out once');
is(shop("SELECT count(*) FROM done WHERE action = $action"), 1, 'exactly once');
$first->query_safe(q{BEGIN; SELECT id FROM pulse_propose_action('run_function', 'account:2', '{"function": "act"}')});
my $second = IPC::Run::start([ 'psql', '-X', '-At', '-d', $node->connstr('shop'), '-c', q{SELECT id FROM pulse_propose_action('run_function', 'account:2', '{"function": "act"}')} ], '>', \my $out, '2>', \my $err);
$node->poll_query_until('shop', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%account:2%' AND pid <> pg_backend_pid()});
$first->query_safe('COMMIT');
$second->finish;
like($err, qr/action \d+ of subject "account:2" has not ended/, 'a subject has one action, also where two are proposed at once');
$first->quit;

# ---- a kill while an action is carried out: all of it happens, or nothing ----
for my $who ('the worker', 'the postmaster')
{
	shop('TRUNCATE done; UPDATE slow SET seconds = 25');
	$id = propose('run_function', 'account:3', '{"function": "act"}');
	wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type LIKE 'pulse%'}, 'the function runs in a worker');
	my $pid = shop(q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type LIKE 'pulse%'});
	is(state($id), 'approved', 'nothing of it is visible');
	if ($who eq 'the worker') { PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid) }
	else { $node->kill9; start_again($node) }
	wait_until_back($node, 'shop');
	shop('UPDATE slow SET seconds = 0');
	is(shop('SELECT count(*) FROM done'), 0, "$who is killed: nothing has happened");
	wait_until("SELECT state = 'applied' AND attempt = 1 FROM pulse.action WHERE id = $id", 'it is carried out afterwards');
	is(shop('SELECT count(*) FROM done'), 1, 'once');
	is(shop("SELECT count(*) FROM pulse.action_event WHERE action_id = $id AND event = 'applying'"), 1, 'with one decision');
}
is(shop(q{SELECT count(*) FROM pulse.action_event AS e JOIN pulse.gate_decision AS d ON d.id = e.decision_id WHERE e.event = 'applying' AND (d.decision <> 'pass' OR e.at - d.at > '5 minutes')}), 0,
	'no attempt without a pass of that moment');

done_testing();
