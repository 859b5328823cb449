# A database with history is dumped and restored into a new one, which gives the same results and continues from there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('dump_source');
fill_shop($node, 'shop');
replay($node, 'shop', 1, 12, 1);
is($node->safe_psql('shop', 'SELECT count(*) FROM pulse.snapshot'), 24, 'twelve days of two segments');
cmp_ok($node->safe_psql('shop', 'SELECT count(*) FROM pulse.incident'), '>', 0, 'the changed version opens an incident');

# Jobs: a changed built-in one, a disabled one, a user job, and their runs.
$node->safe_psql('shop', q{SELECT pulse_schedule('snapshots', '15 4 * * 1-5', time_zone => 'Europe/Paris', max_retries => 1); SELECT pulse_unschedule('drift');
	SELECT pulse_run_job('retention')});
$node->safe_psql('shop', q{SELECT pulse_schedule('mine', '5 minutes', 'SELECT 1', overlap => 'queue'); SELECT pulse_run_job('mine')}, extra_params => [ '-U', 'maker' ]);

# Messages and investigations, waiting and finished.
$node->safe_psql('shop', q{
	INSERT INTO pulse.notice (event, kind, incident_id, at) SELECT 'incident.updated', 'note', min(id), now() FROM pulse.incident_record;
	INSERT INTO pulse.outbox (channel, kind, event, status, finished_at)
	SELECT 'team', 'event', s, s, CASE WHEN s NOT IN ('pending', 'sending') THEN now() END FROM unnest('{pending,sending,sent,dead,cancelled}'::text[]) AS s;
	INSERT INTO pulse.investigation (incident_id, model, status, requested_by)
	SELECT (SELECT id FROM pulse.incident_record ORDER BY id OFFSET n - 1 LIMIT 1), 'm', s, 'postgres'
	FROM unnest('{queued,running,done}'::text[]) WITH ORDINALITY AS s (s, n);
	INSERT INTO pulse.agent_step (investigation_id, step, kind, started_at) SELECT id, 1, 'model', now() FROM pulse.investigation;
});

# A person for whom a rule cannot be evaluated: a comparison fails for its number, as a fault that no check of a rule foresees.
my $fault = q{
	CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
	BEGIN
		IF a::numeric = 1e299 THEN RAISE numeric_value_out_of_range USING MESSAGE = 'value overflows numeric format'; END IF;
		RETURN 0;
	END $$};
$node->safe_psql('shop', $fault);
$node->safe_psql('shop', q{
	SET pulse.evaluation = 'sync';
	SELECT pulse_create_trait('power_3', 'if(profile.power <= profile.power, profile.power * 2, 0)');
	SELECT pulse_create_segment('Powerful', '{"where": "power_3 > 1"}');
	SELECT pulse_identify('strong', '{"power": 1e299}'), pulse_identify('weak', '{"power": 2}')}, extra_params => [ '-U', 'maker' ]);
my $aside = q{SELECT i.value, u.since, u.sqlstate, u.part, u.message FROM pulse.unsettled_person AS u JOIN pulse.identity AS i USING (profile_id)};

# An API key, rotated, and the audit log.
my $text = $node->safe_psql('shop', q{SELECT pulse_create_api_key('shop', 'write', 'maker', rate => 60)});
my $newer = $node->safe_psql('shop', q{SELECT pulse_rotate_api_key('shop')});
$node->safe_psql('shop', q{SELECT pulse.add_api_key_usage(ARRAY[id], '{3}', '{1}') FROM pulse.api_key});
my $of_source = $node->safe_psql('shop', q{SELECT pulse_create_event_source('orders', 'maker', description => 'Orders')});

