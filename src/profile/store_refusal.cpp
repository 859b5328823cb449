#include "pulse/profile/store_refusal.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <new>

#include "pulse/pg/array.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_identity_kind.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kKeySize = 32;

// What is refused.
struct Refusals {
    Moment until = INT64_MIN;  // the latest of all
    std::string key;
};

Refusals ReadRefusals() {
    const pg::OwnerSession session;
    static pg::Statement statement(
        "SELECT (SELECT max(refused_until) FROM pulse.erased_identifier), (SELECT key FROM pulse.erasure_key)",
        {});
    const pg::Result rows = statement.Execute({}, true);
    return {rows[0].TimeOrNull(0).value_or(INT64_MIN), rows[0].IsNull(1) ? "" : pg::ToBytes(rows[0].Raw(1))};
}

const Refusals& CurrentRefusals() {
    static pg::Cached<Refusals> refusals("erased_identifier", ReadRefusals);
    return refusals.Get();
}

const IdentityKind* KindNamed(std::string_view name) {
    for (const IdentityKind& kind : IdentityKinds())
        if (kind.kind == name) return &kind;
    return nullptr;
}

}  // namespace

std::string HashOf(const std::string& key, const Identity& id) {
    std::string text = id.kind;
    text += '\0';
    text += id.value;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size))
        throw std::bad_alloc();
    return {reinterpret_cast<const char*>(digest), size};
}

bool AnyRefused() {
    return CurrentRefusals().until > pg::WallClock();
}

bool IsRefused(const Identity& id) {
    if (!AnyRefused()) return false;
    static const pg::Probe probe("erased_identifier", "erased_identifier_pkey", {3});
    const pg::LatestSnapshot latest;
    const auto row = probe.Find({pg::FromBytes(HashOf(CurrentRefusals().key, id))});
    return row && DatumGetTimestampTz((*row)[0].datum) > pg::WallClock();
}

bool IsRefused(const std::string& user) {
    if (!AnyRefused()) return false;
    const std::vector<Identity> ids = IdentitiesNamed(user);
    return std::any_of(ids.begin(), ids.end(), [](const Identity& id) { return IsRefused(id); });
}

std::vector<Identity> IdentitiesNamed(const std::string& user) {
    std::vector<Identity> ids;
    const size_t colon = user.find(':');
    const IdentityKind* const prefix =
        colon == std::string::npos ? nullptr : KindNamed(std::string_view(user).substr(0, colon));
    const std::string value = prefix ? user.substr(colon + 1) : user;
    for (const IdentityKind& kind : IdentityKinds()) {
        if (prefix && &kind != prefix) continue;
        if (Normalised form = Normalise(kind, value); form.value)
            ids.push_back({kind.kind, std::move(*form.value)});
    }
    return ids;
}

std::string ErasureKey() {
    static pg::Statement statement("SELECT key FROM pulse.erasure_key", {});
    const pg::Result rows = statement.Execute({});
    return rows.empty() ? "" : pg::ToBytes(rows[0].Raw(0));
}

std::string LockErasures(const std::optional<std::string>& key) {
    static pg::Statement make("INSERT INTO pulse.erasure_key (key) VALUES ($1) ON CONFLICT DO NOTHING",
                              {BYTEAOID});
    static pg::Statement lock("SELECT key FROM pulse.erasure_key FOR UPDATE", {});
    // A row of another transaction that has not ended is waited for.
    if (ErasureKey().empty())
        make.Execute({{BYTEAOID, pg::FromBytes(key ? *key : pg::RandomBytes(kKeySize)), false}});
    const pg::Result rows = lock.Execute({});
    if (rows.empty())
        throw UserError(sqlstate::kSerializationFailure, "another transaction has made the first erasure", "",
                        "Try again.");
    return pg::ToBytes(rows[0].Raw(0));
}

void Refuse(int64_t erasure, const std::vector<std::string>& hashes, Moment until) {
    static pg::Statement statement(
        "INSERT INTO pulse.erased_identifier AS e (hash, erasure_id, refused_until)"
        " SELECT DISTINCT h.hash, $2, $3 FROM unnest($1) AS h (hash) ORDER BY h.hash ON CONFLICT (hash)"
        " DO UPDATE SET erasure_id = excluded.erasure_id,"
        " refused_until = greatest(e.refused_until, excluded.refused_until)",
        {BYTEAARRAYOID, INT8OID, TIMESTAMPTZOID});
    if (hashes.empty()) return;
    statement.Execute({pg::Byteas(hashes), Value::Int8(erasure), Value::Time(until)});
}

}  // namespace pulse::profile
