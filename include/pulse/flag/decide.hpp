// From a flag and somebody to a variant, and why. Pure C++: what it needs to know of the person it asks.
#pragma once

#include "pulse/flag/definition.hpp"

namespace pulse::flag {

// Those of OpenFeature as far as it has them.
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

// What stands beside a definition.
struct FlagState {
    bool enabled = true, archived = false;
    std::string salt;
};

struct Decision {
    size_t variant = 0;
    Reason reason = Reason::kStatic;
    int rule = 0;  // which gave it, counted from 1; 0: none
    std::optional<int>
        bucket;  // of kBuckets: where the person fell when last drawn; empty: nothing was drawn
};

// One line of an explanation.
struct ExplanationLine {
    int depth = 0;
    std::string part, value, note;
};

// Whom a decision is about.
class EvaluationContext {
  public:
    virtual ~EvaluationContext() = default;
    // Whether the condition of a rule, by its index, is true; it has one.
    virtual bool RuleHolds(size_t rule) = 0;
    // What a rule draws this person by; empty: there is nothing.
    virtual std::optional<std::string> BucketingId(size_t rule) = 0;
    // The id that stands for the person: "user" in bucket_by.
    virtual std::optional<std::string> BucketingId() = 0;
    // The variant that an override names for this person.
    virtual std::optional<size_t> Override() = 0;
    virtual bool MeetsPrerequisite(const Prerequisite& prerequisite) = 0;
    // The tree of a rule's condition with its values.
    virtual void Explain(size_t rule, std::vector<ExplanationLine>& lines) = 0;
};

// In this order: switched off or archived or outside its schedule; override; prerequisites; holdout; the
// first rule that holds; default. With `lines` every step is told.
Decision Decide(const Definition& definition, const FlagState& state, Moment now, EvaluationContext& context,
                std::vector<ExplanationLine>* lines = nullptr);

}  // namespace pulse::flag
