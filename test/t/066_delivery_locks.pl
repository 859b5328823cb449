# Other sessions do not stop messages: open transactions, functions that are rolled back, locks, settings of the database; and a message
# that follows one being sent depends on its result.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;
use PulsePeers;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $node = start_node('delivery_locks', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'max_prepared_transactions = 5',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
# The worker must not depend on these defaults.
$node->safe_psql('postgres', $_) for 'ALTER DATABASE shop SET default_transaction_read_only = on',
	q{ALTER DATABASE shop SET default_transaction_isolation = 'repeatable read'};
$ENV{PGOPTIONS} = '-c default_transaction_read_only=off -c default_transaction_isolation=read\ committed';
$node->safe_psql('shop', qq{
	CREATE EXTENSION pulse;
	CREATE SERVER fast FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
	CREATE USER MAPPING FOR CURRENT_USER SERVER fast OPTIONS (url '$url/plain/fast');
	CREATE SERVER other FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
	CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (url '$url/plain/other');
	CREATE TABLE users (id int, age int); INSERT INTO users SELECT i, i FROM generate_series(1, 20) AS i;
	SELECT pulse_create_segment('B', '{"from": "users", "key": "id", "attributes": []}');
});
sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub send_one
{
	my ($channel, $order_key) = @_;
	my $key = $order_key ? "'$order_key'" : 'NULL';
	return shop("INSERT INTO pulse.outbox (channel, kind, event, payload, order_key) VALUES ('$channel', 'event', 'test', '{}', $key) RETURNING id");
}
sub sent { my ($id, $what) = @_; wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE id = $id", $what); }

# ---- a database whose transactions are read-only by default ----
sent(send_one('fast'), 'a message is sent although the database is read-only by default');

# ---- "resolved" while "opened" is being sent ----
shop(q{SELECT pulse_create_route('r', '{fast}', group_wait => '0')});
post_json("$url/__faults", { path => '/plain/fast', mode => 'hold', times => 1 });
my $incident = shop(q{
	INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
	SELECT s.id, 'size_change', 'high', 'down', 'rolling', 'B fell', now(), now(), now() FROM pulse.segment AS s RETURNING id});
shop("INSERT INTO pulse.notice (event, kind, incident_id, at) VALUES ('incident.opened', 'opened', $incident, now())");
wait_until(q{SELECT count(*) = 1 FROM pulse.outbox WHERE event = 'opened' AND status = 'sending'}, 'opened is being sent');
shop("SELECT pulse_resolve_incident($incident)");
delete_json("$url/__faults");
wait_until(q{SELECT count(*) = 2 FROM pulse.outbox WHERE incident_id IS NOT NULL AND status NOT IN ('pending', 'sending')}, 'both have ended');
is(shop(q{SELECT string_agg(event || ' ' || status, ', ' ORDER BY id) FROM pulse.outbox WHERE incident_id IS NOT NULL}), 'opened sent, resolved sent',
	'the channel that received opened also receives resolved');

# ---- open transactions ----
my $holder = $node->background_psql('shop');
$holder->set_query_timer_restart();
my %hold = (
	'a test of a channel' => q{SELECT status FROM pulse_test_channel('fast')},
	'the first test of a channel' => q{SELECT status FROM pulse_test_channel('other')},
	'a retry of a channel' => q{SELECT pulse_retry_message('fast')},
	'a lock of its state' => q{SELECT FROM pulse.channel_state FOR UPDATE});
for my $what (sort keys %hold)
{
	shop(q{DELETE FROM pulse.channel_state WHERE channel = 'other'}) if $what =~ /first/;
	$holder->query_safe("BEGIN; $hold{$what}");
	sent(send_one($_), "$what is not committed, and $_ goes on") for 'fast', 'other';
	$holder->query_safe('ROLLBACK');
}
# With the following results.
wait_until(q{WITH more AS (INSERT INTO pulse.outbox (channel, kind, event, payload) SELECT c, 'event', 'test', '{}' FROM unnest('{fast,other}'::text[]) AS c)
	SELECT count(*) = 2 FROM pulse.channel_state WHERE last_ok_at IS NOT NULL}, 'states that could not be saved are saved later');

# ---- a locked message waits, and nothing else ----
post_json("$url/__faults", { path => '/plain/other', mode => 'hold', times => 1 });
my $slow = send_one('other', 'k');
wait_until("SELECT status = 'sending' FROM pulse.outbox WHERE id = $slow", 'one is being sent');
my $next = send_one('other', 'k');
wait_until("SELECT waits FROM pulse.outbox WHERE id = $next", 'another one waits for it');
$holder->query_safe("BEGIN; SELECT pulse_cancel_message($next)");
delete_json("$url/__faults");
sent($slow, 'the first ends while the second is being cancelled');
sent(send_one('fast'), 'others are sent');
$holder->query_safe('ROLLBACK');
sent($next, 'after a rollback of the cancellation it is sent');
my $held = shop(q{INSERT INTO pulse.outbox (channel, kind, event, payload, send_at) VALUES ('fast', 'event', 'test', '{}', now() + interval '1 hour') RETURNING id});
is(sqlstate($node, 'shop', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pulse_cancel_message($held)"), '55000', 'a function needs a fresh snapshot');

# ---- a lock while a message is composed only delays it ----
shop("UPDATE pulse.incident_record SET status = 'open', closed_at = NULL; DELETE FROM pulse.told");
$holder->query_safe('BEGIN; LOCK TABLE pulse.told IN ACCESS EXCLUSIVE MODE');
shop("INSERT INTO pulse.notice (event, kind, incident_id, at) VALUES ('incident.opened', 'reopened', $incident, now())");
wait_until(q{SELECT count(*) = 1 FROM pulse.outbox WHERE event = 'reopened' AND status = 'pending' AND error IS NOT NULL}, 'it is postponed');
sent(send_one('fast'), 'others are sent');
$holder->query_safe('ROLLBACK');
wait_until(q{SELECT status = 'sent' FROM pulse.outbox WHERE event = 'reopened'}, 'and sent after the lock is released');
$holder->quit;

# ---- a prepared transaction ----
shop(q{BEGIN; INSERT INTO pulse.outbox (channel, kind, event, payload) VALUES ('fast', 'event', 'prepared', '{}'); PREPARE TRANSACTION 'p'});
shop(q{COMMIT PREPARED 'p'});
wait_until(q{SELECT status = 'sent' FROM pulse.outbox WHERE event = 'prepared'}, 'a prepared message is found');

# ---- a dropped channel ----
shop(q{INSERT INTO pulse.channel_state (channel, disabled_at) VALUES ('dropped', now())});
my $orphan = send_one('dropped');
wait_until("SELECT status = 'dead' FROM pulse.outbox WHERE id = $orphan", 'a pending message of a disabled and dropped channel becomes dead');
is(shop(q{SELECT count(*) FROM pulse.channel_state WHERE channel = 'dropped'}), 0, 'and its state is deleted');

# ---- a failing receiver ----
post_json("$url/__faults", { path => '/plain/other', mode => 'status', status => 503 });
shop(q{INSERT INTO pulse.outbox (channel, kind, event, payload) SELECT 'other', 'event', 'trouble', '{}' FROM generate_series(1, 100)});
wait_until(q{SELECT open_until > now() AND failures >= 5 FROM pulse.channel_state WHERE channel = 'other'}, 'the channel is paused');
is(shop(q{SELECT state || ' ' || value FROM pulse_status() WHERE item = 'channel other'}), 'degraded resting', 'as pulse_status() shows');
is(shop(q{SELECT sum(attempts) <= 30 FROM pulse.outbox WHERE event = 'trouble'}), 't', 'after a few attempts, which count');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no crash, leak or lock problem in the log');
done_testing();
