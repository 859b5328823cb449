# Events are ingested exactly once: by eight concurrent sessions, after a crash, in a restored dump; new partitions, old partitions, hostile payloads.
use strict;
use warnings;
use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('ingest_crash', 'log_min_messages = warning', 'restart_after_crash = on');
$node->safe_psql('postgres', 'CREATE EXTENSION pulse');
sub sql { return $node->safe_psql('postgres', @_) }

# Message $n of person $n % 50. Every writer sends all messages in batches, in its own order. Some are calls that link ids.
sub message
{
	my ($n) = @_;
	my $person = $n % 50;
	my $common = qq{"messageId": "m$n", "userId": "u$person", "timestamp": "2015-10-0} . (1 + $n % 9) . qq{T00:00:00Z"};
	return qq({"type": "identify", $common, "anonymousId": "a$n", "traits": {"email": "u$person\@example.com", "last": $n}}) if $n % 10 == 0;
	return qq({"type": "group", $common, "groupId": "g@{[$person % 5]}", "traits": {"last": $n}}) if $n % 10 == 1;
	return qq({"type": "track", $common, "event": "e@{[$n % 3]}", "properties": {"n": $n}});
}
sub batches
{
	my ($numbers, $size) = @_;
	my $text = "\\set ON_ERROR_STOP on\n";
	while (my @part = splice(@$numbers, 0, $size))
	{
		$text .= "SELECT count(*) FROM pulse_ingest('[" . join(', ', map { message($_) } @part) . "]', 'web');\n";
	}
	return $text;
}

my $dir = PostgreSQL::Test::Utils::tempdir();
my $messages = 1200;
for my $mode ('sync', 'async')
{
	sql('TRUNCATE pulse.event, pulse.message_seen; TRUNCATE pulse.ingest_tally, pulse.source_total');
	my @writers;
	for my $writer (1 .. 8)
	{
		srand($writer);
		my @order = sort { $a->[1] <=> $b->[1] } map { [ $_, rand() ] } 1 .. $messages;
		# A file, because IPC::Run feeds standard input only to the process that it waits for.
		my $file = "$dir/$mode$writer.sql";
		append_to_file($file, "SET pulse.evaluation = '$mode';\n" . batches([ map { $_->[0] } @order ], 40));
		my ($out, $err) = ('', '');
		push @writers, { run => start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-f', $file ], '<', \undef, '>', \$out, '2>', \$err), err => \$err };
	}
	finish($_->{run}) for @writers;
	is(join('', map { ${ $_->{err} } } @writers), '', "$mode: eight sessions bring the same messages without an error");
	is(sql('SELECT count(*), count(DISTINCT message_id) FROM pulse.event'), "$messages|$messages", "$mode: each is there once");
	is(sql('SELECT accepted, duplicates, conflicting_duplicates, rejected FROM pulse.event_source'), "$messages|" . 7 * $messages . '|0|0', "$mode: and counted");
	is(sql(q{SELECT count(*) FROM pulse.profile WHERE canonical_id = id}), 50, "$mode: of fifty people");
	is(sql(q{SELECT count(*) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id JOIN pulse.profile AS c ON c.id = p.canonical_id
		JOIN pulse.identity AS i ON i.kind = 'user_id' AND i.value = 'u' || substr(e.message_id, 2)::int % 50 JOIN pulse.profile AS o ON o.id = i.profile_id
		WHERE o.canonical_id = c.id}), $messages, "$mode: each with its own");
}
ok(!$node->log_contains('deadlock detected'), 'there was no deadlock');

# The server crashes; the sender sends everything again.
sql('TRUNCATE pulse.event, pulse.message_seen');
my ($out, $err) = ('', '');
# It waits before the end, so that it is not done before it is killed.
my @halves = ([ 1 .. $messages / 2 ], [ $messages / 2 + 1 .. $messages ]);
append_to_file("$dir/batches.sql", join("SELECT pg_sleep(600);\n", "SET application_name = 'victim';\n" . batches($halves[0], 3), batches($halves[1], 3)));
my $victim = start([ 'psql', '-X', '-q', '-A', '-t', '-f', "$dir/batches.sql", '-d', $node->connstr('postgres') ], '>', \$out, '2>', \$err);
$node->poll_query_until('postgres', 'SELECT count(*) > 30 FROM pulse.event');
my $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'});
my $log_end = -s $node->logfile;
kill 'KILL', $pid if $pid;
finish($victim);
like($err, qr/server closed the connection|terminating connection|crash of another|connection to server was lost/, 'a backend was killed');
# The others are still there until the server has noticed.
$node->wait_for_log(qr/all server processes terminated; reinitializing/, $log_end);
wait_until_back($node);
my $before = sql('SELECT count(*) FROM pulse.event');
cmp_ok($before, '<', $messages, "before it was done ($before)");
is(sql('SELECT count(*) FROM pulse.message_seen'), $before, 'exactly the stored messages are in pulse.message_seen');
sql(batches([ 1 .. $messages ], 100));
is(sql('SELECT count(*), count(DISTINCT message_id) FROM pulse.event'), "$messages|$messages", 'after sending again, each message is stored once');

# Two sessions need the same new month, and one of them rolls back.
my $first = $node->background_psql('postgres');
$first->query_safe(q{BEGIN; SELECT status FROM pulse_ingest('{"userId": "u1", "event": "new month", "timestamp": "2019-05-05"}')});
my $second = $node->background_psql('postgres');
$second->query_until(qr/begun/, "\\echo begun\nSELECT status FROM pulse_ingest('{\"userId\": \"u2\", \"event\": \"new month\", \"timestamp\": \"2019-05-06\"}');\n");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'});
$first->query_safe('ROLLBACK');
$first->quit;
$second->query_safe('SELECT 1');
$second->quit;
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = 'new month'}), 1, 'the session that commits creates the partition');

