# Logical replication of a whole database while Pulse works in it; the copy is then promoted as a logical upgrade would, and goes on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $quiet = "pulse.run_jobs = off\npulse.send_messages = off";
my $old = start_node('logical_old', 'wal_level = logical', "shared_preload_libraries = 'pulse'", $quiet);
my $new = start_node('logical_new', "shared_preload_libraries = 'pulse'", $quiet);
$new->safe_psql('postgres', 'CREATE ROLE other');  # so that the roles' oids differ
$_->safe_psql('postgres', 'CREATE DATABASE shop; CREATE ROLE maker LOGIN') for $old, $new;
sub old { return $old->safe_psql('shop', @_) }
sub new { return $new->safe_psql('shop', @_) }

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
old(q{
	CREATE EXTENSION pulse;
	SELECT pulse_grant('maker', 'operator');
	SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 2"}');
	SELECT pulse_create_trait('spent', 'events.purchase.sum(amount)');
	SELECT pulse_create_flag('offer', 'segment("buyers")');
	SELECT pulse_schedule('nightly', '0 4 * * *', 'SELECT 1');
	SELECT length(pulse_create_api_key('made', 'write', 'maker'));
	SET SESSION AUTHORIZATION maker;
	SELECT pulse_schedule('made', '0 4 * * *', 'SELECT 1');
	SELECT pulse_create_segment('made', '{"where": "events.purchase.count >= 1000"}');
	RESET SESSION AUTHORIZATION;
	SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'u' || i % 30, 'event', 'purchase', 'messageId', 'm' || i,
		'properties', jsonb_build_object('amount', i))) FROM generate_series(1, 50) AS i));
	SELECT count(*) FROM pulse_take_changes('mail', 5);
	SELECT pulse_run_job('retention');  -- makes the next month
	SELECT pulse_create_automation('halt', '{"when": {"schedule": "@hourly"}, "do": {"action": "pause_flag", "subject": "flag:offer"}}');
	SELECT pulse_create_automation('later', '{"when": {"schedule": "@hourly"}, "do": {"action": "resume_flag", "subject": "flag:offer"}}');
	SELECT pulse_pause_automation('later', 'not yet');
	SELECT pulse_set_enforcement(mode => 'hard_block', reason => 'test');
	CREATE SERVER drop FOREIGN DATA WRAPPER pulse_destination OPTIONS (platform 'file');
	SELECT pulse_create_audience('buyers', 'buyers', 'drop', '{"identifiers": ["email"], "interval": "manual"}');
	SELECT pulse_set_consent_purpose('analytics', '{Statistics}'), pulse_set_consent_default('analytics', 'DE', true);
	CREATE PUBLICATION upgrade FOR ALL TABLES;
});

