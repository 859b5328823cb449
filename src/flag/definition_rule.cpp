// The rules of a flag.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "read.hpp"

namespace pulse::flag {

namespace {

constexpr const char* kRuleExample =
    R"({"when": "profile.plan == \"pro\"", "percentage": 25, "variant": "on"})";
constexpr double kMostWeight = 1e6;

// Canonical text of a rule over people; text that begins with a brace is JSON.
std::string ReadWhen(const Json& json, const std::string& place) {
    if (!json.is_string() && !json.is_object())
        Invalid(place + " must be a rule", DescribeJson(json),
                R"j(Give text such as "segment(\"power_users\")", or a JSON rule.)j");
    try {
        const rule::ExprPtr expr =
            json.is_string() ? rule::Parse(json.get<std::string>()) : rule::FromJson(json);
        rule::RequireSize(*expr);
        return rule::Print(*expr);
    } catch (const UserError& error) {
        throw UserError(error.state().c_str(), error.message() + " (" + place + ")", error.detail(),
                        error.hint());
    }
}

std::vector<RampStep> ReadRamp(const Reader& reader) {
    const Json* found = reader.List("ramp", kMaxRamp);
    std::vector<RampStep> ramp;
    if (!found) return ramp;
    constexpr const char* kStep = R"({"at": "2026-03-01", "percentage": 10})";
    for (size_t i = 0; i < found->size(); ++i) {
        const Reader step((*found)[i], reader.Place("ramp[" + std::to_string(i) + "]"), {"at", "percentage"},
                          kStep);
        const std::optional<Moment> at = step.Time("at");
        const std::optional<double> percentage = step.Percentage("percentage");
        if (!at || !percentage)
            Invalid(reader.Place("ramp[" + std::to_string(i) + "]") + " needs \"at\" and \"percentage\"", "",
                    std::string("Give for example ") + kStep + ".");
        ramp.push_back({*at, *percentage});
    }
    std::stable_sort(ramp.begin(), ramp.end(),
                     [](const RampStep& a, const RampStep& b) { return a.at < b.at; });
    for (size_t i = 1; i < ramp.size(); ++i)
        if (ramp[i].at == ramp[i - 1].at)
            Invalid(reader.Place("ramp") + " has two percentages for the same time",
                    "It is " + FormatMoment(ramp[i].at) + ".", "Give one percentage for each time.");
    if (ramp.empty())
        Invalid(reader.Place("ramp") + " must not be empty", "",
                std::string("Give steps such as ") + kStep + ".");
    return ramp;
}

std::vector<std::string> ReadBucketBy(const Reader& reader) {
    const Json* found = reader.Find("bucket_by");
    if (!found) return {"user"};
    std::vector<std::string> names;
    const std::string place = reader.Place("bucket_by");
    constexpr const char* kHint =
        R"(Give "user" (the default), profile.x, account.x or context.x, or a list of them; )"
        R"(the first with a value is used.)";
    const auto add = [&](const Json& item) {
        const std::string name = item.is_string() ? item.get<std::string>() : "";
        if (name != "user") {
            rule::ExprPtr expr;
            try {
                expr = rule::ParseField(name);
            } catch (const UserError&) {
                Invalid(place + " is not a valid id for bucketing", DescribeJson(item), kHint);
            }
            const rule::Reference* path = rule::As<rule::Reference>(*expr);
            if (!path || path->kind != rule::Reference::Kind::kPath || path->path.size() < 2 ||
                (path->path[0] != "profile" && path->path[0] != "account" && path->path[0] != "context"))
                Invalid(place + " is not a valid id for bucketing", DescribeJson(item), kHint);
            names.push_back(rule::Print(*expr));
        } else {
            names.push_back(name);
        }
    };
    if (!found->is_array()) {
        add(*found);
    } else {
        if (found->empty() || found->size() > 10) Invalid(place + " must have 1 to 10 elements", "", kHint);
        for (const Json& item : *found) add(item);
    }
    return names;
}

// {"a": 50, "b": 50}: sorted by the variants' names.
std::vector<VariantWeight> ReadShares(const Json& json, const std::string& place,
                                      const Definition& definition) {
    std::vector<VariantWeight> weights;
    double sum = 0;
    for (const auto& [name, weight] : json.items()) {
        const double number = weight.is_number() ? weight.get<double>() : -1;
        if (!(number >= 0 && number <= kMostWeight))
            Invalid(place + "." + Shorten(name, 100) + " must be a weight", DescribeJson(weight),
                    "Give a number from 0 to 1000000.");
        weights.push_back({RequireVariant(definition, name, place), number});
        sum += number;
    }
    if (sum <= 0) Invalid(place + " has no weight above 0", "", R"(Give for example {"a": 50, "b": 50}.)");
    std::sort(weights.begin(), weights.end(),
              [](const VariantWeight& a, const VariantWeight& b) { return a.variant < b.variant; });
    return weights;
}

// The variants of a rule that does not specify any.
std::vector<VariantWeight> DefaultShares(const std::string& place, const Definition& definition) {
    std::vector<VariantWeight> weights;
    std::vector<size_t> others;
    for (size_t i = 0; i < definition.variants.size(); ++i) {
        if (definition.variants[i].weight.value_or(0) > 0)
            weights.push_back({i, *definition.variants[i].weight});
        if (definition.Allows(i)) others.push_back(i);
    }
    if (!weights.empty()) return weights;
    if (others.size() == 1) return {{others[0], 1}};
    std::vector<std::string> names;
    for (const Variant& variant : definition.variants) names.push_back(variant.name);
    Invalid((place.empty() ? "the flag" : place) + " does not specify a variant",
            ListNames(names, "Variants"),
            R"(Add "variant": one of them, "variants": {name: weight, …}, )"
            R"(or a "weight" to each variant of the flag.)");
}

FlagRule ReadRule(const Reader& reader, const std::string& place, const Definition& definition) {
    FlagRule rule;
    if (!place.empty()) rule.name = reader.Text("name").value_or("");
    if (const Json* when = reader.Find("when")) rule.when = ReadWhen(*when, reader.Place("when"));
    rule.ramp = ReadRamp(reader);
    const std::optional<double> percentage = reader.Percentage("percentage");
    if (percentage && !rule.ramp.empty())
        Invalid((place.empty() ? "the flag" : place) + " has both a percentage and a ramp", "",
                "Leave out one of them.");
    rule.percentage = percentage.value_or(100);
    rule.bucket_by = ReadBucketBy(reader);
    const std::optional<std::string> variant = reader.Text("variant");
    // In the flag itself, "variants" defines the variants; in a rule, it is their weights.
    const Json* variants = place.empty() ? nullptr : reader.Object("variants", kMaxVariants);
    if (variant && variants)
        Invalid(place + " has both \"variant\" and \"variants\"", "", "Leave out one of them.");
    if (variant) rule.weights = {{RequireVariant(definition, *variant, reader.Place("variant")), 1}};
    if (variants) rule.weights = ReadShares(*variants, reader.Place("variants"), definition);
    if (rule.weights.empty()) rule.weights = DefaultShares(place, definition);
    // A single variant for everybody needs no bucketing.
    std::erase_if(rule.weights, [](const VariantWeight& share) { return share.weight <= 0; });
    if (rule.weights.size() == 1) rule.weights[0].weight = 1;
    return rule;
}

}  // namespace

