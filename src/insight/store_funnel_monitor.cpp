// Watching funnels. Each step but the last is a segment over the people who began on one day and reached it;
// "converted" is whether they took the next step within a time. So snapshots, drift, incidents and diagnoses
// are those of every segment.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/diagnosis/context.hpp"
#include "pulse/insight/funnel_query.hpp"
#include "pulse/insight/store_funnel.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr size_t kMaxFunnelAttributes = 10;
constexpr int64_t kMaxWithin = 90 * kDay;
constexpr long kCohortPortion = 1000;  // rows read at once

std::vector<FunnelBreakdown> ReadFunnelAttributes(const std::vector<std::string>& names) {
    if (names.size() > kMaxFunnelAttributes)
        throw UserError(sqlstate::kProgramLimit, "too many attributes of a funnel",
                        "There are " + std::to_string(names.size()) + ".",
                        "At most " + std::to_string(kMaxFunnelAttributes) + " are allowed.");
    std::vector<FunnelBreakdown> attributes;
    for (const std::string& name : names) {
        attributes.push_back(ReadBreakdown(name));
        if (attributes.back().kind == FunnelBreakdown::Kind::kSegment)
            ThrowInvalid(
                "a segment is no attribute of a monitored funnel",
                "It is " + InQuotes(Shorten(name, 100)) + ".",
                "Give attributes such as profile.country, properties.platform, context.app.version or source.");
        if (std::count(names.begin(), names.end(), name) > 1)
            ThrowInvalid("attribute " + InQuotes(name) + " is named twice", "", "Name each attribute once.");
    }
    return attributes;
}

std::vector<std::string> AttributesOf(const SavedFunnel& funnel,
                                      const std::optional<std::vector<std::string>>& given) {
    if (given) return *given;
    std::vector<std::string> names{"properties.platform", "context.app.version", "profile.country", "source"};
    const FunnelBreakdown& by = funnel.definition.by;
    if (by.kind != FunnelBreakdown::Kind::kNone && by.kind != FunnelBreakdown::Kind::kSegment &&
        std::find(names.begin(), names.end(), by.text) == names.end())
        names.insert(names.begin(), by.text);
    return names;
}

// The definition of the segment of one step.
nlohmann::json StepDefinition(const SavedFunnel& funnel, size_t step,
                              const std::vector<std::string>& attributes, int64_t within) {
    std::string query = "SELECT c.member, c.converted";
    nlohmann::json names = nlohmann::json::array();
    for (size_t i = 0; i < attributes.size(); ++i) {
        const std::string value = "c.\"values\"[" + std::to_string(i + 1) + "]",
                          converted = attributes[i] + std::string(diagnosis::kConvertedSuffix);
        query += ", " + value + " AS " + rule::QuoteName(attributes[i]) + ", CASE WHEN c.converted THEN " +
                 value + " END AS " + rule::QuoteName(converted);
        names.push_back({{"name", attributes[i]}, {"kind", "categorical"}});
        names.push_back({{"name", converted}, {"kind", "categorical"}});
    }
    query +=
        " FROM pulse.funnel_cohort(" + std::to_string(funnel.id) + ", " + std::to_string(step) + ", ARRAY[";
    for (size_t i = 0; i < attributes.size(); ++i)
        query += (i > 0 ? ", " : "") + rule::QuoteText(attributes[i]);
    query += "]::text[], '" + std::to_string(within / kSecond) + " s') AS c";
    return {{"query", query},      {"key", "member"},    {"converted", "converted"},
            {"attributes", names}, {"cadence", "1 day"}, {"members", "entries"}};
}

}  // namespace

