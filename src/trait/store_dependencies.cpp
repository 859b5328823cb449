// Dependencies between definitions.
#include <algorithm>
#include <unordered_map>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/diagnosis/segment_use.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::trait {

namespace {

bool Contains(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool Mentions(const Dependent& dependent, const std::string& kind, const std::string& name) {
    for (const rule::ExprPtr& expr : dependent.rules) {
        const rule::ReferencedNames mentions = rule::FindReferencedNames(*expr);
        if (kind == "macro") {
            for (const std::string& macro : mentions.macros)
                if (macro == name || macro.starts_with(name + ".")) return true;
        } else if (Contains(kind == "trait" ? mentions.traits : mentions.segments, name))
            return true;
    }
    return false;
}

std::string Describe(const Dependent& dependent) {
    return dependent.kind + " \"" + dependent.name + "\"";
}

// The stored definitions with one of them replaced; records whether that one was used.
class Overlay : public rule::Definitions {
  public:
    Overlay(const std::string& kind, const std::string& name, rule::ExprPtr tree)
        : kind_(kind == "trait" ? rule::Reference::Kind::kTrait : rule::Reference::Kind::kSegment),
          name_(name),
          tree_(std::move(tree)) {}

    rule::ExprPtr Find(rule::Reference::Kind kind, const std::string& key, size_t position) const override {
        if (kind != kind_ || key != name_) return SavedDefinitions().Find(kind, key, position);
        asked_ = true;
        return tree_;
    }
    rule::ExprPtr FindMacro(const std::string& name, size_t position) const override {
        return SavedDefinitions().FindMacro(name, position);
    }
    bool Asked() const { return asked_; }
    void Reset() { asked_ = false; }

  private:
    rule::Reference::Kind kind_;
    std::string name_;
    rule::ExprPtr tree_;
    mutable bool asked_ = false;
};

rule::ProfileNames Placeholders(bool with_context) {
    rule::ProfileNames names;
    names.attributes = "$2";
    names.account = "$3";
    if (with_context) names.context = "$4";
    names.metric = [](size_t n) { return "$" + std::to_string(n + 5); };
    return names;
}

std::vector<rule::ExprPtr> RulesOf(const std::string& definition) {
    const segment::Request request = segment::ParseRequest(ParseJson(definition));
    std::vector<rule::ExprPtr> rules;
    rules.push_back(segment::ReadRule(request));
    if (request.converted) rules.push_back(rule::Parse(*request.converted));
    return rules;
}

// Each change of a definition looks at all of them, of which hardly one has changed: their trees are kept.
std::vector<Dependent> SegmentDependents() {
    struct Known {
        std::string definition;
        std::vector<rule::ExprPtr> rules;
    };
    static std::unordered_map<std::string, Known> known;
    const pg::Result rows = pg::Execute(
        "SELECT name, definition::text FROM pulse.segment WHERE kind = 'profile'"
        " AND status IN ('active', 'paused') ORDER BY name");
    std::unordered_map<std::string, Known> now;
    std::vector<Dependent> users;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string name = rows[i].Text(0), definition = rows[i].Text(1);
        const auto found = known.find(name);
        const bool same = found != known.end() && found->second.definition == definition;
        std::vector<rule::ExprPtr> rules = same ? found->second.rules : RulesOf(definition);
        users.push_back({"segment", name, rules});
        now.emplace(name, Known{definition, std::move(rules)});
    }
    known = std::move(now);
    return users;
}

}  // namespace

std::vector<Dependent> AllDependents() {
    std::vector<Dependent> users;
    for (const TraitRow& trait : ListTraits())
        users.push_back({"trait", trait.key, {rule::Parse(trait.expression)}});
    for (Dependent& dependent : SegmentDependents()) users.push_back(std::move(dependent));
    AddRegisteredDependents(users);
    return users;
}

