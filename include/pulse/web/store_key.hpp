// API keys in the database.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/web/key.hpp"

namespace pulse::web {

struct NewKey {
    std::string name;
    KeyKind kind = KeyKind::kRead;
    std::string role;
    std::optional<Moment> expires;
    std::optional<std::vector<std::string>> origins;
    std::optional<int32_t> rate;        // requests in a minute
    std::optional<std::string> source;  // the event source whose key it is
};

// These check the rights of the caller; call them outside of any Identity. The first two return the text of
// the key, which is kept nowhere.
std::string CreateKey(const NewKey& key);
std::string RotateKey(const std::string& name, int64_t keep, const std::optional<Moment>& expires);
void RevokeKey(const std::string& name);

// The roles, by oid, that have keys and whose keys work. Needs an open Session as Identity::Owner().
std::vector<int64_t> UsableRoles();

// A key that works now.
struct FoundKey {
    int64_t id;
    std::string name;
    KeyKind kind;
    Oid role;
    std::optional<std::vector<std::string>> origins;
    std::optional<int32_t> rate;
    std::optional<std::string> source;  // it sends events under this source, and does nothing else
    bool must_sign = false;             // webhooks that come in with it must be signed
    std::string proof = {};             // KeyProof() of its text
};

// The key with this text; empty if there is none, it is revoked or has expired, or its role is gone or
// no privilege limits it. All of these go the same way and take about the same time; only a text
// that is no key takes less. Reads the newest commits, without a query.
std::optional<FoundKey> FindKey(std::string_view text);

// The same for a caller that has shown the whole text before: finds the key by the beginning of its text.
std::optional<FoundKey> FindKeyByPrefix(const std::string& prefix);

// The same by KeyProof() of its text, or of the token of a session of the console.
std::optional<FoundKey> FindProvenKey(std::string_view proof);

struct KeyUsage {
    int64_t key;
    int64_t requests, refusals;
};

// Add them to the counts of today. Needs an open Session as Identity::Owner().
void AddUsage(const std::vector<KeyUsage>& usage);

}  // namespace pulse::web
