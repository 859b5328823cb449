#include "pulse/base/duration.hpp"
#include "pulse/health/check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"

namespace pulse::health {

namespace {

struct CheckTypeFacts {
    CheckType type;
    const char* name;
    std::vector<std::string> keys;  // besides the common keys
};

const std::vector<CheckTypeFacts>& CheckTypes() {
    static const std::vector<CheckTypeFacts> kinds = {
        {CheckType::kFreshness, "freshness", {"column", "max_age", "time_zone"}},
        {CheckType::kVolume, "volume", {"min", "max", "anomaly", "change"}},
        {CheckType::kNullRate, "null_rate", {"column", "max"}},
        {CheckType::kUnique, "unique", {"columns", "column", "share"}},
        {CheckType::kAcceptedValues, "accepted_values", {"column", "values", "share"}},
        {CheckType::kRange, "range", {"column", "min", "max", "share"}},
        {CheckType::kReferences, "references", {"column", "relation", "to", "share"}},
        {CheckType::kSchema, "schema", {}},
        {CheckType::kReplicationLag, "replication_lag", {"max", "standbys"}},
        {CheckType::kSql, "sql", {"query", "name", "min", "max", "rows"}},
    };
    return kinds;
}

const std::vector<std::string> kCommonKeys = {"type", "every", "severity", "after"};
// Where keys of a check belong that its type does not have.
const std::vector<Elsewhere>& KeysElsewhere() {
    static const std::vector<Elsewhere> places = [] {
        std::map<std::string, std::string> types;
        for (const CheckTypeFacts& facts : CheckTypes())
            for (const std::string& key : facts.keys)
                types[key] += (types[key].empty() ? "" : ", ") + std::string(facts.name);
        std::vector<Elsewhere> list = {
            {{"source", "checks", "owner", "tags"}, "It is an argument of pulse_monitor_table(): % => ..."}};
        for (const auto& [key, names] : types)
            list.push_back({{key}, "It belongs to checks of type " + names + "."});
        return list;
    }();
    return places;
}

const std::vector<std::string> kSeverities = {"low", "medium", "high", "critical"};

// Reads the JSON object of one check and reports errors in it.
class Source : public JsonObject {
  public:
    Source(const Json& json, size_t number)
        : JsonObject(json, {"a check", {}, Within(number)}, "{\"type\": \"volume\", \"min\": 1000}"),
          number_(number) {}

    void RequireKeysOf(const CheckTypeFacts& facts) const {
        std::vector<std::string> valid = facts.keys;
        valid.insert(valid.end(), kCommonKeys.begin(), kCommonKeys.end());
        const std::string name = std::string("a check of type ") + facts.name;
        JsonObject(json(), {name, {}, Within(number_), &KeysElsewhere()}, "").RequireKeys(valid);
    }

    bool Has(const char* key) const { return Find(key) != nullptr; }

    std::string Text(const char* key, const char* hint) const {
        const Json* found = Find(key);
        if (!found) Fail("a check of this type needs \"" + std::string(key) + "\"", "It has none.", hint);
        if (!found->is_string()) Refuse(key, "must be a string", hint);
        std::string text = found->get<std::string>();
        if (text.find_first_not_of(" \t\r\n\f\v") == std::string::npos)
            Refuse(key, "must not be empty", hint);
        return text;
    }
    std::optional<double> Number(const char* key, double low, double high) const {
        if (!Has(key)) return std::nullopt;
        if (!json()[key].is_number() ||
            !(json()[key].get<double>() >= low && json()[key].get<double>() <= high)) {
            const bool open = high > 1e15;
            Refuse(key, "is not a valid number",
                   "Give a number " +
                       (open ? (low < -1e15 ? std::string("such as 1000") : "from " + Plain(low) + " on")
                             : "from " + Plain(low) + " to " + Plain(high)) +
                       ".");
        }
        return json()[key].get<double>();
    }
    int64_t Span(const char* key, int64_t least) const {
        const std::string hint = "Give a time such as \"2 hours\", \"90 minutes\" or \"30s\".";
        const std::optional<int64_t> span =
            json()[key].is_string() ? ParseDuration(json()[key].get<std::string>()) : std::nullopt;
        if (!span || *span < least) Refuse(key, "is not a valid duration", hint);
        return *span;
    }
    bool Flag(const char* key) const { return Boolean(key).value_or(false); }
    // A value in the input format of the column's type.
    std::optional<std::string> Scalar(const Json& value, const char* key) const {
        if (value.is_string()) return value.get<std::string>();
        if (value.is_number() || value.is_boolean()) return DumpJson(value);
        Refuse(key, "must contain strings, numbers or booleans", "");
    }
    std::optional<std::string> Bound(const char* key) const {
        return Has(key) ? Scalar(json()[key], key) : std::nullopt;
    }
    std::vector<std::string> List(const char* key, const char* hint) const {
        if (!Has(key)) Fail("a check of this type needs \"" + std::string(key) + "\"", "It has none.", hint);
        if (!json()[key].is_array() || json()[key].empty()) Refuse(key, "must be a non-empty list", hint);
        std::vector<std::string> values;
        for (const Json& item : json()[key]) values.push_back(*Scalar(item, key));
        return values;
    }

