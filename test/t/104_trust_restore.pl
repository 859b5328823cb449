# A restored copy of a database acts by itself in nothing: what waits stays behind, automations are paused until a person resumes them.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('trust_source');
my $target = start_node('trust_target');
$node->safe_psql('postgres', 'CREATE DATABASE shop; CREATE ROLE boss LOGIN');
$target->safe_psql('postgres', 'CREATE ROLE other; CREATE ROLE boss LOGIN');    # so that the oids of roles differ
my $clock = "SET pulse.now = '2026-03-01 12:00+00';";
sub source { return $node->safe_psql('shop', "$clock $_[0]") }
sub copy { return $target->safe_psql('shop', "$clock $_[0]") }

source(q{
	CREATE EXTENSION pulse;
	SELECT pulse_grant('boss', 'operator');
	SELECT pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
	SELECT pulse_set_trust('{"degraded": 1, "healthy": 2, "hold": 0, "high": 1, "standard": 1, "conservative": 1}');
	SELECT pulse_update_signal_health();
	CREATE TABLE done (action bigint);
	CREATE FUNCTION act(p jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.done VALUES ((p ->> 'action')::bigint) $$;
	SELECT pulse_create_channel('hook', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
	GRANT INSERT ON done TO boss;
	SELECT pulse_set_enforcement(mode => 'hard_block', expire_after => '2 hours', channel => 'hook');
	SELECT pulse_create_enforcement_rule('budgets', '{increase_budget}', '{"max_change": 0.3}');
	SELECT pulse_propose_action('run_function', 'account:done', '{"function": "act"}', level => 'guarded');
	SELECT pulse_run_actions();
	SELECT pulse_propose_action('run_function', 'account:pending', '{"function": "act"}');
	SELECT pulse_propose_action('run_function', 'account:approved', '{"function": "act"}', level => 'guarded');
	SELECT pulse_propose_action('reduce_budget', 'account:applying', '{}', level => 'guarded');
	SELECT pulse_run_actions();
	SELECT pulse_propose_action('run_function', 'account:approved', '{"function": "act"}', level => 'guarded');
	SET ROLE boss;
	SELECT pulse_create_automation('hourly', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}', 'Every hour.');
});
is(source(q{SELECT string_agg(state, ' ' ORDER BY id) FROM pulse.action}), 'applied pending applied applying approved', 'actions in many states');

my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dump', '--create', '-f', "$dir/shop.sql", 'shop' ], 'dump the database');
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/shop.sql", 'postgres' ], 'restore the database');

is(copy(q{SELECT string_agg(state, ' ' ORDER BY id) FROM pulse.action}), 'applied applied', 'only what has ended is in the copy');
is(copy(q{SELECT count(*) FROM pulse.action_event}), 6, 'with its history');
is(copy(q{SELECT count(*) FROM pulse.action_event AS e JOIN pulse.gate_decision AS d ON d.id = e.decision_id}), 4, 'and the decisions');
is(copy(q{SELECT count(*) FROM pulse.outbox}), 0, 'no message waits');
is(copy(q{SELECT mode, expire_after, channel FROM pulse.enforcement}), 'hard_block|02:00:00|hook', 'the settings are restored');
is(copy(q{SELECT name, limits FROM pulse.enforcement_rule}), 'budgets|{"max_change": 0.3}', 'and the rules');
is(copy(q{SELECT status, status_reason, runs_as, version FROM pulse.automation_overview}), 'paused|restored from a dump|boss|1', 'the automation is paused');
is(copy(q{SELECT a.role_oid = r.oid FROM pulse.automation AS a JOIN pg_roles AS r ON r.rolname = 'boss'}), 't', 'its role is that of the name there');
is(copy(q{SET pulse.now = '2026-03-01 15:00+00'; SELECT pulse_run_automations()}), 0, 'nothing happens there by itself');
copy(q{SELECT pulse_resume_automation('hourly')});
is(copy(q{SET pulse.now = '2026-03-01 13:30+00'; SELECT pulse_run_automations()}), 3, 'until a person resumes it');
is(copy(q{SELECT count(*) FROM done}), 3, 'then it acts');
is(copy(q{SELECT max(id) > 5 FROM pulse.action}), 't', 'new actions have new numbers');
is(source(q{SELECT state FROM pulse_approve_actions()}), 'approved', 'in the original everything goes on');
is(source(q{SELECT pulse_run_actions()}), 2, 'and is carried out');
is(source(q{SELECT status FROM pulse.automation}), 'active', 'its automation is active');

done_testing();
