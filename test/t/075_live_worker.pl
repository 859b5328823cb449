# Live membership after failures: the pipeline's worker, the server and the postmaster are killed, transactions overlap, a standby is read and
# promoted, a dump is restored. The queue is always processed, and results always match the oracle.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes ();
use Test::More;
use PulseTest;

my $node = start_node('live_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'synchronous_commit = on', 'track_commit_timestamp = on');
my $oracle = slurp_file("$FindBin::Bin/072_oracle.sql");
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', "SET client_min_messages = warning; CREATE EXTENSION pulse; $oracle");

my $wrong = q{SELECT count(*) FROM (SELECT what, segment, profile_id FROM differences(false)
	UNION ALL SELECT what, segment_id::text, profile_id FROM replayed()) AS d};
my $behind = q{SELECT EXISTS (SELECT FROM pulse.dirty)};
my $pipeline = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse pipeline'};
sub shop { return $node->safe_psql('shop', $_[0]); }
sub alive { wait_until_back($node); }
sub member { return "SELECT EXISTS (SELECT FROM pulse.member AS m JOIN pulse.identity AS i ON i.profile_id = m.profile_id WHERE i.value = '$_[0]')"; }

# Sessions that write events one by one. They read files, because IPC::Run feeds standard input to one session at a time.
my $files = 0;
sub busy
{
	my ($sessions, $steps) = @_;
	my @handles;
	for my $s (1 .. $sessions)
	{
		my $file = "$dir/busy" . $files++;
		append_to_file($file, "SET pulse.evaluation = async; SET client_min_messages = error;\n" . join '', map {
			my $user = ($s * 7 + $_ * 3) % 10;
			my $kind = ($s + $_) % 4;
			($kind == 0   ? "SELECT pulse_identify('u$user', '{\"plan\": \"" . ($_ % 2 ? 'premium' : 'free') . "\"}')"
			  : $kind == 1 ? "SELECT pulse_track('u$user', 'app_open')"
			  : "SELECT pulse_track('u$user', 'purchase', '{\"total\": " . ($_ % 60) . ", \"category\": \"a\"}')") . ";\n"
		} 1 .. $steps);
		my ($out, $err) = ('', '');
		push @handles, [ IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('shop'), '-f', $file ], '<', \undef, '>', \$out, '2>', \$err), \$err ];
	}
	return @handles;
}
sub finish { my @errors; for my $h (@_) { $h->[0]->finish; push @errors, ${ $h->[1] } if ${ $h->[1] }; } return join '', @errors; }
sub settled
{
	my ($what) = @_;
	ok($node->poll_query_until('shop', $behind, 'f'), "$what: nothing stays in the queue");
	is(shop($wrong), '0', "$what: all is as the oracle says");
}

# ---- normal operation ----
is(finish(busy(8, 40)), '', 'eight sessions, async: none fails');
settled('eight sessions');
is(shop('SELECT count(*) FROM pulse.event'), '320', 'every event is stored');
is(shop("SELECT state FROM pulse_status() WHERE item = 'pipeline'"), 'ok', 'pulse_status() shows the pipeline as ok');

# The delay, for information: from the commit of a first event to the commit of the memberships.
my ($entered, $p99) = split /\|/, shop(q{
	SELECT count(*), round(1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM pg_xact_commit_timestamp(m.xmin) - f.at)::numeric)::numeric, 1)
	FROM pulse.member AS m JOIN (SELECT DISTINCT ON (profile_id) profile_id, pg_xact_commit_timestamp(xmin) AS at FROM pulse.event ORDER BY profile_id, id) AS f
	ON f.profile_id = m.profile_id WHERE m.segment_id = (SELECT id FROM pulse.segment WHERE name = 'r4')});
is($entered, '10', 'each of the ten was evaluated');
note("99 % of them within $p99 ms of the first event's commit");

# ---- two overlapping transactions: all queued people are evaluated ----
my $one = $node->background_psql('shop');
$one->query_safe("SET pulse.evaluation = async; BEGIN; SELECT pulse_track('late', 'purchase', '{\"total\": 99}')");
shop("SET pulse.evaluation = async; SELECT pulse_track('soon', 'purchase', '{\"total\": 99}')");
ok($node->poll_query_until('shop', member('soon')), 'a later event is evaluated while an earlier transaction is open');
is(shop(member('late')), 'f', 'the uncommitted event is not evaluated');
$one->query_safe('COMMIT');
ok($node->poll_query_until('shop', member('late')), 'it is evaluated after its commit');
$one->query_safe("BEGIN; SELECT pulse_track('never', 'purchase', '{\"total\": 99}'); ROLLBACK");
$one->quit;
settled('overlapping transactions');

