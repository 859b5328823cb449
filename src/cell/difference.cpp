#include "pulse/cell/difference.hpp"

#include <algorithm>

#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::cell {

namespace {

constexpr size_t kShownValue = 120;  // bytes of a value in a difference
constexpr size_t kMostShown = 20;    // differences of one definition
constexpr size_t kMostExamples = 10;

std::string Shown(const Json* value) {
    if (value == nullptr) return "nothing";
    return Shorten(value->is_string() ? value->get<std::string>() : DumpJson(*value), kShownValue);
}

// Each value that differs by its path; lists are compared as a whole.
void AddDifferences(const std::string& path, const Json* before, const Json* after,
                    std::vector<std::string>& differs) {
    if (before != nullptr && after != nullptr && *before == *after) return;
    if (before != nullptr && after != nullptr && before->is_object() && after->is_object()) {
        std::set<std::string> keys;
        for (const Json* side : {before, after})
            for (const auto& item : side->items()) keys.insert(item.key());
        for (const std::string& key : keys) {
            const auto old_value = before->find(key), new_value = after->find(key);
            AddDifferences(path.empty() ? key : path + "." + key,
                           old_value == before->end() ? nullptr : &*old_value,
                           new_value == after->end() ? nullptr : &*new_value, differs);
        }
        return;
    }
    differs.push_back(path + ": " + Shown(before) + " -> " + Shown(after));
}

std::vector<std::string> Differences(const Json& before, const Json& after) {
    std::vector<std::string> differs;
    AddDifferences("", &before, &after, differs);
    if (differs.size() > kMostShown) {
        const size_t more = differs.size() - kMostShown;
        differs.resize(kMostShown);
        differs.push_back("and " + std::to_string(more) + " more");
    }
    return differs;
}

void AddArgument(const DefinitionField& field, const Json* current, const Json& wanted,
                 DefinitionCall& call) {
    const auto found = wanted.find(field.key);
    const bool has = found != wanted.end();
    if (current == nullptr) {
        if (has) call.arguments.push_back({field.key, ArgumentText(*found, field.type)});
        return;
    }
    const auto old_value = current->find(field.key);
    const bool same = has ? old_value != current->end() && *old_value == *found : old_value == current->end();
    if (same && !field.always) return;
    if (has)
        call.arguments.push_back({field.key, ArgumentText(*found, field.type)});
    else if (field.cleared != nullptr)
        call.arguments.push_back({field.key, std::string(field.cleared)});
    else if (field.absent != nullptr)
        call.arguments.push_back({field.key, ArgumentText(ParseJson(field.absent), field.type)});
}

DefinitionCalls RemoveCalls(const DefinitionKind& kind, const std::string& name, const Json& current) {
    if (kind.remove_calls != nullptr) return kind.remove_calls(name, current);
    DefinitionCall call{kind.remove, {}};
    if (*kind.name_argument != '\0') call.arguments.push_back({kind.name_argument, name});
    return {call};
}

// `current` null: it is created.
DefinitionCalls WriteCalls(const DefinitionKind& kind, const std::string& name, const Json* current,
                           bool retired, const Json& wanted) {
    DefinitionCalls calls;
    const Json* from = current;
    if (current != nullptr && kind.update == nullptr) {
        calls = RemoveCalls(kind, name, *current);
        from = nullptr;
    }
    DefinitionCall call{from == nullptr ? kind.create : kind.update, {}};
    const bool named = *kind.name_argument != '\0';
    if (named) call.arguments.push_back({kind.name_argument, name});
    for (const DefinitionField& field : kind.fields)
        if (!field.apart) AddArgument(field, from, wanted, call);
    if (from == nullptr || call.arguments.size() > (named ? 1 : 0)) calls.push_back(std::move(call));
    if (kind.adapt != nullptr) kind.adapt(name, from, retired, wanted, calls);
    return calls;
}

// What stays as it is where the wanted definition does not say it.
Json WithKept(const DefinitionKind& kind, const Json& current, Json wanted) {
    for (const DefinitionField& field : kind.fields)
        if (field.absent == nullptr && !wanted.contains(field.key) && current.contains(field.key))
            wanted[field.key] = current[field.key];
    return wanted;
}

// With what a definition without a key has.
Json WithAbsent(const DefinitionKind& kind, Json json) {
    for (const DefinitionField& field : kind.fields) {
        if (field.absent == nullptr || json.contains(field.key)) continue;
        Json absent = ParseJson(field.absent);
        if (!absent.is_null() && absent != Json("")) json[field.key] = std::move(absent);
    }
    return json;
}

std::vector<DefinitionUse> UsesOf(const DefinitionKind& kind, const std::string& name, const Json& json) {
    std::vector<DefinitionUse> uses;
    if (kind.uses != nullptr) kind.uses(name, json, uses);
    std::sort(uses.begin(), uses.end());
    uses.erase(std::unique(uses.begin(), uses.end()), uses.end());
    return uses;
}

const Definition* Find(const Definitions& all, const DefinitionUse& use) {
    const auto kind = all.find(use.kind);
    if (kind == all.end()) return nullptr;
    const auto found = kind->second.find(use.name);
    return found == kind->second.end() ? nullptr : &found->second;
}

// What definitions make beside themselves, and of which it is.
using Made = std::map<DefinitionUse, DefinitionUse>;

Made MadeBy(const Definitions& definitions) {
    Made made;
    for (const DefinitionKind& kind : DefinitionKinds()) {
        const auto found = definitions.find(kind.name);
        if (kind.makes == nullptr || found == definitions.end()) continue;
        for (const auto& [name, definition] : found->second) {
            if (definition.retired) continue;
            std::vector<DefinitionUse> things;
            kind.makes(name, definition.json, things);
            for (DefinitionUse& thing : things) made[std::move(thing)] = {kind.name, name};
        }
    }
    return made;
}

// Rows in an order in which each stands after what it uses, otherwise as they come.
class UseOrder {
  public:
    UseOrder(std::vector<DifferenceRow>& rows, const Definitions& definitions)
        : rows_(rows), all_(definitions) {
        for (size_t i = 0; i < rows.size(); ++i) places_[{rows[i].kind, rows[i].name}] = i;
        for (const auto& [thing, maker] : MadeBy(definitions))
            if (const auto found = places_.find(maker); found != places_.end())
                places_[thing] = found->second;
        seen_.resize(rows.size());
    }

