// Each condition is rewritten as one of our own JSON rules: operators have the same names and meanings,
// fields have other names. A comparison with a missing value is false there and unknown here, which is the
// same below "and" and "or".
#include "pulse/rule/json_stratum.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/operators.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

using StratumJson = nlohmann::json;

constexpr const char* kGroupHint =
    "A group is {\"logic\": \"and\", \"conditions\": [{\"field\": \"data.plan\", \"operator\": \"equals\", "
    "\"value\": \"pro\"}], \"groups\": []}; logic is and or or.";
constexpr const char* kFieldHint =
    "Fields are profile.NAME, data.PATH, trait.NAME, identifier.email, identifier.phone, event.NAME.count, "
    "event.NAME.exists, event.NAME.first, event.NAME.last and event.NAME.property.PATH.";

[[noreturn]] void FailAt(const std::string& place, const std::string& problem, const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, "invalid JSON rule" + (place.empty() ? "" : " at " + place),
                    problem + ".", hint);
}

// The rest behind a prefix, or nothing.
std::optional<std::string> Behind(const std::string& field, std::string_view prefix) {
    if (!field.starts_with(prefix) || field.size() == prefix.size()) return std::nullopt;
    return field.substr(prefix.size());
}

// a.b as ["a"]["b"].
std::string Bracketed(const std::string& path) {
    std::string text;
    for (size_t from = 0; from <= path.size();) {
        const size_t dot = std::min(path.find('.', from), path.size());
        text += "[" + DumpJson(path.substr(from, dot - from)) + "]";
        from = dot + 1;
    }
    return text;
}

// What Stratum keeps of every profile.
std::string StandardField(const std::string& name, const std::string& place) {
    if (name == "lifecycle_stage") return "lifecycle";
    if (name == "first_seen_at") return "events.*.first_seen";
    if (name == "last_seen_at") return "events.*.last_seen";
    if (name == "total_events") return "events.*.count";
    if (name == "total_purchases") return "events.Purchase.count";
    if (name == "total_revenue") return "events.Purchase.sum(total)";
    for (const char* unknown : {"id", "external_id", "total_sessions"})
        if (name == unknown)
            FailAt(
                place, "profile." + name + " is not available in rules",
                "Rules are about attributes (data.PATH), events, traits and whether a person has an e-mail "
                "address or a phone number.");
    return "profile" + Bracketed(name);
}

std::string EventField(const std::string& rest, const std::string& place) {
    const auto events = [](const std::string& name) { return "events[" + DumpJson(name) + "]."; };
    constexpr std::string_view kProperty = ".property.";
    if (const size_t at = rest.find(kProperty);
        at != std::string::npos && at > 0 && at + kProperty.size() < rest.size())
        return events(rest.substr(0, at)) + "last(" + Bracketed(rest.substr(at + kProperty.size())) + ")";
    const size_t dot = rest.rfind('.');
    if (dot != std::string::npos && dot > 0) {
        const std::string name = rest.substr(0, dot), what = rest.substr(dot + 1);
        if (what == "count" || what == "exists") return events(name) + what;
        if (what == "first") return events(name) + "first_seen";
        if (what == "last") return events(name) + "last_seen";
    }
    FailAt(place, "\"event." + Shorten(rest, 60) + "\" names nothing of an event", kFieldHint);
}

// The field of one of our own JSON rules.
std::string TranslateField(const std::string& field, const std::string& place) {
    if (const auto name = Behind(field, "profile.")) return StandardField(*name, place);
    if (const auto path = Behind(field, "data.")) return "profile" + Bracketed(*path);
    if (const auto name = Behind(field, "trait.")) return "trait(" + DumpJson(*name) + ")";
    if (const auto rest = Behind(field, "event.")) return EventField(*rest, place);
    FailAt(place, "Unknown field \"" + Shorten(field, 60) + "\"", kFieldHint);
}

// identifier.email is whether the person has one.
StratumJson TranslateIdentifier(const std::string& kind, const std::string& word, const StratumJson* value,
                                const std::string& place) {
    if (kind != "email" && kind != "phone")
        FailAt(place, "identifier." + Shorten(kind, 60) + " is not available in rules",
               "Rules know whether a person has an e-mail address or a phone number: identifier.email, "
               "identifier.phone.");
    std::optional<bool> has;
    if (word == "is_not_null") has = true;
    if (word == "is_null") has = false;
    if (word == "equals" && value && value->is_boolean()) has = value->get<bool>();
    if (word == "not_equals" && value && value->is_boolean()) has = !value->get<bool>();
    if (!has)
        FailAt(place, "identifier." + kind + " is only whether the person has one",
               "Its operators are is_null, is_not_null, equals and not_equals with true or false.");
    return {{"field", "profile." + kind}, {"operator", *has ? "is_not_null" : "is_null"}};
}

// "7" as 7: forms send texts.
StratumJson DaysOf(const StratumJson& value) {
    if (!value.is_string()) return value;
    const std::string text = value.get<std::string>();
    const bool digits = !text.empty() && text.size() <= 6 && std::ranges::all_of(text, IsDigit);
    return digits ? StratumJson(std::stoi(text)) : value;
}

