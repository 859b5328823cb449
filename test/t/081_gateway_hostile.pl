# The gateway under attack, and with a database that is away: hostile bytes, slow and many clients, TLS, killed backends, restarts,
# an extension that is dropped, a standby.
use strict;
use warnings;

# Ten thousand clients need as many open files. Before the test library takes over standard output.
BEGIN { exec 'sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', $^X, (map { "-I$_" } @INC), $0 unless $ENV{PULSE_FILES}++ }

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);
use PulseGateway;
use PulseTest;

$SIG{PIPE} = 'IGNORE';
my $node = start_node('gateway_crash', 'max_connections = 60', 'restart_after_crash = on');
fill_stub($node, 'stub');
sub sql { return $node->safe_psql('stub', @_) }
my $gateway = start_gateway($node, 'stub', connections => 20_000, idle_time => '10min', header_time => '3s', queue => 5, queue_time => '1s');

# ---- bytes that two programs read differently: refused, and the connection ends ----

my $smuggled = "GET /write/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
for (
	[ 'CL and TE', "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled" ],
	[ 'two lengths', "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 50\r\n\r\n$smuggled" ],
	[ 'TE with a twist', "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n$smuggled" ],
	[ 'TE in 1.0', "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled" ],
	[ 'obs-fold', "GET /echo HTTP/1.1\r\nHost: localhost\r\nX: a\r\n Content-Length: 50\r\n\r\n$smuggled" ],
	[ 'bare LF', "GET /echo HTTP/1.1\nHost: localhost\n\n$smuggled" ],
	[ 'bare CR', "GET /echo HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n$smuggled" ],
	[ 'chunk with LF', "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n$smuggled" ],
	[ 'two Hosts', "GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n$smuggled" ],
	[ 'traversal', "GET /a/..%2f../echo/../../x HTTP/1.1\r\nHost: localhost\r\n\r\n$smuggled" ],
	[ 'NUL', "GET /echo/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n$smuggled" ],
	[ 'TLS', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" ])
{
	my ($what, $bytes) = @$_;
	my $socket = connect_to($gateway);
	syswrite $socket, $bytes;
	my $answer = read_answer($socket);
	is($answer->{status}, 400, "$what is refused");
	is(read_answer($socket), undef, '... and nothing behind it is read');
}
is(sql('SELECT count(*) FROM hits'), '0', 'no smuggled request came through');
srand 5;
for my $round (1 .. 200)
{
	my $bytes = request('POST', '/echo/x?y=z', { 'X-Api-Key' => 'k', 'Content-Encoding' => 'identity' }, 'a' x 50);
	substr($bytes, rand length $bytes, 1) = chr rand 256 for 0 .. rand 4;
	my $socket = connect_to($gateway);
	syswrite $socket, $bytes;
	shutdown $socket, 1;
	read_answer($socket);
}
is(get($gateway, '/echo')->{status}, 200, 'changed bytes do no harm');

# ---- many clients that do nothing ----

my $count = qx(sh -c 'ulimit -n') > 10_500 ? 10_000 : 1_000;
my @idle;
my $place = pack_sockaddr_in($gateway->{port}, inet_aton('127.0.0.1'));
for (1 .. $count)
{
	socket my $socket, PF_INET, SOCK_STREAM, 0 or die "no socket: $!";
	connect $socket, $place or die "cannot connect: $!";
	push @idle, $socket;
}
for (@idle[ 0 .. 99 ]) { syswrite $_, request('GET', '/health'); read_answer($_) }
ok(wait_until(sub { get($gateway, '/metrics')->{body} =~ /^pulse_http_connections (\d+)$/m && $1 > $count }), "$count clients are connected");
my $before = cpu_seconds($gateway);
sleep 2;
cmp_ok(cpu_seconds($gateway) - $before, '<=', 0.03, "$count idle clients cost no processor time");
is(get($gateway, '/echo')->{status}, 200, 'others are served');
my ($memory) = slurp_file("/proc/$gateway->{pid}/status") =~ /^VmRSS:\s+(\d+)/m;
cmp_ok($memory, '<', 300_000, 'and little memory') unless $ENV{PULSE_HTTP};
syswrite $_, 'GET /echo HTTP/1.1' for @idle[ 0 .. 199 ];
is(get($gateway, '/echo')->{status}, 200, 'heads that never end hold up nobody');
@idle = ();

my $small = start_gateway($node, 'stub', connections => 20, send_time => '500ms', body_rate => 1_000_000);
my @heads = map { my $one = connect_to($small); syswrite $one, $_ % 2 ? 'GET /echo' : request('POST', '/echo', { 'Content-Length' => 9 }); $one } 1 .. 40;
is(get($small, '/echo')->{status}, 200, 'clients that complete no request make room for others');
my $reader = connect_to($small);
syswrite $reader, request('GET', '/large/30000000');
ok(wait_until(sub { grep { ($_->{route} // '') eq '/large' } log_lines($small) }), 'a client that does not read its answer');
my ($line) = grep { ($_->{route} // '') eq '/large' } log_lines($small);
is($line->{error}, 'the client went away', 'is let go');
stop_gateway($small);
@heads = ();

# ---- the lanes and their queues ----

my @slow = map { my $socket = connect_to($gateway); syswrite $socket, request('GET', '/sleep/8'); $socket } 1 .. 2;
ok(wait_until(sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'}) == 2 }), 'all connections of a lane are busy');
my @waiting = map { my $socket = connect_to($gateway); syswrite $socket, request('GET', '/echo'); $socket } 1 .. 8;
my @codes = sort map { read_answer($_)->{status} } @waiting;
is("@codes", '503 503 503 503 503 503 503 503', 'the queue has a length, and waiting an end');
is(read_answer($_)->{status}, 200, 'what runs is answered') for @slow;
like(get($gateway, '/metrics')->{body}, qr/^pulse_http_queue_refusals_total 8$/m, 'the metrics tell');

# ---- a database that is away ----

sub answered { return wait_until(sub { get($gateway, '/echo')->{status} == 200 }) }

my $socket = connect_to($gateway);
syswrite $socket, request('POST', '/write/30', {}, '');
my $pid;
ok(wait_until(sub { $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) }), 'a request writes');
sql("SELECT pg_terminate_backend($pid)");
my $answer = read_answer($socket);
is($answer->{status}, 503, 'its connection ends');
is($answer->{headers}{'retry-after'}, 1, 'the client hears when to try again');
is(sql('SELECT count(*) FROM hits'), '0', 'it was not done, and not repeated');
ok(answered(), 'the next one is served');

syswrite $socket, request('POST', '/write/30', {}, '');
wait_until(sub { $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) });
kill KILL => $pid;
is(read_answer($socket)->{status}, 503, 'kill -9 of a backend');
ok(answered(), 'it is found again by itself');

$node->stop('immediate');
ok(wait_until(sub { get($gateway, '/echo')->{status} == 503 }), 'a server that is away');
$answer = get($gateway, '/health');
is($answer->{status}, 503, 'is told');
my $told;
wait_until(sub { ($told) = grep { ($_->{request} // '') eq $answer->{headers}{'x-request-id'} } log_lines($gateway) });
is($told->{error}, 'the database is away', 'without waiting for it');
like(get($gateway, '/ofrep/v1/evaluate/flags/x')->{body}, qr/"errorCode":"GENERAL"/, 'in the form of the route');
$node->start;
ok(answered(), 'it is found again');

sql(q{SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE extname = 'pulse'; ALTER FUNCTION pulse_http RENAME TO gone});
is(get($gateway, '/echo')->{status}, 503, 'an extension that is dropped');
ok(wait_until(sub { slurp_file($gateway->{err}) =~ /extension pulse is not in this database/ }), 'is noticed');
sql(q{ALTER FUNCTION gone RENAME TO pulse_http; SET allow_system_table_mods = on; INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	SELECT 16000, 'pulse', 10, oid, false, '0' FROM pg_namespace WHERE nspname = 'public'});
ok(answered(), 'and found again');
is(stop_gateway($gateway), 0, 'it ends as it should');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');

# ---- a standby that serves what only reads, and its promotion ----

$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('gateway_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$gateway = start_gateway($node, 'stub', read_conninfo => $standby->connstr('stub'));
ok(wait_until(sub { $standby->safe_psql('stub', q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pulse_http' AND pid <> pg_backend_pid()}) == 6 }), 'a second database for what only reads');
$standby->stop('immediate');
ok(wait_until(sub { get($gateway, '/health')->{status} == 200 }), 'without it the first one serves');
stop_gateway($gateway);
$standby->start;
my $both = sprintf('host=%s,%s port=%d,%d dbname=stub target_session_attrs=read-write', $node->host, $standby->host, $node->port, $standby->port);
$gateway = start_gateway($node, 'stub', conninfo => $both);
is(ask($gateway, request('POST', '/write', {}, ''))->{status}, 201, 'of several servers the one that can write');
$node->stop('immediate');
$standby->promote;
ok(wait_until(sub { ask($gateway, request('POST', '/write', {}, ''))->{status} == 201 }), 'after a failover the other one');
stop_gateway($gateway);

# ---- TLS ----

SKIP:
{
	skip 'no openssl', 6 if system('openssl version >/dev/null 2>&1') != 0;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $make = sub {
		my ($name) = @_;
		system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $directory/key.pem -out $directory/cert.pem -subj /CN=$name -days 2 2>/dev/null") == 0
		  or die 'openssl failed';
	};
	my $client = sub {
		my ($request, @options) = @_;
		my ($in, $out) = ("$directory/in", "$directory/answer");
		unlink $in;
		append_to_file($in, $request);
		system("timeout 20 openssl s_client -connect 127.0.0.1:$gateway->{port} -ign_eof @options <$in >$out 2>&1");
		return slurp_file($out);
	};
	$make->('first.example');
	$gateway = start_gateway($standby, 'stub', tls_certificate => "$directory/cert.pem", tls_key => "$directory/key.pem");
	my $one = request('GET', '/echo', { Connection => 'close' });
	my $text = $client->($one);
	like($text, qr/"tls": true/, 'TLS');
	like($text, qr/CN ?= ?first\.example/, '... with its certificate');
	unlike($client->($one, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'), qr/"tls"/, '... not with old versions');
	my $plain = connect_to($gateway);
	syswrite $plain, $one;
	is(read_answer($plain), undef, '... and nothing else');
	$make->('second.example');
	signal_gateway($gateway, 'HUP');
	ok(wait_until(sub { $client->($one) =~ /CN ?= ?second\.example/ }), '... which SIGHUP reads again');
	unlink "$directory/cert.pem";
	signal_gateway($gateway, 'HUP');
	ok(wait_until(sub { slurp_file($gateway->{err}) =~ /the TLS certificate stays as it was/ }), '... if it can');
	is(stop_gateway($gateway), 0, '... until the end');
}

done_testing();
