# Whatever is killed between sending and recording, and whatever the receiver does: every message is delivered at least once, none is
# lost, repeated messages have the same key and the same text, and the order is kept.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;
use PulsePeers;

my $receiver = start_receiver();
my $node = start_node('delivery_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', qq{
	CREATE EXTENSION pulse;
	CREATE SERVER hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook', max_in_flight '50', timeout '1s');
	CREATE USER MAPPING FOR CURRENT_USER SERVER hook OPTIONS (url '$receiver->{url}/plain/hook');
	CREATE SERVER slow FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
	CREATE USER MAPPING FOR CURRENT_USER SERVER slow OPTIONS (url '$receiver->{url}/plain/slow');
});

sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub alive { wait_until_back($node, 'shop'); }
sub journal { return get_json("$receiver->{url}/__journal?path=$_[0]"); }
sub summary { return get_json("$receiver->{url}/__summary?path=$_[0]"); }
sub kill_worker
{
	my $pid = shop(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse delivery'});
	PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid) if $pid;
	return $pid;
}
sub until_true
{
	my ($check) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $check->();
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# ---- a crash between the answer and its record ----
my %kill = (
	'the worker' => sub { kill_worker() },
	'the postmaster' => sub {
		$node->kill9;
		start_again($node);
	});
my $round = 0;
for my $who ('the worker', 'the postmaster')
{
	++$round;
	delete_json("$receiver->{url}/__journal");
	post_json("$receiver->{url}/__faults", { path => '/plain/slow', mode => 'hold', times => 1 });
	my $id = shop(q{INSERT INTO pulse.outbox (channel, kind, event, payload) VALUES ('slow', 'event', 'test', '{"n": 1}') RETURNING id});
	ok(until_true(sub { @{ journal('/plain/slow') } == 1 }), "the receiver has a message, $who is running");
	# The result cannot be recorded while another session holds the row.
	my $holder = $node->background_psql('shop');
	$holder->query_safe("BEGIN; SELECT id FROM pulse.outbox WHERE id = $id FOR UPDATE");
	delete_json("$receiver->{url}/__faults");
	ok(until_true(sub { (journal('/plain/slow')->[0]{status} // 0) == 200 }), 'the receiver has answered');
	is(shop("SELECT status FROM pulse.outbox WHERE id = $id"), 'sending', 'and the result is not recorded');
	$kill{$who}->();
	eval { $holder->quit };
	alive();
	wait_until("SELECT status = 'sent' AND attempts = 2 FROM pulse.outbox WHERE id = $id", "after $who is killed, the message is sent again");
	my $came = journal('/plain/slow');
	is(scalar @$came, 2, 'the receiver got it twice');
	is($came->[0]{key}, $came->[1]{key}, 'with the same key');
	is($came->[0]{key}, shop("SELECT key FROM pulse.outbox WHERE id = $id"), 'which is the key in the outbox');
	is($came->[0]{body}, $came->[1]{body}, 'and the same text');
}

# ---- ten thousand messages; 30 % of the attempts fail, and the worker is killed several times ----
delete_json("$receiver->{url}/__journal");
my $seed = 0;
post_json("$receiver->{url}/__faults", { path => '/plain/hook', rate => $_->[0], seed => ++$seed, %{ $_->[1] } })
  for [ 0.12, { mode => 'status', status => 500 } ], [ 0.1, { mode => 'reset' } ], [ 0.05, { mode => 'silence' } ], [ 0.02, { mode => 'half' } ],
  [ 0.01, { mode => 'busy', seconds => 1 } ];
shop(q{INSERT INTO pulse.outbox (channel, kind, event, order_key, payload)
	SELECT 'hook', 'event', 'test', 'key ' || i % 500, jsonb_build_object('key', i % 500, 'n', i) FROM generate_series(1, 10000) AS i});
my ($killed, $polls) = (0, 0);
my $done = until_true(
	sub {
		my ($status, $left) = $node->psql('shop', q{SELECT count(*) FROM pulse.outbox WHERE status IN ('pending', 'sending')});
		return 0 if $status != 0;    # the server is starting again
		return 1 if $left == 0;
		# Does not wait for the delays after failures.
		$node->psql('shop', q{SELECT pulse_retry_message('hook')});
		if (++$polls % 20 == 0 && $killed < 3 && $left < 9500)
		{
			++$killed if kill_worker();
		}
		return 0;
	});
ok($done, 'all messages have ended');
note("the worker was killed $killed times");
is(shop(q{SELECT string_agg(DISTINCT status, ',') FROM pulse.outbox}), 'sent', 'all are sent');
my $all = summary('/plain/hook');
note("$all->{requests} requests, $all->{delivered} of them answered with success");
is($all->{delivered_keys}, 10000, 'every message was delivered');
is($all->{keys}, 10000, 'and no other');
is($all->{changed}, 0, 'repeated messages have the same text');
cmp_ok($all->{requests}, '>', 12000, 'many attempts failed');
# The order of the first successful attempts.
my (%last, %seen, $disorder);
for my $entry (@{ journal('/plain/hook') })
{
	next unless ($entry->{status} // 0) == 200 && !$seen{ $entry->{key} }++;
	my ($key, $n) = $entry->{body} =~ /"key":\s*(\d+),\s*"n":\s*(\d+)/ or die "odd body $entry->{body}";
	$disorder .= "$n after $last{$key}; " if $n < ($last{$key} // 0);
	$last{$key} = $n;
}
is($disorder, undef, 'the order is kept');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE waits}), 0, 'no message waits for another one');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no crash, leak or lock problem in the log');
done_testing();
