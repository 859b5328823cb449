# What the tests with real clients share: Pulse in a database behind pulse-http, keys, requests, and the clients, which are node scripts of
# test/peers/clients. A script gets one JSON object as its argument and prints what it saw as JSON, in its last line.
package PulseHttp;

use strict;
use warnings;
use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Utils;
use PulseGateway;
use PulsePeers;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(create_pulse start_http make_key send_json read_json start_client finish_client run_client);

my $codec = JSON::PP->new->canonical->allow_nonref->utf8;
my $http = HTTP::Tiny->new(timeout => $PostgreSQL::Test::Utils::timeout_default, max_redirect => 0);

# Make a database with Pulse, the gateway's role and one role for each kind of key.
sub create_pulse
{
	my ($node, $database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, q{CREATE EXTENSION pulse; CREATE ROLE gate LOGIN; CREATE ROLE sender; CREATE ROLE viewer; CREATE ROLE manager;
		SELECT pulse_grant('gate', 'gateway'), pulse_grant('sender', 'writer'), pulse_grant('viewer', 'people_reader'), pulse_grant('manager', 'operator')});
	return;
}

# Start pulse-http before it, as the gateway's role. The result also has url.
sub start_http
{
	my ($node, $database, %settings) = @_;
	my $gateway = start_gateway($node, $database, conninfo => $node->connstr($database) . ' user=gate', %settings);
	$gateway->{url} = "http://127.0.0.1:$gateway->{port}";
	return $gateway;
}

# A new key of a kind; options are SQL, such as "rate => 60".
sub make_key
{
	my ($node, $database, $name, $kind, $options) = @_;
	my %role = (public => 'sender', write => 'sender', read => 'viewer', admin => 'manager');
	my $more = $options ? ", $options" : '';
	return $node->safe_psql($database, "SELECT pulse_create_api_key('$name', '$kind', '$role{$kind}'$more)");
}

# One request with a JSON or text body. Returns HTTP::Tiny's answer.
sub send_json
{
	my ($gateway, $method, $path, $key, $body, %headers) = @_;
	my %all = (defined $body ? ('content-type' => 'application/json') : (), defined $key ? (authorization => "Bearer $key") : (), %headers);
	return $http->request($method, "$gateway->{url}$path", { headers => \%all, defined $body ? (content => ref $body ? $codec->encode($body) : $body) : () });
}

# The JSON of an answer; undef if it is none.
sub read_json { my ($answer) = @_; return eval { $codec->decode($answer->{content}) } }

# Start a client with an object of arguments.
sub start_client
{
	my ($script, $arguments) = @_;
	my $here = __FILE__ =~ s{[^/]*$}{../peers/clients}r;
	return start_node_script("$here/$script", $codec->encode($arguments));
}

# Wait for its end. Returns what its last line says; dies with all its output if it failed.
sub finish_client
{
	my ($client) = @_;
	my $ended = wait_until(sub { waitpid($client->{pid}, WNOHANG) == $client->{pid} && (($client->{status} = $?), 1) });
	my $output = slurp_file($client->{log}->filename);
	die "the client does not end: $output" unless $ended;
	stop_peer($client);
	die "the client failed with status $client->{status}: $output" if $client->{status} != 0;
	my ($line) = (grep { /^\{/ } split /\n/, $output)[-1];
	return $codec->decode($line // die "the client says nothing: $output");
}

sub run_client { my ($script, $arguments) = @_; return finish_client(start_client($script, $arguments)) }

1;
