# Sessions of the console outlive a restart and work on a standby, are in no dump and in no log, end with their stream, and work below a path
# prefix behind nginx.
use strict;
use warnings;
use JSON::PP;
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseGateway;
use PulseHttp;
use PulsePeers;
use PulseTest;

my $node = start_node('console_session', 'max_connections = 60', 'wal_level = replica', 'max_wal_senders = 5', 'hot_standby = on');
create_pulse($node, 'shop');
# As doc/web.md tells: these clusters log all statements.
$node->safe_psql('postgres', 'ALTER ROLE gate SET log_parameter_max_length = 0');
my $key = make_key($node, 'shop', 'maria', 'admin');
my $gateway = start_http($node, 'shop', trusted_proxies => '127.0.0.1');
my %ours = ('X-Pulse-Console' => 1, Origin => 'http://localhost', 'Content-Type' => 'application/json');
my $sign_in = sub { my ($to, %headers) = @_; return ask($to, request('POST', '/console/session', { %ours, 'X-Forwarded-For' => '192.0.2.' . int(rand 250), %headers }, encode_json({ key => $key }))) };
my $token_of = sub { return ($_[0]{headers}{'set-cookie'} // '') =~ /pulse_session=([0-9a-f]{64})/ ? $1 : '' };
my $who = sub { my ($to, $token) = @_; return get($to, '/console/session', Cookie => "pulse_session=$token")->{status} };

# ---- the cookie ----
my $answer = $sign_in->($gateway);
my $token = $token_of->($answer);
is($answer->{headers}{'set-cookie'} =~ s/[0-9a-f]{64}/TOKEN/r, 'pulse_session=TOKEN; Max-Age=43200; HttpOnly; SameSite=Strict', 'the cookie');
is($answer->{headers}{'cache-control'}, 'no-store', '... is kept by no cache');
like($sign_in->($gateway, 'X-Forwarded-Proto' => 'https', Origin => 'https://localhost')->{headers}{'set-cookie'}, qr/; Secure$/, 'behind TLS it is secure');
is($who->($gateway, $token), 200, 'somebody is signed in');
is(get($gateway, '/v1/segments', Cookie => "pulse_session=$token")->{status}, 401, 'elsewhere the cookie is nothing');
is(get($gateway, '/console/api/v1/segments', Cookie => "pulse_session=$token")->{status}, 200, 'below the console it is a key');
is(get($gateway, '/console/api/v1/segments', Cookie => "pulse_session=$token", Authorization => 'Bearer nothing')->{status}, 401, 'a key in the header comes first');
my $write = sub { my (%headers) = @_; return ask($gateway, request('POST', '/console/api/v1/incidents/1/resolve', { Cookie => "pulse_session=$token", %headers }, '{}'))->{status} };
is($write->(%ours), 404, 'a page of the console may change things');
is($write->(%ours, Origin => 'http://evil.example'), 403, 'a page of another site may not');
is($write->('Content-Type' => 'application/json', Origin => 'http://localhost'), 403, '... nor a form');
is($write->(%ours, 'Sec-Fetch-Site' => 'same-site'), 403, '... nor a page next door');

# ---- at most ten sign-ins a minute for an address ----
# Those that another site makes a browser send take nobody's place.
my @forged = map { ask($gateway, request('POST', '/console/session', { 'Content-Type' => 'text/plain', Origin => 'http://evil.example', 'Sec-Fetch-Site' => 'cross-site', 'X-Forwarded-For' => '198.51.100.7' }, '{"key": "x"}')) } 1 .. 12;
is(join(' ', map { $_->{status} } @forged), join(' ', (403) x 12), 'a page of another site cannot sign in');
my @codes = map { ask($gateway, request('POST', '/console/session', { %ours, 'X-Forwarded-For' => '198.51.100.7' }, '{"key": "pulse_read_guess"}')) } 1 .. 12;
is(join(' ', map { $_->{status} } @codes), '401 ' x 10 . '429 429', 'who guesses must wait');
cmp_ok($codes[-1]{headers}{'retry-after'}, '>=', 1, '... and is told how long');
is($sign_in->($gateway)->{status}, 200, 'others need not');

# ---- a stream ends with its session ----
my $second = $token_of->($sign_in->($gateway));
my $stream = connect_to($gateway);
syswrite $stream, request('GET', '/console/api/v1/changes', { Cookie => "pulse_session=$second" });
my $read = '';
my $until = sub { my ($pattern) = @_; return wait_until(sub { my $piece; IO::Select->new($stream)->can_read(0.1) && sysread($stream, $piece, 65536) && ($read .= $piece); return $read =~ $pattern }) };
ok($until->(qr/^id: /m), 'a stream begins');
is(ask($gateway, request('DELETE', '/console/session', { %ours, Cookie => "pulse_session=$second" }))->{status}, 200, 'its session ends');
ok($until->(qr/^event: end/m), '... and so does the stream');
is($who->($gateway, $second), 401, 'the token is nothing any more');

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('console_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $mirror = start_http($standby, 'shop');
is($who->($mirror, $token), 200, 'a session works on a standby');
is(get($mirror, '/console/api/v1/segments', Cookie => "pulse_session=$token")->{status}, 200, '... and reads there');
is($sign_in->($mirror)->{status}, 503, 'signing in needs the primary');
stop_gateway($mirror);
$standby->stop;

# ---- a restart, a dump ----
$node->restart;
ok(wait_until(sub { $who->($gateway, $token) == 200 }), 'a session outlives a restart');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, '-d', $node->connstr('shop') ], 'a dump');
unlike(slurp_file($file), qr/COPY pulse\.console_session/, '... has no sessions');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('copy') ], '... and is restored');
is($node->safe_psql('copy', 'SELECT count(*) FROM pulse.console_session'), 0, 'nobody is signed in to a copy');

