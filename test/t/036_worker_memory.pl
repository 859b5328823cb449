# Memory stays flat over 4,000 runs in one process.
use strict;
use warnings;
# These runs may take longer than the default polling timeout of three minutes.
BEGIN { $ENV{PG_TEST_TIMEOUT_DEFAULT} //= 600; }
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('worker_memory', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20');
fill_shop($node, 'shop');
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN');
shop(q{SELECT pulse_grant('alice', 'operator'); GRANT USAGE ON SCHEMA app TO alice});

sub wait_until
{
	my ($sql, $what) = @_;
	ok($node->poll_query_until('shop', $sql), $what);
}
sub as { my ($role, $sql) = @_; return $node->safe_psql('shop', $sql, extra_params => [ '-U', $role ]); }
sub shop { return $node->safe_psql('shop', $_[0]); }

$node->safe_psql('postgres', 'ALTER SYSTEM SET synchronous_commit = off; ALTER SYSTEM SET pulse.max_parallel_jobs = 1; SELECT pg_reload_conf()');
shop(q{CREATE FUNCTION app.rss() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int$$;
	CREATE TABLE app.memory (id bigserial, pid int DEFAULT pg_backend_pid(), kb int DEFAULT app.rss()); GRANT INSERT ON app.memory TO alice; GRANT USAGE ON SEQUENCE app.memory_id_seq TO alice});
as('alice', q{SELECT count(pulse_schedule('n ' || i, '1 day', 'INSERT INTO app.memory DEFAULT VALUES')) FROM generate_series(1, 4000) AS i});
shop(q{UPDATE pulse.job SET next_run = now() WHERE kind = 'sql'; ANALYZE pulse.job; SELECT pulse_schedule('drift', jitter => '0')});
wait_until(q{SELECT count(*) = 4000 FROM app.memory}, 'four thousand jobs have run');
is(shop(q{SELECT count(*), count(DISTINCT status) FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.kind = 'sql'}), '4000|1', 'each once');
is(shop(q{SELECT count(DISTINCT pid) FROM app.memory}), 1, 'in one process');
my ($early, $late) = split /\|/, shop(q{SELECT max(kb) FILTER (WHERE id = 1000), max(kb) FILTER (WHERE id = 4000) FROM app.memory});
note("RssAnon after 1,000 runs: $early kB, after 4,000: $late kB");
cmp_ok($late, '<', $early + 256, 'its memory stays flat');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no unexpected messages in the log');
done_testing();
