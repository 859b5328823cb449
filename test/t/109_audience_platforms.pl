# The whole life of an audience on each platform, against a strict imitation that refuses what the platform's documentation does not
# allow; and every way in which a platform fails.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('audience', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 40);
sub shop { return $node->safe_psql('shop', $_[0]) }
sub fault { my ($path, $mode, %more) = @_; post_json("$platforms->{url}/__faults", { path => $path, mode => $mode, %more }); return }
sub well { delete_json("$platforms->{url}/__faults"); return }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, p, true) FROM generate_series(1, 39) AS n, unnest('{ads,ads_personalization}'::text[]) AS p WHERE n % 10 <> 0});

for my $platform (qw(meta google tiktok snapchat webhook))
{
	make_destination($node, 'shop', $platform, $platforms);
	is(shop("SELECT status FROM pulse_test_destination('$platform')"), 'ok', "$platform: the destination works") unless $platform eq 'webhook';
	shop(qq{SELECT pulse_create_audience('$platform', 'gold', '$platform', '{"identifiers": ["email"], "interval": "manual", "platform_name": "of $platform"}')});
	trust_audience($node, 'shop', $platform, $platform);
}
my %name = map { $_ => $_ eq 'webhook' ? 'webhook' : "of $_" } qw(meta google tiktok snapchat webhook);

# Syncs, and compares what the platform has with what it should have.
sub synced
{
	my ($platform, $what, %how) = @_;
	is(sync_until_done($node, 'shop', $platform, %how), $how{status} // 'completed', "$platform: $what: the sync has ended");
	is(difference(platform_hashes($platforms, $platform, $name{$platform} =~ s/ /%20/gr), wanted_hashes($node, 'shop')), '', "$platform: $what: it has exactly the members with consent");
	return;
}

synced($_, 'first sync') for sort keys %name;
shop(q{SELECT pulse_identify('u1', '{"email": "new@example.com"}'), pulse_identify('u2', '{"plan": "free"}'), pulse_identify('u4', '{"plan": "gold"}'), pulse_set_consent('u3', 'ads', false)});
synced($_, 'changes') for sort keys %name;
is(shop(q{SELECT string_agg(DISTINCT operation, ',') FROM pulse.sync_run WHERE id > 5}), 'delta', 'only the changes were examined');
shop(q{SELECT pulse_merge('u5', 'u6', 'one person')});
synced($_, 'merge') for sort keys %name;
shop(q{SELECT pulse_unmerge(max(id), 'two people') FROM pulse.merge_history});
synced($_, 'unmerge') for sort keys %name;
shop(q{DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE kind = 'user_id' AND value = 'u7')});
synced($_, 'a person who is gone') for sort keys %name;
is(violations($platforms), '', 'the platforms found nothing to complain about');

# ---- failures after which the same is sent again ----
my $n = 8;
for my $platform (sort keys %name)
{
	for my $mode (qw(throttle server html cut_before cut_after half partial slow session_lost))
	{
		next if $mode eq 'session_lost' && $platform ne 'meta';
		shop("SELECT pulse_identify('u$n', jsonb_build_object('email', '$platform-$mode\@example.com', 'plan', 'gold'))");
		fault("/$platform", $mode, times => 2);
		if ($platform eq 'google' && $mode eq 'partial')
		{
			# Google takes an upload and says later that only a part was done: that part is sent again with the next sync.
			is(sync_until_done($node, 'shop', 'google'), 'completed', 'google: an upload of which a part is done later');
			well();
			shop('UPDATE pulse.sync_batch SET check_at = now() WHERE check_at IS NOT NULL');
			is(sync_until_done($node, 'shop', 'google'), 'completed', 'google: the next sync');
			ok($node->poll_query_until('shop', "SELECT count(*) = 0 FROM pulse.sync_batch WHERE check_at <= now()"), 'google: it was asked what became of it');
		}
		synced($platform, $mode);
		well();
	}
	# Every documented form of "later": too often, and busy. A request fails five times at most.
	for my $forms ([ throttle => 0 .. 4 ], [ busy => 0 .. 3 ], [ busy => 4 .. 6 ], [ duplicate => 0 ])
	{
		my ($mode, @forms) = @$forms;
		fault("/$platform", $mode, times => 1, form => $_) for @forms;
		shop("SELECT pulse_identify('u$n', jsonb_build_object('email', '$platform-$mode-$forms[0]\@example.com', 'plan', 'gold'))");
		synced($platform, "$mode @forms");
		well();
	}
	# No answer at all.
	shop("ALTER SERVER $platform OPTIONS (ADD timeout '1s')");
	shop("SELECT pulse_identify('u$n', jsonb_build_object('email', '$platform-hang\@example.com', 'plan', 'gold'))");
	fault("/$platform", 'hang', times => 1);
	synced($platform, 'hang');
	well();
	shop("ALTER SERVER $platform OPTIONS (DROP timeout)");
	++$n;
	++$n while $n % 10 == 0 || $n % 4 == 0;
}
is(violations($platforms), '', 'still nothing to complain about');

