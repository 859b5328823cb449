# curl with the requests of the manuals of the systems that Pulse replaces: each with its status and the form of its answer.
use strict;
use warnings;
use IPC::Run ();
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseGateway;
use PulseHttp;
use PulseTest;

my $node = start_node('curl', 'pulse.allow_http = on', q{pulse.allowed_hosts = '127.0.0.0/8'});
create_pulse($node, 'shop');
my $gateway = start_http($node, 'shop');
sub sql { return $node->safe_psql('shop', @_) }
my %key = (none => undef, map { $_ => make_key($node, 'shop', $_, $_) } qw(write read admin));

sql(q{CREATE ROLE boss; SELECT pulse_grant('boss', 'admin')});
$key{top} = sql(q{SELECT pulse_create_api_key('top', 'admin', 'boss')});
sql(q{CREATE TABLE customer (id bigint PRIMARY KEY, ltv numeric, last_active_days int, platform text, tier text, seen_at timestamptz DEFAULT now());
	INSERT INTO customer SELECT n, n * 20, n % 10, CASE WHEN n % 2 = 0 THEN 'ios' ELSE 'web' END, 'premium' FROM generate_series(1, 200) AS n;
	GRANT SELECT ON customer TO manager});

sql('SELECT pulse_load_demo()');
sql('SELECT pulse_check_drift()');

my $codec = JSON::PP->new->utf8->allow_nonref;
my %saved;    # what later requests put into their path or body: {name}

# Where a value does not have a form: s text, n number, b true or false, * anything, with ? also null; [form] a list; {name => form} at least these.
# Empty if it has.
sub differs
{
	my ($value, $form, $place) = @_;
	if (ref $form eq 'HASH')
	{
		return "$place is no object" unless ref $value eq 'HASH';
		for (sort keys %$form) { return "$place.$_ is missing" unless exists $value->{$_}; my $found = differs($value->{$_}, $form->{$_}, "$place.$_"); return $found if $found }
		return '';
	}
	if (ref $form eq 'ARRAY')
	{
		return "$place is no list" unless ref $value eq 'ARRAY';
		return "$place is empty" if @$form && !@$value;
		for (0 .. $#$value) { my $found = @$form ? differs($value->[$_], $form->[0], "$place\[$_]") : ''; return $found if $found }
		return '';
	}
	return '' if $form eq '*' || $form =~ s/\?$// && !defined $value;
	my $kind = !defined $value ? 'null' : JSON::PP::is_bool($value) ? 'b' : ref $value ? 'a list or object' : $codec->encode($value) =~ /^"/ ? 's' : 'n';
	return $kind eq $form ? '' : "$place is $kind, not $form";
}

# Send one request by curl. The form is one of JSON, a pattern for text, or undef for no body.
sub curl
{
	my ($request, $name, $body, $status, $form, $save, @options) = @_;
	my ($method, $path) = split / /, $request =~ s/\{(\w+)\}/$saved{$1} \/\/ die "nothing is saved as $1"/ger, 2;
	$body =~ s/<(\w+)>/$saved{$1}/g if defined $body;
	my @command = ('curl', '-sS', '-X', $method, "$gateway->{url}$path", '-w', "\n%{http_code}", @options);
	push @command, '-H', "Authorization: Bearer $key{$name}" if defined $key{$name};
	push @command, '-H', 'Content-Type: application/json', '-d', $body if defined $body && !grep { /^-d/ } @options;
	IPC::Run::run(\@command, '>', \my $output, '2>', \my $errors);
	my ($answer, $found) = $output =~ /^(.*)\n(\d+)$/s or die "curl says nothing: $errors";
	my $problem = $found == $status ? '' : "status $found";
	my $json = eval { $codec->decode($answer) };
	if (!defined $form) { $problem ||= 'there is a body' if length $answer }
	elsif (ref $form eq 'Regexp') { $problem ||= 'another text' unless $answer =~ $form }
	else { $problem ||= defined $json ? differs($json, $form, 'answer') : 'it is no JSON' }
	is($problem, '', $request) or diag substr $answer, 0, 400;
	if ($save && $json) { for (sort keys %$save) { my $value = $json; $value = ref $value eq 'ARRAY' ? $value->[$_] : $value->{$_} for split /\./, $save->{$_}; $saved{$_} = $value } }
	return $json;
}

# ---- Pulse: segments, snapshots, drift ----

my $segment = { map { $_ => 's' } qw(id name owner createdAt updatedAt) };
$segment = { %$segment, definition => '*', baseline => '*', isActive => 'b' };
my $snapshot = { id => 's', segmentId => 's', timestamp => 's', size => 'n', attributeDistributions => '*', conversionRate => 'n?', velocityIn => 'n?', velocityOut => 'n?', metadata => '*' };
my $incident = { id => 's', segmentId => 's', status => 's', severity => 's' };
my $error = { error => 's' };
curl('GET /health', 'none', undef, 200, { status => 's', timestamp => 's', service => 's', version => 's' });
curl('POST /api/segments', 'admin', '{"name": "High-Value Customers", "owner": "growth-team", "definition": {"from": "public.customer", "key": "id", "rules": [{"field": "ltv", "operator": ">",
	"value": 1000}, {"field": "last_active_days", "operator": "<=", "value": 7}], "logicalOperator": "AND", "attributes": ["platform", "tier"]}, "baseline": {"expectedSize": {"min": 80, "max": 120},
	"criticalAttributes": ["platform", "tier"], "monitoringEnabled": true, "alertThresholds": {"sizeChangePercent": 0.15, "distributionShift": 0.20, "conversionAnomaly": 1.0, "inactivityCreep": 1.0}}}',
	201, $segment, { segment => 'id' });
