# The chain of the audit log under load: many writers, rollbacks, kill -9; then it is broken in every way, dumped, restored and copied.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $writers = 16;
my $each = 1000;
my $node = start_node('audit_crash', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'max_connections = 60', 'synchronous_commit = on');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
sub shop { return $node->safe_psql('shop', @_); }
sub alive { wait_until_back($node); }
sub sealed { $node->poll_query_until('shop', 'SELECT NOT EXISTS (SELECT FROM pulse.audit_unsealed)') or die 'the worker does not seal'; }
# Run statements in a session that stays open, until they are done.
sub in_session { my ($session, $sql) = @_; $session->query_until(qr/finished/, "$sql;\n\\echo finished\n") }
my $verdict = 'SELECT intact, kind, seq, unsealed FROM pulse_verify_audit()';

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
shop('CREATE EXTENSION pulse; CREATE TABLE written (writer int, n int)');

# ---- a worker seals within about a second, and nobody waits for a transaction that stays open ----
my $open = $node->background_psql('shop');
in_session($open, q{BEGIN; SELECT pulse.write_audit('test.done', 'stays open')});
shop(q{SELECT pulse.write_audit('test.done', 'first')});
sealed();
is(shop('SELECT string_agg(subject, $$,$$) FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id'), 'first', 'a row is sealed while an older one is not committed');
is(shop(q{SELECT sealed_at - at < interval '5 seconds' FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id}), 't', 'soon');
# A transaction that seals by hand and stays open holds up neither writers nor those who verify.
my $sealing = $node->background_psql('shop');
in_session($sealing, 'BEGIN; SELECT pulse_seal_audit()');
is(shop(q{SET lock_timeout = '2s'; SET statement_timeout = '5s'; SELECT pulse.write_audit('test.done', 'meanwhile')}), '', 'writers do not wait for who seals');
is(sqlstate($node, 'shop', q{SET lock_timeout = '100ms'; SELECT pulse_seal_audit()}), '55P03', 'only another sealer does');
is(shop($verdict), 't|||1', 'nor does who verifies');
in_session($sealing, 'COMMIT');
$sealing->quit;
sealed();
in_session($open, 'COMMIT');
$open->quit;
sealed();
is(shop('SELECT string_agg(subject, $$,$$ ORDER BY s.seq) FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id'), 'first,meanwhile,stays open', 'the order is that of sealing, not of ids');

