# The gateway by itself: what it does between clients and pulse_http(), for which a stand-in answers (080_stub.sql).
use strict;
use warnings;
use Compress::Zlib;
use Digest::MD5 qw(md5_hex);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use PulseGateway;
use PulseTest;

my $node = start_node('gateway', 'max_connections = 60');
fill_stub($node, 'stub');
sub sql { return $node->safe_psql('stub', @_) }

# ---- starting ----

my $program = $ENV{PULSE_HTTP} // 'pulse-http';
command_like([ $program, '--version' ], qr/^pulse-http \d+\.\d+/, '--version');
command_like([ $program, '--help' ], qr/--header-time .*how long a head/, '--help');
command_fails_like([ $program, '--port', 'x', '--prot', '1' ], qr/unknown setting "prot".*"x" is not a whole number/s, 'settings are checked');
command_like([ $program, '--check', '--conninfo', $node->connstr('stub') ], qr/^ok$/, '--check');
command_fails_like([ $program, '--check', '--conninfo', $node->connstr('postgres') ], qr/extension pulse is not in this database/, '--check without Pulse');
command_fails_like([ $program, '--check', '--conninfo', 'host=/nowhere' ], qr/conninfo: .*nowhere/, '--check without a server');

my $gateway = start_gateway($node, 'stub', header_time => '700ms', body_time => '2s', body_rate => 1000, cors_origins => 'https://a.example');

# ---- requests ----

my $answer = get($gateway, '/echo/a%20b?c=d&e', 'User-Agent' => "caf\xE9", Cookie => 'x');
is($answer->{status}, 200, 'a request is answered');
my $echo = decode_json($answer->{body});
is("$echo->{method} $echo->{path} $echo->{query}", 'GET /echo/a%20b c=d&e', 'with its path and query as they came');
is($echo->{headers}{'user-agent'}, "caf\x{FFFD}", 'headers are made UTF-8');
is($echo->{client}{address}, '127.0.0.1', 'the address of the client');
is_deeply($echo->{client}{cors}, ['https://a.example'], 'the origins');
is($answer->{headers}{'x-request-id'}, $echo->{client}{request}, 'the id of the request is returned');
is(get($gateway, '/echo', 'X-Request-Id' => 'mine-1')->{headers}{'x-request-id'}, 'mine-1', 'or that of the client');
isnt(get($gateway, '/echo', 'X-Request-Id' => 'a b')->{headers}{'x-request-id'}, 'a b', 'unless it may do harm');
is(get($gateway, '/cookies')->{headers}{'set-cookie'}, 'a=1, b=2', 'a header may be repeated');
is(get($gateway, '/nothing')->{status}, 404, 'errors of the library are passed on');
is(get($gateway, '/status/204')->{body}, '', 'an answer without a body');
is(ask($gateway, request('BREW', '/echo'))->{status}, 200, 'the library decides on methods');
is(length get($gateway, '/large/3000000')->{body}, 3_000_000, 'a large answer');

my $body = join '', map { chr(rand 256) } 1 .. 100_000;
sub received { my ($headers, $bytes) = @_; return decode_json(ask($gateway, request('POST', '/echo', $headers, $bytes))->{body}) }
is(received({}, $body)->{md5}, md5_hex($body), 'a body arrives as it was sent');
is(received({ 'Transfer-Encoding' => 'chunked', 'Content-Length' => undef }, join('', map { sprintf "%x\r\n%s\r\n", length, $_ } unpack '(a777)*', $body) . "0\r\n\r\n")->{md5},
	md5_hex($body), 'in chunks');
is(received({ 'Content-Encoding' => 'gzip' }, Compress::Zlib::memGzip($body))->{md5}, md5_hex($body), 'with gzip');
is(received({ 'Content-Type' => 'application/x-www-form-urlencoded' }, Compress::Zlib::memGzip('{"a": 1}'))->{bytes}, 8, 'with gzip that has no name');
ok(!exists received({ 'Content-Encoding' => 'gzip' }, Compress::Zlib::memGzip('a'))->{headers}{'content-encoding'}, 'the library sees it plain');
is(ask($gateway, request('POST', '/echo', { 'Content-Encoding' => 'br' }, 'a'))->{status}, 415, 'other encodings are refused');

# ---- the connection ----

my $socket = connect_to($gateway);
syswrite $socket, request('GET', '/echo/1') . request('POST', '/sleep/0.2', {}, 'x') . request('HEAD', '/large/1000') . request('GET', '/echo/2');
is(decode_json(read_answer($socket)->{body})->{path}, '/echo/1', 'requests behind each other: the first answer,');
is(read_answer($socket)->{body}, '{"slept": 0.2}', 'the second,');
my $head = read_answer($socket, head => 1);
is("$head->{status} $head->{headers}{'content-length'}", '200 1000', 'HEAD has the head alone,');
is(decode_json(read_answer($socket)->{body})->{path}, '/echo/2', 'in their order');
for my $i (1 .. 300) { syswrite $socket, request('GET', "/echo/$i"); $answer = read_answer($socket) or last }
is(decode_json($answer->{body})->{path}, '/echo/300', 'one connection serves many requests');
syswrite $socket, request('GET', '/echo', { Connection => 'close' });
is(read_answer($socket)->{headers}{connection}, 'close', 'a client may end it');
is(sysread($socket, my $rest, 1), 0, 'then it ends');

