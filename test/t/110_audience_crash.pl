# Whatever is killed, and with three of ten requests failing: at the end each platform has exactly the members with consent, whose audience
# of Meta is replaced in one session, too. PULSE_AUDIENCE_PEOPLE is the number of people on every platform; without it one platform, which
# PULSE_AUDIENCE_SEED chooses, has 20,000, and the others 10,000.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my @platforms = qw(meta google tiktok snapchat webhook);
my $seed = $ENV{PULSE_AUDIENCE_SEED} // int(time / 86400);
my $many = $ENV{PULSE_AUDIENCE_PEOPLE} // 20_000;
my $few = $ENV{PULSE_AUDIENCE_PEOPLE} ? $many : 10_000;
my %segment = map { $_ => 'few' } @platforms;
$segment{ $platforms[ $seed % 5 ] } = 'gold';
%segment = map { $_ => 'gold' } @platforms if $ENV{PULSE_AUDIENCE_PEOPLE};
note("seed $seed: " . join ', ', map { "$_ has " . ($segment{$_} eq 'gold' ? $many : $few) . ' people' } @platforms);
my $started = time;
sub passed { note(sprintf '%s: %d s', $_[0], time - $started); return }

my $platforms = start_platforms();
my $node = start_node('audience_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'pulse.allow_http = on',
	"pulse.allowed_hosts = '127.0.0.1'", 'log_statement = none', 'max_wal_size = 4GB');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', $many, $few);
passed('people');
sub shop { return $node->safe_psql('shop', $_[0]) }
# While the server begins again, psql can end before it has read what comes by a pipe: here the statement is an argument.
sub ask { my ($sql) = @_; IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('shop'), '-c', $sql ], '<', \undef, '>', \my $answer, '2>', \my $error) or return; chomp $answer; return $answer }
sub alive { PulsePeers::wait_for($platforms, 'the server comes back', sub { return ask('SELECT 1') }); return }
sub worker { return ask(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse audiences'}) }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}'), pulse_create_segment('few', '{"where": "profile.plan == \"gold\" && profile.part == \"few\""}')});
shop(q{CALL pulse_build(5000)});
passed('segments');
# Consent as events bring it, for all at once.
shop(qq{SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, $many) AS n WHERE n % 10 <> 0});
passed('consent');
for my $platform (@platforms)
{
	make_destination($node, 'shop', $platform, $platforms);
	my $rows = $platform eq 'tiktok' || $platform eq 'webhook' ? 1000 : 2000;
	shop("ALTER SERVER $platform OPTIONS (ADD batch_size '$rows')");
	shop(qq{SELECT pulse_create_audience('$platform', '$segment{$platform}', '$platform', '{"identifiers": ["email"], "purposes": ["ads"], "interval": "manual", "platform_name": "$platform", "max_share": 1}')});
	trust_audience($node, 'shop', $platform, $platform, $segment{$platform});
}
# Three of ten requests fail, also those for access tokens. Google says later that a part was not done, which the next sync mends, and a
# session that is lost is begun anew: both have tests of their own.
my @choices = qw(throttle busy server html cut_before cut_after half);
my %choices = (meta => [ @choices, 'partial' ], google => \@choices, tiktok => [ @choices, 'partial', 'duplicate' ], snapchat => [ @choices, 'partial' ], webhook => [ grep { $_ ne 'busy' } @choices ]);
my $n = $seed;
post_json("$platforms->{url}/__faults", { path => "/$_", mode => 'any', rate => 0.3, seed => ++$n, choices => $choices{$_} }) for @platforms;
post_json("$platforms->{url}/__faults", { path => "/oauth/$_", mode => 'any', rate => 0.3, seed => ++$n, choices => [qw(server html cut_before cut_after half)] }) for qw(google snapchat);

my $killed = 0;
# In the first rounds of what is synced; every third time, and where no worker runs, the whole server.
sub disturb
{
	my ($round) = @_;
	return unless $round % 2 && $round < 10;
	my $pid = worker();
	if (++$killed % 3 == 0 || !$pid)
	{
		$node->kill9;
		start_again($node);
	}
	else
	{
		PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
	}
	alive();
	return;
}

# All platforms at once, until the sync of each has ended well.
sub settle
{
	my ($what, %operation) = @_;
	shop("SELECT pulse_sync_audience('$_', '" . ($operation{$_} // 'auto') . "')") for @platforms;
	my %left = map { $_ => 1 } @platforms;
	my ($round, $end) = (0, time + 3 * $PostgreSQL::Test::Utils::timeout_default);
	while (%left && time < $end)
	{
		for my $platform (sort keys %left)
		{
			ask(q{SELECT pulse_retry_sync(id) FROM pulse.sync_run WHERE status IN ('pending', 'processing') AND not_before > now() + interval '1 second'});
			my $status = ask("SELECT status FROM pulse.sync_run WHERE audience = '$platform' ORDER BY id DESC LIMIT 1") // next;
			delete $left{$platform} if $status eq 'completed';
			ask("SELECT pulse_sync_audience('$platform', '" . ($operation{$platform} // 'auto') . "')") if $status eq 'failed';
		}
		disturb(++$round);
		select undef, undef, undef, 0.1;
	}
	is(join(' ', sort keys %left), '', "$what: all syncs have ended") or diag(shop("SELECT to_jsonb(r) FROM pulse.sync_run AS r WHERE finished_at IS NULL"));
	my %wanted = map { $_ => wanted_hashes($node, 'shop', $_) } qw(gold few);
	is(difference(platform_hashes($platforms, $_, $_), $wanted{ $segment{$_} }), '', "$what: $_ has exactly the members with consent") for @platforms;
	passed($what);
	return;
}

settle('first');
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'free'))) FROM generate_series(1, 3000) AS n WHERE n % 3 = 0});
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('email', 'other' || n || '@example.com'))) FROM generate_series(1, 3000) AS n WHERE n % 5 = 0});
shop(q{SELECT count(pulse_set_consent('u' || n, 'ads', false)) FROM generate_series(3000, 4000) AS n});
shop(q{SELECT count(pulse_merge('u' || n, 'u' || n + 1, 'same')) FROM generate_series(5001, 5100, 4) AS n});
settle('changes');
# Back again, while those who left may not have left everywhere; and Meta has others, so it is replaced.
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'gold'))) FROM generate_series(1, 3000) AS n WHERE n % 3 = 0});
shop(q{SELECT count(pulse_unmerge(id, 'not the same')) FROM pulse.merge_history});
post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'meta', add => [ map { 'EMAIL:' . sha256_hex("stranger$_") } 1 .. 100 ] });
settle('back again', meta => 'replace');
note("killed $killed times, $many people, " . $node->safe_psql('shop', 'SELECT count(*) FROM pulse.sync_batch') . ' recorded requests');
cmp_ok($killed, '>=', 3, 'something was killed each time');
is(violations($platforms), '', 'no platform had anything to complain about');
$node->stop;
done_testing();
