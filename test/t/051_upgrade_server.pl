# pg_upgrade keeps all data, with the library preloaded on both sides; jobs run again afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

# Sending is off, because its job could run at any time.
my $old = start_node('upgrade_old', "shared_preload_libraries = 'pulse'", 'pulse.send_messages = off');
fill_shop($old, 'shop');
replay($old, 'shop', 1, 12, 1);
$old->safe_psql('shop', q{SELECT pulse_monitor_table('app.users', checks => '[{"type": "volume", "min": 10}]');
	SELECT pulse_schedule('nightly', '0 4 * * *', 'SELECT 1'); SELECT pulse_schedule('drift', '0 5 * * *')});
my $jobs = 'SELECT name, kind, command, schedule, runs_as, enabled FROM pulse.job ORDER BY name';
# No jobs run while the data is compared.
$old->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off');
$old->reload;
$old->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type IN ('pulse worker', 'pulse pipeline')}) or die 'jobs run on';
my $kept = answers($old, 'shop') . $old->safe_psql('shop', $jobs);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('upgrade_new');
$new->init;
$new->append_conf('postgresql.conf', "timezone = 'UTC'\nshared_preload_libraries = 'pulse'\npulse.send_messages = off\npulse.run_jobs = off\n");
my $bin = $old->config_data('--bindir');
chdir ${PostgreSQL::Test::Utils::tmp_check} or die "no directory: $!";
command_ok(
	[   'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
		'-s', $new->host, '-p', $old->port, '-P', $new->port
	],
	'pg_upgrade runs with the library preloaded');
$new->start;
is(answers($new, 'shop') . $new->safe_psql('shop', $jobs), $kept, 'history, monitors and jobs are unchanged');
$new->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = on');
$new->reload;
$new->safe_psql('shop', q{SELECT pulse_schedule('soon', '1 second', 'SELECT 1')});
ok($new->poll_query_until('shop',
		q{SELECT count(*) > 0 FROM pulse.job_run r JOIN pulse.job j ON j.id = r.job_id WHERE j.name = 'soon' AND r.status = 'ok'}),
	'the workers of the new server run jobs');
is($new->safe_psql('shop', q{SELECT count(*) FROM (SELECT FROM pulse.job_run WHERE status <> 'skipped' GROUP BY job_id, scheduled_for HAVING count(*) > 1) AS twice}),
	0, 'no job ran twice for the same time')
  or diag($new->safe_psql('shop', 'SELECT j.name, r.* FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id ORDER BY r.id'));
$new->stop;
done_testing();