std::vector<std::string> DependentsOf(const std::string& kind, const std::string& name) {
    std::vector<std::string> found;
    for (const Dependent& dependent : AllDependents())
        if ((dependent.kind != kind || dependent.name != name) && Mentions(dependent, kind, name))
            found.push_back(Describe(dependent));
    return found;
}

void RequireUnused(const std::string& kind, const std::string& name, const char* what) {
    const std::vector<std::string> users = DependentsOf(kind, name);
    if (users.empty()) return;
    constexpr size_t kMost = 20;
    std::string list;
    for (size_t i = 0; i < std::min(users.size(), kMost); ++i) list += (i ? ", " : "") + users[i];
    if (users.size() > kMost) list += " and " + std::to_string(users.size() - kMost) + " more";
    throw UserError(sqlstate::kDependentObjects,
                    kind + " \"" + name + "\" cannot be " + what + " while it is used",
                    "It is used by " + list + ".", "Change or delete its dependents first.");
}

void CheckDependents(const std::string& kind, const std::string& name, const rule::ExprPtr& tree) {
    Overlay overlay(kind, name, tree);
    for (const Dependent& dependent : AllDependents()) {
        if (dependent.kind == kind && dependent.name == name) continue;
        for (const rule::ExprPtr& expr : dependent.rules) {
            pg::CheckInterrupts();
            overlay.Reset();
            try {
                const rule::ExprPtr expanded =
                    rule::Expand(*expr, overlay, dependent.kind + " " + dependent.name);
                if (!overlay.Asked()) continue;
                rule::CompileProfile(*expanded, Placeholders(dependent.with_context),
                                     dependent.kind == "trait" ? rule::Expect::kAny : rule::Expect::kBoolean,
                                     "$1");
            } catch (const UserError& error) {
                if (!overlay.Asked()) continue;  // broken already, not by this change
                throw UserError(
                    error.state().c_str(),
                    Describe(dependent) + " uses " + kind + " \"" + name + "\" and would no longer be valid",
                    error.message() + (error.detail().empty() ? "." : ". " + error.detail()),
                    "Change " + Describe(dependent) + " first.");
            }
        }
    }
}

std::vector<Dependency> Dependencies() {
    std::vector<Dependency> all;
    for (const Dependent& dependent : AllDependents()) {
        const size_t first = all.size();
        const auto add = [&](const char* kind, const std::string& name) {
            const bool known =
                std::any_of(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                            [&](const Dependency& one) { return one.uses_kind == kind && one.uses == name; });
            if (!known) all.push_back({dependent.kind, dependent.name, kind, name});
        };
        for (const rule::ExprPtr& expr : dependent.rules) {
            pg::CheckInterrupts();
            const rule::ReferencedNames mentions = rule::FindReferencedNames(*expr);
            for (const std::string& name : mentions.traits) add("trait", name);
            for (const std::string& name : mentions.segments) add("segment", name);
            for (const std::string& name : mentions.macros) add("macro", name);
            const RuleReferences reads = FindReferences(*expr);
            for (const std::string& name : reads.events) add("event", name.empty() ? "*" : name);
            for (const std::string& name : reads.attributes) add("attribute", name);
            for (const std::string& name : reads.account_attributes) add("account attribute", name);
        }
    }
    return all;
}

namespace {

// A consumer reads the changes of every segment over people. Subscriptions are delivery's.
void AddUsedSegments(std::set<std::string>& used) {
    for (const Dependency& one : Dependencies())
        if (one.uses_kind == "segment") used.insert(one.uses);
    const pg::Result rows = pg::Execute(
        "SELECT name FROM pulse.segment WHERE kind = 'profile' AND EXISTS (SELECT FROM pulse.change_consumer"
        " WHERE name NOT LIKE 'subscription:%')");
    for (uint64_t i = 0; i < rows.size(); ++i) used.insert(rows[i].Text(0));
}

[[maybe_unused]] const bool lists_used_segments = diagnosis::RegisterUsedSegments(AddUsedSegments);

}  // namespace

}  // namespace pulse::trait
