# Reports: the file as a browser reads it, the weekly one through mail and other channels, exactly once whatever is killed, as its role sees it.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;
use PulseTest;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $mailbox = start_node_script('mailbox.mjs', $receiver->{ca} =~ s{/[^/]*$}{}r);
my $ports = decode_json(PulsePeers::wait_for($mailbox, 'the mail server did not start',
	sub { slurp_file($mailbox->{log}->filename) =~ /^(\{.*\})$/m && $1 }));
my $mails = "http://127.0.0.1:$ports->{http}/__mails";
my $codec = JSON::PP->new->utf8->canonical->allow_nonref;

my $node = start_node('report_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.0/8, ::1'", "client_encoding = 'UTF8'");
$node->safe_psql('postgres', "CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C.UTF-8'");
sub shop { return $node->safe_psql('shop', @_) }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what) or diag(shop('SELECT name, status, message, error FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id ORDER BY r.id DESC LIMIT 5')); }
sub bytes { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text }
# The text of a query as bytes, without psql's final line break.
sub document { my ($sql, @rest) = @_; return $node->safe_psql('shop', $sql, @rest) }

# What parse5 finds in a document.
sub read_html
{
	my ($html) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/report.html';
	append_to_file($file, $html);
	local $ENV{NODE_PATH} = peers_directory() . '/node_modules';
	my ($out, $err) = run_command([ 'node', __FILE__ =~ s{t/[^/]*$}{peers/read_html.mjs}r, $file ]);
	diag($err) if $err;
	return $codec->decode($out);
}

