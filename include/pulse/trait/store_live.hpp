// Compiled definitions and the evaluation of people. For entry code of this room and of flag.
#pragma once

#include <memory>

#include "pulse/pg/convert.hpp"
#include "pulse/profile/store_person.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::trait {

// All current definitions, compiled once per backend and again after a commit that changed one. A holder's
// copy stays valid while a newer one is compiled.
class Program;
class PeopleBlock;
std::shared_ptr<const Program> CurrentProgram();
// The same with the settings of macros at a moment: for reading the past.
std::shared_ptr<const Program> ProgramAt(Moment now);
// While it lives, SavedDefinitions() expands macros by the settings of this moment instead of pg::Now().
class MacrosAsOf {
  public:
    explicit MacrosAsOf(Moment at);
    ~MacrosAsOf();
    MacrosAsOf(const MacrosAsOf&) = delete;
    MacrosAsOf& operator=(const MacrosAsOf&) = delete;

  private:
    std::optional<Moment> before_;
};
// Invalidate the compiled definitions of every backend when the transaction commits. Call it after
// LockDefinitions() when writing pulse.trait, pulse.metric, pulse.live_segment or pulse.flag.
void InvalidateDefinitions();
// Record that retention dropped events older than this. Call it in the transaction that dropped them.
void MarkEventsDropped(Moment before);
// Wait for transactions that write events, and block new ones until this transaction ends, so that neither
// misses the other. Throws UserError 55P03 after pulse.lock_timeout, and 25001 if the transaction's snapshot
// would miss people who arrived meanwhile.
void LockDefinitions();
// Throws that 25001.
void RequireReadCommitted();

// The trees of saved traits and live profile segments (rule::Definitions), newest committed or our own.
const rule::Definitions& SavedDefinitions();

// Throws UserError 55000 if the segment over people is a draft.
void RequireNoDraft(const std::string& segment);

// Expand a rule for an unknown person, who is in no segment.
rule::ExprPtr ExpandForUnknown(const rule::Expr& expr);

struct CompiledText;  // for this room

// A rule over a person, compiled for evaluation without a query; e.g. that of a flag.
class Rule {
  public:
    // `text` is parsed, expanded by SavedDefinitions() and compiled; with `with_context` it may use
    // context.*. Throws UserError.
    Rule(const std::string& text, rule::Expect expect, bool with_context);
    // For a tree that is expanded already.
    Rule(const rule::Expr& expanded, rule::Expect expect, bool with_context);
    // For a condition as it is stored, in canonical form. What it compiles to is kept.
    static Rule OfStored(const std::string& text);
    // A program has all it needs: forgets what was not asked for since this was called last.
    static void ForgetUnusedStored();
    ~Rule();
    Rule(Rule&&) noexcept;
    Rule& operator=(Rule&&) noexcept;

    const rule::ProfileRule& rule() const;

    struct Compiled;  // for this room
    Compiled& compiled() const { return *compiled_; }

  private:
    explicit Rule(std::shared_ptr<const CompiledText> text);

    std::unique_ptr<Compiled> compiled_;
};

// What Subject throws after NeverWait().
class NeedsArchive : public UserError {
  public:
    NeedsArchive();
};

// One person at an instant: attributes, and metrics from the stored state where it is valid, else read from
// the events. Read-only; works on a standby and for people without a state. Needs no Session.
class Subject {
  public:
    // `program`: null loads the current one at first use. All evaluations use the same one.
    Subject(profile::Person person, Moment now, std::shared_ptr<const Program> program = nullptr);
    // One of people whose events are read together.
    Subject(profile::Person person, Moment now, std::shared_ptr<const Program> program, PeopleBlock& block);
    // An unknown person: no attributes, no events.
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
    // From now on throw NeedsArchive instead of waiting for an archive.
    void NeverWait();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Apply changed definitions: bring pulse.metric in line with what is used, build what is missing (at once for
// few people, else by the pipeline or pulse_build()), and swap versions that are ready. Call it after the
// rows are written, in the same transaction, as Identity::Owner() with a Session open.
void ApplyDefinitionChanges();

}  // namespace pulse::trait
