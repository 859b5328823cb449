// A definition as parsed from JSON, not yet checked against the database. Pure C++.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/rule/ast.hpp"
#include "pulse/segment/definition.hpp"

namespace pulse::segment {

using Json = nlohmann::json;

inline constexpr size_t kMaxChosenAttributes = 20;  // chosen automatically
inline constexpr size_t kMaxNamedAttributes = 100;  // named in the definition
inline constexpr size_t kMaxSources = 64;           // servers that a definition is measured on
inline constexpr size_t kMaxQuery = 1 << 20;        // bytes
inline constexpr size_t kMaxMembersWord = 40;       // characters

struct AttributeRequest {
    std::string name;
    std::optional<AttributeKind> kind;  // unset: by the column's type

    bool operator==(const AttributeRequest&) const = default;
};

// The rules of a segment over people, with names of traits and segments replaced by their definitions.
struct ExpandedRules {
    rule::ExprPtr rule, converted;  // converted: nullptr without one
    std::string time_zone;          // of days and calendar windows
    int64_t inactive_after = 0;     // microseconds; 0: the last activity is not bounded
};

struct Request {
    SegmentKind kind = SegmentKind::kRelation;
    std::string source;  // a server of pulse_source; empty: this database
    // Of a definition that is measured on several servers: all of them, `source` first. Else empty.
    std::vector<std::string> sources;
    std::optional<bool> allow_incomplete;  // several servers: a snapshot may lack some of them; unset: false
    std::string from;                      // relation
    std::string query;                     // query
    std::optional<std::string> key;
    std::optional<std::string> where;  // rule text, or …
    std::optional<Json> rules;  // … {"rules", "logicalOperator", "groups"}, or Stratum's; only the given keys
    std::optional<std::vector<AttributeRequest>> attributes;  // unset: choose
    std::optional<std::string> converted;
    std::optional<std::string> last_active;
    std::optional<std::string> cadence;
    // People who are added by hand: the id of the segment whose list it is; 0: a new one. Unset: a rule.
    std::optional<int64_t> static_segment;
    std::optional<bool> include_anonymous;          // people; unset: true
    std::optional<std::string> members;             // what texts call them; unset: people, or members
    std::shared_ptr<const ExpandedRules> expanded;  // set by PrepareRequest() for segments over people

    // In microseconds; a day unless given.
    int64_t Cadence() const;
};

// Read and check a definition. Throws UserError that names the key and lists what is valid.
Request ParseRequest(const Json& json);

// Write a request as JSON; ParseRequest(ToJson(r)) returns r.
Json ToJson(const Request& request);

// The servers that a definition reads: none for this database.
std::vector<std::string> SourcesOf(const Json& definition);
std::vector<std::string> SourcesOf(const Request& request);
// The same for people: "shard_1, shard_2"; empty for this database.
std::string SourceText(const std::vector<std::string>& sources);

// Read "30 minutes", "1 hour", "1 day", "2 weeks" as microseconds. Throws UserError.
int64_t ParseCadence(const std::string& text);

}  // namespace pulse::segment