  private:
    static std::string Plain(double number) { return Count(number); }

    static std::string Within(size_t number) { return "In check " + std::to_string(number) + "."; }

    size_t number_;
};

std::vector<std::string> CheckTypeNames() {
    std::vector<std::string> names;
    for (const CheckTypeFacts& facts : CheckTypes()) names.push_back(facts.name);
    return names;
}

const CheckTypeFacts& FactsOf(const Source& source) {
    if (!source.Has("type"))
        source.Fail("a check needs a \"type\"", "It has none.", SuggestName("", CheckTypeNames(), "Types"));
    const std::string name = source.Text("type", "Give the type as a string.");
    for (const CheckTypeFacts& facts : CheckTypes())
        if (name == facts.name) return facts;
    source.Fail("unknown type of check \"" + name + "\"", "There is no such type.",
                SuggestName(name, CheckTypeNames(), "Types"));
}

void ReadCommon(const Source& source, Check& check) {
    if (source.Has("every")) {
        source.Span("every", kMinEvery);
        check.every = source.json()["every"].get<std::string>();
    }
    if (source.Has("severity")) {
        check.severity = source.Text("severity", "Severities are low, medium, high, critical.");
        if (std::find(kSeverities.begin(), kSeverities.end(), *check.severity) == kSeverities.end())
            source.Refuse("severity", "is not a severity", "Severities are low, medium, high, critical.");
    }
    if (const auto after = source.Number("after", 1, 100)) check.after = static_cast<int>(*after);
}

std::optional<double> AsNumber(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    double number = 0;
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

constexpr const char* kColumnHint = "Name a column of the table.";

void ReadVolume(const Source& source, Check& check) {
    check.min = source.Number("min", 0, 1e300);
    check.max = source.Number("max", 0, 1e300);
    check.anomaly = source.Has("anomaly") ? source.Flag("anomaly") : !check.min && !check.max;
    if (const auto change = source.Number("change", 0.01, 100)) check.change = *change;
    if (check.min && check.max && *check.min > *check.max)
        source.Refuse("min", "is more than \"max\"", "Give the smaller number as \"min\".");
}

void ReadRange(const Source& source, Check& check) {
    check.columns = {source.Text("column", kColumnHint)};
    check.low = source.Bound("min");
    check.high = source.Bound("max");
    if (!check.low && !check.high)
        source.Fail("a check of type range needs \"min\" or \"max\"", "It has neither.",
                    "Give one of them, or both.");
    // Numbers are compared here; other bounds only by the server.
    const auto low = AsNumber(check.low), high = AsNumber(check.high);
    if (low && high && *low > *high)
        source.Refuse("min", "is more than \"max\"", "Give the smaller number as \"min\".");
}

void ReadUnique(const Source& source, Check& check) {
    if (source.Has("column"))
        check.columns = {source.Text("column", kColumnHint)};
    else
        check.columns = source.List("columns", "Give the columns that are unique together, as [\"id\"].");
}

void ReadSql(const Source& source, Check& check) {
    constexpr const char* kHint =
        "Give one SELECT, with \"min\" or \"max\" for the number it returns, or \"rows\" for how many.";
    check.query = source.Text("query", kHint);
    if (source.Has("name")) check.name = source.Text("name", "Give a short name.");
    check.min = source.Number("min", -1e300, 1e300);
    check.max = source.Number("max", -1e300, 1e300);
    if (const auto rows = source.Number("rows", 0, 1e6)) check.rows = static_cast<int64_t>(*rows);
    if (check.rows && (check.min || check.max))
        source.Fail("a check of type sql has either \"rows\" or \"min\" and \"max\"", "It has both.", kHint);
    if (!check.rows && !check.min && !check.max)
        source.Fail("a check of type sql needs \"min\", \"max\" or \"rows\"", "It has none of them.", kHint);
}

void ReadOwn(const Source& source, Check& check) {
    switch (check.type) {
        case CheckType::kFreshness:
            if (source.Has("column")) check.columns = {source.Text("column", kColumnHint)};
            if (source.Has("max_age")) check.max_age = source.Span("max_age", kSecond);
            if (source.Has("time_zone"))
                check.time_zone = source.Text("time_zone", "Give a name such as \"Europe/Berlin\".");
            break;
        case CheckType::kVolume: ReadVolume(source, check); break;
        case CheckType::kNullRate:
            check.columns = {source.Text("column", kColumnHint)};
            check.max = source.Number("max", 0, 1).value_or(0);
            break;
        case CheckType::kUnique: ReadUnique(source, check); break;
        case CheckType::kAcceptedValues:
            check.columns = {source.Text("column", kColumnHint)};
            check.values = source.List("values", "Give the values as [\"a\", \"b\"].");
            break;
        case CheckType::kRange: ReadRange(source, check); break;
        case CheckType::kReferences:
            check.columns = {source.Text("column", kColumnHint)};
            check.relation = source.Text("relation", "Name the table that the column points to.");
            check.to = source.Text("to", "Name the column of that table.");
            break;
        case CheckType::kSchema: break;
        case CheckType::kReplicationLag:
            check.max = source.Has("max") ? static_cast<double>(source.Span("max", kSecond)) / kSecond : 30;
            if (const auto standbys = source.Number("standbys", 0, 1000))
                check.standbys = static_cast<int>(*standbys);
            break;
        case CheckType::kSql: ReadSql(source, check); break;
    }
    if (const auto share = source.Number("share", 0, 1)) check.share = *share;
}

}  // namespace

const char* Name(CheckType type) {
    for (const CheckTypeFacts& facts : CheckTypes())
        if (facts.type == type) return facts.name;
    throw std::logic_error("unnamed type of check");
}

std::optional<CheckType> ParseCheckType(const std::string& name) {
    for (const CheckTypeFacts& facts : CheckTypes())
        if (name == facts.name) return facts.type;
    return std::nullopt;
}

std::string Detector(CheckType type) {
    return std::string("table_") + Name(type);
}

std::string Check::Attribute() const {
    if (type == CheckType::kSql) return name;
    std::string list;
    for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + column;
    return list;
}

Check ParseCheck(const Json& json, size_t number) {
    const Source source(json, number);
    const CheckTypeFacts& facts = FactsOf(source);
    source.RequireKeysOf(facts);
    Check check;
    check.type = facts.type;
    ReadCommon(source, check);
    ReadOwn(source, check);
    return check;
}

std::vector<Check> ParseChecks(const Json& json) {
    constexpr size_t kMost = 200;
    if (!json.is_array())
        throw UserError(sqlstate::kInvalidParameter, "\"checks\" must be a list of objects",
                        DescribeJson(json),
                        "Give for example [{\"type\": \"freshness\", \"column\": \"created_at\", "
                        "\"max_age\": \"2 hours\"}].");
    if (json.empty())
        throw UserError(sqlstate::kInvalidParameter, "\"checks\" must not be empty", "",
                        "Omit it to have checks chosen, or use pulse_unmonitor_table() to end the monitor.");
    if (json.size() > kMost)
        throw UserError(sqlstate::kProgramLimit, "too many checks",
                        "There are " + std::to_string(json.size()) + ".",
                        "A table has at most " + std::to_string(kMost) + " checks.");
    std::vector<Check> checks;
    std::set<std::pair<CheckType, std::string>> seen;
    for (const Json& item : json) {
        checks.push_back(ParseCheck(item, checks.size() + 1));
        const Check& check = checks.back();
        if (!seen.emplace(check.type, check.Attribute()).second)
            throw UserError(sqlstate::kInvalidParameter,
                            std::string("there are two checks of type ") + Name(check.type) +
                                (check.Attribute().empty() ? "" : " on \"" + check.Attribute() + "\""),
                            "The second is check " + std::to_string(checks.size()) + ".",
                            check.type == CheckType::kSql ? "Give each query a \"name\" of its own."
                                                          : "Combine them into one.");
    }
    return checks;
}

}  // namespace pulse::health
