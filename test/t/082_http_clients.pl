# The libraries that send events to Segment, RudderStack and PostHog, unmodified, to Pulse: all their calls, what they do when Pulse
# or its limits send them back, and that every event counts once.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use PulseGateway;
use PulseHttp;
use PulseTest;

my $node = start_node('clients');
create_pulse($node, 'shop');
my $gateway = start_http($node, 'shop');
my $write = make_key($node, 'shop', 'server', 'write');
sub sql { return $node->safe_psql('shop', @_) }

# ---- @segment/analytics-node ----

my $result = run_client('segment.mjs', { url => $gateway->{url}, key => $write, first => 1, events => 200 });
is_deeply([ @$result{qw(called failed ids errors)} ], [ 206, 0, 206, [] ], 'Segment: six calls and 200 events, none fails');
is_deeply($result->{statuses}, { 200 => $result->{requests} }, 'each request is answered by 200');
is(sql(q{SELECT count(*), count(DISTINCT properties ->> 'number') FROM pulse.event WHERE name = 'Counted'}), '200|200', 'each event is there once');
is(sql(q{SELECT string_agg(type || ' ' || name, ', ' ORDER BY type) FROM pulse.event WHERE name <> 'Counted'}),
	'alias $alias, group $group, identify $identify, page $page, screen $screen, track Order Completed', 'and so are the six calls');
is(sql(q{SELECT time AT TIME ZONE 'UTC', properties FROM pulse.event WHERE name = 'Order Completed'}),
	'2024-03-01 10:00:00.123|{"name": "Zoë – \"x\"", "total": 12.5}', 'with time and properties');
is(sql(q{SELECT attributes ->> 'plan' FROM pulse.person WHERE user_id = 'seg-1'}), 'pro', 'identify changes the person');
is(sql(q{SELECT count(DISTINCT p.canonical_id) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE e.name <> 'Counted'}), '1',
	'all of them are of one person');
is(sql(q{SELECT attributes FROM pulse.account WHERE key = 'seg-account'}), '{"name": "Acme"}', 'group changes the account');

# How many different numbered events of a name there are, and how many rows.
sub counted { my ($name) = @_; return sql("SELECT count(DISTINCT properties ->> 'number') || ' of ' || count(*) FROM pulse.event WHERE name = '$name'") }

# How many requests were answered so, by the gateway's log.
sub count_answers { my ($status) = @_; return scalar grep { $_->{status} && $_->{status} == $status } log_lines($gateway) }

# A new key whose limit is used up.
sub make_limited_key
{
	my ($name, $rate) = @_;
	my $key = make_key($node, 'shop', $name, 'write', "rate => $rate");
	ok((grep { send_json($gateway, 'POST', '/v1/track', $key, { userId => 'fill', event => 'Fill', messageId => "$name $_" })->{status} == 429 } 1 .. 2 * $rate), 'a key above its limit');
	return $key;
}

