// The person and context of a decision, backed by the database. For entry code of this room.
#pragma once

#include <map>

#include "pulse/flag/store_flag.hpp"

namespace pulse::flag {

// A person, known or not, with a context; evaluates one flag or many. Needs no Session.
class StoredEvaluationContext : public EvaluationContext {
  public:
    // `user`: any id; empty: context.targetingKey, or nobody. `context`: jsonb, null: {}. Throws UserError
    // 22023.
    StoredEvaluationContext(const std::optional<std::string>& user, const pg::Value& context);

    Decision Decide(const StoredFlag& flag, std::vector<ExplanationLine>* lines = nullptr);
    // The first segment named by the rule that decided, in which the person is.
    std::optional<std::string> SegmentOf(const StoredFlag& flag, const Decision& decision);
    const std::optional<profile::Person>& person();
    // The person's own id.
    std::optional<std::string> BucketingId() override;

    bool RuleHolds(size_t rule) override;
    std::optional<std::string> BucketingId(size_t rule) override;
    std::optional<size_t> Override() override;
    bool MeetsPrerequisite(const Prerequisite& prerequisite) override;
    void Explain(size_t rule, std::vector<ExplanationLine>& lines) override;

  private:
    trait::Subject& subject();
    // A rule that cannot be evaluated, because of the person's data or the context, does not hold.
    bool Holds(const trait::Rule& rule);
    // Evaluate something; returns why it fails, or nothing.
    template <typename Evaluate>
    std::string Try(bool can_fail, Evaluate evaluate);
    // Whether there is such a person at that moment; otherwise only the context has values.
    bool IsKnown();

    std::optional<std::string> user_;
    pg::Value context_;
    Moment now_;
    bool looked_ = false;
    std::optional<bool> known_;
    std::optional<profile::Person> person_;
    std::optional<trait::Subject> subject_;
    const StoredFlag* flag_ = nullptr;       // being evaluated
    std::map<std::string, size_t> decided_;  // of prerequisites
};

// Record that a person saw a variant. Returns whether a row was written. Opens its own Session.
bool RecordExposure(const StoredFlag& flag, const std::optional<profile::Person>& person,
                    const std::string& id, const std::string& variant);

}  // namespace pulse::flag