# ---- the copy ----
my $schema = PostgreSQL::Test::Utils::tempdir() . '/schema.sql';
command_ok([ 'pg_dump', '--schema-only', '--no-publications', '-h', $old->host, '-p', $old->port, '-f', $schema, 'shop' ], 'the schema is dumped');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $new->host, '-p', $new->port, '-f', $schema, 'shop' ], 'and restored');
new('CREATE TABLE filled_purpose AS SELECT * FROM pulse.consent_purpose; CREATE TABLE filled_kind AS SELECT * FROM pulse.identity_kind');
new(q{SELECT format('TRUNCATE %s', string_agg(c.oid::regclass::text, ', ')) FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p') \gexec});
# What CREATE EXTENSION filled is replaced also where it was not emptied.
new(q{INSERT INTO pulse.consent_purpose SELECT * FROM filled_purpose; INSERT INTO pulse.identity_kind SELECT * FROM filled_kind; INSERT INTO pulse.enforcement DEFAULT VALUES});
new("CREATE SUBSCRIPTION upgrade CONNECTION '" . $old->connstr . " dbname=shop' PUBLICATION upgrade");
$new->wait_for_subscription_sync($old, 'upgrade', 'shop') if $new->can('wait_for_subscription_sync');
$new->poll_query_until('shop', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')") or die 'the copy does not start';

# ---- everything that updates or deletes works under the publication ----
old(q{
	SELECT count(pulse_track('u' || i, 'purchase', '{"amount": 7}')) FROM generate_series(1, 10) AS i;
	SELECT pulse_identify('u1', '{"plan": "pro"}', anonymous_id => 'a1');
	SELECT pulse_merge('u2', 'u3', 'the same');
	SELECT count(*) FROM pulse_take_changes('mail', 5);
	SELECT pulse_create_segment('pros', '{"where": "profile.plan == \"pro\""}');
	SELECT pulse_update_trait('spent', 'events.purchase.sum(amount) + 1');
	SELECT pulse_create_trait('gone', 'events.purchase.count'); SELECT pulse_delete_trait('gone');
	CALL pulse_build();
	SELECT pulse_disable_flag('offer'); SELECT pulse_enable_flag('offer');
	SELECT pulse_unschedule('nightly');
	SELECT length(pulse_rotate_api_key('made'));
	UPDATE pulse.job SET schedule = '0 5 * * *' WHERE name = 'made'; UPDATE pulse.segment SET description = 'changed' WHERE name = 'made';
	DELETE FROM pulse.event WHERE profile_id = (SELECT profile_id FROM pulse.identity WHERE value = 'u9');
	SELECT pulse_take_snapshots();
	SELECT pulse_create_automation('young', '{"when": {"schedule": "@hourly"}, "do": {"action": "pause_flag", "subject": "flag:offer"}}');
	SELECT pulse_resume_automation('later', 'now');
});
old(q{SET pulse.evaluation = 'async'; SELECT count(pulse_track('late' || i, 'purchase')) FROM generate_series(1, 4) AS i; SELECT pulse_run_pipeline()});
$old->wait_for_catchup('upgrade');
my $rows = q{SELECT c.oid::regclass, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', c.oid::regclass), false, true, '')))[1]
	FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind = 'r' AND c.relname <> 'audience_home' ORDER BY c.relname};
is(new($rows), old($rows), 'every table has the same rows');
# ---- the copy does not act beside the old server ----
my $automations = q{SELECT name, status, status_reason FROM pulse.automation ORDER BY name};
is(old($automations), "halt|active|\nlater|active|now\nyoung|active|", 'automations are active');
my $paused = 'paused|replicated from another server';
is(new($automations), "halt|$paused\nlater|$paused\nyoung|$paused", 'and paused in the copy, whenever they became active');
is(new(q{SELECT name, status, status_reason FROM pulse.audience_overview}), 'buyers|paused|restored from a dump', 'so are audiences');
my $settings = q{SELECT * FROM pulse.consent_purpose ORDER BY purpose; SELECT * FROM pulse.consent_default; SELECT * FROM pulse.enforcement; SELECT * FROM pulse.identity_kind ORDER BY kind};
is(new($settings), old($settings), 'settings are those of the old server');
is(new(q{SELECT j.schedule, j.role_oid = 'maker'::regrole, s.description, s.role_oid = 'maker'::regrole, k.role_oid = 'maker'::regrole
	FROM pulse.job AS j JOIN pulse.segment AS s USING (name) JOIN pulse.api_key AS k USING (name) WHERE name = 'made'}),
	'0 5 * * *|t|changed|t|t', 'what runs with a role has the oid of the role here, also after an update');
isnt(new(q{SELECT 'maker'::regrole::oid}), old(q{SELECT 'maker'::regrole::oid}), 'which is another one');
my $people = q{SELECT m.segment, i.value FROM pulse.membership AS m JOIN pulse.profile AS p ON p.canonical_id = m.profile_id JOIN pulse.identity AS i ON i.profile_id = p.id ORDER BY 1, 2;
	SELECT i.value, t.key, t.value FROM pulse.trait_value AS t JOIN pulse.identity AS i USING (profile_id) ORDER BY 1, 2;
	SELECT key, enabled, version FROM pulse.flag; SELECT name, position FROM pulse.change_consumer;
	SELECT i.value, (pulse_decide(i.value, 'offer')).value FROM pulse.identity AS i WHERE i.kind = 'user_id' ORDER BY 1};
my $kept = old($people);
like($kept, qr/buyers\|u1\n/, 'there are members');
is(new($people), $kept, 'and gives the same answers');

# ---- promoted ----
new('DROP SUBSCRIPTION upgrade');
$old->stop;
new(q{
	SELECT setval(d.objid::regclass, (xpath('/row/m/text()', query_to_xml(format('SELECT coalesce(max(%I), 0) + 1 AS m FROM %s', a.attname, d.refobjid::regclass), false, true, '')))[1]::text::bigint, false)
	FROM pg_depend AS d JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND s.relnamespace = 'pulse'::regnamespace;
	ANALYZE});
new(q{SELECT pulse_resume_audience(name) FROM pulse.audience WHERE status = 'active';
	SELECT pulse_resume_automation(name) FROM pulse.automation WHERE status_reason IN ('restored from a dump', 'replicated from another server')});
is(new(q{SELECT string_agg(status, ' ') FROM pulse.automation}) . ' ' . new(q{SELECT status FROM pulse.audience_overview}), 'active active active active', 'what was paused goes on when it is told to');
is(new(q{SELECT count(*) FROM (SELECT pulse_take_changes('mail', 100000, true)) AS t}), new(q{SELECT count(*) FROM pulse.membership_change WHERE position > 10}), 'a consumer goes on where it was');
is(new(q{SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'u1', 'event', 'purchase', 'messageId', 'm' || i)) FROM generate_series(41, 60) AS i)) WHERE status = 'duplicate'}),
	10, 'messages that the old server accepted are duplicates');
new(q{SELECT pulse_track('newcomer', 'purchase'); SELECT pulse_track('newcomer', 'purchase'); SELECT pulse_create_trait('after', 'events.purchase.count'); SELECT pulse_create_segment('after', '{"where": "trait(\"after\") >= 2"}'); SELECT pulse_schedule('after', '0 4 * * *', 'SELECT 1')});
is(new(q{SELECT pulse_in_segment('newcomer', 'buyers'), pulse_in_segment('newcomer', 'after')}), 't|t', 'events and definitions go on');
is(new(q{SELECT string_agg(segment || ' ' || change, ', ') FROM pulse_take_changes('mail') WHERE user_id = 'newcomer'}), 'buyers entered', 'and their changes are the next ones');
is(new('SELECT count(*) - count(DISTINCT id) FROM pulse.event'), 0, 'no id is given twice');
like(new("SELECT pulse_run_job('retention')"), qr/ok/, 'jobs run there');

done_testing();
