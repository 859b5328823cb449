// Writing a flag's definition as JSON, its references, and the difference between two definitions.
#include <algorithm>
#include <set>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/flag/definition.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"

namespace pulse::flag {

namespace {

Json ScheduleJson(const Schedule& schedule) {
    Json json = Json::object();
    if (schedule.from) json["from"] = FormatMoment(*schedule.from);
    if (schedule.until) json["until"] = FormatMoment(*schedule.until);
    return json;
}

Json RuleJson(const FlagRule& rule, const Definition& definition) {
    Json json = Json::object();
    if (!rule.name.empty()) json["name"] = rule.name;
    if (!rule.when.empty()) json["when"] = rule.when;
    if (rule.ramp.empty()) {
        if (rule.percentage < 100) json["percentage"] = rule.percentage;
    } else {
        for (const RampStep& step : rule.ramp)
            json["ramp"].push_back({{"at", FormatMoment(step.at)}, {"percentage", step.percentage}});
    }
    if (rule.weights.size() == 1)
        json["variant"] = definition.variants[rule.weights[0].variant].name;
    else
        for (const VariantWeight& share : rule.weights)
            json["variants"][definition.variants[share.variant].name] = share.weight;
    if (rule.bucket_by != std::vector<std::string>{"user"}) json["bucket_by"] = rule.bucket_by;
    if (rule.schedule != Schedule{}) json["schedule"] = ScheduleJson(rule.schedule);
    return json;
}

Json HoldoutJson(const Definition& definition) {
    const Holdout& holdout = *definition.holdout;
    Json json{{"percentage", holdout.percentage}, {"variant", definition.variants[holdout.variant].name}};
    if (!holdout.salt.empty()) json["salt"] = holdout.salt;
    return json;
}

bool ReadsEvents(const rule::Expr& expr) {
    if (rule::As<rule::Metric>(expr)) return true;
    return std::ranges::any_of(rule::OperandsOf(expr),
                               [](const rule::ExprPtr& operand) { return ReadsEvents(*operand); });
}

// The parts of a definition by name.
using Parts = std::map<std::string, Json>;

Parts PartsOf(const Definition& definition) {
    const Json json = ToJson(definition);
    Parts parts;
    for (const auto& [key, value] : json.items()) {
        if (key == "rules") {
            for (size_t i = 0; i < value.size(); ++i)
                for (const auto& [name, part] : value[i].items())
                    parts["rule " + std::to_string(i + 1) + " " + name] = part;
        } else if (key == "variants" || key == "overrides") {
            for (const auto& [name, part] : value.items())
                parts[key.substr(0, key.size() - 1) + " " + name] = part;
        } else {
            parts[key] = value;
        }
    }
    return parts;
}

std::string FormatJsonValue(const Json& json) {
    // 25, not 25.0
    if (json.is_number_float() &&
        json.get<double>() == static_cast<double>(static_cast<int64_t>(json.get<double>())))
        return std::to_string(static_cast<int64_t>(json.get<double>()));
    return Shorten(json.is_string() ? json.get<std::string>() : DumpJson(json), 200);
}

}  // namespace

Json ToJson(const Definition& definition) {
    Json json{{"type", Name(definition.type)},
              {"off", definition.variants[definition.off].name},
              {"default", definition.variants[definition.fallback].name},
              {"variants", Json::object()},
              {"rules", Json::array()}};
    for (const Variant& variant : definition.variants) {
        Json& entry = json["variants"][variant.name] = Json{{"value", variant.value}};
        if (variant.payload) entry["payload"] = *variant.payload;
        if (variant.weight) entry["weight"] = *variant.weight;
    }
    for (const FlagRule& rule : definition.rules) json["rules"].push_back(RuleJson(rule, definition));
    for (const auto& [id, variant] : definition.overrides)
        json["overrides"][id] = definition.variants[variant].name;
    for (const Prerequisite& prerequisite : definition.prerequisites) {
        Json entry{{"flag", prerequisite.flag}};
        if (!prerequisite.variants.empty()) entry["variant"] = prerequisite.variants;
        json["prerequisites"].push_back(entry);
    }
    if (definition.holdout) json["holdout"] = HoldoutJson(definition);
    if (definition.schedule != Schedule{}) json["schedule"] = ScheduleJson(definition.schedule);
    if (definition.dialect != Dialect::kPulse) json["dialect"] = Name(definition.dialect);
    if (definition.is_public) json["public"] = true;
    return json;
}

References FindReferences(const Definition& definition) {
    std::set<std::string> traits, segments, flags;
    for (size_t i = 0; i < definition.rules.size(); ++i) {
        const FlagRule& rule = definition.rules[i];
        if (rule.when.empty()) continue;
        const rule::ExprPtr expr = rule::Parse(rule.when);
        if (ReadsEvents(*expr))
            throw UserError(
                sqlstate::kNotSupported, "rules of flags cannot use events directly",
                "It is rule " + std::to_string(i + 1) + ": " + rule::PrintShort(*expr, 200),
                "Create a trait with pulse_create_trait('recent_buyer', 'events.purchase.count_30d >= 1') and "
                "use recent_buyer in the rule, so that decisions read stored values instead of events.");
        const rule::ReferencedNames mentions = rule::FindReferencedNames(*expr);
        traits.insert(mentions.traits.begin(), mentions.traits.end());
        segments.insert(mentions.segments.begin(), mentions.segments.end());
    }
    for (const Prerequisite& prerequisite : definition.prerequisites) flags.insert(prerequisite.flag);
    return {{traits.begin(), traits.end()}, {segments.begin(), segments.end()}, {flags.begin(), flags.end()}};
}

std::string Difference(const Definition& before, const Definition& after) {
    const Parts old = PartsOf(before), now = PartsOf(after);
    std::string text;
    const auto add = [&](const std::string& change) { text += (text.empty() ? "" : "; ") + change; };
    for (const auto& [name, value] : old) {
        const auto found = now.find(name);
        if (found == now.end())
            add(name + " " + FormatJsonValue(value) + " removed");
        else if (found->second != value)
            add(name + ": " + FormatJsonValue(value) + " → " + FormatJsonValue(found->second));
    }
    for (const auto& [name, value] : now)
        if (!old.contains(name)) add(name + " " + FormatJsonValue(value) + " added");
    return Shorten(text, 10'000);
}

}  // namespace pulse::flag
