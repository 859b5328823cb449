// Flags as they are saved, compiled once per backend. For entry code of this room.
#pragma once

#include "pulse/flag/decide.hpp"
#include "pulse/pg/convert.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::flag {

// A rule, ready to be asked.
struct CompiledRule {
    std::optional<trait::Rule> when;                    // empty: everybody
    std::string error;                                  // why it can no longer be asked: it never holds
    std::vector<std::optional<trait::Rule>> bucket_by;  // an empty one is "user"
    std::optional<std::string> segment;                 // that the person is in whenever the rule holds
    std::vector<std::pair<std::string, trait::Rule>> segments;  // otherwise those it names
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

// All rules of a definition. `strict`: what cannot be compiled is a UserError that names the rule; else the
// rule is broken. As Identity::Owner().
std::vector<CompiledRule> CompileRules(const Definition& definition, bool strict);

// Forget what was compiled if a flag, trait or segment was changed by a commit or by us. Once at the
// beginning of a statement's work: what RequireFlag() gave is valid until the next time.
void RefreshFlags();
// Throws UserError 42704 with the nearest key. Reads by probe what is not known yet; needs no Session.
const StoredFlag& RequireFlag(const std::string& key);
// Nullptr when there is none.
const StoredFlag* FindFlag(const std::string& key);
// Keys of all that are not archived, in order.
const std::vector<std::string>& ActiveFlags();

// ---- changing them; as Identity::Owner() with a Session open ----

int64_t CreateFlag(const std::string& key, const Definition& definition,
                   const std::optional<std::string>& description, const std::string& creator);
// What is empty stays. Returns the version.
int32_t UpdateFlag(const std::string& key, const std::optional<Definition>& definition,
                   const std::optional<std::string>& description, const std::optional<std::string>& new_key,
                   const std::string& editor);
void DeleteFlag(const std::string& key);
void SwitchFlag(const std::string& key, bool enabled, const std::string& editor);
void ArchiveFlag(const std::string& key, bool archived, const std::string& editor);
[[noreturn]] void ThrowUnknownFlag(const std::string& key);

}  // namespace pulse::flag
