#include "pulse/flag/definition.hpp"

#include <algorithm>
#include <array>

#include "pulse/base/ascii.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/rule/json.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "read.hpp"

namespace pulse::flag {

namespace {

constexpr std::array kTypes = {"boolean", "string", "number", "json"};
constexpr size_t kMaxNesting = 100;

const std::vector<std::string> kKeys = {"type",     "variants",   "off",           "default", "rules",
                                        "when",     "percentage", "ramp",          "variant", "bucket_by",
                                        "schedule", "overrides",  "prerequisites", "holdout", "salt",
                                        "dialect",  "enabled",    "public"};

constexpr const char* kExample = R"j({"when": "segment(\"power_users\")", "percentage": 25})j";

// Limits the recursion of everything that walks JSON.
void RequireDepth(const Json& json, size_t depth = 0) {
    if (depth > kMaxNesting)
        throw UserError(sqlstate::kProgramLimit, "the definition of a flag is nested too deeply", "",
                        "At most " + std::to_string(kMaxNesting) + " levels are allowed.");
    if (json.is_structured())
        for (const Json& item : json) RequireDepth(item, depth + 1);
}

bool HasType(const Json& value, ValueType type) {
    switch (type) {
        case ValueType::kBoolean: return value.is_boolean();
        case ValueType::kString: return value.is_string();
        case ValueType::kNumber: return value.is_number();
        case ValueType::kJson: return true;
    }
    return false;
}

void CheckName(const std::string& name) {
    if (name.empty() || name.size() > 255)
        Invalid("invalid variant name", "It has " + std::to_string(name.size()) + " bytes.",
                "Give a name of 1 to 255 bytes.");
}

// An object that has what belongs beside a value, and nothing else.
bool LacksValue(const Json& json) {
    if (!json.is_object() || json.empty()) return false;
    for (const auto& [key, item] : json.items())
        if (key != "payload" && key != "weight") return false;
    return true;
}

Variant ReadVariant(const std::string& name, const Json& json, bool of_type_json) {
    CheckName(name);
    Variant variant{name, json, std::nullopt, std::nullopt};
    const std::string place = "variants." + Shorten(name, 100);
    if (!of_type_json && LacksValue(json))
        Invalid(
            place + " has no \"value\"", DescribeJson(json),
            R"(Give for example {"value": "blue", "weight": 50}; with {"type": "json"} the object is the value.)");
    // An object with the key "value" is the long form; any other object is itself the value.
    if (!json.is_object() || !json.contains("value")) return variant;
    const Reader reader(json, place, {"value", "payload", "weight"},
                        R"({"value": "blue", "payload": {"price": 9}, "weight": 50})");
    variant.value = json["value"];
    if (json.contains("payload")) variant.payload = json["payload"];
    if (const Json* weight = reader.Find("weight")) {
        const double number = weight->is_number() ? weight->get<double>() : -1;
        if (!(number >= 0 && number <= 1e6))
            Invalid(reader.Place("weight") + " must be a weight", DescribeJson(*weight),
                    "Give a number from 0 to 1000000.");
        variant.weight = number;
    }
    return variant;
}

// Without variants a flag is boolean: on and off.
void ReadVariants(const Reader& reader, Definition& definition) {
    const Json* variants = reader.Object("variants", kMaxVariants);
    const std::optional<std::string> type = reader.Text("type");
    if (variants && variants->empty())
        Invalid("\"variants\" must not be empty", "", R"(Give for example {"blue": "#00f", "off": null}.)");
    if (variants)
        for (const auto& [name, value] : variants->items())
            definition.variants.push_back(ReadVariant(name, value, type == "json"));
    else
        definition.variants = {{"off", false, std::nullopt, std::nullopt},
                               {"on", true, std::nullopt, std::nullopt}};
    std::sort(definition.variants.begin(), definition.variants.end(),
              [](const Variant& a, const Variant& b) { return a.name < b.name; });

    const auto all = [&](ValueType candidate) {
        return std::all_of(definition.variants.begin(), definition.variants.end(),
                           [&](const Variant& v) { return HasType(v.value, candidate); });
    };
    if (!type) {
        definition.type = ValueType::kJson;
        for (const ValueType candidate : {ValueType::kBoolean, ValueType::kString, ValueType::kNumber})
            if (all(candidate)) definition.type = candidate;
        return;
    }
    const auto known =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const char* name) { return *type == name; });
    if (known == kTypes.end())
        Invalid("unknown type \"" + Shorten(*type, 100) + "\" of a flag", "",
                "Types are boolean, string, number, json.");
    definition.type = static_cast<ValueType>(known - kTypes.begin());
    for (const Variant& variant : definition.variants)
        if (!HasType(variant.value, definition.type))
            Invalid("variant \"" + Shorten(variant.name, 100) + "\" is not of type " + *type,
                    DescribeJson(variant.value),
                    variants
                        ? "Give every variant a value of the flag's type, or use the type \"json\"."
                        : "Specify \"variants\": only boolean flags have the default variants on and off.");
}