# ---- kills, each time with active sessions and a queue ----
my %kill = (
	'the pipeline' => sub {
		# It ends by itself at times, so the process that is there now may be gone at once.
		my $killed = 0;
		for (1 .. 1800)
		{
			my ($pid) = split /\n/, $node->safe_psql('postgres', $pipeline);
			last if $killed = $pid && kill 'KILL', $pid;
			Time::HiRes::usleep(100_000);
		}
		ok($killed, 'the pipeline is killed');
	},
	'the postmaster' => sub { $node->kill9; });
for my $who ('the pipeline', 'the postmaster')
{
	# A lock blocks the pipeline, so that the queue is kept until after the crash.
	my $lock = $node->background_psql('shop');
	$lock->query_safe('BEGIN; LOCK TABLE pulse.profile_state IN SHARE MODE');
	shop("SET pulse.evaluation = async; SELECT pulse_track('u1', 'purchase', '{\"total\": 1}'), pulse_track('u2', 'app_open')");
	is(shop($behind), 't', "something waits when $who is killed");
	my @busy = busy(8, 60);
	$kill{$who}->();
	finish(@busy);
	eval { $lock->quit };
	if ($who eq 'the postmaster')
	{
		ok(start_again($node), 'the server starts again');
	}
	alive();
	settled("after a crash with $who");
	is(finish(busy(4, 10)), '', 'sessions continue after the crash');
	settled("some more after a crash with $who");
}

# ---- consumers, before a dump ----
my $take = q{SELECT count(*) FROM pulse_take_changes('mail', 100000, true)};
my $kept = join ' UNION ALL ', map { "SELECT '$_' AS what, md5(string_agg(t::text, ',' ORDER BY t::text)) FROM pulse.$_ AS t" }
  qw(trait metric live_segment profile_state member membership_change change_consumer membership trait_value);
cmp_ok(shop($take), '>', 10, 'a consumer takes the available changes');
is(shop('SELECT * FROM disorder()'), '', 'the changes are in order of their occurrence');
# Some changes that no consumer has taken.
shop("SET pulse.evaluation = sync; SELECT pulse_track('new', 'purchase', '{\"total\": 99}')");
$node->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()');
$node->poll_query_until('postgres', "SELECT EXISTS ($pipeline)", 'f') or die 'the pipeline does not end';

# ---- a dump, restored in one transaction ----
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/shop.dump", $node->connstr('shop') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-1', '--exit-on-error', '-d', $node->connstr('copy'), "$dir/shop.dump" ], 'is restored in one transaction');
my $at = shop('SELECT clock_timestamp()');
is($node->safe_psql('copy', "SET pulse.now = '$at'; $kept"), shop("SET pulse.now = '$at'; $kept"), 'the copy has all stored states');
is($node->safe_psql('copy', $wrong), '0', 'the states in the copy match the oracle');
for my $db ('copy', 'shop')
{
	cmp_ok($node->safe_psql($db, $take), '>', 0, "$db: the consumer takes what was left");
	is($node->safe_psql($db, $take), '0', "$db: once");
	$node->safe_psql($db, "SELECT pulse_track('newer', 'purchase', '{\"total\": 99}')");
	cmp_ok($node->safe_psql($db, $take), '>', 0, "$db: and what comes after");
	is($node->safe_psql($db, 'SELECT count(*) = count(DISTINCT position) AND count(*) = count(position) FROM pulse.membership_change'), 't', "$db: each has its place");
}

# ---- a standby ----
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('live_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', 'SELECT pg_is_in_recovery()'), 't', 'the standby is in recovery');
for my $ahead ('0 days', '2 days', '8 days', '31 days', '400 days')
{
	my $moment = shop("SELECT clock_timestamp() + interval '$ahead'");
	is($standby->safe_psql('shop', "SET pulse.now = '$moment'; SELECT count(*) FROM differences(false)"), '0', "says the same as of $ahead ahead, whatever is due by then");
}
is($standby->safe_psql('shop', "SELECT pulse_in_segment('u3', 'r1')"), 't', 'the standby answers for one person');
is(sqlstate($standby, 'shop', "SELECT pulse_take_changes('mail')"), '25006', 'nothing is taken on the standby');

# ---- promotion with a queue ----
shop("SET pulse.evaluation = async; SELECT pulse_track('u3', 'purchase', '{\"total\": 99}')");
$node->wait_for_catchup($standby);
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = on; SELECT pg_reload_conf()');
ok($standby->poll_query_until('shop', $behind, 'f'), 'after promotion the pipeline continues with the queue');
$standby->safe_psql('shop', "SET pulse.evaluation = async; SELECT pulse_track('there', 'purchase', '{\"total\": 99}')");
ok($standby->poll_query_until('shop', member('there')), 'the pipeline evaluates new events');
is($standby->safe_psql('shop', $wrong), '0', 'everything matches the oracle');
$standby->stop;

done_testing();
