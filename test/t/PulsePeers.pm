# Peers of the TAP tests: the receiver, and other node or Java programs. Each lives until the test ends, however it ends.
package PulsePeers;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes ();

our @EXPORT = qw(start_receiver start_ad_platforms start_peer start_node_script stop_peer wait_for_port free_port get_json post_json delete_json
  peers_directory);

my @running;
my $own = $$;
my $here = abs_path(dirname(__FILE__)) . '/../peers';
my $http = HTTP::Tiny->new(timeout => 30);

# Where the packages of test/peers/package.json are.
sub peers_directory
{
	my $directory = $ENV{PULSE_PEERS} // '';
	die "PULSE_PEERS must name the directory where test/peers/package.json was installed (see need_node in script/lib.sh)\n"
	  unless -d "$directory/node_modules";
	return $directory;
}

sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!";
	my $port = $socket->sockport;
	close $socket;
	return $port;
}

# Starts a program and returns { pid, log }. Its output is in the log.
sub start_peer
{
	my @command = @_;
	my $log = File::Temp->new(TEMPLATE => 'peerXXXXXX', TMPDIR => 1, SUFFIX => '.log');
	chmod 0644, "$log";
	pipe(my $gone, my $life) or die "no pipe: $!";
	my $pid = fork() // die "cannot fork: $!";
	if ($pid == 0)
	{
		# A group of its own: what it starts itself ends with it.
		setpgrp(0, 0);
		close $_ for $life, map { $_->{life} } @running;
		watch($gone) if fork() == 0;
		close $gone;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$log";
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	close $gone;
	my $peer = { pid => $pid, log => $log, life => $life };
	push @running, $peer;
	return $peer;
}

# One of the group sees when the test is gone, however it ended: only the test holds the other end of this pipe.
sub watch
{
	my ($gone) = @_;
	$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
	POSIX::close($_) for 0 .. 2;
	sysread $gone, my $byte, 1;
	kill 'KILL', -getpgrp();
	POSIX::_exit(0);
}

# Starts a node program with the packages in reach. A file without a directory is one of test/peers.
sub start_node_script
{
	my ($file, @arguments) = @_;
	$file = "$here/$file" unless $file =~ m{/};
	local $ENV{NODE_PATH} = ($ENV{PULSE_PEERS} // '') . '/node_modules';
	return start_peer('node', $file, @arguments);
}

sub stop_peer
{
	my ($peer) = @_;
	return unless $peer->{pid};
	kill 'KILL', -$peer->{pid}, $peer->{pid};
	close $peer->{life};
	waitpid $peer->{pid}, 0;
	$peer->{pid} = 0;
	@running = grep { $_ != $peer } @running;
	return;
}

sub alive { my ($peer) = @_; return waitpid($peer->{pid}, POSIX::WNOHANG()) == 0 }

# Waits until $check gives something true; dies with the peer's log when it ended or took too long.
sub wait_for
{
	my ($peer, $what, $check) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $end)
	{
		my $result = $check->();
		return $result if $result;
		last unless alive($peer);
		Time::HiRes::usleep(50_000);
	}
	die "$what: " . slurp_file($peer->{log}->filename) . "\n";
}

# Waits until something listens there.
sub wait_for_port
{
	my ($peer, $port) = @_;
	return wait_for($peer, "nothing listens at port $port",
		sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) });
}

# Starts test/peers/receiver.mjs. The peer has its ports (http, https, expired, other), url (of http), and ca, the file of the
# authority that signed its certificates.
sub start_receiver
{
	my $directory = PostgreSQL::Test::Utils::tempdir();
	chmod 0755, $directory;
	my $peer = start_node_script('receiver.mjs', $directory);
	my $ports = wait_for($peer, 'the receiver did not start', sub { slurp_file($peer->{log}->filename) =~ /^(\{.*\})$/m && $1 });
	%$peer = (%$peer, %{ decode_json($ports) }, ca => "$directory/ca.pem");
	$peer->{url} = "http://127.0.0.1:$peer->{http}";
	return $peer;
}

# Starts test/peers/ad_platforms.mjs. The peer has its port, and url.
sub start_ad_platforms
{
	my $peer = start_node_script('ad_platforms.mjs');
	my $line = wait_for($peer, 'the ad platforms did not start', sub { slurp_file($peer->{log}->filename) =~ /^(\{.*\})$/m && $1 });
	$peer->{port} = decode_json($line)->{port};
	$peer->{url} = "http://127.0.0.1:$peer->{port}";
	return $peer;
}

sub answer
{
	my ($method, $url, $response) = @_;
	die "$method $url: $response->{status} $response->{content}\n" unless $response->{success};
	return $response->{content} =~ /\S/ ? JSON::PP->new->utf8->allow_nonref->decode($response->{content}) : undef;
}

sub get_json { my ($url) = @_; return answer('GET', $url, $http->get($url)) }
sub delete_json { my ($url) = @_; return answer('DELETE', $url, $http->delete($url)) }

sub post_json
{
	my ($url, $value) = @_;
	my $options = { headers => { 'content-type' => 'application/json' }, content => encode_json($value) };
	return answer('POST', $url, $http->post($url, $options));
}

END
{
	if ($$ == $own)
	{
		my $status = $?;
		my @all = @running;
		stop_peer($_) for @all;
		$? = $status;
	}
}
# A signal ends the test as die does: END is run.
$SIG{$_} = sub { die "ended by a signal\n" }
  for qw(INT TERM HUP);

1;
