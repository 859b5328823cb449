# A session that has worked for long outlives the commit log of its first transactions: after a freeze of all databases has removed
# it, everything that the session keeps (compiled definitions, what it has told the pipeline) is still good.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = start_node('commit_log', "pulse.evaluation = 'sync'", 'autovacuum = off');
$node->safe_psql('postgres', 'CREATE EXTENSION pulse');
sub sql { return $node->safe_psql('postgres', @_) }

# A file of the commit log has room for 1,048,576 transactions. Go to the last ones of the first file.
my $first = $node->data_dir . '/pg_xact/0000';
$node->stop;
command_ok([ 'pg_resetwal', '-x', 1_048_576 - 600, '-D', $node->data_dir ], 'the next transaction is one of the last in the first file');
open my $file, '>>', $first or die "cannot write $first: $!\n";
print $file "\0" x (262_144 - -s $first);
close $file;
$node->start;

sql(q{SET client_min_messages = warning; SELECT pulse_create_trait('visits', 'events.visit.count'); SELECT pulse_create_segment('visitors', '{"where": "events.visit.count_30d >= 1"}');
	SELECT pulse_create_flag('fresh', 'segment("visitors")')});
my $old = $node->background_psql('postgres');
my $events = q{SELECT count(pulse_track(u, 'visit')) FROM unnest('{a,b,c}'::text[]) AS u};
my $reads = q{SELECT pulse_in_segment('a', 'visitors'), pulse_trait('a', 'visits'), (SELECT value FROM pulse_decide('a', 'fresh')), (SELECT count(*) FROM pulse.membership), (SELECT count(*) FROM pulse.trait_value)};
is($old->query_safe($events), '3', 'a session writes events');
is($old->query_safe($reads), 't|1|true|3|3', 'and reads');
my $began = sql('SELECT pg_current_xact_id()');
cmp_ok($began, '<', 1_048_576, "its transactions are in the first file: the next one is $began");

sql(q{CREATE TABLE burnt (n int); DO 'BEGIN FOR i IN 1 .. 2000 LOOP BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN END; END LOOP; END'});
sql('ALTER DATABASE template0 ALLOW_CONNECTIONS true');
$node->safe_psql($_, 'VACUUM (FREEZE)') for qw(template0 template1 postgres);
ok(!-e $first, 'the first file is gone');

is($old->query_safe($reads), 't|1|true|3|3', 'the session still reads');
is($old->query_safe($events), '3', 'and writes events');
is($old->query_safe($reads), 't|2|true|3|3', 'which count');
is($old->query_safe(q{SET pulse.now = '2020-01-01'; SELECT count(*) FROM pulse.membership}), '0', 'also as of the past');
$old->query_safe('RESET pulse.now');
is($old->query_safe(q{SELECT pulse_create_trait('later', 'events.visit.count(7d)') > 0; SELECT pulse_trait('a', 'later')}), "t\n2", 'it changes definitions');
$old->quit;

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|could not access status/, 'no unexpected messages in the log');
done_testing();
