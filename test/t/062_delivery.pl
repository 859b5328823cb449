# Messages are sent as soon as they are committed, even if all job workers are busy or another channel is dead; an idle worker runs no
# query; a standby sends nothing until it is promoted.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;
use PulsePeers;

my $receiver = start_receiver();
my $node = start_node('delivery', "shared_preload_libraries = 'pulse, pg_stat_statements'", 'pg_stat_statements.track = all', 'max_worker_processes = 20',
	'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'", 'pulse.max_parallel_jobs = 1');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
my $nowhere = free_port();
$node->safe_psql('shop', qq{
	CREATE EXTENSION pulse;
	CREATE SERVER hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
	CREATE USER MAPPING FOR CURRENT_USER SERVER hook OPTIONS (url '$receiver->{url}/plain/hook');
	CREATE SERVER dead FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook', timeout '2s');
	CREATE USER MAPPING FOR CURRENT_USER SERVER dead OPTIONS (url 'http://127.0.0.1:$nowhere/');
});
sub shop { return $node->safe_psql('shop', $_[0]); }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('shop', $sql), $what); }
sub send_one { return shop(qq{INSERT INTO pulse.outbox (channel, kind, event, payload) VALUES ('$_[0]', 'event', 'test', '{}') RETURNING id}); }

# ---- immediately ----
wait_until("SELECT status = 'sent' AND attempts = 1 FROM pulse.outbox WHERE id = " . send_one('hook'), 'the first message starts a worker');
my $pid = shop(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse delivery'});
for (1 .. 20)
{
	$node->poll_query_until('shop', "SELECT status = 'sent' FROM pulse.outbox WHERE id = " . send_one('hook')) or fail('sent');
}
is(shop(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse delivery'}), $pid, 'further messages wake it');
is(shop(q{SELECT count(*) FROM pulse.message WHERE id > 1 AND latency_ms > 1000}), 0, 'each within a second of its commit');
is(shop(q{SELECT count(*) FROM pg_stat_activity WHERE pid = } . $pid . q{ AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)}), 0, 'it holds no transaction');
is(shop(q{BEGIN; INSERT INTO pulse.outbox (channel, kind, event, payload) VALUES ('hook', 'event', 'test', '{}'); ROLLBACK; SELECT count(*) FROM pulse.outbox}), 21,
	'a message that is rolled back is not sent');

# ---- an idle worker runs no query ----
# A job that runs every minute, in another process.
shop(q{SELECT pulse_unschedule('signal_health')});
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
$node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
my $switches = sub { my $status = slurp_file("/proc/$pid/status"); return $status =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : -1 };
my $before = $switches->();
# Real time has to pass.
$node->safe_psql('postgres', 'SELECT pg_sleep(4)');
is($switches->(), $before, 'it does not wake up');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%pulse.%' OR query LIKE '%pg_extension%'}), 0, 'and runs no query');
wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pulse delivery'}, 'after a while it ends');

# ---- all workers are busy ----
shop(q{CREATE TABLE gate (open boolean); SELECT pulse_schedule('long', '1 day', 'DO ''BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.05); END LOOP; END''');
	UPDATE pulse.job SET next_run = now() WHERE name = 'long'; SELECT pulse_schedule('drift', '1 day')});
wait_until(q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND wait_event = 'PgSleep'}, 'the only worker is busy');
wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE id = " . send_one('hook'), 'a message is sent nevertheless');
is(shop(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND wait_event = 'PgSleep'}), 1, 'while the job is still running');
shop('INSERT INTO gate VALUES (true)');

# ---- a dead channel, and one that does not exist ----
shop(q{INSERT INTO pulse.outbox (channel, kind, event, payload) SELECT 'dead', 'event', 'test', '{}' FROM generate_series(1, 2000)});
wait_until("SELECT status = 'sent' FROM pulse.outbox WHERE id = " . send_one('hook'), 'the queue of a dead channel does not delay others');
wait_until(q{SELECT open_until > now() FROM pulse.channel_state WHERE channel = 'dead'}, 'the dead channel is paused');
is(shop(q{SELECT value FROM pulse_status() WHERE item = 'channel dead'}), 'resting', 'as pulse_status() shows');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'dead' AND attempts > 0} ) < 100 ? 'few' : 'many', 'few', 'few messages were attempted');
wait_until("SELECT status = 'dead' AND error LIKE '%nobody%' FROM pulse.outbox WHERE id = " . send_one('nobody'), 'a message to a missing channel is dead');

# ---- nothing is sent while pulse.send_messages is off ----
$node->safe_psql('postgres', 'ALTER SYSTEM SET pulse.send_messages = off; SELECT pg_reload_conf()');
wait_until(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pulse delivery'}, 'the worker ends');
my $kept = send_one('hook');
is(shop("SELECT pg_sleep(0.5); SELECT status FROM pulse.outbox WHERE id = $kept"), "\npending", 'a message is kept');

# ---- a standby ----
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('delivery_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'pulse.send_messages = on');
unlink $standby->data_dir . '/postgresql.auto.conf.old';
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', "SELECT status FROM pulse.outbox WHERE id = $kept"), 'pending', 'a standby has the message');
is($standby->safe_psql('shop', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pulse%'}), 0, 'and no Pulse process');
$node->stop;
$standby->promote;
$standby->safe_psql('postgres', 'ALTER SYSTEM RESET pulse.send_messages; SELECT pg_reload_conf()');
ok($standby->poll_query_until('shop', "SELECT status = 'sent' FROM pulse.outbox WHERE id = $kept"), 'after the promotion it is sent');

# ---- the worker is terminated ----
$standby->safe_psql('shop', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pulse delivery'});
my $after = $standby->safe_psql('shop', q{INSERT INTO pulse.outbox (channel, kind, event, payload) VALUES ('hook', 'event', 'test', '{}') RETURNING id});
ok($standby->poll_query_until('shop', "SELECT status = 'sent' FROM pulse.outbox WHERE id = $after"), 'another worker is started');
is(sqlstate($standby, 'shop', 'DROP EXTENSION pulse CASCADE'), 'none', 'the extension can be dropped while it runs');
is(sqlstate($standby, 'postgres', 'DROP DATABASE shop'), 'none', 'and the database');
$standby->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|leak|own a lock/, 'no crash, leak or lock problem in the log') for $node, $standby;
done_testing();
