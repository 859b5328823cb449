# The imitated ad platforms (test/peers/ad_platforms.mjs) are strict: each rule of each platform is broken once, and each fault
# happens. Without this, a test of synchronisation would prove nothing.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex hmac_sha256);
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64 decode_base64);
use PostgreSQL::Test::Utils;
use Test::More;
use PulsePeers;

my $peer = start_ad_platforms();
my $url = $peer->{url};
our $http = HTTP::Tiny->new(timeout => 20);
my $codec = JSON::PP->new->canonical->utf8->allow_nonref;
my ($ann, $bob) = map { sha256_hex($_) } qw(ann@example.com bob@example.com);

# Status and body; a body that is JSON is decoded.
sub call
{
	my ($method, $path, $body, %headers) = @_;
	my $content = ref $body ? $codec->encode($body) : $body;
	$headers{'content-type'} //= 'application/json' if defined $content;
	my $answer = $http->request($method, "$url$path", { headers => \%headers, defined $content ? (content => $content) : () });
	my $value = eval { $codec->decode($answer->{content}) };
	return ($answer->{status}, $value // $answer->{content});
}
sub audience { my ($platform, $id) = @_; return get_json("$url/__audience?platform=$platform&id=$id") }
sub members { return join ' ', @{ audience(@_)->{identifiers} } }
sub violations { return get_json("$url/__summary")->{violations} }

# Refused, and recorded as a violation that says why.
sub violates
{
	my ($why, @call) = @_;
	my $before = @{ violations() };
	my ($status, $body) = call(@call);
	my $now = violations();
	ok(@$now == $before + 1 && $now->[-1] =~ $why, "violation: $why") or diag("$status, " . ($now->[-1] // 'none'));
	return;
}

# ---- Meta ----

my $token = 'access_token=meta-token';
my ($status, $body) = call(POST => "/meta/v25.0/act_12/customaudiences?$token",
	{ name => 'news', subtype => 'CUSTOM', customer_file_source => 'USER_PROVIDED_ONLY' });
is($status, 200, 'Meta: an audience');
my $meta = $body->{id};
my $users = "/meta/v25.0/$meta/users?$token";
my $session = 0;

# A body with a new session, changed by the arguments.
sub meta_body
{
	my (%change) = @_;
	my $place = { session_id => ++$session, batch_seq => 1, last_batch_flag => JSON::PP::true, %{ $change{session} // {} } };
	return { session => $place, payload => { schema => $change{schema} // ['EMAIL'], data => $change{data} // [ [$ann] ] }, %{ $change{body} // {} } };
}
($status, $body) = call(POST => $users, meta_body(schema => [ 'EMAIL', 'FN', 'MADID' ], data => [ [ $ann, $bob, '' ], [ '', '', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6' ] ]));
is($body->{num_received}, 2, 'Meta: two rows');
is(members(meta => $meta), "EMAIL:$ann MADID:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 'Meta: what identifies alone is a member');
call(DELETE => $users, meta_body());
is(members(meta => $meta), 'MADID:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', 'Meta: a DELETE with a body removes');
violates(qr/EMAIL ann/, POST => $users, meta_body(data => [ ['ann@example.com'] ]));
violates(qr/EMAIL \U$ann/, POST => $users, meta_body(data => [ [ uc $ann ] ]));
violates(qr/EMAIL e3b0c442/, POST => $users, meta_body(data => [ [ sha256_hex('') ] ]));
violates(qr/schema: MAIL/, POST => $users, meta_body(schema => ['MAIL']));
violates(qr/schema: a name twice/, POST => $users, meta_body(schema => [ 'EMAIL', 'EMAIL' ], data => [ [ $ann, $ann ] ]));
violates(qr/2 cells, 1 columns/, POST => $users, meta_body(data => [ [ $ann, $bob ] ]));
violates(qr/an empty row/, POST => $users, meta_body(data => [ [''] ]));
violates(qr/10001 rows/, POST => $users, meta_body(data => [ map { [$ann] } 1 .. 10001 ]));
violates(qr/unknown field more/, POST => $users, meta_body(body => { more => 1 }));
violates(qr/session: no object/, POST => $users, { payload => { schema => ['EMAIL'], data => [ [$ann] ] } });
violates(qr/content-type/, POST => $users, meta_body(), 'content-type' => 'text/plain');
violates(qr/overridden/, POST => "$users&method=DELETE", meta_body());
violates(qr/no JSON/, POST => $users, '{');
violates(qr/no PATCH/, PATCH => $users, meta_body());
violates(qr/session_id -1/, POST => $users, meta_body(session => { session_id => -1 }));
($status, $body) = call(POST => "/meta/v25.0/$meta/users?access_token=x", meta_body());
is("$status $body->{error}{code}", '400 190', 'Meta: a wrong token is a 400');
($status, $body) = call(POST => "/meta/v25.0/77/users?$token", meta_body());
is($body->{error}{error_subcode}, 33, 'Meta: no such audience');

# Sessions.
my $open = { last_batch_flag => JSON::PP::false };
call(POST => $users, meta_body(session => $open));
my $same = $session;
my $place = sub { my ($batch, %more) = @_; return (session => { session_id => $same, batch_seq => $batch, %$open, %more }) };
violates(qr/batch 1 of session \d+ came twice/, POST => $users, meta_body($place->(1)));
violates(qr/batch 3 of session \d+ after batch 1/, POST => $users, meta_body($place->(3)));
violates(qr/had another schema/, POST => $users, meta_body($place->(2), schema => ['PHONE']));
violates(qr/of another audience or method/, DELETE => $users, meta_body($place->(2)));
($status, $body) = call(POST => $users, meta_body($place->(2), data => [ [$bob] ]));
is($body->{num_received}, 2, 'Meta: the session counts its rows');
($status, $body) = call(POST => $users, meta_body($place->(2), data => [ [$bob] ]));
is("$status $body->{num_received}", '200 2', 'Meta: a later batch may come again');
post_json("$url/__settings", { clock => 1000 * (time + 91 * 60) });
($status, $body) = call(POST => $users, meta_body($place->(3)));
is($body->{error}{error_subcode}, 1870158, 'Meta: a session ends after 90 minutes');
post_json("$url/__settings", { clock => undef });
($status, $body) = call(POST => $users, meta_body($place->(3, last_batch_flag => JSON::PP::true)));
($status, $body) = call(POST => $users, meta_body($place->(4)));
is($body->{error}{error_subcode}, 1870159, 'Meta: a session that is finished');
($status, $body) = call(POST => $users, meta_body(session => { batch_seq => 2 }));
is($body->{error}{error_subcode}, 1870147, 'Meta: a session without its first batch');

# A replacement becomes the audience with its last batch.
my $replace = "/meta/v25.0/$meta/usersreplace?$token";
call(POST => $replace, meta_body(session => $open));
$same = $session;
like(members(meta => $meta), qr/MADID/, 'Meta: until then nothing has changed');
($status, $body) = call(POST => $users, meta_body());
is($body->{error}{error_subcode}, 1870145, 'Meta: no other upload meanwhile');
($status, $body) = call(POST => $replace, meta_body());
is($body->{error}{error_subcode}, 1870145, 'Meta: nor another replacement');
violates(qr/batch 1 of session \d+ came twice/, POST => $replace, meta_body($place->(1)));
violates(qr/batch 3 of session \d+ after batch 1/, POST => $replace, meta_body($place->(3)));
($status, $body) = call(POST => $replace, meta_body($place->(2), data => [ [$bob] ]));
is($body->{num_received}, 2, 'Meta: a replacement counts its rows');
my $eve = sha256_hex('eve@example.com');
($status, $body) = call(POST => $replace, meta_body($place->(2), data => [ [$eve] ]));
is("$status $body->{num_received}", '200 2', 'Meta: a batch may come again, and counts for nothing');
call(POST => $replace, meta_body($place->(3, last_batch_flag => JSON::PP::true), data => [ [$bob] ]));
is(members(meta => $meta), join(' ', sort "EMAIL:$ann", "EMAIL:$bob"), 'Meta: replaced');
($status, $body) = call(POST => $replace, meta_body($place->(4), data => [ [$bob] ]));
is($body->{error}{error_subcode}, 1870159, 'Meta: a replacement that is finished takes no more');
# One that is never closed ends by itself, and changes nothing.
call(POST => $replace, meta_body(session => $open, data => [ [$eve] ]));
post_json("$url/__settings", { clock => 1000 * (time + 91 * 60) });
($status, $body) = call(POST => $users, meta_body());
is($status, 200, 'Meta: after 90 minutes other uploads are taken again');
post_json("$url/__settings", { clock => undef });
unlike(members(meta => $meta), qr/$eve/, 'Meta: what was not closed did not happen');
# Tokens.
($status, $body) = call(GET => "/meta/v25.0/debug_token?input_token=meta-token&$token");
is("$body->{data}{expires_at} $body->{data}{is_valid}", '0 1', 'Meta: a token that does not end');
post_json("$url/__settings", { login_seconds => 3600 });
($status, $body) = call(GET => "/meta/v25.0/debug_token?input_token=meta-token&$token");
cmp_ok(abs($body->{data}{expires_at} - time - 3600), '<', 60, 'Meta: a token that ends');
post_json("$url/__settings", { login_seconds => undef, most_audiences => 1 });
($status, $body) = call(POST => "/meta/v25.0/act_12/customaudiences?$token", { name => 'more', subtype => 'CUSTOM', customer_file_source => 'USER_PROVIDED_ONLY' });
is($body->{error}{code}, 2656, 'Meta: an account has so many audiences and no more');
post_json("$url/__settings", { most_audiences => 400 });
($status, $body) = call(GET => "/meta/v25.0/$meta?fields=operation_status&$token");
is("$body->{approximate_count_lower_bound} $body->{operation_status}{code}", '2 200', 'Meta: its size');
post_json("$url/__audience", { platform => 'meta', name => 'news', flagged => JSON::PP::true });
($status, $body) = call(POST => $users, meta_body());
is($body->{error}{error_subcode}, 1713230, 'Meta: a flagged audience takes nobody');
($status, $body) = call(DELETE => "/meta/v25.0/$meta?$token");
is($http->get("$url/__audience?platform=meta&id=$meta")->{status}, 404, 'Meta: deleted');

# ---- OAuth and Google ----

my $form = 'application/x-www-form-urlencoded';
my $grant = 'grant_type=refresh_token&client_id=client&client_secret=secret&refresh_token=';
sub renew { my ($platform, $refresh) = @_; return call(POST => "/oauth/$platform", $grant . $refresh, 'content-type' => $form) }
($status, $body) = renew(google => 'refresh-google-1');
is($body->{refresh_token}, 'refresh-google-2', 'OAuth: the refresh token rotates');
($status, $body) = renew(google => 'refresh-google-1');
is($status, 200, 'OAuth: the one before is good until the newest was used');
($status, $body) = renew(google => $body->{refresh_token});
my %bearer = (authorization => "Bearer $body->{access_token}");
($status, $body) = renew(google => 'refresh-google-1');
is("$status $body->{error}", '400 invalid_grant', 'OAuth: and then no more');
violates(qr/no form/, POST => '/oauth/google', {});

my $lists = '/google/v1/accountTypes/GOOGLE_ADS/accounts/12/userLists';
my %login = (%bearer, 'login-account' => 'accountTypes/GOOGLE_ADS/accounts/12');
my $list = { displayName => 'news', membershipDuration => '46656000s', ingestedUserListInfo => { uploadKeyTypes => ['CONTACT_ID'] } };
violates(qr/login-account/, POST => $lists, $list, %bearer);
violates(qr/membershipDuration/, POST => $lists, { %$list, membershipDuration => '100s' }, %login);
($status, $body) = call(POST => $lists, $list, %login);
my $google = $body->{id};
($status, $body) = call(POST => $lists, $list, %login);
is("$status $body->{error}{details}[0]{reason}", '400 NAME_ALREADY_USED', 'Google: a name is there once');

sub google_body
{
	my (%change) = @_;
	my $body = { destinations => [ { operatingAccount => { accountType => 'GOOGLE_ADS', accountId => '12' }, productDestinationId => $google } ],
		audienceMembers => [ { userData => { userIdentifiers => [ { emailAddress => $ann } ] } } ],
		consent => { adUserData => 'CONSENT_GRANTED' }, encoding => 'HEX', termsOfService => { customerMatchTermsOfServiceStatus => 'ACCEPTED' }, %change };
	delete @$body{ grep { !defined $body->{$_} } keys %$body };
	return $body;
}
my %removal = (consent => undef, termsOfService => undef);
my $ingest = '/google/v1/audienceMembers:ingest';
sub member { return { userData => { userIdentifiers => [@_] } } }
($status, $body) = call(POST => $ingest, google_body(), %bearer);
is(members(google => $google), "emailAddress:$ann", 'Google: a member');
($status, $body) = call(GET => "/google/v1/requestStatus:retrieve?requestId=$body->{requestId}", undef, %bearer);
is($body->{requestStatusPerDestination}[0]{requestStatus}, 'SUCCESS', 'Google: the request is done');
my $address = { givenName => $ann, familyName => $bob, regionCode => 'US', postalCode => '94045' };
call(POST => $ingest, google_body(audienceMembers => [ member({ address => $address }) ]), %bearer);
like(members(google => $google), qr/address:$ann\|$bob\|US\|94045/, 'Google: an address is one identifier');
for ([ qr/an address that is not complete/, audienceMembers => [ member({ address => { %$address, regionCode => 'us' } }) ] ],
	[ qr/emailAddress ann/, audienceMembers => [ member({ emailAddress => 'ann' }) ] ],
	[ qr/an identifier of addressInfo|unknown|not complete/, audienceMembers => [ member({ addressInfo => $address }) ] ],
	[ qr/1 to 10 userIdentifiers/, audienceMembers => [ member(map { { emailAddress => $ann } } 1 .. 11) ] ],
	[ qr/MULTIPLE_DATA_TYPES/, audienceMembers => [ member({ emailAddress => $ann }), { userIdData => { userId => '7' } } ] ],
	[ qr/10001 members/, audienceMembers => [ map { member({ emailAddress => $ann }) } 1 .. 10001 ] ],
	[ qr/consent CONSENT_DENIED/, consent => { adUserData => 'CONSENT_DENIED' } ], [ qr/encoding/, encoding => undef ],
	[ qr/termsOfService/, termsOfService => undef ], [ qr/operatingAccount/, destinations => [ { operatingAccount => { accountType => 'GOOGLE_ADS', accountId => '1-2' }, productDestinationId => $google } ] ])
{
	my ($why, %change) = @$_;
	violates($why, POST => $ingest, google_body(%change), %bearer);
}
violates(qr/unknown field consent/, POST => '/google/v1/audienceMembers:remove', google_body(termsOfService => undef), %bearer);
is((call(POST => $ingest, google_body(validateOnly => JSON::PP::true, audienceMembers => [ member({ emailAddress => $bob }) ]), %bearer))[0], 200, 'Google: validateOnly');
unlike(members(google => $google), qr/emailAddress:$bob/, 'Google: … does nothing');
call(POST => '/google/v1/audienceMembers:remove', google_body(%removal, audienceMembers => [ member({ address => $address }) ]), %bearer);
is(members(google => $google), "emailAddress:$ann", 'Google: removed');
my $rest = google_body(%removal, audienceMembers => undef, encoding => undef);
call(POST => '/google/v1/audienceMembers:removeAll', { %$rest, removeAsOfTime => '2020-01-01T00:00:00Z' }, %bearer);
is(members(google => $google), "emailAddress:$ann", 'Google: what came later stays');
call(POST => '/google/v1/audienceMembers:removeAll', { %$rest, removeAsOfTime => '2120-01-01T00:00:00Z' }, %bearer);
is(members(google => $google), '', 'Google: all are removed');
post_json("$url/__expire", { platform => 'google' });
is((call(POST => $ingest, google_body(), %bearer))[0], 401, 'Google: the token has expired');

# ---- TikTok ----

my %tiktok = ('access-token' => 'tiktok-token');
my $mapping = '/tiktok/open_api/v1.3/segment/mapping/';
($status, $body) = call(POST => '/tiktok/open_api/v1.3/segment/audience/', { advertiser_id => '7', action => 'create', custom_audience_name => 'news' }, %tiktok);
my $tiktok = $body->{data}{audience_id};
sub cell { my ($hash) = @_; return { id => $hash, audience_ids => [$tiktok] } }
sub tiktok_body { return { advertiser_ids => ['7'], action => 'add', id_schema => [ 'EMAIL_SHA256', 'PHONE_SHA256' ], batch_data => [ [ cell($ann), {} ] ], @_ } }
($status, $body) = call(POST => $mapping, tiktok_body(), %tiktok);
is(members(tiktok => $tiktok), "EMAIL_SHA256:$ann", 'TikTok: a member');
for ([ qr/advertiser_ids are no texts/, advertiser_ids => [7] ], [ qr/action remove/, action => 'remove' ], [ qr/1 cells, 2 columns/, batch_data => [ [ cell($ann) ] ] ],
	[ qr/a cell that is no object/, batch_data => [ [ cell($ann), undef ] ] ], [ qr/an empty row/, batch_data => [ [ {}, {} ] ] ],
	[ qr/id_schema/, id_schema => [ 'EMAIL_SHA256', 'EMAIL_SHA256' ] ], [ qr/batch_data\[0\]: ann/, batch_data => [ [ cell('ann'), {} ] ] ],
	[ qr/1001 rows/, batch_data => [ map { [ cell($ann), {} ] } 1 .. 1001 ] ])
{
	my ($why, %change) = @$_;
	violates($why, POST => $mapping, tiktok_body(%change), %tiktok);
}
violates(qr{no /open_api/v1.3/segment/mapping$}, POST => substr($mapping, 0, -1), tiktok_body(), %tiktok);
($status, $body) = call(POST => $mapping, tiktok_body(), 'access-token' => 'x');
is("$status $body->{code}", '200 40105', 'TikTok: a wrong token is a 200');
call(POST => $mapping, tiktok_body(action => 'delete'), %tiktok);
my $all = '/tiktok/open_api/v1.3/dmp/custom_audience/list/?advertiser_id=7&page_size=100&page=';
($status, $body) = call(GET => $all . 1, undef, %tiktok);
is("$body->{data}{list}[0]{name} $body->{data}{page_info}{total_page}", 'news 1', 'TikTok: found by its name');
violates(qr/page 0/, GET => $all . 0, undef, %tiktok);
is(members(tiktok => $tiktok), '', 'TikTok: removed');

# ---- Snapchat ----

($status, $body) = renew(snapchat => 'refresh-snapchat-1');
my %snap = (authorization => "Bearer $body->{access_token}");
($status, $body) = call(POST => '/snapchat/v1/adaccounts/a/segments',
	{ segments => [ { name => 'news', source_type => 'FIRST_PARTY', retention_in_days => 9999, ad_account_id => 'a' } ] }, %snap);
my $segment = $body->{segments}[0]{segment}{id};
my $path = "/snapchat/v1/segments/$segment/users";
sub snap_body { return { users => [ { schema => ['EMAIL_SHA256'], data => [ [$ann], [$bob] ], @_ } ] } }
call(POST => $path, snap_body(), %snap);
call(DELETE => $path, snap_body(data => [ [$bob] ], id => $segment), %snap);
is(members(snapchat => $segment), "EMAIL_SHA256:$ann", 'Snapchat: added and removed');
for ([ qr/an identifier twice/, data => [ [$ann], [$ann] ] ], [ qr/schema/, schema => [ 'EMAIL_SHA256', 'PHONE_SHA256' ] ], [ qr/data\[0\]/, data => [ ['ann'] ] ],
	[ qr/users\.id/, id => 'other' ], [ qr/0 rows/, data => [] ])
{
	my ($why, %change) = @$_;
	violates($why, POST => $path, snap_body(%change), %snap);
}
($status, $body) = call(POST => $path, snap_body());
is("$status $body", '401 unauthorized', 'Snapchat: without a token');

# ---- webhooks ----

my $key = decode_base64('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
sub hook
{
	my ($id, $people, %change) = @_;
	my $text = $codec->encode({ type => 'audience.members_added', timestamp => '2026-01-01T00:00:00Z', data => { audience => 'news', people => $people } });
	my $signature = encode_base64(hmac_sha256("$id.1700000000." . $text, $key), '');
	return (POST => '/webhook/x', $text, 'webhook-id' => $id, 'webhook-timestamp' => 1700000000, 'webhook-signature' => "v1,$signature", %change);
}
is((call(hook(m1 => [ { email => $ann } ])))[0], 200, 'webhook: signed');
is((call(hook(m1 => [ { email => $ann } ])))[0], 200, 'webhook: again');
is(audience(webhook => 'news')->{changes}, 1, 'webhook: done once');
violates(qr/with another content/, hook(m1 => [ { email => $bob } ]));
violates(qr/webhook-signature/, hook(m2 => [ { email => $bob } ], 'webhook-signature' => 'v1,AAAA'));
violates(qr/people/, hook(m3 => []));
call(hook(m4 => [ { email => $bob, first_name => $ann } ]));
is(members(webhook => 'news'), join(' ', sort "email:$ann", "email:$bob"), 'webhook: what identifies alone is a member');

# ---- faults ----

sub fault { my ($mode, %more) = @_; post_json("$url/__faults", { path => '/tiktok', mode => $mode, times => 1, form => 0, %more }); return }
sub ask { return join ' ', map { ref $_ ? $_->{code} : $_ } call(POST => $mapping, tiktok_body(@_), %tiktok) }
for ([ throttle => qr/^200 40100/ ], [ token => qr/^200 40102/ ], [ server => qr/^503/ ], [ html => qr/^502 <html>/ ], [ cut_before => qr/^599/ ], [ hang => qr/^599/ ])
{
	my ($mode, $expected) = @$_;
	fault($mode);
	local $http = HTTP::Tiny->new(timeout => 2);
	like(ask(), $expected, "fault $mode");
	is(members(tiktok => $tiktok), '', '… without an effect');
}
for ([ cut_after => qr/^599/ ], [ half => qr/^599/ ], [ slow => qr/^200 0/ ])
{
	my ($mode, $expected) = @$_;
	fault($mode);
	like(ask(), $expected, "fault $mode");
	is(members(tiktok => $tiktok), "EMAIL_SHA256:$ann", '… after the effect');
	ask(action => 'delete');
}
fault('duplicate');
is(ask(), '200 40050', 'fault duplicate');
is(members(tiktok => $tiktok), "EMAIL_SHA256:$ann", '… after the effect');
ask(action => 'delete');
# Each documented form of each error.
my @forms = ([ throttle => '40100 40016 40133 40132' ], [ token => '40102 40104 40105 40106' ], [ blocked => '40001 40118 40119 40125' ],
	[ busy => '40202 40201 40002 50000 50002 51305 60001' ], [ refused => '40000 40002 40007 40011 40300 40301' ]);
for (@forms)
{
	my ($mode, $codes) = @$_;
	my $n = 0;
	is(join(' ', map { fault($mode, form => $n++); ask() =~ s/^200 //r } split / /, $codes), $codes, "forms of $mode");
}
is(members(tiktok => $tiktok), '', '… without an effect');
for ([ throttle => '80003 17 613 4 32' ], [ token => '190 190' ], [ blocked => '200 200 294 10 368 2655 1487301' ], [ busy => '2650 2 1 341' ], [ refused => '100 105 2650' ])
{
	my ($mode, $codes) = @$_;
	my $n = 0;
	is(join(' ', map { fault($mode, form => $n++, path => '/meta'); (call(GET => "/meta/v25.0/1?$token"))[1]{error}{code} } split / /, $codes), $codes, "forms of $mode of Meta");
}
for ([ throttle => 'RESOURCE_EXHAUSTED' ], [ blocked => 'INVALID_ARGUMENT PERMISSION_DENIED PERMISSION_DENIED FAILED_PRECONDITION' ], [ busy => 'ABORTED INTERNAL UNAVAILABLE DEADLINE_EXCEEDED' ], [ bad_rows => 'INVALID_ARGUMENT' ])
{
	my ($mode, $words) = @$_;
	my $n = 0;
	is(join(' ', map { fault($mode, form => $n++, path => '/google'); (call(POST => $ingest, google_body(), %bearer))[1]{error}{status} } split / /, $words), $words, "forms of $mode of Google");
}
fault('blocked', path => '/snapchat');
is((call(POST => $path, snap_body(), %snap))[1]{error_code}, 'E3002', 'Snapchat: not allowed');
fault('partial');
is(ask(batch_data => [ [ cell($ann), {} ], [ cell($bob), {} ] ]), '200 20001', 'fault partial');
is(members(tiktok => $tiktok), "EMAIL_SHA256:$ann", '… with a part of the effect');
is(ask(), '200 0', 'a fault happens as often as it was told to');
my @series = map { fault('any', times => -1, rate => 0.3, seed => $_); my @all = map { ask() } 1 .. 40; delete_json("$url/__faults"); "@all" =~ s/599 \S.*?(?= \d{3} |$)/599/gr } 7, 7, 8;
is($series[0], $series[1], 'a seed repeats the faults');
isnt($series[0], $series[2], 'and another does not');
my $summary = get_json("$url/__summary");
cmp_ok($summary->{platforms}{tiktok}{faults}, '>', 20, 'faults are counted');
is((grep { /the mock failed/ } @{ $summary->{violations} }), 0, 'the mock itself did not fail');
post_json("$url/__reset", {});
is_deeply(violations(), [], 'reset');

done_testing();