# A dump contains events and pulse.message_seen.
sql(q{SELECT status FROM pulse_ingest('{"event": "e"}', 'web')});
$node->command_ok([ 'pg_dump', '-f', "$dir/dump.sql", 'postgres' ], 'dumped');
sql('CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dir/dump.sql" ], 'restored');
for my $what ('SELECT count(*), min(id), max(id) FROM pulse.event', 'SELECT count(*) FROM pulse.message_seen', 'TABLE pulse.event_catalog ORDER BY 1',
	'TABLE pulse.property_catalog ORDER BY 1, 2', 'TABLE pulse.event_source ORDER BY 1', 'SELECT count(*), min(reason) FROM pulse.rejected_event',
	q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'pulse.event'::regclass}, q{SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'event\_y%'})
{
	is($node->safe_psql('copy', $what), sql($what), "the same: $what");
}
is($node->safe_psql('copy', "SELECT status FROM pulse_ingest('" . message(7) . "', 'web')"), 'duplicate', 'a message sent before is a duplicate in the copy');
is($node->safe_psql('copy', q{SELECT pulse_track('u1', 'more', at => '2015-10-01') > max(id) FROM pulse.event}), 't', 'new events get new ids');
is($node->safe_psql('copy', q{SELECT status FROM pulse_ingest('{"userId": "u1", "event": "e", "timestamp": "2013-01-01"}')}), 'accepted', 'new partitions are created in the copy');
$node->safe_psql('copy', 'DROP EXTENSION pulse');
is($node->safe_psql('copy', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'event\_%'}), 0, 'DROP EXTENSION drops the partitions');