curl('POST /api/segments', 'admin', '{"name": "No definition"}', 400, $error);
curl('POST /api/segments', 'admin', '{"name": ', 400, $error);
curl('POST /api/segments', 'read', '{"name": "x", "definition": {}}', 403, $error);
curl('GET /api/segments', 'none', undef, 401, $error);
curl('GET /api/segments', 'read', undef, 200, [$segment]);
curl('GET /api/segments?activeOnly=false', 'read', undef, 200, [$segment]);
curl('GET /api/segments/{segment}', 'read', undef, 200, $segment);
curl('GET /api/segments/550e8400-e29b-41d4-a716-446655440000', 'read', undef, 404, $error);
curl('PUT /api/segments/{segment}', 'admin', '{"owner": "revenue-team"}', 200, $segment);
curl('POST /api/snapshots/take', 'admin', '{"segmentId": "<segment>"}', 503, $error);
sql('SELECT pulse_start()');
curl('POST /api/snapshots/take', 'admin', '{"segmentId": "<segment>"}', 200, { message => 's', segmentId => 's' });
curl('POST /api/snapshots/take', 'admin', '{}', 200, { message => 's', segmentId => 's' });
curl('POST /api/snapshots/take', 'admin', undef, 200, { message => 's', segmentId => 's' });
ok(wait_until(sub { sql(q{SELECT count(*) = 0 FROM pulse.snapshot_request WHERE next_try_at IS NOT NULL}) eq 't' }), 'a worker takes them');
curl('POST /v1/segments/High-Value%20Customers/snapshots', 'write', '{"checkDrift": true}', 202, { segment => 's', state => 's', requestedAt => 's', location => 's' });
ok(wait_until(sub { sql(q{SELECT state FROM pulse_snapshot_request('High-Value Customers')}) eq 'ok' }), 'and what our own route asks for');
curl('GET /v1/segments/High-Value%20Customers/snapshots/requested', 'read', undef, 200, { state => 's', snapshotId => 's', finishedAt => 's' });
sql('SELECT pulse_stop()');
curl('GET /api/snapshots', 'read', undef, 200, [$snapshot]);
curl('GET /api/snapshots/segment/{segment}?limit=30', 'read', undef, 200, [$snapshot]);
curl('GET /api/drift/incidents?status=open&limit=10', 'read', undef, 200, [$incident], { incident => '0.id', drifting => '0.segmentId', other => '1.id' });
curl('GET /api/drift/segment/{drifting}/incidents', 'read', undef, 200, [$incident]);
curl('GET /api/drift/incidents/{incident}', 'read', undef, 200, $incident);
curl('PATCH /api/drift/incidents/{incident}', 'admin', '{"status": "investigating", "explanationText": "looking"}', 200, $incident);
curl('PATCH /api/drift/incidents/{incident}', 'admin', '{"status": "gone"}', 400, $error);
curl('POST /webhook/drift', 'admin', '{"incidentId": "123", "segmentId": "456", "severity": "high"}', 200, { received => 'b' });
curl('POST /webhook/drift', 'admin', '{"action": "resolve", "incident": {incident}}' =~ s/\{incident\}/<incident>/r, 200, { received => 'b' });
curl('POST /webhook/drift', 'none', '{"incidentId": "123"}', 401, $error);
curl('POST /api/drift/incidents/{incident}/resolve', 'admin', '{"resolvedBy": "ann@example.com"}', 409, $error);
curl('POST /api/drift/incidents/{other}/ignore', 'admin', undef, 200, $incident);
curl('DELETE /api/segments/{segment}', 'admin', undef, 204, undef);
curl('GET /api/segments/{segment}', 'read', undef, 404, $error);

