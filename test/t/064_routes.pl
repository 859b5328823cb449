# Who receives which messages, and when, with the real worker and a receiver: routes, grouping, quiet hours, digests, cool-down,
# escalation, threads, subscriptions, inbound webhooks. test/bridge tests the single decisions step by step.
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
# Waits until there is nothing to plan and no due message.
sub settled
{
	my ($what) = @_;
	wait_until(q{SELECT NOT EXISTS (SELECT FROM pulse.notice) AND NOT EXISTS (SELECT FROM pulse.outbox WHERE status = 'sending'
		OR status = 'pending' AND send_at < now() + interval '1 minute')}, $what);
}
# The bodies that a channel has received, oldest first.
sub bodies { my ($name) = @_; return map { $codec->decode($_->{body}) } grep { $_->{status} == 200 } @{ get_json("$url/__journal?path=/webhook/$name") } }
# Each received message as "event: names of its incidents".
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
# Deletes routes, incidents, messages and the journal.
sub reset_all
{
	settled('the previous part has ended');
	sql(q{DELETE FROM pulse.route; DELETE FROM pulse.outbox; DELETE FROM pulse.incident_record});
	delete_json("$url/__journal");
}
# Writes an event of an incident about a segment; creates the incident if there is none.
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

# ---- end to end: a real history and a real drop, without any route ----

sql("SET pulse.now = '" . sql("SELECT date_trunc('day', now()) - $_ * interval '1 day'") . "'; SELECT pulse_take_snapshot('Payers'); SELECT pulse_check_drift('Payers')")
  for reverse 1 .. 10;
settled('after the history');
is_deeply(told('team'), [], 'nothing is sent while all is normal');
sql(q{DELETE FROM users WHERE user_id % 3 <> 0 AND plan = 'pro'; SELECT pulse_take_snapshot('Payers'); SELECT pulse_check_drift('Payers')});
my $opened = sql('SELECT count(*) FROM pulse.incident');
cmp_ok($opened, '>=', 2, 'the drop opens incidents');
settled('after the drop');
is(scalar(bodies('team')), 1, 'they are sent in one message, as they have the same cause') or diag(explain(told('team')));
is((bodies('team'))[0]{data}{incident_count}, $opened, 'which contains all of them');
is(scalar(bodies('boss')), 1, 'to every channel');
my $latency = sql(q{SELECT max(latency_ms) FROM pulse.message WHERE status = 'sent'});
note("from the incident to the receiver: $latency ms, 3000 of them the wait for others of the same cause");
cmp_ok($latency, '<', 60_000, 'which waits for nothing else');
sql(q{SELECT pulse_check_drift('Payers'); SELECT pulse_diagnose_incidents()});
settled('after another check');
is(scalar(bodies('team')), 1, 'nothing new is sent');
# A user acknowledges and resolves an incident: these messages are in the thread of the first one.
my $first = sql(q{SELECT min(id) FROM pulse.incident});
sql("SELECT pulse_acknowledge_incident($first); SELECT pulse_resolve_incident($first, new_normal => true)");
settled('after the end');
my @team = bodies('team');
is(scalar(grep { $_->{data}{event} =~ /resolved/ } @team), $opened, 'all of them are resolved');
is_deeply([ grep { $_->{data}{thread} ne $team[0]{data}{message_key} } @team ], [], 'in the thread of the first message');
# Replayed history causes no messages.
reset_all();
sql(q{SELECT pulse_create_segment('Old', '{"from": "users", "key": "user_id", "attributes": []}')});
for my $day (reverse 4 .. 14)
{
	sql(q{DELETE FROM users WHERE user_id % 2 = 0}) if $day == 5;
	sql("SET pulse.now = '" . sql("SELECT date_trunc('day', now()) - $day * interval '1 day'") . "'; SELECT pulse_take_snapshot('Old'); SELECT pulse_check_drift('Old')");
}
isnt(sql(q{SELECT count(*) FROM pulse.incident WHERE segment = 'Old'}), 0, 'the replayed history has incidents');
settled('after the replay');
is_deeply(told('team'), [], 'nothing is sent');

# ---- filters ----

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
	is_deeply([ sort @{ told('team') } ], $expected{$filter}, "sends the matching incidents: $filter");
	sql(q{DELETE FROM pulse.outbox; DELETE FROM pulse.incident_record});
	delete_json("$url/__journal");
}

# ---- opened and closed before it was sent; the same state twice ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', group_wait => '0')});
sql(q{SELECT happen('B', 'opened', 'high', 'size_change'), happen('B', 'resolved', 'high', 'size_change'); SELECT happen('C', 'opened', 'high', 'size_change')});
settled('two incidents, one of them closed');
is_deeply(told('team'), ['opened: C/size_change'], 'a closed incident is not sent');
is(sql(q{SELECT string_agg(event || ': ' || error, '; ' ORDER BY id) FROM pulse.message WHERE status = 'cancelled'}),
	'opened: the incident was closed before it was sent; resolved: the incident was closed before it was sent', 'with the reason');
happen('C', 'eased', 'low');
happen('C', 'worsened', 'high');
settled('eased and worsened again');
happen('C', 'worsened', 'critical');
settled('worsened');
is_deeply(told('team'), [ 'opened: C/size_change', 'worsened: C/size_change' ], 'the same state is sent once');