# ---- writers with rollbacks, and kill -9 in between ----
my $dir = PostgreSQL::Test::Utils::tempdir();
my $script = "$dir/writer.sql";
append_to_file($script, <<'SQL');
\set n random(1, 1000000)
\set coin random(1, 4)
BEGIN;
INSERT INTO written VALUES (:client_id, :n);
SELECT pulse.write_audit('test.done', 'writer ' || :client_id || ' ' || :n, '{"a": 1}');
\if :coin = 1
ROLLBACK;
\else
COMMIT;
\endif
SQL
sub load
{
	my ($transactions, $during) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $run = IPC::Run::start([ 'pgbench', '-n', '-M', 'prepared', '-c', $writers, '-j', 2, '-t', $transactions, '-h', $node->host, '-p', $node->port, '-f', $script, 'shop' ], \$in, \$out, \$err);
	$during->() if $during;
	$run->finish;
}
load($each);
sealed();
my $same = q{SELECT (SELECT count(*) FROM written) = count(*) FILTER (WHERE subject LIKE 'writer%'), count(*) = max(seq), count(DISTINCT prev) = count(*) FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id};
is(shop($same), 't|t|t', "$writers writers: what is committed is in the chain once, what is rolled back is not; no gap, no fork");
is(shop($verdict), 't|||0', 'and it is intact');
cmp_ok(shop('SELECT count(*) FROM pulse.audit_seal'), '>', $writers * $each / 2, 'they have written');
for my $who ('pulse seal_audit', 'a writer', 'the postmaster')
{
	my $before = shop('SELECT count(*) FROM written');
	load(400, sub {
		$node->poll_query_until('shop', "SELECT count(*) > $before + 500 FROM written") or die 'nobody writes';
		if ($who eq 'the postmaster') { $node->kill9; start_again($node) or die 'it does not start'; }
		else
		{
			my $pid = shop($who eq 'a writer' ? q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%writer%' AND pid <> pg_backend_pid() LIMIT 1} : q{SELECT coalesce((SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse seal_audit'), (SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse launcher'))});
			$pid =~ /^\d+$/ or die "there is no $who";
			PostgreSQL::Test::Utils::run_log([ 'pg_ctl', 'kill', 'KILL', $pid ]);
			$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid") or die 'still there';
		}
		alive();
	});
	sealed();
	is(shop($same), 't|t|t', "the same after kill -9 of $who");
	is(shop($verdict), 't|||0', 'and it is intact');
}

# ---- one byte anywhere: a superuser without triggers changes it, and it is found ----
my $links = shop('SELECT count(*) FROM pulse.audit_seal');
shop(q{SELECT pulse.write_audit('test.done', 'personal ' || i, '{}', i, '{"email": "ann@example.com"}') FROM generate_series(1, 20) AS i});
sealed();
my $outside = shop('SELECT pulse_checkpoint_audit()');
srand(100);
my @columns = (
	[ 'audit', 'actor', q{overlay(actor placing chr(ascii(substr(actor, 1, 1)) # 1) from 1 for 1)} ],
	[ 'audit', 'subject', q{overlay(subject placing chr(ascii(substr(subject, 1, 1)) # 1) from 1 for 1)} ],
	[ 'audit', 'login', q{overlay(login::text placing chr(ascii(substr(login::text, 1, 1)) # 1) from 1 for 1)} ],
	[ 'audit', 'action', q{overlay(action placing chr(ascii(substr(action, 1, 1)) # 1) from 1 for 1)} ],
	[ 'audit', 'at', q{at + interval '1 microsecond'} ],
	[ 'audit', 'details', q{details || '{"b": 1}'} ],
	[ 'audit_seal', 'content', q{set_byte(content, BYTE, get_byte(content, BYTE) # BIT)} ],
	[ 'audit_seal', 'prev', q{set_byte(prev, BYTE, get_byte(prev, BYTE) # BIT)} ],
	[ 'audit_seal', 'hash', q{set_byte(hash, BYTE, get_byte(hash, BYTE) # BIT)} ],
	[ 'audit_seal', 'sealed_at', q{sealed_at + interval '1 microsecond'} ]);
my $missed = '';
for my $round (1 .. 40)
{
	my ($table, $column, $value) = @{ $columns[ int(rand(@columns)) ] };
	my ($seq, $byte, $bit) = (1 + int(rand($links)), int(rand(32)), 1 << int(rand(8)));
	$value =~ s/BYTE/$byte/g; $value =~ s/BIT/$bit/g;
	my $key = $table eq 'audit' ? "id = (SELECT audit_id FROM pulse.audit_seal WHERE seq = $seq)" : "seq = $seq";
	my $found = shop("BEGIN; SET LOCAL session_replication_role = replica; UPDATE pulse.$table SET $column = $value WHERE $key; SELECT intact, kind, seq FROM pulse_verify_audit(); ROLLBACK");
	# Whose predecessor a link names: the change of a hash is found there as well.
	$missed .= "$table.$column of $seq: $found\n" if $found ne "f|altered|$seq";
}
is($missed, '', 'each changed byte is found, at its row');
sub broken { return shop("BEGIN; SET LOCAL session_replication_role = replica; $_[0]; SELECT kind, seq FROM pulse_verify_audit($_[1]); ROLLBACK") }
my $some = 1 + int(rand($links - 10));
my $row = "(SELECT audit_id FROM pulse.audit_seal WHERE seq = $some)";
is(broken("DELETE FROM pulse.audit WHERE id = $row", ''), "removed|$some", 'a removed row is found');
is(broken("DELETE FROM pulse.audit_seal WHERE seq = $some", ''), "removed|$some", 'a removed link is found');
is(broken(q{INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES ('x', 'role', 'x', 'test.done', 'x')}, ''), 'inserted|', 'a row that was put in is found');
is(broken("CREATE TEMP TABLE two AS SELECT s.seq, a.id FROM pulse.audit AS a JOIN pulse.audit_seal AS s ON s.audit_id = a.id WHERE s.seq IN ($some, $some + 5);
	UPDATE pulse.audit AS a SET id = -a.id FROM two WHERE two.id = a.id; UPDATE pulse.audit AS a SET id = o.id FROM two AS t, two AS o WHERE a.id = -t.id AND o.id <> t.id", ''), "swapped|$some", 'swapped rows are found');
my $tail = "DELETE FROM pulse.audit WHERE id IN (SELECT audit_id FROM pulse.audit_seal WHERE seq > $links); DELETE FROM pulse.audit_personal; DELETE FROM pulse.audit_seal WHERE seq > $links";
my $cut = $links + 1;
is(broken($tail, ''), "removed|$cut", 'a tail that was cut off is found by the last checkpoint');
is(broken("$tail; DELETE FROM pulse.audit_checkpoint", ''), '|', 'without it nobody can tell');
is(broken("$tail; DELETE FROM pulse.audit_checkpoint", "'$outside'"), "removed|$cut", 'but who has kept one outside');

# ---- a standby verifies ----
$node->backup('for_standby');
my $standby = PostgreSQL::Test::Cluster->new('audit_standby');
$standby->init_from_backup($node, 'for_standby', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('shop', 'SELECT intact, verified, erased FROM pulse_verify_audit()'), shop('SELECT intact, verified, erased FROM pulse_verify_audit()'), 'a standby gives the same verdict');
is(sqlstate($standby, 'shop', 'SELECT pulse_seal_audit()'), '25006', 'and seals nothing');
$standby->stop;

# ---- dumped and restored, also while some rows wait and some are erased ----
shop('SELECT pulse.erase_audit(ARRAY[3, 4])');
shop(q{ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()});
$node->poll_query_until('shop', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'pulse %' AND backend_type <> 'pulse launcher'}) or die 'a worker stays';
shop(q{SELECT pulse.write_audit('test.done', 'waits for the dump ' || i) FROM generate_series(1, 5) AS i});
my $whole = 'SELECT intact, kind, verified, unsealed, erased, head_hash FROM pulse_verify_audit()';
my $expected = shop($whole);
like($expected, qr/^t\|\|\d+\|5\|2\|/, 'five rows wait, two were erased');
$node->command_ok([ 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/shop", 'shop' ], 'it is dumped');
my $target = start_node('audit_target', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20');
$target->safe_psql('postgres', 'CREATE DATABASE shop');
# With workers that run meanwhile.
$target->command_ok([ 'pg_restore', '-j', '2', '-d', 'shop', '-e', "$dir/shop" ], 'and restored by several processes, with workers at work');
$target->poll_query_until('shop', 'SELECT NOT EXISTS (SELECT FROM pulse.audit_unsealed)') or die 'the worker does not seal';
my $restored = $target->safe_psql('shop', 'SELECT intact, kind, unsealed, erased FROM pulse_verify_audit()');
is($restored, 't||0|2', 'the restored log is intact, and what waited is sealed there');
is($target->safe_psql('shop', "SELECT intact FROM pulse_verify_audit('$outside')"), 't', 'and is the one of the checkpoint');
is($target->safe_psql('shop', q{SELECT pulse.write_audit('test.done', 'goes on'); SELECT pulse_seal_audit() >= 0; SELECT intact FROM pulse_verify_audit()}) =~ /t\nt$/ ? 1 : 0, 1, 'it goes on');
# While the rows are still to come, nothing is sealed, also where links are there already.
$target->safe_psql('postgres', 'CREATE DATABASE parts');
$target->safe_psql('postgres', 'ALTER SYSTEM SET pulse.run_jobs = off; SELECT pg_reload_conf()');
my ($contents) = run_command([ 'pg_restore', '-l', "$dir/shop" ]);
my @late = grep { / TABLE DATA pulse audit / } split /\n/, $contents;
is(scalar @late, 1, 'the rows of the log are one part of a dump');
PostgreSQL::Test::Utils::append_to_file("$dir/first", join "\n", map { / TABLE DATA pulse audit / ? ";$_" : $_ } split /\n/, $contents);
PostgreSQL::Test::Utils::append_to_file("$dir/last", join "\n", @late);
$target->command_ok([ 'pg_restore', '-d', 'parts', '-e', '-L', "$dir/first", "$dir/shop" ], 'everything else is restored');
is($target->safe_psql('parts', 'SELECT pulse_seal_audit()'), '0', 'nothing is sealed');
$target->command_ok([ 'pg_restore', '-d', 'parts', '-e', '-L', "$dir/last", "$dir/shop" ], 'then the rows');
is($target->safe_psql('parts', 'SELECT pulse_seal_audit(); SELECT intact, kind, unsealed, erased FROM pulse_verify_audit()'), "5\nt||0|2", 'and sealed');
$target->stop;

# ---- a logical copy ----
$node->append_conf('postgresql.conf', "wal_level = logical\n");
$node->restart;
my $copy = start_node('audit_copy', "shared_preload_libraries = 'pulse'", "pulse.run_jobs = off");
$copy->safe_psql('postgres', 'CREATE DATABASE shop');
shop('CREATE PUBLICATION upgrade FOR ALL TABLES');
command_ok([ 'pg_dump', '--schema-only', '--no-publications', '-h', $node->host, '-p', $node->port, '-f', "$dir/schema.sql", 'shop' ], 'the schema is dumped');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $copy->host, '-p', $copy->port, '-f', "$dir/schema.sql", 'shop' ], 'and restored');
$copy->safe_psql('shop', q{SELECT format('TRUNCATE %s', string_agg(c.oid::regclass::text, ', ')) FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p') \gexec});
$copy->safe_psql('shop', "CREATE SUBSCRIPTION upgrade CONNECTION '" . $node->connstr . " dbname=shop' PUBLICATION upgrade");
$copy->poll_query_until('shop', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')") or die 'the copy does not start';
shop(q{SELECT pulse.write_audit('test.done', 'under replication'); SELECT pulse_seal_audit(); SELECT pulse.erase_audit('{5}'); SELECT pulse_checkpoint_audit()});
$node->wait_for_catchup('upgrade');
is($copy->safe_psql('shop', $whole), shop($whole), 'a logical copy is intact, with the same head');
$copy->safe_psql('shop', 'DROP SUBSCRIPTION upgrade');

done_testing();
