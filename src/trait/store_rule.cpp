// A rule over a person, evaluated without a query.
#include "pulse/base/error.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::trait {

struct Rule::Compiled {
    rule::ProfileRule rule;
};

Rule::Rule(const std::string&, rule::Expect, bool) : compiled_(std::make_unique<Compiled>()) {}
Rule::Rule(const rule::Expr&, rule::Expect, bool) : compiled_(std::make_unique<Compiled>()) {}
Rule::~Rule() = default;
Rule::Rule(Rule&&) noexcept = default;
Rule& Rule::operator=(Rule&&) noexcept = default;
const rule::ProfileRule& Rule::rule() const { return compiled_->rule; }

struct Subject::State {};

Subject::Subject(profile::Person, Moment) : state_(std::make_unique<State>()) {}
Subject::Subject(Moment) : state_(std::make_unique<State>()) {}
Subject::~Subject() = default;

Subject::Answer Subject::Evaluate(const Rule&, const pg::Value&) {
    throw UserError(sqlstate::kNotSupported, "rules over people cannot be evaluated yet");
}
pg::Value Subject::Value(const Rule& rule, const pg::Value& context) { return Evaluate(rule, context).value; }

}  // namespace pulse::trait
