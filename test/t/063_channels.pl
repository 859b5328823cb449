# Channels with real peers: a mail server, the libraries that verify webhooks, and a receiver that checks the documented rules of each
# platform. Secrets are only in user mappings.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;
use PulseTest;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $directory = $receiver->{ca} =~ s{/[^/]*$}{}r;
my $mailbox = start_node_script('mailbox.mjs', $directory);
my $ports = decode_json(PulsePeers::wait_for($mailbox, 'the mail server did not start',
	sub { slurp_file($mailbox->{log}->filename) =~ /^(\{.*\})$/m && $1 }));
my $mails = "http://127.0.0.1:$ports->{http}/__mails";

my $node = start_node('channels', q{pulse.allowed_hosts = '127.0.0.0/8, ::1'}, 'pulse.allow_http = on', 'log_statement = all',
	q{pulse.incident_url = 'https://app.example.com/incidents/{id}?from=pulse&x=1'}, "client_encoding = 'UTF8'");
$node->safe_psql('postgres', q{CREATE EXTENSION pulse; SELECT pulse_load_demo(); SELECT pulse_check_drift();});

my $codec = JSON::PP->new->utf8->canonical->allow_nonref;
sub sql { return $node->safe_psql('postgres', @_) }
sub json { my ($query) = @_; return $codec->decode(sql($query)) }
# Text as UTF-8 bytes, as in the literals of this file, and as psql and HTTP take it.
sub bytes { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text }
sub literal { my ($text) = @_; $text =~ s/'/''/g; return "'$text'" }

my $whsec = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $routing = 'R0123456789abcdefR0123456789abcd';
my @secrets = ('slackpathsecret', 'teamssigsecret', 'hookpathsecret', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 're_resendsecret',
	'pass word-', $routing, 'headersecret');
my %mail = (from => '"Pülse, Inc." <alerts@example.com>', to => 'Ada <ada@example.org>, ops@example.org');

sub create
{
	my ($name, $kind, %options) = @_;
	my $text = JSON::PP->new->canonical->encode(\%options);
	utf8::downgrade($text);
	my $error = '';
	my $code = $node->psql('postgres', "SELECT pulse_create_channel('$name', '$kind', " . literal($text) . ')', stderr => \$error);
	return "$code$error";
}
# The row of pulse_test_channel().
sub try { return json("SELECT to_jsonb(t) FROM pulse_test_channel('$_[0]') AS t") }

# ---- creating channels ----

is(create('slack', 'slack', url => "$url/slack/services/slackpathsecret"), '0', 'a Slack channel is created');
is(create('teams', 'teams', url => "$url/teams/workflows?sig=teamssigsecret"), '0', 'Teams');
is(create('hook', 'webhook', url => "$url/webhook/hookpathsecret", secret => $whsec, header => 'Authorization: Bearer headersecret'), '0', 'a webhook');
is(create('resend', 'email', %mail, api_key => 're_resendsecret', api_url => "$url/resend/emails", reply_to => 'help@example.com'), '0', 'Resend');
is(create('pager', 'pagerduty', routing_key => $routing, api_url => "$url/pagerduty/v2/enqueue"), '0', 'PagerDuty');
my %login = (user => 'pulse', password => 'pass word-ä', ca_file => $receiver->{ca}, %mail);
is(create('starttls', 'email', %login, host => 'localhost', port => $ports->{starttls}), '0', 'SMTP with STARTTLS');
is(create('tls', 'email', %login, host => 'localhost', port => $ports->{tls}, tls => 'tls'), '0', 'SMTP with TLS');
is(create('plain', 'email', %mail, host => '127.0.0.1', port => $ports->{plain}, tls => 'none'), '0', 'SMTP without TLS');
like(create('bad', 'slack'), qr/is not complete.*options have no "url"/s, 'an incomplete channel is refused');
like(create('bad', 'webhook', url => "$url/x", secret => 'hookpathsecret'), qr/invalid value for option "secret"/, 'an invalid secret');
is(sql(q{SELECT count(*) FROM pg_foreign_server WHERE srvname = 'bad'}), '0', 'and nothing is created');

# In a read-only transaction they raise an error, without logging the statement.
for my $call (
	qq{pulse_create_channel('ro', 'slack', '{"url": "https://hooks.slack.com/readonlysecret"}')},
	qq{pulse_subscribe('https://hook.example/readonlysecret')},
	qq{pulse_create_model('ro', '{"api_key": "readonlysecret"}')},
	qq{pulse_create_source('ro', '{"password": "readonlysecret"}')})
{
	my $error = '';
	$node->psql('postgres', "SELECT $call", stderr => \$error, extra_params => [ '-v', 'ON_ERROR_STOP=1' ],
		connstr => $node->connstr('postgres') . q{ options='-c default_transaction_read_only=on'});
	like($error, qr/cannot execute \w+\(\) in a read-only transaction/, 'refused in a read-only transaction: ' . $call =~ s/\(.*//r);
}
unlike(join("\n", grep { /STATEMENT:/ } split /\n/, slurp_file($node->logfile)), qr/readonlysecret/, 'and the log does not contain the statement');

# ---- tests ----

is_deeply([ map { try($_)->{status} } qw(slack teams hook resend pager starttls tls plain) ], [ ('ok') x 8 ], 'every channel works')
  or diag(sql(q{SELECT jsonb_agg(to_jsonb(t)) FROM unnest('{slack,teams,hook,resend,pager,starttls,tls,plain}'::text[]) AS c, pulse_test_channel(c) AS t}));
my $summary = get_json("$url/__summary");
is($summary->{violations}, 0, 'the platforms saw no violation') or diag(explain([ map { $_->{bad} } @{ get_json("$url/__journal") } ]));
my ($hook) = @{ get_json("$url/__journal?path=/webhook") };
is($hook->{headers}{authorization}, 'Bearer headersecret', 'the header of the user mapping is sent');
is($codec->decode(bytes($hook->{body}))->{type}, 'pulse.test', 'a test message is marked');

is(sql(q{SELECT string_agg(DISTINCT state, ',') FROM pulse.channel}), 'ok', 'pulse.channel says ok');
sql(q{INSERT INTO pulse.channel_state (channel, disabled_at, failures) VALUES ('slack', now(), 9)});
is(sql(q{SELECT state FROM pulse.channel WHERE name = 'slack'}), 'disabled', 'disabled');
try('slack');
is(sql(q{SELECT state || coalesce(failures, 0) FROM pulse.channel WHERE name = 'slack'}), 'ok0', 'a successful test enables it again');

# ---- failures are rows, not errors ----

post_json("$url/__faults", { path => '/slack', mode => 'status', status => 404 });
is(try('slack')->{status} =~ /^(gone|refused)$/ ? 1 : 0, 1, 'a webhook that does not exist');
is(try('slack')->{answer_status}, 404, 'with the status of the answer');
delete_json("$url/__faults");
post_json("$url/__faults", { path => '/slack', mode => 'status', status => 503 });
is(try('slack')->{status}, 'failed', 'an unavailable webhook');
delete_json("$url/__faults");
sql(q{CREATE SERVER half FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack')});
is(try('half')->{status}, 'incomplete', 'a channel without a URL');
is(sql(q{SELECT state FROM pulse.channel WHERE name = 'half'}), 'incomplete', 'pulse.channel says so, too');
sql(q{ALTER SERVER starttls OPTIONS (SET to 'nobody@example.org')});
is(try('starttls')->{status}, 'refused', 'a mailbox that does not exist');
sql(q{ALTER SERVER starttls OPTIONS (SET to 'later@example.org')});
is(try('starttls')->{status}, 'failed', 'a full mailbox');
sql(q{ALTER SERVER starttls OPTIONS (SET to 'ada@example.org')});
create('wrong', 'email', %login, password => 'wrongpassword', host => 'localhost', port => $ports->{starttls});
is(try('wrong')->{status}, 'refused', 'a wrong password');
unlike(sql(q{SELECT answer FROM pulse_test_channel('wrong')}), qr/wrongpassword/, 'is not shown');
create('naked', 'email', %mail, host => '127.0.0.1', port => $ports->{plain});
isnt(try('naked')->{status}, 'ok', 'no mail without encryption unless requested');
my $unknown = '';
is($node->psql('postgres', q{SELECT * FROM pulse_test_channel('nosuch')}, stderr => \$unknown), 3, 'an unknown channel');
like($unknown, qr/channel "nosuch" does not exist.*Channels are /s, 'is an error that lists the channels');

# ---- mail ----

delete_json($mails);
sql(q{UPDATE pulse.segment SET name = 'Größe & <b>Wert</b> 🚀', owner = 'Müller' WHERE name = 'High-Value Active Users'});
my $incident = sql(q{SELECT min(i.id) FROM pulse.incident AS i WHERE i.segment LIKE 'Größe%'});
try('starttls');
my ($test) = @{ get_json($mails) };
ok($test->{secure}, 'STARTTLS was used');
is($test->{user}, 'pulse', 'and the login');
is(bytes($test->{from}[0]{name}), 'Pülse, Inc.', 'the name of the sender is not ASCII');
like($test->{subject}, qr/^\[Pulse\] Test: /, 'the subject is marked');
is_deeply($test->{envelope}, [ 'alerts@example.com', 'ada@example.org' ], 'envelope');
ok(!defined $test->{bcc}, 'no Bcc');

# ---- all incidents and hostile names against the rules of the platforms ----

my @hostile = (
	'<!channel> <@U1> <https://evil.example|x>', '*b* _i_ ~s~ `c` ```x``` [a](javascript:1)', '</td><script>alert(1)</script>',
	"a\r\nBcc: victim\@example.com", "\x{202e}drowssap\x{200b}\x{2066}", 'x' x 10_000, '&' x 10_000, "\x{1f600}" x 3000,
	q{Robert'); DROP TABLE users;--}, '" onmouseover="x', '\\\\"\\');
sub preview { my ($id, $channel) = @_; return sql("SELECT pulse_preview_message($id, '$channel')") }

my $http = HTTP::Tiny->new;
my %to = (slack => '/slack/a', teams => '/teams/a', resend => '/resend/emails', pager => '/pagerduty/v2/enqueue');
sub check_all
{
	my ($ids, $name) = @_;
	my $count = 0;
	delete_json("$url/__journal");
	for my $id (@$ids)
	{
		for my $channel (sort keys %to)
		{
			my $payload = preview($id, $channel);
			$payload =~ s/"\*\*\*"/"$routing"/ if $channel eq 'pager';
			my %headers = ('content-type' => 'application/json');
			@headers{qw(authorization idempotency-key)} = ('Bearer re_x', "key$count") if $channel eq 'resend';
			my $response = $http->post("$url$to{$channel}", { content => bytes($payload), headers => \%headers });
			++$count;
			ok($response->{success}, "$channel accepts incident $id, $name") or diag("$response->{status} $response->{content}\n$payload");
		}
	}
	my @bad = map { @{ $_->{bad} } } @{ get_json("$url/__journal") };
	is_deeply(\@bad, [], "no rule of a platform is violated, $name");
	return;
}
my @ids = split /\n/, sql(q{SELECT id FROM pulse.incident ORDER BY id});
cmp_ok(scalar @ids, '>', 5, 'there are incidents');
check_all([ @ids[ 0 .. 5 ] ], 'of several kinds');
sql("SELECT pulse_acknowledge_incident($ids[0]); SELECT pulse_resolve_incident($ids[1]); SELECT pulse_ignore_incident($ids[2])");
check_all([ @ids[ 0 .. 2 ] ], 'acknowledged, resolved, ignored');
my $number = 0;
for my $name (@hostile)
{
	my $text = bytes($name);
	# A name that another version of Pulse, or a direct write to the table, may allow.
	$node->safe_psql('postgres', 'ALTER TABLE pulse.segment DROP CONSTRAINT IF EXISTS segment_name_check');
	sql('UPDATE pulse.segment SET name = ' . literal($text) . ', owner = ' . literal($text) . ' WHERE id = (SELECT segment_id FROM pulse.incident_record WHERE id = ' . $ids[3] . ')');
	check_all([ $ids[3] ], 'hostile name ' . ++$number);
	my $mail = json('SELECT pulse_preview_message(' . $ids[3] . q{, 'plain')});
	unlike($mail->{subject}, qr/[\r\n]/, "a subject is one line, hostile name $number");
	unlike($mail->{html}, qr/<script|<b>|onmouseover="x/, "HTML is escaped, hostile name $number");
}

# ---- signatures ----

delete_json("$url/__journal");
try('hook') for 1 .. 3;
{
	local $ENV{NODE_PATH} = peers_directory() . '/node_modules';
	my $verify = __FILE__ =~ s{t/[^/]*$}{peers/verify.mjs}r;
	my ($out, $err) = run_command([ 'node', $verify, "$url/__journal?path=/webhook", $whsec ]);
	diag($err) if $err;
	is_deeply($codec->decode($out), { requests => 3, verified => 3, body => 3, id => 3, secret => 3 },
		'standardwebhooks and svix verify our signatures, and refuse changed messages');
}

# ---- a secret is rotated: both sign for a while, then only the new one ----

my $first = sql(qq{SELECT secret FROM pulse_subscribe('$url/webhook/rotated', name => 'rotated', signature => 'stratum')});
# How many of the last three requests the libraries verify with a secret.
sub verified
{
	my ($secret) = @_;
	local $ENV{NODE_PATH} = peers_directory() . '/node_modules';
	my $verify = __FILE__ =~ s{t/[^/]*$}{peers/verify.mjs}r;
	my ($out) = run_command([ 'node', $verify, "$url/__journal?path=/webhook/rotated", $secret ]);
	my $result = $codec->decode($out);
	is($result->{body}, 3, 'changed bodies are refused');
	return $result->{verified};
}
sub send_three { delete_json("$url/__journal"); return join ' ', map { try('rotated')->{status} } 1 .. 3 }
my $second = sql(q{SELECT pulse_rotate_subscription_secret('rotated')});
is(send_three(), 'ok ok ok', 'sent after a rotation');
is(verified($first), 3, 'standardwebhooks and svix verify with the old secret');
is(verified($second), 3, 'and with the new one');
my $entry = get_json("$url/__journal?path=/webhook/rotated")->[0];
is($entry->{headers}{'x-stratum-signature'}, 'sha256=' . hmac_sha256_hex($entry->{body}, $second), 'the header of Stratum is made with the new one');
# The old one ends by the clock, with nobody doing anything.
my $third = sql(q{SELECT pulse_rotate_subscription_secret('rotated', '1 second')});
$node->poll_query_until('postgres', q{SELECT rotated_at + interval '2 seconds' < clock_timestamp() FROM pulse.subscription}) or die 'time stands still';
is(send_three(), 'ok ok ok', 'sent after the old secrets have ended');
is(join(' ', map { verified($_) } $first, $second, $third), '0 0 3', 'only the newest secret verifies');
push @secrets, map { s/^whsec_//r } $first, $second, $third;

# ---- secrets ----

my ($dump) = run_command([ 'pg_dump', '-d', $node->connstr('postgres'), '--data-only', '-n', 'pulse', '--extension=pulse' ]);
cmp_ok(length $dump, '>', 10_000, 'there is a dump');
my $log = slurp_file($node->logfile);
# Pulse cannot hide a top-level statement that PostgreSQL itself logs.
my $ours = join "\n", grep { !/statement: SELECT pulse_create_channel\(/ } split /\n/, $log;
my $shown = sql(q{SELECT jsonb_agg(to_jsonb(c)) FROM pulse.channel AS c}) . sql(q{SELECT coalesce(jsonb_agg(to_jsonb(m)), '[]') FROM pulse.message AS m})
  . sql(q{SELECT jsonb_agg(query) FROM pg_stat_activity}) . join '', map { preview($ids[4], $_) } qw(slack teams hook resend pager starttls);
for my $secret (@secrets)
{
	unlike($dump, qr/\Q$secret\E/, "$secret is not in a dump of the data");
	unlike($ours, qr/\Q$secret\E/, 'nor in the log');
	unlike($shown, qr/\Q$secret\E/, 'nor in a view, in pg_stat_activity, or in a preview');
}

stop_peer($mailbox);
stop_peer($receiver);
$node->stop;
done_testing();
