# The dashboard in doc/grafana asks for metrics that exist, with labels that they have, and the page lists them all. On a standby, too.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $top = dirname(abs_path(__FILE__)) . '/../..';
my $node = start_node('metrics');
fill_shop($node, 'shop');
replay($node, 'shop', 1, 12, 1);
$node->safe_psql('shop', q{
	SELECT pulse_create_segment('buyers', '{"where": "events.buy.exists"}'), pulse_track('u1', 'buy');
	SELECT pulse_export_segment('buyers');
	SELECT pulse_run_job('retention');
	SELECT pulse_record_signal('spend', 100 + i % 2, 'shop', at => now() - i * interval '1 hour') FROM generate_series(0, 8) AS i;
	SELECT pulse_update_signal_health();
	SELECT pulse_create_destination('crm', 'file', '{}');
	SELECT pulse_create_audience('buyers', 'buyers', 'crm');
	UPDATE pulse.audience SET match_low = 0.4, match_high = 0.5, last_sync_at = now();
	INSERT INTO pulse.destination_state (destination, login_expires_at) VALUES ('crm', now() + interval '3 days');
	INSERT INTO pulse.sync_run (audience_id, audience, operation, status, triggered_by, requested_by, created_at, finished_at, not_before)
		SELECT id, name, 'full', 'completed', 'manual', 'x', now(), now(), now() FROM pulse.audience;
	CREATE SERVER replica FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'replica.example', dbname 'x');
	INSERT INTO pulse.source_usage (source, purpose, status) VALUES ('replica', 'test', 'ok')});

# By name: {label => 1, ...}. The last three are those of the program that answers HTTP.
my $rows = q{SELECT name || '|' || coalesce(string_agg(DISTINCT k, ','), '') FROM pulse_metrics() LEFT JOIN LATERAL jsonb_object_keys(labels) AS k ON true GROUP BY name ORDER BY name};
my $text = $node->safe_psql('shop', $rows);
my %labels = map { my ($name, $keys) = split /\|/, $_, -1; $name => { map { $_ => 1 } split /,/, $keys } } split /\n/, $text;
my @own = sort keys %labels;
cmp_ok(scalar @own, '>', 25, 'metrics');
$labels{pulse_http_requests_total} = { map { $_ => 1 } qw(route method status) };
$labels{"pulse_http_request_seconds_$_"} = { le => 1 } for qw(bucket sum count);
$labels{pulse_http_connections} = {};

my (@queries, %ids);
sub collect
{
	my ($value) = @_;
	if (ref $value eq 'ARRAY') { collect($_) for @$value }
	return unless ref $value eq 'HASH';
	$ids{ $value->{id} }++ if exists $value->{gridPos};
	for my $key (sort keys %$value)
	{
		if ($key =~ /^(?:expr|query|definition)$/ && !ref $value->{$key}) { push @queries, [ $value->{$key}, $value->{legendFormat} // '' ] }
		else { collect($value->{$key}) }
	}
	return;
}
collect(decode_json(slurp_file("$top/doc/grafana/pulse.json")));
@queries = grep { $_->[0] ne 'prometheus' } @queries;
cmp_ok(scalar @queries, '>', 30, 'queries of the dashboard');
is_deeply([ grep { $ids{$_} > 1 } sort keys %ids ], [], 'no id of a panel twice');

# Labels that Prometheus adds itself.
my %added = map { $_ => 1 } qw(job instance);
my (@unknown, @no_label, %used);
for (@queries)
{
	my ($query, $legend) = @$_;
	my $bare = $query =~ s/"[^"]*"//gr;
	my @names = $bare =~ /\b(pulse_\w+)/g;
	push @unknown, $query unless @names;
	my %known = %added;
	for my $name (@names)
	{
		$used{$name} = 1;
		if ($labels{$name}) { $known{$_} = 1 for keys %{ $labels{$name} } }
		else { push @unknown, "$name in $query" }
	}
	my @wanted = ($bare =~ /(\w+)\s*(?:=~|!~|!=|=)/g, (map { split /\s*,\s*/ } $bare =~ /\b(?:by|on) \(([^)]*)\)/g), $legend =~ /\{\{(\w+)\}\}/g);
	push @no_label, map { "$_ in $query" } grep { !$known{$_} } @wanted;
}
is_deeply(\@unknown, [], 'every query names a metric that exists');
is_deeply(\@no_label, [], 'and labels that it has');
is_deeply([ grep { !$used{$_} } @own ], [], 'every metric of pulse_metrics() is on the dashboard');

my $page = slurp_file("$top/doc/metrics.md");
is_deeply([ grep { $page !~ /`$_[`{]/ } @own ], [], 'every metric is on the page');
is_deeply([ grep { !$labels{$_} && !/^pulse_(?:metrics|export_segment|grant|create_api_key)$/ } $page =~ /`(pulse_\w+)[`{]/g ], [], 'and no other');

# A standby says the same of what is stored.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('metrics_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('shop', $rows), $text, 'a standby has the same metrics');
my $stored = q{SELECT name, labels, value FROM pulse_metrics() WHERE name IN ('pulse_segment_size', 'pulse_incidents', 'pulse_events_total', 'pulse_exports') ORDER BY 1, 2};
is($standby->safe_psql('shop', $stored), $node->safe_psql('shop', $stored), 'with the same values');
is($standby->safe_psql('shop', q{SELECT value FROM pulse_metrics() WHERE name = 'pulse_in_recovery'}), 1, 'and says that it is one');
like($standby->safe_psql('shop', 'SELECT pulse.metrics_text(true)'), qr/^# TYPE pulse_info gauge\n.*\n# EOF$/s, 'as text, too');
$standby->stop;

done_testing();