# ---- TinyCDP ----

my $refusal = { code => 's', message => 's', details => '*' };
curl('POST /v1/identify', 'write', '{"deviceId": "device123", "externalId": "user456", "traits": {"plan": "premium"}}', 200, { userId => 's', success => 'b' }, { person => 'userId' });
curl('POST /v1/identify', 'write', '{"traits": {}}', 400, $refusal);
curl('POST /v1/track', 'write', '{"userId": "user456", "event": "app_open", "ts": "2026-11-01T10:00:00Z", "props": {"screen": "home"}}', 200, { success => 'b', eventId => 'n' });
curl('POST /v1/track', 'write', '{"userId": "user456", "event": "purchase", "timestamp": "2026-11-01T10:05:00Z", "properties": {"amount": 99.99}}', 200, { success => 'b', eventId => 'n' });
curl('POST /v1/track', 'write', '{"userId": "user456", "event": ""}', 400, $refusal);
curl('POST /v1/track', 'write', '{"userId": "user456", "event": "e", "ts": "yesterday"}', 400, $refusal);
curl('POST /v1/track', 'read', '{"userId": "user456", "event": "e"}', 403, '*');
my %rules = (trait => [ power_user => expression => 'events.app_open.unique_days_14d >= 5', 'events.app_open.count(7d) >= 3' ],
	segment => [ power_users => rule => 'power_user == true', 'power_user == true && first_seen_days_ago >= 0' ],
	flag => [ 'premium-features' => rule => 'segment("power_users")', 'segment("power_users") = false' ]);