# A key with a limit: 429 with Retry-After, which the library keeps to.
my $slow = make_limited_key('slow server', 60);
$result = run_client('segment.mjs', { url => $gateway->{url}, key => $slow, events => 100, batch => 10, name => 'Limited' });
cmp_ok($result->{statuses}{429} // 0, '>', 0, 'Segment: a key with a limit answers 429');
is_deeply([ @$result{qw(called failed)} ], [ 100, 0 ], 'and the library loses nothing');
is(counted('Limited'), '100 of 100', 'each event is there once');

# The database restarts in the middle: at first in order, then as after a crash.
for my $mode (qw(fast immediate))
{
	my $client = start_client('segment.mjs', { url => $gateway->{url}, key => $write, events => 400, batch => 2, pause => 12, name => "Restart $mode" });
	ok(wait_until(sub { sql("SELECT count(*) > 20 FROM pulse.event WHERE name = 'Restart $mode'") eq 't' }), 'events arrive');
	my $before = count_answers(503);
	$node->stop($mode);
	ok(wait_until(sub { count_answers(503) > $before }), 'while the database is down, Pulse answers 503');
	$node->start;
	$result = finish_client($client);
	cmp_ok($result->{repeated}, '>', 0, 'the library repeats requests');
	is_deeply([ @$result{qw(called failed)} ], [ 400, 0 ], "a restart ($mode) loses nothing");
	is(counted("Restart $mode"), '400 of 400', 'and each event is there once');
}

# What no repetition mends is told at once.
$result = run_client('segment.mjs', { url => $gateway->{url}, key => 'unknown', events => 1 });
is_deeply([ $result->{failed}, $result->{statuses} ], [ 1, { 401 => 1 } ], 'a wrong key is 401');

# ---- @rudderstack/rudder-sdk-node ----

my $before = count_answers(400);
$result = run_client('rudder.mjs', { url => $gateway->{url}, key => $write, first => 1, events => 100, name => 'Rudder' });
is_deeply($result, { called => 107, errors => [] }, 'RudderStack: six calls and 100 events, compressed; one that is not valid fails nothing');
is(counted('Rudder'), '100 of 100', 'each event is there once');
is(count_answers(400), $before, 'no answer is 400, which would end the application');
is(sql(q{SELECT string_agg(reason, ', ') FROM pulse.rejected_event}), 'invalid_event_name', 'the event that is not valid is kept apart');
is(sql(q{SELECT string_agg(e.type || ' ' || e.name, ', ' ORDER BY e.type) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id
	WHERE e.name <> 'Rudder' AND (p.canonical_id = (SELECT profile_id FROM pulse.identity WHERE value = 'rs-1') OR e.type = 'screen' AND e.message_id !~ '^node')}),
	'alias $alias, group $group, identify $identify, page $page, screen $screen, track Signed Up', 'the other six are there');
is(sql(q{SELECT time AT TIME ZONE 'UTC', properties FROM pulse.event WHERE name = 'Signed Up'}), '2024-03-01 10:00:00|{"from": "ad"}', 'with the time that the application gave');
is(sql(q{SELECT bool_and(abs(extract(epoch FROM received_at - time)) < 60) FROM pulse.event WHERE name = 'Rudder'}), 't', 'or that of the call');
is(sql(q{SELECT attributes ->> 'plan' FROM pulse.person WHERE user_id = 'rs-1'}), 'team', 'identify changes the person');

my $narrow = make_limited_key('narrow server', 20);
$before = count_answers(429);
$result = run_client('rudder.mjs', { url => $gateway->{url}, key => $narrow, events => 60, name => 'Rudder limited' });
cmp_ok(count_answers(429), '>', $before, 'RudderStack: 429');
is_deeply([ $result->{errors}, counted('Rudder limited') ], [ [], '60 of 60' ], 'is repeated, and each event is there once');
$before = count_answers(503);
$node->stop('fast');
my $client = start_client('rudder.mjs', { url => $gateway->{url}, key => $write, events => 60, name => 'Rudder restart' });
ok(wait_until(sub { count_answers(503) > $before }), 'RudderStack: a request that the database does not answer');
$node->start;
$result = finish_client($client);
is_deeply([ $result->{errors}, counted('Rudder restart') ], [ [], '60 of 60' ], 'is repeated, and each event is there once');

# ---- posthog-node ----

$result = run_client('posthog.mjs', { url => $gateway->{url}, key => $write, events => 100, name => 'Hog' });
is_deeply($result, { errors => [] }, 'PostHog: no request fails');
is(counted('Hog'), '100 of 100', 'each event is there once');
is(sql(q{SELECT attributes FROM pulse.person WHERE user_id = 'ph-1'}), '{"plan": "team", "second": 2, "first_seen_in": "Berlin"}',
	'$set changes attributes, $set_once does not');
is(sql(q{SELECT time AT TIME ZONE 'UTC', properties ->> 'via', properties ? '$lib' FROM pulse.event WHERE name = 'Signed Up' AND properties ? 'via'}), '2024-03-01 10:00:00|ad|t', 'capture');
is(sql(q{SELECT count(*), count(DISTINCT p.canonical_id) FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.value IN ('ph-1', 'ph-alias')}), '2|1', 'alias');
is(sql(q{SELECT attributes FROM pulse.account WHERE key = 'ph-account'}), '{"name": "Acme"}', 'groupIdentify');

done_testing();
