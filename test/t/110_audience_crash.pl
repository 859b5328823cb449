# Whatever is killed, and with three of ten requests failing: at the end the platform has exactly the members with consent.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $people = $ENV{PULSE_AUDIENCE_PEOPLE} // 20_000;
my $platforms = start_platforms();
my $node = start_node('audience_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'pulse.allow_http = on',
	"pulse.allowed_hosts = '127.0.0.1'", 'log_statement = none');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', $people);
sub shop { return $node->safe_psql('shop', $_[0]) }
sub alive { $node->poll_query_until('shop', 'SELECT true') or die 'the server does not come back' }
sub worker { my ($failed, $pid) = $node->psql('shop', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse audiences'}); return $failed ? undef : $pid }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{CALL pulse_build(5000)});
# Consent as events bring it, for all at once.
shop(qq{SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, $people) AS n WHERE n % 10 <> 0});
my @platforms = qw(meta tiktok webhook);
for my $platform (@platforms)
{
	make_destination($node, 'shop', $platform, $platforms);
	shop("ALTER SERVER $platform OPTIONS (ADD batch_size '500')");
	shop(qq{SELECT pulse_create_audience('$platform', 'gold', '$platform', '{"identifiers": ["email"], "interval": "manual", "platform_name": "$platform", "max_share": 1}')});
	trust_audience($node, 'shop', $platform, $platform);
}
my $seed = 0;
post_json("$platforms->{url}/__faults", { path => "/$_", mode => 'any', rate => 0.3, seed => ++$seed }) for @platforms;

my ($killed, $rounds) = (0, 0);
sub disturb
{
	return unless ++$rounds % 7 == 0 && $killed < 12;
	if ($rounds % 21 == 0)
	{
		$node->kill9;
		start_again($node);
		++$killed;
	}
	elsif (my $pid = worker())
	{
		PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
		++$killed;
	}
	alive();
	return;
}

# All platforms at once, until the sync of each has ended well.
sub settle
{
	my ($what) = @_;
	shop("SELECT pulse_sync_audience('$_')") for @platforms;
	my %left = map { $_ => 1 } @platforms;
	my $end = time + 3 * $PostgreSQL::Test::Utils::timeout_default;
	while (%left && time < $end)
	{
		for my $platform (sort keys %left)
		{
			my ($failed, $status) = $node->psql('shop', "SELECT pulse_retry_sync(id) FROM pulse.sync_run WHERE status IN ('pending', 'processing') AND not_before > now() + interval '1 second';
				SELECT status FROM pulse.sync_run WHERE audience = '$platform' ORDER BY id DESC LIMIT 1");
			next if $failed;
			($status) = reverse split /\n/, $status // '';
			delete $left{$platform} if $status eq 'completed';
			$node->psql('shop', "SELECT pulse_sync_audience('$platform')") if $status eq 'failed';
		}
		disturb();
		select undef, undef, undef, 0.1;
	}
	is(join(' ', sort keys %left), '', "$what: all syncs have ended");
	my $wanted = wanted_hashes($node, 'shop');
	is(difference(platform_hashes($platforms, $_, $_), $wanted), '', "$what: $_ has exactly the members with consent") for @platforms;
	return;
}

settle('first');
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'free'))) FROM generate_series(1, 3000) AS n WHERE n % 3 = 0});
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('email', 'other' || n || '@example.com'))) FROM generate_series(1, 3000) AS n WHERE n % 5 = 0});
shop(q{SELECT count(pulse_set_consent('u' || n, 'ads', false)) FROM generate_series(3000, 4000) AS n});
shop(q{SELECT count(pulse_merge('u' || n, 'u' || n + 1, 'same')) FROM generate_series(5001, 5100, 4) AS n});
settle('changes');
# Back again, while those who left may not have left everywhere.
shop(q{SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'gold'))) FROM generate_series(1, 3000) AS n WHERE n % 3 = 0});
shop(q{SELECT count(pulse_unmerge(id, 'not the same')) FROM pulse.merge_history});
settle('back again');
note("killed $killed times, $people people, " . $node->safe_psql('shop', 'SELECT count(*) FROM pulse.sync_batch') . ' recorded requests');
cmp_ok($killed, '>=', 4, 'something was killed several times');
my @bad = grep { !/came twice/ } split /\n/, violations($platforms);
is("@bad", '', 'no platform had anything to complain about');
is((violations($platforms) =~ /came twice/) ? 'twice' : 'once', 'once', 'no first batch came twice');
$node->stop;
done_testing();