sub check_html
{
	my ($html, $what) = @_;
	my $found = read_html($html);
	is_deeply($found->{errors}, [], "$what: the parser finds no error");
	is_deeply([ grep { $found->{elements}{$_} } qw(script link img iframe object embed base form) ], [], "$what: nothing that runs or loads");
	is_deeply([ @{ $found->{references} }, @{ $found->{handlers} }, @{ $found->{style_references} } ], [], "$what: no reference to anywhere");
	is_deeply([ @{ $found->{lost} }, @{ $found->{doubled} } ], [], "$what: every anchor is there, once");
	is(scalar(grep { ($_->{role} // '') ne 'img' || !length($_->{title} // '') } @{ $found->{charts} }), 0, "$what: each chart has a role and a title");
	return $found;
}

shop(q{CREATE EXTENSION pulse; SELECT pulse_load_demo(); SELECT pulse_check_drift()});

# ---- the file ----

my $found = check_html(document('SELECT pulse_report()'), 'the report of the demo');
cmp_ok(scalar @{ $found->{charts} }, '>=', 10, 'a chart and a sparkline for each segment');
like($found->{text}, qr/High-Value Active Users/, 'the segments are in it');
my @hostile = ("</td><script>alert(1)</script>", '<svg onload=alert(1)>', "\x{1f680} \x{645}\x{631}\x{62d}\x{628}\x{627} \x{202e}gpj", 'x' x 10_000, q{' " & < > `});
shop('ALTER TABLE pulse.segment DROP CONSTRAINT segment_name_check');
my @segments = split /\n/, shop('SELECT id FROM pulse.segment ORDER BY id');
my @names = split /\n/, shop('SELECT name FROM pulse.segment ORDER BY id');
for my $i (0 .. $#hostile)
{
	my $name = bytes($hostile[$i]) =~ s/'/''/gr;
	shop("UPDATE pulse.segment SET name = '$name', owner = '$name' WHERE id = $segments[$i]");
}
my $title = bytes($hostile[0] . $hostile[2]);
$found = check_html(document("SELECT pulse_report(options => jsonb_build_object('title', '$title'))"), 'with hostile names');
like($found->{text}, qr/\Q$_\E/, 'as text: ' . substr($_, 0, 20)) for $hostile[0], $hostile[1], $hostile[4], 'x' x 119;
like($found->{text}, qr/\x{1f680} \x{645}\x{631}\x{62d}\x{628}\x{627} gpj/, 'emoji and right-to-left text, without marks of direction');
shop("UPDATE pulse.segment SET name = '$names[$_]', owner = 'team' WHERE id = $segments[$_]") for 0 .. $#segments;

# ---- the weekly one ----

my %mail = (from => 'Pulse <alerts@example.com>', to => 'ada@example.org');
sub create
{
	my ($name, $kind, %options) = @_;
	shop("SELECT pulse_create_channel('$name', '$kind', '" . $codec->encode(\%options) . q{')});
}
create('smtp', 'email', %mail, host => '127.0.0.1', port => $ports->{plain}, tls => 'none');
create('resend', 'email', %mail, api_key => 're_key', api_url => "$url/resend/emails");
create('slack', 'slack', url => "$url/slack/services/x");
create('hook', 'webhook', url => "$url/plain/hook");
create('pager', 'pagerduty', routing_key => 'R' x 32, api_url => "$url/pagerduty/v2/enqueue");
like(sqlstate($node, 'shop', q{SELECT pulse_create_route('no', '{pager}', report => 'weekly')}), qr/22023/, 'PagerDuty takes no report');
shop(q{SELECT pulse_create_route('weekly', '{smtp,resend,slack,hook}', report => 'weekly', time_zone => 'Europe/Paris')});
is(shop(q{SELECT events = '{}' AND report_day = 'monday' AND report_at = '08:00' FROM pulse.route}), 't', 'a route with nothing but a report');
is(shop(q{SELECT (pulse_run_job('report')).rows}), '0', 'nothing is due: the last Monday was before the route');
# As if the route had been there on Monday.
sub due { shop(q{UPDATE pulse.route SET report_since = '2000-01-01'; SELECT pulse_update_route(name, min_severity => 'low') FROM pulse.route}) }
due();
wait_until(q{SELECT count(*) = 4 AND bool_and(status = 'sent') FROM pulse.outbox WHERE kind = 'report'}, 'it is sent to four channels');
is(shop(q{SELECT count(*) FROM pulse.report}), '1', 'one report');
is(shop(q{SELECT content IS NULL AND attached FROM pulse.report}), 't', 'whose content is removed when all have it');
is(shop(q{SELECT to_char(until AT TIME ZONE 'Europe/Paris', 'ID HH24:MI') || ' ' || (until - since > interval '6 days 22 hours') FROM pulse.report}), '1 00:00 true', 'about seven days until Monday');

# The same report, made again with the clock of the first one.
sub made_again { my $made = shop('SELECT made_at FROM pulse.report ORDER BY id DESC LIMIT 1'); return document("SET pulse.now = '$made'; SELECT pulse_report(since, until, options) FROM pulse.report ORDER BY id DESC LIMIT 1") }
my $expected = made_again();
my ($letter) = @{ get_json($mails) };
is(scalar @{ $letter->{attachments} }, 1, 'the mail has an attachment');
my $attachment = $letter->{attachments}[0];
is($attachment->{name}, shop('SELECT file_name FROM pulse.report'), 'with its name');
like($attachment->{name}, qr/^pulse-report-\d{4}-W\d\d\.html$/, 'that of the week');
is("$attachment->{type} $attachment->{disposition}", 'text/html attachment', 'type and disposition');
is(decode_base64($attachment->{content}), $expected, 'it is what pulse_report() returns');
check_html(decode_base64($attachment->{content}), 'the attachment');
my $body = check_html(bytes($letter->{html}), 'the body of the mail');
ok(!$body->{elements}{svg} && $body->{elements}{table}, 'the body has tables and no SVG');
like($letter->{text}, qr/High-Value Active Users.*attached as \Q$attachment->{name}\E/s, 'and plain text');
my ($request) = @{ get_json("$url/__journal?path=/resend") };
my $sent = $codec->decode(bytes($request->{body}));
is(decode_base64($sent->{attachments}[0]{content}), $expected, 'Resend gets the same file');
is($sent->{attachments}[0]{filename}, $attachment->{name}, 'with its name');
like($codec->encode($codec->decode(bytes(get_json("$url/__journal?path=/slack")->[0]{body}))), qr/segment.*outside the expected size/, 'Slack gets a short text');
my $event = $codec->decode(bytes(get_json("$url/__journal?path=/plain/hook")->[0]{body}));
is("$event->{type} $event->{data}{file}", "report.weekly $attachment->{name}", 'a webhook gets its figures');
is(get_json("$url/__summary")->{violations}, 0, 'no rule of a platform is violated');
is(shop(q{SELECT (pulse_run_job('report')).rows}), '0', 'it is made once');
is(shop(q{SELECT pg_size_pretty(sum(pg_column_size(payload))) FROM pulse.outbox WHERE kind = 'report' HAVING sum(pg_column_size(payload)) > 40000}), '', 'the outbox does not hold the file');

# ---- killed while it is made: all or nothing, and once ----
shop(q{SELECT pulse_schedule('report', retry_delay => '1 second')});

sub forget { shop('UPDATE pulse.report SET until = until - interval \'7 days\', since = since - interval \'7 days\'') }
delete_json($mails);
my $holder = $node->background_psql('shop');
$holder->query_safe('BEGIN; LOCK TABLE pulse.outbox IN SHARE ROW EXCLUSIVE MODE');
forget();
due();
ok($node->poll_query_until('shop', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'pulse: making a report')
	OR EXISTS (SELECT FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'report' AND r.status <> 'ok')}), 'a worker makes the report');
$node->kill9;
eval { $holder->quit };
start_again($node);
wait_until(q{SELECT count(*) = 8 AND bool_and(status = 'sent') FROM pulse.outbox WHERE kind = 'report'}, 'after the crash it is sent');
is(shop(q{SELECT count(*) || ' ' || count(DISTINCT until) FROM pulse.report}), '2 2', 'one report of each period');
is(scalar @{ get_json($mails) }, 1, 'one mail');

# ---- killed while it is sent: the same file again ----

delete_json("$url/__journal");
post_json("$url/__faults", { path => '/resend', mode => 'hold', times => 1 });
forget();
due();
ok($node->poll_query_until('shop', q{SELECT EXISTS (SELECT FROM pulse.outbox WHERE kind = 'report' AND channel = 'resend' AND status = 'sending')}), 'Resend has it and does not answer');
PulsePeers::wait_for($mailbox, 'no request', sub { @{ get_json("$url/__journal?path=/resend") } > 0 });
$node->kill9;
# The worker ends after its postmaster: until then no answer may reach it.
start_again($node);
delete_json("$url/__faults");
wait_until(q{SELECT count(*) = 12 AND bool_and(status = 'sent') FROM pulse.outbox WHERE kind = 'report'}, 'after the crash it is sent again');
my @requests = @{ get_json("$url/__journal?path=/resend") };
cmp_ok(scalar @requests, '>=', 2, 'Resend got it again');
is($requests[0]{body}, $requests[-1]{body}, 'with the same content, and so the same key');
is(shop(q{SELECT count(*) FROM pulse.report WHERE content IS NOT NULL}), '0', 'no content is left');

# ---- too large: left out, and said ----

delete_json($mails);
shop('ALTER SYSTEM SET pulse.max_attachment = 1');
$node->reload;
forget();
due();
wait_until(q{SELECT count(*) = 16 AND bool_and(status = 'sent') FROM pulse.outbox WHERE kind = 'report'}, 'a report that is too large');
($letter) = @{ get_json($mails) };
is(scalar @{ $letter->{attachments} }, 0, 'is left out');
like($letter->{text}, qr/too large to be attached.*psql -At -d shop -o report\.html\s+SELECT pulse_report\('/s, 'and the mail says how to make it');
shop('ALTER SYSTEM RESET pulse.max_attachment');
$node->reload;

# ---- as whose eyes ----

# Runs the job here, as soon as no worker runs it; returns its message.
sub run_report
{
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($out, $err);
		return $out if $node->psql('shop', q{SELECT message FROM pulse_run_job('report')}, stdout => \$out, stderr => \$err) == 0;
		die $err unless $err =~ /is running/;
		select undef, undef, undef, 0.1;
	}
	die 'the job report does not end';
}
my $mine = q{EXISTS (SELECT FROM pulse.report AS r JOIN pulse.outbox AS o ON o.id = ANY (r.messages) WHERE r.route = 'mine' AND o.status = 'sent')};

shop(q{DELETE FROM pulse.route; CREATE ROLE viewer; CREATE ROLE ops; SELECT pulse_grant('viewer', 'reader'); SELECT pulse_grant('ops', 'operator')});
is(sqlstate($node, 'shop', q{SET ROLE viewer; SELECT pulse_create_route('mine', '{hook}', report => 'daily')}), '42501', 'a reader makes no route');
is(sqlstate($node, 'shop', q{CREATE ROLE stranger; SET ROLE stranger; SELECT pulse_report()}), '42501', 'without a level there is no report');
like(document(q{SET ROLE viewer; SELECT pulse_report()}), qr/Causes and advice are shown from the level people_reader on/, 'a reader sees no causes');
shop(q{SET ROLE ops; SELECT pulse_create_route('mine', '{smtp}', report => 'daily', segments => '{Enterprise Customers}')});
delete_json($mails);
shop(q{UPDATE pulse.route SET report_since = '2000-01-01'});
run_report();
wait_until("SELECT $mine", 'a daily report of a role');
($letter) = @{ get_json($mails) };
my $daily = decode_base64($letter->{attachments}[0]{content});
like($daily, qr/as role ops/, 'is made as that role');
like($daily, qr/Enterprise Customers/, 'of the segments of the route');
unlike($daily, qr/<bdi>High-Value/, 'and no others');
shop(q{DELETE FROM pulse.report; REASSIGN OWNED BY ops TO CURRENT_USER; SELECT pulse_revoke('ops'); DROP ROLE ops; CREATE ROLE ops});
like(run_report(), qr/0 reports; route "mine".*ops/, 'a role that gets its name later is another role');
shop(q{SELECT pulse_update_route('mine', min_severity => 'low')});
run_report();
wait_until("SELECT $mine", 'whoever changes the route makes it theirs');

# ---- dump and restore ----

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
wait_until(q{SELECT bool_and(status = 'sent') FROM pulse.outbox WHERE kind = 'report'}, 'all is sent');
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', $dump ], 'dump');
$node->safe_psql('postgres', "CREATE DATABASE copy ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C.UTF-8'");
# No job of the copy may run before the dump is complete.
$node->command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'restore');
my $route = q{SELECT to_jsonb(r) FROM pulse.route AS r};
is($node->safe_psql('copy', $route), shop($route), 'the route comes with it');
is($node->safe_psql('copy', q{SELECT (pulse_run_job('report')).rows}), '0', 'and sends no period again');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP| leak|own a lock/, 'no crash, leak or lock problem in the log');
done_testing();