for my $kind (qw(trait segment flag))
{
	my ($name, $word, $rule, $other) = @{ $rules{$kind} };
	my $form = { key => 's', $word => 's' };
	curl("POST /v1/admin/${kind}s", 'admin', $codec->encode({ key => $name, $word => $rule }), 200, { $kind => $form });
	curl("POST /v1/admin/${kind}s", 'admin', $codec->encode({ key => $name, $word => $rule }), 409, $refusal);
	curl("POST /v1/admin/${kind}s", 'admin', $codec->encode({ key => "bad_$kind", $word => '&& nothing' }), 400, $refusal);
	curl("POST /v1/admin/${kind}s", 'write', $codec->encode({ key => $name, $word => $rule }), 403, $refusal);
	curl("GET /v1/admin/${kind}s", 'read', undef, 200, { "${kind}s" => [$form] });
	curl("GET /v1/admin/${kind}s/$name", 'read', undef, 200, { $kind => $form });
	curl("GET /v1/admin/${kind}s/unknown", 'read', undef, 404, $refusal);
	my $changed = curl("PUT /v1/admin/${kind}s/$name", 'admin', $codec->encode({ $word => $other }), 200, { $kind => $form });
	is($changed->{$kind}{$word}, $other, 'it has the new text');
	curl('POST /v1/admin/validate', 'read', $codec->encode({ expression => $rule, type => $kind }), 200, { valid => 'b' });
}
curl('POST /v1/admin/validate', 'read', '{"expression": "events.app_open.count_7d >=", "type": "trait"}', 200, { valid => 'b', error => 's' });
curl('GET /v1/decide?userId=user456&flag=premium-features', 'read', undef, 200, { allow => 'b', variant => 's?', reasons => ['s'], userId => 's', flag => 's' });
curl('GET /v1/decide?userId={person}&flag=premium-features', 'read', undef, 200, { allow => 'b', reasons => ['s'] });
curl('GET /v1/decide?userId=user456&flag=unknown', 'read', undef, 404, $refusal);
curl('GET /v1/decide?userId=user456', 'read', undef, 400, $refusal);
curl('GET /v1/decide?userId=&flag=premium-features', 'read', undef, 400, $refusal);
curl('GET /v1/admin/users/search?query=user&limit=10&offset=0', 'read', undef, 200, { users => [ { id => 's', created_at => 's', aliases => [ { kind => 's', value => 's' } ], lastEventTime => 's?', eventCount => 'n', activeSegments => [] } ],
	total => 'n', hasMore => 'b' });
curl('GET /v1/admin/users/user456', 'read', undef, 200, { user => { id => 's', created_at => 's', aliases => [ { kind => 's', value => 's' } ], recentEvents => [ { name => 's', ts => 's', props => '*' } ], traits => '*', segments => [],
			eventCounts => { map { $_ => 'n' } qw(total last_24h last_7d last_30d) } } });
is(curl('GET /v1/admin/users/{person}', 'read', undef, 200, { user => { id => 's' } })->{user}{id}, $saved{person}, 'by the id that identify returned');
curl('GET /v1/admin/users/nobody', 'read', undef, 404, $refusal);
curl('GET /v1/admin/metrics', 'read', undef, 200, { timestamp => 's', metrics => { users => { map { $_ => 'n' } qw(total activeLastDay activeLastWeek activeLastMonth) },
			events => { total => 'n', lastDay => 'n', lastWeek => 'n', lastMonth => 'n', topEventTypes => [] }, traits => { definitionCount => 'n', topTraits => [] },
			segments => { definitionCount => 'n', topSegments => [] }, flags => { definitionCount => 'n' }, database => { tables => [ { name => 's', rowCount => 'n' } ] } } });
