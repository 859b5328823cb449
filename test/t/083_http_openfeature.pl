# OpenFeature's libraries for servers and browsers with their OFREP providers, unmodified. prism stands between them and pulse-http and
# turns every answer that test/peers/clients/ofrep.yaml does not allow into an error.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseGateway;
use PulseHttp;
use PulsePeers;
use PulseTest;

my $node = start_node('openfeature');
create_pulse($node, 'shop');
my $gateway = start_http($node, 'shop');
sub sql { return $node->safe_psql('shop', @_) }
my %key = map { $_ => make_key($node, 'shop', $_, $_) } qw(read admin);
$key{public} = make_key($node, 'shop', 'public', 'public', q{origins => '{https://shop.example}'});

# A role without a level, whose key therefore may do nothing.
sql(q{CREATE ROLE nobody});
$key{powerless} = sql(q{SELECT pulse_create_api_key('powerless', 'read', 'nobody')});

sql(<<'SQL');
SELECT pulse_identify('u1', '{"plan": "pro"}'), pulse_create_segment('pros', '{"where": "profile.plan == \"pro\""}');
SELECT pulse_create_flag('premium', '{"when": "segment(\"pros\")", "public": true}');
SELECT pulse_create_flag('banner', '{"variants": {"plain": "Hello", "german": "Grüß Gott – \"☃\""}, "off": "plain", "rules": [{"when": "context.country == \"DE\"", "variant": "german"}], "public": true}');
SELECT pulse_create_flag('discount', '{"variants": {"none": 0, "some": 12.5}, "off": "none", "rules": [{"when": "profile.plan == \"pro\"", "variant": "some"}], "public": true}');
SELECT pulse_create_flag('theme', '{"type": "json", "variants": {"light": {"color": "#fff", "sizes": [1, 2]}, "dark": {"color": "#000"}}, "off": "light", "rules": [{"when": "context.night == true", "variant": "dark"}]}');
SELECT pulse_create_flag('experiment', '{"percentage": 50, "public": true}');
SELECT pulse_create_flag('by-session', '{"rules": [{"percentage": 99.999, "variant": "on", "bucket_by": "context.session"}]}');
SELECT pulse_create_flag('retired', '{"enabled": false}');
SQL

# ---- prism ----

my $prism = peers_directory() . '/node_modules/@stoplight/prism-cli/dist/index.js';
my $rules = __FILE__ =~ s{[^/]*$}{../peers/clients/ofrep.yaml}r;

# The URL of a prism that checks what comes from another URL.
sub start_prism
{
	my ($url) = @_;
	my $port = free_port();
	my $peer = start_node_script($prism, 'proxy', '--errors', '--host', '127.0.0.1', '--port', $port, $rules, $url);
	wait_for_port($peer, $port);
	return { url => "http://127.0.0.1:$port", peer => $peer };
}
my $checked = start_prism($gateway->{url});

my $port = free_port();
my $wrong = start_peer('node', '-e', qq{require('http').createServer((request, response) => {
	response.setHeader('content-type', 'application/json'); response.end('{"key": "premium", "reason": "STATIC"}') }).listen($port, '127.0.0.1')});
wait_for_port($wrong, $port);
is(send_json(start_prism("http://127.0.0.1:$port"), 'POST', '/ofrep/v1/evaluate/flags/premium', 'x', { context => {} })->{status}, 500, 'prism refuses an answer without a value');
stop_peer($wrong);

# ---- servers ----