# Events: their counters, what was found in them, and how their quality is scored.
$node->safe_psql('shop', q{
	INSERT INTO pulse.event_source_hour SELECT h, 'buy', 'web', 50, 50, 0 FROM generate_series('2016-01-01'::timestamptz, '2016-01-24 23:00', '1 hour') AS h;
	INSERT INTO pulse.event_kind VALUES ('buy', 1200, 1200, '2016-01-01', '2016-01-24');
	INSERT INTO pulse.event_property_day SELECT '2016-01-01'::date + i, 'buy', 'amount', 0, CASE WHEN i < 23 THEN 100 ELSE 0 END, 0, 0, 0, 0, 0 FROM generate_series(0, 23) AS i;
	INSERT INTO pulse.event_day SELECT '2016-01-01'::date + i, 'buy', 1200, 100 FROM generate_series(0, 23) AS i;
	SET pulse.now = '2016-01-25 02:15';
	SELECT pulse_check_events();
	SELECT pulse_set_event_quality('{"ip": 10, "contact": 35}')});
is($node->safe_psql('shop', q{SELECT string_agg(detector, ' ' ORDER BY detector) FROM pulse.incident WHERE event = 'buy'}), 'event_vanished property_nulls', 'events have incidents');

my $audit = 'SELECT * FROM pulse.audit ORDER BY id';
$node->safe_psql('shop', 'SELECT pulse_seal_audit()');
my $logged = $node->safe_psql('shop', $audit);

# Restore into another cluster: roles first, as an administrator does.
my $target = start_node('dump_target');
$target->safe_psql('postgres', 'CREATE ROLE other');  # so that the oids of roles differ
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->command_ok([ 'pg_dumpall', '--roles-only', '-f', "$dir/roles.sql" ], 'dump the roles');
$node->command_ok([ 'pg_dump', '--create', '-f', "$dir/shop.sql", 'shop' ], 'dump the database');
$target->run_log([ 'psql', '-X', '-q', '-f', "$dir/roles.sql", 'postgres' ]);    # the superuser exists already
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/shop.sql", 'postgres' ], 'restore the database');

like($target->safe_psql('shop', $audit), qr/api_key\.rotated/, 'the audit log is restored');
is($target->safe_psql('shop', $audit), $logged, 'as it was');
my $chain = 'SELECT intact, kind, verified, unsealed, head_hash FROM pulse_verify_audit()';
is($target->safe_psql('shop', $chain), $node->safe_psql('shop', $chain), 'and its chain is intact, with the same head');