curl('POST /v1/admin/keys', 'write', '{"kind": "write"}', 403, $refusal);
curl('GET /v1/export/segment/power_users', 'read', undef, 200, { downloadUrl => 's', filename => 's', userCount => 'n' }, { download => 'downloadUrl' });
curl('GET /v1/export/segment/power_users.csv', 'read', undef, 200, { downloadUrl => 's' });
curl('GET /v1/export/segment/unknown', 'read', undef, 404, $refusal);
curl('GET /v1/export/list', 'read', undef, 200, { exports => [ { name => 's', size => 'n', etag => 's' } ] });
$saved{download} = ($saved{download} // '') =~ s{^https?://[^/]*/}{}r;
curl('GET /{download}', 'none', undef, 200, qr/^"?user_id"?,"?created_at"?,"?in_segment"?,"?since"?,"?updated_at"?,"?device_id"?,"?external_id"?,"?email_hash"?\r?\n/);
curl("GET /$_/health", 'none', undef, 200, { status => 's', service => 's', timestamp => 's', database => 's', checks => { database => { status => 's', latency => 'n' } } })
  for qw(ingest identity traits segments decide admin export exports);
curl("DELETE /v1/admin/${_}s/$rules{$_}[0]", 'admin', undef, 200, {}) for qw(flag segment trait);
curl('DELETE /v1/admin/flags/premium-features', 'admin', undef, 404, $refusal);

# ---- data health ----

my $table = { id => 's', monitor_types => ['s'], check_interval_minutes => 'n', status => 's', last_check_at => 's?', recent_alerts => '*' };
curl('GET /api/health', 'none', undef, 200, { status => 's' });
curl('GET /api/connections', 'read', undef, 200, []);
my $connection = { id => 's', name => 's', host => 's', database => 's', max_queries_per_minute => 'n', is_active => 'b' };
my $typed = '{"name": "prod", "connection_string": "postgresql://reader:p%40ss@replica.example:5432/shop?sslmode=require", "max_queries_per_minute": 30, "max_concurrent_queries": 5, "query_timeout_seconds": 2}';
curl('POST /api/connections', 'top', $typed, 201, $connection, { connection => 'id' });
curl('POST /api/connections', 'top', $typed, 409, $error);
curl('POST /api/connections', 'top', '{"name": "other", "connection_string": "mysql://replica.example/shop"}', 400, $error);
curl('POST /api/connections', 'top', '{"name": "other", "options": {"hots": "x"}}', 400, $error);
curl('POST /api/connections', 'admin', '{"name": "other", "options": {"host": "x"}}', 403, $error);
unlike(encode_json(curl('GET /api/connections', 'top', undef, 200, [$connection])), qr/reader|p.{0,2}ss/, 'no password is shown');
curl('GET /api/connections/{connection}', 'top', undef, 200, $connection);
is(sql(q{SELECT s.srvoptions::text || u.umoptions::text FROM pg_foreign_server AS s JOIN pg_user_mapping AS u ON u.umserver = s.oid WHERE s.srvname = 'prod'}),
	'{dbname=shop,host=replica.example,max_queries_per_minute=30,port=5432,sslmode=require,statement_timeout=2s}{password=p@ss,user=reader}', 'with what the string says');
curl('POST /api/tables', 'admin', '{"schema_name": "public", "table_name": "customer", "monitor_types": ["freshness", "volume", "schema"], "time_column": "seen_at", "check_interval_minutes": 5}', 201, $table, { table => 'id' });
curl('GET /api/tables', 'read', undef, 200, [$table]);
curl('GET /api/tables/{table}', 'read', undef, 200, $table);
curl('PATCH /api/tables/{table}', 'admin', '{"check_interval_minutes": 10}', 200, $table);
curl('PATCH /api/tables/{table}', 'admin', '{"check_interval_minutes": 0}', 400, $error);
curl('POST /api/tables/{table}/check', 'admin', undef, 202, { table_id => 's', checks => 'n', state => 's', location => 's' });
sql('SELECT count(*) FROM pulse_check_tables()');
curl('GET /api/tables/{table}/status', 'read', undef, 200, { status => 's', last_check_at => 's', checks => [ { monitor_type => 's', status => 's', executed_at => 's' } ] });
curl('GET /api/alerts?status=active&limit=100', 'read', undef, 200, []);
curl('GET /api/alerts/1000000', 'read', undef, 404, $error);
curl('DELETE /api/tables/{table}', 'admin', undef, 204, undef);
curl('GET /api/tables/{table}', 'read', undef, 404, $error);

# ---- Stratum ----

my $detail = { detail => 's' };
my $cdp = '/api/v1/cdp';
curl("POST $cdp/events", 'write', '{"events": [{"event_name": "Purchase", "event_time": "2026-11-01T10:00:00Z", "identifiers": [{"type": "email", "value": "Ann@Example.com"}, {"type": "external_id", "value": "cust-1"}],
	"idempotency_key": "order-1", "properties": {"order_id": "1", "total": 99.5, "currency": "EUR"}, "context": {"user_agent": "x", "ip": "192.0.2.1"}, "consent": {"analytics": true, "ads": false}},
	{"event_name": "", "identifiers": []}]}', 201, { accepted => 'n', rejected => 'n', duplicates => 'n', results => [ { event_id => 's?', status => 's', profile_id => 's?', error => 's?' } ] }, { profile => 'results.0.profile_id' });