    std::vector<DifferenceRow> Sorted() {
        std::vector<size_t> order;
        for (size_t i = 0; i < rows_.size(); ++i) Visit(i, order);
        std::vector<DifferenceRow> sorted;
        for (const size_t i : order) sorted.push_back(std::move(rows_[i]));
        return sorted;
    }

  private:
    // With a stack of its own: a chain of definitions can be as long as there are definitions.
    void Visit(size_t first, std::vector<size_t>& order) {
        struct Step {
            size_t row;
            std::vector<DefinitionUse> uses;
            size_t next = 0;
        };
        std::vector<Step> steps;
        const auto enter = [&](size_t row) {
            if (seen_[row]) return;
            seen_[row] = true;
            const DefinitionUse self{rows_[row].kind, rows_[row].name};
            const Definition* definition = Find(all_, self);
            steps.push_back({row, UsesOf(*FindDefinitionKind(self.kind), self.name,
                                         definition ? definition->json : Json::object())});
        };
        enter(first);
        while (!steps.empty()) {
            if (steps.back().next == steps.back().uses.size()) {
                order.push_back(steps.back().row);
                steps.pop_back();
                continue;
            }
            const auto found = places_.find(steps.back().uses[steps.back().next++]);
            if (found != places_.end()) enter(found->second);
        }
    }

    std::vector<DifferenceRow>& rows_;
    const Definitions& all_;
    std::map<DefinitionUse, size_t> places_;
    std::vector<bool> seen_;
};

// `made`: by definitions of both.
std::vector<std::string> Missing(const std::vector<DefinitionUse>& uses, const Definitions& here,
                                 const Definitions& wanted, const Made& made, const Places& places) {
    std::vector<std::string> missing;
    for (const DefinitionUse& use : uses) {
        const Definition* known = Find(here, use);
        const auto place = places.find(use.kind);
        const bool there = Find(wanted, use) != nullptr || made.contains(use) ||
                           (known != nullptr && !known->retired) ||
                           (place != places.end() && place->second.contains(use.name));
        if (!there) missing.push_back(use.kind + " " + InQuotes(use.name));
    }
    return missing;
}

DifferenceRow RowOf(const DefinitionKind& kind, const std::string& name, const Definition* current,
                    const Json& given) {
    DifferenceRow row;
    row.kind = kind.name;
    row.name = name;
    const Json* before = current == nullptr ? nullptr : &current->json;
    const bool retired = current != nullptr && current->retired;
    const Json wanted = before == nullptr ? given : WithKept(kind, *before, given);
    if (before == nullptr) {
        row.change = Change::kCreate;
    } else if (!retired && *before == wanted) {
        return row;
    } else {
        row.change = Change::kUpdate;
        row.differs = Differences(WithAbsent(kind, *before), WithAbsent(kind, wanted));
        if (retired && row.differs.empty()) row.differs.emplace_back("it is archived here");
    }
    row.calls = WriteCalls(kind, name, before, retired, wanted);
    // Written in another way, but the same.
    if (row.calls.empty()) {
        row.change = Change::kUnchanged;
        row.differs.clear();
    }
    return row;
}

}  // namespace

