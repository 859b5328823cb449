# TLS between the gateway and the database: what OpenSSL has read of a record already is no news for the socket, and must not be
# waited for.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseGateway;
use PulsePeers;
use PulseTest;

my $node = start_node('gateway_tls', 'max_connections = 60');
fill_stub($node, 'stub');
my $directory = PostgreSQL::Test::Utils::tempdir();
my ($key, $certificate, $port) = ("$directory/key.pem", "$directory/certificate.pem", free_port());
system('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', $key, '-out', $certificate, '-days', 2, '-subj', '/CN=localhost') == 0 or die 'openssl';
my $front = start_peer('node', (__FILE__ =~ s{[^/]*$}{../peers/tls_front.mjs}r), $port, $node->host . '/.s.PGSQL.' . $node->port, $key, $certificate);
wait_for_port($front, $port);
my $gateway = start_gateway($node, 'stub', conninfo => "host=127.0.0.1 port=$port dbname=stub user=" . getpwuid($<) . ' sslmode=require', request_time => '5s', decide_connections => 1, other_connections => 2);

my $began = time;
my @sizes = map { 1000 + 7920 * $_ } 1 .. 60;
my @lengths = map { length get($gateway, "/large/$_")->{body} } @sizes;
is("@lengths", "@sizes", 'answers of all lengths');
is(length get($gateway, '/large/3000000')->{body}, 3_000_000, 'a large one');

# Answers behind each other on one connection: records end in the middle of them.
my @sockets = map { connect_to($gateway) } 1 .. 16;
my $wrong = 0;
for my $round (1 .. 60)
{
	my @expected = map { 10 * int(($_ * 733 + $round * 911) % 700) + 10 } 0 .. $#sockets;
	syswrite $sockets[$_], request('GET', "/v1/decide?$expected[$_]") for 0 .. $#sockets;
	for (0 .. $#sockets) { my $answer = read_answer($sockets[$_]); $wrong += !$answer || length $answer->{body} != $expected[$_] }
}
is($wrong, 0, 'decisions behind each other');
soon($began, 'nothing is waited for');
is(stop_gateway($gateway), 0, 'the gateway ends');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error|did not answer in time/, 'no memory error, and no connection was given up');
done_testing();
