#include "pulse/audience/export_options.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/base/json_object.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::audience {

namespace {

using Json = nlohmann::json;

constexpr size_t kMostColumns = 100, kMostEventNames = 100, kLongestHeader = 200;
constexpr int kMostExportDays = 365, kMostExportEvents = 1000;
constexpr const char* kColumnsHint =
    "Columns are profile_id, external_id, since, first_seen_at, last_seen_at, event_count, segments, lifecycle, "
    "rfm.group and other names of rfm, identity.KIND, profile.NAME, profile.*, trait.KEY, trait.*, and objects "
    "as {\"name\": \"spent\", \"rule\": \"events.buy.sum(total)\"}.";

struct PlainColumn {
    const char* name;
    ExportColumnKind kind;
};
constexpr std::array<PlainColumn, 8> kPlainColumns{{{"profile_id", ExportColumnKind::kProfileId},
                                                    {"external_id", ExportColumnKind::kExternalId},
                                                    {"since", ExportColumnKind::kSince},
                                                    {"first_seen_at", ExportColumnKind::kFirstSeen},
                                                    {"last_seen_at", ExportColumnKind::kLastSeen},
                                                    {"event_count", ExportColumnKind::kEventCount},
                                                    {"segments", ExportColumnKind::kSegments},
                                                    {"trait.*", ExportColumnKind::kAllTraits}}};

// The text as a rule writes it.
std::string QuotedForExportRule(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

// What follows a beginning, if the text has it and more.
std::optional<std::string> RestAfter(const std::string& text, std::string_view beginning) {
    if (!text.starts_with(beginning) || text.size() == beginning.size()) return std::nullopt;
    return text.substr(beginning.size());
}

ExportColumn ReadNamedExportColumn(const std::string& name) {
    for (const PlainColumn& plain : kPlainColumns)
        if (name == plain.name) return {plain.kind, name, ""};
    if (name == "profile.*") return {ExportColumnKind::kAllAttributes, "profile", ""};
    if (const auto kind = RestAfter(name, "identity.")) return {ExportColumnKind::kIdentity, name, *kind};
    if (const auto attribute = RestAfter(name, "profile."))
        return {ExportColumnKind::kAttribute, name, *attribute};
    if (const auto key = RestAfter(name, "trait."))
        return {ExportColumnKind::kRule, name, "trait(" + QuotedForExportRule(*key) + ")"};
    if (name == "lifecycle" || RestAfter(name, "rfm.")) return {ExportColumnKind::kRule, name, name};
    ThrowInvalid("unknown column " + InQuotes(Shorten(name, 100)), "", kColumnsHint);
}

ExportColumn ReadExportColumn(const Json& item, size_t place) {
    if (item.is_string()) return ReadNamedExportColumn(item.get<std::string>());
    const JsonObject column(item, {"columns[" + std::to_string(place) + "]", {}, {}, nullptr},
                            {"name", "rule"}, R"x({"name": "spent", "rule": "events.buy.sum(total)"})x");
    const auto name = column.Text("name"), rule = column.Text("rule");
    if (!name || name->empty() || !rule || rule->empty())
        column.Fail("a column needs a name and a rule", DescribeJson(item), kColumnsHint);
    if (name->size() > kLongestHeader)
        column.Refuse("name", "must have at most " + std::to_string(kLongestHeader) + " bytes");
    return {ExportColumnKind::kRule, *name, *rule};
}

std::vector<ExportColumn> DefaultExportColumns() {
    std::vector<ExportColumn> columns;
    for (const char* name : {"profile_id", "external_id", "identity.email", "identity.phone", "first_seen_at",
                             "last_seen_at", "event_count", "since"})
        columns.push_back(ReadNamedExportColumn(name));
    return columns;
}

std::vector<ExportColumn> ReadExportColumns(const JsonObject& options) {
    const Json* list = options.List("columns", kMostColumns);
    if (!list) return DefaultExportColumns();
    if (list->empty()) options.Refuse("columns", "must have at least one column", kColumnsHint);
    std::vector<ExportColumn> columns;
    for (size_t i = 0; i < list->size(); ++i) {
        ExportColumn column = ReadExportColumn((*list)[i], i);
        for (const ExportColumn& known : columns)
            if (known.name == column.name)
                ThrowInvalid("column " + InQuotes(column.name) + " is given twice", "",
                             "Give each column once.");
        columns.push_back(std::move(column));
    }
    return columns;
}

int WholeExportNumber(const JsonObject& object, const char* key, int otherwise, int most) {
    const auto number = object.Number(key, 1, most);
    if (!number) return otherwise;
    if (*number != static_cast<int>(*number)) object.Refuse(key, "must be a whole number");
    return static_cast<int>(*number);
}

std::optional<ExportedEvents> ReadExportedEvents(const JsonObject& options) {
    const Json* value = options.Find("events");
    if (!value) return std::nullopt;
    if (value->is_boolean()) return value->get<bool>() ? std::optional(ExportedEvents()) : std::nullopt;
    const JsonObject object(*value, {"\"events\"", "events", {}, nullptr}, {"days", "most", "names"},
                            R"(true, or {"days": 30, "names": ["purchase"], "most": 100})");
    ExportedEvents events;
    events.days = WholeExportNumber(object, "days", events.days, kMostExportDays);
    events.most = WholeExportNumber(object, "most", events.most, kMostExportEvents);
    if (const Json* names = object.List("names", kMostEventNames))
        for (const Json& name : *names) {
            if (!name.is_string())
                object.Refuse("names", "must be a list of texts", "Give names as in [\"purchase\"].");
            events.names.push_back(name.get<std::string>());
        }
    return events;
}

// Attributes whose values are ids must not come in plain beside hashed ones.
void RefusePlainExportIds(const ExportOptions& options) {
    for (const ExportColumn& column : options.columns)
        if (column.kind == ExportColumnKind::kAttribute &&
            (column.argument == "email" || column.argument == "phone"))
            ThrowInvalid("column " + InQuotes(column.name) + " holds what \"hashed\" hides", "",
                         "Give identity." + column.argument + ", which is hashed, or leave \"hashed\" out.");
}

}  // namespace

const char* Name(ExportFormat format) {
    return format == ExportFormat::kCsv ? "csv" : "jsonl";
}

ExportFormat ReadExportFormat(const std::string& text) {
    if (text == "csv") return ExportFormat::kCsv;
    if (text == "jsonl" || text == "json") return ExportFormat::kJsonLines;
    ThrowInvalid("unknown format of an export", "It is " + InQuotes(Shorten(text, 100)) + ".",
                 "Formats are csv and jsonl.");
}

bool IsHashedKind(const std::string& kind) {
    return kind.ends_with("_hash") || kind.ends_with("_sha256");
}

ExportOptions ReadExportOptions(const Json& json) {
    const JsonObject options(json, {"the options", {}, {}, nullptr},
                             {"columns", "events", "hashed", "consent", "filters", "where", "background"},
                             R"({"columns": ["external_id", "identity.email", "trait.spent"]})");
    ExportOptions result;
    result.columns = ReadExportColumns(options);
    result.events = ReadExportedEvents(options);
    result.hashed = options.Boolean("hashed").value_or(false);
    result.background = options.Boolean("background").value_or(false);
    result.consent = options.Text("consent").value_or("");
    if (options.Find("consent") && result.consent.empty())
        options.Refuse("consent", "must be a purpose", "Give a purpose such as \"ads\" or \"email\".");
    result.where = options.Text("where").value_or("");
    if (options.Find("where") && result.where.find_first_not_of(" \t\r\n") == std::string::npos)
        options.Refuse("where", "must be a rule", "Give a rule such as \"profile.plan = 'pro'\".");
    if (const Json* filters = options.Object("filters")) {
        result.filter = trait::ReadPeopleFilter(*filters);
        for (const auto& [key, value] : filters->items()) result.filter_keys.push_back(key);
    }
    if (result.hashed) RefusePlainExportIds(result);
    return result;
}

}  // namespace pulse::audience
