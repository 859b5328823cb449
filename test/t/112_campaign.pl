# Campaigns: the job in a worker, a dump, and two checks at once. Exports of audiences: canceled, with constant memory,
# in the background.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('campaign', "shared_preload_libraries = 'pulse'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
	CREATE EXTENSION pulse;
	SELECT pulse_create_segment('few', '{"where": "events.few.exists"}'), pulse_create_segment('many', '{"where": "events.many.exists"}');
	SELECT pulse_create_trait('spent', 'events.many.sum(total)');
	SELECT pulse_import_events($$SELECT name || i AS user_id, name AS event, '2020-01-01'::timestamptz AS timestamp, repeat('d', 200) || name || i AS device_id, '{"total": 3}' AS properties
		FROM (VALUES ('few', 100), ('many', 40000)) AS v (name, people), generate_series(1, people) AS i$$);
	ANALYZE});

# ---- exports ----
my $options = q{'{"columns": ["external_id", "identity.device_id", "trait.spent", "profile.*", "event_count"], "events": {"days": 365}}'};
my $export = sub { return "SELECT users FROM pulse_export_audience('$_[0]', '$_[1]', $options);" };
my $files = q{SELECT (SELECT count(*) FROM pulse.export) || ' ' || (SELECT count(DISTINCT export_id) FROM pulse.export_chunk) || ' ' || (SELECT count(*) FROM pulse.export_secret)};

# Canceled in the middle: nothing is left, and the session goes on.
my $holder = $node->background_psql('shop');
my $session = $node->background_psql('shop', on_error_stop => 0);
$holder->query('BEGIN; LOCK TABLE pulse.export_chunk IN SHARE MODE;');
$session->query_until(qr/started/, "\\echo started\n" . $export->('many', 'csv') . "\n");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%export_audience%' AND pid <> pg_backend_pid()")
  or die 'the export never waited';
$node->safe_psql('shop', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%export_audience%' AND pid <> pg_backend_pid()");
like($session->query("SELECT 'alive', current_user, current_setting('timezone') = current_setting('TimeZone'), current_setting('lock_timeout')"), qr/alive\|\S+\|t\|0/, 'a canceled export leaves the session as it was');
like($session->{stderr}, qr/canceling statement due to user request/, 'with the reason');
$session->{stderr} = '';
$holder->query('ROLLBACK');
$holder->quit;
is($node->safe_psql('shop', $files), '0 0 0', 'and nothing of the file');

# 400 times the people need no more memory.
my $most = sub { return slurp_file("/proc/$_[0]/status") =~ /VmHWM:\s+(\d+) kB/ ? $1 : die 'no VmHWM' };
my $pid = $session->query('SELECT pg_backend_pid()');
for my $format ('csv', 'jsonl')
{
	is($session->query($export->('few', $format)), 100, "a small file, $format");
	my $before = $most->($pid);
	is($session->query($export->('many', $format)), 40000, "a large one, $format");
	my $more = $most->($pid) - $before;
	cmp_ok($more, '<', 16_000, "written with constant memory, $format: $more kB more");
}
$session->quit;

# In the background a worker writes the file.
my ($id, $token) = split /\|/, $node->safe_psql('shop', q{SELECT id, token FROM pulse_export_audience('many', 'csv', '{"background": true, "columns": ["external_id"]}')});
$node->poll_query_until('shop', "SELECT state <> 'queued' FROM pulse.export WHERE id = $id") or die 'the export never ended';
is($node->safe_psql('shop', "SELECT state, users, error FROM pulse.export WHERE id = $id"), 'ready|40000|', 'a worker writes an export');
is($node->safe_psql('shop', qq{SELECT encode(sha256(string_agg(p.data, '' ORDER BY i)), 'hex') = max(p.etag) FROM generate_series(1, (SELECT chunks FROM pulse.read_export('$token', 1))) AS i, pulse.read_export('$token', i) AS p}), 't', 'which the token of the request opens');

# ---- campaigns ----
# The job in a worker looks at what is due by the wall clock.
$node->safe_psql('shop', q{
	SELECT pulse_create_campaign('soon', 'many', 40000, clock_timestamp() + interval '2 seconds', 'other', '{"period": "1s"}')});
$node->poll_query_until('shop', q{SELECT status IN ('done', 'fell_short') FROM pulse.campaign WHERE name = 'soon'}) or die 'the campaign never ended';
is($node->safe_psql('shop', q{SELECT status, launched_by, reached, result_by FROM pulse.campaign WHERE name = 'soon'}), 'done|campaigns|40000|launch', 'a worker launches and finishes a campaign');

# Two checks of one campaign at the same time: one after the other.
$node->safe_psql('shop', q{SELECT pulse_create_campaign('later', 'few', 100, clock_timestamp() + interval '10 days', 'email', '{"notify": [], "description": "by mail"}')});
my $first = $node->background_psql('shop');
my $second = $node->background_psql('shop');
$first->query('BEGIN');
my $answer = $first->query(q{SELECT answer FROM pulse_check_campaign('later')});
$second->query_until(qr/started/, "\\echo started\nSELECT answer FROM pulse_check_campaign('later');\n");
$node->poll_query_until('shop', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%check_campaign%' AND pid <> pg_backend_pid()")
  or die 'the second check never waited';
$first->query('COMMIT');
like($second->query("SELECT 'done'"), qr/^$answer\ndone/, 'the second check waits and answers the same');
$_->quit for $first, $second;
is($node->safe_psql('shop', q{SELECT count(*) FROM pulse.campaign_check AS k JOIN pulse.campaign AS c ON c.id = k.campaign_id WHERE c.name = 'later'}), 2, 'both are recorded');

# A dump has campaigns and their checks.
my $figures = q{SELECT (SELECT string_agg(c::text, E'\n' ORDER BY c.id) FROM pulse.campaign AS c), (SELECT string_agg(k::text, E'\n' ORDER BY k.id) FROM pulse.campaign_check AS k), (SELECT m.campaigns || ' ' || m.campaigns_finished FROM pulse.mission AS m)};
my $dump = PostgreSQL::Test::Utils::tempdir() . '/shop.sql';
$node->safe_psql('shop', q{SELECT pulse_schedule('campaigns', enabled => false)});
my $before = $node->safe_psql('shop', $figures);
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('shop') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'restore');
is($node->safe_psql('copy', $figures), $before, 'campaigns, checks and the mission are as they were');
is($node->safe_psql('copy', q{SELECT segment FROM pulse.campaign_overview WHERE name = 'later'}), 'few', 'with their segments');
is($node->safe_psql('copy', q{SELECT pulse_create_campaign('new', 'few', 1, clock_timestamp() + interval '1 day', 'other') > (SELECT max(id) FROM pulse.campaign WHERE name <> 'new')}), 't', 'and new ones have new numbers');

done_testing();
