# Who is erased leaves each platform at once: in the middle of a long sync, with all addresses, also when a request with this person is
# under way, and when the login has ended as soon as it works again.
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
sub until_true { my ($query, $what) = @_; ok($node->poll_query_until('shop', $query), $what) or diag(shop('SELECT to_jsonb(r) FROM pulse.sync_run AS r ORDER BY id DESC LIMIT 5')); return }
sub fault { my ($path, $mode, %more) = @_; post_json("$platforms->{url}/__faults", { path => $path, mode => $mode, %more }); return }
sub well { delete_json("$platforms->{url}/__faults"); return }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, 'ads', true) FROM generate_series(1, 40) AS n});
my @platforms = qw(meta google tiktok snapchat webhook);
for my $platform (@platforms)
{
	make_destination($node, 'shop', $platform, $platforms);
	shop("ALTER SERVER $platform OPTIONS (ADD batch_size '1')");
	shop(qq{SELECT pulse_create_audience('$platform', 'gold', '$platform', '{"identifiers": ["email"], "purposes": ["ads"], "interval": "manual", "platform_name": "$platform", "max_share": 1}')});
	trust_audience($node, 'shop', $platform, $platform);
}
sub has { my ($platform, $hash) = @_; return platform_hashes($platforms, $platform, $platform) =~ /$hash/ ? 1 : 0 }

# The hashes of all addresses of a person.
sub hashes_of
{
	my ($person) = @_;
	return split /\n/, shop("SELECT DISTINCT encode(sha256(convert_to(v, 'UTF8')), 'hex') FROM (SELECT i.value FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id
		WHERE i.kind = 'email' AND p.canonical_id = $person UNION ALL SELECT p.attributes ->> 'email' FROM pulse.profile AS p WHERE p.canonical_id = $person) AS a (v) WHERE v IS NOT NULL");
}
sub person_of { my ($user) = @_; return shop("SELECT p.canonical_id FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.kind = 'user_id' AND i.value = '$user'") }
sub exactly_the_others { my ($what) = @_; is(difference(platform_hashes($platforms, $_, $_), wanted_hashes($node, 'shop')), '', "$what: $_ has exactly the others") for @platforms; return }

# ---- in the middle of a long sync ----
fault("/$_", 'slow', milliseconds => 500, times => 100) for @platforms;
shop("SELECT pulse_sync_audience('$_')") for @platforms;
until_true("SELECT bool_and(n >= 3) FROM (SELECT count(*) FILTER (WHERE m.state = 'sent') AS n FROM pulse.audience AS a LEFT JOIN pulse.audience_member AS m ON m.audience_id = a.id GROUP BY a.id) AS x",
	'long syncs send one after the other');
my $person = shop(q{SELECT m.profile_id FROM pulse.audience_member AS m WHERE m.state = 'sent' GROUP BY 1 HAVING count(*) = 5 ORDER BY 1 LIMIT 1});
my ($hash) = hashes_of($person);
is(join('', map { has($_, $hash) } @platforms), '11111', 'each platform has one of them');
shop("SELECT pulse_erase_profile('profile:$person', 'ticket 1')");
until_true('SELECT count(*) = 0 FROM pulse.audience_removal', 'an erased person is removed');
is(shop(q{SELECT string_agg(DISTINCT operation || ' ' || status || ' ' || phase, ', ') FROM pulse.sync_run}), 'full processing add', 'before the syncs have ended');
is(join('', map { has($_, $hash) } @platforms), '00000', 'no platform has it any more');
well();
is(sync_until_done($node, 'shop', $_, queued => 1), 'completed', "$_: the sync ends") for @platforms;
exactly_the_others('in a long sync');

