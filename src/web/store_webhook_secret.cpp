// Secrets with which senders of webhooks sign, and the messages that have come.
#include "pulse/web/store_webhook_secret.hpp"

#include "pulse/audit/store.hpp"
#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/sign.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/web/signature.hpp"
#include "pulse/web/store_lock.hpp"

namespace pulse::web {

namespace {

using pg::Value;

struct SigningKeyOwner {
    int64_t id;
    std::string role;
};

SigningKeyOwner FindOwner(const std::string& name, const char* lock) {
    const pg::Result rows = pg::Execute(
        std::string("SELECT id, pulse.role_name(runs_as, role_oid) FROM pulse.api_key WHERE name = $1 ") +
            lock,
        {Value::Text(name)});
    if (rows.empty())
        throw UserError(sqlstate::kUndefinedObject, "API key \"" + name + "\" does not exist", "",
                        "pulse_list_api_keys() lists them.");
    return {rows[0].Int8(0), rows[0].Text(1)};
}

// With the secret, others act with the rights of the key's role, so long as they have the key.
int64_t LockOwned(const std::string& name) {
    std::string role;
    {
        const pg::OwnerSession session;
        role = FindOwner(name, "").role;
    }
    pg::RequireRightsToHandOut(role, "an API key");
    const pg::OwnerSession session;
    return WithLock("API key", name, [&] { return FindOwner(name, "FOR NO KEY UPDATE"); }).id;
}

[[maybe_unused]] const bool webhook_retention_registered = pg::RegisterRetention(
    {{.order = 176,
      .what = "noted webhooks",
      .sql =
          "DELETE FROM pulse.webhook_seen WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM pulse.webhook_seen AS s"
          " WHERE s.at < $1 - interval '1 hour' LIMIT $2))"}});

}  // namespace

std::string SetWebhookSecret(const std::string& key, const std::optional<std::string>& given) {
    if (given && !delivery::SigningKey(*given))
        ThrowInvalid("the secret is not valid", "",
                     "Give \"whsec_\" and Base64 of 24 to 64 random bytes, or null to have one made.");
    const std::string secret = given.value_or("whsec_" + delivery::Base64(pg::RandomBytes(32)));
    const int64_t id = LockOwned(key);
    const pg::OwnerSession session;
    pg::Execute(
        "INSERT INTO pulse.webhook_secret (key_id, secret) VALUES ($1, $2)"
        " ON CONFLICT (key_id) DO UPDATE SET secret = excluded.secret, set_at = excluded.set_at",
        {Value::Int8(id), Value::Text(secret)});
    pg::Execute("UPDATE pulse.api_key SET signed = true WHERE id = $1", {Value::Int8(id)});
    audit::Write("api_key.webhook_secret_set", key);
    return secret;
}

void DeleteWebhookSecret(const std::string& key) {
    const int64_t id = LockOwned(key);
    const pg::OwnerSession session;
    pg::Execute("DELETE FROM pulse.webhook_secret WHERE key_id = $1", {Value::Int8(id)});
    pg::Execute("UPDATE pulse.api_key SET signed = false WHERE id = $1", {Value::Int8(id)});
    audit::Write("api_key.webhook_secret_deleted", key);
}

std::string CheckSignature(const Request& request, const FoundKey& key) {
    const pg::OwnerSession session;
    const pg::Result rows =
        pg::Execute("SELECT secret FROM pulse.webhook_secret WHERE key_id = $1", {Value::Int8(key.id)});
    const std::optional<std::string> secret =
        rows.empty() ? std::nullopt : delivery::SigningKey(rows[0].Text(0));
    if (!secret)
        return "The key must sign, but its secret is not here, as after a restore: pulse_set_webhook_secret() sets one.";
    const SignedMessage message{request.Header("webhook-id"), request.Header("webhook-timestamp"),
                                request.Header("webhook-signature"), request.body};
    std::string problem = SignatureProblem(*secret, message, delivery::UnixTime(pg::WallClock()));
    if (!problem.empty()) return problem;
    const std::string digest = Digest(std::string(message.id) + "." + std::string(message.timestamp));
    const uint64_t inserted =
        pg::Execute("INSERT INTO pulse.webhook_seen (key_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    {Value::Int8(key.id), Value{BYTEAOID, pg::FromBytes(digest), false}})
            .processed();
    return inserted == 1 ? "" : "This message has come before: sign it anew to send it again.";
}

}  // namespace pulse::web
