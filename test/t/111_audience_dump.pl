# A restored copy sends nothing unasked, and nothing is lost.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseAudience;
use PulsePeers;
use PulseTest;

my $platforms = start_platforms();
my $node = start_node('audience_dump', "shared_preload_libraries = 'pulse'", 'max_worker_processes = 20', 'pulse.allow_http = on', "pulse.allowed_hosts = '127.0.0.1'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
make_people($node, 'shop', 40);
$node->safe_psql('shop', q{SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}')});
$node->safe_psql('shop', q{SELECT pulse_set_consent('u' || n, 'ads', true) FROM generate_series(1, 40) AS n});
make_destination($node, 'shop', 'meta', $platforms);
$node->safe_psql('shop', q{SELECT pulse_create_audience('meta', 'gold', 'meta', '{"identifiers": ["email"], "interval": "1 hour", "platform_name": "meta"}')});
trust_audience($node, 'shop', 'meta', 'meta');
is(sync_until_done($node, 'shop', 'meta', queued => 1), 'completed', 'the first sync');
is(difference(platform_hashes($platforms, 'meta', 'meta'), wanted_hashes($node, 'shop')), '', 'everybody is there');
# Something is pending in the dump.
$node->safe_psql('shop', q{SELECT pulse_freeze('dump'); SELECT pulse_identify('u1', '{"plan": "free"}'); SELECT pulse_sync_audience('meta')});
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('shop'), '-f', $dump ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'restore');
$node->safe_psql($_, q{SELECT pulse_unfreeze()}) for qw(shop copy);
my $rows = q{SELECT count(*), sum(hashtext(encode(cells, 'hex'))::bigint) FROM pulse.audience_member};
is($node->safe_psql('copy', $rows), $node->safe_psql('shop', $rows), 'the ledger came with it');
is($node->safe_psql('copy', q{SELECT status || ' ' || status_reason FROM pulse.audience_overview}), 'paused restored from a dump', 'the copy is paused');
is($node->safe_psql('copy', q{SELECT count(*) FROM pulse.sync_run WHERE status IN ('pending', 'processing', 'held')}), '0', 'and nothing is under way in it');
is(sqlstate($node, 'copy', q{SELECT pulse_sync_audience('meta')}), '55000', 'it cannot be synchronised');
my $before = get_json("$platforms->{url}/__summary")->{platforms}{meta}{requests};
$node->safe_psql('copy', q{UPDATE pulse.audience SET next_sync_at = now() - interval '1 hour'; SELECT pulse_start()});
$node->safe_psql('copy', q{SELECT pulse_identify('u2', '{"plan": "free"}')});
is(sync_until_done($node, 'shop', 'meta', queued => 1), 'completed', 'the original goes on');
is(difference(platform_hashes($platforms, 'meta', 'meta'), wanted_hashes($node, 'shop')), '', 'and decides');
is($node->safe_psql('copy', q{SELECT count(*) FROM pulse.sync_run WHERE status <> 'completed'}), '0', 'the copy did nothing');
# The copy takes over: what the platform got meanwhile is repaired.
$node->safe_psql('shop', q{SELECT pulse_pause_audience('meta', 'moved')});
trust_audience($node, 'copy', 'meta', 'meta');
$node->safe_psql('copy', q{ALTER USER MAPPING FOR CURRENT_USER SERVER meta OPTIONS (SET access_token 'meta-token'); SELECT pulse_resume_audience('meta')});
is(sync_until_done($node, 'copy', 'meta', queued => 1), 'completed', 'after it is resumed, the copy synchronises');
is(difference(platform_hashes($platforms, 'meta', 'meta'), wanted_hashes($node, 'copy')), '', 'and the platform has its members');
is(violations($platforms), '', 'without complaints');
$node->stop;
done_testing();
