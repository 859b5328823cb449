// The difference between definitions that are wanted and those that are here, and the calls that make them
// equal. Pure C++.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "pulse/base/definition_kind.hpp"

namespace pulse::cell {

using Json = nlohmann::json;

struct Definition {
    Json json = {};  // in canonical form, see Canonical()
    bool built_in = false;
    bool retired = false;  // it is not exported
};

// By kind and name.
using Definitions = std::map<std::string, std::map<std::string, Definition>>;

inline constexpr size_t kMostDefinitions = 200'000;
inline constexpr size_t kLargestDefinition = size_t{1} << 21;  // bytes

// What an export holds: without nulls, and without what a definition without the key has.
Json Canonical(const DefinitionKind& kind, Json definition);

// The document of pulse_export_definitions(): {"format": 1, "definitions": {"trait": {"spent": {…}}}}.
Json WriteDocument(const Definitions& definitions, const std::vector<std::string>& kinds);
// Throws UserError that names the place: unknown kinds and keys, values of another type, what is too large.
Definitions ReadDocument(const Json& document);

enum class Change { kCreate, kUpdate, kUnchanged, kRemove, kOnlyHere };
const char* Name(Change change);

struct DifferenceRow {
    Change change = Change::kUnchanged;
    std::string kind, name;
    std::vector<std::string> differs;  // "where: ltv > 1 -> ltv > 2"
    std::vector<std::string> missing;  // what it needs and is neither here nor wanted: channel "ops"
    DefinitionCalls calls;
};

// What is in the database and no definition: names of channels, sources and destinations, by kind.
using Places = std::map<std::string, std::set<std::string>>;

// In the order in which the calls run; then what is unchanged and what is only here. `prune`: what is only
// here, of kinds that the document has, is removed.
std::vector<DifferenceRow> FindDifference(const Definitions& here, const Definitions& wanted,
                                          const Places& places, bool prune);

// How many definitions differ, by digests of each: kind, name -> digest.
using Digests = std::map<std::pair<std::string, std::string>, std::string>;
struct DigestComparison {
    int64_t differ = 0, only_here = 0, only_there = 0;
    std::vector<std::string> examples;  // segment "vip", the first ten
};
DigestComparison CompareDigests(const Digests& here, const Digests& there);

}  // namespace pulse::cell
