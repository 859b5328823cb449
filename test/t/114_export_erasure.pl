# An export that is being written while a person of it is erased does not leave a file with that person behind.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('export_erasure', "shared_preload_libraries = 'pulse'");
$node->safe_psql('postgres', 'CREATE DATABASE shop');
sub shop { return $node->safe_psql('shop', $_[0]) }
shop(q{CREATE EXTENSION pulse; SELECT count(pulse_identify('customer-' || n, '{"plan": "gold"}')) FROM generate_series(1, 50) AS n});
# The file waits for its end behind this lock, with everybody in it.
my $other = $node->background_psql('shop', on_error_stop => 0);
$other->query_safe('BEGIN; LOCK TABLE pulse.export IN SHARE UPDATE EXCLUSIVE MODE');
my $writer = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('shop'), '-c', q{SELECT users FROM pulse_export_audience(NULL, 'csv', '{"columns": ["profile.plan"]}')} ],
	'<', \undef, '>', \my $out, '2>', \my $err);
ok($node->poll_query_until('shop', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'pulse.export'::regclass AND NOT granted}), 'an export waits to be finished');
shop(q{SELECT pulse_erase_profile('customer-7', 'ticket 1')});
$other->query_safe('COMMIT');
$other->quit;
$writer->finish;
like($err, qr/40001.*erased while it was written/, 'it is not finished with an erased person');
is(shop('SELECT count(*) FROM pulse.export'), '0', 'and leaves nothing');
is(shop(q{SELECT users FROM pulse_export_audience(NULL, 'csv', '{"columns": ["profile_id", "profile.plan"]}')}), '49', 'the next one has the others');
$node->stop;
done_testing();
