# Decisions on a standby, across sessions and transactions, through dump and restore, and while definitions change under them.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('decide_primary', 'max_connections = 30');
sub sql { return $node->safe_psql('postgres', @_) }
# The decision for a person: variant REASON version.
sub decided
{
	my ($on, $user, $flag, $context) = @_;
	$context //= '{}';
	return $on->safe_psql('postgres', "SELECT variant, reason, version FROM pulse_decide('$user', '$flag', '$context')");
}
# A session that stays open.
sub session { return $node->background_psql('postgres', on_error_stop => 0) }

sql(q{
	CREATE EXTENSION pulse;
	SELECT pulse_identify('ann', '{"plan": "pro"}'), pulse_identify('bob', '{"plan": "free"}');
	SELECT pulse_track('ann', 'purchase', '{"total": 200}');
	SELECT pulse_create_segment('pros', '{"where": "profile.plan == \"pro\""}');
	SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 1"}');
	SELECT pulse_create_flag('premium', 'segment("pros")');
	SELECT pulse_create_flag('thanks', 'segment("buyers")');
	SELECT pulse_create_flag('tenth', '{"percentage": 10}');
	SELECT pulse_create_flag('german', 'context.country == "DE"');
});

# ---- every session sees a change with its next statement, also in a transaction ----

my $plain = session();
my $repeatable = session();
my $decide = q{SELECT variant || ' ' || reason || ' ' || version FROM pulse_decide('ann', 'premium');};
is($plain->query($decide), 'on TARGETING_MATCH 1', 'a session decides');
$repeatable->query('BEGIN ISOLATION LEVEL REPEATABLE READ;');
is($repeatable->query($decide), 'on TARGETING_MATCH 1', 'a session in REPEATABLE READ decides');
$plain->query('BEGIN;');
is($plain->query($decide), 'on TARGETING_MATCH 1', 'a session in READ COMMITTED decides');
sql(q{SELECT pulse_disable_flag('premium')});
is($plain->query($decide), 'off DISABLED 2', 'the kill switch takes effect in an open transaction');
is($repeatable->query($decide), 'off DISABLED 2', 'the kill switch takes effect in a transaction with an old snapshot');
sql(q{SELECT pulse_enable_flag('premium')});
is($plain->query($decide), 'on TARGETING_MATCH 3', 'the flag is enabled again');
is($repeatable->query($decide), 'on TARGETING_MATCH 3', 'also in the transaction with an old snapshot');
# An uncommitted change counts only in its own transaction.
my $editor = session();
$editor->query('BEGIN;');
$editor->query(q{SELECT pulse_update_flag('premium', '{"rules": []}');});
is($editor->query($decide), 'off STATIC 4', 'the session that changes a flag sees the change');
is($plain->query($decide), 'on TARGETING_MATCH 3', 'other sessions do not see it');
$editor->query('ROLLBACK;');
is($editor->query($decide), 'on TARGETING_MATCH 3', 'after the rollback the old version applies');
# The person is read by the transaction's snapshot.
sql(q{SELECT pulse_identify('ann', '{"plan": "free"}')});
is($plain->query($decide), 'off DEFAULT 3', 'READ COMMITTED sees committed changes');
is($repeatable->query($decide), 'on TARGETING_MATCH 3', 'REPEATABLE READ sees the person as of its snapshot');
$_->query('COMMIT;') for $plain, $repeatable;
is($repeatable->query($decide), 'off DEFAULT 3', 'after the transaction it sees the change');
sql(q{SELECT pulse_identify('ann', '{"plan": "pro"}')});

# ---- the kill switch does not wait for transactions that write events or definitions ----

$editor->query('BEGIN;');
$editor->query(q{SELECT pulse_track('bob', 'purchase'), pulse_create_flag('slow', '{}');});
is(sqlstate($node, 'postgres', q{SET lock_timeout = '30s'; SELECT pulse_disable_flag('thanks'), pulse_enable_flag('thanks')}), 'none', 'the kill switch does not wait');
$editor->query('ROLLBACK;');

# ---- two sessions change one flag: the second waits and continues after the first, or fails after lock_timeout; decisions do not wait ----

