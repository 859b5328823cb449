# Consent: sessions that record for one person at once neither deadlock nor lose a statement; a merge beside them keeps the stricter; a crash, a standby and a
# dump keep every instant.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

$ENV{PGOPTIONS} = '-c client_min_messages=warning';
my $node = start_node('consent_source', 'pulse.run_jobs = off', 'deadlock_timeout = 50ms');
sub sql { return $node->safe_psql('postgres', @_) }
sql(q{
	CREATE EXTENSION pulse;
	SELECT count(pulse_identify('p' || i, '{"plan": "pro"}')) FROM generate_series(1, 60) AS i;
	SELECT pulse_create_segment('reachable', '{"where": "consent.ads"}');
	SELECT pulse_set_consent_purpose('loyalty', '{Club}');
	SELECT count(pulse_set_consent('p' || i, CASE WHEN i % 3 = 0 THEN 'all' ELSE 'ads' END, i % 4 > 0, CASE WHEN i % 4 > 0 THEN '{"expires_at": "2100-01-01", "text_version": "1"}' ELSE '{}' END::jsonb))
	FROM generate_series(1, 40) AS i;
});

my $dir = PostgreSQL::Test::Utils::tempdir();
# Each statement is a transaction.
sub start
{
	my ($name, $sql) = @_;
	my ($out, $err) = ('', '');
	append_to_file("$dir/$name.sql", $sql);
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$name", '-f', "$dir/$name.sql" ], '<', \undef, '>', \$out, '2>', \$err);
	return [ $run, \$out, \$err ];
}
sub finish { my ($session) = @_; $session->[0]->finish; return ${ $session->[1] } . ${ $session->[2] }; }
sub waits { my ($name) = @_; return $node->poll_query_until('postgres',
	"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$name' AND cardinality(pg_blocking_pids(pid)) > 0)"); }

# ---- two sessions about one person ----
my $one = $node->background_psql('postgres');
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_set_consent('p50', 'email', true)});
my $other = start('refuses', q{SELECT pulse_set_consent('p50', 'email', false) > 0});
ok(waits('refuses'), 'the second waits for the first');
$one->query_safe(q{COMMIT});
is(finish($other), "t\n", 'and records');
is(sql(q{SELECT status FROM pulse_consents_of('p50') WHERE purpose = 'email'; SELECT count(*) FROM pulse_consent_history('p50')}), "withdrawn\n2", 'neither is lost; the newer counts');

# ---- a merge beside it ----
sql(q{SELECT pulse_set_consent('p51', 'ads', true); SELECT pulse_set_consent('p52', 'ads', true)});
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_merge('p51', 'p52', 'the same')});
$other = start('withdraws', q{SELECT pulse_set_consent('p52', 'ads', false) > 0});
ok(waits('withdraws'), 'who records waits for the merge of that person');
$one->query_safe(q{COMMIT});
is(finish($other), "t\n", 'and records for the person that it became');
is(sql(q{SELECT pulse_has_consent('p51', 'ads'), pulse_in_segment('p51', 'reachable')}), 'f|f', 'the refusal counts for both');
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'not the same')});
$other = start('grants', q{SELECT pulse_set_consent('p52', 'ads', true) > 0});
ok(waits('grants'), 'who records waits for the unmerge');
$one->query_safe(q{COMMIT});
is(finish($other), "t\n", 'and records');
is(sql(q{SELECT pulse_has_consent('p51', 'ads'), pulse_has_consent('p52', 'ads'), count(*) FROM pulse_segment_members('reachable') WHERE user_id IN ('p51', 'p52')}), 't|t|2', 'each has its own');
# What is recorded in another order of ids: no deadlock.
$one->query_safe(q{BEGIN});
$one->query_safe(q{SELECT count(*) FROM pulse_set_consents('[{"user": "p53", "purpose": "ads", "granted": true}]')});
$other = start('many', q{SELECT count(*) FROM pulse_set_consents('[{"user": "p54", "purpose": "ads", "granted": true}, {"user": "p53", "purpose": "ads", "granted": false}]')});
ok(waits('many'), 'a batch waits');
$one->query_safe(q{SELECT status FROM pulse_ingest('[{"event": "visit", "userId": "p54", "context": {"consent": {"sms": true}}}]')});
$one->query_safe(q{COMMIT});
like(finish($other), qr/^2\n/, 'and ends');
$one->quit;

