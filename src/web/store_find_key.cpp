// Looking up API keys.
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/web/console.hpp"
#include "pulse/web/store_console.hpp"
#include "pulse/web/store_key.hpp"

namespace pulse::web {

namespace {

using pg::Value;

std::optional<Moment> TimeOf(const Value& value) {
    return value.null ? std::nullopt : std::optional<Moment>(DatumGetTimestampTz(value.datum));
}

// The columns of a key, in the order of `probe` below.
FoundKey ReadKey(const std::vector<Value>& row) {
    return {DatumGetInt64(row[0].datum),
            pg::ToText(row[1].datum),
            ParseKeyKind(pg::ToText(row[2].datum)),
            DatumGetObjectId(row[7].datum),
            row[3].null ? std::nullopt : std::optional(pg::ToTextArray(row[3].datum)),
            row[4].null ? std::nullopt : std::optional(DatumGetInt32(row[4].datum)),
            row[8].null ? std::nullopt : std::optional(pg::ToText(row[8].datum)),
            DatumGetBool(row[9].datum)};
}

const pg::Probe& Keys() {
    static const pg::Probe keys("api_key", "api_key_pkey", {1, 2, 3, 5, 6, 9, 11, 12, 13, 14});
    return keys;
}

bool Ended(const Value& end) {
    const Moment now = pg::WallClock();
    return TimeOf(end).value_or(now + 1) <= now;
}

Oid RoleOf(const std::optional<std::vector<Value>>& key) {
    return key && !(*key)[7].null ? DatumGetObjectId((*key)[7].datum) : InvalidOid;
}

// `digest` of the whole text; empty: the caller has seen it before.
std::optional<FoundKey> FindBy(const std::string& prefix, const std::optional<std::string>& digest) {
    static const pg::Probe secrets("api_key_secret", "api_key_secret_pkey", {2, 3, 5});
    // Every text that may be a key goes through all of these, whatever is found; one that is unknown with the
    // first key.
    const pg::LatestSnapshot snapshot;
    const std::optional<std::vector<Value>> secret = secrets.Find({pg::FromText(prefix)});
    const std::string expected = secret ? pg::ToBytes((*secret)[1].datum) : std::string(32, '\0');
    const bool same = !digest || SameDigest(*digest, expected);
    const std::optional<std::vector<Value>> key =
        Keys().Find({Int64GetDatum(secret ? DatumGetInt64((*secret)[0].datum) : 1)});
    const bool may = pg::MayHandOut(RoleOf(key));
    if (!secret || !key || !same || !may) return std::nullopt;

    const bool revoked = !(*key)[6].null;
    if (revoked || Ended((*key)[5]) || Ended((*secret)[2])) return std::nullopt;
    FoundKey found = ReadKey(*key);
    if (digest) found.proof = KeyProof(prefix, *digest);
    return found;
}

}  // namespace

std::optional<FoundKey> FindKey(std::string_view text) {
    const std::optional<std::string> prefix = PrefixOf(text);
    return prefix ? FindBy(*prefix, Digest(text)) : std::nullopt;
}

std::optional<FoundKey> FindKeyByPrefix(const std::string& prefix) {
    return FindBy(prefix, std::nullopt);
}

std::optional<FoundKey> FindProvenKey(std::string_view proof) {
    const std::optional<ProvenKey> proven = ParseKeyProof(proof);
    if (!proven) return std::nullopt;
    if (proven->prefix == kSessionProof) return FindSessionByDigest(proven->digest);
    return FindBy(proven->prefix, proven->digest);
}

}  // namespace pulse::web
