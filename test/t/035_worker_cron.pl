# pg_cron can schedule the same functions as Pulse's own workers.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('worker_cron', "shared_preload_libraries = 'pulse, pg_cron'", "cron.database_name = 'shop'", "cron.host = ''",
	"cron.use_background_workers = on", 'max_worker_processes = 20');
fill_shop($node, 'shop');

sub wait_until
{
	my ($sql, $what) = @_;
	ok($node->poll_query_until('shop', $sql), $what);
}
sub shop { return $node->safe_psql('shop', $_[0]); }

shop(q{CREATE EXTENSION pg_cron; DELETE FROM pulse.snapshot; SELECT pulse_unschedule('drift'); SELECT cron.schedule('pulse', '* * * * *', 'SELECT pulse_take_snapshots()'); SELECT cron.schedule('drift', '* * * * *', $$SELECT pulse_run_job('drift')$$)});
wait_until(q{SELECT count(*) = 2 FROM pulse.snapshot WHERE status = 'ok'}, 'pg_cron takes snapshots');
wait_until(q{SELECT count(*) > 0 FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'drift' AND r.scheduled_for IS NULL AND r.status = 'ok'}, 'and runs jobs');
shop(q{SELECT cron.unschedule(jobid) FROM cron.job});
is(shop(q{SELECT value, detail ~ 'by pulse_run_job' FROM pulse_status() WHERE item = 'job drift'}), 'ok|t', 'the status shows a job that is scheduled only there');
is(shop(q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}), 0, 'without an error');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no unexpected messages in the log');
done_testing();
