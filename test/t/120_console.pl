# The console in a real browser: each file of test/console/ is run against the gateway, before a database with data and one without. Files named
# in PULSE_CONSOLE_TESTS (without .mjs) are run alone.
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

my $here = __FILE__ =~ s{[^/]*$}{../console}r;
$ENV{PULSE_CHROMIUM} ||= '/usr/bin/chromium-headless-shell';
die "$ENV{PULSE_CHROMIUM} is not installed; script/test installs it\n" unless -x $ENV{PULSE_CHROMIUM};
peers_directory();

my $node = start_node('console', 'max_connections = 60');
create_pulse($node, 'shop');
my $sql = sub { return $node->safe_psql('shop', @_) };
$node->safe_psql('postgres', 'CREATE DATABASE empty');
$node->safe_psql('empty', q{CREATE EXTENSION pulse; SELECT pulse_grant('gate', 'gateway'), pulse_grant('viewer', 'people_reader'), pulse_grant('manager', 'operator')});
$sql->(slurp_file($_)) for glob "$here/*.sql";
# The moment that the data is about, whenever this runs.
$sql->(q{ALTER DATABASE shop SET pulse.now = '2026-10-21 03:00+00'});
my %given = (key => make_key($node, 'shop', 'maria', 'admin'), reader => make_key($node, 'shop', 'reporter', 'read'), emptyKey => make_key($node, 'empty', 'maria', 'admin'), psql => $node->connstr('shop'),
	chief => $sql->(q{SELECT pulse_create_api_key('the chief', 'admin', 'chief')}), emptyChief => $node->safe_psql('empty', q{SELECT pulse_create_api_key('the chief', 'admin', 'chief') FROM pulse_grant('chief', 'admin')}));
my $gateway = start_http($node, 'shop', other_connections => 4);
my $bare = start_http($node, 'empty', other_connections => 4);
$given{url} = "http://localhost:$gateway->{port}/console/";
$given{empty} = "http://localhost:$bare->{port}/console/";

# ---- without a browser ----
my $index = get($gateway, '/console/');
is($index->{status}, 200, 'the page is served');
like($index->{headers}{'content-security-policy'}, qr/default-src 'none'; script-src 'self'; style-src 'self'/, '... with a strict policy');
unlike($index->{headers}{'content-security-policy'}, qr/unsafe/, '... without exceptions');
is($index->{headers}{'x-content-type-options'}, 'nosniff', '... as what it is');
is(get($gateway, '/console/', 'If-None-Match' => $index->{headers}{etag})->{status}, 304, '... once');
my $way = get($gateway, '/console?x=1');
is("$way->{status} $way->{headers}{location}", '308 console/?x=1', 'the way to it, relative');
my $alias = get($gateway, '/dashboard/cdp/identity/a%2Fb');
is("$alias->{status} $alias->{headers}{location}", '302 ../../../console/#/identity/a%2Fb', 'the address of an earlier dashboard');
is(get($gateway, '/dashboard/cdp/nothing')->{status}, 404, '... that it had');
is(ask($gateway, request('POST', '/dashboard/cdp', {}, ''))->{status}, 404, '... to read');
my $packed = get($gateway, '/console/vendor/plot.js', 'Accept-Encoding' => 'gzip');
is($packed->{headers}{'content-encoding'}, 'gzip', 'files are compressed');
cmp_ok(length $packed->{body}, '<', 100_000, '... well');
my $head = ask($gateway, request('HEAD', '/console/app.js'), head => 1);
is("$head->{status} " . length($head->{body}), '200 0', 'HEAD');
is(get($gateway, $_)->{status}, 404, "$_ is no file") for '/console/nothing.js', '/console/.git/config', '/console/vendor/', '/console/pages/..%2fapp.js', '/console/README.md';
is(get($gateway, $_)->{status}, 400, "$_ leads nowhere") for '/console/../etc/passwd', '/console/%2e%2e/%2e%2e/etc/passwd';
is(ask($gateway, request('POST', '/console/app.js', {}, ''))->{status}, 405, 'files are only read');
my $total = 0;
my %seen;
my @left = ('');
while (defined(my $file = shift @left))
{
	next if $seen{$file}++;
	my $answer = get($gateway, "/console/$file", 'Accept-Encoding' => 'gzip');
	$total += length $answer->{body};
	my $text = get($gateway, "/console/$file")->{body};
	my ($directory) = $file =~ m{^(.*/)?};
	for my $name ($text =~ m{(?:href="|src="|from '|import\(')(\.{0,2}/?[\w/.-]+\.(?:js|css|svg))}g)
	{
		my $path = ($directory // '') . $name;
		$path =~ s{(^|/)\./}{$1}g;
		1 while $path =~ s{[^/]+/\.\./}{};
		push @left, $path;
	}
}
ok($seen{'vendor/plot.js'} && $seen{'pages/segments.js'}, 'all files are found by what they name');
cmp_ok($total, '<=', 250_000, "all files together are small: $total bytes compressed");

# ---- in a browser ----
my @tests = $ENV{PULSE_CONSOLE_TESTS} ? split / /, $ENV{PULSE_CONSOLE_TESTS} : map { m{([^/]*)\.mjs$} } grep { !/lib\.mjs$/ } glob "$here/*.mjs";
for my $test (sort @tests)
{
	my $peer = start_node_script("$here/$test.mjs", encode_json(\%given));
	# The script ends itself when it comes to a stop; as long as it tells more it may take its time.
	my ($ended, $seen) = ('', -1);
	while (!$ended && -s $peer->{log}->filename > $seen)
	{
		$seen = -s _;
		$ended = wait_until(sub { return waitpid($peer->{pid}, WNOHANG) == $peer->{pid} });
	}
	my $output = slurp_file($peer->{log}->filename);
	stop_peer($peer);
	my $checks = 0;
	while ($output =~ /^(ok|not ok) - (.*)\n((?:#.*\n)*)/mg) { ok($1 eq 'ok', $2) or diag($3); $checks++ }
	ok($ended && $checks, "$test.mjs ends") or diag($output);
}

stop_gateway($_) for $gateway, $bare;
done_testing();
