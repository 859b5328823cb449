#include "pulse/base/json_object.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse {

using Json = nlohmann::json;

namespace {

constexpr size_t kShownValue = 200;
constexpr size_t kShownName = 100;

std::string Plain(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", number);
    return text;
}

void RequireSize(const std::string& place, const Json& value, size_t longest, const char* parts) {
    if (value.size() > longest)
        throw UserError(sqlstate::kProgramLimit, place + " is too long",
                        "It has " + std::to_string(value.size()) + " " + parts + ".",
                        "At most " + std::to_string(longest) + " are allowed.");
}

}  // namespace

std::string DescribeJson(const Json& value) {
    return "It is " + Shorten(DumpJson(value), kShownValue) + ".";
}

JsonObject::JsonObject(const Json& json, JsonPlace place, const std::string& example)
    : json_(json), place_(std::move(place)) {
    if (!json.is_object())
        Fail(place_.name + " must be an object", DescribeJson(json), "Give for example " + example + ".");
}

JsonObject::JsonObject(const Json& json, JsonPlace place, const std::vector<std::string>& keys,
                       const std::string& example)
    : JsonObject(json, std::move(place), example) {
    RequireKeys(keys);
}

void JsonObject::RequireKeys(const std::vector<std::string>& keys) const {
    for (const auto& [key, value] : json_.items()) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        // One letter more or less is a typing error, also where another object has the key.
        const bool elsewhere = place_.elsewhere && !FindNearest(key, keys, 1);
        const std::string home = elsewhere ? FindHome(key, *place_.elsewhere) : "";
        const bool near = home.empty() && FindNearest(key, keys);
        Fail("unknown key \"" + Shorten(key, kShownName) + "\" in " + place_.name,
             near ? ListNames(keys, "Keys") : "", home.empty() ? SuggestName(key, keys, "Keys") : home);
    }
}

const Json* JsonObject::Find(const std::string& key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> JsonObject::Text(const std::string& key, const std::string& hint) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    if (!found->is_string()) Refuse(key, "must be a text", hint);
    return found->get<std::string>();
}

std::optional<bool> JsonObject::Boolean(const std::string& key) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    if (!found->is_boolean()) Refuse(key, "must be true or false");
    return found->get<bool>();
}

std::optional<double> JsonObject::Number(const std::string& key, double low, double high,
                                         const std::string& hint) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    const double number = found->is_number() ? found->get<double>() : std::nan("");
    if (!(number >= low && number <= high))
        Refuse(key, "must be a number from " + Plain(low) + " to " + Plain(high), hint);
    return number;
}

std::optional<Moment> JsonObject::Time(const std::string& key) const {
    const Json* found = Find(key);
    if (!found) return std::nullopt;
    const std::optional<Moment> moment =
        found->is_string() ? ParseMoment(found->get<std::string>()) : std::nullopt;
    if (!moment)
        Refuse(
            key, "must be a date or time",
            "Give a date or time in ISO 8601, such as \"2026-03-01\" or \"2026-03-01T09:00:00+01:00\"; the "
            "default offset is UTC.");
    return moment;
}

const Json* JsonObject::List(const std::string& key, size_t longest) const {
    const Json* found = Find(key);
    if (!found) return nullptr;
    if (!found->is_array()) Refuse(key, "must be a list");
    RequireSize(Place(key), *found, longest, "elements");
    return found;
}

const Json* JsonObject::Object(const std::string& key, size_t longest) const {
    const Json* found = Find(key);
    if (!found) return nullptr;
    if (!found->is_object()) Refuse(key, "must be an object");
    RequireSize(Place(key), *found, longest, "keys");
    return found;
}

std::string JsonObject::Place(const std::string& key) const {
    if (!place_.path) return InQuotes(key);
    return place_.path->empty() ? key : *place_.path + "." + key;
}

void JsonObject::Refuse(const std::string& key, const std::string& what, const std::string& hint) const {
    const auto found = json_.find(key);
    Fail(Place(key) + " " + what, found == json_.end() ? "" : DescribeJson(*found), hint);
}

void JsonObject::Fail(const std::string& message, const std::string& detail, const std::string& hint) const {
    const std::string blank = place_.within.empty() || detail.empty() ? "" : " ";
    ThrowInvalid(message, place_.within + blank + detail, hint);
}

}  // namespace pulse
