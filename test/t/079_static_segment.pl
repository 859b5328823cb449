# Static segments: memberships by hand survive a dump, a crash and a failover; standbys answer; sessions that add, remove and merge the same people at once
# neither deadlock nor lose a membership; a definition that changes meanwhile waits.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('static_source', 'pulse.run_jobs = off', 'deadlock_timeout = 50ms');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{
	CREATE EXTENSION pulse;
	SELECT count(pulse_identify('p' || i, '{"plan": "pro"}')) FROM generate_series(1, 200) AS i;
	SELECT pulse_create_segment('VIPs', '{"static": true}'), pulse_create_segment('VIP pros', '{"where": "segment(\"VIPs\") && profile.plan == \"pro\""}');
	SELECT pulse_create_segment('planned', '{"static": true}', draft => true);
	SELECT count(*) FROM pulse_add_to_segment('VIPs', (SELECT array_agg('p' || i) FROM generate_series(1, 100) AS i));
	SELECT count(*) FROM pulse_remove_from_segment('VIPs', (SELECT array_agg('p' || i) FROM generate_series(91, 100) AS i));
});
my $answers = q{
	SELECT string_agg(segment || ':' || profile_id, ' ' ORDER BY segment, profile_id) FROM pulse.membership;
	SELECT count(*), count(removed_at), min(added_by), min(removed_by) FROM pulse.static_member;
	SELECT name, status FROM pulse.segment ORDER BY name;
	SELECT pulse_in_segment('p1', 'VIP pros'), pulse_in_segment('p95', 'VIPs');
	SELECT string_agg(user_id, ' ') FROM pulse_segment_members('VIPs', 5)};
my $before = sql($answers);
like($before, qr/100\|10\|.*planned\|draft.*t\|f/s, 'ninety members, ten removed');

# ---- a crash ----
$node->stop('immediate');
$node->start;
is(sql($answers), $before, 'memberships survive an immediate shutdown');

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('static_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $answers), $before, 'a standby answers the same');
sql(q{SELECT count(*) FROM pulse_add_to_segment('VIPs', '{p150}')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT pulse_in_segment('p150', 'VIP pros')}), 't', 'and follows');
for my $call (q{pulse_add_to_segment('VIPs', '{p1}')}, q{pulse_remove_from_segment('VIPs', '{p1}')}, q{pulse_publish_segment('planned')}, q{pulse_refresh_segment('VIPs')})
{
	my ($name) = $call =~ /^(\w+)/;
	my (undef, undef, $error) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call");
	like($error, qr/25006: cannot execute $name\(\) in a read-only transaction/, "$name() says that it cannot write");
}
sql(q{SELECT count(*) FROM pulse_remove_from_segment('VIPs', '{p150}'); DELETE FROM pulse.static_member AS h USING pulse.identity AS i WHERE i.profile_id = h.profile_id AND i.value = 'p150'});

# ---- a dump ----
my $target = start_node('static_target', 'pulse.run_jobs = off');
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '-f', "$dir/people.sql", 'postgres' ], 'dump');
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/people.sql", 'postgres' ], 'restore');
is($target->safe_psql('postgres', $answers), $before, 'a restored database answers the same');
is($target->safe_psql('postgres', q{SELECT result FROM pulse_remove_from_segment('VIPs', '{p1,p95}'); SELECT pulse_in_segment('p1', 'VIP pros')}),
	"removed\nnot_member\nf", 'and continues from there');

# ---- at once ----
sub start
{
	my ($name, $sql) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$name", '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
	return [ $run, \$out, \$err ];
}
sub finish { my ($session) = @_; $session->[0]->finish; return ${ $session->[1] } . ${ $session->[2] }; }
sub waits { my ($name) = @_; return $node->poll_query_until('postgres',
	"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND cardinality(pg_blocking_pids(pid)) > 0)"); }