size_t FindOff(const Reader& reader, const Definition& definition) {
    if (const auto name = reader.Text("off")) return RequireVariant(definition, *name, "\"off\"");
    const auto& variants = definition.variants;
    for (size_t i = 0; i < variants.size(); ++i)
        if (variants[i].name == "off") return i;
    for (size_t i = 0; i < variants.size(); ++i)
        if (definition.type == ValueType::kBoolean && variants[i].value == false) return i;
    Invalid("the flag has no off variant", "",
            "Say which of the variants it is, as in {\"off\": " + DumpJson(Json(variants[0].name)) + "}.");
}

void ReadOverrides(const Reader& reader, Definition& definition) {
    const Json* overrides = reader.Object("overrides", kMaxOverrides);
    if (!overrides) return;
    for (const auto& [id, variant] : overrides->items()) {
        const std::string place = "overrides." + Shorten(id, 100);
        if (id.empty()) Invalid("an override has no id", "", R"(Give for example {"user-17": "on"}.)");
        if (!variant.is_string())
            Invalid(place + " must name a variant", DescribeJson(variant),
                    R"(Give for example {"user-17": "on"}.)");
        definition.overrides[id] = RequireVariant(definition, variant.get<std::string>(), place);
    }
}

void ReadPrerequisites(const Reader& reader, Definition& definition) {
    const Json* list = reader.List("prerequisites", kMaxPrerequisites);
    if (!list) return;
    constexpr const char* kExampleOf = R"({"flag": "new-checkout", "variant": "on"})";
    for (size_t i = 0; i < list->size(); ++i) {
        const Json& json = (*list)[i];
        const std::string place = "prerequisites[" + std::to_string(i) + "]";
        Prerequisite prerequisite;
        if (json.is_string()) {
            prerequisite.flag = json.get<std::string>();
        } else {
            const Reader inner(json, place, {"flag", "variant"}, kExampleOf);
            const Json* variant = inner.Find("variant");
            prerequisite.flag = inner.Text("flag").value_or("");
            if (variant && variant->is_string()) prerequisite.variants = {variant->get<std::string>()};
            if (variant && variant->is_array())
                for (const Json& item : *variant)
                    prerequisite.variants.push_back(item.is_string() ? item.get<std::string>() : "");
            if (variant && (prerequisite.variants.empty() ||
                            std::count(prerequisite.variants.begin(), prerequisite.variants.end(), "")))
                Invalid(place + ".variant must name a variant, or several", DescribeJson(*variant),
                        std::string("Give for example ") + kExampleOf + ".");
        }
        if (prerequisite.flag.empty())
            Invalid(place + " needs a \"flag\"", "", std::string("Give for example ") + kExampleOf + ".");
        definition.prerequisites.push_back(prerequisite);
    }
}