sql(q{SELECT pulse_create_flag('shared', '{"rules": []}')});
my $change = q{SELECT pulse_update_flag('shared', '{"percentage": 100}')};
$editor->query('BEGIN;');
is($editor->query("$change;"), '2', 'the first session changes a flag');
my %in_the_way = (
	'another change' => $change,
	'a switch' => q{SELECT pulse_disable_flag('shared')},
	'archiving' => q{SELECT pulse_archive_flag('shared')},
	'deleting' => q{SELECT pulse_delete_flag('shared')},
	'a new flag' => q{SELECT pulse_create_flag('another', '{}')});
for my $what (sort keys %in_the_way)
{
	is(sqlstate($node, 'postgres', "SET pulse.lock_timeout = '50ms'; $in_the_way{$what}"), '55P03', "$what gives up after pulse.lock_timeout");
}
my (undef, undef, $said) = $node->psql('postgres', "SET pulse.lock_timeout = '50ms'; SELECT pulse_disable_flag('shared')");
like($said, qr/flag "shared" cannot be changed now.*pulse\.lock_timeout.*HINT/s, 'the error has a detail and a hint');
is(decided($node, 'ann', 'shared'), 'off|STATIC|1', 'meanwhile decisions use the old version');
my ($second, $second_said) = ('', '');
my $waiting = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=second', '-c', q{SELECT pulse_disable_flag('shared')} ],
	'<', \undef, '>', \$second, '2>', \$second_said);
