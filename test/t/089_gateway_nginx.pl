# The gateway behind nginx, with the configuration that doc/gateway.md shows. PULSE_NGINX names the program if it is not in the PATH.
use strict;
use warnings;
use Compress::Zlib;
use Digest::MD5 qw(md5_hex);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseGateway;
use PulsePeers;
use PulseTest;

my ($nginx) = grep { -x } $ENV{PULSE_NGINX} // (), map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
die "nginx is neither in the PATH nor in PULSE_NGINX; script/test fetches it\n" unless $nginx;

my $node = start_node('gateway_nginx');
fill_stub($node, 'stub');
my $gateway = start_gateway($node, 'stub', trusted_proxies => '127.0.0.1', hosts => 'shop.example', idle_time => '1s');

my $directory = PostgreSQL::Test::Utils::tempdir();
my ($server) = slurp_file(__FILE__ =~ s{[^/]*$}{}r . '/../../doc/gateway.md') =~ /^(upstream pulse .*?^\})$/ms;
ok($server, 'the page has a configuration');
my $port = free_port();
$server =~ s/127\.0\.0\.1:8080/127.0.0.1:$gateway->{port}/;
$server =~ s/listen 443 ssl;/listen 127.0.0.1:$port;/;
$server =~ s/^ *ssl_.*\n//mg;
append_to_file("$directory/nginx.conf", "daemon off; pid $directory/pid; error_log stderr; worker_processes 1;\nevents { worker_connections 200; }\nhttp { access_log off;\n"
	. join('', map { "${_}_temp_path $directory/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi)) . "$server\n}\n");
my $proxy = start_peer($nginx, '-p', $directory, '-e', 'stderr', '-c', "$directory/nginx.conf");
wait_for_port($proxy, $port);
my $front = { port => $port };

my $echo = decode_json(get($front, '/echo/a?b=c', Host => 'shop.example', 'X-Forwarded-For' => '6.6.6.6')->{body});
is($echo->{client}{address}, '127.0.0.1', 'the client is what nginx saw');
is("$echo->{path}?$echo->{query}", '/echo/a?b=c', 'path and query are as they came');
is($echo->{headers}{host}, 'shop.example', 'so is the host');
like($echo->{client}{request}, qr/^[0-9a-f]{32}$/, "the request has nginx's id");
my $body = join '', map { chr(rand 256) } 1 .. 300_000;
my $post = sub { return decode_json(ask($front, request('POST', '/echo', { Host => 'shop.example', %{ $_[0] } }, $_[1]))->{body}) };
is($post->({}, $body)->{md5}, md5_hex($body), 'a body');
is($post->({ 'Transfer-Encoding' => 'chunked', 'Content-Length' => undef }, sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body))->{md5}, md5_hex($body), 'in chunks');
is($post->({ 'Content-Encoding' => 'gzip' }, Compress::Zlib::memGzip($body))->{md5}, md5_hex($body), 'with gzip');
is(get($front, '/slices/5', Host => 'shop.example')->{body}, join('', map { "slice $_," } 0 .. 5), 'slices');
is(length get($front, '/large/3000000', Host => 'shop.example')->{body}, 3_000_000, 'a large answer');
my $socket = connect_to($front);
for (1 .. 50) { syswrite $socket, request('GET', '/health', { Host => 'shop.example' }); is(read_answer($socket)->{status}, 200, 'many requests') if $_ % 25 == 0; }
# Longer than the gateway keeps a connection that nginx does not use.
sleep 2;
my @codes = map { get($front, '/health', Host => 'shop.example')->{status} } 1 .. 20;
is("@codes", join(' ', (200) x 20), 'connections that the gateway has closed');
is(get($front, '/fail/53200', Host => 'shop.example')->{headers}{'retry-after'}, 1, 'errors come through');
stop_peer($proxy);
is(stop_gateway($gateway), 0, 'the gateway ends');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');
done_testing();
