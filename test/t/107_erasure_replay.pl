# A backup is made, a person is erased, the backup is restored: pulse_replay_erasures() erases the person there, too. A dump made later knows
# of the erasure by itself, goes on with one that had not ended, and refuses the same ids.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('replay');
my $dir = PostgreSQL::Test::Utils::tempdir();
sub sql { my ($db, $text) = @_; return $node->safe_psql($db, "SET client_min_messages = warning; $text"); }
sub restore
{
	my ($file, $db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $db ], "restore $db");
	return;
}
$node->safe_psql('postgres', 'CREATE DATABASE shop');
sql('shop', q{CREATE EXTENSION pulse;
	SELECT pulse_identify('ann-1', '{"email": "ann@example.com"}'), pulse_track('ann-1', 'purchase', '{"note": "by ann"}'), pulse_track('bob-1', 'purchase')});
$node->command_ok([ 'pg_dump', '-f', "$dir/old.sql", 'shop' ], 'a backup');
# After the backup she has another id, and is erased.
sql('shop', q{SELECT pulse_identify('ann-1', '{"email": "ann@example.com", "phone": "+491511234567"}');
	SELECT pulse_erase_profile('ann-1', 'ticket 1'); SELECT pulse_run_job('erasures')});
sql('shop', q{SELECT pulse_track('carl-1', 'purchase'); SELECT pulse_erase_profile('carl-1', 'ticket 2')});
my $list = sql('shop', 'SELECT pulse_list_erasures()');
unlike($list, qr/ann|carl|example|1511234/, 'the list names nobody');
$node->command_ok([ 'pg_dump', '-f', "$dir/new.sql", 'shop' ], 'another backup, with an erasure that has not ended');

# The old backup.
restore("$dir/old.sql", 'old_copy');
is(sql('old_copy', q{SELECT count(*) FROM pulse.identity WHERE value IN ('ann-1', 'ann@example.com')}), '2', 'she is in the backup');
(my $quoted = $list) =~ s/'/''/g;
is(sql('old_copy', "SELECT result, people FROM pulse_replay_erasures('$quoted') ORDER BY result"), "erased|1\nnot found|0", 'the erasures are repeated');
sql('old_copy', q{SELECT pulse_run_job('erasures')});
is(sql('old_copy', q{SELECT count(*) FROM pulse.event WHERE properties::text LIKE '%ann%'}), '0', 'her events are gone');
is(sql('old_copy', q{SELECT string_agg(value, ' ') FROM pulse.identity}), 'bob-1', 'and her ids');
is(sql('old_copy', q{SELECT bool_and(state = 'done' AND replayed AND findings = '[]') FROM pulse.erasure}), 't', 'with certificates');
is(sql('old_copy', "SELECT string_agg(DISTINCT result, ' ') FROM pulse_replay_erasures('$quoted')"), 'known', 'once');
is(sqlstate($node, 'old_copy', qq{SELECT pulse_track('$_', 'late')}), '22023', "$_ is refused there") for 'ann-1', 'carl-1';
is(sqlstate($node, 'old_copy', q{SELECT pulse_track(NULL, 'late', anonymous_id => 'x', context => '{"traits": {"phone": "+49 151 1234567"}}')}), '22023', 'also by an id that the backup did not have');
is(sql('old_copy', q{SELECT refused_until FROM pulse.erasure ORDER BY requested_at LIMIT 1}), sql('shop', q{SELECT refused_until FROM pulse.erasure ORDER BY id LIMIT 1}), 'as long as in the original');

# The new one.
restore("$dir/new.sql", 'new_copy');
is(sql('new_copy', q{SELECT string_agg(state, ' ' ORDER BY id) FROM pulse.erasure}), 'done requested', 'a later backup has the erasures');
is(sqlstate($node, 'new_copy', q{SELECT pulse_track('ann-1', 'late')}), '22023', 'and refuses her');
sql('new_copy', q{SELECT pulse_run_job('erasures')});
is(sql('new_copy', q{SELECT string_agg(state, ' ' ORDER BY id) || ' ' || (SELECT count(*) FROM pulse.event) FROM pulse.erasure}), 'done done 1', 'the copy ends the other erasure');
is(sql('new_copy', "SELECT string_agg(DISTINCT result, ' ') FROM pulse_replay_erasures('$quoted')"), 'known', 'replaying changes nothing there');
is(sql('new_copy', q{SELECT pulse_erase_profile('bob-1', 'ticket 3') > 2}), 't', 'erasures go on');

done_testing();