# p101 is merged into p102 by a transaction that is still open, while another adds p101.
my $one = $node->background_psql('postgres');
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_merge('p101', 'p102', 'the same')});
my $adds = start('adds', q{SELECT result FROM pulse_add_to_segment('VIPs', '{p101}')});
ok(waits('adds'), 'who adds a person waits for the merge of that person');
$one->query_safe(q{COMMIT});
is(finish($adds), "added\n", 'and adds');
is(sql(q{SELECT pulse_in_segment('p101', 'VIPs'), pulse_in_segment('p102', 'VIP pros')}), 't|t', 'the merged person is a member');
# The reverse: unmerged meanwhile, the id's own side is the member.
sql(q{SELECT result FROM pulse_remove_from_segment('VIPs', '{p101}')});
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'not the same')});
$adds = start('adds', q{SELECT result FROM pulse_add_to_segment('VIPs', '{p101}')});
ok(waits('adds'), 'who adds a person waits for the unmerge');
$one->query_safe(q{COMMIT});
is(finish($adds), "added\n", 'and adds');
is(sql(q{SELECT pulse_in_segment('p101', 'VIPs'), pulse_in_segment('p102', 'VIPs')}), 't|f', 'one side is a member');

# The same person twice at once.
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT result FROM pulse_add_to_segment('VIPs', '{p110}')});
my $again = start('again', q{SELECT result FROM pulse_add_to_segment('VIPs', '{p110}')});
ok(waits('again'), 'the second waits');
# A definition waits, too.
my $deletes = start('deletes', q{SELECT pulse_delete_segment('planned', confirm => true)});
ok(waits('deletes'), 'a change of definitions waits');
$one->query_safe(q{COMMIT});
is(finish($again), "already_member\n", 'and finds a member');
is(finish($deletes), "\n", 'the definition changes');

# Many sessions, each with lists in another order.
my @sessions = map {
	my $n = $_;
	start("s$n", join ';', map {
		my $round = $_;
		"SELECT count(*) FROM pulse_" . (($n + $round) % 2 ? 'add_to' : 'remove_from') . "_segment('VIPs', (SELECT array_agg('p' || i ORDER BY (i * "
		  . (7 * $n + $round) . ') % 101) FROM generate_series(120, 160) AS i))'
	} 1 .. 10)
} 1 .. 4;
is(join('', map { finish($_) } @sessions), "41\n" x 40, 'four sessions neither deadlock nor fail');
is(sql(q{SELECT count(*) FROM (SELECT h.profile_id FROM pulse.static_member AS h JOIN pulse.segment AS s ON s.id = h.segment_id WHERE s.name = 'VIPs' AND h.removed_at IS NULL
	EXCEPT SELECT m.profile_id FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name = 'VIPs') AS d}), 0, 'who is in the list is a member');
is(sql(q{SELECT count(*) FROM (SELECT m.profile_id FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name = 'VIPs'
	EXCEPT SELECT h.profile_id FROM pulse.static_member AS h JOIN pulse.segment AS s ON s.id = h.segment_id WHERE s.name = 'VIPs' AND h.removed_at IS NULL) AS d}), 0, 'and nobody else');

# A transaction that began earlier sees what later ones committed, whatever its clock says.
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_now()});
sql(q{SELECT result FROM pulse_add_to_segment('VIPs', '{p170}'); SELECT result FROM pulse_add_to_segment('VIPs', '{p171}'); SELECT result FROM pulse_remove_from_segment('VIPs', '{p171}')});
is($one->query_safe(q{SELECT result FROM pulse_remove_from_segment('VIPs', '{p170}')}), 'removed', 'an older transaction removes whom a newer one added');
is($one->query_safe(q{SELECT result FROM pulse_add_to_segment('VIPs', '{p171}')}), 'added', 'and adds whom a newer one removed');
is($one->query_safe(q{SELECT pulse_in_segment('p170', 'VIPs'), pulse_in_segment('p171', 'VIPs')}), 'f|t', 'which it sees');
$one->query_safe(q{COMMIT});
is(sql(q{SELECT pulse_in_segment('p170', 'VIPs'), pulse_in_segment('p171', 'VIP pros')}), 'f|t', 'and so do others');
$one->quit;

done_testing();
