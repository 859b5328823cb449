// Decides which variant a person gets, and why. Pure C++: it asks the evaluation context about the person.
#pragma once

#include "pulse/flag/definition.hpp"

namespace pulse::flag {

// The reasons of OpenFeature, and additional ones.
enum class Reason {
    kStatic,
    kTargetingMatch,
    kSplit,
    kDefault,
    kDisabled,
    kOverride,
    kPrerequisite,
    kHoldout
};
const char* Name(Reason reason);

// The state of a flag besides its definition.
struct FlagState {
    bool enabled = true, archived = false;
    std::string salt;
};

struct Decision {
    size_t variant = 0;
    Reason reason = Reason::kStatic;
    int rule = 0;               // the rule that matched, counted from 1; 0: none
    std::optional<int> bucket;  // the last bucket, of kBuckets; empty: no bucketing
};

// One line of an explanation.
struct ExplanationLine {
    int depth = 0;
    std::string part, value, note;
};

// The person and context that a decision is about.
class EvaluationContext {
  public:
    virtual ~EvaluationContext() = default;
    // Whether the condition of a rule, given by its index, is true. The rule must have one.
    virtual bool RuleHolds(size_t rule) = 0;
    // The id by which a rule buckets this person; empty: there is none.
    virtual std::optional<std::string> BucketingId(size_t rule) = 0;
    // The person's own id: "user" in bucket_by.
    virtual std::optional<std::string> BucketingId() = 0;
    // The variant of this person's override.
    virtual std::optional<size_t> Override() = 0;
    virtual bool MeetsPrerequisite(const Prerequisite& prerequisite) = 0;
    // The tree of a rule's condition with its values.
    virtual void Explain(size_t rule, std::vector<ExplanationLine>& lines) = 0;
};

// In this order: switched off, archived or outside the schedule; override; prerequisites; holdout; the first
// rule that matches; default. `lines` receives every step.
Decision Decide(const Definition& definition, const FlagState& state, Moment now, EvaluationContext& context,
                std::vector<ExplanationLine>* lines = nullptr);

}  // namespace pulse::flag
