# An audience of Meta that has others than were sent is replaced in one session: with failures, after a lost session, behind another
# replacement, and with a worker that is killed in the middle.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('audience_crash_replacement', "shared_preload_libraries = 'pulse'", 'restart_after_crash = on', 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'",
	'pulse.audience_settling = 0');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 80);
sub shop { return $node->safe_psql('shop', $_[0]) }
sub fault { my ($path, $mode, %more) = @_; post_json("$platforms->{url}/__faults", { path => $path, mode => $mode, %more }); return }
sub well { delete_json("$platforms->{url}/__faults"); return }
sub audience { return get_json("$platforms->{url}/__audience?platform=meta&name=gold") }
sub strangers { my (@names) = @_; post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'gold', add => [ map { 'EMAIL:' . sha256_hex($_) } @names ] }); return }
sub replacements { return get_json("$platforms->{url}/__summary")->{paths}{replace} // 0 }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, 'ads', true) FROM generate_series(1, 80) AS n});
make_destination($node, 'shop', 'meta', $platforms);
shop(q{ALTER SERVER meta OPTIONS (ADD batch_size '7', ADD minimum_size '5')});
shop(q{SELECT pulse_create_audience('meta', 'gold', 'meta', '{"identifiers": ["email"], "interval": "manual", "platform_name": "gold", "max_share": 1}')});
trust_audience($node, 'shop', 'meta', 'meta');

sub replaced
{
	my ($what, %how) = @_;
	my $before = replacements();
	is(sync_until_done($node, 'shop', 'meta', operation => 'replace', %how), 'completed', "$what: the sync has ended");
	cmp_ok(replacements(), '>=', $before + 8, "$what: in a session of several batches");
	is(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), '', "$what: exactly the members with consent are there");
	is(shop(q{SELECT string_agg(DISTINCT state, ',') || ' ' || (count(*) = (SELECT a.people FROM pulse.audience AS a)) FROM pulse.audience_member}), 'sent true', "$what: the ledger says the same");
	return;
}

# ---- a worker that dies while the audience is created makes no second one ----
fault('/meta/v25.0/act_12345/customaudiences', 'late', milliseconds => 5000, times => 1);
shop(q{SELECT pulse_sync_audience('meta')});
my $end = time + $PostgreSQL::Test::Utils::timeout_default;
select undef, undef, undef, 0.1 until (get_json("$platforms->{url}/__summary")->{platforms}{meta}{faults} // 0) == 1 || time > $end;
PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', shop(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse audiences'}));
wait_until_back($node, 'shop');
is(sync_until_done($node, 'shop', 'meta', queued => 1), 'completed', 'a first sync');
is(get_json("$platforms->{url}/__summary")->{audiences}{meta}, 1, 'and one audience');
strangers(qw(eve@example.com mallory@example.com));
isnt(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), '', 'the platform has others');
replaced('strangers');
my $id = audience()->{id};

# ---- failures ----
for my $mode (qw(throttle server html cut_before cut_after half partial))
{
	strangers("$mode\@example.com");
	fault("/meta/v25.0/$id/usersreplace", $mode, times => 3, skip => 2);
	replaced($mode);
	well();
}
strangers('first@example.com');
fault("/meta/v25.0/$id/usersreplace", 'cut_before', times => 1);
replaced('a first batch that did not arrive');
well();
strangers('arrived@example.com');
fault("/meta/v25.0/$id/usersreplace", 'cut_after', times => 1);
replaced('a first batch that arrived');
well();
strangers('lost@example.com');
fault("/meta/v25.0/$id/usersreplace", 'session_lost', times => 1, skip => 4);
replaced('a session that was lost');
is(shop('SELECT restarts FROM pulse.sync_run ORDER BY id DESC LIMIT 1'), 1, 'it was begun anew once');
well();
strangers('last@example.com');
fault("/meta/v25.0/$id/usersreplace", 'cut_after', times => 1, skip => 8);
replaced('a last batch that arrived');
well();