# Old partitions are dropped; one that is in use is dropped by the next run.
sql(q{SELECT count(*) FROM pulse_ingest('[{"userId": "u1", "event": "old", "timestamp": "2020-01-15"}, {"userId": "u1", "event": "old", "timestamp": "2020-02-15"}]')});
$node->append_conf('postgresql.conf', "pulse.event_retention = '1000d'\npulse.deduplication_horizon = '1d'\npulse.rejected_event_retention = '1d'");
$node->reload;
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM pulse.event_y2020m01');
sql(q{SELECT pulse_run_job('retention')});
is(sql(q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^event_y20(19|20)m..$'}), 'event_y2020m01', 'all old partitions except the one in use are dropped');
$reader->query_safe('COMMIT');
$reader->quit;
sql(q{UPDATE pulse.message_seen SET seen_at = now() - interval '2 days'; UPDATE pulse.rejected_event SET received_at = now() - interval '2 days'});
# The next run waits for a transaction that writes events, and nobody waits for the run.
my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; SELECT pulse_track('u1', 'now')});
my ($said, $complaint) = ('', '');
my $run = start [ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET pulse.lock_timeout = '3min'}, '-c', q{SELECT status FROM pulse_run_job('retention')} ], '<', \undef, '>', \$said,
  '2>', \$complaint;
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted}), 'retention waits for a writer');
is(sql(q{SELECT count(pulse_track('u' || n, 'meanwhile')) FROM generate_series(2, 4) AS n}), 3, 'others write meanwhile');
$writer->query_safe('COMMIT');
$writer->quit;
finish $run;
is("$said$complaint", "ok\n", 'it ends when the writer does');
is(sql(q{SELECT count(*) FROM pg_class WHERE relname ~ '^event_y20(19|20)m..$'}), 0, 'then it is dropped, too');
is(sql(q{SELECT (SELECT count(*) FROM pulse.event_day WHERE day < '2020-03-01') + (SELECT count(*) FROM pulse.event_hour WHERE hour < '2020-03-01')}), 0, 'the counters of old days are deleted');
is(sql('SELECT (SELECT count(*) FROM pulse.message_seen) + (SELECT count(*) FROM pulse.rejected_event)'), 0, 'old messages and rejected events are deleted');
is(sql(q{SELECT status || ' ' || reason FROM pulse_ingest('{"userId": "u1", "event": "old", "timestamp": "2020-01-15"}')}), 'rejected too_old', 'an event for a dropped partition is rejected');

# Any payload gets a result and no error.
my $deep = '[' x 3000 . ']' x 3000;
my $wide = join(', ', map { qq("k$_": $_) } 1 .. 5000);
my @hostile = (
	qq({"userId": "h", "event": "e", "properties": {"a": $deep}}), qq({"userId": "h", "event": "e", "properties": {$wide}}),
	qq({"userId": $deep, "event": "e"}), qq({"userId": "h", "event": $deep}), qq({"userId": "h", "event": "e", "context": {"externalIds": $deep}}),
	'{"userId": "h", "event": "e", "timestamp": 1e300}', '{"userId": 1e1000, "event": "e"}', '{"userId": "h", "event": "e", "timestamp": "9999-12-31T23:59:59Z", "sentAt": "0001-01-01"}',
	'{"userId": "h", "event": "e", "timestamp": "1970-01-01", "sentAt": "9999-01-01"}',
	q({"userId": "'; DROP TABLE pulse.event; --", "event": "'; DROP TABLE pulse.event; --"}), '{"userId": "%s%n$1\\\\", "event": "%s%n$1\\\\"}',
	'{"userId": "\u202e\ud83d\ude00", "event": "\u202e\ud83d\ude00\u0001"}', '{"": "", "userId": "h", "event": "e", "properties": {"": {"": null}}}',
	'{"type": null, "userId": null, "event": null}', '{"batch": [], "userId": "h"}',
	'{"userId": "h", "event": "e", "messageId": ""}', '{"userId": "h", "event": "e", "identifiers": {"": "", "user_id": "x", "email": ["a"]}}');
for my $one (@hostile)
{
	(my $quoted = $one) =~ s/'/''/g;
	my ($code, $text, $error) = $node->psql('postgres', "SELECT status, reason FROM pulse_ingest('[$quoted]')");
	like($text . $error, qr/^(accepted\||rejected\|[a-z_]+$)/, 'result of ' . substr($one, 0, 60) . ": $text$error");
}
is(sql(q{SELECT count(*) FROM pulse.event WHERE name = '''; DROP TABLE pulse.event; --'}), 1, 'texts are texts');
ok(!$node->log_contains('(?:PANIC|TRAP|terminated by signal 11)'), 'no crash');
done_testing();
