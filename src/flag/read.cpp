#include "read.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::flag {

void Invalid(const std::string& message, const std::string& detail, const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, message, detail, hint);
}

namespace {

// Where the keys of a flag belong.
const std::vector<Elsewhere>& KeysElsewhere() {
    static const std::vector<Elsewhere> places = {
        {{"key", "new_key", "description"}, "It is an argument of the function: % => ..."},
        {{"when", "percentage", "ramp", "bucket_by", "variant"},
         "It belongs to a rule: {\"rules\": [{\"%\": ...}]}, or to a definition without \"rules\"."},
        {{"rollout", "percent"}, "The share of people that a rule applies to is its \"percentage\"."},
        {{"name"}, "It belongs to a rule. The name of a flag is its key, an argument of the function."},
        {{"value", "payload", "weight"}, "It belongs to a variant: {\"variants\": {\"on\": {\"%\": ...}}}."},
        {{"from", "until"}, "It belongs to a schedule: {\"schedule\": {\"%\": ...}}."},
        {{"at"}, "It belongs to a step of a ramp: {\"ramp\": [{\"%\": ..., \"percentage\": 10}]}."},
        {{"flag"}, "It belongs to a prerequisite: {\"prerequisites\": [{\"%\": ...}]}."},
        {{"type", "variants", "off", "default", "rules", "schedule", "overrides", "prerequisites", "holdout",
          "salt", "dialect", "enabled", "public"},
         "It belongs to the flag itself, beside its rules: {\"%\": ...}."}};
    return places;
}

}  // namespace

Reader::Reader(const Json& json, const std::string& place, const std::vector<std::string>& keys,
               const char* example)
    : JsonObject(json, {place.empty() ? "the definition of a flag" : place, place, "", &KeysElsewhere()},
                 keys, example) {}

std::optional<std::string> Reader::Text(const char* key, size_t longest) const {
    const std::optional<std::string> text = JsonObject::Text(key);
    if (text && (text->empty() || text->size() > longest))
        Invalid(Place(key) + (text->empty() ? " must not be empty" : " is too long"),
                text->empty() ? "" : "It has " + std::to_string(text->size()) + " bytes.",
                "Give 1 to " + std::to_string(longest) + " bytes, or leave it out.");
    return text;
}

std::optional<double> Reader::Percentage(const char* key) const {
    return Number(key, 0, 100, "Give for example 25 or 0.5.");
}

size_t RequireVariant(const Definition& definition, const std::string& name, const std::string& place,
                      const char* state) {
    std::vector<std::string> names;
    for (const Variant& variant : definition.variants) names.push_back(variant.name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw UserError(state, "unknown variant \"" + Shorten(name, 100) + "\" in " + place, "",
                        SuggestName(name, names, "Variants"));
    return static_cast<size_t>(found - names.begin());
}

Schedule ReadSchedule(const Reader& reader) {
    const Json* found = reader.Find("schedule");
    if (!found) return {};
    const Reader inner(*found, reader.Place("schedule"), {"from", "until"},
                       R"({"from": "2026-03-01", "until": "2026-04-01"})");
    const Schedule schedule{inner.Time("from"), inner.Time("until")};
    if (schedule.from && schedule.until && *schedule.from >= *schedule.until)
        Invalid(
            reader.Place("schedule") + " ends before it begins",
            "It is from " + FormatMoment(*schedule.from) + " until " + FormatMoment(*schedule.until) + ".",
            "Set \"until\" to a time after \"from\".");
    return schedule;
}

}  // namespace pulse::flag
