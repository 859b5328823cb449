# Who is told what, and when, with the real worker and a receiver: routes, grouping, quiet hours, digests, cool-down, escalation,
# threads, subscriptions in both directions. How each case is decided is tested step by step in test/bridge.
use strict;
use warnings;
use JSON::PP;
use Digest::SHA qw(hmac_sha256_base64);
use MIME::Base64 qw(decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;
use PulseTest;

my $receiver = start_receiver();
my $url = $receiver->{url};
my $node = start_node('routes', q{shared_preload_libraries = 'pulse'}, q{pulse.allowed_hosts = '127.0.0.1'}, 'pulse.allow_http = on', 'log_statement = all');
my $secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $codec = JSON::PP->new->utf8->canonical;

sub sql { return $node->safe_psql('postgres', @_) }
sub wait_until { my ($sql, $what) = @_; ok($node->poll_query_until('postgres', $sql), $what) }
# Nothing is left to plan, and nothing that is due to send.
sub settled
{
	my ($what) = @_;
	wait_until(q{SELECT NOT EXISTS (SELECT FROM pulse.notice) AND NOT EXISTS (SELECT FROM pulse.outbox WHERE status = 'sending'
		OR status = 'pending' AND send_at < now() + interval '1 minute')}, $what);
}
# What came to a channel: the bodies, oldest first.
sub bodies { my ($name) = @_; return map { $codec->decode($_->{body}) } grep { $_->{status} == 200 } @{ get_json("$url/__journal?path=/webhook/$name") } }
# Each as "event: names of its incidents".
sub told
{
	my ($name) = @_;
	return [ map {
		my $data = $_->{data};
		my @stories = $data->{incidents} ? @{ $data->{incidents} } : ($data);
		"$data->{event}: " . join(', ', sort map { ($_->{segment} // $_->{table}) . "/$_->{detector}" } @stories)
	} bodies($name) ];
}
sub channel
{
	my ($name) = @_;
	sql(qq{SELECT pulse_create_channel('$name', 'webhook', '{"url": "$url/webhook/$name", "secret": "$secret"}')});
}
# Begins anew: no routes, incidents, messages, journal.
sub reset_all
{
	settled('the last part has ended');
	sql(q{DELETE FROM pulse.route; DELETE FROM pulse.outbox; DELETE FROM pulse.incident_record});
	delete_json("$url/__journal");
}
# Something happens to an incident of a segment; it is made when there is none.
sub happen
{
	my ($what, $kind, $severity, $detector) = @_;
	sql(sprintf(q{SELECT happen('%s', '%s', '%s', '%s')}, $what, $kind, $severity // 'high', $detector // 'size_change'));
}

sql(q{
	CREATE EXTENSION pulse;
	CREATE TABLE users (user_id bigint PRIMARY KEY, plan text);
	INSERT INTO users SELECT i, (ARRAY['free', 'pro'])[1 + i % 2] FROM generate_series(1, 4000) AS i;
	SELECT pulse_create_segment('Payers', '{"from": "users", "key": "user_id", "attributes": ["plan"]}', owner => 'growth', tags => '{vip}');
	SELECT pulse_create_segment(n, '{"from": "users", "key": "user_id", "attributes": []}') FROM unnest('{B,C,D}'::text[]) AS n;
	SELECT pulse_monitor_table('users', checks => '[{"type": "volume", "min": 1}]', owner => 'data');
	CREATE FUNCTION happen(what text, kind text, severity text, detector text) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		incident bigint; event bigint; moment timestamptz := clock_timestamp();
	BEGIN
		SELECT r.id INTO incident FROM pulse.incident_record AS r LEFT JOIN pulse.segment AS s ON s.id = r.segment_id
		WHERE coalesce(s.name, r.relation) = what AND r.detector = happen.detector ORDER BY r.id DESC LIMIT 1;
		IF kind = 'opened' THEN
			INSERT INTO pulse.incident_record (segment_id, monitor_id, relation, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
			SELECT s.id, m.id, m.relation, detector, severity, 'down', 'rolling', what || ' fell', moment, moment, moment
			FROM (SELECT) AS one LEFT JOIN pulse.segment AS s ON s.name = what LEFT JOIN pulse.monitor AS m ON m.relation = what
			RETURNING id INTO incident;
		ELSE
			UPDATE pulse.incident_record AS r SET severity = happen.severity, closed_at = CASE WHEN kind = 'resolved' THEN moment END,
				status = CASE WHEN kind IN ('resolved', 'acknowledged') THEN kind ELSE 'open' END WHERE r.id = incident;
		END IF;
		INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity) VALUES (incident, moment, kind, 'pulse', severity) RETURNING id INTO event;
		INSERT INTO pulse.notice (event, kind, incident_id, incident_event_id, at)
		VALUES (CASE kind WHEN 'opened' THEN 'incident.opened' WHEN 'resolved' THEN 'incident.resolved' ELSE 'incident.updated' END, kind, incident, event, moment);
		RETURN incident;
	END $$;
});
channel($_) for qw(team boss);

# ---- the whole way: a real history, a real fall, without any route ----

sql("SET pulse.now = '" . sql("SELECT date_trunc('day', now()) - $_ * interval '1 day'") . "'; SELECT pulse_take_snapshot('Payers'); SELECT pulse_check_drift('Payers')")
  for reverse 1 .. 10;
settled('history is over');
is_deeply(told('team'), [], 'what is normal is told to nobody');
sql(q{DELETE FROM users WHERE user_id % 3 <> 0 AND plan = 'pro'; SELECT pulse_take_snapshot('Payers'); SELECT pulse_check_drift('Payers')});
my $opened = sql('SELECT count(*) FROM pulse.incident');
cmp_ok($opened, '>=', 2, 'the fall opens incidents');
settled('the fall is told');
is(scalar(bodies('team')), 1, 'in one message, as they have one cause') or diag(explain(told('team')));
is((bodies('team'))[0]{data}{incident_count}, $opened, 'which tells all of them');
is(scalar(bodies('boss')), 1, 'to every channel');
my $latency = sql(q{SELECT max(latency_ms) FROM pulse.message WHERE status = 'sent'});
note("from the incident to the receiver: $latency ms, 3000 of them the wait for others of the same cause");
cmp_ok($latency, '<', 20_000, 'within seconds');
sql(q{SELECT pulse_check_drift('Payers'); SELECT pulse_diagnose_incidents()});
settled('another look');
is(scalar(bodies('team')), 1, 'tells nothing new');
# A person takes one in hand and resolves it: on the thread of the first message.
my $first = sql(q{SELECT min(id) FROM pulse.incident});
sql("SELECT pulse_acknowledge_incident($first); SELECT pulse_resolve_incident($first, new_normal => true)");
settled('it ends');
my @team = bodies('team');
is(scalar(grep { $_->{data}{event} =~ /resolved/ } @team), $opened, 'everyone of them is over');
is_deeply([ grep { $_->{data}{thread} ne $team[0]{data}{message_key} } @team ], [], 'and says so on the thread of the first');
# A replayed history alarms nobody.
reset_all();
sql(q{SELECT pulse_create_segment('Old', '{"from": "users", "key": "user_id", "attributes": []}')});
for my $day (reverse 4 .. 14)
{
	sql(q{DELETE FROM users WHERE user_id % 2 = 0}) if $day == 5;
	sql("SET pulse.now = '" . sql("SELECT date_trunc('day', now()) - $day * interval '1 day'") . "'; SELECT pulse_take_snapshot('Old'); SELECT pulse_check_drift('Old')");
}
isnt(sql(q{SELECT count(*) FROM pulse.incident WHERE segment = 'Old'}), 0, 'the replayed history has incidents');
settled('and is over');
is_deeply(told('team'), [], 'nobody is told');

# ---- which ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', group_wait => '0')});
my %filters = (min_severity => q{'high'}, owners => q{'{growth}'}, tags => q{'{vip}'}, segments => q{'{B}'}, tables => q{'{public.users}'},
	detectors => q{'{null_spike,table}'}, events => q{'{resolved}'});
my %expected = (
	min_severity => [ 'opened: B/size_change', 'opened: Payers/size_change' ], owners => [ 'opened: Payers/size_change' ], tags => [ 'opened: Payers/size_change' ],
	segments => [ 'opened: B/size_change' ], tables => [ 'opened: public.users/table_volume' ], detectors => [ 'opened: C/null_spike', 'opened: public.users/table_volume' ],
	events => []);
for my $filter (sort keys %filters)
{
	sql(q{SELECT pulse_update_route('r', min_severity => 'low', owners => '{}', tags => '{}', segments => '{}', tables => '{}', detectors => '{}', events => '{}')});
	sql("SELECT pulse_update_route('r', $filter => $filters{$filter})");
	sql(q{SELECT happen('Payers', 'opened', 'critical', 'size_change'), happen('B', 'opened', 'high', 'size_change'), happen('C', 'opened', 'low', 'null_spike'),
		happen('public.users', 'opened', 'medium', 'table_volume')});
	settled("route by $filter");
	is_deeply([ sort @{ told('team') } ], $expected{$filter}, "tells what it shall: $filter");
	sql(q{DELETE FROM pulse.outbox; DELETE FROM pulse.incident_record});
	delete_json("$url/__journal");
}

# ---- opened and closed before anybody was told; the same state twice ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', group_wait => '0')});
sql(q{SELECT happen('B', 'opened', 'high', 'size_change'), happen('B', 'resolved', 'high', 'size_change'); SELECT happen('C', 'opened', 'high', 'size_change')});
settled('two incidents, one of them over');
is_deeply(told('team'), ['opened: C/size_change'], 'what was over is told to nobody');
is(sql(q{SELECT string_agg(event || ': ' || error, '; ' ORDER BY id) FROM pulse.message WHERE status = 'cancelled'}),
	'opened: it was closed before anybody was told; resolved: it was closed before anybody was told', 'with the reason kept');
happen('C', 'eased', 'low');
happen('C', 'worsened', 'high');
settled('there and back');
happen('C', 'worsened', 'critical');
settled('worse');
is_deeply(told('team'), [ 'opened: C/size_change', 'worsened: C/size_change' ], 'the same state is told once');

# ---- quiet hours, then one summary; digest ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', group_wait => '0', time_zone => 'UTC', quiet_hours =>
	to_char((now() AT TIME ZONE 'UTC') - interval '1 hour', 'HH24:MI') || '-' || to_char((now() AT TIME ZONE 'UTC') + interval '2 hours', 'HH24:MI'))});
happen($_->[0], 'opened', $_->[1]) for [ 'B', 'high' ], [ 'C', 'critical' ], [ 'D', 'low' ], [ 'Payers', 'medium' ];
happen('Payers', 'resolved', 'medium');
settled('at night');
is_deeply(told('team'), ['opened: C/size_change'], 'only what is critical passes');
is(sql(q{SELECT count(*) FROM pulse.outbox WHERE status = 'pending' AND send_at BETWEEN now() + interval '115 min' AND now() + interval '2 hours'}), 4, 'the rest waits for the morning');
# The morning: what waits is due, and a notice of nothing wakes the worker.
sub morning
{
	sql(q{UPDATE pulse.outbox SET send_at = now() WHERE status = 'pending';
		INSERT INTO pulse.notice (event, kind, incident_id, at) VALUES ('incident.updated', 'note', 0, now())});
}
morning();
settled('in the morning');
is_deeply(told('team'), [ 'opened: C/size_change', 'digest: B/size_change, D/size_change' ], 'it is one message, without what was over by then');
reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', digest => 'daily', digest_at => ((now() AT TIME ZONE 'UTC') + interval '2 hours')::time, time_zone => 'UTC')});
happen('B', 'opened', 'critical');
happen('C', 'opened', 'low');
settled('before the digest');
is_deeply(told('team'), [], 'a digest waits');
morning();
settled('the digest');
is_deeply(told('team'), ['digest: B/size_change, C/size_change'], 'and is one message');

# ---- cool-down ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', cool_down => '2 hours', group_wait => '0')});
happen('B', 'opened');
settled('the first');
happen('B', 'opened', 'medium', 'null_spike');
happen('B', 'opened', 'low', 'new_value');
settled('and two more about the same segment');
is_deeply(told('team'), ['opened: B/size_change'], 'which wait');
happen('B', 'worsened', 'critical');
settled('what is critical');
is_deeply(told('team'), [ 'opened: B/size_change', 'worsened: B/size_change' ], 'does not');
morning();
settled('after the cool-down');
is_deeply(told('team'), [ 'opened: B/size_change', 'worsened: B/size_change', 'digest: B/new_value, B/null_spike' ], 'the others are one message');

# ---- escalation ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', escalate_after => '1 hour', escalate_to => '{boss}', group_wait => '0')});
happen('B', 'opened');
happen('C', 'opened');
settled('two alarms');
is_deeply(told('boss'), [], 'nobody else is called yet');
happen('C', 'acknowledged');
settled('one is taken in hand');
morning();
settled('an hour later');
is_deeply(told('boss'), ['escalated: B/size_change'], 'the other is escalated');
is(sql(q{SELECT error FROM pulse.message WHERE kind = 'escalation' AND status = 'cancelled'}), 'it is acknowledged', 'and the one not');
happen('B', 'resolved');
happen('C', 'resolved');
settled('both end');
is_deeply(told('boss'), [ 'escalated: B/size_change', 'resolved: B/size_change' ], 'who was called in hears of the end');

# ---- a channel that is down, and one that is gone ----

reset_all();
channel('gone');
sql(q{SELECT pulse_create_route('r', '{team,gone}', group_wait => '0'); DROP SERVER gone CASCADE});
happen('B', 'opened');
settled('one channel was dropped');
is_deeply(told('team'), ['opened: B/size_change'], 'which stops no other');
like(sql(q{SELECT error FROM pulse.message WHERE channel = 'gone' AND status = 'dead'}), qr/channel "gone" does not exist/, 'its message says why it is dead');

# ---- subscriptions ----

reset_all();
sql(q{SELECT pulse_create_route('none', '{team}', events => '{ignored}')});
sql(qq{SELECT pulse_subscribe('$url/webhook/machine', name => 'machine')});
my $made = sql(qq{SELECT secret FROM pulse_subscribe('$url/webhook/counter', '{snapshot.taken}', name => 'counter')});
post_json("$url/__faults", { path => '/webhook/machine', mode => 'status', status => 503, times => 1 });
my $incident = happen('B', 'opened');
happen('B', 'worsened', 'critical');
happen('B', 'note', 'critical');
sql("SELECT pulse_receive_webhook('{\"action\": \"acknowledge\", \"incident\": $incident, \"note\": \"from n8n\"}'::jsonb) FROM generate_series(1, 2)");
sql("SELECT pulse_receive_webhook('{\"action\": \"resolve\", \"incident\": \"$incident\"}'::jsonb)");
sql(q{SELECT pulse_take_snapshot('C')});
settled('events');
is(join(' ', map { "$_->{type}/" . ($_->{data}{happened}{kind} // '') } grep { $_->{type} ne 'snapshot.taken' } bodies('machine')),
	'incident.opened/opened incident.updated/worsened incident.updated/note incident.updated/acknowledged incident.resolved/resolved',
	'every event, in order, although the first try failed');
my ($acknowledged) = grep { ($_->{data}{happened}{kind} // '') eq 'acknowledged' } bodies('machine');
is_deeply([ @{ $acknowledged->{data}{happened} }{qw(note actor)}, $acknowledged->{data}{segment} ], [ 'from n8n', 'postgres', 'B' ], 'with who, what and why');
my @counter = @{ get_json("$url/__journal?path=/webhook/counter") };
is(scalar(@counter), 1, 'only what was asked for');
my $taken = $codec->decode($counter[0]{body});
is_deeply([ $taken->{type}, @{ $taken->{data} }{qw(segment size)} ], [ 'snapshot.taken', 'C', sql('SELECT count(*) FROM users') ], 'a snapshot with its size');
my $key = decode_base64($made =~ s/^whsec_//r);
my $signature = hmac_sha256_base64(join('.', @{ $counter[0]{headers} }{qw(webhook-id webhook-timestamp)}, $counter[0]{body}), $key);
is($counter[0]{headers}{'webhook-signature'}, "v1,$signature=", 'signed with the secret that was shown');
is(sql(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'team'}), 0, 'a subscription is no route');
sql(q{SELECT pulse_unsubscribe('machine'), pulse_unsubscribe('counter')});
my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$made\E/, 'the secret that was made is in no log');
is(scalar(grep { @{ $_->{bad} } } @{ get_json("$url/__journal") }), 0, 'the receiver has nothing to complain of');

$node->stop;
done_testing();
