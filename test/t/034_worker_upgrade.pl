# pg_upgrade moves a server with its jobs, whose launcher stays away meanwhile.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $old = start_node('upgrade_old', "shared_preload_libraries = 'pulse'");
$old->safe_psql('postgres', 'CREATE EXTENSION pulse; CREATE TABLE done (at timestamptz DEFAULT clock_timestamp())');
$old->safe_psql('postgres', q{SELECT pulse_schedule('tick', '1 second', 'INSERT INTO done DEFAULT VALUES'); SELECT pulse_schedule('drift', '5 5 * * *')});
ok($old->poll_query_until('postgres', 'SELECT count(*) > 1 FROM done'), 'jobs run');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('upgrade_new');
$new->init;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'pulse'");
my ($bin) = run_command([ 'pg_config', '--bindir' ]);
command_ok(
	[ 'pg_upgrade', '-b', $bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
	'pg_upgrade with the library preloaded on both sides');
$new->start;
my $moved = $new->safe_psql('postgres', 'SELECT count(*) FROM done');
is($new->safe_psql('postgres', q{SELECT string_agg(name || ' ' || schedule, ', ' ORDER BY id) FROM pulse.job}),
	'snapshots 0 2 * * *, drift 5 5 * * *, health 10 seconds, retention 30 3 * * *, tick 1 second', 'the jobs are there');
ok($new->poll_query_until('postgres', "SELECT count(*) > $moved + 1 FROM done"), 'and go on');
is($new->safe_psql('postgres', q{SELECT count(*) FROM (SELECT FROM pulse.job_run GROUP BY job_id, scheduled_for HAVING count(*) > 1) AS twice}), 0, 'none ran twice for one time');
$new->stop;
done_testing();
