# The gateway with Pulse behind it: keys, rates and usage; nobody is told that an event was accepted before it is kept, whatever is
# killed.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use PulseGateway;
use PulseTest;

$SIG{PIPE} = 'IGNORE';
my $node = start_node('gateway_pulse_crash', 'max_connections = 60', 'restart_after_crash = on', 'fsync = on');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{CREATE EXTENSION pulse; CREATE ROLE gate LOGIN; SELECT pulse_grant('gate', 'gateway'); CREATE ROLE shop; SELECT pulse_grant('shop', 'admin');
	SELECT pulse_create_flag('fresh', 'true')});
my $key = sql(q{SELECT pulse_create_api_key('shop', 'admin', 'shop')});
my $slow_key = sql(q{SELECT pulse_create_api_key('slow', 'write', 'shop', rate => 2)});
my $gateway = start_gateway($node, 'postgres', conninfo => $node->connstr('postgres') . ' user=gate');
sub post { my ($path, $body, $secret, %headers) = @_; return ask($gateway, request('POST', $path, { Authorization => 'Bearer ' . ($secret // $key), 'Content-Type' => 'application/json', %headers }, encode_json($body))) }
sub event { my ($id) = @_; return { event => 'seen', userId => 'u1', messageId => "m$id" } }

is(get($gateway, '/health')->{status}, 200, 'Pulse answers');
is(get($gateway, '/gateway/hello')->{status}, 404, 'requests of the gateway itself are not for others');
is(ask($gateway, request('POST', '/gateway/usage', {}, '{"usage": []}'))->{status}, 404, '... whatever they say');
is(post('/v1/track', event(0))->{status}, 200, 'an event');
is(post('/v1/track', event(0), 'pulse_nonsense')->{status}, 401, 'a key that is none');
my $answer = post('/ofrep/v1/evaluate/flags/fresh', { context => { targetingKey => 'u1' } });
is(decode_json($answer->{body})->{value}, JSON::PP::true, 'a decision');
like(get($gateway, '/metrics', Authorization => "Bearer $key")->{body}, qr/^pulse_events_total.*^pulse_http_requests_total\{route="\/v1\/track",method="POST",status="200"\} 1$/ms, 'metrics of both');
my @codes = map { post('/v1/track', event("s$_"), $slow_key)->{status} } 1 .. 4;
is("@codes", '200 200 429 429', 'the rate of a key');
my $body_key = sql(q{SELECT pulse_create_api_key('body', 'public', 'shop', rate => 2)});
sub batch
{
	my ($n, $name) = @_;
	my $json = encode_json({ $name => $body_key, batch => [ { event => 'in_body', distinct_id => 'u2', uuid => "b$n", type => 'track', userId => 'u2', messageId => "b$n" } ] });
	return ask($gateway, request('POST', $name eq 'api_key' ? '/batch/' : '/v1/batch', { 'Content-Type' => 'application/json' }, $json));
}
my @answers = (batch(1, 'writeKey'), batch(2, 'api_key'), batch(3, 'token'), batch(4, 'api_key'), batch(5, 'writeKey'));
is("@{[ map { $_->{status} } @answers ]}", '200 200 429 429 429', 'the rate of a key in the body, wherever it is');
like($answers[3]{headers}{'retry-after'}, qr/^([1-9]|[12]\d|30)$/, '... with the seconds until the next one');
is(sql(q{SELECT string_agg(message_id, ' ' ORDER BY message_id) FROM pulse.event WHERE name = 'in_body'}), 'b1 b2', '... and nothing of what was refused is kept');
is(post('/v1/track', event('h1'), $body_key)->{status}, 200, 'a text in the head is known by its first answer');
is(post('/v1/track', event('h2'), $body_key)->{status}, 429, '... and shares the budget');
is(post('/v1/track', event('h3'))->{status}, 200, 'other keys are not concerned');

# ---- events of one key that wait at the same moment ----

my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE pulse.event IN SHARE MODE');
my @waiting = map { connect_to($gateway) } 1 .. 30;
sub send_event { my ($socket, $body) = @_; syswrite $socket, request('POST', '/v1/track', { Authorization => "Bearer $key" }, $body) }
my $blocked = q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pulse_http' AND wait_event_type = 'Lock'};
for my $i (0, 1) { send_event($waiting[$i], encode_json(event("w$i"))); ok(wait_until(sub { sql($blocked) == $i + 1 }), 'a call waits') }
send_event($waiting[$_], encode_json(event("w$_"))) for 2 .. 26;
send_event($waiting[27], '{"event": ""}');
send_event($waiting[28], encode_json(event('w28') ));
send_event($waiting[29], encode_json(event('w28')));
ok(wait_until(sub { get($gateway, '/metrics', Authorization => "Bearer $key")->{body} =~ /^pulse_http_queue\{lane="ingest"\} 28$/m }), '28 events wait');
$lock->query_safe('COMMIT');
my @answers = map { read_answer($_) } @waiting;
is(join(' ', map { $_->{status} } @answers[ 0 .. 26, 28, 29 ]), join(' ', (200) x 29), 'each is answered');
is($answers[27]{status}, 400, '... what is wrong with one is not said to others');
is(join(' ', map { decode_json($answers[$_]{body})->{duplicate} ? 'twice' : 'new' } 26, 28, 29), 'new new twice', '... with what became of it');
is(sql(q{SELECT count(*), count(DISTINCT xmin::text) FROM pulse.event WHERE message_id ~ '^mw'}), '28|3', '... they shared a transaction');
like($answers[2]{headers}{'x-request-id'}, qr/^\w+$/, '... under their own ids');
isnt($answers[2]{headers}{'x-request-id'}, $answers[3]{headers}{'x-request-id'}, '... that differ');

# One that cannot be read spoils no other one.
$lock->query_safe('BEGIN; LOCK TABLE pulse.event IN SHARE MODE');
for my $i (0, 1) { send_event($waiting[$i], encode_json(event("v$i"))); ok(wait_until(sub { sql($blocked) == $i + 1 }), 'a call waits') }
send_event($waiting[2], encode_json(event('v2')));
send_event($waiting[3], '{"event":');
send_event($waiting[4], encode_json(event('v4')));
ok(wait_until(sub { get($gateway, '/metrics', Authorization => "Bearer $key")->{body} =~ /^pulse_http_queue\{lane="ingest"\} 3$/m }), '3 events wait');
$lock->query_safe('COMMIT');
is(join(' ', map { read_answer($waiting[$_])->{status} } 0 .. 4), '200 200 200 400 200', 'each has its own answer');
is(sql(q{SELECT count(*) FROM pulse.event WHERE message_id ~ '^mv'}), '4', '... and is kept once');
$lock->quit;

# ---- kill backends and the gateway while events come in ----

my (%accepted, $next);
sub send_some
{
	my ($harm) = @_;
	my @sockets = map { connect_to($gateway) } 1 .. 8;
	for my $round (1 .. 12)
	{
		my @ids = map { ++$next } @sockets;
		$_ && syswrite $sockets[ $_ - 1 ], request('POST', '/v1/track', { Authorization => "Bearer $key", 'Content-Type' => 'application/json' }, encode_json(event("e$ids[$_ - 1]"))) for 1 .. @sockets;
		$harm->() if $round == 6;
		for my $i (0 .. $#sockets)
		{
			my $got = read_answer($sockets[$i]);
			$accepted{"me$ids[$i]"} = 1 if $got && $got->{status} == 200;
			$sockets[$i] = eval { connect_to($gateway) } unless $got;
			return unless $sockets[$i];
		}
	}
	return;
}
sub kept { return map { $_ => 1 } split /\n/, sql(q{SELECT message_id FROM pulse.event WHERE message_id LIKE 'me%'}) }
sub check_events
{
	my ($what) = @_;
	ok(wait_until(sub { eval { sql('SELECT 1') } }), "after $what");
	my %kept = kept();
	my @lost = grep { !$kept{$_} } keys %accepted;
	is("@lost", '', '... nothing that was accepted is lost');
	is(sql(q{SELECT count(*) - count(DISTINCT message_id) FROM pulse.event}), '0', '... nothing is there twice');
}
send_some(sub { kill KILL => split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE query ~ 'pulse_http' AND pid <> pg_backend_pid() LIMIT 1}) });
ok(wait_until(sub { post('/v1/track', event('x'))->{status} == 200 }), 'events are accepted again');
check_events('kill -9 of a backend');
send_some(sub { stop_gateway($gateway, 'KILL') });
check_events('kill -9 of the gateway');
cmp_ok(scalar(keys %accepted), '>', 50, 'events were accepted: ' . keys %accepted);

# ---- an extension that is dropped and made again, while clients stay connected ----

$gateway = start_gateway($node, 'postgres', conninfo => $node->connstr('postgres') . ' user=gate');
my $socket = connect_to($gateway);
syswrite $socket, request('GET', '/health');
is(read_answer($socket)->{status}, 200, 'a client stays connected');
sql('DROP EXTENSION pulse CASCADE');
syswrite $socket, request('GET', '/health');
is(read_answer($socket)->{status}, 503, 'while the extension is dropped');
sql(q{DROP SCHEMA IF EXISTS pulse CASCADE; CREATE EXTENSION pulse; SELECT pulse_grant('gate', 'gateway')});
ok(wait_until(sub { syswrite $socket, request('GET', '/health'); read_answer($socket)->{status} == 200 }), 'and made again');
$key = sql(q{SELECT pulse_create_api_key('shop', 'admin', 'shop')});
post('/v1/track', event(1));
is(stop_gateway($gateway), 0, 'the gateway ends');
is(sql(q{SELECT sum(requests) FROM pulse.api_key_usage}), '1', 'and tells the usage of keys');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');
done_testing();
