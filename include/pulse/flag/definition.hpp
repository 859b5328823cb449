// The definition of a flag, read from JSON. Pure C++.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/error.hpp"
#include "pulse/base/time.hpp"
#include "pulse/flag/bucketing.hpp"
#include "pulse/rule/ast.hpp"

namespace pulse::flag {

using Json = nlohmann::json;

inline constexpr size_t kMaxVariants = 100;
inline constexpr size_t kMaxRules = 100;
inline constexpr size_t kMaxOverrides = 10'000;
inline constexpr size_t kMaxPrerequisites = 16;
inline constexpr size_t kMaxRamp = 1000;
inline constexpr size_t kMaxDefinition = 1 << 20;  // bytes

enum class ValueType { kBoolean, kString, kNumber, kJson };
const char* Name(ValueType type);

struct Variant {
    std::string name;
    Json value;
    std::optional<Json> payload;
    std::optional<double> weight;

    bool operator==(const Variant&) const = default;
};

struct Schedule {
    std::optional<Moment> from, until;  // from <= now < until

    bool Covers(Moment now) const { return (!from || now >= *from) && (!until || now < *until); }
    bool operator==(const Schedule&) const = default;
};

// The percentage from `at` until the next step.
struct RampStep {
    Moment at;
    double percentage;

    bool operator==(const RampStep&) const = default;
};

struct VariantWeight {
    size_t variant;  // index
    double weight;

    bool operator==(const VariantWeight&) const = default;
};

struct FlagRule {
    std::string name;  // may be empty
    std::string when;  // canonical text; empty: everybody
    double percentage = 100;
    std::vector<RampStep> ramp;          // by time; not empty: instead of percentage
    std::vector<VariantWeight> weights;  // variants by weight; a single one needs no bucketing
    std::vector<std::string> bucket_by;  // user, profile.x, account.x, context.x: the first with a value
    Schedule schedule;

    // The percentage at an instant; 0 before the first step of a ramp.
    double PercentageAt(Moment now) const;
    bool operator==(const FlagRule&) const = default;
};

struct Prerequisite {
    std::string flag;
    std::vector<std::string> variants;  // one of these; empty: any that allows

    bool operator==(const Prerequisite&) const = default;
};

struct Holdout {
    double percentage = 0;
    size_t variant = 0;
    std::string salt;  // flags with the same salt hold out the same people

    bool operator==(const Holdout&) const = default;
};

struct Definition {
    ValueType type = ValueType::kBoolean;
    std::vector<Variant> variants;  // by name
    size_t off = 0;                 // while the flag is off
    size_t fallback = 0;            // "default": if no rule matches
    std::vector<FlagRule> rules;
    std::map<std::string, size_t> overrides;  // id → variant
    std::vector<Prerequisite> prerequisites;
    std::optional<Holdout> holdout;
    Schedule schedule;
    Dialect dialect = Dialect::kPulse;
    bool is_public = false;  // whether a public API key may decide it
    // Set if the definition names them; they are stored beside it, and ToJson() does not write them.
    std::optional<std::string> salt;
    std::optional<bool> enabled;

    // Whether a variant means access: the value true, or for other types any variant but `off`.
    bool Allows(size_t variant) const;
    bool operator==(const Definition&) const = default;
};

// The index of a variant, or a UserError that lists them: unknown variant "x" in <place>.
size_t RequireVariant(const Definition& definition, const std::string& name, const std::string& place,
                      const char* state = sqlstate::kInvalidParameter);

// A cycle of prerequisites if `key` requires these flags: "a → b → a"; empty: none. Throws UserError 54000
// when a chain is longer than 16 flags.
std::string FindCycle(const std::string& key, const std::vector<std::string>& required,
                      const std::map<std::string, std::vector<std::string>>& others);

// What a flag's rules refer to.
struct References {
    std::vector<std::string> traits, segments, flags;  // each once, sorted
};

// Read a definition; a rule over people alone, as text in JSON or as a JSON rule, is a boolean flag that is
// on where it is true. Throws UserError that names the place, and lists what is valid.
Definition ReadDefinition(const Json& json);
// From text: a rule, or JSON if it begins with a brace.
Definition ReadDefinition(const std::string& text);
// The stored and displayed form: complete and canonical. ReadDefinition() reads it back unchanged.
Json ToJson(const Definition& definition);

// The traits and segments that the rules use. Throws UserError 0A000 if a rule uses events directly instead
// of a trait.
References FindReferences(const Definition& definition);

// Throws UserError 22023 unless a key can be used in a URL unchanged: 1 to 255 of A-Z a-z 0-9 . _ -
void CheckKey(const std::string& key);

// The difference as text: "rule 1: percentage 10 -> 25; override of u1 added". Empty: none.
std::string Difference(const Definition& before, const Definition& after);

}  // namespace pulse::flag