$answer = ask($gateway, "GET /echo HTTP/1.0\r\n\r\n");
is("$answer->{status} $answer->{headers}{connection}", '200 close', 'HTTP/1.0');
$socket = connect_to($gateway);
for (1 .. 2) { syswrite $socket, "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"; $answer = read_answer($socket) }
is($answer->{headers}{connection}, 'keep-alive', 'HTTP/1.0 with keep-alive');

$socket = connect_to($gateway);
syswrite $socket, request('POST', '/echo', { Expect => '100-continue', 'Content-Length' => 3 });
is(read_answer($socket)->{status}, 100, 'a client is invited to send the body');
syswrite $socket, 'abc';
is(decode_json(read_answer($socket)->{body})->{bytes}, 3, 'and sends it');
is(ask($gateway, request('POST', '/echo', { Expect => '100-continue', 'Content-Length' => 3_000_000 }))->{status}, 413, 'not where it is too large');

# ---- slices ----

$answer = get($gateway, '/slices/3');
is($answer->{body}, 'slice 0,slice 1,slice 2,slice 3,', 'a long answer comes in slices');
is($answer->{headers}{'transfer-encoding'}, 'chunked', 'in chunks');
$answer = ask($gateway, "GET /slices/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
is("$answer->{body} $answer->{headers}{connection}", 'slice 0,slice 1,slice 2,slice 3, close', 'until the end of the connection in HTTP/1.0');
ok(!get($gateway, '/slices/-1')->{whole}, 'where a slice fails the answer ends without its end');
$socket = connect_to($gateway);
syswrite $socket, request('HEAD', '/slices/3') . request('GET', '/health');
is(read_answer($socket, head => 1)->{status}, 200, 'HEAD of slices');
is(read_answer($socket)->{status}, 200, 'has no body, so the next answer is where it belongs');
$socket = connect_to($gateway);
my $began = time;
syswrite $socket, request('GET', '/live/2');
like(read_answer($socket)->{body}, qr/^data: 0.*slice 1,slice 2,$/s, 'a live answer');
cmp_ok(time - $began, '>', 1.9, 'asks every second');
$socket = connect_to($gateway);
syswrite $socket, request('GET', '/flood');
ok(wait_until(sub { grep { ($_->{error} // '') eq 'the client reads too slowly' } log_lines($gateway) }), 'a client that does not read a stream is let go');

# ---- errors ----

for (
	[ '/commit', 409, 'an error at commit' ],
	[ '/fail/22023', 400, 'an error of the request' ],
	[ '/fail/XX000', 500, 'an internal error' ],
	[ '/fail/53200', 503, 'lack of resources' ],
	[ '/split', 500, 'a header that would split the answer' ])
{
	my ($path, $status, $what) = @$_;
	$answer = get($gateway, $path);
	is($answer->{status}, $status, $what);
	unlike("$answer->{head}$answer->{body}", qr/secret|evil|checked/, '... tells nothing');
	my $id = $answer->{headers}{'x-request-id'};
	my $line;
	wait_until(sub { ($line) = grep { $_->{request} && $_->{request} eq $id } log_lines($gateway) });
	ok($line->{error}, '... which the log has');
}
is(get($gateway, '/fail/53200')->{headers}{'retry-after'}, 1, 'and when to try again');

# ---- limits ----

is(ask($gateway, request('POST', '/echo', { 'Content-Length' => 2_000_000 }))->{status}, 413, 'a body that is too large');
is(ask($gateway, request('POST', '/echo', { 'Content-Encoding' => 'gzip' }, Compress::Zlib::memGzip("\0" x 90_000_000)))->{status}, 413, 'a bomb');
is(get($gateway, '/echo', Host => 'evil.example')->{status}, 421, 'another host (DNS rebinding)');
$answer = ask($gateway, request('POST', '/echo', {}, 'x' x 1_500_000));
is($answer->{status}, 413, 'a client that sends on sees why');
$socket = connect_to($gateway);
$began = time;
syswrite $socket, "GET /echo HTTP/1.1\r\nHost: loc";
is(read_answer($socket)->{status}, 408, 'a head that does not end');
soon($began, 'is not waited for');
$socket = connect_to($gateway);
$SIG{PIPE} = 'IGNORE';
syswrite $socket, request('POST', '/echo', { 'Content-Length' => 1000 });
my $sent = 0;
until (IO::Select->new($socket)->can_read(0.1) || $sent > 900) { syswrite $socket, 'x'; $sent++ }
is(read_answer($socket)->{status}, 408, 'a body that drips');
cmp_ok($sent, '<', 100, 'is not waited for, either');

# ---- the log ----

get($gateway, '/echo?apiKey=hidden', 'X-Api-Key' => 'hidden', Authorization => 'Bearer hidden');
ok(wait_until(sub { grep { ($_->{key} // '') eq 'tester' } log_lines($gateway) }), 'the log names the key');
unlike(slurp_file($gateway->{out}), qr/hidden|apiKey|a secret place/, 'and holds no key and no query');
my ($line) = grep { ($_->{route} // '') eq '/echo' } log_lines($gateway);
ok(exists $line->{$_}, "a line has $_") for qw(time request address method route status ms received sent);

# ---- rates, settings, usage ----

sub reconfigure
{
	my (%settings) = @_;
	append_to_file($gateway->{file}, "$_ = $settings{$_}\n") for sort keys %settings;
	my $count = () = slurp_file($gateway->{err}) =~ /were read again|stay as they were/g;
	signal_gateway($gateway, 'HUP');
	return wait_until(sub { (() = slurp_file($gateway->{err}) =~ /were read again|stay as they were/g) > $count });
}
my @codes = map { get($gateway, '/echo', 'X-Api-Key' => 'k1', 'X-Rate' => 3)->{status} } 1 .. 5;
is("@codes", '200 200 200 429 429', 'a key has a rate, which its first answer tells');
is(get($gateway, '/echo', 'X-Api-Key' => 'k2', 'X-Rate' => 3)->{status}, 200, 'another key has its own');
ok(reconfigure(rate => 2), 'SIGHUP reads the settings again');
@codes = map { get($gateway, '/echo')->{status} } 1 .. 3;
is("@codes", '200 200 429', 'a rate of addresses');
$answer = get($gateway, '/echo', Origin => 'https://a.example');
like($answer->{headers}{'retry-after'}, qr/^\d+$/, 'with the whole seconds to wait');
is($answer->{headers}{'access-control-allow-origin'}, 'https://a.example', 'readable for pages of an allowed origin');
ok(!exists get($gateway, '/echo', Origin => 'https://b.example')->{headers}{'access-control-allow-origin'}, 'and no other');
reconfigure(rate => 0, trusted_proxies => '127.0.0.1', hosts => 'pulse.example');
$echo = decode_json(get($gateway, '/echo', Host => 'pulse.example', 'X-Forwarded-For' => '6.6.6.6, 192.0.2.7', 'X-Forwarded-Proto' => 'https')->{body});
is("$echo->{client}{address} $echo->{client}{tls}", '192.0.2.7 1', 'a trusted proxy tells the client');
reconfigure(port => 1);
like(slurp_file($gateway->{err}), qr/the new value of port needs a restart/, 'not all settings change');
reconfigure(nonsense => 1);
is(get($gateway, '/echo')->{status}, 200, 'wrong settings change nothing');

# ---- metrics ----

$answer = get($gateway, '/metrics');
like($answer->{body}, qr/^pulse_up 1\n.*^pulse_http_requests_total\{route="\/echo",method="GET",status="200"\} \d\d/ms, 'metrics');
like($answer->{body}, qr/^pulse_http_database_connections\{lane="decide",state="idle"\} 2$/m, '... of connections');
like(get($gateway, '/metrics', Accept => 'application/openmetrics-text')->{body}, qr/pulse_http_connections \d+\n.*# EOF\n$/s, '... as OpenMetrics');

# ---- the end ----

$socket = connect_to($gateway);
my $idle = connect_to($gateway);
syswrite $socket, request('GET', '/sleep/0.5');
ok(wait_until(sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ 'pulse_http\(' AND pid <> pg_backend_pid()}) > 0 }), 'a request is under way');
signal_gateway($gateway, 'TERM');
$answer = read_answer($socket);
is("$answer->{body} $answer->{headers}{connection}", '{"slept": 0.5} close', 'SIGTERM lets a request finish');
is(sysread($idle, $rest, 1), 0, 'idle clients are let go');
is(stop_gateway($gateway), 0, 'it ends with status 0');
my $usage = decode_json(sql('SELECT body FROM usage'))->{usage}[0];
is("$usage->{key} $usage->{refusals}", '5 2', 'having told the usage of keys');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pulse_http' AND pid <> pg_backend_pid()}), '0', 'no connection is left');

$gateway = start_gateway($node, 'stub', shutdown_time => '200ms');
$socket = connect_to($gateway);
syswrite $socket, request('GET', '/sleep/300');
wait_until(sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query ~ 'pulse_http\(' AND pid <> pg_backend_pid()}) > 0 });
$began = time;
is(stop_gateway($gateway), 0, 'what does not finish in time');
soon($began, 'is not waited for');

done_testing();