void ReadHoldout(const Reader& reader, Definition& definition) {
    const Json* found = reader.Find("holdout");
    if (!found) return;
    constexpr const char* kHint = R"({"percentage": 5, "variant": "off", "salt": "holdout-2026"})";
    const Reader inner(*found, "holdout", {"percentage", "variant", "salt"}, kHint);
    Holdout holdout;
    const std::optional<double> percentage = inner.Percentage("percentage");
    if (!percentage)
        Invalid("holdout needs a \"percentage\"", "", std::string("Give for example ") + kHint + ".");
    holdout.percentage = *percentage;
    const std::optional<std::string> variant = inner.Text("variant");
    holdout.variant = variant ? RequireVariant(definition, *variant, "holdout.variant") : definition.off;
    holdout.salt = inner.Text("salt").value_or("");
    definition.holdout = holdout;
}

// JSON such as {"rules": [{"field": …}]} is a rule over people, not a list of a flag's rules.
bool IsJsonRule(const Json& json) {
    if (!json.is_object()) return false;
    if (json.contains("logicalOperator") || json.contains("groups")) return true;
    const auto rules = json.find("rules");
    return rules != json.end() && rules->is_array() && !rules->empty() && (*rules)[0].is_object() &&
           (*rules)[0].contains("field");
}

}  // namespace

const char* Name(ValueType type) {
    return kTypes[static_cast<size_t>(type)];
}

bool Definition::Allows(size_t variant) const {
    return type == ValueType::kBoolean ? variants[variant].value == true : variant != off;
}

Definition ReadDefinition(const Json& json) {
    RequireDepth(json);
    if (json.is_string() || IsJsonRule(json)) return ReadDefinition(Json{{"when", json}});
    const Reader reader(json, "", kKeys, kExample);
    if (DumpJson(json).size() > kMaxDefinition)
        throw UserError(sqlstate::kProgramLimit, "the definition of a flag is too long", "",
                        "At most " + std::to_string(kMaxDefinition) +
                            " bytes are allowed; move common conditions of the rules into segments.");
    Definition definition;
    ReadVariants(reader, definition);
    definition.off = FindOff(reader, definition);
    const std::optional<std::string> fallback = reader.Text("default");
    definition.fallback = fallback ? RequireVariant(definition, *fallback, "\"default\"") : definition.off;
    definition.rules = ReadRules(reader, json, definition);
    definition.schedule = ReadSchedule(reader);
    ReadOverrides(reader, definition);
    ReadPrerequisites(reader, definition);
    ReadHoldout(reader, definition);
    definition.salt = reader.Text("salt");
    definition.enabled = reader.Boolean("enabled");
    definition.is_public = reader.Boolean("public").value_or(false);
    if (const auto dialect = reader.Text("dialect")) {
        const std::optional<Dialect> known = ParseDialect(*dialect);
        if (!known)
            Invalid("unknown dialect \"" + Shorten(*dialect, 100) + "\"", "",
                    "Dialects are pulse, unleash, growthbook, posthog, flagd.");
        definition.dialect = *known;
    }
    return definition;
}

Definition ReadDefinition(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos)
        Invalid("the definition of a flag must not be empty", "",
                R"j(Give a rule such as segment("power_users"), or JSON.)j");
    if (text[first] != '{') {
        const rule::ExprPtr expr = rule::Parse(text);
        rule::RequireSize(*expr);
        return ReadDefinition(Json{{"when", rule::Print(*expr)}});
    }
    return ReadDefinition(rule::ReadJson(text, "the definition of a flag",
                                         "A definition that begins with { must be valid JSON."));
}

void CheckKey(const std::string& key) {
    const bool letters = std::all_of(key.begin(), key.end(), [](char c) {
        return IsLetter(c) || IsDigit(c) || c == '.' || c == '_' || c == '-';
    });
    if (key.empty() || key.size() > 255 || !letters)
        Invalid(
            "invalid flag key: \"" + Shorten(key, 100) + "\"",
            key.size() > 255 ? "It has " + std::to_string(key.size()) + " bytes." : "",
            "A key consists of 1 to 255 letters A-Z a-z, digits, dots, underscores and hyphens, so that URLs "
            "can use it unchanged.");
}

}  // namespace pulse::flag
