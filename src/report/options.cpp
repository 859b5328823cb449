#include "pulse/report/options.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "pulse/base/error.hpp"
#include "pulse/base/json.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/report/html.hpp"

namespace pulse::report {

namespace {

using nlohmann::json;

constexpr int64_t kLongestPeriod = 3660 * kDay;
constexpr int kMostRows = 200;
constexpr size_t kMostPatterns = 10'000;
constexpr const char* kExample =
    "Write for example {\"segments\": [\"vip*\"], \"sections\": [\"segments\", \"incidents\"], "
    "\"title\": \"Weekly report\", \"time_zone\": \"Europe/Paris\", \"limit\": 20}.";

[[noreturn]] void ThrowOption(const std::string& key, const std::string& what, const json& value,
                              const std::string& hint) {
    ThrowInvalid("option \"" + key + "\" must be " + what, "It is " + Brief(DumpJson(value), 100) + ".",
                 hint);
}

std::string OptionText(const std::string& key, const json& value) {
    if (!value.is_string()) ThrowOption(key, "a text", value, kExample);
    return value.get<std::string>();
}

std::vector<std::string> OptionTexts(const std::string& key, const json& value) {
    if (value.is_string()) return {value.get<std::string>()};
    std::vector<std::string> texts;
    if (value.is_array())
        for (const json& item : value) {
            if (!item.is_string()) ThrowOption(key, "a text or a list of texts", value, kExample);
            texts.push_back(item.get<std::string>());
        }
    // A list of no segments is one: that of a route whose filters choose none.
    if (!value.is_array() || (texts.empty() && key != "segments"))
        ThrowOption(key, "a text or a list of texts", value, kExample);
    return texts;
}

void ReadSections(const json& value, ReportOptions& options) {
    options.sections.clear();
    for (const std::string& name : OptionTexts("sections", value)) {
        const auto& valid = SectionNames();
        if (std::find(valid.begin(), valid.end(), name) == valid.end())
            throw UserError(sqlstate::kInvalidParameter, "unknown section \"" + Brief(name, 100) + "\"", "",
                            SuggestName(name, valid, "Sections"));
        if (!options.Has(name)) options.sections.push_back(name);
    }
}

void ReadLimit(const json& value, ReportOptions& options) {
    const bool whole = value.is_number_integer() && value >= 1 && value <= kMostRows;
    if (!whole)
        ThrowOption("limit", "a whole number from 1 to 200", value, "It limits the rows of each list.");
    options.limit = value.get<int>();
}

std::string Instant(Moment moment) {
    return moment == INT64_MAX ? "infinity" : moment == INT64_MIN ? "-infinity" : FormatMoment(moment);
}

void RequireFinite(Moment moment, const char* name) {
    if (moment == INT64_MAX || moment == INT64_MIN)
        ThrowInvalid(std::string("\"") + name + "\" must be finite", "It is " + Instant(moment) + ".",
                     "Give an instant, such as '2026-11-23'.");
}

}  // namespace

const std::vector<std::string>& SectionNames() {
    static const std::vector<std::string> names = {"segments", "incidents", "tables",  "events", "audiences",
                                                   "trust",    "messages",  "mission", "sql"};
    return names;
}

bool ReportOptions::Has(const std::string& section) const {
    return std::find(sections.begin(), sections.end(), section) != sections.end();
}

ReportOptions ParseReportOptions(const json& given) {
    static const std::vector<std::string> keys = {"segments", "sections", "title", "time_zone", "limit"};
    if (!given.is_object())
        ThrowInvalid("options must be a JSON object", "They are " + Brief(DumpJson(given), 100) + ".",
                     kExample);
    ReportOptions options;
    for (const auto& [key, value] : given.items()) {
        if (value.is_null()) continue;
        if (key == "segments") {
            options.segments = OptionTexts(key, value);
            options.chosen = true;
            if (options.segments.size() > kMostPatterns)
                throw UserError(sqlstate::kProgramLimit, "too many segments in the options of a report",
                                "There are " + std::to_string(options.segments.size()) + ".",
                                "Give at most 10000 names, or a pattern, such as \"shop*\".");
        } else if (key == "sections") {
            ReadSections(value, options);
        } else if (key == "title") {
            options.title = Brief(OptionText(key, value), 200);
        } else if (key == "time_zone") {
            options.time_zone = OptionText(key, value);
            if (options.time_zone.empty())
                ThrowOption(key, "a time zone", value, "Such as \"Europe/Paris\".");
        } else if (key == "limit") {
            ReadLimit(value, options);
        } else {
            throw UserError(sqlstate::kInvalidParameter,
                            "unknown option \"" + Brief(key, 100) + "\" of a report", "",
                            SuggestName(key, keys, "Options"));
        }
    }
    return options;
}

bool Matches(std::string_view pattern, std::string_view name) {
    size_t p = 0, n = 0, star = std::string_view::npos, again = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            again = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++again;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::vector<std::string> ChooseSegments(const std::vector<std::string>& patterns,
                                        const std::vector<std::string>& names) {
    std::vector<bool> used(patterns.size(), false);
    // Names are looked up: a route can choose thousands of segments by name.
    std::unordered_map<std::string_view, size_t> exact;
    std::vector<size_t> wild;
    for (size_t i = 0; i < patterns.size(); ++i)
        if (patterns[i].find('*') != std::string::npos)
            wild.push_back(i);
        else if (!exact.emplace(patterns[i], i).second)
            used[i] = true;  // named twice
    std::vector<std::string> chosen;
    for (const std::string& name : names) {
        const auto named = exact.find(name);
        bool matches = named != exact.end();
        if (matches) used[named->second] = true;
        for (const size_t i : wild)
            if (Matches(patterns[i], name)) used[i] = matches = true;
        if (matches) chosen.push_back(name);
    }
    for (size_t i = 0; i < patterns.size(); ++i)
        if (!used[i])
            throw UserError(sqlstate::kUndefinedObject,
                            patterns[i].find('*') == std::string::npos
                                ? "segment \"" + Brief(patterns[i], 100) + "\" does not exist"
                                : "no segment matches \"" + Brief(patterns[i], 100) + "\"",
                            "",
                            names.empty() ? std::string("There are no segments yet.")
                                          : SuggestName(patterns[i], names, "Segments"));
    return chosen;
}

Period ReportPeriod(const std::optional<Moment>& from, const std::optional<Moment>& until, Moment now) {
    if (until) RequireFinite(*until, "until");
    if (from) RequireFinite(*from, "since");
    Period period;
    period.until = until.value_or(now);
    if (period.until > now)
        ThrowInvalid("\"until\" is in the future",
                     "It is " + Instant(period.until) + ", and now is " + Instant(now) + ".",
                     "Leave it out to report until now.");
    period.from = from.value_or(period.until - 7 * kDay);
    if (period.from >= period.until)
        ThrowInvalid(
            period.from == period.until ? "the period of a report is empty" : "\"since\" is after \"until\"",
            "It is from " + Instant(period.from) + " until " + Instant(period.until) + ".",
            "Give a \"since\" before \"until\".");
    if (period.until - period.from > kLongestPeriod)
        ThrowInvalid("the period of a report is too long",
                     "It is from " + Instant(period.from) + " until " + Instant(period.until) + ".",
                     "Give at most ten years.");
    return period;
}

}  // namespace pulse::report