double FlagRule::PercentageAt(Moment now) const {
    if (ramp.empty()) return percentage;
    const auto after = std::upper_bound(ramp.begin(), ramp.end(), now,
                                        [](Moment moment, const RampStep& step) { return moment < step.at; });
    return after == ramp.begin() ? 0 : std::prev(after)->percentage;
}

std::vector<FlagRule> ReadRules(const Reader& reader, const Json& json, const Definition& definition) {
    std::vector<FlagRule> rules;
    const Json* list = reader.List("rules", kMaxRules);
    if (!list) {
        // The flag itself is the only rule, unless it only has a default.
        const bool says = std::any_of(definition.variants.begin(), definition.variants.end(),
                                      [](const Variant& variant) { return variant.weight.value_or(0) > 0; });
        const bool any = reader.Find("when") || reader.Find("percentage") || reader.Find("ramp") ||
                         reader.Find("variant") || says;
        if (any || !reader.Find("default")) rules.push_back(ReadRule(reader, "", definition));
        return rules;
    }
    for (const char* key : {"when", "percentage", "ramp", "variant", "bucket_by"})
        if (reader.Find(key))
            Invalid(std::string("\"") + key + "\" cannot be combined with \"rules\"", "",
                    "Move it into the rules that it applies to.");
    for (size_t i = 0; i < list->size(); ++i) {
        const std::string place = "rules[" + std::to_string(i) + "]";
        const Reader inner(
            (*list)[i], place,
            {"name", "when", "percentage", "ramp", "variant", "variants", "bucket_by", "schedule"},
            kRuleExample);
        rules.push_back(ReadRule(inner, place, definition));
        rules.back().schedule = ReadSchedule(inner);
    }
    return rules;
}

}  // namespace pulse::flag
