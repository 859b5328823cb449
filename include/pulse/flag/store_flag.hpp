// Stored flags, compiled once per backend. For entry code of this room.
#pragma once

#include "pulse/flag/decide.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::flag {

// A compiled rule of a flag.
struct CompiledRule {
    std::optional<trait::Rule> when;  // empty: everybody
    // The same for an unknown person, who is in no segment; empty: it names none.
    std::optional<trait::Rule> when_unknown;
    std::string error;                                  // why it cannot be evaluated: it never matches
    std::vector<std::optional<trait::Rule>> bucket_by;  // an empty one is "user"
    std::optional<std::string> segment;                 // the person is in it whenever the rule matches
    std::vector<std::pair<std::string, trait::Rule>> segments;  // otherwise the segments it names
};

struct StoredFlag {
    int64_t id = 0;
    std::string key;
    int version = 0;
    Definition definition;
    FlagState state;
    std::vector<CompiledRule> compiled_rules;  // of each rule
    std::vector<std::string> values;           // of each variant, as the bytes of a jsonb
    std::vector<std::string> payloads;         // empty: none
};

// Compile all rules of a definition. `strict`: an error is thrown as a UserError that names the rule; else it
// is kept in the rule. As Identity::Owner().
std::vector<CompiledRule> CompileRules(const Definition& definition, bool strict);

// Clear the cache if a flag, trait or segment was changed by a commit or by this transaction. Call it once at
// the start of a statement: results of RequireFlag() are valid until the next call.
void RefreshFlags();
// Throws UserError 42704 with the nearest key. Reads an uncached flag by probe; needs no Session.
const StoredFlag& RequireFlag(const std::string& key);
// Returns nullptr if it does not exist.
const StoredFlag* FindFlag(const std::string& key);
// Keys of all that are not archived, in order.
const std::vector<std::string>& ActiveFlags();

// ---- changing them; as Identity::Owner() with a Session open ----

int64_t CreateFlag(const std::string& key, const Definition& definition,
                   const std::optional<std::string>& description, const std::string& creator);
// An empty value stays. Returns the version.
int32_t UpdateFlag(const std::string& key, const std::optional<Definition>& definition,
                   const std::optional<std::string>& description, const std::optional<std::string>& new_key,
                   const std::string& editor);
void DeleteFlag(const std::string& key);
// These return the version.
int32_t SwitchFlag(const std::string& key, bool enabled, const std::string& editor);
int32_t ArchiveFlag(const std::string& key, bool archived, const std::string& editor);
[[noreturn]] void ThrowUnknownFlag(const std::string& key);

}  // namespace pulse::flag