# ---- with two addresses ----
shop(q{SELECT pulse_identify('u10', '{"email": "one@example.com"}'), pulse_identify('u11', '{"email": "two@example.com"}')});
shop(q{SELECT pulse_merge('u10', 'u11', 'one person')});
is(sync_until_done($node, 'shop', $_), 'completed', "$_: the two are one") for @platforms;
$person = person_of('u10');
my @both = hashes_of($person);
is(scalar @both, 2, 'a person with two addresses');
is(join('', map { my $platform = $_; map { has($platform, $_) } @both } @platforms), '1' x 10, 'each platform has both');
shop("SELECT pulse_erase_profile('profile:$person', 'ticket 2')");
until_true('SELECT count(*) = 0 FROM pulse.audience_removal', 'both are removed');
is(join('', map { my $platform = $_; map { has($platform, $_) } @both } @platforms), '0' x 10, 'no platform has either');

# ---- between the claim and the answer ----
for my $platform (@platforms)
{
	my $n = { meta => 13, google => 14, tiktok => 15, snapchat => 17, webhook => 18 }->{$platform};
	shop("SELECT pulse_identify('u$n', '{\"email\": \"$platform-late\@example.com\"}')");
	$person = person_of("u$n");
	my @late = hashes_of($person);
	my $path = { meta => '/meta/v25.0', google => '/google/v1/audienceMembers', tiktok => '/tiktok/open_api/v1.3/segment/mapping', snapchat => '/snapchat/v1/segments', webhook => '/webhook' }->{$platform};
	# Removals come first: what is held is the addition.
	fault($path, 'hold', adds => 1, times => 1);
	shop("SELECT pulse_sync_audience('$platform')");
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	select undef, undef, undef, 0.1 until get_json("$platforms->{url}/__summary")->{held} == 1 || time > $end;
	is(shop("SELECT state || ' ' || tried FROM pulse.audience_member AS m JOIN pulse.audience AS a ON a.id = m.audience_id AND a.name = '$platform' WHERE m.profile_id = $person"), 'adding true', "$platform: a request is under way");
	shop("SELECT pulse_erase_profile('profile:$person', 'ticket 3')");
	well();
	until_true('SELECT count(*) = 0 FROM pulse.audience_removal', "$platform: who was erased meanwhile is removed");
	is(join('', map { has($platform, $_) } @late), '0' x @late, "$platform: and is not there");
	is(sync_until_done($node, 'shop', $platform, queued => 1), 'completed', "$platform: the sync ends");
}
is(sync_until_done($node, 'shop', $_), 'completed', "$_: another sync") for @platforms;
exactly_the_others('erased in a request');

# ---- while the login does not work ----
$person = person_of('u19');
($hash) = hashes_of($person);
is(join('', map { has($_, $hash) } @platforms), '11111', 'each platform has one more');
fault("/$_", 'token') for @platforms;
shop("SELECT pulse_erase_profile('profile:$person', 'ticket 4')");
until_true(q{SELECT count(*) = 5 FROM pulse.sync_run WHERE operation = 'erase' AND status = 'failed'}, 'the removals fail');
is(shop(q{SELECT count(DISTINCT audience_id) FROM pulse.audience_removal WHERE cause = 'erased'}), 5, 'they wait for each platform');
is(shop(q{SELECT state || ' ' || value FROM pulse_status() WHERE item = 'erasures on platforms'}), 'degraded 5', 'and pulse_status() shows it');
is(shop(q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM pulse.destination}), 'google login ended, meta login ended, snapchat login ended, tiktok login ended, webhook blocked', 'like the destinations');
well();
# An hour later it is tried again, by itself.
shop(q{UPDATE pulse.sync_run SET finished_at = finished_at - interval '2 hours' WHERE operation = 'erase'});
until_true('SELECT count(*) = 0 FROM pulse.audience_removal', 'and they are removed when the login works again');
is(join('', map { has($_, $hash) } @platforms), '00000', 'no platform has it any more');
is(shop(q{SELECT string_agg(DISTINCT state, ', ') FROM pulse.destination}), 'ok', 'the destinations work again');
exactly_the_others('after a login that ended');
is(violations($platforms), '', 'requests are as the platforms want them');
$node->stop;
done_testing();
