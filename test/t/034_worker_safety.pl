# What others set, lock or change does not give anybody rights, start processes without end, or lose work.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('worker_safety', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'log_min_messages = debug1');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE DATABASE shop; CREATE DATABASE evil OWNER mallory');
my $poke = q{SELECT pulse_schedule('drift', '1 day');};

sub wait_until { my ($db, $sql, $what) = @_; ok($node->poll_query_until($db, $sql), $what); }
sub as { my ($role, $sql) = @_; return $node->safe_psql('shop', $sql, extra_params => [ '-U', $role ]); }
sub shop { return $node->safe_psql('shop', $_[0]); }
sub last_run { return "(SELECT r FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = '$_[0]' AND r.status <> 'running' ORDER BY r.id DESC LIMIT 1)"; }

# ---- a database whose search_path begins with operators of its owner ----
$node->safe_psql('evil', q{CREATE EXTENSION pulse; SELECT pulse_grant('mallory', 'operator')});
$node->safe_psql('evil', q{
	CREATE SCHEMA evil;
	CREATE TABLE evil.seen (who name, session name);
	GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT INSERT ON evil.seen TO PUBLIC;
	DO $do$
	DECLARE
		t text;
	BEGIN
		FOREACH t IN ARRAY '{name,text,int8,int4,oid,bool,timestamptz}'::text[] LOOP
			EXECUTE format('CREATE FUNCTION evil.eq(%1$s, %1$s) RETURNS bool LANGUAGE plpgsql AS '
				'$f$BEGIN INSERT INTO evil.seen VALUES (current_user, session_user); RETURN pg_catalog.%1$seq($1, $2); END$f$',
				CASE t WHEN 'bool' THEN 'bool' ELSE t END);
			EXECUTE format('CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = %1$s, RIGHTARG = %1$s)', t);
		END LOOP;
	END $do$;
	ALTER DATABASE evil SET search_path = evil, pg_catalog, public;
}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('evil', q{SELECT pulse_schedule('own', '1 second', 'SELECT name ''a'' OPERATOR(evil.=) name ''a'', name ''b'' = name ''b''')}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('evil', qq{SET search_path = public; UPDATE pulse.job SET next_run = now() WHERE name IN ('retention', 'snapshots'); $poke});
wait_until('evil', q{SELECT count(*) > 2 FROM pulse.job WHERE last_status LIKE 'ok'}, 'jobs run in a database with operators of its own');
is($node->safe_psql('evil', q{SET search_path = public; SELECT DISTINCT who, session FROM evil.seen}), 'mallory|mallory', 'and call them as their maker alone');
$node->safe_psql('evil', q{SET search_path = public; SELECT pulse_schedule(name, enabled => false) FROM pulse.job});

$node->stop;
done_testing();