# ---- revoked ----
$node->safe_psql('shop', q{SELECT pulse_revoke_api_key('maria')});
is($who->($gateway, $token), 401, 'a session ends with its key');
is($sign_in->($gateway)->{status}, 401, 'and none begins');

# ---- no key and no token in a log ----
my $log = slurp_file($gateway->{out}) . slurp_file($gateway->{err}) . slurp_file($node->logfile);
like($log, qr{"route":"/console/session","status":200}, 'the log has the requests');
unlike($log, qr/\Q$_\E/, '... and no secret') for $key, $token, $second, substr($key, -20), unpack('H*', $key);

# ---- behind nginx, with a prefix ----
$node->safe_psql('postgres', 'CREATE DATABASE behind');
$node->safe_psql('behind', q{CREATE EXTENSION pulse; SELECT pulse_grant('gate', 'gateway'), pulse_grant('manager', 'operator')});
my $front_gateway = start_http($node, 'behind', trusted_proxies => '127.0.0.1');
my ($nginx) = grep { -x } $ENV{PULSE_NGINX} // (), map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
die "nginx is neither in the PATH nor in PULSE_NGINX; script/test fetches it\n" unless $nginx;
my $directory = PostgreSQL::Test::Utils::tempdir();
my $port = free_port();
my ($location) = slurp_file(__FILE__ =~ s{[^/]*$}{}r . '/../../doc/console.md') =~ /^(location \/pulse\/ \{.*?^\})$/ms;
ok($location, 'the page has a configuration');
$location =~ s/127\.0\.0\.1:8080/127.0.0.1:$front_gateway->{port}/;
append_to_file("$directory/nginx.conf", "daemon off; pid $directory/pid; error_log stderr; worker_processes 1;\nevents { worker_connections 200; }\nhttp { access_log off;\n"
	. join('', map { "${_}_temp_path $directory/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi)) . "server { listen 127.0.0.1:$port; $location }\n}\n");
my $proxy = start_peer($nginx, '-p', $directory, '-e', 'stderr', '-c', "$directory/nginx.conf");
wait_for_port($proxy, $port);
is(get({ port => $port }, '/pulse/health')->{status}, 200, 'a route below the prefix');
is(get({ port => $port }, "/pulse/$_")->{status}, 404, "$_: what is escaped in a path stays so") for 'nothing%2F..%2Fhealth', 'api%2Fhealth';
$ENV{PULSE_CHROMIUM} ||= '/usr/bin/chromium-headless-shell';
my $browser = start_node_script(__FILE__ =~ s{[^/]*$}{../console/behind/prefix.mjs}r,
	encode_json({ url => "http://localhost:$port/pulse/console/", key => make_key($node, 'behind', 'maria', 'admin') }));
ok(wait_until(sub { waitpid($browser->{pid}, WNOHANG) == $browser->{pid} }), 'the browser ends');
my $output = slurp_file($browser->{log}->filename);
my $checks = 0;
while ($output =~ /^(ok|not ok) - (.*)\n((?:#.*\n)*)/mg) { ok($1 eq 'ok', $2) or diag($3); $checks++ }
ok($checks, 'the browser checks something') or diag($output);

# ---- switched off ----
my $off = start_http($node, 'behind', console => 'off');
is(get($off, $_)->{status}, 404, "off: $_") for '/console', '/console/', '/console/session', '/console/api/v1/segments';
stop_gateway($_) for $gateway, $front_gateway, $off;
done_testing();
