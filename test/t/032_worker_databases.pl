# Many databases, with and without the extension: created, dropped and copied; the extension is created, dropped and of another
# version; with and without preload.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PulseTest;

my $node = start_node('worker_databases', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'deadlock_timeout = 1s');
my $tick = q{CREATE TABLE done (at timestamptz DEFAULT clock_timestamp()); SELECT pulse_schedule('tick', '1 second', 'INSERT INTO done DEFAULT VALUES', max_retries => 0)};
my $more = sub { my ($db, $n) = @_; $n //= 2; my $have = $node->safe_psql($db, 'SELECT count(*) FROM done'); return $node->poll_query_until($db, "SELECT count(*) >= $have + $n FROM done"); };
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pulse worker'};

# ---- ten databases ----
for my $i (0 .. 9)
{
	$node->safe_psql('postgres', "CREATE DATABASE d$i");
	$node->safe_psql("d$i", "CREATE EXTENSION pulse" . ($i % 4 ? '' : ' SCHEMA pg_catalog')) if $i % 2 == 0 && $i % 4;
	$node->safe_psql("d$i", 'CREATE EXTENSION pulse') if $i % 4 == 0;
	$node->safe_psql("d$i", $tick) if $i % 2 == 0;
}
ok($more->("d$_"), "jobs run in d$_") for 0, 2, 4, 6, 8;
is($node->safe_psql('d1', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'pulse'}), 0, 'and others are left alone');

# ---- a database created from a template with the extension ----
$node->safe_psql('d0', "UPDATE pulse.job SET enabled = false WHERE name = 'tick'");
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'd0'}) or die;
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE d0');
$node->safe_psql('copy', "UPDATE pulse.job SET next_run = now() WHERE name = 'tick'; SELECT pulse_schedule('tick', enabled => true)");
ok($more->('copy'), 'a copied database runs its own jobs');
is($node->safe_psql('d0', "SELECT enabled FROM pulse.job WHERE name = 'tick'"), 'f', 'and the original its own');

# ---- Pulse blocks no DDL, idle or busy ----
$node->safe_psql('d2', q{SELECT pulse_schedule('long', '1 day', 'SELECT pg_sleep(600)'); UPDATE pulse.job SET next_run = now() WHERE name = 'long'; SELECT pulse_schedule('drift', '1 day')});
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'd2' AND wait_event = 'PgSleep'}) or die 'no long job';
for my $db ('d2', 'd4', 'd6', 'copy')
{
	# PostgreSQL itself waits 5 s at most for others to leave.
	is($node->psql('postgres', "DROP DATABASE $db"), 0, "$db is dropped while its jobs run");
}
ok($more->('d8'), 'the other databases continue');

# ---- DROP EXTENSION while jobs run ----
$node->safe_psql('d8', qq{SELECT pulse_schedule('load $_', '1 second', 'INSERT INTO done DEFAULT VALUES')}) for 1 .. 10;
for my $round (1 .. 5)
{
	ok($more->('d8', 5), "under load, round $round");
	my $begin = time;
	is($node->psql('d8', 'DROP EXTENSION pulse'), 0, 'the extension is dropped');
	soon($begin, 'soon');
	$node->safe_psql('d8', 'CREATE EXTENSION pulse');
	$node->safe_psql('d8', qq{SELECT pulse_schedule('load ' || i, '1 second', 'INSERT INTO done DEFAULT VALUES') FROM generate_series(1, 10) AS i});
}
ok($more->('d8', 5), 'and created again, its jobs run');
$node->safe_psql('d8', q{SELECT pulse_schedule('long', '1 second', 'SELECT pg_sleep(600)')});
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'd8' AND wait_event = 'PgSleep'}) or die 'the job never began';
$node->safe_psql('d8', 'DROP EXTENSION pulse');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'd8'}), 'without the extension no worker remains, not even one with a long job');
my $log = slurp_file($node->logfile);
unlike($log, qr/deadlock detected/, 'no deadlock');
unlike($log, qr/ERROR:  (?!.*(?:lock timeout|does not exist)).*\n.*pulse worker/, 'no error of a worker');