int32_t MonitorFunnel(const std::string& name, const std::optional<std::vector<std::string>>& given,
                      int64_t within) {
    if (within < kMinute || within > kMaxWithin)
        ThrowInvalid("\"within\" is out of range", "It is " + FormatDuration(within) + ".",
                     "Give a time from 1 minute to 90 days.");
    std::optional<SavedFunnel> funnel;
    {
        const pg::OwnerSession session;
        funnel = LockFunnel(name);
    }
    if (funnel->monitored)
        throw UserError(sqlstate::kDuplicateObject, "funnel " + InQuotes(name) + " is monitored already", "",
                        "Stop that with pulse_unmonitor_funnel() to begin with other attributes.");
    const std::vector<std::string> attributes = AttributesOf(*funnel, given);
    ReadFunnelAttributes(attributes);
    // Only a lost conversion is an incident: sizes and shares of a day's people have monitors of their own.
    const nlohmann::json baseline{{"alertThresholds",
                                   {{"sizeChangePercent", 1},
                                    {"distributionShift", 1},
                                    {"nullSpike", 1},
                                    {"value", 1},
                                    {"membershipChurn", 1},
                                    {"inactivityCreep", 1},
                                    {"slowErosion", 1},
                                    {"slowGrowth", 1}}}};
    std::vector<int64_t> segments;
    const size_t steps = funnel->definition.steps.size();
    for (size_t step = 1; step < steps; ++step) {
        const FunnelStep &from = funnel->definition.steps[step - 1], &to = funnel->definition.steps[step];
        const std::string segment = Shorten(name, 60) + ", step " + std::to_string(step) + ": " +
                                    Shorten(from.name, 40) + " → " + Shorten(to.name, 40);
        const pg::Identity caller = pg::Identity::Caller();
        const pg::Session session;
        segments.push_back(
            pg::Execute(
                "SELECT pulse.create_segment($1, $2, NULL, $3, $4, '{funnel}', false)",
                {Value::Text(segment), Value::Jsonb(StepDefinition(*funnel, step, attributes, within)),
                 Value::Text("Entries of the funnel " + InQuotes(name) + " that reached step " +
                             std::to_string(step) + "; converted: they took step " +
                             std::to_string(step + 1) + " within " + FormatDuration(within) + "."),
                 Value::Jsonb(baseline)})[0]
                .Int8(0));
    }
    const pg::OwnerSession session;
    for (size_t i = 0; i < segments.size(); ++i)
        pg::Execute(
            "INSERT INTO pulse.funnel_monitor (funnel_id, step, segment_id) VALUES ($1, $2, $3)",
            {Value::Int8(funnel->id), Value::Int4(static_cast<int32_t>(i + 1)), Value::Int8(segments[i])});
    audit::Write("funnel.monitored", name);
    return static_cast<int32_t>(segments.size());
}

int32_t UnmonitorFunnel(const std::string& name) {
    std::vector<std::string> segments;
    {
        const pg::OwnerSession session;
        const SavedFunnel funnel = LockFunnel(name);
        const pg::Result rows = pg::Execute(
            "SELECT s.name FROM pulse.funnel_monitor AS m JOIN pulse.segment AS s ON s.id = m.segment_id"
            " WHERE m.funnel_id = $1 ORDER BY m.step",
            {Value::Int8(funnel.id)});
        for (uint64_t i = 0; i < rows.size(); ++i) segments.push_back(rows[i].Text(0));
        if (segments.empty())
            throw UserError(sqlstate::kNotReady, "funnel " + InQuotes(name) + " is not monitored", "",
                            "Begin with pulse_monitor_funnel().");
    }
    const pg::Identity caller = pg::Identity::Caller();
    const pg::Session session;
    for (const std::string& segment : segments)
        pg::Execute("SELECT pulse.delete_segment($1, true)", {Value::Text(segment)});
    audit::Write("funnel.unmonitored", name);
    return static_cast<int32_t>(segments.size());
}

void ReadFunnelCohort(int64_t id, int64_t step, const std::vector<std::string>& attributes, int64_t within,
                      const std::function<void(const FunnelMember&)>& add) {
    const pg::Result names =
        pg::Execute("SELECT name FROM pulse.funnel WHERE id = $1", {Value::Int8(id)}, true);
    if (names.empty())
        throw UserError(sqlstate::kUndefinedObject, "there is no funnel with the id " + std::to_string(id),
                        "", "pulse_list_funnels() shows all.");
    FunnelDefinition funnel = LoadFunnel(names[0].Text(0)).definition;
    if (step < 1 || step >= static_cast<int64_t>(funnel.steps.size()))
        ThrowInvalid("the funnel has no step after " + std::to_string(step), "",
                     "Steps are counted from 1 to " + std::to_string(funnel.steps.size()) + ".");
    if (within < kMinute || within > kMaxWithin)
        ThrowInvalid("\"within\" is out of range", "It is " + FormatDuration(within) + ".",
                     "Give a time from 1 minute to 90 days.");
    // All who began in one day, and have had the same time since.
    funnel.until = pg::Now() - within;
    funnel.since = *funnel.until - kDay;
    funnel.by = {};
    funnel.by_step = 1;
    if (funnel.window.length > within) funnel.window.length = within;
    const FunnelQuery query = PrepareFunnel(funnel);
    pg::Cursor cursor(
        FunnelCohortSql(funnel, query, static_cast<size_t>(step), ReadFunnelAttributes(attributes)), {});
    for (;;) {
        const pg::Result rows = cursor.Fetch(kCohortPortion);
        for (uint64_t i = 0; i < rows.size(); ++i) add({rows[i].Text(0), rows[i].Bool(1), rows[i].Texts(2)});
        if (rows.size() < static_cast<uint64_t>(kCohortPortion)) return;
    }
}

}  // namespace pulse::insight
