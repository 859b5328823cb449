// Compares the columns with the accepted ones.
#include <algorithm>
#include <map>

#include "pulse/health/evaluate_check.hpp"

namespace pulse::health {

namespace {

using drift::Severity;

std::map<int, Json> ByNumber(const Json& columns) {
    std::map<int, Json> found;
    if (columns.is_array())
        for (const Json& column : columns) found[column.value("number", 0)] = column;
    return found;
}

std::string NameOf(const Json& column) {
    return column.value("name", "");
}
std::string QuotedOrNone(const std::string& text) {
    return text.empty() ? "none" : text;
}

}  // namespace

SchemaChange CompareSchemas(const Json& before, const Json& after) {
    SchemaChange change;
    const auto tell = [&](Severity severity, const std::string& column, const std::string& sentence) {
        change.severity = std::max(change.severity, severity);
        change.columns.push_back(column);
        change.sentences.push_back("column " + sentence);
    };
    const std::map<int, Json> old = ByNumber(before), now = ByNumber(after);
    for (const auto& [number, column] : old) {
        const auto found = now.find(number);
        const std::string name = NameOf(column);
        if (found == now.end()) {
            // A recreated table numbers its columns anew.
            const auto same = std::find_if(now.begin(), now.end(), [&](const auto& other) {
                return !old.contains(other.first) && NameOf(other.second) == name;
            });
            if (same == now.end())
                tell(Severity::kHigh, name, name + " was removed");
            else if (same->second.value("type", "") != column.value("type", ""))
                tell(Severity::kHigh, name,
                     name + " changed its type from " + column.value("type", "") + " to " +
                         same->second.value("type", ""));
            continue;
        }
        const Json& other = found->second;
        if (NameOf(other) != name) tell(Severity::kHigh, name, name + " was renamed to " + NameOf(other));
        if (other.value("type", "") != column.value("type", ""))
            tell(Severity::kHigh, name,
                 NameOf(other) + " changed its type from " + column.value("type", "") + " to " +
                     other.value("type", ""));
        if (other.value("not_null", false) != column.value("not_null", false))
            tell(Severity::kMedium, name,
                 NameOf(other) +
                     (other.value("not_null", false) ? " must not be null now" : " may be null now"));
        if (other.value("default", "") != column.value("default", ""))
            tell(Severity::kLow, name,
                 NameOf(other) + " changed its default from " + QuotedOrNone(column.value("default", "")) +
                     " to " + QuotedOrNone(other.value("default", "")));
    }
    for (const auto& each : now) {
        const auto& column = each.second;
        const bool known = std::any_of(old.begin(), old.end(), [&](const auto& other) {
            return other.first == each.first ||
                   (!now.contains(other.first) && NameOf(other.second) == NameOf(column));
        });
        if (!known)
            tell(Severity::kLow, NameOf(column),
                 NameOf(column) + " (" + column.value("type", "") + ") was added");
    }
    return change;
}

CheckResult EvaluateSchema(const CheckMeasurement& m, const CheckContext& context) {
    CheckResult result;
    const auto count = static_cast<double>(m.columns.size());
    const auto accepted = context.state.find("columns");
    if (accepted == context.state.end() || !accepted->is_array()) {
        result.state["columns"] = m.columns;
        result.observed = 0;
        result.high = 0;
        result.message = "recorded " + Counted(count, "column") + " of " + context.relation +
                         "; changes are reported from now on";
        return result;
    }
    const SchemaChange change = CompareSchemas(*accepted, m.columns);
    result.observed = static_cast<double>(change.sentences.size());
    result.high = 0;
    if (change.sentences.empty()) {
        result.message = "the " + Counted(count, "column") + " of " + context.relation +
                         (count == 1 ? " is" : " are") + " unchanged";
        return result;
    }
    result.status = CheckStatus::kBad;
    result.direction = drift::Direction::kChanged;
    result.severity = change.severity;
    result.ratio = 1;
    for (const std::string& sentence : change.sentences)
        result.message += (result.message.empty() ? context.relation + ": " : "; ") + sentence;
    result.details = {{"changes", change.sentences}, {"columns", change.columns}};
    return result;
}

}  // namespace pulse::health