ok($node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'second' AND cardinality(pg_blocking_pids(pid)) > 0)}), 'the second session waits');
$editor->query('COMMIT;');
$waiting->finish;
is($second_said, '', 'it succeeds after the first');
is(decided($node, 'ann', 'shared'), 'off|DISABLED|3', 'both changes are applied');
is(sql(q{SELECT string_agg(v.version || ' ' || (v.definition ->> 'percentage' IS NOT NULL OR v.definition #>> '{rules,0}' IS NOT NULL)::text, ', ' ORDER BY v.version)
	FROM pulse.flag_version AS v JOIN pulse.flag AS f ON f.id = v.flag_id WHERE f.key = 'shared'}), '1 false, 2 true, 3 true', 'each change is a version');
sql(q{SELECT pulse_delete_flag('shared')});

# ---- DROP and CREATE EXTENSION under an open session ----

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', q{CREATE EXTENSION pulse; SELECT pulse_create_flag('f', '{}')});
my $other = $node->background_psql('other', on_error_stop => 0);
is($other->query(q{SELECT variant FROM pulse_decide('x', 'f');}), 'on', 'a flag of another database');
$node->safe_psql('other', q{DROP EXTENSION pulse CASCADE; CREATE EXTENSION pulse; SELECT pulse_create_flag('f', '{"rules": []}')});
is($other->query(q{SELECT variant FROM pulse_decide('x', 'f');}), 'off', 'a recreated flag is a different one');
$other->quit;

# ---- a standby ----

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('decide_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my @asked = (['ann', 'premium'], ['bob', 'premium'], ['ann', 'thanks'], ['bob', 'thanks'], ['ann', 'tenth'], ['nobody', 'premium'], ['x', 'german', '{"country": "DE"}']);
is(decided($standby, @$_), decided($node, @$_), "a standby gives the same answer: @$_[0, 1]") for @asked;
is($standby->safe_psql('postgres', q{SELECT flag, variant, reason, bucket FROM pulse_decide_all('ann')}),
	sql(q{SELECT flag, variant, reason, bucket FROM pulse_decide_all('ann')}), 'a standby returns the same decisions');
is($standby->safe_psql('postgres', q{SELECT count(*) > 3 FROM pulse_explain_decision('ann', 'thanks')}), 't', 'a standby explains decisions');
for my $when ("SET pulse.now = '2030-01-01'", 'RESET pulse.now')
{
	my $people = "$when; SELECT segment, profile_id FROM pulse.membership ORDER BY 1, 2; SELECT * FROM pulse.trait_value ORDER BY 1, 2";
	is($standby->safe_psql('postgres', $people), sql($people), "a standby evaluates many people: $when");
}
is($standby->safe_psql('postgres', q{SET pulse.exposure_sample = 1; SELECT variant FROM pulse_expose('ann', 'premium')}), 'on', 'pulse_expose() decides on the standby');
is(sqlstate($standby, 'postgres', q{SELECT pulse_log_exposure('ann', 'premium', 'on')}), '25006', 'a standby writes no exposure');
my $far = $standby->background_psql('postgres', on_error_stop => 0);
is($far->query($decide), 'on TARGETING_MATCH 3', 'a session on the standby');
sql(q{SELECT pulse_disable_flag('premium')});
$node->wait_for_catchup($standby);
is($far->query($decide), 'off DISABLED 4', 'sees the kill switch as soon as it is replayed');
sql(q{SELECT pulse_enable_flag('premium'), pulse_track('bob', 'purchase'), pulse_identify('bob', '{"plan": "pro"}')});
$node->wait_for_catchup($standby);
is(decided($standby, 'bob', $_), decided($node, 'bob', $_), "and new events: $_") for qw(premium thanks);
$far->quit;

# ---- dump and restore ----

sql(q{SET pulse.exposure_sample = 1; SELECT pulse_expose('ann', 'premium'), pulse_expose('cy', 'tenth')});
my $dump = $node->backup_dir . '/flags.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'a restore');
my $state = q{SELECT f.key, f.salt, f.version, v.change, d.variant, d.reason, d.bucket, (SELECT count(*) FROM pulse.exposure AS e WHERE e.flag_id = f.id)
	FROM pulse.flag AS f JOIN pulse.flag_version AS v ON v.flag_id = f.id, pulse_decide('ann', f.key) AS d ORDER BY f.key, v.version};
is($node->safe_psql('restored', $state), sql($state), 'flags, versions, answers and exposures are the same');
is($node->safe_psql('restored', q{SELECT pulse_create_flag('new', '{}') > (SELECT max(id) FROM pulse.flag WHERE key <> 'new')}), 't', 'new flags can be created');

# ---- eight sessions decide while the definition changes repeatedly ----

sql(q{SELECT pulse_create_flag('moving', '{"variants": {"v1": 1, "v2": 2}, "off": "v1", "default": "v1"}')});
my $script = $node->basedir . '/decide.sql';
append_to_file($script, <<'SQL');
SELECT 1 / (CASE WHEN (value = '1' AND variant = 'v1' AND version % 2 = 1 OR value = '2' AND variant = 'v2' AND version % 2 = 0) THEN 1 ELSE 0 END)
FROM pulse_decide('ann', 'moving') AS d;
SELECT 1 / count(*) FROM pulse_decide_all('bob') WHERE flag = 'moving';
SQL
my ($out, $err) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '8', '-j', '2', '-t', '400', '-M', 'prepared', '-f', $script, $node->connstr('postgres') ], '>', \$out, '2>', \$err);
for my $i (1 .. 40)
{
	sql(sprintf(q{SELECT pulse_update_flag('moving', '{"variants": {"v1": 1, "v2": 2}, "off": "v1", "default": "%s"}')}, $i % 2 ? 'v2' : 'v1'));
}
$bench->finish;
unlike($err, qr/ERROR|abort/i, 'each answer is one of the versions, and belongs to the version it names') or diag($err);
like($out, qr{actually processed: 3200/3200}, 'and all were answered') or diag($out);

# ---- promotion ----

$plain->quit;
$repeatable->quit;
$editor->quit;
$node->stop('immediate');
$standby->promote;
is(decided($standby, 'ann', 'premium'), 'on|TARGETING_MATCH|5', 'the promoted standby decides');
$standby->safe_psql('postgres', q{SELECT pulse_disable_flag('premium')});
is(decided($standby, 'ann', 'premium'), 'off|DISABLED|6', 'the promoted standby disables flags');
is($standby->safe_psql('postgres', q{SET pulse.exposure_sample = 1; SELECT pulse_log_exposure('dora', 'premium', 'off')}), 't', 'the promoted standby records exposures');

done_testing();