# ---- a session that gets lost again and again ----
strangers('often@example.com');
fault("/meta/v25.0/$id/usersreplace", 'session_lost', every => 4);
is(sync_until_done($node, 'shop', 'meta', operation => 'replace'), 'failed', 'a session that is always lost fails the sync');
is(shop('SELECT restarts FROM pulse.sync_run ORDER BY id DESC LIMIT 1'), 6, 'after some attempts');
well();
shop(q{SELECT pulse_identify('u9', '{"email": "new@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'the next sync sends all that are missing');
like(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), qr/^1 too many, 0 missing/, 'of the members nobody is missing');
replaced('after that');

# ---- somebody else's replacement ----
post_json("$platforms->{url}/meta/v25.0/$id/usersreplace?access_token=meta-token", { session => { session_id => 4711, batch_seq => 1, last_batch_flag => JSON::PP::false },
	payload => { schema => ['EMAIL'], data => [ [ sha256_hex('other@example.com') ] ] } });
my $run = shop(q{SELECT pulse_sync_audience('meta', 'replace')});
ok($node->poll_query_until('shop', "SELECT not_before > clock_timestamp() + interval '4 minutes' AND error LIKE '%still replacing%' FROM pulse.sync_run WHERE id = $run"), 'another replacement is waited for');
is(shop("SELECT status || ' ' || attempts FROM pulse.sync_run WHERE id = $run"), 'processing 1', 'and the sync goes on later');
post_json("$platforms->{url}/__settings", { clock => 1000 * (time + 91 * 60) });
replaced('behind another one', queued => 1);

# ---- a change, an erasure and a crash in the middle ----
sub in_the_middle
{
	my ($what, $do) = @_;
	strangers("$what\@example.com");
	my $before = replacements();
	fault("/meta/v25.0/$id/usersreplace", 'slow', milliseconds => 300);
	my $done = 0;
	replaced($what, meanwhile => sub {
			return if $done || replacements() < $before + 4;
			$done = 1;
			$do->();
			well();
		});
	is($done, 1, "$what: in the middle");
	return;
}
in_the_middle('worker', sub {
		my $pid = shop(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pulse audiences'});
		PostgreSQL::Test::Utils::system_log('pg_ctl', 'kill', 'KILL', $pid);
		wait_until_back($node, 'shop');
	});
in_the_middle('erasure', sub { shop(q{SELECT pulse_erase_profile('u1', 'ticket'), pulse_erase_profile('u79', 'ticket')}) });
in_the_middle('consent', sub { shop(q{SELECT pulse_set_consent('u78', 'ads', false), pulse_set_consent('u77', 'ads', false)}) });

# ---- a comparison of everybody that fails loses no change ----
shop(q{SELECT pulse_set_consent('u76', 'ads', false)});
shop('ALTER TABLE pulse.identity RENAME TO hidden');
my $failed = sync_until_done($node, 'shop', 'meta', operation => 'full');
shop('ALTER TABLE pulse.hidden RENAME TO identity');
is($failed, 'failed', 'a comparison fails');
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'the next sync');
is(shop(q{SELECT operation FROM pulse.sync_run ORDER BY id DESC LIMIT 1}), 'delta', 'looks at who has changed');
is(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), '', 'and whoever withdrew consent before it has left');

# ---- it is chosen where the states have parted ----
strangers(map { "stranger$_\@example.com" } 1 .. 2000);
shop(q{SELECT pulse_identify('u9', '{"email": "newer@example.com"}')});
shop(q{UPDATE pulse.audience SET replaced_at = replaced_at - full_every});
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'a sync reads the size');
is(shop(q{SELECT 'parted' = ANY (warned) FROM pulse.audience}), 't', 'there are many more than were sent');
is(sync_until_done($node, 'shop', 'meta'), 'completed', 'the next sync');
is(shop(q{SELECT operation FROM pulse.sync_run ORDER BY id DESC LIMIT 1}), 'replace', 'replaces them');
is(difference(platform_hashes($platforms, 'meta', 'gold'), wanted_hashes($node, 'shop')), '', 'exactly the members with consent are there');
is(shop(q{SELECT 'parted' = ANY (warned) FROM pulse.audience}), 'f', 'and the alarm is over');
is(violations($platforms), '', 'sessions are as the platform wants them');
$node->stop;
done_testing();