ExprPtr StratumCondition(const StratumJson& condition, const std::string& place) {
    if (!condition.is_object()) FailAt(place, "A condition must be an object", kGroupHint);
    for (const auto& [key, unused] : condition.items())
        if (key != "field" && key != "operator" && key != "value")
            FailAt(place, "Unknown key \"" + Shorten(key, 60) + "\"",
                   "Keys of a condition are field, operator and value.");
    const auto text = [&](const char* key) {
        const auto found = condition.find(key);
        return found != condition.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const std::string field = text("field"), word = text("operator");
    if (ValidUtf8(field) != field.size()) FailAt(place, "\"field\" is not valid UTF-8", kFieldHint);
    const auto given = condition.find("value");
    const bool unary = word == "is_null" || word == "is_not_null";
    StratumJson rule;
    if (const auto kind = Behind(field, "identifier.")) {
        rule = TranslateIdentifier(*kind, word, given == condition.end() ? nullptr : &*given, place);
    } else {
        rule = {{"field", TranslateField(field, place + ".field")}};
        if (condition.contains("operator")) rule["operator"] = condition["operator"];
        // A form may send a value with these, too.
        if (given != condition.end() && !unary)
            rule["value"] = word == "within_last" ? DaysOf(*given) : *given;
    }
    try {
        return FromJson({{"rules", {rule}}});
    } catch (const UserError& error) {
        std::string message = error.message();
        if (const size_t at = message.find("rules[0]"); at != std::string::npos)
            message.replace(at, std::string_view("rules[0]").size(), place);
        throw UserError(error.state().c_str(), message, error.detail(), error.hint());
    }
}

const StratumJson& StratumList(const StratumJson& group, const char* key, const std::string& place) {
    static const StratumJson kNothing = StratumJson::array();
    const auto list = group.find(key);
    if (list == group.end() || list->is_null()) return kNothing;
    if (!list->is_array()) FailAt(place, std::string("\"") + key + "\" is not a list", kGroupHint);
    if (list->size() > kMaxList)
        throw UserError(sqlstate::kProgramLimit, "too many conditions in rule",
                        "There are " + std::to_string(list->size()) + "; at most " +
                            std::to_string(kMaxList) + " are allowed.",
                        "Use the operator \"in\" for alternatives of one field.");
    return *list;
}

Op LogicOf(const StratumJson& group, const std::string& place) {
    const auto logic = group.find("logic");
    if (logic == group.end()) return Op::kAnd;
    const std::string word = logic->is_string() ? logic->get<std::string>() : "";
    if (EqualsIgnoringCase(word, "and")) return Op::kAnd;
    if (EqualsIgnoringCase(word, "or")) return Op::kOr;
    FailAt(place, "\"logic\" is neither \"and\" nor \"or\"", kGroupHint);
}

ExprPtr StratumGroup(const StratumJson& group, const std::string& place, size_t level) {
    if (level > kMaxDepth)
        throw UserError(sqlstate::kProgramLimit, "rule is nested too deeply",
                        "Groups may be nested " + std::to_string(kMaxDepth) + " levels deep.",
                        "Split the rule into several segments.");
    if (!group.is_object()) FailAt(place, "A group of conditions must be an object", kGroupHint);
    for (const auto& [key, unused] : group.items())
        if (key != "logic" && key != "conditions" && key != "groups")
            FailAt(place, "Unknown key \"" + Shorten(key, 60) + "\"",
                   "Keys beside \"conditions\" are logic and groups.");
    const std::string inside = place.empty() ? "" : place + ".";
    const auto at = [&](const char* key, size_t i) { return inside + key + "[" + std::to_string(i) + "]"; };
    std::vector<ExprPtr> operands;
    const StratumJson& conditions = StratumList(group, "conditions", place);
    for (size_t i = 0; i < conditions.size(); ++i)
        operands.push_back(StratumCondition(conditions[i], at("conditions", i)));
    const StratumJson& groups = StratumList(group, "groups", place);
    for (size_t i = 0; i < groups.size(); ++i)
        operands.push_back(StratumGroup(groups[i], at("groups", i), level + 1));
    const Op logic = LogicOf(group, place);
    if (operands.empty()) return Make(Boolean{false}, 0);
    return MakeOperation(logic, std::move(operands), 0);
}

}  // namespace

bool IsStratum(const StratumJson& json) {
    if (!json.is_object() || json.contains("rules") || json.contains("logicalOperator")) return false;
    if (json.contains("conditions") || json.contains("logic")) return true;
    const auto groups = json.find("groups");
    return groups != json.end() && groups->is_array() && !groups->empty() && groups->front().is_object() &&
           (groups->front().contains("conditions") || groups->front().contains("logic"));
}

ExprPtr FromStratum(const StratumJson& json) {
    ExprPtr expr = StratumGroup(json, "", 1);
    RequireSize(*expr);
    return expr;
}

}  // namespace pulse::rule
