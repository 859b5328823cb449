# What the TAP tests of audiences share: the platforms that they are sent to, people, and what a platform must have.
package PulseAudience;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PulsePeers;
use Test::More;

our @EXPORT = qw(difference start_platforms make_people make_destination trust_audience sync_until_done wanted_hashes platform_hashes violations);

# Starts test/peers/ad_platforms.mjs; the peer has its url.
sub start_platforms
{
	my $peer = start_node_script('ad_platforms.mjs');
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	my $ready;
	until ($ready)
	{
		die "the platforms did not start\n" if time > $end;
		($ready) = slurp_file($peer->{log}->filename) =~ /"port":\s*(\d+)/;
		select undef, undef, undef, 0.05 unless $ready;
	}
	$peer->{url} = "http://127.0.0.1:$ready";
	return $peer;
}

# People u1 … with an address each, of the plan gold except for each fourth; the first ones, as many as $few says, are of the part few.
sub make_people
{
	my ($node, $db, $number, $few) = @_;
	$few //= 0;
	$node->safe_psql($db, "CREATE EXTENSION pulse;
		SELECT count(accepted) FROM pulse_import_events(\$q\$SELECT 'u' || n AS user_id, 'identify' AS type, NULL::text AS event, now() - interval '30 days' AS timestamp,
			jsonb_build_object('plan', CASE WHEN n % 4 = 0 THEN 'free' ELSE 'gold' END, 'email', 'u' || n || '\@example.com')
				|| CASE WHEN n <= $few THEN jsonb_build_object('part', 'few') ELSE '{}' END AS properties
			FROM generate_series(1, $number) AS n\$q\$)");
	return;
}

sub make_destination
{
	my ($node, $db, $platform, $platforms) = @_;
	my %options = (
		meta => qq{"account": "12345", "access_token": "meta-token"},
		google => qq{"account": "7693729833", "refresh_token": "refresh-google-1", "client_id": "client", "client_secret": "secret", "token_url": "$platforms->{url}/oauth/google"},
		tiktok => qq{"account": "7000000000001", "access_token": "tiktok-token"},
		snapchat => qq{"account": "6c1b3d1c-1111-4222-8333-944445555666", "refresh_token": "refresh-snapchat-1", "client_id": "client", "client_secret": "secret", "token_url": "$platforms->{url}/oauth/snapchat"},
		webhook => qq{"url": "$platforms->{url}/webhook/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
	my $base = $platform eq 'webhook' ? '' : qq{, "base_url": "$platforms->{url}/$platform"};
	$node->safe_psql($db, "SELECT pulse_create_destination('$platform', '$platform', '{$options{$platform}$base}')");
	return;
}

# Lets the gate pass: something is known of what the audience stands on, and any score will do.
sub trust_audience
{
	my ($node, $db, $audience, $platform, $segment) = @_;
	$segment //= 'gold';
	$node->safe_psql($db, qq{SELECT pulse_set_trust('{"high": 1, "standard": 1, "conservative": 1, "hold": 0}');
		SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'test', 'entity', 'segment:$segment', 'value', 100 + i % 3,
			'at', now() - i * interval '20 hours')) FROM generate_series(9, 0, -1) AS i));
		SELECT count(*) FROM pulse_record_signals('[{"name": "emq", "source": "$platform", "entity": "destination:$platform", "value": 9},
			{"name": "emq", "source": "$platform", "entity": "12345", "value": 9}]');
		SELECT pulse_update_signal_health('audience:$audience')});
	return;
}

# Waits until the syncs of an audience have ended, without the pauses after failures. The status of the last one.
sub sync_until_done
{
	my ($node, $db, $audience, %how) = @_;
	$node->safe_psql($db, "SELECT pulse_sync_audience('$audience', '" . ($how{operation} // 'auto') . "')") unless $how{queued};
	my $end = time + ($how{seconds} // $PostgreSQL::Test::Utils::timeout_default);
	while (time < $end)
	{
		my ($failed, $status) = $node->psql($db, "SELECT pulse_retry_sync(id) FROM pulse.sync_run WHERE (status IN ('pending', 'processing') OR status = 'held' AND held_by = 'gate') AND not_before > now() + interval '100 milliseconds';
			SELECT CASE WHEN status = 'held' AND held_by = 'gate' THEN 'waits' ELSE status END FROM pulse.sync_run WHERE audience = '$audience' ORDER BY id DESC LIMIT 1");
		($status) = reverse split /\n/, $status // '';
		return $status if !$failed && ($status // '') =~ /^(completed|partial|failed|cancelled|held)$/;
		$how{meanwhile}->() if $how{meanwhile};
		select undef, undef, undef, 0.1;
	}
	diag($node->safe_psql($db, "SELECT to_jsonb(r) FROM pulse.sync_run AS r ORDER BY id DESC LIMIT 1"));
	return 'still running';
}

# The hashes of the addresses of all members with consent, in plain SQL.
sub wanted_hashes
{
	my ($node, $db, $segment) = @_;
	$segment //= 'gold';
	# A server that was killed has no statistics.
	return $node->safe_psql($db, q{SET enable_nestloop = off; WITH person AS (SELECT m.profile_id AS id FROM pulse.membership AS m JOIN pulse.consent AS c ON c.profile_id = m.profile_id AND c.purpose = 'ads' AND c.live @> now()
			WHERE m.segment = '} . $segment . q{'), address AS (
			SELECT i.value FROM person AS m JOIN pulse.profile AS p ON p.canonical_id = m.id JOIN pulse.identity AS i ON i.profile_id = p.id AND i.kind = 'email'
			UNION SELECT p.attributes ->> 'email' FROM person AS m JOIN pulse.profile AS p ON p.id = m.id AND p.attributes ? 'email')
		SELECT string_agg(h, ' ' ORDER BY h COLLATE "C") FROM (SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex') AS h FROM address) AS x});
}

# The hashes that a platform has.
sub platform_hashes
{
	my ($platforms, $platform, $name) = @_;
	my $audience = get_json("$platforms->{url}/__audience?platform=$platform&name=$name");
	return join ' ', sort map { s/.*://r } @{ $audience->{identifiers} };
}

# What one of two lists of hashes has and the other has not; empty when they are the same.
sub difference
{
	my ($have, $want) = @_;
	my %have = map { $_ => 1 } split / /, $have;
	my %want = map { $_ => 1 } split / /, $want;
	my @more = grep { !$want{$_} } sort keys %have;
	my @less = grep { !$have{$_} } sort keys %want;
	return '' if !@more && !@less;
	return sprintf '%d too many, %d missing, of %d: %s', scalar @more, scalar @less, scalar keys %want, join ' ', map { substr $_, 0, 12 } grep { defined } (@more, @less)[ 0 .. 5 ];
}

# What the platforms found wrong with requests.
sub violations
{
	my ($platforms) = @_;
	return join "\n", @{ get_json("$platforms->{url}/__summary")->{violations} };
}

1;
