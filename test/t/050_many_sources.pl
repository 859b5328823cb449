# Two hundred segments on three standbys, one of which is down and later never answers: the others are measured anyway,
# missed segments are measured later, and nothing is measured twice.
use strict;
use warnings;
use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $primary = start_node('many_primary', "shared_preload_libraries = 'pulse'", 'max_wal_senders = 10', 'pulse.run_jobs = off',
	'wal_receiver_status_interval = 1');
$primary->safe_psql(
	'postgres', q{CREATE EXTENSION pulse;
	CREATE TABLE public.people AS SELECT i AS id, i % 200 AS part FROM generate_series(1, 20000) AS i; ANALYZE people});
$primary->backup('base');
my %standby;
for my $name (qw(first second third))
{
	$standby{$name} = PostgreSQL::Test::Cluster->new("many_$name");
	$standby{$name}->init_from_backup($primary, 'base', has_streaming => 1);
	$standby{$name}->start;
	$primary->wait_for_catchup($standby{$name});
	$primary->safe_psql('postgres',
		    "SELECT pulse_create_source('$name', jsonb_build_object('host', '"
		  . $standby{$name}->host . "', 'port', '" . $standby{$name}->port
		  . "', 'dbname', 'postgres', 'user', current_user, 'connect_timeout', '2s', 'max_replay_lag', '1h', 'max_queries_per_minute', '100000'))");
}
$primary->safe_psql(
	'postgres', q{SELECT pulse_create_segment('segment ' || i, format('{"source": "%s", "from": "public.people", "key": "id", "where": "part == %s"}',
	(ARRAY['first', 'second', 'third'])[1 + i % 3], i)::jsonb) FROM generate_series(0, 199) AS i});

# Lets the workers run the job once more, and waits for the end of a run that began after that.
sub run_job
{
	my $last = $primary->safe_psql('postgres', 'SELECT coalesce(max(id), 0) FROM pulse.job_run');
	$primary->safe_psql('postgres', "SELECT pulse_schedule('snapshots', '1 hour', max_retries => 0)");
	$primary->safe_psql('postgres', "UPDATE pulse.job SET next_run = now() WHERE name = 'snapshots'");
	$primary->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = on');
	$primary->reload;
	$primary->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pulse.job_run r JOIN pulse.job j ON j.id = r.job_id WHERE r.id > $last AND j.name = 'snapshots' AND r.status <> 'running'")
	  or die 'the job never ended';
	$primary->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off');
	$primary->reload;
	return $primary->safe_psql('postgres',
		"SELECT concat_ws(' ', r.message, r.error) FROM pulse.job_run r JOIN pulse.job j ON j.id = r.job_id WHERE j.name = 'snapshots' ORDER BY r.id DESC LIMIT 1");
}

my $measured = q{SELECT s.source, count(DISTINCT p.segment_id), count(*), bool_and(p.size = 100) FROM pulse.snapshot p
	JOIN pulse.segment s ON s.id = p.segment_id GROUP BY 1 ORDER BY 1};

$standby{third}->stop;
like(run_job(), qr/66 of 200/, 'the unreachable source is reported');
is($primary->safe_psql('postgres', $measured), "first|67|67|t\nsecond|67|67|t", 'the two others are measured completely');
is($primary->safe_psql('postgres', "SELECT count(*) FROM pulse.source_usage WHERE source = 'third' AND status = 'unreachable'"),
	1, 'the unreachable source was visited once');
is($primary->safe_psql('postgres', q{SELECT state FROM pulse_status() WHERE item = 'pulse'}), 'degraded', 'pulse_status() shows it');

# Now the address accepts connections and never answers.
my $stall = IO::Socket::UNIX->new(Type => Socket::SOCK_STREAM, Listen => 100, Local => $standby{third}->host . '/.s.PGSQL.' . $standby{third}->port)
  or die "no socket: $!";
like(run_job(), qr/66 of/, 'a source that never answers does not block the run');
close $stall;
unlink $standby{third}->host . '/.s.PGSQL.' . $standby{third}->port;

$standby{third}->start;
$primary->wait_for_catchup($standby{third});
unlike(run_job(), qr/not measured/, 'when it is back, the job reports no problem');
is($primary->safe_psql('postgres', $measured), "first|67|67|t\nsecond|67|67|t\nthird|66|66|t", 'everything was measured once');

is($primary->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'object'"), 0, 'no lock is left');

$standby{$_}->stop for keys %standby;
$primary->stop;
done_testing();
