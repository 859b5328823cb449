// Sessions of the console in the database.
#include "pulse/web/store_console.hpp"

#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/console.hpp"

namespace pulse::web {

namespace {

using pg::Value;

constexpr size_t kTokenBytes = 32;
constexpr Moment kSecond = 1'000'000;

Value BytesOf(const std::string& bytes) {
    return {BYTEAOID, pg::FromBytes(bytes), false};
}

[[maybe_unused]] const bool sessions_retention_registered = pg::RegisterRetention(
    {{.order = 176,
      .what = "ended sessions",
      .sql =
          "DELETE FROM pulse.console_session WHERE digest = ANY (ARRAY(SELECT s.digest FROM pulse.console_session AS s"
          " WHERE s.expires_at < clock_timestamp() ORDER BY s.expires_at LIMIT $2))"}});

// The key's row is locked, so that sign-ins of one key are counted one after the other.
void MakeRoomForSession(int64_t key) {
    pg::Execute("SELECT FROM pulse.api_key WHERE id = $1 FOR NO KEY UPDATE", {Value::Int8(key)});
    pg::Execute(
        "DELETE FROM pulse.console_session WHERE digest IN (SELECT s.digest FROM pulse.console_session AS s"
        " WHERE s.key_id = $1 ORDER BY s.expires_at DESC OFFSET $2)",
        {Value::Int8(key), Value::Int8(kMostSessions - 1)});
}

}  // namespace

std::string SignInProblem(const FoundKey& key) {
    if (key.source) return "It is the key of an event source. Use a key of kind read, write or admin.";
    return key.kind == KeyKind::kPublic ? "Its kind is public. Use a key of kind read, write or admin." : "";
}

std::optional<std::string> BeginSession(const std::string& key) {
    const std::optional<FoundKey> found = FindKey(key);
    if (!found) return std::nullopt;
    if (const std::string problem = SignInProblem(*found); !problem.empty())
        throw UserError(sqlstate::kInsufficientPrivilege, "the API key is not for the console", problem, "");
    const pg::OwnerSession session;
    const std::string token = MakeSessionToken(pg::RandomBytes(kTokenBytes));
    const std::optional<std::string> prefix = PrefixOf(key);
    MakeRoomForSession(found->id);
    pg::Execute(
        "INSERT INTO pulse.console_session (digest, key_id, prefix, expires_at) VALUES ($1, $2, $3, $4)",
        {BytesOf(Digest(token)), Value::Int8(found->id), Value::Text(prefix),
         Value::Time(pg::WallClock() + kSessionTime * kSecond)});
    const pg::Actor actor(found->name);
    audit::Write("api_key.signed_in", found->name, {{"prefix", prefix.value_or("")}});
    return token;
}

void EndSession(const std::string& token) {
    const pg::OwnerSession session;
    const pg::Result ended = pg::Execute(
        "DELETE FROM pulse.console_session AS s USING pulse.api_key AS k WHERE s.digest = $1 AND k.id = s.key_id"
        " RETURNING k.name, s.prefix",
        {BytesOf(Digest(token))});
    if (ended.empty()) return;
    const pg::Actor actor(ended[0].Text(0));
    audit::Write("api_key.signed_out", ended[0].Text(0), {{"prefix", ended[0].Text(1)}});
}

std::optional<FoundKey> FindSessionByDigest(const std::string& digest) {
    static const pg::Probe sessions("console_session", "console_session_pkey", {3, 5});
    const pg::LatestSnapshot snapshot;
    const std::optional<std::vector<Value>> row = sessions.Find({pg::FromBytes(digest)});
    if (!row || DatumGetTimestampTz((*row)[1].datum) <= pg::WallClock()) return std::nullopt;
    std::optional<FoundKey> key = FindKeyByPrefix(pg::ToText((*row)[0].datum));
    if (key) key->proof = KeyProof(kSessionProof, digest);
    return key;
}

std::optional<FoundKey> FindSession(const std::string& token) {
    return FindSessionByDigest(Digest(token));
}

}  // namespace pulse::web