curl("POST $cdp/profiles/lookup", 'read', '{"identifier_type": "email", "identifier_value": "ann@example.com"}', 200, { id => 's', identifiers => ['*'], profile_data => '*', lifecycle_stage => 's', total_events => 'n' });
curl("GET $cdp/profiles?identifier_type=email&identifier_value=ann%40example.com", 'read', undef, 200, { id => 's' });
curl("GET $cdp/profiles?identifier_type=email&identifier_value=nobody%40example.com", 'read', undef, 404, $detail);
curl("GET $cdp/profiles/{profile}", 'read', undef, 200, { id => 's' });
curl("POST $cdp/profiles/search", 'read', '{"query": "cust", "limit": 10}', 200, { profiles => ['*'], total => 'n' });
curl("GET $cdp/profiles/statistics", 'read', undef, 200, {});
curl("GET $cdp/profiles/{profile}/$_", 'read', undef, 200, '*') for qw(identity-graph canonical-identity merge-history segments);
curl("POST $cdp/profiles/{profile}/compute-traits", 'read', undef, 200, {});
curl("GET $cdp/merge-history", 'read', undef, 200, []);
curl("GET $cdp/identity-links?profile_id={profile}", 'read', undef, 200, []);
curl("POST $cdp/sources", 'top', '{"name": "Website", "source_type": "website"}', 201, { id => 's', source_key => 's' });
curl("DELETE $cdp/sources/None", 'admin', undef, 403, $detail);
curl("GET $cdp/sources", 'top', undef, 200, [ { name => 's', source_type => 's', event_count => 'n' } ]);
curl("GET $cdp/health", 'read', undef, 200, { status => 's' });
curl("GET $cdp/events/statistics", 'read', undef, 200, { events => [], totals => '*' });
curl("GET $cdp/events/trends?days=7", 'read', undef, 200, []);
my $audience = { id => 's', name => 's', segment_type => 's', status => 's', profile_count => 'n?' };
curl("POST $cdp/segments", 'admin', '{"name": "Buyers", "segment_type": "dynamic", "rules": {"logic": "and", "conditions": [{"field": "event.Purchase.count", "operator": "greater_than", "value": 0}], "groups": []}, "tags": ["a"]}',
	201, $audience, { audience => 'id' });