# ---- quiet hours, then one summary; digest ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', group_wait => '0', time_zone => 'UTC', quiet_hours =>
	to_char((now() AT TIME ZONE 'UTC') - interval '1 hour', 'HH24:MI') || '-' || to_char((now() AT TIME ZONE 'UTC') + interval '2 hours', 'HH24:MI'))});
happen($_->[0], 'opened', $_->[1]) for [ 'B', 'high' ], [ 'C', 'critical' ], [ 'D', 'low' ], [ 'Payers', 'medium' ];
happen('Payers', 'resolved', 'medium');
settled('during the quiet hours');
is_deeply(told('team'), ['opened: C/size_change'], 'only critical messages are sent');
is(sql(q{SELECT count(*) FROM pulse.outbox WHERE status = 'pending' AND send_at BETWEEN now() + interval '115 min' AND now() + interval '2 hours'}), 4, 'the others wait until the end');
# Makes pending messages due; a notice without an incident wakes the worker.
sub morning
{
	sql(q{UPDATE pulse.outbox SET send_at = now() WHERE status = 'pending';
		INSERT INTO pulse.notice (event, kind, incident_id, at) VALUES ('incident.updated', 'note', 0, now())});
}
morning();
settled('after the quiet hours');
is_deeply(told('team'), [ 'opened: C/size_change', 'digest: B/size_change, D/size_change' ], 'they are one message, without the closed incident');
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
settled('the first alarm');
happen('B', 'opened', 'medium', 'null_spike');
happen('B', 'opened', 'low', 'new_value');
settled('and two more about the same segment');
is_deeply(told('team'), ['opened: B/size_change'], 'wait');
happen('B', 'worsened', 'critical');
settled('a critical alarm');
is_deeply(told('team'), [ 'opened: B/size_change', 'worsened: B/size_change' ], 'does not wait');
morning();
settled('after the cool-down');
is_deeply(told('team'), [ 'opened: B/size_change', 'worsened: B/size_change', 'digest: B/new_value, B/null_spike' ], 'the waiting alarms are one message');

# ---- escalation ----

reset_all();
sql(q{SELECT pulse_create_route('r', '{team}', escalate_after => '1 hour', escalate_to => '{boss}', group_wait => '0')});
happen('B', 'opened');
happen('C', 'opened');
settled('two alarms');
is_deeply(told('boss'), [], 'nobody else is notified yet');
happen('C', 'acknowledged');
settled('one is acknowledged');
morning();
settled('an hour later');
is_deeply(told('boss'), ['escalated: B/size_change'], 'the other is escalated');
is(sql(q{SELECT error FROM pulse.message WHERE kind = 'escalation' AND status = 'cancelled'}), 'the incident is acknowledged', 'but not the acknowledged one');
happen('B', 'resolved');
happen('C', 'resolved');
settled('both end');
is_deeply(told('boss'), [ 'escalated: B/size_change', 'resolved: B/size_change' ], 'the channel of the escalation receives the end');

# ---- a dropped channel ----

reset_all();
channel('gone');
sql(q{SELECT pulse_create_route('r', '{team,gone}', group_wait => '0'); DROP SERVER gone CASCADE});
happen('B', 'opened');
settled('one channel was dropped');
is_deeply(told('team'), ['opened: B/size_change'], 'the other receives its message');
like(sql(q{SELECT error FROM pulse.message WHERE channel = 'gone' AND status = 'dead'}), qr/channel "gone" does not exist/, 'the error of the dead message');

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
	'every event, in order, although the first attempt failed');
my ($acknowledged) = grep { ($_->{data}{happened}{kind} // '') eq 'acknowledged' } bodies('machine');
is_deeply([ @{ $acknowledged->{data}{happened} }{qw(note actor)}, $acknowledged->{data}{segment} ], [ 'from n8n', 'postgres', 'B' ], 'with actor, note and segment');
my @counter = @{ get_json("$url/__journal?path=/webhook/counter") };
is(scalar(@counter), 1, 'only the requested events');
my $taken = $codec->decode($counter[0]{body});
is_deeply([ $taken->{type}, @{ $taken->{data} }{qw(segment size)} ], [ 'snapshot.taken', 'C', sql('SELECT count(*) FROM users') ], 'a snapshot with its size');
my $key = decode_base64($made =~ s/^whsec_//r);
my $signature = hmac_sha256_base64(join('.', @{ $counter[0]{headers} }{qw(webhook-id webhook-timestamp)}, $counter[0]{body}), $key);
is($counter[0]{headers}{'webhook-signature'}, "v1,$signature=", 'signed with the returned secret');
is(sql(q{SELECT count(*) FROM pulse.outbox WHERE channel = 'team'}), 0, 'a subscription does not change the routes');
sql(q{SELECT pulse_unsubscribe('machine'), pulse_unsubscribe('counter')});
my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$made\E/, 'the generated secret is not in the log');
is(scalar(grep { @{ $_->{bad} } } @{ get_json("$url/__journal") }), 0, 'the receiver saw no violation');

$node->stop;
done_testing();