const char* Name(Change change) {
    switch (change) {
        case Change::kCreate: return "create";
        case Change::kUpdate: return "update";
        case Change::kRemove: return "remove";
        case Change::kOnlyHere: return "only here";
        case Change::kUnchanged: break;
    }
    return "unchanged";
}

std::vector<DifferenceRow> FindDifference(const Definitions& here, const Definitions& wanted,
                                          const Places& places, bool prune) {
    std::vector<DifferenceRow> written, unchanged, removed, only_here;
    Made made = MadeBy(wanted);
    made.merge(MadeBy(here));
    for (const DefinitionKind& kind : DefinitionKinds()) {
        static const std::map<std::string, Definition> none;
        const auto current = here.find(kind.name), asked = wanted.find(kind.name);
        const auto& current_names = current == here.end() ? none : current->second;
        const auto& asked_names = asked == wanted.end() ? none : asked->second;
        for (const auto& [name, definition] : asked_names) {
            const auto found = current_names.find(name);
            DifferenceRow row =
                RowOf(kind, name, found == current_names.end() ? nullptr : &found->second, definition.json);
            if (row.change != Change::kUnchanged)
                row.missing = Missing(UsesOf(kind, name, definition.json), here, wanted, made, places);
            (row.change == Change::kUnchanged ? unchanged : written).push_back(std::move(row));
        }
        if (asked == wanted.end()) continue;
        for (const auto& [name, definition] : current_names) {
            if (asked_names.contains(name) || definition.retired || definition.built_in) continue;
            DifferenceRow row;
            row.kind = kind.name;
            row.name = name;
            row.change = prune ? Change::kRemove : Change::kOnlyHere;
            if (prune) row.calls = RemoveCalls(kind, name, definition.json);
            (prune ? removed : only_here).push_back(std::move(row));
        }
    }
    std::stable_partition(written.begin(), written.end(), [&](const DifferenceRow& row) {
        const DefinitionKind* kind = FindDefinitionKind(row.kind);
        return kind->reads_tables != nullptr && kind->reads_tables(wanted.at(row.kind).at(row.name).json);
    });
    std::vector<DifferenceRow> rows = UseOrder(written, wanted).Sorted();
    std::vector<DifferenceRow> gone = UseOrder(removed, here).Sorted();
    rows.insert(rows.end(), std::make_move_iterator(gone.rbegin()), std::make_move_iterator(gone.rend()));
    for (std::vector<DifferenceRow>* part : {&unchanged, &only_here})
        rows.insert(rows.end(), std::make_move_iterator(part->begin()), std::make_move_iterator(part->end()));
    return rows;
}

DigestComparison CompareDigests(const Digests& here, const Digests& there) {
    DigestComparison comparison;
    std::set<std::pair<std::string, std::string>> differing;
    for (const auto& [key, digest] : here) {
        const auto found = there.find(key);
        if (found == there.end())
            ++comparison.only_here;
        else if (found->second != digest)
            ++comparison.differ;
        else
            continue;
        differing.insert(key);
    }
    for (const auto& [key, digest] : there) {
        if (here.contains(key)) continue;
        ++comparison.only_there;
        differing.insert(key);
    }
    for (const auto& key : differing) {
        if (comparison.examples.size() == kMostExamples) break;
        comparison.examples.push_back(key.first + " " + InQuotes(Shorten(key.second, kShownValue)));
    }
    return comparison;
}

}  // namespace pulse::cell
