# Subscriptions to people who enter and leave segments, with the real worker: signed, in order for each person, every change once in the
# outbox, whatever is killed; a session that delays them delays no other message.
use strict;
use warnings;
use JSON::PP;
use Digest::SHA qw(hmac_sha256_base64);
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;
use PulseTest;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $node = start_node('people_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
my $codec = JSON::PP->new->utf8->canonical;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION pulse;
	SELECT pulse_identify('old', '{"plan": "premium"}');
	SELECT pulse_create_segment('premium', '{"where": "profile.plan == \"premium\""}');
	SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 1"}')});

sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub has_plan { my ($user, $plan) = @_; return "SELECT pulse_identify('$user', '{\"plan\": \"$plan\"}')"; }
sub journal { my ($name) = @_; return @{ get_json("$url/__journal?path=/webhook/$name") }; }
sub told
{
	my ($name) = @_;
	return [ map { my $data = $_->{data}; "$data->{user_id} $data->{change} $data->{segment}: $data->{cause}" }
		  map { $codec->decode($_->{body}) } grep { $_->{status} == 200 } journal($name) ];
}
# Waits until every change for a subscription to all events is in the outbox, and every message has been sent.
my $done = q{NOT EXISTS (SELECT FROM pulse.outbox WHERE status IN ('pending', 'sending'))
	AND (SELECT count(*) FROM pulse.outbox WHERE channel = 'people')
	  = (SELECT count(*) FROM pulse.membership_change AS c JOIN pulse.change_consumer AS n ON n.name = 'subscription:people'
	     WHERE c.id > n.after_id AND NOT c.quiet AND c.cause <> 'definition')};
sub settled { my ($what) = @_; wait_until("SELECT $done", $what); }

# ---- entered and exited, with both ways of evaluation ----
my $made = shop(qq{SELECT secret FROM pulse_subscribe('$url/webhook/people', '{segment.entered,segment.exited}', name => 'people')});
shop(qq{SELECT pulse_subscribe('$url/webhook/buyers', '{segment.entered}', name => 'buyers', segments => '{buyers}')});
shop(qq{SELECT pulse_subscribe('$url/webhook/others', name => 'others')});
post_json("$url/__faults", { path => '/webhook/people', mode => 'status', status => 503, times => 1 });
shop(has_plan('ann', 'premium'));
shop('SET pulse.evaluation = async; ' . has_plan('ann', 'free'));
wait_until('SELECT NOT EXISTS (SELECT FROM pulse.dirty)', 'the pipeline has evaluated the change');
shop(q{SELECT pulse_track('ann', 'purchase')});
settled('three changes');
is_deeply(told('people'), [ 'ann entered premium: event', 'ann exited premium: attributes', 'ann entered buyers: event' ],
	'each is sent once and in order, although the first attempt failed; nothing about earlier members');
is_deeply(told('buyers'), ['ann entered buyers: event'], 'only the requested changes');
is_deeply([ journal('others') ], [], 'and none to a subscription that does not name these events');
my @tries = journal('people');
is($tries[0]{headers}{'webhook-id'}, $tries[1]{headers}{'webhook-id'}, 'the second attempt has the same key');
isnt($tries[1]{headers}{'webhook-id'}, $tries[2]{headers}{'webhook-id'}, 'the next change has another one');
my $key = decode_base64($made =~ s/^whsec_//r);
my $signature = hmac_sha256_base64(join('.', @{ $tries[1]{headers} }{qw(webhook-id webhook-timestamp)}, $tries[1]{body}), $key);
is($tries[1]{headers}{'webhook-signature'}, "v1,$signature=", 'signed');

# ---- another session holds back changes ----
my $holder = $node->background_psql('shop');
shop(has_plan('ben', 'premium'));
settled('before');
$holder->query_safe('BEGIN; LOCK TABLE pulse.change_position IN SHARE MODE; SELECT FROM pulse.change_position FOR UPDATE');
shop(has_plan('ben', 'free'));
shop(q{SELECT pulse_take_snapshot('premium')});
wait_until(q{SELECT EXISTS (SELECT FROM pulse.outbox WHERE channel = 'others' AND status = 'sent')}, 'other messages are sent');
is(scalar(grep { /^ben exited/ } @{ told('people') }), 0, 'the change is not sent');
$holder->query_safe('ROLLBACK');
$holder->quit;
settled('after the lock is released it is sent');
is(scalar(grep { /^ben exited/ } @{ told('people') }), 1, 'once');

# ---- many at once ----
my ($dir, @busy) = (PostgreSQL::Test::Utils::tempdir());
for my $s (1 .. 6)
{
	# They read files: IPC::Run feeds standard input only while it is pumped, which is one session after the other.
	append_to_file("$dir/busy$s", 'SET pulse.evaluation = ' . ($s % 2 ? 'sync' : 'async') . ";\n"
		  . join '', map { has_plan('w' . ($s + $_) % 8, int($_ / 3) % 2 ? 'free' : 'premium') . ";\n" } 1 .. 50);
	my ($out, $err) = ('', '');
	push @busy, [ IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', "$dir/busy$s" ], '<', \undef, '>', \$out, '2>', \$err), \$err ];
}
$_->[0]->finish for @busy;
is(join('', map { ${ $_->[1] } } @busy), '', 'six sessions ingest their events');
wait_until('SELECT NOT EXISTS (SELECT FROM pulse.dirty)', 'all are evaluated');
settled('each of their changes is sent');
cmp_ok(scalar(grep { /^w\d/ } @{ told('people') }), '>', 8, 'and there were some');

# ---- subscribing and ingesting wait for each other ----
my $open = $node->background_psql('shop');
$open->query_safe('BEGIN; ' . has_plan('dan', 'premium'));
is(sqlstate($node, 'shop', "SET pulse.lock_timeout = '100ms'; SELECT pulse_subscribe('$url/webhook/late', '{segment.entered}', name => 'late')"), '55P03',
	'pulse_subscribe() waits for a transaction that ingests events');
$open->query_safe('COMMIT');
$open->quit;
shop(qq{SELECT pulse_subscribe('$url/webhook/late', '{segment.entered}', name => 'late')});
shop(has_plan('eve', 'premium'));
settled('one change before and one after');
wait_until(q{SELECT EXISTS (SELECT FROM pulse.outbox WHERE channel = 'late' AND status = 'sent')}, 'the one after is sent');
is_deeply(told('late'), ['eve entered premium: event'], 'and the one before is not');
shop(q{SELECT pulse_unsubscribe('late')});

# ---- the worker is killed repeatedly ----
my $worker = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse delivery'};
my $killed = 0;
sub come_in
{
	my ($sql) = @_;
	# A server that is restarting refuses connections for a while.
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if eval { $node->psql('shop', $sql) == 0 };  # psql may end before it reads the statement
		select undef, undef, undef, 0.1;
	}
	die 'the server does not come back';
}
for my $i (1 .. 60)
{
	come_in(has_plan('u' . $i % 5, int(($i - 1) / 5) % 2 ? 'free' : 'premium'));
	next if $i % 15;
	my (undef, $pid) = $node->psql('shop', $worker);
	next unless $pid;
	PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
	++$killed;
}
note("the worker was killed $killed times");
wait_until_back($node);
settled('sixty changes, with the worker killed in between');
is(shop(q{SELECT count(*) = count(DISTINCT key) AND bool_and(status = 'sent') FROM pulse.outbox WHERE channel = 'people'}), 't', 'each change has one message, which is sent');
my (%seen, %in, $disorder, %bodies);
for my $entry (grep { ($_->{status} // 0) == 200 } journal('people'))
{
	my ($id, $data) = ($entry->{headers}{'webhook-id'}, $codec->decode($entry->{body})->{data});
	$disorder .= "other text for $id; " if ($bodies{$id} //= $entry->{body}) ne $entry->{body};
	next if $seen{$id}++ || $data->{segment} ne 'premium';
	my $entered = $data->{change} eq 'entered' ? 1 : 0;
	$disorder .= "$data->{user_id} $data->{change} twice; " if $entered == ($in{ $data->{user_id} } // 0);
	$in{ $data->{user_id} } = $entered;
}
is(scalar(keys %seen), shop(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'people'}), 'the receiver has every key');
is($disorder, undef, 'and for each person entered and exited alternate');
is(shop(q{SELECT string_agg(i.value, ' ' ORDER BY i.value) FROM pulse.membership AS m JOIN pulse.identity AS i ON i.profile_id = m.profile_id WHERE m.segment = 'premium' AND i.value <> 'old'}),
	join(' ', sort grep { $in{$_} } keys %in), 'the messages match the memberships');

# ---- changes while no worker runs are sent later; a copy does not contain the position ----
$node->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()');
$node->poll_query_until('postgres', "SELECT NOT EXISTS ($worker)") or die 'the worker does not end';
shop(has_plan('cat', 'premium'));
my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('shop') ]);
like($dump, qr/^people\t.*segment\.entered/m, 'a dump contains the subscription');
unlike($dump, qr/^subscription:/m, 'but not its position');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pulse.run_jobs');
$node->restart;
settled('after a restart');
is(scalar(grep { /^cat entered premium/ } @{ told('people') }), 1, 'it is sent');
is(scalar(grep { @{ $_->{bad} } } @{ get_json("$url/__journal") }), 0, 'the receiver saw no violation');

shop(q{SELECT pulse_unsubscribe('people'), pulse_unsubscribe('buyers'), pulse_unsubscribe('others')});
is(shop('SELECT count(*) FROM pulse.change_consumer'), '0', 'no consumer is left');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|\bleak|own a lock/, 'no crash, leak or lock problem in the log');
done_testing();
