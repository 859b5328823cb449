# Who is erased while a long sync sends people is removed in the middle of it, not at its end.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('audience_erasure', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 40);
sub shop { return $node->safe_psql('shop', $_[0]) }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, 'ads', true) FROM generate_series(1, 40) AS n});
make_destination($node, 'shop', 'meta', $platforms);
shop(q{ALTER SERVER meta OPTIONS (ADD batch_size '1')});
shop(q{SELECT pulse_create_audience('meta', 'gold', 'meta', '{"identifiers": ["email"], "interval": "manual", "platform_name": "gold"}')});
trust_audience($node, 'shop', 'meta', 'meta');
post_json("$platforms->{url}/__faults", { path => '/meta', mode => 'slow', milliseconds => 500, times => 100 });
shop(q{SELECT pulse_sync_audience('meta')});
ok($node->poll_query_until('shop', "SELECT count(*) >= 3 FROM pulse.audience_member WHERE state = 'sent'"), 'a long sync sends one after the other');
my ($person, $hash) = split /\|/, shop(q{SELECT m.profile_id, encode(sha256(convert_to(p.attributes ->> 'email', 'UTF8')), 'hex') FROM pulse.audience_member AS m
	JOIN pulse.profile AS p ON p.id = m.profile_id WHERE m.state = 'sent' ORDER BY m.profile_id LIMIT 1});
like(platform_hashes($platforms, 'meta', 'gold'), qr/$hash/, 'the platform has one of them');
shop("SELECT pulse_erase_profile('profile:$person', 'ticket 1')");
ok($node->poll_query_until('shop', 'SELECT count(*) = 0 FROM pulse.audience_removal'), 'an erased person is removed');
is(shop(q{SELECT operation || ' ' || status || ' ' || phase FROM pulse.sync_run}), 'full processing add', 'before the sync has ended');
unlike(platform_hashes($platforms, 'meta', 'gold'), qr/$hash/, 'the platform does not have it any more');
delete_json("$platforms->{url}/__faults");
is(sync_until_done($node, 'shop', 'meta', queued => 1), 'completed', 'the sync ends');
is(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), '', 'with exactly the others');
is(violations($platforms), '', 'sessions are as the platform wants them');
$node->stop;
done_testing();