# The explanation of an incident mentions a running investigation, which is not restored.
$node->safe_psql('shop', q{DELETE FROM pulse.investigation WHERE status IN ('queued', 'running')});
my ($before, $after) = map { answers($_, 'shop') =~ s/"role_oid": "\d+"//gr } $node, $target;
is($after, $before, 'the restored database gives the same answers');
is($target->safe_psql('shop', 'SELECT count(*) FROM pulse.snapshot WHERE sketch IS NOT NULL'), 24, 'with its sketches');
is($target->safe_psql('shop', q{SELECT string_agg(status, ',' ORDER BY id) FROM pulse.outbox}), 'sent,dead,cancelled', 'waiting messages are not restored');
is($target->safe_psql('shop', q{SELECT count(*) FROM pulse.notice}), 0, 'nor are unplanned notices');
is($target->safe_psql('shop', q{SELECT string_agg(i.status || ' ' || s.step, ',') FROM pulse.investigation AS i JOIN pulse.agent_step AS s ON s.investigation_id = i.id}),
	'done 1', 'nor are running investigations');
is( $target->safe_psql('shop', "SELECT string_agg(DISTINCT runs_as, ',') FROM pulse.segment"),
	'maker', 'segments run as the role that created them');

is( $target->safe_psql('shop', "SELECT string_agg(concat_ws(' ', id, name, schedule, enabled, runs_as), E'\n' ORDER BY id) FROM pulse.job"),
	"1 snapshots 15 4 * * 1-5 t\n2 drift 0 3 * * * f\n3 health 10 seconds t\n4 retention 30 3 * * * t\n5 delivery 5 seconds t\n6 investigations 5 seconds t\n7 pipeline 5 seconds t\n8 activity 1 minute t\n9 requested_snapshots 10 seconds t\n10 events 11 * * * * t\n11 rfm 1 hour t\n12 seal_audit 5 seconds t\n13 signal_health 1 minute t\n14 automations 5 seconds t\n15 audiences 5 seconds t\n16 erasures 10 seconds t\n17 campaigns 10 seconds t\n18 exports 1 second t\n27 order_events 1 minute t\n28 archive_events 1 minute t\n30 cells 5 minutes t\n40 report 5 minutes t\n42 recall_events 10 seconds t\n43 erase_archived 10 seconds t\n101 mine 5 minutes t maker",
	'built-in jobs exist once, with their changes, beside the user jobs');
is($target->safe_psql('shop', 'SELECT string_agg(DISTINCT status, $$,$$), count(*) FROM pulse.job_run'), 'ok|2', 'with their runs');
is( $target->safe_psql(
		'shop', q{SELECT pulse_schedule('other', '5 minutes', 'SELECT 1'); SELECT id > 101 FROM pulse.job WHERE name = 'other'; SELECT pulse_unschedule('other')}) =~ /^t$/m,
	1, 'new jobs get new numbers');

# The check of events goes on where it was: the same incidents, which close when the events are back.
for my $each ($node, $target)
{
	$each->safe_psql('shop', q{INSERT INTO pulse.event_source_hour SELECT h, 'buy', 'web', 50, 50, 0 FROM generate_series('2016-01-25 02:00'::timestamptz, '2016-01-25 05:00', '1 hour') AS h;
		SET pulse.now = '2016-01-25 06:15'; SELECT pulse_check_events()});
	is($each->safe_psql('shop', q{SELECT string_agg(detector || ' ' || status, ', ' ORDER BY detector) FROM pulse.incident WHERE event = 'buy'}), 'event_vanished resolved, event_volume open, property_nulls open', 'a check of events goes on in ' . $each->name);
	is($each->safe_psql('shop', q{SET pulse.now = '2016-01-26'; SELECT pulse_event_quality_settings() ->> 'ip'}), '10.0', 'with its points');
}

# People set aside.
$target->safe_psql('shop', $fault);
like($node->safe_psql('shop', $aside), qr/^strong\|.*\|22003\|segment "Powerful"\|/, 'a person is set aside');
is($target->safe_psql('shop', $aside), $node->safe_psql('shop', $aside), 'and is so in the restored database');
my $powerful = q{SELECT pulse_in_segment('strong', 'Powerful'), pulse_in_segment('weak', 'Powerful')};
is($target->safe_psql('shop', $powerful), 'f|t', 'which says the same of the members');
for my $each ($node, $target) { $each->safe_psql('shop', q{SELECT pulse_update_trait('power_3', 'profile.power'); SELECT pulse_run_pipeline()}) }
is($target->safe_psql('shop', $powerful), 't|t', 'a mended definition settles the person there');
is($target->safe_psql('shop', 'SELECT count(*) FROM pulse.unsettled_person'), 0, 'and nobody is set aside any more');
is($target->safe_psql('shop', q{SELECT count(*) FROM (SELECT runs_as, role_oid FROM pulse.segment UNION ALL SELECT runs_as, role_oid FROM pulse.job WHERE runs_as IS NOT NULL) AS d LEFT JOIN pg_roles AS r ON r.rolname = d.runs_as
	WHERE d.role_oid IS DISTINCT FROM r.oid}), 0, 'what runs as a role has the oid of the role there');

# API keys work there with the rights of the role of that name; the audit log goes on.
my $keys = qq{SELECT k.name, k.kind, k.role, k.rate FROM unnest('{$text,$newer}'::text[]) AS t, pulse.find_api_key(t) AS k};
is($node->safe_psql('shop', $keys), "shop|write|maker|60\nshop|write|maker|60", 'both texts of a rotated key work');
is($target->safe_psql('shop', $keys), $node->safe_psql('shop', $keys), 'and do so in the restored database');
is($target->safe_psql('shop', q{SELECT requests, refusals FROM pulse_list_api_keys() WHERE name = 'shop'}), '3|1', 'with their usage');
for my $each ($node, $target)
{
	is($each->safe_psql('shop', qq{SELECT k.name, k.source, s.description, s.keys FROM pulse.find_api_key('$of_source') AS k JOIN pulse_list_event_sources() AS s ON s.name = k.source}),
		'orders|orders|Orders|1', 'the key of an event source sends its events in ' . $each->name);
}
is($target->safe_psql('shop', q{SELECT pulse_revoke_api_key('shop'); SELECT id > (SELECT max(id) FROM pulse.audit WHERE action <> 'api_key.revoked') FROM pulse.audit WHERE action = 'api_key.revoked'}) =~ /^t$/m, 1, 'the audit log goes on');
is($target->safe_psql('shop', $keys), '', 'a key that is revoked there ends there');
isnt($node->safe_psql('shop', $keys), '', 'and not here');

# Grants are restored.
is(sqlstate($target, 'shop', 'SELECT count(*) FROM pulse.incident', '-U', 'watcher'), 'none', 'the reader can still read');
is(sqlstate($target, 'shop', "SELECT pulse_pause_segment('Recent')", '-U', 'watcher'), '42501', 'and still nothing else');
is(sqlstate($target, 'shop', "SELECT pulse_pause_segment('Recent')", '-U', 'maker'), 'none', 'the operator can still operate');
$node->safe_psql('shop', "SELECT pulse_pause_segment('Recent')", extra_params => [ '-U', 'maker' ]);

# Both continue alike: sequences continue, and sketches still give entries and exits.
for my $each ($node, $target)
{
	$each->safe_psql('shop', "SELECT pulse_resume_segment('Recent')");
	$each->safe_psql('shop', "DELETE FROM app.users WHERE user_id <= 600; SET pulse.now = '2016-01-13 02:00+00';
		SELECT pulse_take_snapshots(); SELECT pulse_check_drift();");
}
my $next = q{SELECT s.name, n.size, n.entered, n.exited, n.id > (SELECT max(id) FROM pulse.snapshot WHERE taken_at < n.taken_at)
	FROM pulse.snapshot AS n JOIN pulse.segment AS s ON s.id = n.segment_id WHERE n.taken_at = '2016-01-13 02:00+00' ORDER BY 1};
my $expected = $node->safe_psql('shop', $next);
like($expected, qr/^Recent\|\d+\|\d+\|[1-9]\d*\|t$/m, 'members left in the original');
is($target->safe_psql('shop', $next), $expected, 'and as many in the restored database');
my $incidents = 'SELECT segment, detector, attribute, severity, status, change FROM pulse.incident ORDER BY id';
is($target->safe_psql('shop', $incidents), $node->safe_psql('shop', $incidents), 'with the same incidents');
is( $target->safe_psql(
		'shop', q{SELECT pulse_create_segment('New', '{"from": "app.users", "key": "user_id"}') > max(id) FROM pulse.segment}),
	't', 'new segments get new numbers');

# pg_dump --data-only and --schema-only agree on what is the extension's: no table of pulse is dumped as a plain table, but its partitions by month.
my ($schema) = run_command([ 'pg_dump', '--schema-only', $node->connstr('shop') ]);
unlike($schema, qr/CREATE (?:TABLE|VIEW|TYPE|FUNCTION) (?:pulse\.(?!\w+_y\d{4}m\d\d )|public\.pulse)/, 'the schema is the extension\'s own');

# DROP EXTENSION removes everything.
$target->safe_psql('shop', 'DROP EXTENSION pulse');
is($target->safe_psql('shop', "SELECT count(*) FROM pg_namespace WHERE nspname = 'pulse'"), 0, 'dropping the extension leaves no schema');
is($target->safe_psql('shop', "SELECT count(*) FROM pg_proc WHERE proname LIKE 'pulse%'"), 0, 'and no function');

done_testing();
