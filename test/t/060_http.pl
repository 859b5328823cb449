# Outgoing requests: all failures of receivers, timeouts, limits, TLS, forbidden addresses, cancel and terminate during a request,
# memory.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulsePeers;
use PulseTest;

my $node = start_node('http');
$node->safe_psql('postgres', 'CREATE EXTENSION pulse; CREATE SCHEMA bridge; CREATE EXTENSION pulse_bridge_test SCHEMA bridge');
my $receiver = start_receiver();
my $url = $receiver->{url};
my %open = (allowed_hosts => '127.0.0.0/8', allow_http => JSON::PP::true);
my $codec = JSON::PP->new->canonical->allow_nonref;

sub literal { my $text = $codec->encode($_[0]); $text =~ s/'/''/g; return "'$text'" }

# The answers to requests, in the order of arrival.
sub exchange
{
	my ($requests, %limits) = @_;
	%limits = %open unless %limits;
	return $codec->decode($node->safe_psql('postgres', 'SELECT bridge.exchange(' . literal($requests) . ', ' . literal(\%limits) . ')'));
}
sub ask { my ($request, %limits) = @_; return exchange([$request], %limits)->[0] }

sub fault { my ($mode, %more) = @_; post_json("$url/__faults", { path => '/plain', mode => $mode, %more }); return }
sub well { delete_json("$url/__faults"); return }

# ---- a peer ends with its test, even if the test is killed ----

my $peers = __FILE__ =~ s{[^/]*$}{}r;
my $noted = PostgreSQL::Test::Utils::tempdir() . '/pid';
system($^X, "-I$peers", (map { "-I$_" } @INC), '-MPulsePeers', '-MPostgreSQL::Test::Utils', '-e',
	'start_peer("sleep", 600); my $pid = start_peer("sleep", 600)->{pid}; append_to_file($ARGV[0], $pid); kill KILL => $$', $noted);
my $orphan = slurp_file($noted);
like($orphan, qr/^\d+$/, 'a peer runs');
my $patience = time + $PostgreSQL::Test::Utils::timeout_default;
Time::HiRes::usleep(10_000) while kill(0, $orphan) && time < $patience;
ok(!kill(0, $orphan), 'a peer ends with its test');

# ---- the normal case ----

my $answer = ask({ url => "$url/plain/a", headers => [ [ 'X-Test', 'yes' ], [ 'X-Empty', '' ] ], body => '{"a": 1}' });
is("$answer->{status} $answer->{error}", '200 ', 'a request is answered');
my $echo = $codec->decode($answer->{body});
is($echo->{method}, 'POST', 'by POST');
is($echo->{bytes}, 8, 'with its body');
is($echo->{headers}{'user-agent'}, 'Pulse/test', 'our own user agent');
is($echo->{headers}{'x-test'}, 'yes', 'its header');
is($echo->{headers}{'x-empty'}, '', 'an empty header, too');
ok(!exists $echo->{headers}{$_}, "and no $_") for qw(expect content-type accept-encoding);
is($answer->{content_type}, 'application/json', 'the content type of the answer');
is($codec->decode(ask({ url => "$url/plain/a", method => $_ })->{body})->{method}, $_, $_) for qw(GET PUT DELETE);
is(ask({ url => "$url/plain/a", body => 'x' x 3_000_000 })->{status}, 200, 'a large body');

# ---- failures of receivers ----

fault('busy', seconds => 7);
is(ask({ url => "$url/plain" })->{retry_after}, 7, 'Retry-After in seconds');
well();
fault('busy', seconds => 100, date => JSON::PP::true);
cmp_ok(abs(ask({ url => "$url/plain" })->{retry_after} - 100), '<=', 3, 'and as a date');
well();
fault('busy', seconds => 10**9);
# Newer versions of libcurl themselves limit it to six hours.
like(ask({ url => "$url/plain" })->{retry_after}, qr/^(?:86400|21600)$/, 'a day at most');
well();

for my $case (
	[ 'half', 200, qr/the answer from 127\.0\.0\.1 ended prematurely/ ],
	[ 'reset', 0, qr/the connection to 127\.0\.0\.1 was lost/ ],
	[ 'close', 0, qr/without an answer/ ],
	[ 'garbage', 0, qr/is not valid HTTP/ ],
	[ 'headers', 200, qr/headers of the answer .* too long/ ])
{
	my ($mode, $status, $error) = @$case;
	fault($mode);
	my $broken = ask({ url => "$url/plain/secret-path-1234567890" });
	is($broken->{status}, $status, "$mode: status");
	like($broken->{error}, $error, "$mode: the reason");
	unlike($broken->{error}, qr/secret/, "$mode: without the path");
	well();
}
for my $status (400, 410, 500, 503)
{
	fault('status', status => $status);
	is(ask({ url => "$url/plain" })->{status}, $status, "status $status");
	well();
}

fault('endless');
$answer = ask({ url => "$url/plain", max_answer => 5000 });
is("$answer->{status} $answer->{error}", '200 ', 'an endless answer is accepted');
is(length $answer->{body}, 5000, 'and read up to max_answer');
well();

for my $mode (qw(silence drip))
{
	fault($mode);
	my $slow = ask({ url => "$url/plain", timeout => 700 });
	like($slow->{error}, qr/no complete answer from 127\.0\.0\.1 within 700 ms/, "$mode ends by the timeout");
	cmp_ok($slow->{milliseconds}, '<', 60_000, 'and not much later');
	well();
}
is(ask({ url => 'http://127.0.0.1:' . free_port() . '/x' })->{error} =~ s/\d+: /PORT: /r, 'could not connect to 127.0.0.1:PORT: Connection refused',
	'a closed port');
# This address does not answer, if it can be reached at all.
like(ask({ url => 'http://192.0.2.1/', connect_timeout => 300 }, allowed_hosts => '192.0.2.1', allow_http => JSON::PP::true)->{error},
	qr/no connection to 192\.0\.2\.1:80 within 300 ms|could not connect to 192\.0\.2\.1:80/, 'a connection that is never established');
like(ask({ url => 'https://no-such-name.invalid/', connect_timeout => 4000 })->{error}, qr/could not resolve host name no-such-name\.invalid/,
	'an unknown host name');

# ---- redirects ----

for my $location ('http://169.254.169.254/latest/meta-data/', "$url/plain/elsewhere", 'file:///etc/passwd')
{
	fault('redirect', location => $location);
	delete_json("$url/__journal");
	is(ask({ url => "$url/plain" })->{status}, 302, "a redirect to $location is an answer");
	is(scalar @{ get_json("$url/__journal?path=/plain") }, 1, 'and not followed');
	well();
}

# ---- TLS ----

my %tls = (allowed_hosts => 'localhost, 127.0.0.1');
is(ask({ url => "https://localhost:$receiver->{https}/plain", ca_file => $receiver->{ca} }, %tls)->{status}, 200, 'TLS with our own certificate authority');
for my $case (
	[ 'an unknown authority', "https://localhost:$receiver->{https}/", undef ],
	[ 'an expired certificate', "https://localhost:$receiver->{expired}/", $receiver->{ca} ],
	[ 'the certificate of another name', "https://localhost:$receiver->{other}/", $receiver->{ca} ],
	[ 'a missing ca_file', "https://localhost:$receiver->{https}/", '/nowhere/ca.pem' ],
	[ 'no TLS at the other end', "https://localhost:$receiver->{http}/", $receiver->{ca} ])
{
	my ($what, $address, $ca) = @$case;
	my $refused = ask({ url => "${address}plain", $ca ? (ca_file => $ca) : () }, %tls);
	is($refused->{status}, 0, "$what: no answer");
	like($refused->{error}, qr/^TLS with localhost failed: /, "$what: $refused->{error}");
	ok(!$refused->{forbidden}, "$what: may be corrected");
}

# ---- addresses ----

delete_json("$url/__journal");
my $port = $receiver->{http};
for my $address ("http://127.0.0.1:$port/", "http://localhost:$port/", "http://127.1:$port/", "http://0x7f.1:$port/", "http://2130706433:$port/",
	"http://[::ffff:127.0.0.1]:$port/", "http://[::1]:$port/", "http://0.0.0.0:$port/", "http://LOCALHOST:$port/",
	"http://0177.0.0.1:$port/", 'http://169.254.169.254/latest/', 'http://10.0.0.1/', 'http://[fe80::1]/', 'http://[fd00::1]/',
	'http://100.64.0.1/', 'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::]/', 'http://224.0.0.1/', 'http://255.255.255.255/')
{
	my $refused = ask({ url => "${address}plain" }, allowed_hosts => '*', allow_http => JSON::PP::true);
	ok($refused->{forbidden}, "$address is refused");
	like($refused->{error}, qr/not a public address and not in pulse\.allowed_hosts/, 'with the reason');
}
ok(ask({ url => $_ }, allowed_hosts => '*', allow_http => JSON::PP::true)->{forbidden}, s/\s+/ /gr . ' is refused')
  for ("http://user:password\@127.0.0.1:$port/", "http://example.com\@127.0.0.1:$port/", "http://127.0.0.1:$port/\r\nX: y", 'file:///etc/passwd',
	"ftp://127.0.0.1/", "gopher://127.0.0.1:$port/", 'unix:///tmp/x', '', "dict://localhost/");
like(ask({ url => "$url/plain" }, allowed_hosts => '127.0.0.1')->{error}, qr/needs pulse\.allow_http/, 'http needs a setting of its own');
ok(ask({ url => "$url/plain", headers => [ [ 'X', "a\r\nY: b" ] ] })->{forbidden}, 'a header with two lines is refused');
is(scalar @{ get_json("$url/__journal") }, 0, 'none of them was sent');
for my $case ([ '127.0.0.1', '127.0.0.1' ], [ '127.0.0.1', '127.0.0.0/8' ], [ 'localhost', 'localhost' ], [ 'localhost', '127.0.0.1' ],
	[ 'localhost', 'LOCALHOST.' ], [ '127.1', '127.0.0.1' ], [ 'localhost', ' x.example, 10.0.0.0/8,127.0.0.0/8, ::1' ])
{
	my ($host, $rule) = @$case;
	is(ask({ url => "http://$host:$port/plain" }, allowed_hosts => $rule, allow_http => JSON::PP::true)->{status}, 200, "$host is allowed by '$rule'");
}
for my $case ([ '127.0.0.1', 'localhost' ], [ 'localhost', 'example.com' ], [ '127.0.0.1', '' ], [ '127.0.0.1', '127.0.0.2' ], [ 'localhost', '*.localhost' ],
	[ 'localhost', '10.0.0.0/8' ], [ 'sub.localhost', '*.localhost' ])
{
	my ($host, $rule) = @$case;
	ok(ask({ url => "http://$host:$port/plain" }, allowed_hosts => $rule, allow_http => JSON::PP::true)->{forbidden}, "$host is not allowed by '$rule'");
}

# ---- secrets ----

fault('status', status => 500, body => 'token s3cret/value and s3cret%2Fvalue and s3cret%2fvalue, path T012345678/B012345678');
$answer = ask({ url => "$url/plain/T012345678/B012345678", secrets => ['s3cret/value'] });
unlike($answer->{body}, qr/s3cret|T012345678|B012345678/, "an answer contains no secret: $answer->{body}");
well();

# ---- many at once ----

# 300 requests, of which 60 go to a receiver that never answers; all others are answered before the first timeout.
my $dead = start_receiver();
post_json("$dead->{url}/__faults", { path => '/', mode => 'silence' });
my @requests = map { { url => ($_ % 5 ? $url : $dead->{url}) . "/plain/$_", timeout => 5000, body => "$_" } } 0 .. 299;
my $answers = exchange(\@requests, %open, requests => 200, per_host => 40);
is(scalar @$answers, 300, 'each of 300 requests has an answer');
is(join(' ', map { $_->{status} } @$answers[ 0 .. 239 ]), join(' ', (200) x 240), 'a dead receiver does not delay the others');
is((grep { $_->{error} =~ /no complete answer/ } @$answers[ 240 .. 299 ]), 60, 'its own requests end by their timeouts');
is(keys %{ { map { $_->{number} => 1 } @$answers } }, 300, 'each exactly once');

# The limit per host: the dead receiver gets its requests in two rounds.
is(scalar @{ get_json("$dead->{url}/__journal") }, 60, 'queued requests were sent later');
stop_peer($dead);

# Connections are reused.
delete_json("$url/__journal");
exchange([ map { { url => "$url/plain/$_" } } 1 .. 100 ], %open, requests => 5);
is(keys %{ { map { $_->{port} => 1 } @{ get_json("$url/__journal") } } }, 5, 'connections are reused');

# ---- cancel and terminate during a request ----

fault('silence');
for my $how (qw(pg_cancel_backend pg_terminate_backend))
{
	my $session = $node->background_psql('postgres', on_error_stop => 0, on_error_die => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->{stdin} .= 'SELECT bridge.exchange(' . literal([ map { { url => "$url/plain", timeout => 600_000 } } 1 .. 20 ]) . ', ' . literal(\%open) . ");\n";
	$session->{run}->pump_nb;
	$node->poll_query_until('postgres', "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $pid") or die 'it does not wait';
	my $asked = time;
	$node->safe_psql('postgres', "SELECT $how($pid)");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND state = 'active'") or die 'it goes on';
	soon($asked, "$how ends it at once");
	eval { $session->quit };
}
is(sqlstate($node, 'postgres', q{SET statement_timeout = '200ms'; SELECT bridge.exchange(} . literal([ { url => "$url/plain" } ]) . ', ' . literal(\%open) . ')'),
	'57014', 'and so does statement_timeout');
well();

# ---- speed and memory ----

my $started = time;
my $load = $codec->decode($node->safe_psql('postgres',
	'SELECT bridge.exchange_load(' . literal({ url => "$url/plain", body => 'x' x 500 }) . ', ' . literal(\%open) . ', 20000, 50)'));
diag(sprintf '20,000 requests, 50 in flight: %.0f requests/s, %d kB grown', 20000 / (time - $started), $load->{kilobytes_grown});
is($load->{good}, 20000, '20,000 requests are answered');
cmp_ok($load->{kilobytes_grown}, '<', 1000, 'memory does not grow');
is(get_json("$url/__summary?path=/plain")->{violations}, 0, 'the receiver saw no violation');

# ---- another peer: WireMock ----

my $wiremock_port = free_port();
my $wiremock_directory = PostgreSQL::Test::Utils::tempdir();
my $wiremock = start_peer(peers_directory() . '/node_modules/.bin/wiremock', '--port', $wiremock_port, '--bind-address', '127.0.0.1',
	'--root-dir', $wiremock_directory, '--disable-banner');
wait_for_port($wiremock, $wiremock_port);
my $wire = "http://127.0.0.1:$wiremock_port";
sub stub { my ($stub) = @_; post_json("$wire/__admin/mappings", $stub); return }
stub({ request => { urlPath => '/reset' }, response => { fault => 'CONNECTION_RESET_BY_PEER' } });
stub({ request => { urlPath => '/empty' }, response => { fault => 'EMPTY_RESPONSE' } });
stub({ request => { urlPath => '/garbage' }, response => { fault => 'RANDOM_DATA_THEN_CLOSE' } });
stub({ request => { urlPath => '/chunk' }, response => { fault => 'MALFORMED_RESPONSE_CHUNK' } });
stub({ request => { urlPath => '/slow' }, response => { status => 200, fixedDelayMilliseconds => 20_000 } });
stub({ scenarioName => 'mended', requiredScenarioState => 'Started', newScenarioState => 'well', request => { urlPath => '/mended' }, response => { status => 503 } });
stub({ scenarioName => 'mended', requiredScenarioState => 'well', request => { urlPath => '/mended' }, response => { status => 200, body => 'at last' } });
like(ask({ url => "$wire/$_", timeout => 10_000 })->{error}, qr/was lost|ended prematurely|without an answer|is not valid HTTP/, "WireMock's $_: an error") for qw(reset empty garbage chunk);
like(ask({ url => "$wire/slow", timeout => 500 })->{error}, qr/no complete answer/, 'a delay');
is(ask({ url => "$wire/mended" })->{status}, 503, 'unavailable at first');
is(ask({ url => "$wire/mended" })->{body}, 'at last', 'then available');
stop_peer($wiremock);

stop_peer($receiver);
$node->stop;
done_testing();
