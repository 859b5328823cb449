#include "read.hpp"

#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/segment/request.hpp"

namespace pulse::flag {

void Invalid(const std::string& message, const std::string& detail, const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, message, detail, hint);
}

std::string Glimpse(const Json& value) {
    if (value.is_object()) return "It is an object.";
    if (value.is_array()) return "It is a list.";
    return "It is " + Shorten(DumpJson(value), 100) + ".";
}

std::string Quoted(const std::vector<std::string>& names) {
    std::string text;
    for (size_t i = 0; i < names.size() && i < 20; ++i)
        text += (i > 0 ? ", \"" : "\"") + Shorten(names[i], 60) + "\"";
    return names.size() > 20 ? text + ", …" : text;
}

Reader::Reader(const Json& json, std::string place, std::vector<const char*> keys, const char* example)
    : json_(json), place_(std::move(place)) {
    if (!json.is_object())
        Invalid((place_.empty() ? "the definition of a flag" : place_) + " must be an object", Glimpse(json),
                std::string("Give for example ") + example + ".");
    const std::vector<std::string> valid(keys.begin(), keys.end());
    for (const auto& [key, value] : json.items())
        if (std::find(valid.begin(), valid.end(), key) == valid.end())
            Invalid("unknown key \"" + Shorten(key, 100) + "\" in " +
                        (place_.empty() ? "the definition of a flag" : place_),
                    "Keys are " + Quoted(valid) + ".", segment::SuggestQuoted(key, valid, "Keys"));
}

std::string Reader::Place(const std::string& key) const {
    return place_.empty() ? key : place_ + "." + key;
}

const Json* Reader::Find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Reader::Text(const char* key, size_t longest) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    if (!found->is_string()) Invalid(Place(key) + " must be a text", Glimpse(*found), "");
    const std::string& text = found->get_ref<const std::string&>();
    if (text.empty() || text.size() > longest)
        Invalid(Place(key) + (text.empty() ? " must not be empty" : " is too long"),
                text.empty() ? "" : "It has " + std::to_string(text.size()) + " bytes.",
                "Give 1 to " + std::to_string(longest) + " bytes, or leave it out.");
    return text;
}

std::optional<double> Reader::Percentage(const char* key) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    const double number = found->is_number() ? found->get<double>() : -1;
    if (!(number >= 0 && number <= 100))
        Invalid(Place(key) + " must be a number from 0 to 100", Glimpse(*found),
                "Give for example 25 or 0.5.");
    return number;
}

std::optional<Moment> Reader::Time(const char* key) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    const std::optional<Moment> moment =
        found->is_string() ? ParseMoment(found->get<std::string>()) : std::nullopt;
    if (!moment)
        Invalid(Place(key) + " must be a date or time", Glimpse(*found),
                "Give a date or time in ISO 8601, such as \"2026-03-01\" or "
                "\"2026-03-01T09:00:00+01:00\"; the default offset is UTC.");
    return moment;
}

const Json* Reader::List(const char* key, size_t longest) const {
    const Json* found = Find(key);
    if (!found) return nullptr;
    if (!found->is_array()) Invalid(Place(key) + " must be a list", Glimpse(*found), "");
    if (found->size() > longest)
        throw UserError(sqlstate::kProgramLimit, Place(key) + " is too long",
                        "It has " + std::to_string(found->size()) + " elements.",
                        "At most " + std::to_string(longest) + " are allowed.");
    return found;
}

const Json* Reader::Object(const char* key, size_t longest) const {
    const Json* found = Find(key);
    if (!found) return nullptr;
    if (!found->is_object()) Invalid(Place(key) + " must be an object", Glimpse(*found), "");
    if (found->size() > longest)
        throw UserError(sqlstate::kProgramLimit, Place(key) + " is too long",
                        "It has " + std::to_string(found->size()) + " keys.",
                        "At most " + std::to_string(longest) + " are allowed.");
    return found;
}

size_t RequireVariant(const Definition& definition, const std::string& name, const std::string& place,
                      const char* state) {
    std::vector<std::string> names;
    for (const Variant& variant : definition.variants) names.push_back(variant.name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw UserError(state, "unknown variant \"" + Shorten(name, 100) + "\" in " + place, "",
                        segment::SuggestQuoted(name, names, "Variants"));
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