# ---- another version of the extension ----
$node->safe_psql('d0', "SELECT pulse_schedule('tick', enabled => true)");
ok($more->('d0'), 'jobs run');
$node->safe_psql('d0', "UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'pulse'; SELECT pulse_schedule('drift', '1 day')");
ok($node->wait_for_log(qr/pulse runs no jobs in this database: the extension is of another version/), 'a warning says that the versions differ');
$node->poll_query_until('postgres', "SELECT ($workers) = 0") or die;
my $count = $node->safe_psql('d0', 'SELECT count(*) FROM done');
like($node->safe_psql('d0', 'SELECT state || detail FROM pulse_status() LIMIT 1'), qr/^down.*the extension is 0.0.1/, 'so does the status');
$node->safe_psql('d0', "SELECT pulse_schedule('drift', '1 day')") for 1 .. 3;
$node->poll_query_until('postgres', "SELECT ($workers) = 0") or die;
is(scalar(() = slurp_file($node->logfile) =~ /of another version/g), 1, 'once');
is($node->safe_psql('d0', 'SELECT count(*) FROM done'), $count, 'and no job runs');
$node->safe_psql('d0', "UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'pulse') WHERE extname = 'pulse'; ALTER EXTENSION pulse UPDATE; SELECT pulse_schedule('drift', '1 day')");
ok($more->('d0'), 'after the update they do');

# ---- too few processes ----
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
$node->restart;
ok($node->wait_for_log(qr/pulse could not start a worker/), 'the log reports the lack of processes');
like($node->safe_psql('d0', 'SELECT state || detail FROM pulse_status() LIMIT 1'), qr/max_worker_processes/, 'and so does the status');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET max_worker_processes');
$node->restart;
ok($more->('d0'), 'after a restart jobs run again');
$node->safe_psql('postgres', 'DROP DATABASE d0');

# ---- without preload ----
my $plain = start_node('worker_started', 'max_worker_processes = 8');
$plain->safe_psql('postgres', 'CREATE DATABASE a');
$plain->safe_psql('postgres', 'CREATE DATABASE b');
$plain->safe_psql($_, "CREATE EXTENSION pulse; $tick") for 'a', 'b';
like($plain->safe_psql('a', 'SELECT state || detail FROM pulse_status() LIMIT 1'), qr/^down.*pulse_start/, 'nothing runs, and the status says what to do');
is($plain->safe_psql('a', 'SELECT pulse_start()'), 'started', 'a launcher is started');
is($plain->safe_psql('a', 'SELECT pulse_start()'), 'running', 'once');
ok($plain->poll_query_until('a', 'SELECT count(*) > 1 FROM done'), 'jobs run');
is($plain->safe_psql('a', q{SELECT value, detail FROM pulse_status() WHERE item = 'launcher'}), 'running|started by pulse_start()', 'the status knows');
is($plain->safe_psql('b', 'SELECT count(*) FROM done'), 0, 'in this database only');
is($plain->safe_psql('b', 'SELECT pulse_start()'), 'started', 'the other has its own');
ok($plain->poll_query_until('b', 'SELECT count(*) > 1 FROM done'), 'and its jobs run');
# A change takes effect immediately.
$plain->safe_psql('a', q{SELECT pulse_schedule('tick', '1 day')});
$plain->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'a'}) or die;
$plain->safe_psql('a', q{SELECT pulse_schedule('soon', '1 second', 'INSERT INTO done DEFAULT VALUES')});
my $have = $plain->safe_psql('a', 'SELECT count(*) FROM done');
ok($plain->poll_query_until('a', "SELECT count(*) > $have FROM done"), 'a new job is noticed');
is($plain->safe_psql('a', 'SELECT pulse_stop()'), 'stopped', 'stopped');
is($plain->safe_psql('a', q{SELECT value FROM pulse_status() WHERE item = 'launcher'}), 'not running', 'it is gone');
is($plain->safe_psql('a', 'SELECT pulse_stop()'), 'not running', 'once');
is($plain->safe_psql('postgres', q{SELECT count(*) FROM pg_locks AS l WHERE l.classid = 'pg_extension'::regclass
	AND NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = l.pid AND a.application_name ~ '^pulse launcher of')}), 0, 'and holds no lock');
is($plain->safe_psql('a', 'SELECT pulse_start()'), 'started', 'it can be started again');
ok($plain->poll_query_until('a', q{SELECT value = 'running' FROM pulse_status() WHERE item = 'launcher'}), 'and runs');
is($plain->safe_psql('a', 'SELECT pulse_stop()'), 'stopped', 'stopped again');
is($plain->safe_psql('b', q{SELECT value FROM pulse_status() WHERE item = 'launcher'}), 'running', 'the other is not');
# Dropping a database ends its launcher.
$plain->safe_psql('b', q{SELECT pulse_schedule('tick', '1 day')});
$plain->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'b'}) or die;
$plain->safe_psql('postgres', 'DROP DATABASE b');
$plain->restart;
is($plain->safe_psql('a', q{SELECT value FROM pulse_status() WHERE item = 'launcher'}), 'not running', 'a restart ends what pulse_start() began');

$_->stop for $node, $plain;
done_testing();