# ---- many sessions at once ----
my @sessions = map {
	my $n = $_;
	start("many$n", join('', map { "SELECT pulse_set_consent('p' || " . (41 + ($n * 7 + $_) % 8) . ", '" . (qw(ads email all))[ $_ % 3 ] . "', " . (($n + $_) % 3 ? 'true' : 'false') . ");\n" } 1 .. 25))
} 1 .. 4;
my $merges = start('merges', q{SELECT pulse_merge('p41', 'p42', 'x'); SELECT pulse_merge('p43', 'p44', 'x'); SELECT pulse_unmerge((SELECT min(id) FROM pulse.merge_history WHERE undone_at IS NULL), 'y'); SELECT pulse_merge('p45', 'p46', 'x');});
unlike(finish($_), qr/ERROR/, 'no session fails') for @sessions, $merges;
is(sql(q{SELECT count(*) FROM pulse.consent_record AS r JOIN pulse.identity AS i ON i.profile_id = r.profile_id AND i.kind = 'user_id' AND i.value BETWEEN 'p41' AND 'p48'}), '100', 'every statement is kept');
# The rows are what the history comes to.
my $differences = q{SELECT count(*) FROM pulse.person AS p CROSS JOIN LATERAL pulse_consents_of('profile:' || p.profile_id) AS c
	LEFT JOIN pulse.consent AS o ON o.profile_id = p.profile_id AND o.purpose = c.purpose WHERE c.granted IS DISTINCT FROM coalesce(o.live @> pulse_now(), false)};
is(sql($differences), '0', 'each row is what its history comes to');

# ---- a crash, a standby, a dump ----
my $answers = q{
	SELECT p.user_id, c.purpose, c.status, c.at, c.expires_at, c.record_id, c.live FROM pulse.consent AS c JOIN pulse.person AS p USING (profile_id) ORDER BY 1, 2;
	SELECT status, granted, expires_at FROM pulse_consents_of('p1', '2020-01-01') WHERE purpose = 'ads';
	SELECT status, granted, expires_at FROM pulse_consents_of('p1') WHERE purpose = 'ads';
	SELECT count(*), sum(id), count(expires_at), max(text_version) FROM pulse.consent_record;
	SELECT purpose, categories FROM pulse.consent_purpose ORDER BY 1;
	SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM pulse_segment_members('reachable', 100);
	SELECT pulse_has_consent('p1', 'ads'), pulse_has_consent('p4', 'ads'), pulse_has_consent('p3', 'loyalty')};
my $before = sql($answers);
like($before, qr/\nt\|f\|t$/, 'some consent');
$node->stop('immediate');
$node->start;
is(sql($answers), $before, 'consent survives an immediate shutdown');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('consent_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $answers), $before, 'a standby answers the same');
my (undef, undef, $error) = $standby->psql('postgres', q{\set VERBOSITY verbose
SELECT pulse_set_consent('p1', 'ads', false)});
like($error, qr/25006: cannot execute pulse_set_consent\(\) in a read-only transaction/, 'and says that it cannot write');

my $target = start_node('consent_target', 'pulse.run_jobs = off');
$node->command_ok([ 'pg_dump', '-f', "$dir/people.sql", 'postgres' ], 'dump');
$target->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/people.sql", 'postgres' ], 'restore');
is($target->safe_psql('postgres', $answers), $before, 'a restored database answers the same');
is($target->safe_psql('postgres', q{SELECT pulse_set_consent('p1', 'ads', false) > 0; SELECT pulse_has_consent('p1', 'ads')}), "t\nf", 'and continues from there');
$standby->stop;
done_testing();
