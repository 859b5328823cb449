# History survives a killed backend, an immediate shutdown and a failover; on a standby reads work and writes raise an error.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('crash_primary', 'restart_after_crash = on');
fill_shop($node, 'shop');
replay($node, 'shop', 1, 12, 1);
my $before = answers($node, 'shop');

# A segment whose snapshot never ends.
$node->safe_psql(
	'shop', q{SELECT pulse_create_segment('Slow', '{"query": "SELECT i AS id FROM generate_series(1, 3) AS i, LATERAL (SELECT pg_sleep(60 * i)) AS z",
	"key": "id", "attributes": []}'); SELECT pulse_pause_segment('Slow');});
$before = answers($node, 'shop');

# kill -9 in the middle of a snapshot.
my ($in, $out, $err) = ('', '', '');
my $session = IPC::Run::start(
	[ 'psql', '-X', '-d', $node->connstr('shop'), '-c', "SELECT pulse_take_snapshot('Slow')" ], '<', \$in, '>', \$out, '2>', \$err);
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
  or die 'the snapshot never started';
my $pid = $node->safe_psql('shop', "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
PostgreSQL::Test::Utils::system_or_bail('pg_ctl', 'kill', 'KILL', $pid);
$session->finish;
like($err, qr/server closed the connection|terminat/, 'the session is gone');
wait_until_back($node);
is(answers($node, 'shop'), $before, 'history is intact after a killed backend');

# The interrupted moment can be measured now.
replay($node, 'shop', 13, 13, 0);
is($node->safe_psql('shop', "SELECT count(*) FROM pulse.snapshot WHERE taken_at = '2016-01-13 02:00+00' AND status = 'ok'"),
	2, 'the next snapshots are taken');
$before = answers($node, 'shop');
$node->stop('immediate');
$node->start;
is(answers($node, 'shop'), $before, 'history is intact after an immediate shutdown');

# A standby reads everything.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('crash_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(answers($standby, 'shop'), $before, 'a standby gives the same answers, explanations included');
like($standby->safe_psql('shop', "SELECT pulse_explain_segment('Valuable')"), qr/ltv > 500/, 'and explains a segment');
like(
	$standby->safe_psql('shop', q{SELECT * FROM pulse_preview_segment('{"from": "app.users", "key": "user_id", "where": "ltv > 500"}')}),
	qr/size/, 'and previews one');

# Functions that write raise an error.
my %writes = (
	pulse_create_segment => q{'X', '{"from": "app.users", "key": "user_id"}'},
	pulse_update_segment => q{'Valuable', owner => 'me'},
	pulse_pause_segment => q{'Valuable'},
	pulse_resume_segment => q{'Slow'},
	pulse_archive_segment => q{'Valuable'},
	pulse_delete_segment => q{'Valuable', confirm => true},
	pulse_set_monitoring => q{'Valuable', false},
	pulse_take_snapshot => q{'Valuable'},
	pulse_take_snapshots => q{},
	pulse_import_snapshot => q{'Valuable', '2015-12-01', 100},
	pulse_check_drift => q{},
	pulse_pin_baseline => q{'Valuable'},
	pulse_unpin_baseline => q{'Valuable'},
	pulse_acknowledge_incident => q{(SELECT min(id) FROM pulse.incident)},
	pulse_resolve_incident => q{(SELECT min(id) FROM pulse.incident)},
	pulse_ignore_incident => q{(SELECT min(id) FROM pulse.incident)},);
for my $name (sort keys %writes)
{
	my (undef, undef, $error) = $standby->psql('shop', "\\set VERBOSITY verbose\nSELECT $name($writes{$name})");
	like($error, qr/25006: cannot execute $name\(\) in a read-only transaction/, "$name() says that it cannot write");
}
is(answers($standby, 'shop'), $before, 'and nothing has changed');

# After a failover the standby takes over.
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('shop', "SET pulse.now = '2016-01-14 02:00+00'; SELECT pulse_take_snapshots(); SELECT pulse_check_drift();");
is($standby->safe_psql('shop', "SELECT count(*) FROM pulse.snapshot WHERE taken_at = '2016-01-14 02:00+00' AND status = 'ok'"),
	2, 'the promoted standby takes snapshots');

done_testing();
