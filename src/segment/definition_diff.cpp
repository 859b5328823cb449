#include "pulse/segment/definition_diff.hpp"

#include <algorithm>

#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/segment/member_query.hpp"

namespace pulse::segment {

namespace {

class Changes {
  public:
    void Add(const std::string& change) { text_ += (text_.empty() ? "" : "; ") + change; }

    void Compare(const std::string& what, const std::optional<std::string>& before,
                 const std::optional<std::string>& after) {
        if (before != after) Add(what + ": " + Quote(before) + " → " + Quote(after));
    }

    std::string text() const { return text_; }

  private:
    static std::string Quote(const std::optional<std::string>& text) {
        return text ? "\"" + *text + "\"" : "none";
    }

    std::string text_;
};

std::optional<std::string> Canonical(const std::optional<std::string>& text) {
    return text ? std::optional(rule::Print(*rule::Parse(*text))) : std::nullopt;
}

// The top-level conjuncts as canonical text.
std::vector<std::string> Clauses(const Request& request) {
    if (request.static_segment) return {kAddedByHand};
    const rule::ExprPtr tree = ReadRule(request);
    if (!tree) return {};
    const rule::Operation* conjunction = rule::AsOp(*tree, rule::Op::kAnd);
    if (!conjunction) return {rule::Print(*tree)};
    std::vector<std::string> clauses;
    for (const rule::ExprPtr& operand : conjunction->operands) clauses.push_back(rule::Print(*operand));
    return clauses;
}

std::vector<std::string> Without(const std::vector<std::string>& list,
                                 const std::vector<std::string>& other) {
    std::vector<std::string> rest;
    for (const std::string& item : list)
        if (std::find(other.begin(), other.end(), item) == other.end()) rest.push_back(item);
    return rest;
}

// The subject of a clause: its text up to the first blank, usually a column.
std::string Subject(const std::string& clause) {
    return clause.substr(0, clause.find(' '));
}

void CompareRules(const Request& before, const Request& after, Changes& changes) {
    const std::vector<std::string> old_clauses = Clauses(before), new_clauses = Clauses(after);
    if (old_clauses.size() <= 1 && new_clauses.size() <= 1) {
        auto only = [](const std::vector<std::string>& list) {
            return list.empty() ? std::nullopt : std::optional(list[0]);
        };
        changes.Compare("where", only(old_clauses), only(new_clauses));
        return;
    }
    std::vector<std::string> gone = Without(old_clauses, new_clauses),
                             added = Without(new_clauses, old_clauses);
    for (const std::string& clause : gone) {
        const auto successor = std::find_if(added.begin(), added.end(), [&](const std::string& candidate) {
            return Subject(candidate) == Subject(clause);
        });
        if (successor == added.end()) {
            changes.Add("clause " + clause + " removed");
        } else {
            changes.Add("clause " + clause + " became " + *successor);
            added.erase(successor);
        }
    }
    for (const std::string& clause : added) changes.Add("clause " + clause + " added");
}

const AttributeRequest* Find(const std::vector<AttributeRequest>& list, const std::string& name) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](auto& attribute) { return attribute.name == name; });
    return found == list.end() ? nullptr : &*found;
}

std::string KindOf(const AttributeRequest& attribute) {
    return attribute.kind ? Name(*attribute.kind) : "by its type";
}

void CompareAttributes(const Request& before, const Request& after, Changes& changes) {
    const std::vector<AttributeRequest> none;
    const auto& old_list = before.attributes ? *before.attributes : none;
    const auto& new_list = after.attributes ? *after.attributes : none;
    for (const AttributeRequest& attribute : old_list)
        if (!Find(new_list, attribute.name)) changes.Add("attribute " + attribute.name + " removed");
    for (const AttributeRequest& attribute : new_list) {
        const AttributeRequest* old = Find(old_list, attribute.name);
        if (!old)
            changes.Add("attribute " + attribute.name + " added");
        else if (old->kind != attribute.kind)
            changes.Add("attribute " + attribute.name + " measured as " + KindOf(attribute) + " instead of " +
                        KindOf(*old));
    }
}

std::string Origin(const Request& request) {
    switch (request.kind) {
        case SegmentKind::kRelation: return "\"" + request.from + "\"";
        case SegmentKind::kQuery: return "a query";
        case SegmentKind::kProfile: return "people";
    }
    return "";
}

}  // namespace

std::string DiffDefinitions(const DefinitionVersion& before, const DefinitionVersion& after) {
    Changes changes;
    const Request &a = before.request, &b = after.request;
    const auto source = [](const Request& request) {
        return request.source.empty() ? "local" : SourceText(SourcesOf(request));
    };
    changes.Compare("source", source(a), source(b));
    const auto incomplete = [](const Request& request) {
        return request.allow_incomplete.value_or(false) ? "true" : "false";
    };
    changes.Compare("allow_incomplete", incomplete(a), incomplete(b));
    if (a.kind != b.kind) {
        changes.Add("from: " + Origin(a) + " → " + Origin(b));
    } else if (a.kind == SegmentKind::kQuery) {
        if (a.query != b.query) changes.Add("query rewritten");
    } else {
        changes.Compare("from", a.from, b.from);
    }
    changes.Compare("key", a.key, b.key);
    CompareRules(a, b, changes);
    CompareAttributes(a, b, changes);
    changes.Compare("converted", Canonical(a.converted), Canonical(b.converted));
    changes.Compare("last_active", a.last_active, b.last_active);
    changes.Compare("cadence", a.cadence, b.cadence);
    changes.Compare("members", a.members, b.members);
    changes.Compare("runs as", before.runs_as, after.runs_as);
    // Names in a relation definition are qualified, and a server has its own search_path.
    if (b.kind == SegmentKind::kQuery && b.source.empty())
        changes.Compare("search_path", before.search_path, after.search_path);
    return changes.text();
}

}  // namespace pulse::segment
