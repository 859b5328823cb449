# GET /v1/changes with the gateway: what changes comes to all who listen, in whatever order transactions commit; streams resume, and
# end cleanly.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseGateway;
use PulseTest;

$SIG{PIPE} = 'IGNORE';
my $node = start_node('changes', 'max_connections = 60', 'log_statement = all');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{CREATE EXTENSION pulse; CREATE ROLE gate LOGIN; SELECT pulse_grant('gate', 'gateway'); CREATE ROLE viewer; SELECT pulse_grant('viewer', 'reader')});
my %key = map { $_ => sql("SELECT pulse_create_api_key('$_', 'read', 'viewer')") } qw(one two rotated);
sub start { return start_gateway($node, 'postgres', conninfo => $node->connstr('postgres') . ' user=gate', @_) }
my $gateway = start();

# A stream: its socket, and what has come.
sub listen_to
{
	my ($name, %headers) = @_;
	my %stream = (socket => connect_to($gateway), text => '');
	syswrite $stream{socket}, request('GET', '/v1/changes', { Authorization => "Bearer $key{$name}", %headers });
	await(\%stream, qr/\r\n\r\n.*\n\n/s);
	return \%stream;
}
sub pull
{
	my ($stream) = @_;
	while (IO::Select->new($stream->{socket})->can_read(0)) { sysread($stream->{socket}, $stream->{text}, 65536, length $stream->{text}) or do { $stream->{ended} = 1; last } }
	return;
}
sub await { my ($stream, $pattern) = @_; return wait_until(sub { pull($stream); $stream->{text} =~ $pattern }) }
sub changes_of { my ($stream) = @_; my %seen; $seen{"$_->{kind} $_->{id}"}++ for map { @{ decode_json($_) } } $stream->{text} =~ /^event: changes\r?\ndata: (.*)$/mg; return \%seen }
sub last_id { my ($stream) = @_; return ($stream->{text} =~ /^id: (\S+)/mg)[-1] }
sub flag { my ($name) = @_; return 'flag ' . sql("SELECT id FROM pulse.flag WHERE key = '$name'") }

my $first = listen_to('one');
like($first->{text}, qr{^HTTP/1\.1 200 .*\ncontent-type: text/event-stream\r\n.*\nTransfer-Encoding: chunked\r\n}si, 'a stream begins');
like($first->{text}, qr/^retry: 3000\nid: \d+-\d+:\d+:/m, '... with where it is');
my @more = (listen_to('one'), listen_to('two'));
my $began = last_id($first);

# A transaction that began before another one, and commits after it
my $early = $node->background_psql('postgres');
$early->query_safe(q{BEGIN; INSERT INTO pulse.change (kind, object_id) VALUES ('flag', 900001)});
sql(q{INSERT INTO pulse.change (kind, object_id) VALUES ('flag', 900002)});
my ($id, $late) = ('flag 900001', 'flag 900002');
ok(await($_, qr/"${\ ($late =~ s{flag }{}r)}"/), 'all who listen hear of a change') for $first, @more;
$early->query_safe('COMMIT');
$early->quit;
ok(await($first, qr/"${\ ($id =~ s{flag }{}r)}"/), 'what began earlier and was committed later comes later');
sql(q{INSERT INTO pulse.change (kind, object_id) VALUES ('flag', 900003)});
my $last = 'flag 900003';
ok(await($first, qr/"900003"/), 'and what changes after that');
is_deeply(changes_of($first), { $id => 1, $late => 1, $last => 1 }, 'each once');

# One question a second for all with the same key: 14 streams of their own would ask twelve times in a second.
push @more, map { listen_to('one') } 1 .. 12;
my ($offset, $start) = (-s $node->logfile, time);
ok(wait_until(sub { (() = slurp_file($node->logfile, $offset) =~ /execute pulse_http_next/g) >= 12 }), 'the database is asked');
cmp_ok(time - $start, '>', 2, '... once for all with the same key');
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pulse-http' AND state ~ 'in transaction'}), '0', 'and nothing is open in between');

# Coming back
my $again = listen_to('two', 'Last-Event-ID' => $began);
is_deeply(changes_of($again), { $id => 1, $late => 1, $last => 1 }, 'a client that comes back hears what it has missed');
my $new = listen_to('two', 'Last-Event-ID' => last_id($again));
is_deeply(changes_of($new), {}, '... and no more');
is(get($gateway, '/v1/changes', Authorization => "Bearer $key{one}", 'Last-Event-ID' => 'nonsense')->{status}, 400, 'a position that is none');
is(get($gateway, '/v1/changes')->{status}, 401, 'not without a key');
my $head = ask($gateway, request('HEAD', '/v1/changes', { Authorization => "Bearer $key{one}" }), head => 1);
is($head->{status}, 200, 'HEAD ends by itself');

# The database goes and comes back
$node->restart;
ok(wait_until(sub { eval { sql(q{SELECT pulse_create_flag('after', 'true')}); 1 } }), 'the server is restarted');
$id = flag('after');
ok(await($first, qr/"${\ ($id =~ s{flag }{}r)}"/), 'a stream survives that');

# The end of a key
sql(q{SELECT pulse_revoke_api_key('two')});
ok(await($new, qr/event: end\ndata: "the API key has ended"\n\n\r\n0\r\n\r\n/), 'a key that is revoked ends its streams');
is(get($gateway, '/v1/changes', Authorization => "Bearer $key{two}")->{status}, 401, '... for good');
my $old = listen_to('rotated');
$key{rotated} = sql(q{SELECT pulse_rotate_api_key('rotated', keep => '0')});
$new = listen_to('rotated');
ok(await($old, qr/event: end\n/), 'a text of a key that was replaced ends its streams');
sql(q{INSERT INTO pulse.change (kind, object_id) VALUES ('flag', 900004)});
ok(await($new, qr/"900004"/), '... and those of the new one go on');
close $_->{socket} for $old, $new;
$began = time;
ok(await($first, qr/^:\n\n/m), 'a sign of life where nothing happens');
soon($began, '... every quarter of a minute');

# Clients that go
close $more[0]{socket};
sql(q{SELECT pulse_create_flag('next', 'true')});
$id = flag('next');
ok(await($first, qr/"${\ ($id =~ s{flag }{}r)}"/), 'a client that went does not concern the others');
signal_gateway($gateway, 'TERM');
ok(await($first, qr/\r\n0\r\n\r\n$/), 'SIGTERM ends a stream as a whole answer');
is(stop_gateway($gateway), 0, '... and the gateway ends');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');

# At most half of the clients
$gateway = start(connections => 4);
my @streams = map { listen_to('one') } 1 .. 2;
is(get($gateway, '/v1/changes', Authorization => "Bearer $key{one}")->{status}, 503, 'streams leave room for others');
is(get($gateway, '/health')->{status}, 200, '... which are answered');
is(stop_gateway($gateway), 0, 'the gateway ends at once');
unlike(slurp_file($gateway->{err}), qr/Sanitizer|runtime error/, 'no memory error');
done_testing();