my $canonical = JSON::PP->new->canonical;
# What a flag became, in short.
sub short { my ($details) = @_; return join ' ', map { ref $_ ? $canonical->encode($_) : JSON::PP::is_bool($_) ? ($_ ? 'true' : 'false') : $_ // '-' } @$details{qw(value reason variant errorCode)} }
sub evaluate { my (%arguments) = @_; return run_client('openfeature_server.mjs', { url => $checked->{url}, key => $key{read}, %arguments }) }
sub shorts { my ($result) = @_; return [ map { short($_) } @{ $result->{details} } ] }

my $ann = { targetingKey => 'u1', country => 'DE', night => JSON::PP::true, session => 's1' };
my ($no, $yes) = (JSON::PP::false, JSON::PP::true);
my $result = evaluate(context => $ann, flags => [ [ 'premium', $no ], [ 'banner', 'x' ], [ 'discount', 7 ], [ 'theme', {} ], [ 'retired', $yes ], [ 'by-session', $no ] ]);
is_deeply(shorts($result), [
		'true TARGETING_MATCH on -', "Gr\x{fc}\x{df} Gott \x{2013} \"\x{2603}\" TARGETING_MATCH german -", '12.5 TARGETING_MATCH some -',
		'{"color":"#000"} TARGETING_MATCH dark -', 'false DISABLED off -', 'true SPLIT on -'
	], 'servers: all types of values');
is_deeply($result->{details}[0]{flagMetadata}, { version => 1, rule => 1, segment => 'pros' }, 'with the segment that decided');
$result = evaluate(context => { targetingKey => 'unknown' }, header => 'X-API-Key', flags => [ [ 'premium', $yes ], [ 'banner', 'x' ], [ 'theme', {} ] ]);
is_deeply(shorts($result), [ 'false DEFAULT off -', 'Hello DEFAULT plain -', '{"color":"#fff","sizes":[1,2]} DEFAULT light -' ], 'for whom no rule matches, with the key in X-API-Key');
is_deeply(shorts(evaluate(context => $ann, flags => [ [ 'nothing', $yes ], [ 'premium', 'text' ] ])), [ 'true ERROR - FLAG_NOT_FOUND', 'text ERROR - TYPE_MISMATCH' ],
	'FLAG_NOT_FOUND and TYPE_MISMATCH');
is_deeply(shorts(evaluate(flags => [ [ 'experiment', $yes ], [ 'experiment', $yes, { targetingKey => '' } ], [ 'premium', $yes ], [ 'by-session', $no, { session => 's1' } ] ])),
	[ 'true ERROR - TARGETING_KEY_MISSING', 'true ERROR - TARGETING_KEY_MISSING', 'false DEFAULT off -', 'true SPLIT on -' ],
	'TARGETING_KEY_MISSING only where an id decides');

# What the library cannot send.
sub refused { my ($path, $body) = @_; return read_json(send_json($checked, 'POST', "/ofrep/v1/evaluate/flags$path", $key{read}, $body)) }
sub directly { my ($path, $body) = @_; my $answer = send_json($gateway, 'POST', "/ofrep/v1/evaluate/flags$path", $key{read}, $body); return "$answer->{status} $answer->{content}" }
is(directly('/premium', '{"context": {"targetingKey": '), '400 {"errorCode":"PARSE_ERROR","errorDetails":"the body is not JSON","key":"premium"}', 'PARSE_ERROR');
is(directly('', '{"context": {"targetingKey": '), '400 {"errorCode":"PARSE_ERROR","errorDetails":"the body is not JSON"}', 'for all flags, too');
like(directly('/premium', '{"context": 5}'), qr/^400 .*"INVALID_CONTEXT".*"key":"premium"/, 'INVALID_CONTEXT');
like(directly('', '{}'), qr/^400 .*"INVALID_CONTEXT"/, 'for all flags, too');
is(refused('/premium', {})->{errorCode}, 'INVALID_CONTEXT', 'a request without a context');

# Keys
$result = evaluate(key => 'unknown', context => $ann, flags => [ [ 'premium', $no ] ]);
is_deeply([ shorts($result), $result->{requests} ], [ ['false ERROR - GENERAL'], [ [ 401, undef ] ] ], 'an unknown key is 401');
$result = evaluate(key => $key{powerless}, context => $ann, flags => [ [ 'premium', $no ] ]);
is_deeply([ shorts($result), $result->{requests} ], [ ['false ERROR - GENERAL'], [ [ 403, undef ] ] ], 'a key whose role may not decide is 403');
is_deeply(shorts(evaluate(key => $key{public}, context => $ann, flags => [ [ 'premium', $no ], [ 'theme', {} ] ])), [ 'true TARGETING_MATCH on -', '{} ERROR - FLAG_NOT_FOUND' ],
	'a public key sees public flags only');
$key{$_} = make_key($node, 'shop', $_, 'read', 'rate => 1') for qw(slow other);
$result = evaluate(key => $key{slow}, context => $ann, flags => [ map { [ 'premium', $no ] } 1 .. 4 ]);
is_deeply([ map { $_->[0] } @{ $result->{requests} } ], [ 200, 429 ], 'above its limit a key is 429, and the library asks no more');
like($result->{requests}[1][1], qr/^[1-9]\d?$/, 'until Retry-After has passed');

# ---- browsers ----

sub browse { my (%arguments) = @_; return run_client('openfeature_web.mjs', { url => $checked->{url}, direct => $gateway->{url}, origin => 'https://shop.example', key => $key{public}, %arguments }) }

my @flags = ([ 'premium', $no ], [ 'banner', 'x' ], [ 'discount', 7 ], [ 'experiment', $no ], [ 'theme', {} ], [ 'premium', 'text' ]);
$result = browse(steps => [
	{ context => { targetingKey => 'u1' }, flags => \@flags },
	{ poll => 1, flags => \@flags },
	{ context => { targetingKey => 'u1', country => 'DE' }, flags => [ $flags[1] ] },
	{ context => { targetingKey => 'other' }, flags => \@flags },
	{ context => {}, flags => [ @flags[ 0, 3 ] ] },
	{ put => [ '/v1/admin/flags/banner', $key{admin}, { definition => { variants => { plain => 'New' }, off => 'plain', variant => 'plain', public => $yes } } ], context => { targetingKey => 'u1' }, poll => 1, flags => [ $flags[1] ] },
]);
is($result->{error}, undef, 'browsers: the provider is ready');
my @steps = map { [ map { short($_) } @$_ ] } @{ $result->{results} };
my $split = sql(q{SELECT CASE WHEN allow THEN 'true SPLIT on -' ELSE 'false DEFAULT off -' END FROM pulse_decide('u1', 'experiment')});
my @first = ('true TARGETING_MATCH on -', 'Hello DEFAULT plain -', '12.5 TARGETING_MATCH some -', $split, '{} ERROR - FLAG_NOT_FOUND', 'text ERROR - TYPE_MISMATCH');
is_deeply($steps[0], \@first, 'all public flags at once');
is_deeply($steps[1], \@first, 'the same after asking again');
like($steps[2][0], qr/ TARGETING_MATCH german -$/, 'another context of the same person, for which the library sends the old tag');
is($steps[3][0], 'false DEFAULT off -', 'another person');
is_deeply($steps[4], [ 'false DEFAULT off -', 'false ERROR - TARGETING_KEY_MISSING' ], 'nobody: one flag fails, the others do not');
is($steps[5][0], 'New STATIC plain -', 'a changed flag arrives with the next poll');
my @requests = @{ $result->{requests} };
is_deeply([ grep { $_->{path} ne '/ofrep/v1/evaluate/flags' } @requests ], [], 'the library asks for all flags at once');
is_deeply([ map { $_->{status} } @requests[ 0 .. 2 ] ], [ 200, 304, 304 ], 'what has not changed is 304');
is_deeply([ map { $_->{tag} } @requests[ 1, 2 ] ], [ ($requests[0]{etag}) x 2 ], 'by the tag of the answer before');
is_deeply([ grep { $_->{status} !~ /^(200|304)$/ } @requests ], [], 'nothing fails');

# Without prism, which answers preflights itself.
$result = browse(url => $gateway->{url}, steps => [ { context => { targetingKey => 'u1' }, flags => [ $flags[0] ] }, { poll => 1 } ]);
is(short($result->{results}[0][0]), 'true TARGETING_MATCH on -', 'directly');
is_deeply([ grep { @{ $_->{refused} } || $_->{readable} ne '*' } @{ $result->{requests} } ], [], 'the page may send all headers and read the answers');
like($result->{requests}[0]{exposed}, qr/ETag/, 'and their tag');
$result = browse(origin => 'https://evil.example', steps => [ { context => { targetingKey => 'u1' } } ]);
is_deeply([ $result->{error}, $result->{requests}[0]{status} ], [ 'ProviderFatalError PROVIDER_FATAL: OFREPForbiddenError', 403 ], 'the page of another origin is 403');
$result = browse(key => 'unknown', steps => [ { context => { targetingKey => 'u1' } } ]);
is_deeply([ $result->{error}, $result->{requests}[0]{status} ], [ 'ProviderFatalError PROVIDER_FATAL: OFREPApiUnauthorizedError', 401 ], 'an unknown key is 401');
evaluate(key => $key{other}, context => $ann, flags => [ [ 'premium', $no ] ]);
$result = browse(key => $key{other}, steps => [ { context => { targetingKey => 'u1' } } ]);
is($result->{requests}[0]{status}, 429, 'a key above its limit is 429');

# ---- without a database ----

$node->stop('fast');
$result = evaluate(context => $ann, flags => [ [ 'premium', $no ] ]);
is_deeply([ shorts($result), $result->{requests} ], [ ['false ERROR - GENERAL'], [ [ 503, 1 ] ] ], 'without a database 503, and the library gives the default');
$node->start;
ok(wait_until(sub { send_json($gateway, 'GET', '/health')->{status} == 200 }), 'the database is back');
is_deeply(shorts(evaluate(context => $ann, flags => [ [ 'premium', $no ] ])), ['true TARGETING_MATCH on -'], 'and decisions with it');

done_testing();
