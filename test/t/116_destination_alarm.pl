# What a person must do reaches people: a platform that wants something, and a login that ends or has ended. The sync stops, nothing is
# asked again and again, and other destinations go on.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('destination_alarm', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 40);
sub shop { return $node->safe_psql('shop', $_[0]) }
sub until_true { my ($query, $what) = @_; ok($node->poll_query_until('shop', $query), $what) or diag(shop('SELECT to_jsonb(d) FROM pulse.destination AS d')); return }
sub fault { my ($path, $mode, %more) = @_; post_json("$platforms->{url}/__faults", { path => $path, mode => $mode, %more }); return }
sub well { delete_json("$platforms->{url}/__faults"); return }
sub requests { my ($platform) = @_; return get_json("$platforms->{url}/__summary")->{platforms}{$platform}{requests} }
sub told { my ($event) = @_; return shop("SELECT coalesce(string_agg(channel || ' ' || (payload::text ~* 'ALTER USER MAPPING|Accept the terms|Give the login|Let the receiver|Name and description')::text, ', ' ORDER BY channel), '') FROM pulse.outbox WHERE event = '$event'") }
sub forget { shop(q{DELETE FROM pulse.outbox; UPDATE pulse.destination_state SET alarms_sent = '{}'}); return }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, p, true) FROM generate_series(1, 40) AS n, unnest('{ads,ads_personalization}'::text[]) AS p});
# Ordinary channels of three kinds, which nothing is sent to: the messages are looked at.
shop(q{SELECT pulse_create_channel('chat', 'slack', '{"url": "https://hooks.slack.com/services/T/B/x"}'), pulse_create_channel('mail', 'email', '{"from": "a@example.com", "to": "b@example.com", "provider": "smtp", "host": "mail.example.com"}'),
	pulse_create_channel('hook', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}')});
shop(q{SELECT pulse_create_route('all', '{chat,mail,hook}', events => '{opened,action}')});
my @platforms = qw(meta google tiktok snapchat webhook);
for my $platform (@platforms)
{
	make_destination($node, 'shop', $platform, $platforms);
	shop(qq{SELECT pulse_create_audience('$platform', 'gold', '$platform', '{"identifiers": ["email"], "interval": "manual", "platform_name": "$platform", "max_share": 1}')});
	trust_audience($node, 'shop', $platform, $platform);
	is(sync_until_done($node, 'shop', $platform), 'completed', "$platform: a first sync");
}

# ---- a person must act ----
my %forms = (meta => 7, google => 4, tiktok => 4, snapchat => 1, webhook => 1);
my $n = 0;
for my $platform (@platforms)
{
	for my $form (0 .. $forms{$platform} - 1)
	{
		++$n;
		forget();
		shop("SELECT pulse_identify('u1', '{\"email\": \"blocked$n\@example.com\"}')");
		fault("/$platform", 'blocked', form => $form);
		is(sync_until_done($node, 'shop', $platform), 'failed', "$platform, form $form: the sync stops");
		is(shop("SELECT a.status || ' ' || ('blocked' = ANY (a.warned)) || ' ' || d.state || ' ' || (length(d.advice) > 20) FROM pulse.audience AS a JOIN pulse.destination AS d ON d.name = a.destination WHERE a.name = '$platform'"),
			'stopped true blocked true', "$platform, form $form: so does the audience, and its destination says what to do") or diag(shop("SELECT to_jsonb(r) FROM pulse.sync_run AS r ORDER BY id DESC LIMIT 1"));
		is(shop("SELECT count(*) || ' ' || count(DISTINCT channel) FROM pulse.outbox WHERE event = 'destination.blocked' AND payload::text LIKE '%' || (SELECT left(advice, 30) FROM pulse.destination WHERE name = '$platform') || '%'"), '3 3', "$platform, form $form: each channel is told what to do, once");
		well();
		shop("SELECT pulse_resume_audience('$platform')");
		is(sync_until_done($node, 'shop', $platform), 'completed', "$platform, form $form: it goes on when it is resumed");
		is(shop("SELECT state || ' ' || (SELECT status FROM pulse.audience WHERE name = '$platform') || ' ' || (SELECT count(*) FROM pulse.outbox WHERE event = 'destination.works') FROM pulse.destination WHERE name = '$platform'"), 'ok active 3', 'and channels are told that it works');
	}
}

# ---- nothing is asked again and again, others go on ----
forget();
fault('/meta', 'blocked', form => 0);
shop(q{SELECT pulse_create_audience('second', 'gold', 'meta', '{"identifiers": ["email"], "interval": "manual", "platform_name": "second"}')});
trust_audience($node, 'shop', 'second', 'meta');
shop(q{SELECT pulse_identify('u1', '{"email": "storm@example.com"}')});
is(sync_until_done($node, 'shop', $_), 'failed', "$_ stops") for qw(meta second);
my $asked = requests('meta');
is(sync_until_done($node, 'shop', $_), 'completed', "$_ goes on") for qw(google tiktok snapchat webhook);
is(requests('meta'), $asked, 'the platform that waits for a person is not asked');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE event = 'destination.blocked'}), 3, 'two audiences of a destination are one alarm');
well();
shop(qq{SELECT pulse_resume_audience('$_')}) for qw(meta second);
is(sync_until_done($node, 'shop', $_), 'completed', "$_ goes on") for qw(meta second);

