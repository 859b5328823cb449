# TinyCDP's clients, by one of our own (test/peers/clients/tinycdp.mjs), for its package was never published: single events in parallel, what is sent
# again, decisions, pages and their beacons.
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

my $node = start_node('tinycdp');
create_pulse($node, 'shop');
my $gateway = start_http($node, 'shop');
my $write = make_key($node, 'shop', 'server', 'write');
sub sql { return $node->safe_psql('shop', @_) }

# How many different numbered events of a name there are, and how many rows.
sub counted { my ($name) = @_; return sql("SELECT count(DISTINCT properties ->> 'number') || ' of ' || count(*) FROM pulse.event WHERE name = '$name'") }

my $read = make_key($node, 'shop', 'reader', 'read');
sql(q{SELECT pulse_create_segment('pros', '{"where": "profile.plan == \"pro\""}'), pulse_create_flag('premium-features', 'segment("pros")')});
my %tiny = (url => $gateway->{url}, write => $write, read => $read);
my $result = run_client('tinycdp.mjs', { %tiny, events => 100, name => 'Tiny', decisions => [ [ "tiny user/\x{e4}&=+", 'premium-features' ], [ 'tiny-1', 'premium-features' ], [ 'x', 'no flag' ] ],
	beacons => 2 });
is_deeply([ @$result{qw(failed duplicates requeued most statuses)} ], [ 0, 0, 0, 20, { 200 => 103, 404 => 1 } ], 'TinyCDP: 100 events, 20 at once');
is(counted('Tiny'), '100 of 100', 'each event is there once');
like($result->{identified}{answer}{userId}, qr/^profile:\d+$/, 'identify returns the id of the person');
is_deeply([ map { my $decision = $_->{answer}; [ $_->{status}, @$decision{qw(userId flag allow)} ] } @{ $result->{decided} } ],
	[ [ 200, "tiny user/\x{e4}&=+", 'premium-features', JSON::PP::true ], [ 200, 'tiny-1', 'premium-features', JSON::PP::false ], [ 404, undef, undef, undef ] ], 'decide, with encoded values');
is_deeply($result->{decided}[0]{answer}{reasons}[0] =~ /\S/ ? 1 : 0, 1, 'with reasons');
is_deeply($result->{preflight}, { status => 204, allowed => { origin => '*', methods => 'OPTIONS, POST',
			headers => 'authorization, content-type, content-encoding, x-write-key, x-api-key, if-none-match, last-event-id, x-request-id' } }, 'the preflight of another page');
is_deeply($result->{beaconed}, [ ([ 200, 'application/json', '*', JSON::PP::true ]) x 2 ], 'beacons: text with the key in the query');
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = 'Page Left'}), '2', 'count');

# Answers are lost: the client sends again what has arrived, and then all events of the flush.
for my $times (0, 1)
{
	my $name = $times ? 'Lost with times' : 'Lost';
	$result = run_client('tinycdp.mjs', { %tiny, events => 60, name => $name, times => $times, lose => 1 });
	is_deeply([ @$result{qw(duplicates requeued)} ], [ 78, 60 ], "$name: what is sent again is called a duplicate");
	is_deeply([ $result->{failed}, counted($name) ], [ 0, '60 of 60' ], 'each event is there once');
}
$node->stop('immediate');
$node->start;
ok(wait_until(sub { send_json($gateway, 'POST', '/v1/track', $write, { userId => 'tiny-0', event => 'Lost with times', props => { number => 0 }, ts => '2024-01-01T00:00:00Z' })->{status} == 200 }), 'after a crash');
my $again = read_json(send_json($gateway, 'POST', '/v1/track', $write, { userId => 'tiny-0', event => 'Lost with times', props => { number => 0 }, ts => '2024-01-01T00:00:00Z' }));
is_deeply([ $again->{success}, $again->{duplicate} ], [ (JSON::PP::true) x 2 ], 'what came before is still known');

done_testing();
