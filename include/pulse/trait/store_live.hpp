// The live side: compiled definitions and the state of people. For entry code of this room and of flag.
#pragma once

#include <memory>

#include "pulse/pg/convert.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::trait {

// What all definitions are at the moment; compiled once per backend and again after a commit that changed
// one. It stays as it is for whoever holds it, also while another commit makes the next one.
class Program;
std::shared_ptr<const Program> CurrentProgram();
// Tell every backend that definitions changed, when the transaction commits. For whoever writes pulse.trait,
// pulse.metric, pulse.live_segment or pulse.flag, after taking LockDefinitions().
void InvalidateDefinitions();
// Retention dropped events that happened before. For whoever dropped them, in the same transaction.
void MarkEventsDropped(Moment before);
// Waits for transactions that are bringing events, and keeps others from doing so till the end of this one:
// what is defined and what has happened meet. Up to pulse.lock_timeout, then UserError 55P03. 25001 where the
// transaction would not see who came meanwhile.
void LockDefinitions();
// Throws that 25001.
void RequireReadCommitted();

// The trees of saved traits and live profile segments (rule::Definitions), newest committed or our own.
const rule::Definitions& SavedDefinitions();

// That the patterns of `matches` are regular expressions, before somebody's events find out. Needs a Session.
// Throws UserError.
void CheckPatterns(const rule::Expr& expr);

// A rule over a person, compiled for evaluation without a query; e.g. that of a flag.
class Rule {
  public:
    // `text` is parsed, expanded by SavedDefinitions() and compiled; with `with_context` it may use
    // context.*. Throws UserError.
    Rule(const std::string& text, rule::Expect expect, bool with_context);
    // For a tree that is expanded already.
    Rule(const rule::Expr& expanded, rule::Expect expect, bool with_context);
    ~Rule();
    Rule(Rule&&) noexcept;
    Rule& operator=(Rule&&) noexcept;

    const rule::ProfileRule& rule() const;

    struct Compiled;  // for this room
    Compiled& compiled() const { return *compiled_; }

  private:
    std::unique_ptr<Compiled> compiled_;
};

// Somebody at a moment: attributes, and metrics from the kept state as far as it holds then, else read from
// the events. Reads only; works on a standby and for people who have no state yet. Needs no Session.
class Subject {
  public:
    // `program`: null is the current one when it is first needed. It is the same for all that is asked.
    Subject(profile::Person person, Moment now, std::shared_ptr<const Program> program = nullptr);
    // Somebody unknown: no attributes, no events.
    explicit Subject(Moment now);
    ~Subject();
    Subject(const Subject&) = delete;
    Subject& operator=(const Subject&) = delete;

    struct Answer {
        pg::Value value;
        std::optional<Moment> until;  // when it can change by the clock alone; empty: never
    };
    // `context` is jsonb; null: {}.
    Answer Evaluate(const Rule& rule, const pg::Value& context = {});
    // The same without `until`: for hot paths.
    pg::Value Value(const Rule& rule, const pg::Value& context = {});
    // The value as jsonb.
    pg::Value Json(const Rule& rule, const pg::Value& context = {});

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// What a person who changed definitions needs done, in the same transaction, as Identity::Owner() with a
// Session open: keep pulse.metric to what is used, build what is missing (at once when there is little, else
// by the pipeline or pulse_build()), and swap versions that are ready. Called after the rows are written.
void ApplyDefinitionChanges();

}  // namespace pulse::trait
