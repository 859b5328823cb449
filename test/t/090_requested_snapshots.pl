# Snapshots and checks that somebody asks for: a worker takes them at once, and whoever asked can follow it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseGateway;
use PulseTest;

my $node = start_node('requested_snapshots');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{CREATE EXTENSION pulse; CREATE TABLE person AS SELECT n AS id, n % 3 AS kind FROM generate_series(1, 1000) AS n;
	SELECT pulse_create_segment('local', '{"from": "person", "key": "id", "where": "kind == 1"}'); SELECT pulse_monitor_table('person', checks => '[{"type": "volume"}]');
	SELECT pulse_create_source('away', '{"host": "/nowhere", "dbname": "none"}');
	SELECT pulse_create_segment('remote', '{"from": "person", "key": "id"}'); UPDATE pulse.segment SET definition = definition || '{"source": "away"}' WHERE name = 'remote'});

like(sql(q{SELECT state || ': ' || detail FROM pulse_request_snapshot('local')}), qr/^no_worker: jobs do not run by themselves/, 'without a worker the answer says so');
sql('SELECT pulse_start()');
ok(wait_until(sub { sql(q{SELECT state FROM pulse_snapshot_request('local')}) eq 'ok' }), 'a worker that comes takes it');
is(sql(q{SELECT p.size FROM pulse_snapshot_request('local') AS r JOIN pulse.snapshot AS p ON p.id = r.snapshot}), 334, '... the snapshot');
is(sql(q{SELECT state FROM pulse_request_snapshot('local')}), 'waiting', 'with a worker it waits');
ok(wait_until(sub { sql(q{SELECT state FROM pulse_snapshot_request('local')}) eq 'ok' }), '... not for long');
is(sql('SELECT count(*) FROM pulse.snapshot'), 2, '... for another snapshot');
is(sql(q{SELECT string_agg(DISTINCT status, ',') FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'requested_snapshots'}), 'ok', 'its runs are in pulse.job_run');

is(sql(q{SELECT pulse_receive_webhook('{"action": "check", "segment": "local", "snapshot": true}') ->> 'state'}), 'waiting', 'a webhook asks for a snapshot and a check');
ok(wait_until(sub { sql(q{SELECT s.checked_at = p.taken_at FROM pulse_snapshot_request('local') AS r JOIN pulse.snapshot AS p ON p.id = r.snapshot JOIN pulse.segment AS s ON s.id = p.segment_id}) eq 't' }),
	'... and both happen');

is(sql(q{SELECT state FROM pulse_request_snapshot('remote')}), 'waiting', 'a source that is away');
ok(wait_until(sub { sql(q{SELECT tries = 1 AND status = 'waiting' AND error <> '' AND next_try_at > clock_timestamp() FROM pulse.snapshot_request WHERE error IS NOT NULL}) eq 't' }), '... is tried again later');
is(sql(q{SELECT state FROM pulse_request_snapshot('local')}), 'waiting', 'meanwhile others');
ok(wait_until(sub { sql(q{SELECT state FROM pulse_snapshot_request('local')}) eq 'ok' }), '... are served');

sql(q{UPDATE pulse.monitor_check SET last_at = NULL});
is(sql(q{SELECT state FROM pulse_request_check('person')}), 'waiting', 'the checks of a table');
ok(wait_until(sub { sql(q{SELECT count(*) FROM pulse.monitor_check WHERE last_at IS NULL}) eq '0' }), '... are run by the job health');

sql(q{SELECT pulse_schedule('requested_snapshots', enabled => false)});
like(sql(q{SELECT state || ': ' || detail FROM pulse_request_snapshot('local')}), qr/^no_worker: job requested_snapshots is disabled/, 'a disabled job is said');
$node->append_conf('postgresql.conf', 'pulse.run_jobs = off');
$node->reload;
ok(wait_until(sub { sql(q{SELECT state || ': ' || detail FROM pulse_request_snapshot('local')}) eq 'no_worker: pulse.run_jobs is off' }), 'so is a server that runs no jobs');
done_testing();