# ---- a row that Google refuses fails the whole request, which is sent again without it ----
synced('google', 'what has changed for the other platforms');
shop(q{SELECT pulse_identify('u33', '{"email": "bad-row@example.com"}'), pulse_identify('u34', '{"email": "good-row@example.com"}')});
fault('/google/v1/audienceMembers:ingest', 'bad_rows', times => 1);
is(sync_until_done($node, 'shop', 'google'), 'partial', 'google: a row is refused');
like(shop(q{SELECT string_agg(error, ' ') || ' ' || count(*) FROM pulse.audience_member WHERE state = 'refused'}), qr/^INVALID_SHA256_FORMAT 1$/, 'it is known which, and why');
like(difference(platform_hashes($platforms, 'google', 'of%20google'), wanted_hashes($node, 'shop')), qr/^0 too many, 1 missing/, 'the others are there');
shop(q{SELECT pulse_identify('u33', '{"email": "better-row@example.com"}')});
synced('google', 'a better row', operation => 'full');

# ---- tokens ----
for my $platform (qw(google snapchat))
{
	post_json("$platforms->{url}/__expire", { platform => $platform });
	shop("SELECT pulse_identify('u8', jsonb_build_object('email', '$platform-token\@example.com'))");
	synced($platform, 'an access token that is not valid any more is renewed');
	like(shop("SELECT array_to_string(umoptions, ' ') FROM pg_user_mappings WHERE srvname = '$platform'"), qr/refresh-$platform-[2-9]/, "$platform: the new refresh token is kept");
}
fault('/meta', 'token');
shop(q{SELECT pulse_identify('u8', '{"email": "meta-token@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'failed', 'meta: a login that does not work fails the sync');
is(shop(q{SELECT status || ' ' || ('login' = ANY (warned)) FROM pulse.audience WHERE name = 'meta'}), 'stopped true', 'and stops the audience');
is(sqlstate($node, 'shop', q{SELECT pulse_sync_audience('meta')}), '55000', 'which is not synchronised any more');
well();
shop(q{SELECT pulse_resume_audience('meta')});
synced('meta', 'resumed');

# ---- the platform has deleted or blocked it ----
delete_json("$platforms->{url}/__audience?platform=meta&name=of%20meta");
shop(q{SELECT pulse_identify('u8', '{"email": "meta-gone@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'failed', 'meta: an audience that is gone fails the sync');
is(shop(q{SELECT status FROM pulse.audience WHERE name = 'meta'}), 'stale', 'and is stale');
shop(q{SELECT pulse_resume_audience('meta')});
synced('meta', 'created anew');
post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'of meta', flagged => JSON::PP::true });
shop(q{SELECT pulse_identify('u8', '{"email": "meta-flag@example.com"}')});
is(sync_until_done($node, 'shop', 'meta'), 'failed', 'meta: a blocked audience fails the sync');
is(shop(q{SELECT status FROM pulse.audience WHERE name = 'meta'}), 'stopped', 'and stops');
post_json("$platforms->{url}/__audience", { platform => 'meta', name => 'of meta', flagged => JSON::PP::false });
shop(q{SELECT pulse_resume_audience('meta')});
synced('meta', 'after the block');

# ---- an audience whose creation was answered by nobody is found, not made twice ----
shop(q{SELECT pulse_create_audience('second', 'gold', 'meta', '{"identifiers": ["email"], "interval": "manual", "platform_name": "second"}')});
trust_audience($node, 'shop', 'second', 'meta');
fault('/meta/', 'cut_after', times => 1);
$name{second} = 'second';
is(sync_until_done($node, 'shop', 'second'), 'completed', 'the creation is repeated');
is(difference(platform_hashes($platforms, 'meta', 'second'), wanted_hashes($node, 'shop')), '', 'and everybody is there');
well();

# On TikTok the list of audiences has pages, and it is on the second one.
post_json("$platforms->{url}/__audience", { platform => 'tiktok', name => "other $_" }) for 1 .. 100;
shop(q{SELECT pulse_create_audience('third', 'gold', 'tiktok', '{"identifiers": ["email"], "interval": "manual", "platform_name": "third"}')});
trust_audience($node, 'shop', 'third', 'tiktok');
fault('/tiktok/open_api/v1.3/segment/audience/', 'cut_after', times => 1);
is(sync_until_done($node, 'shop', 'third'), 'completed', 'tiktok: the audience is found');
is(difference(platform_hashes($platforms, 'tiktok', 'third'), wanted_hashes($node, 'shop')), '', 'and everybody is there');
delete_json("$platforms->{url}/__audience?platform=tiktok&name=third");
eval { get_json("$platforms->{url}/__audience?platform=tiktok&name=third") };
like($@, qr/no such audience/, 'there was no second one');
shop(q{SELECT pulse_delete_audience('third', false)});
well();

# ---- deleting ----
for my $platform (sort grep { $_ ne 'second' } keys %name)
{
	is(shop("SELECT pulse_delete_audience('$platform')"), 'deleting', "$platform: it is deleted there first");
	ok($node->poll_query_until('shop', "SELECT count(*) = 0 FROM pulse.audience WHERE name = '$platform'"), "$platform: it is deleted here");
	if ($platform eq 'webhook') { is(platform_hashes($platforms, 'webhook', 'webhook'), '', 'webhook: everybody is removed'); }
}
is(violations($platforms), '', 'to the end');
$node->stop;
done_testing();