curl("POST $cdp/segments/preview", 'read', '{"rules": {"logic": "and", "conditions": [{"field": "event.Purchase.count", "operator": "greater_than", "value": 0}]}}', 200, { estimated_count => 'n', sample => '*' });
curl("GET $cdp/segments", 'read', undef, 200, [$audience]);
curl("GET $cdp/segments/{audience}", 'read', undef, 200, $audience);
curl("PATCH $cdp/segments/{audience}", 'admin', '{"description": "who bought"}', 200, $audience);
curl("POST $cdp/segments/{audience}/compute", 'admin', undef, 200, { profile_count => 'n' });
curl("GET $cdp/segments/{audience}/profiles", 'read', undef, 200, { profiles => [ { id => 's', external_id => 's?', added_at => 's' } ] });
curl("POST $cdp/segments", 'admin', '{"name": "By hand", "segment_type": "static"}', 201, $audience, { static => 'id' });
curl("POST $cdp/segments/{static}/profiles/{profile}", 'admin', undef, 200, { profile_id => 's', result => 's' });
curl("DELETE $cdp/segments/{static}/profiles/{profile}", 'admin', undef, 204, undef);
curl("POST $cdp/traits", 'admin', '{"name": "total_spent", "trait_type": "sum", "config": {"event_name": "Purchase", "property": "total", "time_window_days": 365}}', 201, { id => 's', name => 's', output_type => 's' }, { trait => 'id' });
curl("GET $cdp/traits", 'read', undef, 200, [ { id => 's', name => 's' } ]);
curl("GET $cdp/traits/{trait}", 'read', undef, 200, { id => 's' });
curl("POST $cdp/traits/compute", 'admin', undef, 200, { processed => 'n' });
curl("DELETE $cdp/traits/{trait}", 'admin', undef, 204, undef);
curl("POST $cdp/webhooks", 'top', '{"name": "hook", "url": "http://127.0.0.1:9/hook", "events": ["profile.created"]}', 201, { id => 's', secret => 's' }, { webhook => 'id' });
curl("GET $cdp/webhooks", 'top', undef, 200, [ { id => 's', events => ['s'] } ]);
curl("POST $cdp/webhooks/{webhook}/test", 'top', undef, 200, { success => 'b', status => 's', status_code => 'n?' });
curl("POST $cdp/webhooks/{webhook}/rotate-secret", 'top', undef, 200, { secret => 's' });
curl("DELETE $cdp/webhooks/{webhook}", 'top', undef, 204, undef);
curl("DELETE $cdp/segments/{audience}", 'admin', undef, 204, undef);

# ---- events as other manuals send them: the key as the user, in the body, or in the query ----

curl('POST /v1/track', 'none', '{"userId": "019mr8mf4r", "event": "Item Purchased", "properties": {"name": "Leap to Conclusions"}}', 200, { success => 'b' }, undef, '-u', "$key{write}:");
curl('POST /v1/identify', 'none', '{"userId": "019mr8mf4r", "traits": {"email": "pgibbons@example.com"}}', 200, { success => 'b' }, undef, '-u', "$key{write}:");
curl('POST /v1/batch', 'none', '{"writeKey": "' . $key{write} . '", "batch": [{"type": "track", "userId": "019mr8mf4r", "event": "A"}, {"type": "page", "anonymousId": "507f191e810c19729de860ea", "name": "B"}]}', 200, { success => 'b', accepted => 'n', rejected => [] });
curl('POST /v1/batch', 'none', undef, 200, { success => 'b', accepted => 'n' }, undef, '-u', "$key{write}:", '-d', '{"batch": [{"type": "track", "userId": "1", "event": "By a form"}]}');
curl('POST /capture/', 'none', '{"api_key": "' . $key{write} . '", "event": "seen", "distinct_id": "user-1", "properties": {"account": "Acme"}}', 200, { success => 'b' });
curl("POST /v1/track?apiKey=$key{write}", 'none', '{"userId": "user456", "event": "In the query"}', 200, { success => 'b' });
curl("GET /v1/decide?userId=user456&flag=x&apiKey=$key{read}", 'none', undef, 403, $refusal);
curl('POST /v1/t', 'none', undef, 200, { success => 'b' }, undef, '-H', 'Content-Type: text/plain', '-d', '{"writeKey": "' . $key{write} . '", "anonymousId": "a", "event": "From a page"}');
curl('POST /v1/m', 'none', undef, 200, { success => 'b' }, undef, '-H', 'Content-Type: text/plain', '-d', '{"series": []}');
curl('POST /api/s/track', 'none', undef, 200, { success => 'b' }, undef, '-H', "X-Write-Key: $key{write}:secret", '-d', '{"anonymousId": "a", "event": "By Jitsu"}');
curl('GET /metrics', 'read', undef, 200, qr/^# HELP pulse_/m);
curl('GET /v1/projects/KEY/settings', 'none', undef, 200, { integrations => '*' });
curl('GET /openapi.json', 'none', undef, 200, { openapi => 's', paths => '*' });
curl('GET /docs', 'none', undef, 200, qr/^<!doctype html>/i);

done_testing();
