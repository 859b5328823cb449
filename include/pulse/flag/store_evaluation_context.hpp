// Whom decisions are asked for. For entry code of this room.
#pragma once

#include <map>

#include "pulse/flag/store_flag.hpp"

namespace pulse::flag {

// One person, or nobody known, with a context; asked for one flag or many. Needs no Session.
class Asked : public Someone {
  public:
    // `user`: any id; empty: context.targetingKey, or nobody. `context`: jsonb, null: {}. Throws UserError
    // 22023.
    Asked(const std::optional<std::string>& user, const pg::Value& context);

    Decision Decide(const Saved& flag, std::vector<Line>* lines = nullptr);
    // The first segment named by the rule that decided, in which the person is.
    std::optional<std::string> SegmentOf(const Saved& flag, const Decision& decision);
    const std::optional<profile::Person>& person();
    // What stands for the person where nothing else is asked for.
    std::optional<std::string> Id() override;

    bool Holds(size_t rule) override;
    std::optional<std::string> Id(size_t rule) override;
    std::optional<size_t> Override() override;
    bool Meets(const Prerequisite& prerequisite) override;
    void Explain(size_t rule, std::vector<Line>& lines) override;

  private:
    trait::Subject& subject();

    std::optional<std::string> user_;
    pg::Value context_;
    Moment now_;
    bool looked_ = false;
    std::optional<profile::Person> person_;
    std::optional<trait::Subject> subject_;
    const Saved* flag_ = nullptr;            // about which it is asked at the moment
    std::map<std::string, size_t> decided_;  // of prerequisites
};

// Note that somebody saw a variant. Returns whether a row was written. Opens what it needs itself.
bool NoteExposure(const Saved& flag, const std::optional<profile::Person>& person, const std::string& id,
                  const std::string& variant);

}  // namespace pulse::flag
