# What the tests of the gateway share: pulse-http beside a cluster, and clients that send what they like.
package PulseGateway;

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(WNOHANG);
use PulsePeers;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_gateway stop_gateway signal_gateway fill_stub wait_until connect_to request ask read_answer get log_lines cpu_seconds);

our $patience = $PostgreSQL::Test::Utils::timeout_default;

# Make a database in which the stand-in of 080_stub.sql answers.
sub fill_stub
{
	my ($node, $database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, slurp_file(__FILE__ =~ s{[^/]*$}{080_stub.sql}r));
}

# Start pulse-http on a free port with these settings; PULSE_HTTP names another program, such as one with sanitizers.
sub start_gateway
{
	my ($node, $database, %settings) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my %gateway = (out => "$directory/out", err => "$directory/err", file => "$directory/pulse.conf");
	my $conninfo = $settings{conninfo} // $node->connstr($database);
	delete $settings{conninfo};
	my %all = (port => 0, decide_connections => 2, ingest_connections => 2, other_connections => 2, %settings);
	append_to_file($gateway{file}, "conninfo = $conninfo\n" . join('', map { "$_ = $all{$_}\n" } sort keys %all));
	my $program = $ENV{PULSE_HTTP} // 'pulse-http';
	$gateway{peer} = start_peer('sh', '-c', 'out=$0 err=$1; shift; exec "$@" >"$out" 2>"$err"', $gateway{out}, $gateway{err}, $program, '--config', $gateway{file});
	$gateway{pid} = $gateway{peer}{pid};
	wait_until(sub { -s $gateway{err} && slurp_file($gateway{err}) =~ /"message":"listening".*"port":"(\d+)"/ && ($gateway{port} = $1) })
	  or die 'the gateway does not start: ' . slurp_file($gateway{err});
	return \%gateway;
}

sub signal_gateway { my ($gateway, $signal) = @_; return kill $signal => $gateway->{pid} }

# End it. Returns its exit status.
sub stop_gateway
{
	my ($gateway, $signal) = @_;
	kill $signal // 'TERM', $gateway->{pid};
	my $status = 'it does not end';
	wait_until(sub { waitpid($gateway->{pid}, WNOHANG) == $gateway->{pid} && (($status = $?), 1) });
	stop_peer($gateway->{peer});
	return $status;
}

# Whether the condition comes true in time.
sub wait_until
{
	my ($condition) = @_;
	my $end = time + $patience;
	while (time < $end) { return 1 if $condition->(); sleep 0.1 }
	return 0;
}

sub connect_to
{
	my ($gateway) = @_;
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gateway->{port}, Timeout => $patience) // die "cannot connect: $!";
}

# A request as text.
sub request
{
	my ($method, $path, $headers, $body) = @_;
	my %all = (Host => 'localhost', %{ $headers // {} });
	$all{'Content-Length'} = length $body if defined $body && !exists $all{'Content-Length'};
	return "$method $path HTTP/1.1\r\n" . join('', map { "$_: $all{$_}\r\n" } sort grep { defined $all{$_} } keys %all) . "\r\n" . ($body // '');
}

# More bytes into the buffer; 0 at the end.
sub more
{
	my ($socket, $buffer) = @_;
	return 0 unless IO::Select->new($socket)->can_read($patience);
	return sysread($socket, $$buffer, 65536, length $$buffer) // 0;
}

my %left;    # what a socket has sent beyond its last answer

# The next answer of a socket: status, headers (names in lower case), body; undef if the connection ends before it.
sub read_answer
{
	my ($socket, %options) = @_;
	my $text = delete $left{$socket} // '';
	while ($text !~ /\r\n\r\n/) { return undef unless more($socket, \$text) }
	my ($head, $rest) = $text =~ /^(.*?)\r\n\r\n(.*)$/s;
	my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
	my %headers;
	for (split /\r\n/, $head =~ s/^[^\n]*\n//r) { my ($name, $value) = /^([^:]+): ?(.*)$/; push @{ $headers{ lc $name } }, $value }
	my %answer = (status => $status, headers => { map { $_ => join ', ', @{ $headers{$_} } } keys %headers }, head => $head, body => '', whole => 1);
	if ($options{head} || $status < 200 || $status == 204 || $status == 304) { }
	elsif (($answer{headers}{'transfer-encoding'} // '') eq 'chunked')
	{
		while (1)
		{
			while ($rest !~ /^[0-9a-f]+\r\n/) { $answer{whole} = more($socket, \$rest) or return \%answer }
			my ($size) = $rest =~ /^([0-9a-f]+)\r\n/;
			my $start = length($size) + 2;
			while (length $rest < $start + hex($size) + 2) { $answer{whole} = more($socket, \$rest) or return \%answer }
			$answer{body} .= substr $rest, $start, hex $size;
			$rest = substr $rest, $start + hex($size) + 2;
			last if hex $size == 0;
		}
	}
	elsif (defined(my $length = $answer{headers}{'content-length'}))
	{
		while (length $rest < $length) { $answer{whole} = more($socket, \$rest) or last }
		$answer{body} = substr $rest, 0, $length;
		$rest = length $rest > $length ? substr $rest, $length : '';
	}
	else { 1 while more($socket, \$rest); ($answer{body}, $rest) = ($rest, '') }
	$left{$socket} = $rest if length $rest;
	return \%answer;
}

# Send bytes over a new connection and read one answer.
sub ask
{
	my ($gateway, $bytes, %options) = @_;
	my $socket = connect_to($gateway);
	syswrite $socket, $bytes;
	return read_answer($socket, %options);
}

sub get { my ($gateway, $path, %headers) = @_; return ask($gateway, request('GET', $path, \%headers)) }

# The lines of the log.
sub log_lines { my ($gateway) = @_; return map { decode_json($_) } grep { /^\{/ } split /\n/, slurp_file($gateway->{out}) }

# Seconds of processor time that the program has used.
sub cpu_seconds
{
	my ($gateway) = @_;
	my @fields = split / /, slurp_file("/proc/$gateway->{pid}/stat") =~ s/^.*\) //r;
	return ($fields[11] + $fields[12]) / 100;
}

1;