# ---- flagged ----
forget();
post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'meta', flagged => JSON::PP::true });
shop(q{SELECT pulse_identify('u1', '{"email": "flag@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'failed', 'a flagged audience stops');
is(shop(q{SELECT status || ' ' || ('flagged' = ANY (warned)) FROM pulse.audience WHERE name = 'meta'}), 'stopped true', 'it is stopped');
is(told('audience.flagged'), 'chat true, hook true, mail true', 'each channel is told what to do');
is(sync_until_done($node, 'shop', 'second'), 'completed', 'another audience of the destination goes on');
post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'meta', flagged => JSON::PP::false });
shop(q{SELECT pulse_resume_audience('meta')});
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'it goes on when it is resumed');

# ---- a request that will never be taken stops nothing ----
fault('/tiktok', 'refused', form => 0, times => 1);
shop(q{SELECT pulse_identify('u1', '{"email": "refused@example.com"}')});
is(sync_until_done($node, 'shop', 'tiktok'), 'failed', 'a refused request fails the sync');
is(shop(q{SELECT status FROM pulse.audience WHERE name = 'tiktok'}), 'active', 'and not the audience');

# ---- a login that ends ----
forget();
is(shop(q{SELECT login_expires_at FROM pulse.destination WHERE name = 'meta'}), '', 'the login of meta does not end by time');
post_json("$platforms->{url}/__settings", { login_seconds => 3 * 86400, refresh_seconds => 6 * 86400 });
shop(q{UPDATE pulse.destination_state SET login_asked_at = login_asked_at - interval '25 hours'});
shop(q{SELECT pulse_identify('u1', '{"email": "ends@example.com"}')});
post_json("$platforms->{url}/__expire", { platform => $_ }) for qw(google snapchat);
is(sync_until_done($node, 'shop', $_), 'completed', "$_ goes on") for qw(meta google snapchat);
until_true(q{SELECT count(*) = 3 FROM pulse.destination WHERE state = 'login ends'}, 'three logins end soon');
is(shop(q{SELECT string_agg(name || ' ' || round(extract(epoch FROM login_expires_at - now()) / 86400), ', ' ORDER BY name) FROM pulse.destination WHERE login_expires_at IS NOT NULL}), 'google 6, meta 3, snapchat 6', 'as the platforms say');
until_true(q{SELECT count(*) = 9 FROM pulse.outbox WHERE event = 'destination.login_ending' AND payload::text LIKE '%ALTER USER MAPPING%'}, 'each channel is told of each, with what to do');
is(shop(q{SELECT state || ' ' || value FROM pulse_status() WHERE item = 'destinations'}), 'degraded 3', 'pulse_status() says so');
like(shop(q{SELECT string_agg((labels ->> 'destination') || ' ' || round(value / 86400), ', ' ORDER BY labels ->> 'destination') FROM pulse_metrics() WHERE name = 'pulse_destination_login_ends_seconds'}), qr/google 6.*meta 3.*snapchat 6/, 'like pulse_metrics()');
shop(q{SELECT pulse_identify('u1', '{"email": "again@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'another sync');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE event = 'destination.login_ending'}), 9, 'tells nobody again');
shop(q{UPDATE pulse.destination_state SET alarms_sent = (SELECT jsonb_object_agg(key, value::timestamptz - interval '25 hours') FROM jsonb_each_text(alarms_sent)) WHERE alarms_sent <> '{}'});
shop(q{SELECT pulse_identify('u1', '{"email": "nextday@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'a sync of the next day');
until_true(q{SELECT count(*) = 18 FROM pulse.outbox WHERE event = 'destination.login_ending'}, 'tells them once more');

# ---- and has ended ----
forget();
fault('/meta', 'token', form => 0);
fault("/oauth/google", 'status', status => 400, body => { error => 'invalid_grant', error_description => 'Token has been expired or revoked.' });
post_json("$platforms->{url}/__expire", { platform => 'google' });
shop(q{SELECT pulse_identify('u1', '{"email": "ended@example.com"}')});
is(sync_until_done($node, 'shop', $_), 'failed', "$_: a login that has ended fails the sync") for qw(meta google);
is(shop(q{SELECT string_agg(name || ' ' || state, ', ' ORDER BY name) FROM pulse.destination WHERE state = 'login ended'}), 'google login ended, meta login ended', 'the destinations say so');
is(shop(q{SELECT string_agg(name || ' ' || status, ', ' ORDER BY name) FROM pulse.audience WHERE 'login' = ANY (warned)}), 'google stopped, meta stopped', 'and the audiences');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE event = 'destination.login_ended' AND payload::text LIKE '%ALTER USER MAPPING%'}), 6, 'each channel is told of each, with what to do');
is(shop(q{SELECT sum(value) FROM pulse_metrics() WHERE name = 'pulse_destination_login_ended'}), 2, 'like pulse_metrics()');
shop(q{UPDATE pulse.audience SET on_change = false, next_sync_at = NULL, check_at = NULL; UPDATE pulse.sync_batch SET check_at = NULL});
shop(q{UPDATE pulse.destination_state SET alarms_sent = jsonb_set(alarms_sent, '{destination.login_ending}', to_jsonb(now() - interval '25 hours')) WHERE login_failed_at IS NOT NULL});
until_true(q{SELECT running_since IS NULL AND next_run > now() + interval '10 minutes' FROM pulse.job WHERE kind = 'audiences'}, 'the job rests: an alarm that was sent is not due');
well();
is(shop(q{SELECT string_agg(status, ' ') FROM unnest('{meta,google}'::text[]) AS n, pulse_test_destination(n)}), 'ok ok', 'the logins work again');
is(shop(q{SELECT count(*) FROM pulse.destination WHERE state = 'login ended'}), 0, 'the destinations say so');
is(shop(q{SELECT count(*) FROM pulse.outbox WHERE event = 'destination.works'}), 6, 'and channels are told');

# ---- a test locks nothing while it waits for the platform, whose login it has renewed ----
my $faults = get_json("$platforms->{url}/__summary")->{platforms}{snapchat}{faults};
fault('/snapchat', 'hold', times => 1);
my $test = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('shop'), '-c', q{SELECT status FROM pulse_test_destination('snapchat')} ], '>', \my $tested);
PulsePeers::wait_for($platforms, 'the platform is asked', sub { return get_json("$platforms->{url}/__summary")->{platforms}{snapchat}{faults} > $faults });
is(shop(q{SELECT count(*) FROM pg_locks WHERE relation = 'pulse.destination_state'::regclass AND mode = 'RowExclusiveLock'}), 0, 'no row is locked');
well();
$test->finish;
is($tested, "ok\n", 'then it is answered');
is(violations($platforms), '', 'requests are as the platforms want them');
$node->stop;
done_testing();
