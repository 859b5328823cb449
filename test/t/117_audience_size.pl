# What the platform counts is put beside what was sent: where both have parted, everybody is sent again, once; and changes of
# membership that were deleted before a sync read them make it compare everybody.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('audience_size', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'",
	'pulse.audience_settling = 0', 'pulse.membership_change_retention = 1min');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 40);
sub shop { return $node->safe_psql('shop', $_[0]) }
shop(q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
shop(q{SELECT pulse_set_consent('u' || n, 'ads', true) FROM generate_series(1, 40) AS n});
make_destination($node, 'shop', 'meta', $platforms);
shop(q{ALTER SERVER meta OPTIONS (ADD minimum_size '5')});
shop(q{SELECT pulse_create_audience('meta', 'gold', 'meta', '{"identifiers": ["email"], "interval": "manual", "platform_name": "meta"}')});
trust_audience($node, 'shop', 'meta', 'meta');
my $last = q{FROM pulse.sync_run ORDER BY id DESC LIMIT 1};
sub synced { my ($what) = @_; is(sync_until_done($node, 'shop', 'meta'), 'completed', $what); return }

synced('the first sync');
is(shop("SELECT operation, people, size_low <= size_high $last"), 'full|30|t', 'both counts are in its row');
is(shop(q{SELECT size_share IS NULL FROM pulse.audience}), 't', 'while everybody has just been sent nothing is compared');
synced('a sync without changes');
is(shop("SELECT operation $last"), 'delta', 'it is a delta');
my $share = shop(q{SELECT round(size_share::numeric, 3) FROM pulse.audience});
ok($share > 0, "what the platform counts is remembered: $share of the people");

# ---- the platform has lost people: it used to count twice as many ----
shop(q{UPDATE pulse.audience SET size_share = 2 * size_share});
synced('a sync after which both have parted');
is(shop(q{SELECT warned, parted_at IS NOT NULL FROM pulse.audience}), '{parted}|t', 'an alarm is raised');
like(shop(q{SELECT compare_because FROM pulse.audience}), qr/^The platform has .* and 30 were sent; it used to have \d+ of so many\.$/, 'which says why');
synced('the next sync');
is(shop("SELECT operation, because ~ '^The platform has', examined, added $last"), 'replace|t|30|30', 'it sends everybody again, and says why');
is(shop(q{SELECT warned, parted_at IS NULL, compare_because IS NULL FROM pulse.audience}), '{}|t|t', 'the alarm is lifted');
is(difference(platform_hashes($platforms, 'meta', 'meta'), wanted_hashes($node, 'shop')), '', 'everybody is there');
synced('then deltas again');
is(shop("SELECT operation, because IS NULL $last"), 'delta|t', 'as before');
shop(q{UPDATE pulse.audience SET size_share = 2 * size_share});
synced('parted again soon after everybody was sent');
is(shop(q{SELECT warned, parted_at IS NULL FROM pulse.audience}), '{parted}|t', 'the alarm is raised');
synced('but the next sync');
is(shop("SELECT operation $last"), 'delta', 'does not send everybody again');

# ---- changes of membership older than their retention ----
is(shop(q{SELECT lost FROM pulse.change_position}), '0', 'no change was lost');
shop(q{SET pulse.now = '2024-03-05 12:00+00'; SELECT pulse_identify('old', '{"plan": "gold", "email": "old@example.com"}', at => '2024-03-05 12:00+00')});
shop(q{SELECT pulse_set_consent('old', 'ads', true)});
is(shop(q{SELECT count(*) FROM pulse.membership_change WHERE at < '2024-04-01'}), '1', 'somebody entered long ago, unread');
shop(q{SELECT pulse_run_job('retention')});
is(shop(q{SELECT count(*) FROM pulse.membership_change WHERE at < '2024-04-01'}), '0', 'the change is deleted');
is(shop(q{SELECT lost > 0 AND lost = position FROM pulse.change_position}), 't', 'who has not read it can know');
synced('the next sync');
is(shop("SELECT operation, because LIKE 'Changes of membership since its last sync are deleted%', added $last"), 'full|t|1', 'compares everybody, and says why');
is(difference(platform_hashes($platforms, 'meta', 'meta'), wanted_hashes($node, 'shop')), '', 'who entered is there');
synced('the sync after it');
is(shop("SELECT operation, because IS NULL $last"), 'delta|t', 'looks at changes alone');
is(violations($platforms), '', 'the platforms found nothing to complain about');

$node->stop;
done_testing();
