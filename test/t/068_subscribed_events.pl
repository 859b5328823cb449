# Subscriptions to events and profiles, with the real worker: signed, every event once in the outbox, whatever is killed and whenever a
# transaction commits; what is not subscribed to is not written.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;
use PulseTest;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $node = start_node('events_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
my $codec = JSON::PP->new->utf8->canonical;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{CREATE EXTENSION pulse; SELECT pulse_track('old', 'view')});

sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub told
{
	my ($name) = @_;
	return [ map { my $event = $codec->decode($_->{body}); join ' ', $event->{data}{user_id} // '-', $event->{type}, $event->{data}{event} // () }
		  grep { $_->{status} == 200 } @{ get_json("$url/__journal?path=/webhook/$name") } ];
}
# Waits until all events since the first subscription are in the outbox, and every message has been sent.
my $settled = q{NOT EXISTS (SELECT FROM pulse.outbox WHERE status IN ('pending', 'sending')) AND NOT EXISTS (SELECT FROM pulse.feed_item)
	AND (SELECT count(*) FROM pulse.outbox WHERE channel = 'all' AND event = 'event.received') = (SELECT count(*) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id
		JOIN pulse.identity AS i ON i.profile_id = p.id AND i.value <> 'old')};
sub settle { my ($what) = @_; wait_until("SELECT $settled", $what); }

shop(qq{SELECT pulse_subscribe('$url/webhook/all', '{event.received,profile.created,profile.updated,profile.merged}', name => 'all')});
shop(qq{SELECT pulse_subscribe('$url/webhook/created', '{profile.created}', name => 'created')});
post_json("$url/__faults", { path => '/webhook/all', mode => 'status', status => 503, times => 1 });
shop(q{SELECT pulse_track('ann', 'purchase'), pulse_identify('ann', '{"plan": "pro"}')});
settle('what ann did');
is_deeply(told('all'), [ 'ann profile.created', 'ann event.received purchase', 'ann event.received $identify', 'ann profile.updated' ],
	'each is sent once and in order, although the first attempt failed; nothing about earlier events');
is_deeply(told('created'), ['ann profile.created'], 'only what is subscribed to');

# ---- a transaction that commits after a later one has been sent ----
my $late = $node->background_psql('shop');
$late->query_safe(q{BEGIN; SELECT pulse_track('late', 'view')});
shop(q{SELECT pulse_track('early', 'view')});
wait_until(q{SELECT count(*) = 2 FROM pulse.outbox WHERE channel = 'all' AND status = 'sent' AND payload -> 'data' ->> 'user_id' = 'early'},
	'the event of a transaction that began later is sent');
is(scalar(grep { /^late/ } @{ told('all') }), 0, 'before the other one is');
$late->query_safe('COMMIT');
$late->quit;
settle('once that has committed');
is(scalar(grep { /^late/ } @{ told('all') }), 2, 'its event is sent, too');

# ---- subscribing waits for transactions that ingest events ----
my $open = $node->background_psql('shop');
$open->query_safe(q{BEGIN; SELECT pulse_track('dan', 'before')});
is(sqlstate($node, 'shop', "SET pulse.lock_timeout = '100ms'; SELECT pulse_subscribe('$url/webhook/second', '{event.received}', name => 'second')"), '55P03',
	'pulse_subscribe() waits for a transaction that ingests events');
$open->query_safe('COMMIT');
$open->quit;
shop(qq{SELECT pulse_subscribe('$url/webhook/second', '{event.received}', name => 'second')});
shop(q{SELECT pulse_track('dan', 'after')});
settle('one event before and one after');
is_deeply(told('second'), ['dan event.received after'], 'the one before is not sent');
shop(q{SELECT pulse_unsubscribe('second')});

# ---- many at once, with the worker killed in between ----
my ($dir, @busy) = (PostgreSQL::Test::Utils::tempdir());
for my $s (1 .. 6)
{
	append_to_file("$dir/busy$s", join '', map {
		my $who = 'w' . ($s + $_) % 8;
		$_ % 10 == 0 ? "BEGIN; SELECT pulse_track('$who', 'never'); ROLLBACK;\n"
		  : "SELECT count(*) FROM pulse_ingest('[{\"type\": \"track\", \"userId\": \"$who\", \"event\": \"view\"}, {\"type\": \"track\", \"userId\": \"s$s$_\", \"event\": \"view\"}]');\n"
	} 1 .. 50);
	my ($out, $err) = ('', '');
	push @busy, [ IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', "$dir/busy$s" ], '<', \undef, '>', \$out, '2>', \$err), \$err ];
}
$_->[0]->finish for @busy;
is(join('', map { ${ $_->[1] } } @busy), '', 'six sessions ingest their events');
settle('each of their events is sent');
my $killed = 0;
for my $i (1 .. 30)
{
	# A server that is restarting refuses connections for a while.
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		last if $node->psql('shop', "SELECT pulse_track('k" . $i % 5 . "', 'view', message_id => 'k$i')") == 0;
		select undef, undef, undef, 0.1;
	}
	next if $i % 10;
	my (undef, $pid) = $node->psql('shop', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse delivery'});
	next unless $pid;
	PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
	++$killed;
}
note("the worker was killed $killed times");
wait_until_back($node);
settle('thirty events, with the worker killed in between');
is(shop(q{SELECT count(*) = count(DISTINCT key) AND bool_and(status = 'sent') FROM pulse.outbox WHERE channel = 'all'}), 't', 'each has one message, which is sent');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'created'}), shop(q{SELECT count(*) - 1 FROM pulse.profile}), 'and so has each new profile');
my (%seen, %known, $disorder);
for my $entry (grep { ($_->{status} // 0) == 200 } @{ get_json("$url/__journal?path=/webhook/all") })
{
	next if $seen{ $entry->{headers}{'webhook-id'} }++;
	my $event = $codec->decode($entry->{body});
	my $who = $event->{data}{profile_id};
	$disorder .= "$event->{type} of $who; " if ($event->{type} eq 'profile.created') == ($known{$who}++ ? 1 : 0);
}
is(scalar(keys %seen), shop(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'all'}), 'the receiver has every key');
is($disorder, undef, 'and each person is created first, and once');

# ---- what happens while no worker runs is sent later; a copy does not contain it ----
$node->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pulse delivery')}) or die 'the worker does not end';
shop(q{SELECT pulse_track('cat', 'view')});
is(shop('SELECT count(*) FROM pulse.feed_item'), '2', 'it waits');
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('shop') ]);
like($dump, qr/^all\t.*event\.received/m, 'a dump contains the subscription');
unlike($dump, qr/^all\t\d+\t\d+\t/m, 'but not its position');
unlike($dump, qr/^\d+\tprofile\.created\t/m, 'nor what waits');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pulse.run_jobs');
$node->restart;
settle('after a restart');
is(scalar(grep { /^cat event/ } @{ told('all') }), 1, 'it is sent');
is(scalar(grep { @{ $_->{bad} } } @{ get_json("$url/__journal") }), 0, 'the receiver saw no violation');

shop(q{SELECT pulse_unsubscribe('all'), pulse_unsubscribe('created')});
shop(q{SELECT pulse_track('ann', 'view')});
is(shop('SELECT (SELECT count(*) FROM pulse.feed_consumer), (SELECT count(*) FROM pulse.feed_item)'), '0|0', 'no consumer is left, and nothing is written any more');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|\bleak|own a lock/, 'no crash, leak or lock problem in the log');
done_testing();
