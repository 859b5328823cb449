# Checkpoints of the audit log leave by a channel, of every kind that takes messages, without anybody asking; what the receiver kept proves a change.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JSON::PP;
use PulseTest;
use PulsePeers;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $node = start_node('witness', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1, localhost'", "pulse.audit_channel = 'hook'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
my $mail = q{"from": "Pulse <alerts@example.com>", "to": "ops@example.com"};
shop(qq{
	CREATE EXTENSION pulse;
	SELECT pulse_create_channel('hook', 'webhook', '{"url": "$url/webhook/witness", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
	SELECT pulse_create_channel('slack', 'slack', '{"url": "$url/slack/services/witness"}');
	SELECT pulse_create_channel('teams', 'teams', '{"url": "$url/teams/workflows?sig=witness"}');
	SELECT pulse_create_channel('resend', 'email', '{$mail, "api_key": "re_witness", "api_url": "$url/resend/emails"}');
	SELECT pulse_create_channel('smtp', 'email', '{$mail, "host": "127.0.0.1", "port": "1", "tls": "none"}');
	SELECT pulse_create_channel('pager', 'pagerduty', '{"routing_key": "0123456789abcdef0123456789abcdef", "api_url": "$url/pagerduty/v2/enqueue"}')});

# ---- an hour after the last one, the worker writes the next one and sends it ----
wait_until('SELECT NOT EXISTS (SELECT FROM pulse.audit_unsealed)', 'the worker seals');
is(shop('SELECT count(*) FROM pulse.audit_checkpoint'), 0, 'within the first hour there is no checkpoint');
shop(q{BEGIN; SET LOCAL session_replication_role = replica; UPDATE pulse.audit_seal SET sealed_at = sealed_at - interval '61 minutes'; COMMIT});
shop(q{BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM pulse.audit_seal; COMMIT; INSERT INTO pulse.audit_unsealed SELECT id FROM pulse.audit});
wait_until('SELECT NOT EXISTS (SELECT FROM pulse.audit_unsealed)', 'a chain that is whole again');
shop('SELECT pulse_checkpoint_audit()');
shop(q{BEGIN; SET LOCAL session_replication_role = replica; UPDATE pulse.audit_checkpoint SET at = at - interval '61 minutes'; COMMIT});
shop(q{SELECT pulse.write_audit('test.done', 'new')});
wait_until('SELECT count(*) = 2 FROM pulse.audit_checkpoint', 'an hour after the last one, with something new, the worker writes another');
wait_until(q{SELECT count(*) = 2 FROM pulse.outbox WHERE kind = 'checkpoint' AND status = 'sent'}, 'and both are sent');
my @kept = map { decode_json($_->{body}) } sort { decode_json($a->{body})->{data}{seq} <=> decode_json($b->{body})->{data}{seq} } @{ get_json("$url/__journal?path=/webhook/witness") };
is(scalar @kept, 2, 'the receiver has them');
is($kept[1]{type}, 'audit.checkpoint', 'by their type');
is(join(' ', $kept[1]{data}{seq}, $kept[1]{data}{hash}, $kept[1]{data}{database}), shop(q{SELECT seq || ' ' || encode(hash, 'hex') || ' shop' FROM pulse.audit_checkpoint ORDER BY seq DESC LIMIT 1}), 'with number, hash and database');
my $body = encode_json($kept[1]) =~ s/'/''/gr;
is(shop("SELECT intact, checkpoints FROM pulse_verify_audit('$body')"), 't|3', 'the message, as it came, verifies');

# ---- the chain is written anew, and every trace of it here ----
shop(q{BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM pulse.audit_seal; DELETE FROM pulse.audit_checkpoint; UPDATE pulse.audit SET subject = 'nothing' WHERE subject = 'new'; COMMIT;
	INSERT INTO pulse.audit_unsealed SELECT id FROM pulse.audit; SELECT pulse_seal_audit()});
wait_until('SELECT NOT EXISTS (SELECT FROM pulse.audit_unsealed)', 'a new chain');
is(shop('SELECT intact FROM pulse_verify_audit()'), 't', 'is whole in itself');
is(shop("SELECT intact, kind FROM pulse_verify_audit('$body')"), 'f|altered', 'what the receiver kept proves that it is another one');

# ---- channels of other kinds ----
my $n = 0;
sub told_to
{
	my ($channel) = @_;
	shop("ALTER SYSTEM SET pulse.audit_channel = '$channel'");
	shop('SELECT pg_reload_conf()');
	$node->poll_query_until('shop', "SELECT current_setting('pulse.audit_channel') = '$channel'") or die 'the setting does not come';
	shop(qq{SELECT pulse.write_audit('test.done', 'told ${\ ++$n}'); SELECT pulse_checkpoint_audit()});
	$node->poll_query_until('shop', "SELECT count(*) > 0 FROM pulse.outbox WHERE channel = '$channel' AND kind = 'checkpoint' AND (status IN ('sent', 'dead') OR error IS NOT NULL)") or die 'it is not sent';
	return shop("SELECT status, error FROM pulse.outbox WHERE channel = '$channel' AND kind = 'checkpoint'");
}
is(told_to($_), 'sent|', "$_ takes it") for qw(slack teams resend);
is(get_json("$url/__summary")->{violations}, 0, 'and sees no violation of its rules') or diag(explain([ map { $_->{bad} } @{ get_json("$url/__journal") } ]));
like(told_to('smtp'), qr/^pending\|.*127\.0\.0\.1/, 'a mail server that does not answer is tried again');
is(shop(q{SELECT payload ->> 'subject' FROM pulse.outbox WHERE channel = 'smtp'}), '[Pulse] Checkpoint of the audit log', 'with the mail ready');
is(told_to('pager'), 'dead|PagerDuty takes no messages but alarms', 'PagerDuty takes none');
like(told_to('nobody'), qr/^dead\|.*"nobody" does not exist/, 'a channel that does not exist is told in the outbox');
is(shop('SELECT intact, unsealed FROM pulse_verify_audit()'), 't|0', 'and stops no sealing');

stop_peer($receiver);
done_testing();
