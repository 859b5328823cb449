# Overlapping transactions on the same people: builds and merges never deadlock, and events that arrive while a merge or unmerge is not
# committed are not lost: the stored states match a full recompute.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('overlaps', "shared_preload_libraries = 'pulse'", 'pulse.run_jobs = off', 'pulse.build_at_once = 0', 'deadlock_timeout = 50ms');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{
	CREATE EXTENSION pulse;
	SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 2"}');
	SELECT pulse_create_segment('quiet', '{"where": "events.purchase.count == 0"}');
	SELECT pulse_create_segment('big', '{"where": "account.size == \"big\""}');
});
sql('CALL pulse_build()');
# Segments whose stored members differ from those recomputed from the events.
my $wrong = q{SELECT string_agg(s.name, ' ' ORDER BY s.name) FROM pulse.segment AS s CROSS JOIN LATERAL (
		SELECT array_agg(m.profile_id ORDER BY m.profile_id) AS ids FROM pulse.member AS m WHERE m.segment_id = s.id) AS kept
	WHERE kept.ids IS DISTINCT FROM (SELECT array_agg(p.id ORDER BY p.id) FROM pulse.profile AS p WHERE p.canonical_id = p.id AND CASE s.name
		WHEN 'quiet' THEN NOT EXISTS (SELECT FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WHERE o.canonical_id = p.id AND e.name = 'purchase')
		WHEN 'big' THEN EXISTS (SELECT FROM pulse.account AS a WHERE a.id = p.account_id AND a.attributes ->> 'size' = 'big')
		ELSE (SELECT count(*) FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WHERE o.canonical_id = p.id AND e.name = 'purchase') >= 2 END)};
sub settled { my ($what) = @_; sql('SELECT pulse_run_pipeline()'); is(sql($wrong), '', "$what: the stored state matches the events"); }

# Starts a session that may wait.
sub start
{
	my ($name, $sql) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$name", '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
	return [ $run, \$out, \$err ];
}
sub finish { my ($session) = @_; $session->[0]->finish; return ${ $session->[1] } . ${ $session->[2] }; }
# Waits until a session is blocked by another.
sub waits { my ($name, $for) = @_; return $node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND "
	. (defined $for ? "pg_blocking_pids(pid) = '{$for}'" : 'cardinality(pg_blocking_pids(pid)) > 0') . ')'); }
# Waits until it is blocked by another session, or has finished.
sub meets
{
	my ($session) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		$session->[0]->pump_nb;
		return if !$session->[0]->pumpable;
		return if sql(q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'other' AND cardinality(pg_blocking_pids(pid)) > 0)}) eq 't';
		select undef, undef, undef, 0.05;
	}
	die 'it neither waits nor ends';
}
my ($one, $two) = ($node->background_psql('postgres'), $node->background_psql('postgres'));
my $two_pid = $two->query_safe('SELECT pg_backend_pid()');

# ---- a build and merges ----
# x is merged into y while the build waits for x, and y into z while it waits for w: if the build kept the lock on x, both would deadlock.
my $age = 0;
sql(sprintf q{SELECT pulse_track(NULL, 'visit', at => now() - interval '%s days', anonymous_id => '%s')}, ++$age, $_) for qw(x w y z);
sql(q{SELECT pulse_create_segment('visitors', '{"where": "events.visit.count >= 1"}')});
$one->query_safe(q{BEGIN; SELECT pulse_merge('x', 'y', 'test')});
$two->query_safe(q{BEGIN; SELECT FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'w') FOR UPDATE});
my $build = start('build', 'SELECT cardinality(pulse_build_step(100))');
ok(waits('build'), 'a build waits for a person who is being merged');
$one->query_safe('COMMIT');
ok(waits('build', $two_pid), 'and then for another person');
my $merge = start('merge', q{SELECT pulse_merge('y', 'z', 'test') > 0});
ok($node->poll_query_until('postgres', q{SELECT count(*) = 3 FROM pulse.profile WHERE canonical_id = (SELECT profile_id FROM pulse.identity WHERE value = 'z')
	UNION ALL SELECT true FROM pg_stat_activity WHERE application_name = 'merge' AND cardinality(pg_blocking_pids(pid)) > 0 ORDER BY 1 DESC LIMIT 1}), 'while the survivor is being merged');
$two->query_safe('COMMIT');
is(finish($build), "4\n", 'the build continues');
is(finish($merge), "t\n", 'the merge continues');
sql('CALL pulse_build()');
is(sql(q{SELECT count(*) FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name = 'visitors'}), '2', 'the build has evaluated the remaining people');
sql(q{SELECT pulse_delete_segment('visitors', confirm => true)});
ok(slurp_file($node->logfile) !~ /deadlock detected/, 'there was no deadlock');
settled('a build');

# ---- events during a merge ----
my $n = 0;
my %comes = (
	'an event' => q{SELECT pulse_track(NULL, 'purchase', anonymous_id => 'b%1$s') > 0},
	'an event with attributes' => q{SELECT pulse_track(NULL, 'purchase', anonymous_id => 'b%1$s') > 0 AND pulse_identify(NULL, '{"k": 1}', anonymous_id => 'b%1$s') > 0},
	'an account' => q{SELECT pulse_group('a%1$s', 'acme%1$s', '{"size": "big"}') > 0},
	'an import' => q{SELECT accepted = 2 FROM pulse_import_events('SELECT ''b%1$s'' AS anonymous_id, ''purchase'' AS event FROM generate_series(1, 2)')},
);
for my $evaluation ('sync', 'async')
{
	for my $what (sort keys %comes)
	{
		my $set = "SET pulse.evaluation = $evaluation;";
		for my $first ('merge', 'event')
		{
			++$n;
			sql(qq{SELECT pulse_group('a$n', 'acme$n', '{"size": "small"}'), pulse_track('a$n', 'purchase'), pulse_track(NULL, 'visit', anonymous_id => 'b$n')});
			# A merge that is queued like the event is evaluated after both.
			my $at_once = 'SET pulse.evaluation = sync;';
			my $merge = "$at_once SELECT pulse_merge('a$n', 'b$n', 'test') > 0";
			my $event = "$set " . sprintf $comes{$what}, $n;
			$one->query_safe('BEGIN; ' . ($first eq 'merge' ? $merge : $event));
			my $other = start('other', $first eq 'merge' ? $event : $merge);
			meets($other);
			$one->query_safe('COMMIT');
			is(finish($other), "t\n", "$evaluation, $what and a merge at once");
			settled("$evaluation, $what and a merge, the $first first");
			is(sql("SELECT count(*) FROM pulse.profile WHERE canonical_id = (SELECT profile_id FROM pulse.identity WHERE value = 'a$n')"), '2', 'the two people are merged');

			# The same during an unmerge.
			my $id = sql('SELECT max(id) FROM pulse.merge_history');
			my $apart = "$at_once SELECT pulse_unmerge($id, 'test')";
			$event = "$set " . sprintf $comes{$what}, $n;
			$one->query_safe('BEGIN; ' . ($first eq 'merge' ? $apart : $event));
			$other = start('other', $first eq 'merge' ? $event : $apart);
			meets($other);
			$one->query_safe('COMMIT');
			unlike(finish($other), qr/ERROR/, "$evaluation, $what and the merge's undoing at once");
			settled("$evaluation, $what and the merge's undoing, the " . ($first eq 'merge' ? 'undoing' : 'event') . ' first');
		}
	}
}
ok(slurp_file($node->logfile) !~ /deadlock detected/, 'there was no deadlock');
$_->quit for $one, $two;

done_testing();
