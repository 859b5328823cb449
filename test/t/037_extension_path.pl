# Since PostgreSQL 18 an extension can be outside the server's directories: extension_control_path and dynamic_library_path
# name the directories. All of Pulse works from there, including its background processes.
use strict;
use warnings;
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PulseTest;

my $node = PostgreSQL::Test::Cluster->new('extension_path');
plan skip_all => 'extension_control_path is there since PostgreSQL 18' if $node->pg_version < 18;

# As `make install datadir=DIR/share pkglibdir=DIR/lib` does.
my $dir = PostgreSQL::Test::Utils::tempdir;
mkdir "$dir/$_" or die "cannot make $dir/$_: $!" for qw(share share/extension lib);
my ($share, $lib) = map { my ($out) = run_command([ 'pg_config', $_ ]); $out } qw(--sharedir --pkglibdir);
copy($_, "$dir/share/extension/") or die "cannot copy $_: $!" for grep { !/bridge/ } glob("$share/extension/pulse*");
copy("$lib/pulse.so", "$dir/lib/") or die "cannot copy the library: $!";

$node->init;
$node->append_conf('postgresql.conf', $_)
  for "extension_control_path = '$dir/share'", "dynamic_library_path = '$dir/lib:\$libdir'", "shared_preload_libraries = 'pulse'",
  "timezone = 'UTC'";
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pulse');
is($node->safe_psql('postgres', q{SELECT location FROM pg_available_extensions WHERE name = 'pulse'}), "$dir/share/extension", 'it is found there')
  if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'pg_available_extensions'::regclass AND attname = 'location'});
like($node->safe_psql('postgres', q{SELECT pulse_load_demo(); SELECT pg_read_file('/proc/self/maps')}), qr{ \Q$dir\E/lib/pulse\.so$}m, 'the library is loaded from there');
is($node->safe_psql('postgres', q{SELECT module_name, version = (SELECT extversion FROM pg_extension WHERE extname = 'pulse') FROM pg_get_loaded_modules() WHERE file_name LIKE '%pulse%'}),
	'pulse|t', 'the library has a name and version');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pulse launcher'}), 'the launcher runs');
$node->safe_psql('postgres', q{SELECT pulse_schedule('sql', '1 second', 'SELECT 1')});
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pulse.job_run WHERE status = 'ok'}), 'workers run jobs');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'no error in the log');
done_testing();
